//! What sort of descriptor a byte stream comes by.
//!
//! A socket wants other calls than a pipe, and one that keeps message boundaries (datagrams) cannot carry frames. To ask is a
//! system call, which is a good part of what a small message costs. So each thread counts the calls in a row that it has made
//! on one stream socket, and after the first few of them asks no more, until it uses another descriptor, or one fails or ends,
//! or any is closed through fdwire by any thread. Should the number be closed behind fdwire's back within such a row and stand
//! for something else by the very next call, then what is no socket is found out (the system says so), and a datagram socket is
//! not refused.

use super::errno;
use super::syscall;
use crate::Error;
use std::cell::Cell;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a descriptor is, as far as moving bytes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A stream socket.
    Socket,
    /// A pipe, terminal, file or device.
    Plain,
}

/// So many calls in a row have to find a stream socket before one goes without asking.
const TRUSTED: u32 = 16;

/// The stream socket of a thread's last call, how many descriptors had been closed by then, and how many calls in a row there
/// were on it.
type Row = (RawFd, u32, u32);

const NO_ROW: Row = (-1, 0, 0);

thread_local! {
    static LAST: Cell<Row> = const { Cell::new(NO_ROW) };
}

/// How many descriptors were closed. Whoever uses a number again has learnt that it was closed, and so sees it counted.
static CLOSED: AtomicU32 = AtomicU32::new(0);

impl Kind {
    /// Runs one call that depends on what the descriptor is. It gives `None` where the stream has ended.
    ///
    /// # Errors
    /// EPROTOTYPE for a socket that is not a stream of bytes, EBADF, and those of the call.
    #[inline(always)]
    pub(crate) fn with<T>(
        fd: BorrowedFd<'_>,
        mut call: impl FnMut(Kind) -> Result<Option<T>, Error>,
    ) -> Result<Option<T>, Error> {
        let closed = CLOSED.load(Ordering::Relaxed);
        let calls = match LAST.replace(NO_ROW) {
            (last, then, calls) if last == fd.as_raw_fd() && then == closed => calls,
            _ => 0,
        };
        let mut kind = if calls < TRUSTED { Kind::ask(fd)? } else { Kind::Socket };
        loop {
            match call(kind) {
                // A number that was a socket until now: nothing has moved yet.
                Err(Error::Os(errno::ENOTSOCK)) if kind == Kind::Socket => kind = Kind::ask(fd)?,
                Ok(Some(result)) => {
                    if kind == Kind::Socket {
                        LAST.set((fd.as_raw_fd(), closed, calls.saturating_add(1)));
                    }
                    return Ok(Some(result));
                }
                end_or_error => return end_or_error,
            }
        }
    }

    /// What the descriptor is now.
    pub(super) fn ask(fd: BorrowedFd<'_>) -> Result<Kind, Error> {
        match syscall::is_stream_socket(fd) {
            Ok(true) => Ok(Kind::Socket),
            Ok(false) => Err(Error::Os(errno::EPROTOTYPE)),
            Err(Error::Os(errno::ENOTSOCK)) => Ok(Kind::Plain),
            Err(error) => Err(error),
        }
    }
}

/// To be called before a descriptor is closed.
pub(super) fn end_rows() {
    CLOSED.fetch_add(1, Ordering::Relaxed);
}
