//! The end

use super::guard::{EINVAL, borrow, deadline, own, status};
use crate::Error;
use crate::fd::{self, Shutdown};
use std::ffi::c_int;

/// Which direction of a socket to shut down; the values are those of SHUT_RD, SHUT_WR and
/// SHUT_RDWR.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_shut {
    /// Receiving: the next receive says that the stream has ended.
    FDWIRE_SHUT_RD = 0,
    /// Sending: the peer sees the end of the stream after all that was sent, and can still answer
    /// (half-close).
    FDWIRE_SHUT_WR = 1,
    /// Both.
    FDWIRE_SHUT_RDWR = 2,
}

/// Ends one direction of a socket or both, for everyone who holds it (shutdown(2)). The descriptor
/// stays open.
///
/// Returns: 0. -EINVAL for another how; -ENOTCONN, -ENOTSOCK, -EBADF.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_shutdown(fd: c_int, how: c_int) -> c_int {
    status(|| {
        fd::shutdown(borrow(fd)?, shutdown_of(how)?)?;
        Ok(0)
    })
}

pub(super) fn shutdown_of(how: c_int) -> Result<Shutdown, Error> {
    match how {
        how if how == fdwire_shut::FDWIRE_SHUT_RD as c_int => Ok(Shutdown::Read),
        how if how == fdwire_shut::FDWIRE_SHUT_WR as c_int => Ok(Shutdown::Write),
        how if how == fdwire_shut::FDWIRE_SHUT_RDWR as c_int => Ok(Shutdown::Both),
        _ => Err(EINVAL),
    }
}

/// Closes a descriptor (close(2)), once: whatever the answer, it is gone, and must not be closed
/// again.
///
/// Closing a socket with input that nobody read resets the connection, and what was sent last may
/// never reach the peer: fdwire_finish takes care of that.
///
/// Returns: 0. -EBADF; -EIO and others as close(2), when data written before may be lost.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_close(fd: c_int) -> c_int {
    status(|| {
        fd::close(own(fd)?)?;
        Ok(0)
    })
}

/// Ends a connection so that the peer gets every byte: shuts down sending, reads and drops what the
/// peer still sends until it ends as well, then closes fd. What is no socket is just closed. With
/// timeout_ms 0 it drops what is there and closes.
///
/// fd is closed in any case but -EBADF and -EINVAL (for timeout_ms), and must not be closed again.
///
/// Returns: 0, the peer has ended too and nothing was cut off. -ETIMEDOUT: it had not ended in time
/// (there is no -EAGAIN here), so what was sent last may be lost. -ECONNRESET: the peer broke off.
/// -ENOTCONN for a socket without a connection; -EPROTOTYPE, -EBADF, -EINVAL.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_finish(fd: c_int, timeout_ms: c_int) -> c_int {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        fd::finish(own(fd)?, deadline)?;
        Ok(0)
    })
}
