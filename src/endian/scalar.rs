//! Unsigned integers of 1 to 8 bytes in either byte order.

/// The order in which the bytes of a number lie on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Most significant byte first: network order.
    Big,
    /// Least significant byte first.
    Little,
}

impl Order {
    /// The order of the machine that this was compiled for.
    pub const HOST: Order = if cfg!(target_endian = "big") { Order::Big } else { Order::Little };
}

/// The number in `bytes`, of which there are 1 to 8.
///
/// # Panics
/// If there are more than 8 bytes.
#[inline]
pub fn get_uint(bytes: &[u8], order: Order) -> u64 {
    // The most common by far, without a copy of unknown length.
    if let (&[a, b, c, d], Order::Big) = (bytes, order) {
        return u32::from_be_bytes([a, b, c, d]).into();
    }
    let mut wide = [0; 8];
    match order {
        Order::Big => {
            wide[8 - bytes.len()..].copy_from_slice(bytes);
            u64::from_be_bytes(wide)
        }
        Order::Little => {
            wide[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(wide)
        }
    }
}

/// Writes the low bytes of `value` into all of `bytes`, of which there are 1 to 8; higher bytes are dropped.
///
/// # Panics
/// If there are more than 8 bytes.
#[inline]
pub fn put_uint(bytes: &mut [u8], value: u64, order: Order) {
    if let ([a, b, c, d], Order::Big) = (&mut *bytes, order) {
        [*a, *b, *c, *d] = (value as u32).to_be_bytes();
        return;
    }
    let width = bytes.len();
    match order {
        Order::Big => bytes.copy_from_slice(&value.to_be_bytes()[8 - width..]),
        Order::Little => bytes.copy_from_slice(&value.to_le_bytes()[..width]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        for (order, wire) in [(Order::Big, [1, 2, 3]), (Order::Little, [3, 2, 1])] {
            assert_eq!(get_uint(&wire, order), 0x010203);
            let mut out = [0xff; 3];
            put_uint(&mut out, 0x010203, order);
            assert_eq!(out, wire);
        }
    }

    #[test]
    fn every_width_round_trips_its_extremes() {
        for width in 1..=8usize {
            let largest = u64::MAX >> (64 - 8 * width);
            for value in [0, 1, largest / 2, largest - 1, largest] {
                for order in [Order::Big, Order::Little] {
                    let mut bytes = [0xa5; 8];
                    put_uint(&mut bytes[..width], value, order);
                    assert_eq!(get_uint(&bytes[..width], order), value, "{width} {order:?}");
                    assert!(bytes[width..].iter().all(|&b| b == 0xa5), "wrote past its width");
                }
            }
        }
    }

    #[test]
    fn host_order_is_what_the_machine_does() {
        assert_eq!(get_uint(&0x0102_0304u32.to_ne_bytes(), Order::HOST), 0x0102_0304);
    }
}
