//! Byte order
//!
//! Numbers between the machine and the wire: "be" is big-endian, network order, "le" is
//! little-endian. hton and ntoh are those of byteorder(3) for every width. A get or put works at
//! any alignment. NULL is no crash here either: a get gives 0, a put and a copy do nothing.

use super::guard::contain;
use super::wide::{copy_reversed, reverse_each};
use std::ffi::c_void;
use std::{ptr, slice};

/// The N bytes at `p`; zeros for NULL.
///
/// # Safety
/// If not NULL, `p` points to N bytes that may be read.
unsafe fn load<const N: usize>(p: *const c_void) -> [u8; N] {
    // SAFETY: an array of bytes has no alignment; the rest is as the caller of this function says.
    unsafe { p.cast::<[u8; N]>().as_ref() }.copied().unwrap_or([0; N])
}

/// Writes N bytes to `p`; nothing for NULL.
///
/// # Safety
/// If not NULL, `p` points to N bytes that may be written.
unsafe fn store<const N: usize>(p: *mut c_void, bytes: [u8; N]) {
    if !p.is_null() {
        // SAFETY: an array of bytes has no alignment; the rest is as the caller of this function says.
        unsafe { p.cast::<[u8; N]>().write(bytes) }
    }
}

/// A 16-bit number from host to network order.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_hton16(value: u16) -> u16 {
    value.to_be()
}

/// A 32-bit number from host to network order.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_hton32(value: u32) -> u32 {
    value.to_be()
}

/// A 64-bit number from host to network order.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_hton64(value: u64) -> u64 {
    value.to_be()
}

/// A 16-bit number from network to host order.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_ntoh16(value: u16) -> u16 {
    u16::from_be(value)
}

/// A 32-bit number from network to host order.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_ntoh32(value: u32) -> u32 {
    u32::from_be(value)
}

/// A 64-bit number from network to host order.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_ntoh64(value: u64) -> u64 {
    u64::from_be(value)
}

/// The big-endian unsigned 16-bit number in the 2 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u16be(p: *const c_void) -> u16 {
    // SAFETY: the caller's promise for `p`.
    u16::from_be_bytes(unsafe { load(p) })
}

/// Writes value to the 2 bytes at p, big-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u16be(p: *mut c_void, value: u16) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_be_bytes()) }
}

/// The big-endian unsigned 24-bit number in the 3 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u24be(p: *const c_void) -> u32 {
    // SAFETY: the caller's promise for `p`.
    let [a, b, c] = unsafe { load(p) };
    u32::from_be_bytes([0, a, b, c])
}

/// Writes the low 24 bits of value to p, big-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u24be(p: *mut c_void, value: u32) {
    let [_, a, b, c] = value.to_be_bytes();
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, [a, b, c]) }
}

/// The big-endian unsigned 32-bit number in the 4 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u32be(p: *const c_void) -> u32 {
    // SAFETY: the caller's promise for `p`.
    u32::from_be_bytes(unsafe { load(p) })
}

/// Writes value to the 4 bytes at p, big-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u32be(p: *mut c_void, value: u32) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_be_bytes()) }
}

/// The big-endian unsigned 64-bit number in the 8 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u64be(p: *const c_void) -> u64 {
    // SAFETY: the caller's promise for `p`.
    u64::from_be_bytes(unsafe { load(p) })
}

/// Writes value to the 8 bytes at p, big-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u64be(p: *mut c_void, value: u64) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_be_bytes()) }
}

/// The big-endian IEEE 754 float in the 4 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_f32be(p: *const c_void) -> f32 {
    // SAFETY: the caller's promise for `p`.
    f32::from_be_bytes(unsafe { load(p) })
}

/// Writes value to the 4 bytes at p, big-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_f32be(p: *mut c_void, value: f32) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_be_bytes()) }
}

/// The big-endian IEEE 754 double in the 8 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_f64be(p: *const c_void) -> f64 {
    // SAFETY: the caller's promise for `p`.
    f64::from_be_bytes(unsafe { load(p) })
}

/// Writes value to the 8 bytes at p, big-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_f64be(p: *mut c_void, value: f64) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_be_bytes()) }
}

/// The little-endian unsigned 16-bit number in the 2 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u16le(p: *const c_void) -> u16 {
    // SAFETY: the caller's promise for `p`.
    u16::from_le_bytes(unsafe { load(p) })
}

/// Writes value to the 2 bytes at p, little-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u16le(p: *mut c_void, value: u16) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_le_bytes()) }
}

/// The little-endian unsigned 24-bit number in the 3 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u24le(p: *const c_void) -> u32 {
    // SAFETY: the caller's promise for `p`.
    let [a, b, c] = unsafe { load(p) };
    u32::from_le_bytes([a, b, c, 0])
}

/// Writes the low 24 bits of value to p, little-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u24le(p: *mut c_void, value: u32) {
    let [a, b, c, _] = value.to_le_bytes();
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, [a, b, c]) }
}

