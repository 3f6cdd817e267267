//! What sort of descriptor a byte stream comes by.
//!
//! A socket wants other calls than a pipe, and one that keeps message boundaries (datagrams) cannot carry frames. Asking
//! costs a system call, as much as a third of sending a small message, so the answer "a stream socket" is remembered by
//! descriptor number. A number that was closed behind fdwire's back and now stands for something else is found out:
//! if it is no socket, the system says so and the memory is corrected; if it is a datagram socket, the refusal is missed,
//! and it gets or gives one frame a datagram.

use super::errno;
use super::syscall;
use crate::Error;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a descriptor is, as far as moving bytes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A stream socket.
    Socket,
    /// A pipe, terminal, file or device.
    Plain,
}

impl Kind {
    /// # Errors
    /// EPROTOTYPE for a socket that is not a stream of bytes, EBADF.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Kind, Error> {
        if is_known_stream(fd.as_raw_fd()) {
            return Ok(Kind::Socket);
        }
        match syscall::is_stream_socket(fd) {
            Ok(true) => {
                remember_stream(fd.as_raw_fd());
                Ok(Kind::Socket)
            }
            Ok(false) => Err(Error::Os(errno::EPROTOTYPE)),
            Err(Error::Os(errno::ENOTSOCK)) => Ok(Kind::Plain),
            Err(error) => Err(error),
        }
    }
}

/// One bit a descriptor number; higher numbers are asked about each time.
static STREAMS: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];

fn bit(fd: RawFd) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((STREAMS.get(fd / 64)?, 1 << (fd % 64)))
}

fn is_known_stream(fd: RawFd) -> bool {
    bit(fd).is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
}

fn remember_stream(fd: RawFd) {
    if let Some((word, bit)) = bit(fd) {
        word.fetch_or(bit, Relaxed);
    }
}

/// To be called where a descriptor turned out to be something else, or is closed.
pub(super) fn forget(fd: RawFd) {
    if let Some((word, bit)) = bit(fd) {
        word.fetch_and(!bit, Relaxed);
    }
}
