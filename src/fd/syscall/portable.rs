//! The same without what Linux alone has, for macOS and FreeBSD.
//!
//! No option of a descriptor is changed here either, so SO_NOSIGPIPE is no way. Where descriptors are made close-on-exec by a
//! second call, a program that another thread starts in between inherits them.

use super::{check, option};
use crate::Error;
use libc::{c_int, c_short};
use socket2::{Domain, SockRef};
use std::cell::Cell;
use std::io::{IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[cfg(target_os = "freebsd")]
mod flags {
    pub(in super::super) const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
    pub(in super::super) const CLOSE_ON_EXEC: libc::c_int = libc::MSG_CMSG_CLOEXEC;
}

/// There are no such flags.
#[cfg(not(target_os = "freebsd"))]
mod flags {
    pub(in super::super) const NO_SIGNAL: libc::c_int = 0;
    pub(in super::super) const CLOSE_ON_EXEC: libc::c_int = 0;
}

pub(super) use flags::{CLOSE_ON_EXEC, NO_SIGNAL};
pub(super) use libc::sendmsg;

/// Of poll(2): the peer has shut down writing. macOS says POLLHUP then.
#[cfg(not(target_vendor = "apple"))]
pub(super) const READ_ENDED: c_short = libc::POLLRDHUP;
#[cfg(target_vendor = "apple")]
pub(super) const READ_ENDED: c_short = libc::POLLHUP;

/// There is no such write.
pub(super) fn write_without_signal(_: BorrowedFd<'_>, _: &[IoSlice<'_>]) -> Result<usize, Error> {
    Err(Error::Os(libc::ENOSYS))
}

/// sigwait(3), if it would not wait: takes a signal back that is blocked and may be pending.
pub(super) fn take_pending(signal: &libc::sigset_t) {
    let mut taken: c_int = 0;
    // SAFETY: signal sets are plain data, and sigpending fills one; sigwait writes one int.
    unsafe {
        let mut pending: libc::sigset_t = std::mem::zeroed();
        libc::sigpending(&mut pending);
        if libc::sigismember(&pending, libc::SIGPIPE) == 1 {
            libc::sigwait(signal, &mut taken);
        }
    }
}

/// accept(2): a connection that is close-on-exec, and blocking, which elsewhere it is only where its listener is.
pub(in crate::fd) fn accept(listener: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    let (socket, _) = SockRef::from(&listener).accept()?;
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

/// getsockopt(2) SO_ACCEPTCONN: whether connections can be accepted. Where nobody can tell, accept(2) will.
pub(in crate::fd) fn is_listener(fd: BorrowedFd<'_>) -> Result<bool, Error> {
    match option(fd, libc::SO_ACCEPTCONN) {
        Err(Error::Os(libc::ENOPROTOOPT)) => Ok(true),
        result => Ok(result? != 0),
    }
}

/// getsockname(2): whether it is a Unix socket.
pub(in crate::fd) fn is_unix(fd: BorrowedFd<'_>) -> bool {
    SockRef::from(&fd).local_addr().is_ok_and(|address| address.domain() == Domain::UNIX)
}

/// Whether the kernel speaks TLS on this socket, in the way that Linux does.
pub(in crate::fd) fn speaks_tls(_: BorrowedFd<'_>) -> bool {
    false
}

/// dup2(2): makes a descriptor stand for what another one does; what it stood for is closed.
pub(in crate::fd) fn replace(fd: BorrowedFd<'_>, by: BorrowedFd<'_>) -> Result<(), Error> {
    // SAFETY: dup2 takes no pointers; whoever owns `fd` has it stand for something else from now on, which is allowed.
    check(unsafe { libc::dup2(by.as_raw_fd(), fd.as_raw_fd()) } as isize)?;
    Ok(SockRef::from(&fd).set_cloexec(true)?)
}

/// A descriptor for nothing of use: a pipe that nobody reads. To read it fails too, where another end would say that a
/// stream has ended.
pub(in crate::fd) fn useless() -> Result<OwnedFd, Error> {
    Ok(std::io::pipe()?.1.into())
}

/// A descriptor that is readable once it was raised: one end of a pair.
#[derive(Debug)]
pub(in crate::fd) struct Event {
    readable: UnixStream,
    other: UnixStream,
}

impl Event {
    pub(in crate::fd) fn new() -> Result<Event, Error> {
        let (readable, other) = UnixStream::pair()?;
        readable.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok(Event { readable, other })
    }

    /// Makes it readable. It fails only where the event is raised, and more often than there is room for.
    pub(in crate::fd) fn raise(&self) {
        let _ = (&self.other).write(&[1]);
    }

    /// Makes it unreadable.
    pub(in crate::fd) fn lower(&self) {
        let mut bytes = [0; 64];
        while (&self.readable).read(&mut bytes).is_ok_and(|len| len == bytes.len()) {}
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readable.as_fd()
    }
}

/// Waits for bytes beyond those that are already there, which poll(2) cannot: it finds what was peeked at again. So this
/// looks up now and then, and less often the longer nothing comes.
pub(in crate::fd) struct Arrivals {
    nap: Cell<Duration>,
}

impl Arrivals {
    const SHORTEST_NAP: Duration = Duration::from_micros(100);
    const LONGEST_NAP: Duration = Duration::from_millis(20);

    pub(in crate::fd) fn of(_: BorrowedFd<'_>) -> Result<Arrivals, Error> {
        Ok(Arrivals { nap: Cell::new(Self::SHORTEST_NAP) })
    }

    /// Until something may have come or ended, or the time is up.
    pub(in crate::fd) fn wait(&self, wait: Option<Duration>) -> Result<(), Error> {
        let nap = self.nap.get();
        self.nap.set((nap * 2).min(Self::LONGEST_NAP));
        std::thread::sleep(wait.map_or(nap, |wait| wait.min(nap)));
        Ok(())
    }
}
