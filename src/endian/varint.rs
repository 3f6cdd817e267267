//! Base-128 integers, low group first: LEB128, as in Protocol Buffers.
//!
//! Seven bits a byte; the top bit says that another byte follows. <https://protobuf.dev/programming-guides/encoding/>

/// Most bytes that a 64-bit number takes.
pub const VARINT_MAX: usize = 10;

/// What the bytes of a varint turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Varint {
    /// A number, and how many bytes it took.
    Value(u64, usize),
    /// It goes on past the bytes that are there.
    NeedMore,
    /// It does not fit in 64 bits, or is longer than it needs to be.
    Malformed,
}

/// Reads the varint that `bytes` start with. The one shortest form of each number is accepted, no other.
pub fn get_varint(bytes: &[u8]) -> Varint {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(VARINT_MAX).enumerate() {
        // The tenth byte has room for the one bit that is left of 64.
        if i == VARINT_MAX - 1 && byte > 1 {
            return Varint::Malformed;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let overlong = byte == 0 && i > 0;
            return if overlong { Varint::Malformed } else { Varint::Value(value, i + 1) };
        }
    }
    Varint::NeedMore
}

/// Writes `value` in its shortest form and says how many bytes it took; `None`, and nothing useful written, where
/// `out` is too small.
pub fn put_varint(out: &mut [u8], mut value: u64) -> Option<usize> {
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return Some(i + 1);
        }
        *byte |= 0x80;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let cases: [(u64, &[u8]); 6] = [
            (0, &[0]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (1 << 63, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ];
        for (value, wire) in cases {
            let mut out = [0; VARINT_MAX];
            assert_eq!(put_varint(&mut out, value), Some(wire.len()));
            assert_eq!(&out[..wire.len()], wire);
            assert_eq!(get_varint(wire), Varint::Value(value, wire.len()));
            for cut in 0..wire.len() {
                assert_eq!(get_varint(&wire[..cut]), Varint::NeedMore, "{value} cut at {cut}");
                assert_eq!(put_varint(&mut out[..cut], value), None);
            }
        }
    }

    #[test]
    fn overlong_and_overflowing_forms_are_refused() {
        assert_eq!(get_varint(&[0x80, 0]), Varint::Malformed);
        assert_eq!(get_varint(&[0xff, 0x80, 0]), Varint::Malformed);
        assert_eq!(get_varint(&[0xff; 9]), Varint::NeedMore);
        assert_eq!(get_varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), Varint::Malformed);
        assert_eq!(get_varint(&[0xff; 10]), Varint::Malformed);
    }
}
