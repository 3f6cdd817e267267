//! Cursors
//!
//! Records read and written field by field, with bounds and in one byte order. The first step that
//! goes wrong sets status and every later step does nothing (a read gives 0), so one check at the
//! end is enough:
//!
//!    fdwire_reader r;
//!    fdwire_reader_init(&r, body, len, FDWIRE_BIG);
//!    uint16_t id = fdwire_read_u16(&r);
//!    uint64_t when = fdwire_read_u64(&r);
//!    if (r.status < 0) ...
//!
//! A cursor is a plain struct of the caller's, and refers to the caller's buffer for as long as it
//! is used. It may be copied, to come back to a place. A NULL cursor reads 0 and writes nothing.

use super::guard::{EINVAL, bytes, bytes_mut, code, contain, pointee, read_only};
use crate::Error;
use crate::endian::{Fault, Order, Reader, Writer};
use std::ffi::{c_int, c_void};

/// Byte orders.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_order {
    /// Most significant byte first: network order.
    FDWIRE_BIG = 1,
    /// Least significant byte first.
    FDWIRE_LITTLE = 2,
}

/// Reads a record. Fields are to be read by the program, and set by fdwire alone.
#[repr(C)]
pub struct fdwire_reader {
    /// The buffer.
    pub bytes: *const u8,
    /// Its length.
    pub len: usize,
    /// How far it was read.
    pub pos: usize,
    /// FDWIRE_BIG or FDWIRE_LITTLE.
    pub order: c_int,
    /// 0, or why it stopped: FDWIRE_E_TRUNCATED at the end of the buffer, FDWIRE_E_MALFORMED, -EINVAL
    /// from the init.
    pub status: c_int,
}

/// Writes a record. Fields are to be read by the program, and set by fdwire alone.
#[repr(C)]
pub struct fdwire_writer {
    /// The buffer.
    pub bytes: *mut u8,
    /// Its length.
    pub len: usize,
    /// How many bytes were written.
    pub pos: usize,
    /// FDWIRE_BIG or FDWIRE_LITTLE.
    pub order: c_int,
    /// 0, or why it stopped: -ENOBUFS at the end of the buffer, FDWIRE_E_MALFORMED for a number that
    /// does not fit its field, -EINVAL from the init or for NULL.
    pub status: c_int,
}

fn order(order: c_int) -> Result<Order, Error> {
    match order {
        order if order == fdwire_order::FDWIRE_BIG as c_int => Ok(Order::Big),
        order if order == fdwire_order::FDWIRE_LITTLE as c_int => Ok(Order::Little),
        _ => Err(EINVAL),
    }
}

/// Runs one step of a reader. After a fault, or with a reader that is NULL or was tampered with, it gives nothing.
///
/// # Safety
/// If not NULL, `r` points to a reader that nobody else uses, and whose buffer may be read during `'a`.
unsafe fn read<'a, T: Default>(r: *mut fdwire_reader, step: impl FnOnce(&mut Reader<'a>) -> T) -> T {
    // SAFETY: as the caller of this function says.
    let Some(r) = (unsafe { pointee(r) }) else { return T::default() };
    if r.status != 0 {
        return T::default();
    }
    // SAFETY: the buffer of the reader, as the caller of this function says.
    let buffer = unsafe { bytes(r.bytes.cast(), r.len) };
    let result = buffer.and_then(|bytes| {
        let mut reader = Reader::new(bytes, r.pos, order(r.order)?);
        let value = contain(|| step(&mut reader)).ok_or(Error::Panic)?;
        match reader.fault() {
            None => Ok((value, reader.pos())),
            Some(Fault::PastEnd) => Err(Error::Truncated),
            Some(Fault::Malformed) => Err(Error::Malformed("no such number")),
        }
    });
    match result {
        Ok((value, pos)) => {
            r.pos = pos;
            value
        }
        Err(error) => {
            r.status = code(error);
            T::default()
        }
    }
}

/// Runs one step of a writer. After a fault, or with a writer that is NULL or was tampered with, it does nothing.
///
/// # Safety
/// If not NULL, `w` points to a writer that nobody else uses, and whose buffer may be written.
unsafe fn write(w: *mut fdwire_writer, step: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>) {
    // SAFETY: as the caller of this function says.
    let Some(w) = (unsafe { pointee(w) }) else { return };
    if w.status != 0 {
        return;
    }
    // SAFETY: the buffer of the writer, as the caller of this function says.
    let buffer = unsafe { bytes_mut(w.bytes.cast(), w.len) };
    let result = buffer.and_then(|bytes| {
        let mut writer = Writer::new(bytes, w.pos, order(w.order)?);
        contain(|| step(&mut writer)).ok_or(Error::Panic)??;
        match writer.fault() {
            None => Ok(writer.pos()),
            Some(Fault::PastEnd) => Err(Error::Os(libc::ENOBUFS)),
            Some(Fault::Malformed) => Err(Error::Malformed("no such number")),
        }
    });
    match result {
        Ok(pos) => w.pos = pos,
        Err(error) => w.status = code(error),
    }
}

/// Sets a reader to the start of len bytes (NULL if len is 0), in the order FDWIRE_BIG or
/// FDWIRE_LITTLE.
///
/// Returns: 0; -EINVAL, which is its status as well.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_reader_init(
    r: *mut fdwire_reader,
    p: *const c_void,
    len: usize,
    order: c_int,
) -> c_int {
    // SAFETY: the caller's promise for `p`.
    let valid = unsafe { bytes(p, len) }.and_then(|_| self::order(order));
    let status = valid.map_or_else(code, |_| 0);
    if r.is_null() || !r.is_aligned() {
        return code(EINVAL);
    }
    // SAFETY: not NULL, and may be written, as the caller says; its fields need not have been set before.
    unsafe { r.write(fdwire_reader { bytes: p.cast(), len, pos: 0, order, status }) };
    status
}

