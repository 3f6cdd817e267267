//! What stands between C and the library: arguments checked on the way in, results and panics turned into codes on the
//! way out.

use super::errors::fdwire_error;
use crate::Error;
use crate::fd::{Deadline, errno};
use std::any::Any;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::{self, Display, Write};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) const EINVAL: Error = Error::Os(errno::EINVAL);

/// Runs the body of an exported function: its result, or the code of its error. A panic, which is a bug, ends here.
pub(super) fn status(body: impl FnOnce() -> Result<c_int, Error>) -> c_int {
    match contain(body) {
        Some(Ok(result)) => result,
        Some(Err(error)) => code(error),
        None => fdwire_error::FDWIRE_E_PANIC as c_int,
    }
}

/// Runs the body of an exported function that has no code to return; `None` where it panicked.
pub(super) fn contain<T>(body: impl FnOnce() -> T) -> Option<T> {
    // Whatever the body left half done is not looked at again: no exported function keeps state across a panic.
    catch_unwind(AssertUnwindSafe(body)).map_err(forget).ok()
}

/// What a panic says was printed when it began.
#[cold]
fn forget(panic: Box<dyn Any + Send>) {
    drop(panic);
}

#[cold]
#[inline(never)]
pub(super) fn code(error: Error) -> c_int {
    let code = match error {
        Error::Truncated => fdwire_error::FDWIRE_E_TRUNCATED,
        Error::Malformed(_) => fdwire_error::FDWIRE_E_MALFORMED,
        Error::TooLong { .. } => fdwire_error::FDWIRE_E_TOO_LONG,
        Error::Format { .. } => fdwire_error::FDWIRE_E_FORMAT,
        Error::Resolve => fdwire_error::FDWIRE_E_RESOLVE,
        Error::Panic => fdwire_error::FDWIRE_E_PANIC,
        Error::Broken => fdwire_error::FDWIRE_E_BROKEN,
        Error::NoRoom { .. } => return -errno::ENOBUFS,
        Error::NoMemory => return -errno::ENOMEM,
        Error::Misuse(_) => return -errno::EINVAL,
        Error::Os(errno) => return -errno,
    };
    code as c_int
}

pub(super) fn deadline(timeout_ms: c_int) -> Result<Deadline, Error> {
    Deadline::from_timeout(timeout_ms)
}

