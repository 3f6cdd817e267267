//! Arrays turned from one byte order into the other with the widest registers of the machine that the library runs on: the
//! compiler may use only those that every machine of its kind has, which takes two to four times as long.

use crate::endian;

/// As [`endian::copy_reversed`].
pub(super) fn copy_reversed<const N: usize>(to: &mut [u8], from: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide<const N: usize>(to: &mut [u8], from: &[u8]) {
            endian::copy_reversed::<N>(to, from);
        }
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { wide::<N>(to, from) };
    }
    endian::copy_reversed::<N>(to, from);
}

/// As [`endian::reverse_each`].
pub(super) fn reverse_each<const N: usize>(bytes: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide<const N: usize>(bytes: &mut [u8]) {
            endian::reverse_each::<N>(bytes);
        }
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { wide::<N>(bytes) };
    }
    endian::reverse_each::<N>(bytes);
}
