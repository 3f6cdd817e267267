//! Arrays of numbers between host and wire order.
//!
//! They are turned a word of 8 bytes at a time, in loops that compilers make vectors of: group by group, they make worse.
//! All is inlined, so that a caller who may use wider registers (as `ffi` does) has these loops compiled for them.

/// Reverses the bytes of each group of `N`, which is 2, 4 or 8: what turns an array of numbers from one byte order into the
/// other. Bytes after the last whole group stay as they are.
#[inline(always)]
pub fn reverse_each<const N: usize>(bytes: &mut [u8]) {
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = turned::<N>(*word);
    }
    for group in rest.as_chunks_mut::<N>().0 {
        group.reverse();
    }
}

/// Copies groups of `N` bytes, which is 2, 4 or 8, with the bytes of each reversed: as many as there are in both. Bytes of
/// `to` behind them stay as they are.
#[inline(always)]
pub fn copy_reversed<const N: usize>(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    let (to_words, to_rest) = to[..len].as_chunks_mut::<8>();
    let (from_words, from_rest) = from[..len].as_chunks::<8>();
    for (to, from) in to_words.iter_mut().zip(from_words) {
        *to = turned::<N>(*from);
    }
    for (to, from) in to_rest.as_chunks_mut::<N>().0.iter_mut().zip(from_rest.as_chunks::<N>().0) {
        *to = *from;
        to.reverse();
    }
}

/// A word in which each group of `N` bytes is reversed.
#[inline(always)]
fn turned<const N: usize>(word: [u8; 8]) -> [u8; 8] {
    const { assert!(matches!(N, 2 | 4 | 8), "numbers of 2, 4 or 8 bytes") };
    const LOW: u64 = 0x00ff_00ff_00ff_00ff;
    let word = u64::from_ne_bytes(word);
    let turned = match N {
        2 => (word & LOW) << 8 | (word >> 8) & LOW,
        4 => word.swap_bytes().rotate_left(32),
        _ => word.swap_bytes(),
    };
    turned.to_ne_bytes()
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

    /// Longer than any vector, and every length behind that.
    /// Miri takes long for a byte: some lengths are enough for it, with every rest of a group among them.
    const STEP: usize = if cfg!(miri) { 13 } else { 1 };

    #[test]
    fn every_length_as_group_by_group() {
        fn check<const N: usize>() {
            let from: Vec<u8> = (0..=255).collect();
            for len in (0..from.len()).step_by(STEP) {
                let mut expected = vec![0xa5; from.len()];
                for (to, group) in expected.chunks_exact_mut(N).zip(from[..len].chunks_exact(N)) {
                    to.copy_from_slice(group);
                    to.reverse();
                }
                let mut to = vec![0xa5; from.len()];
                copy_reversed::<N>(&mut to, &from[..len]);
                assert_eq!(to, expected, "{len} bytes in groups of {N}");

                let whole = len - len % N;
                expected[whole..].copy_from_slice(&from[whole..]);
                to.copy_from_slice(&from);
                reverse_each::<N>(&mut to[..len]);
                assert_eq!(to, expected, "{len} bytes in groups of {N}, in place");
            }
        }
        check::<2>();
        check::<4>();
        check::<8>();
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut to = [0; 5];
        copy_reversed::<2>(&mut to, &[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(to, [2, 1, 4, 3, 0]);
    }
}
