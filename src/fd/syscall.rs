//! The only door to libc.
//!
//! Each function is one system call, or the portable way to what one does elsewhere. Nothing here retries or waits on
//! its own account.

#![allow(unsafe_code)]

mod control;
mod look_up;
mod memory;
// What systems do each in their own way. RUSTFLAGS="--cfg fdwire_portable" tries the portable ways out on Linux.
#[cfg(all(target_os = "linux", not(fdwire_portable)))]
#[path = "syscall/linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(fdwire_portable))))]
#[path = "syscall/portable.rs"]
mod system;

pub(crate) use control::{Control, DESCRIPTORS_MAX};
pub(super) use control::{receive_with_control, send_descriptors};
pub(super) use look_up::look_up;
pub(crate) use memory::zeroed;
pub(super) use system::{Arrivals, Event, accept, is_listener, is_unix, replace, speaks_tls, useless};

use crate::Error;
use libc::{c_int, c_short, c_void};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// The error numbers that fdwire itself gives or looks for.
pub mod errno {
    pub use libc::{
        EAGAIN, EBADF, EBUSY, ECANCELED, ECONNABORTED, ECONNRESET, EDEADLK, EINPROGRESS, EINTR, EINVAL, EIO, EMFILE,
        EMSGSIZE, ENAMETOOLONG, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK, EOPNOTSUPP, EPIPE, EPROTO, EPROTOTYPE, ETIMEDOUT,
        ETOOMANYREFS,
    };
}

/// Most bytes that one call is asked to move: Linux moves no more than this, others refuse more than INT_MAX.
pub(super) const MOVE_MAX: usize = 0x7fff_f000;

/// A pipe that poll reports writable takes this much without waiting.
pub(super) const PIPE_BUF: usize = libc::PIPE_BUF;

/// Whether a call on a socket may wait in the kernel, whatever the descriptor's flags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until all bytes have moved (the descriptor may be non-blocking all the same).
    Yes,
    /// Not at all.
    No,
}

#[cold]
fn last_error() -> Error {
    Error::from(std::io::Error::last_os_error())
}

#[inline(always)]
fn check(result: isize) -> Result<usize, Error> {
    usize::try_from(result).map_err(|_| last_error())
}

/// [`check`] for what moves bytes of a socket.
#[inline(always)]
fn moved(result: isize) -> Result<usize, Error> {
    usize::try_from(result).map_err(|_| last_error_of_moving(errno::ECONNRESET))
}

/// [`check`] for what moves bytes of anything else.
#[inline(always)]
fn moved_plainly(result: isize) -> Result<usize, Error> {
    usize::try_from(result).map_err(|_| last_error_of_moving(errno::EIO))
}

#[cold]
fn last_error_of_moving(given_up: c_int) -> Error {
    unmistaken(last_error(), given_up)
}

/// What was said where bytes were to move, in no code that means something of the caller's own: its time, its limit, its locks.
/// `given_up` stands for a peer that does not answer any more: keepalive and TCP_USER_TIMEOUT end in ETIMEDOUT (tcp(7)). ENOBUFS
/// is want of memory, too (send(2)).
pub(crate) fn unmistaken(error: Error, given_up: c_int) -> Error {
    match error {
        Error::Os(errno::ETIMEDOUT) => Error::Os(given_up),
        Error::Os(errno::ENOBUFS) => Error::Os(errno::ENOMEM),
        Error::Os(errno::EBUSY | errno::ECANCELED | errno::EDEADLK) => Error::Os(errno::EIO),
        error => error,
    }
}

/// recv(2) or recvmsg(2), which waits for all bytes if it waits.
#[inline]
pub(super) fn receive(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>], wait: Wait) -> Result<usize, Error> {
    let flags = if wait == Wait::Yes { libc::MSG_WAITALL } else { libc::MSG_DONTWAIT };
    if let [buf] = bufs {
        return recv(fd, buf, flags);
    }
    let mut message = message_header(bufs.as_mut_ptr().cast(), bufs.len());
    // SAFETY: the header refers to `bufs`, which are IoSliceMut, so iovecs that may be written, for the whole call.
    moved(unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, flags) })
}

