//! Arrays of numbers between host and wire order.

/// Reverses the bytes of each group of `N`: what turns an array of numbers from one byte order into the other.
/// Bytes after the last whole group stay as they are.
pub fn reverse_each<const N: usize>(bytes: &mut [u8]) {
    let (groups, _) = bytes.as_chunks_mut::<N>();
    for group in groups {
        group.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_reversed_and_the_rest_is_left() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7];
        reverse_each::<2>(&mut bytes);
        assert_eq!(bytes, [2, 1, 4, 3, 6, 5, 7]);
        reverse_each::<8>(&mut bytes);
        assert_eq!(bytes, [2, 1, 4, 3, 6, 5, 7]);
        reverse_each::<4>(&mut bytes);
        assert_eq!(bytes, [3, 4, 1, 2, 6, 5, 7]);
        reverse_each::<4>(&mut []);
    }
}