/// The next byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_u8(r: *mut fdwire_reader) -> u8 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| r.uint(1) as u8) }
}

/// The next unsigned 16-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_u16(r: *mut fdwire_reader) -> u16 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| r.uint(2) as u16) }
}

/// The next unsigned 24-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_u24(r: *mut fdwire_reader) -> u32 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| r.uint(3) as u32) }
}

/// The next unsigned 32-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_u32(r: *mut fdwire_reader) -> u32 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| r.uint(4) as u32) }
}

/// The next unsigned 64-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_u64(r: *mut fdwire_reader) -> u64 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| r.uint(8)) }
}

/// The next IEEE 754 float.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_f32(r: *mut fdwire_reader) -> f32 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| f32::from_bits(r.uint(4) as u32)) }
}

/// The next IEEE 754 double.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_f64(r: *mut fdwire_reader) -> f64 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| f64::from_bits(r.uint(8))) }
}

/// The next base-128 number, low group first whatever the order (LEB128, as in Protocol Buffers).
/// One that is longer than it needs to be, or over 64 bits, is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_varint(r: *mut fdwire_reader) -> u64 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, Reader::varint) }
}

/// The ASCII decimal digits up to the first other byte or the end of the buffer. No digit, or more
/// than 64 bits, is malformed; leading zeros are accepted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_decimal(r: *mut fdwire_reader) -> u64 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, Reader::decimal) }
}

/// The next len bytes, where they lie in the caller's buffer.
///
/// Returns: where they begin; NULL if there are not so many, or after an earlier fault.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_bytes(r: *mut fdwire_reader, len: usize) -> *const u8 {
    // SAFETY: the caller's promise for `r`.
    unsafe { read(r, |r| r.bytes(len)) }.map_or(std::ptr::null(), <[u8]>::as_ptr)
}

/// How many bytes are left to read.
///
/// Returns: that; 0 after a fault, or for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_reader_left(r: *const fdwire_reader) -> usize {
    // SAFETY: the caller's promise for `r`.
    unsafe { read_only(r) }.ok().filter(|r| r.status == 0).map_or(0, |r| r.len.saturating_sub(r.pos))
}

/// Sets a writer to the start of a buffer of len bytes (NULL if len is 0), in the order FDWIRE_BIG
/// or FDWIRE_LITTLE.
///
/// Returns: 0; -EINVAL, which is its status as well.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_writer_init(w: *mut fdwire_writer, p: *mut c_void, len: usize, order: c_int) -> c_int {
    // SAFETY: the caller's promise for `p`.
    let valid = unsafe { bytes_mut(p, len) }.and_then(|_| self::order(order));
    let status = valid.map_or_else(code, |_| 0);
    if w.is_null() || !w.is_aligned() {
        return code(EINVAL);
    }
    // SAFETY: not NULL, and may be written, as the caller says; its fields need not have been set before.
    unsafe { w.write(fdwire_writer { bytes: p.cast(), len, pos: 0, order, status }) };
    status
}

/// A step that cannot fail but as the writer does.
///
/// # Safety
/// As `write`.
unsafe fn number(w: *mut fdwire_writer, step: impl FnOnce(&mut Writer<'_>)) {
    // SAFETY: as the caller of this function says.
    unsafe {
        write(w, |w| {
            step(w);
            Ok(())
        })
    }
}

/// Writes a byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_u8(w: *mut fdwire_writer, value: u8) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value.into(), 1)) }
}

/// Writes an unsigned 16-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_u16(w: *mut fdwire_writer, value: u16) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value.into(), 2)) }
}

/// Writes an unsigned 24-bit number; one that does not fit is malformed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_u24(w: *mut fdwire_writer, value: u32) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value.into(), 3)) }
}

/// Writes an unsigned 32-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_u32(w: *mut fdwire_writer, value: u32) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value.into(), 4)) }
}

/// Writes an unsigned 64-bit number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_u64(w: *mut fdwire_writer, value: u64) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value, 8)) }
}

/// Writes an IEEE 754 float.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_f32(w: *mut fdwire_writer, value: f32) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value.to_bits().into(), 4)) }
}

/// Writes an IEEE 754 double.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_f64(w: *mut fdwire_writer, value: f64) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.uint(value.to_bits(), 8)) }
}

/// Writes a base-128 number in its shortest form, low group first whatever the order (LEB128).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_varint(w: *mut fdwire_writer, value: u64) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.varint(value)) }
}

/// Writes ASCII decimal digits, without leading zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_decimal(w: *mut fdwire_writer, value: u64) {
    // SAFETY: the caller's promise for `w`.
    unsafe { number(w, |w| w.decimal(value)) }
}

/// Writes len bytes from p (NULL if len is 0), which must not lie in the writer's buffer: all of
/// them or, without room, none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_bytes(w: *mut fdwire_writer, p: *const c_void, len: usize) {
    // SAFETY: the caller's promises for `w` and `p`.
    unsafe {
        write(w, |w| {
            w.bytes(bytes(p, len)?);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri sees it, if what the program may only read is taken for what may be written.
    #[test]
    fn what_is_left_is_only_read() {
        let buffer = b"record";
        let order = fdwire_order::FDWIRE_LITTLE as c_int;
        let reader = &fdwire_reader { bytes: buffer.as_ptr(), len: buffer.len(), pos: 2, order, status: 0 };
        // SAFETY: `reader` may be read.
        assert_eq!(unsafe { fdwire_reader_left(reader) }, 4);
        assert_eq!(reader.pos, 2);
    }
}
