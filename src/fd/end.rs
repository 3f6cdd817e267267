//! How a connection ends.

use super::syscall::{self, Events, Wait};
use super::{Deadline, Kind, errno, kind};
use crate::Error;
use socket2::SockRef;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};

pub use std::net::Shutdown;

/// Ends one direction of a socket or both, for everyone who holds it (shutdown(2)). The descriptor stays open.
///
/// # Errors
/// ENOTSOCK for what is no socket, ENOTCONN for one without a connection.
pub fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> Result<(), Error> {
    Ok(SockRef::from(&fd).shutdown(how)?)
}

/// Closes a descriptor (close(2)), once: it is gone whatever the answer. A socket with input that nobody read is reset,
/// and what was sent last may never reach the peer; [`finish`] takes care of that.
///
/// # Errors
/// As close(2); EIO can mean that data written before was lost.
pub fn close(fd: OwnedFd) -> Result<(), Error> {
    kind::end_rows();
    syscall::close(fd.into_raw_fd())
}

/// Gives up what a descriptor stands for, as closing does, but keeps its number, which then stands for nothing of use.
///
/// # Errors
/// EMFILE and others as eventfd(2) and dup2(2).
pub fn vacate(fd: BorrowedFd<'_>) -> Result<(), Error> {
    syscall::replace(fd, syscall::useless()?.as_fd())
}

/// Ends a connection so that the peer gets every byte: shuts down writing, reads and drops what the peer still sends
/// until it ends as well, then closes. What is no socket is just closed.
///
/// # Errors
/// The descriptor is closed in any case; the error says how the connection ended: ETIMEDOUT when the peer did not end
/// in time, ECONNRESET when it broke off; EPROTOTYPE for a socket that keeps message boundaries.
pub fn finish(fd: OwnedFd, deadline: Deadline) -> Result<(), Error> {
    let drained = match Kind::ask(fd.as_fd()) {
        Ok(Kind::Socket) => half_close(fd.as_fd()).and_then(|()| drain(fd.as_fd(), deadline)),
        Ok(Kind::Plain) => Ok(()),
        Err(error) => Err(error),
    };
    drained.and(close(fd))
}

fn half_close(fd: BorrowedFd<'_>) -> Result<(), Error> {
    match shutdown(fd, Shutdown::Write) {
        // The peer is gone already, or there was none: the next read tells which.
        Err(Error::Os(errno::ENOTCONN)) => Ok(()),
        result => result,
    }
}

/// Reads and drops what comes on a socket, until its end. Without any time, it is what was there to begin with.
///
/// # Errors
/// ETIMEDOUT where it did not end in time; what the system says.
pub(crate) fn drain(fd: BorrowedFd<'_>, deadline: Deadline) -> Result<(), Error> {
    let mut sink = [0; 16 * 1024];
    let mut there = if deadline == Deadline::Now { syscall::bytes_to_read(fd).unwrap_or(0) } else { 0 };
    loop {
        match syscall::receive(fd, &mut [IoSliceMut::new(&mut sink)], Wait::No) {
            Ok(0) => return Ok(()),
            Ok(len) if len <= there => there -= len,
            Err(Error::Os(errno::EINTR)) => {}
            Err(Error::Os(errno::EAGAIN)) if !deadline.passed() => deadline.wait(fd, Events::READ)?,
            Ok(_) if !deadline.passed() => {}
            Ok(_) | Err(Error::Os(errno::EAGAIN)) => return Err(Error::Os(errno::ETIMEDOUT)),
            Err(error) => return Err(error),
        }
    }
}