/// A descriptor lent for the call.
pub(super) fn borrow<'fd>(fd: c_int) -> Result<BorrowedFd<'fd>, Error> {
    if fd < 0 {
        return Err(Error::Os(errno::EBADF));
    }
    // SAFETY: not -1. A number that is not open is only ever given to the system, which answers EBADF.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// A descriptor handed over to be closed.
pub(super) fn own(fd: c_int) -> Result<OwnedFd, Error> {
    if fd < 0 {
        return Err(Error::Os(errno::EBADF));
    }
    // SAFETY: not -1, and the caller gives it up. It is closed by fd::close alone, which reports a number that is not open.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn is_range(p: *const c_void, len: usize) -> bool {
    isize::try_from(len).is_ok() && (!p.is_null() || len == 0)
}

/// The bytes of a range of the caller's.
///
/// # Safety
/// Unless `is_range` is false of it, the range may be read during `'a`.
pub(super) unsafe fn bytes<'a>(p: *const c_void, len: usize) -> Result<&'a [u8], Error> {
    match p.is_null() {
        true if len == 0 => Ok(&[]),
        true => Err(EINVAL),
        false if !is_range(p, len) => Err(EINVAL),
        // SAFETY: not NULL, not too long, and readable as the caller of this function says.
        false => Ok(unsafe { std::slice::from_raw_parts(p.cast(), len) }),
    }
}

/// A range of the caller's to be written.
///
/// # Safety
/// Unless `is_range` is false of it, the range may be written, and nobody else uses it during `'a`. Its bytes need not have
/// been written before: they are not read.
pub(super) unsafe fn bytes_mut<'a>(p: *mut c_void, len: usize) -> Result<&'a mut [u8], Error> {
    match len {
        _ if !is_range(p, len) => Err(EINVAL),
        0 => Ok(&mut []),
        // SAFETY: not NULL, not too long, and writable as the caller of this function says.
        len => Ok(unsafe { std::slice::from_raw_parts_mut(p.cast(), len) }),
    }
}

fn is_list<T>(p: *const T, len: usize) -> bool {
    len.checked_mul(size_of::<T>()).is_some_and(|bytes| is_range(p.cast(), bytes)) && p.is_aligned()
}

/// An array of the caller's.
///
/// # Safety
/// If not NULL, `p` points to `len` elements, which may be read during `'a`.
pub(super) unsafe fn list<'a, T>(p: *const T, len: usize) -> Result<&'a [T], Error> {
    match len {
        0 => Ok(&[]),
        _ if !is_list(p, len) => Err(EINVAL),
        // SAFETY: as the caller of this function says.
        len => Ok(unsafe { std::slice::from_raw_parts(p, len) }),
    }
}

/// An array of the caller's to be written, of at least one element.
///
/// # Safety
/// If not NULL, `p` has room for `len` elements, which nobody else uses during `'a`; they are plain numbers and pointers, and are
/// not read.
pub(super) unsafe fn list_mut<'a, T>(p: *mut T, len: usize) -> Result<&'a mut [T], Error> {
    if len == 0 || !is_list(p, len) {
        return Err(EINVAL);
    }
    // SAFETY: as the caller of this function says.
    Ok(unsafe { std::slice::from_raw_parts_mut(p, len) })
}

/// The text that an argument points to.
///
/// # Safety
/// If not NULL, `p` points to a NUL-terminated string that may be read during `'a`.
pub(super) unsafe fn text<'a>(p: *const c_char) -> Result<&'a [u8], Error> {
    if p.is_null() {
        return Err(EINVAL);
    }
    // SAFETY: not NULL, and a string as the caller of this function says.
    Ok(unsafe { CStr::from_ptr(p) }.to_bytes())
}

/// What an argument points to.
///
/// # Safety
/// As `pointee`.
#[inline(always)]
pub(super) unsafe fn object<'a, T>(p: *mut T) -> Result<&'a mut T, Error> {
    check(p)?;
    // SAFETY: not NULL, aligned, and else as the caller of this function says.
    Ok(unsafe { &mut *p })
}

/// The same of what is only read: it may be in memory that nobody may write, and others may read it meanwhile.
///
/// # Safety
/// If not NULL and aligned, `p` points to a T that may be read, and that nobody writes during `'a`.
#[inline(always)]
pub(super) unsafe fn read_only<'a, T>(p: *const T) -> Result<&'a T, Error> {
    check(p)?;
    // SAFETY: not NULL, aligned, and else as the caller of this function says.
    Ok(unsafe { &*p })
}

#[inline(always)]
fn check<T>(p: *const T) -> Result<(), Error> {
    if p.is_null() {
        return Err(EINVAL);
    }
    if !p.is_aligned() {
        return Err(misaligned());
    }
    Ok(())
}

/// A function, so that the two checks stay two jumps that are never taken.
#[cold]
#[inline(never)]
fn misaligned() -> Error {
    EINVAL
}

/// The same of an argument that may be NULL.
///
/// # Safety
/// As `pointee`.
pub(super) unsafe fn optional<'a, T>(p: *mut T) -> Result<Option<&'a mut T>, Error> {
    // SAFETY: as the caller of this function says.
    if p.is_null() { Ok(None) } else { unsafe { object(p).map(Some) } }
}

/// `None` for NULL, and for an address that no T can have.
///
/// # Safety
/// If not NULL and aligned, `p` points to a T that may be read and written, and that nobody else uses during `'a`.
#[inline(always)]
pub(super) unsafe fn pointee<'a, T>(p: *mut T) -> Option<&'a mut T> {
    // SAFETY: aligned, and else as the caller of this function says.
    if p.is_aligned() { unsafe { p.as_mut() } } else { None }
}

/// A box that is not made, rather than made by aborting the program, when there is no memory.
pub(super) fn try_box<T>(value: T) -> Result<*mut T, Error> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).map_err(|_| Error::NoMemory)?;
    one.push(value);
    Ok(Box::into_raw(one.into_boxed_slice()).cast())
}

