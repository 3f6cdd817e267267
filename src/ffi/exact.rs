//! Exact bytes
//!
//! All of them or a reason, however many system calls it takes. *done is where to start and how far
//! it came, written on failure too: after a time-out, or an error that passes, the same call goes
//! on with no byte lost or repeated. It must be 0 at first; done may be NULL where nobody asks.

use super::guard::{borrow, bytes, bytes_mut, deadline, optional, status};
use crate::{Error, fd};
use std::ffi::{c_int, c_void};

/// Reads until buf has len bytes (NULL if len is 0), from byte *done on.
///
/// Returns: 1, all are there; 0, the stream ended before the first (*done is 0).
/// FDWIRE_E_TRUNCATED: it ended after *done of them. -EAGAIN, -ETIMEDOUT: call again to go on.
/// -ECONNRESET: the peer broke off. -EINVAL, also for a *done above len; -EBADF, -EPROTOTYPE, and
/// others as recv(2) and read(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_read_exact(
    fd: c_int,
    buf: *mut c_void,
    len: usize,
    done: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promise for `buf`.
        let buf = unsafe { bytes_mut(buf, len)? };
        let (fd, deadline) = (borrow(fd)?, deadline(timeout_ms)?);
        // SAFETY: the caller's promise for `done`.
        let read = unsafe { counting(done, |done| fd::read_exact(fd, buf, done, deadline)) }?;
        Ok((read == fd::Read::Full).into())
    })
}

/// Writes len bytes of buf (NULL if len is 0), from byte *done on.
///
/// Returns: 0, all are with the kernel. -EAGAIN, -ETIMEDOUT: call again to go on. -EPIPE,
/// -ECONNRESET: nobody reads any more. -EINVAL, also for a *done above len; -EBADF, -EPROTOTYPE,
/// and others as send(2) and write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_write_all(
    fd: c_int,
    buf: *const c_void,
    len: usize,
    done: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promise for `buf`.
        let buf = unsafe { bytes(buf, len)? };
        let (fd, deadline) = (borrow(fd)?, deadline(timeout_ms)?);
        // SAFETY: the caller's promise for `done`.
        unsafe { counting(done, |done| fd::write_all(fd, buf, done, deadline)) }?;
        Ok(0)
    })
}

/// Runs a transfer with the caller's count, or one of its own where there is none.
///
/// # Safety
/// If not NULL, `done` points to a size that may be read and written.
unsafe fn counting<T>(done: *mut usize, transfer: impl FnOnce(&mut usize) -> Result<T, Error>) -> Result<T, Error> {
    // SAFETY: as the caller of this function says.
    transfer(unsafe { optional(done)? }.unwrap_or(&mut 0))
}
