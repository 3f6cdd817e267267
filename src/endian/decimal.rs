//! ASCII decimal numbers, as in netstrings and text headers.

/// Most digits that a 64-bit number takes.
pub const DECIMAL_MAX: usize = 20;

/// Reads the digits that `bytes` start with, up to the first byte that is none: the number and how many digits there
/// were. `None` where there is no digit or the number does not fit in 64 bits. Leading zeros are accepted.
pub fn get_decimal(bytes: &[u8]) -> Option<(u64, usize)> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit());
    let mut len = 0;
    let mut value = 0u64;
    for digit in digits {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        len += 1;
    }
    (len > 0).then_some((value, len))
}

/// Writes `value` without leading zeros and says how many digits it took; `None` where `out` is too small.
pub fn put_decimal(out: &mut [u8], mut value: u64) -> Option<usize> {
    let mut digits = [0; DECIMAL_MAX];
    let mut start = DECIMAL_MAX;
    loop {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    let digits = &digits[start..];
    out.get_mut(..digits.len())?.copy_from_slice(digits);
    Some(digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_stops_at_the_first_other_byte() {
        for value in [0, 7, 10, 4096, u64::MAX - 1, u64::MAX] {
            let mut out = [b'x'; DECIMAL_MAX + 1];
            let len = put_decimal(&mut out, value).unwrap();
            assert_eq!(std::str::from_utf8(&out[..len]).unwrap(), value.to_string());
            assert_eq!(get_decimal(&out), Some((value, len)));
            assert_eq!(put_decimal(&mut out[..len - 1], value), None);
        }
        assert_eq!(get_decimal(b"007:"), Some((7, 3)));
    }

    #[test]
    fn no_digit_and_overflow_are_refused() {
        for bad in ["", ":", "-1", " 1", "18446744073709551616", "99999999999999999999999"] {
            assert_eq!(get_decimal(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