/// recv(2) or recvmsg(2): as many bytes as are there. It may wait for the first of them.
#[inline]
pub(super) fn receive_some(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>], wait: Wait) -> Result<usize, Error> {
    let flags = if wait == Wait::Yes { 0 } else { libc::MSG_DONTWAIT };
    if let [buf] = bufs {
        return recv(fd, buf, flags);
    }
    let mut message = message_header(bufs.as_mut_ptr().cast(), bufs.len());
    // SAFETY: as in `receive`.
    moved(unsafe { libc::recvmsg(fd.as_raw_fd(), &mut message, flags) })
}

/// recv(2) with MSG_PEEK: as many bytes as are there, which stay there. It may wait for the first of them.
pub(super) fn peek(fd: BorrowedFd<'_>, buf: &mut [u8], wait: Wait) -> Result<usize, Error> {
    let flags = if wait == Wait::Yes { 0 } else { libc::MSG_DONTWAIT };
    recv(fd, buf, flags | libc::MSG_PEEK)
}

#[inline]
fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: c_int) -> Result<usize, Error> {
    // SAFETY: `buf` may be written for its length.
    moved(unsafe { libc::recv(fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), flags) })
}

/// send(2) or sendmsg(2), without SIGPIPE.
#[inline]
pub(super) fn send(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>], wait: Wait) -> Result<usize, Error> {
    let flags = system::NO_SIGNAL | if wait == Wait::Yes { 0 } else { libc::MSG_DONTWAIT };
    without_signal(|| {
        if let [buf] = bufs {
            // SAFETY: `buf` may be read for its length.
            return moved(unsafe { libc::send(fd.as_raw_fd(), buf.as_ptr().cast(), buf.len(), flags) });
        }
        let message = message_header(bufs.as_ptr().cast_mut().cast(), bufs.len());
        // SAFETY: the header refers to `bufs`, which are IoSlice, so iovecs that may be read; sendmsg writes to none.
        moved(unsafe { libc::sendmsg(fd.as_raw_fd(), &message, flags) })
    })
}

/// Runs a send with `NO_SIGNAL` among its flags, which is all that it needs where there is such a flag.
#[inline(always)]
fn without_signal(send: impl FnOnce() -> Result<usize, Error>) -> Result<usize, Error> {
    if system::NO_SIGNAL == 0 { with_sigpipe_blocked(send) } else { send() }
}

#[inline]
fn message_header(iov: *mut libc::iovec, count: usize) -> libc::msghdr {
    // SAFETY: a msghdr is plain data, for which all zeros stand for "none".
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = iov;
    message.msg_iovlen = count as _;
    message
}

