//! A stream that the program moves by functions of its own.

use super::callback;
use super::connection::{fdwire_read_fn, fdwire_wait_fn, fdwire_writev_fn};
use crate::Error;
use crate::connection::Functions;
use crate::fd::{errno, unmistaken};
use std::ffi::{c_int, c_void};
use std::io::IoSlice;
use std::ptr;
use std::time::Duration;

/// The functions of a program's own over which a connection is.
pub(super) struct Callbacks {
    pub(super) read: fdwire_read_fn,
    pub(super) writev: fdwire_writev_fn,
    pub(super) wait: fdwire_wait_fn,
    pub(super) ctx: *mut c_void,
}

// SAFETY: the program promises that the functions may be called from any thread, ...
unsafe impl Send for Callbacks {}
// SAFETY: ... and one that reads or waits while another writes.
unsafe impl Sync for Callbacks {}

impl Callbacks {
    /// Runs one of the functions; calls on its connection are refused meanwhile.
    fn run<R>(&self, function: impl FnOnce(*mut c_void) -> R) -> R {
        callback::run(ptr::from_ref(self).addr(), || function(self.ctx))
    }
}

// An array of one, because that is what a box can be made of that is not made by aborting when there is no memory.
impl Functions for [Callbacks; 1] {
    fn directions(&self) -> (bool, bool) {
        (self[0].read.is_some(), self[0].writev.is_some())
    }

    fn can_wait(&self) -> bool {
        self[0].wait.is_some()
    }

    fn read(&self, buf: &mut [u8]) -> Result<usize, Error> {
        let [functions @ Callbacks { read: Some(read), .. }] = self else { return Err(Error::Os(errno::EBADF)) };
        // SAFETY: the program's promise for its function, which may write to `buf`.
        moved(functions.run(|ctx| unsafe { read(ctx, buf.as_mut_ptr().cast(), buf.len()) }), buf.len())
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize, Error> {
        let [functions @ Callbacks { writev: Some(writev), .. }] = self else { return Err(Error::Os(errno::EBADF)) };
        let len = bufs.iter().map(|buf| buf.len()).sum();
        // SAFETY: the program's promise for its function; an IoSlice is laid out as an iovec, and so is a slice of C's.
        moved(functions.run(|ctx| unsafe { writev(ctx, bufs.as_ptr().cast(), bufs.len()) }), len)
    }

    fn wait(&self, events: i32, patience: Option<Duration>) -> Result<(), Error> {
        let [functions @ Callbacks { wait: Some(wait), .. }] = self else { return Err(Error::Os(errno::EAGAIN)) };
        let ms =
            patience.map_or(-1, |patience| c_int::try_from(patience.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX));
        // SAFETY: the program's promise for its function.
        match functions.run(|ctx| unsafe { wait(ctx, events, ms) }) {
            0.. => Ok(()),
            error => Err(failure(error.into())),
        }
    }
}

/// What a function that moves bytes said; one that moved more than there were is not to be trusted.
fn moved(result: i64, most: usize) -> Result<usize, Error> {
    match usize::try_from(result) {
        Ok(len) if len <= most => Ok(len),
        Ok(_) => Err(Error::Os(errno::EIO)),
        Err(_) => Err(unmistaken(failure(result), errno::ECONNRESET)),
    }
}

/// The error of a function that failed; what is no -errno is not to be trusted either.
fn failure(result: i64) -> Error {
    match result {
        -4095..0 => Error::Os(-result as c_int),
        _ => Error::Os(errno::EIO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_take_little_beside_an_idle_connection() {
        assert!(size_of::<Callbacks>() <= 40);
    }
}
