//! The ways of Linux: a flag, an option or a kind of descriptor for each thing that is wanted.

use super::{check, last_error, milliseconds, option};
use crate::Error;
use libc::{c_int, c_short, c_void};
use socket2::SockRef;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// For send(2): no SIGPIPE.
pub(super) const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;

/// For recvmsg(2): descriptors that come are close-on-exec.
pub(super) const CLOSE_ON_EXEC: c_int = libc::MSG_CMSG_CLOEXEC;

/// Of poll(2): the peer has shut down writing.
pub(super) const READ_ENDED: c_short = libc::POLLRDHUP;

/// pwritev2(2) at the file's own offset, with RWF_NOSIGNAL (Linux 6.18).
#[cfg(target_env = "gnu")]
pub(super) fn write_without_signal(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> Result<usize, Error> {
    const RWF_NOSIGNAL: c_int = 0x100;
    // SAFETY: `bufs` are IoSlice, so iovecs that may be read.
    super::moved_plainly(unsafe {
        libc::pwritev2(fd.as_raw_fd(), bufs.as_ptr().cast(), bufs.len() as c_int, -1, RWF_NOSIGNAL)
    })
}

/// Not every C library has pwritev2(2).
#[cfg(not(target_env = "gnu"))]
pub(super) fn write_without_signal(_: BorrowedFd<'_>, _: &[IoSlice<'_>]) -> Result<usize, Error> {
    Err(Error::Os(libc::ENOSYS))
}

/// sendmsg(2) with a control message of any length: musl's own refuses more than 1024 bytes, and 253 descriptors are more.
#[cfg(target_env = "musl")]
pub(super) unsafe fn sendmsg(fd: RawFd, message: &libc::msghdr, flags: c_int) -> isize {
    // SAFETY: the caller's promise for what the header refers to. The kernel's header is musl's, with zeros for its padding.
    unsafe { libc::syscall(libc::SYS_sendmsg, fd, std::ptr::from_ref(message), flags) as isize }
}
#[cfg(not(target_env = "musl"))]
pub(super) use libc::sendmsg;

/// sigtimedwait(2): takes a signal back that is blocked and may be pending.
pub(super) fn take_pending(signal: &libc::sigset_t) {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a set and a time that may be read; what was taken is told to nobody.
    while unsafe { libc::sigtimedwait(signal, std::ptr::null_mut(), &at_once) } < 0
        && last_error() == Error::Os(libc::EINTR)
    {}
}

/// accept4(2): a connection that is blocking and close-on-exec.
pub(in crate::fd) fn accept(listener: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    Ok(SockRef::from(&listener).accept()?.0.into())
}

/// getsockopt(2) SO_ACCEPTCONN: whether connections can be accepted.
pub(in crate::fd) fn is_listener(fd: BorrowedFd<'_>) -> Result<bool, Error> {
    Ok(option(fd, libc::SO_ACCEPTCONN)? != 0)
}

/// getsockopt(2) SO_DOMAIN: whether it is a Unix socket.
pub(in crate::fd) fn is_unix(fd: BorrowedFd<'_>) -> bool {
    option(fd, libc::SO_DOMAIN) == Ok(libc::AF_UNIX)
}

/// getsockopt(2) TCP_ULP: whether the kernel speaks TLS on this socket.
pub(in crate::fd) fn speaks_tls(fd: BorrowedFd<'_>) -> bool {
    let mut name = [0u8; 16];
    let mut len = name.len() as libc::socklen_t;
    let out: *mut c_void = name.as_mut_ptr().cast();
    // SAFETY: `out` has room for the bytes that `len` says.
    let result = unsafe { libc::getsockopt(fd.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_ULP, out, &mut len) };
    result == 0 && name.starts_with(b"tls")
}

/// dup3(2): makes a descriptor stand for what another one does; what it stood for is closed.
pub(in crate::fd) fn replace(fd: BorrowedFd<'_>, by: BorrowedFd<'_>) -> Result<(), Error> {
    // SAFETY: dup3 takes no pointers; whoever owns `fd` has it stand for something else from now on, which is allowed.
    check(unsafe { libc::dup3(by.as_raw_fd(), fd.as_raw_fd(), libc::O_CLOEXEC) } as isize).map(|_| ())
}

/// A descriptor for nothing of use.
pub(in crate::fd) fn useless() -> Result<OwnedFd, Error> {
    Ok(Event::new()?.0)
}

/// eventfd(2): a descriptor that is readable once it was raised.
#[derive(Debug)]
pub(in crate::fd) struct Event(OwnedFd);

impl Event {
    pub(in crate::fd) fn new() -> Result<Event, Error> {
        // SAFETY: eventfd takes no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) } as isize)? as RawFd;
        // SAFETY: a descriptor that was just made, and that nobody else has.
        Ok(Event(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes it readable.
    pub(in crate::fd) fn raise(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: 8 bytes that may be read. It fails only where the event is raised already.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it unreadable.
    pub(in crate::fd) fn lower(&self) {
        let mut count = [0u8; 8];
        // SAFETY: 8 bytes that may be written. It fails only where the event is not raised.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for bytes beyond those that are already there, which poll(2) cannot: it finds what was peeked at again.
/// An edge-triggered epoll(7) tells of each arrival once.
pub(in crate::fd) struct Arrivals(OwnedFd);

impl Arrivals {
    pub(in crate::fd) fn of(fd: BorrowedFd<'_>) -> Result<Arrivals, Error> {
        // SAFETY: epoll_create1 takes no pointers.
        let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } as isize)? as RawFd;
        // SAFETY: a descriptor that was just made, and that nobody else has.
        let arrivals = Arrivals(unsafe { OwnedFd::from_raw_fd(epoll) });
        let events = libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET;
        let mut event = libc::epoll_event { events: events as u32, u64: 0 };
        // SAFETY: `event` is read during the call.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event) } as isize)?;
        Ok(arrivals)
    }

    /// Until something came or ended, or the time is up.
    pub(in crate::fd) fn wait(&self, wait: Option<Duration>) -> Result<(), Error> {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: one event, which may be written.
        check(unsafe { libc::epoll_wait(self.0.as_raw_fd(), &mut event, 1, milliseconds(wait)) } as isize)?;
        Ok(())
    }
}