/// The little-endian unsigned 32-bit number in the 4 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u32le(p: *const c_void) -> u32 {
    // SAFETY: the caller's promise for `p`.
    u32::from_le_bytes(unsafe { load(p) })
}

/// Writes value to the 4 bytes at p, little-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u32le(p: *mut c_void, value: u32) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_le_bytes()) }
}

/// The little-endian unsigned 64-bit number in the 8 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_u64le(p: *const c_void) -> u64 {
    // SAFETY: the caller's promise for `p`.
    u64::from_le_bytes(unsafe { load(p) })
}

/// Writes value to the 8 bytes at p, little-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_u64le(p: *mut c_void, value: u64) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_le_bytes()) }
}

/// The little-endian IEEE 754 float in the 4 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_f32le(p: *const c_void) -> f32 {
    // SAFETY: the caller's promise for `p`.
    f32::from_le_bytes(unsafe { load(p) })
}

/// Writes value to the 4 bytes at p, little-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_f32le(p: *mut c_void, value: f32) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_le_bytes()) }
}

/// The little-endian IEEE 754 double in the 8 bytes at p.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_get_f64le(p: *const c_void) -> f64 {
    // SAFETY: the caller's promise for `p`.
    f64::from_le_bytes(unsafe { load(p) })
}

/// Writes value to the 8 bytes at p, little-endian.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_put_f64le(p: *mut c_void, value: f64) {
    // SAFETY: the caller's promise for `p`.
    unsafe { store(p, value.to_le_bytes()) }
}

/// Copies an array and, unless it has the host's order already, turns each number of N bytes around.
///
/// # Safety
/// If neither is NULL, `src` points to count * N bytes that may be read, and `dst` to as many that may be written.
unsafe fn copy<const N: usize>(dst: *mut c_void, src: *const c_void, count: usize, is_host_order: bool) {
    let Some(len) = count.checked_mul(N).filter(|&len| isize::try_from(len).is_ok()) else { return };
    if dst.is_null() || src.is_null() {
        return;
    }
    let (dst, src) = (dst.cast::<u8>(), src.cast::<u8>());
    if !is_host_order && dst.addr().abs_diff(src.addr()) >= len {
        // SAFETY: neither is NULL, the ranges are as the caller of this function says, and no byte is in both.
        let (to, from) = unsafe { (slice::from_raw_parts_mut(dst, len), slice::from_raw_parts(src, len)) };
        let _ = contain(|| copy_reversed::<N>(to, from));
        return;
    }
    // SAFETY: neither is NULL, the ranges are as the caller of this function says and may overlap; `dst` becomes a slice
    // only when `src` is no longer needed.
    let moved = unsafe {
        if !ptr::eq(src, dst) {
            ptr::copy(src, dst, len);
        }
        slice::from_raw_parts_mut(dst, len)
    };
    if !is_host_order {
        let _ = contain(|| reverse_each::<N>(moved));
    }
}

/// Copies count 16-bit numbers from src to dst, between the host's order and big-endian (it is its
/// own inverse). Any alignment; the two may be the same or overlap. A count whose bytes are more
/// than PTRDIFF_MAX copies nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_copy_be16(dst: *mut c_void, src: *const c_void, count: usize) {
    // SAFETY: the caller's promises for `dst` and `src`.
    unsafe { copy::<2>(dst, src, count, cfg!(target_endian = "big")) }
}

/// As fdwire_copy_be16, for 32-bit big-endian numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_copy_be32(dst: *mut c_void, src: *const c_void, count: usize) {
    // SAFETY: the caller's promises for `dst` and `src`.
    unsafe { copy::<4>(dst, src, count, cfg!(target_endian = "big")) }
}

/// As fdwire_copy_be16, for 64-bit big-endian numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_copy_be64(dst: *mut c_void, src: *const c_void, count: usize) {
    // SAFETY: the caller's promises for `dst` and `src`.
    unsafe { copy::<8>(dst, src, count, cfg!(target_endian = "big")) }
}

/// As fdwire_copy_be16, for 16-bit little-endian numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_copy_le16(dst: *mut c_void, src: *const c_void, count: usize) {
    // SAFETY: the caller's promises for `dst` and `src`.
    unsafe { copy::<2>(dst, src, count, cfg!(target_endian = "little")) }
}

/// As fdwire_copy_be16, for 32-bit little-endian numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_copy_le32(dst: *mut c_void, src: *const c_void, count: usize) {
    // SAFETY: the caller's promises for `dst` and `src`.
    unsafe { copy::<4>(dst, src, count, cfg!(target_endian = "little")) }
}

/// As fdwire_copy_be16, for 64-bit little-endian numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_copy_le64(dst: *mut c_void, src: *const c_void, count: usize) {
    // SAFETY: the caller's promises for `dst` and `src`.
    unsafe { copy::<8>(dst, src, count, cfg!(target_endian = "little")) }
}