/// readv(2).
pub(super) fn read(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> Result<usize, Error> {
    // SAFETY: `bufs` are IoSliceMut, so iovecs that may be written.
    moved_plainly(unsafe { libc::readv(fd.as_raw_fd(), bufs.as_ptr().cast(), bufs.len() as c_int) })
}

/// writev(2), without SIGPIPE.
pub(super) fn write(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> Result<usize, Error> {
    match system::write_without_signal(fd, bufs) {
        // The kernel is older than the flag, or the file cannot do it.
        Err(Error::Os(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOSYS)) => {}
        result => return result,
    }
    with_sigpipe_blocked(|| {
        // SAFETY: `bufs` are IoSlice, so iovecs that may be read.
        moved_plainly(unsafe { libc::writev(fd.as_raw_fd(), bufs.as_ptr().cast(), bufs.len() as c_int) })
    })
}

/// Runs a write whose SIGPIPE, which goes to the calling thread, is blocked and then taken back. One that was pending
/// before stays so.
fn with_sigpipe_blocked(write: impl FnOnce() -> Result<usize, Error>) -> Result<usize, Error> {
    // SAFETY: signal sets are plain data; each is filled by the call before it is used.
    unsafe {
        let mut sigpipe: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        let mut pending: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut sigpipe);
        libc::sigaddset(&mut sigpipe, libc::SIGPIPE);
        libc::sigpending(&mut pending);
        libc::pthread_sigmask(libc::SIG_BLOCK, &sigpipe, &mut before);
        let result = write();
        if result == Err(Error::Os(libc::EPIPE)) && libc::sigismember(&pending, libc::SIGPIPE) == 0 {
            system::take_pending(&sigpipe);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
        result
    }
}

/// sched_yield(2): lets others run who want this core.
pub(crate) fn give_way() {
    std::thread::yield_now();
}

/// What poll(2) is asked for, and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Events(c_short);

impl Events {
    pub(crate) const READ: Events = Events(libc::POLLIN);
    pub(crate) const WRITE: Events = Events(libc::POLLOUT);
    /// The peer writes no more: it has shut down, hung up, or failed.
    pub(super) const ENDED: Events = Events(system::READ_ENDED | libc::POLLHUP | libc::POLLERR);

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, other: Events) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn and(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }

    /// As poll(2) has them.
    pub(crate) fn bits(self) -> c_int {
        self.0.into()
    }
}

/// poll(2) for one descriptor; nothing is ready when the time is up. `None` waits without end.
pub(super) fn poll(fd: BorrowedFd<'_>, events: Events, wait: Option<Duration>) -> Result<Events, Error> {
    let mut entry = libc::pollfd { fd: fd.as_raw_fd(), events: events.0, revents: 0 };
    // SAFETY: one pollfd, which may be written.
    polled(unsafe { libc::poll(&mut entry, 1, milliseconds(wait)) })?;
    match entry.revents {
        revents if revents & libc::POLLNVAL != 0 => Err(Error::Os(libc::EBADF)),
        revents => Ok(Events(revents)),
    }
}

/// poll(2) may say EAGAIN where it had no memory for the moment (POSIX): another try, as after EINTR, and not the end of a wait.
fn polled(result: c_int) -> Result<usize, Error> {
    check(result as isize).map_err(|error| match error {
        Error::Os(libc::EAGAIN) => Error::Os(libc::EINTR),
        error => error,
    })
}

/// A wait as poll(2) and epoll_wait(2) take it, rounded up, so that it never ends before its time.
fn milliseconds(wait: Option<Duration>) -> c_int {
    wait.map_or(-1, |wait| c_int::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX))
}