/// Drops what `try_box` made.
///
/// # Safety
/// `p` is NULL, or was made by `try_box` and is given back once.
pub(super) unsafe fn unbox<T>(p: *mut T) {
    if !p.is_null() {
        // SAFETY: as the caller of this function says.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(p, 1)) });
    }
}

/// Writes text as snprintf(3) does: as far as it fits, always NUL-terminated where there is room for that. Returns the
/// bytes of the whole text, without the NUL.
///
/// # Safety
/// As `bytes_mut`; NULL or an impossible range is room for nothing.
pub(super) unsafe fn print(buf: *mut c_char, cap: usize, text: &dyn Display) -> usize {
    // SAFETY: as the caller of this function says.
    let buf = unsafe { bytes_mut(buf.cast(), cap) }.unwrap_or_default();
    contain(|| {
        let (room, end) = match buf.split_last_mut() {
            Some((end, room)) => (room, Some(end)),
            None => (&mut [][..], None),
        };
        let mut out = Cut { room, kept: 0, len: 0 };
        let _ = write!(out, "{text}"); // only a Display that fails by itself could make it fail
        match out.room.get_mut(out.kept) {
            Some(nul) => *nul = 0,
            None => end.into_iter().for_each(|end| *end = 0),
        }
        out.len
    })
    .unwrap_or(0)
}

/// Keeps what fits, in whole characters, and counts what there is.
struct Cut<'a> {
    room: &'a mut [u8],
    kept: usize,
    len: usize,
}

impl Write for Cut<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if let Some(room) = self.room.get_mut(self.len..) {
            let fits = (0..=room.len().min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            room[..fits].copy_from_slice(&text.as_bytes()[..fits]);
            self.kept = self.len + fits;
        }
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_code() {
        std::panic::set_hook(Box::new(|_| {})); // this one is on purpose
        assert_eq!(status(|| panic!("on purpose")), fdwire_error::FDWIRE_E_PANIC as c_int);
        let _ = std::panic::take_hook();
        assert_eq!(status(|| Ok(1)), 1);
        assert_eq!(status(|| Err(Error::Truncated)), -5001);
        assert_eq!(status(|| Err(Error::Os(errno::EBADF))), -errno::EBADF);
    }

    #[test]
    fn text_is_cut_to_the_room_and_ended() {
        for cap in 0..8usize {
            let mut buf = [0x7f_u8; 10];
            // SAFETY: `cap` bytes of `buf` may be written.
            let len = unsafe { print(buf.as_mut_ptr().cast(), cap, &"abcde") };
            assert_eq!(len, 5);
            let kept = cap.saturating_sub(1).min(5);
            assert_eq!(&buf[..kept], &b"abcde"[..kept]);
            if cap > 0 {
                assert_eq!(buf[kept], 0);
            }
            assert!(buf[cap.max(kept)..].iter().all(|&b| b == 0x7f || cap > 5), "{cap}");
        }
        // SAFETY: NULL is room for nothing.
        assert_eq!(unsafe { print(std::ptr::null_mut(), 9, &"abc") }, 3);
    }

    #[test]
    fn impossible_ranges_are_refused() {
        let some = [1u8; 4];
        let p: *const c_void = some.as_ptr().cast();
        // SAFETY: NULL and lengths over isize::MAX are refused; the rest is `some`.
        unsafe {
            assert_eq!(bytes(std::ptr::null(), 0), Ok(&[][..]));
            assert_eq!(bytes(std::ptr::null(), 1), Err(EINVAL));
            assert_eq!(bytes(p, usize::MAX), Err(EINVAL));
            assert_eq!(bytes(p, isize::MAX as usize + 1), Err(EINVAL));
            assert_eq!(bytes(p, 4), Ok(&some[..]));
        }
    }
}