/// ioctl(2) FIONREAD: how many bytes could be read now.
pub(super) fn bytes_to_read(fd: BorrowedFd<'_>) -> Result<usize, Error> {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD writes one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) } as isize)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// fcntl(2) F_GETFL: what the descriptor was opened with.
///
/// # Errors
/// EBADF if that was not for this direction: poll would wait for it without end.
fn opened_for(fd: BorrowedFd<'_>, direction: Events) -> Result<c_int, Error> {
    // SAFETY: F_GETFL takes no argument.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) } as isize)? as c_int;
    match flags & libc::O_ACCMODE {
        libc::O_RDONLY if direction == Events::WRITE => Err(Error::Os(libc::EBADF)),
        libc::O_WRONLY if direction == Events::READ => Err(Error::Os(libc::EBADF)),
        _ => Ok(flags),
    }
}

/// EBADF for what was not opened for this direction.
pub(super) fn check_opened_for(fd: BorrowedFd<'_>, direction: Events) -> Result<(), Error> {
    opened_for(fd, direction).map(|_| ())
}

/// Whether the descriptor is non-blocking; EBADF if it was not opened for this direction.
pub(super) fn is_nonblocking(fd: BorrowedFd<'_>, direction: Events) -> Result<bool, Error> {
    Ok(opened_for(fd, direction)? & libc::O_NONBLOCK != 0)
}

/// fcntl(2) F_GETFD: EBADF for what is not open.
pub(crate) fn check_open(fd: BorrowedFd<'_>) -> Result<(), Error> {
    // SAFETY: F_GETFD takes no argument.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) } as isize).map(|_| ())
}

/// getsockopt(2) SO_TYPE: whether a socket is a stream of bytes.
pub(super) fn is_stream_socket(fd: BorrowedFd<'_>) -> Result<bool, Error> {
    Ok(option(fd, libc::SO_TYPE)? == libc::SOCK_STREAM)
}

/// getsockopt(2) of SOL_SOCKET, for an option that is one int.
fn option(fd: BorrowedFd<'_>, name: c_int) -> Result<c_int, Error> {
    let mut value: c_int = 0;
    let mut len = size_of::<c_int>() as libc::socklen_t;
    let out: *mut c_void = (&raw mut value).cast();
    // SAFETY: `out` has room for the one int that `len` says.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, out, &mut len) } as isize)?;
    Ok(value)
}

/// close(2). Whatever it answers, the descriptor is gone: EINTR too is the end of it, never to be retried.
pub(super) fn close(fd: RawFd) -> Result<(), Error> {
    // SAFETY: the caller gives the descriptor up. A number that is none is refused by the system.
    match check(unsafe { libc::close(fd) } as isize) {
        Ok(_) | Err(Error::Os(libc::EINTR)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// strerror_r(3): the system's text for an error number, in `buf`.
pub fn error_text(errno: i32, buf: &mut [u8]) -> &str {
    // SAFETY: `buf` may be written for its length; the POSIX form of the function ends it with a NUL.
    unsafe { libc::strerror_r(errno, buf.as_mut_ptr().cast(), buf.len()) };
    std::ffi::CStr::from_bytes_until_nul(buf).ok().and_then(|text| text.to_str().ok()).unwrap_or_default()
}

/// poll(2) for these, and for an event if there is one; whether any is ready, has failed or ended.
pub(super) fn poll_any(
    awaited: &[(BorrowedFd<'_>, Events)],
    event: Option<BorrowedFd<'_>>,
    wait: Option<Duration>,
) -> Result<bool, Error> {
    let mut entries = [libc::pollfd { fd: -1, events: 0, revents: 0 }; 4]; // those with -1 are passed over
    let event = event.map(|event| (event, Events::READ));
    for (entry, (fd, events)) in entries.iter_mut().zip(awaited.iter().copied().chain(event)) {
        (entry.fd, entry.events) = (fd.as_raw_fd(), events.0);
    }
    // SAFETY: pollfds, which may be written.
    let ready = polled(unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, milliseconds(wait)) })?;
    match entries.iter().any(|entry| entry.revents & libc::POLLNVAL != 0) {
        true => Err(Error::Os(libc::EBADF)),
        false => Ok(ready > 0),
    }
}

/// pread(2): bytes of a file, from an offset on.
pub(super) fn read_at(file: BorrowedFd<'_>, buf: &mut [u8], offset: u64) -> Result<usize, Error> {
    let offset = libc::off_t::try_from(offset).map_err(|_| Error::Os(libc::EINVAL))?;
    // SAFETY: `buf` may be written for its length.
    moved_plainly(unsafe { libc::pread(file.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), offset) })
}

/// fstat(2): how many bytes a regular file has; `None` for what is none.
pub(super) fn file_size(fd: BorrowedFd<'_>) -> Result<Option<u64>, Error> {
    // SAFETY: a stat is plain data; fstat fills it in.
    let stat = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        check(libc::fstat(fd.as_raw_fd(), &mut stat) as isize)?;
        stat
    };
    Ok((stat.st_mode & libc::S_IFMT == libc::S_IFREG).then_some(stat.st_size as u64))
}
