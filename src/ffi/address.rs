//! Addresses
//!
//! An address is a text: "host:port" with a name or a number, "[::1]:9000", "unix:/path", and on
//! Linux "unix:@name" for a socket that has no file. Ports are numbers.

use super::guard::{EINVAL, borrow, bytes_mut, deadline, object, print, status, text};
use crate::{Error, fd};
use std::ffi::{c_char, c_int};
use std::os::fd::IntoRawFd;

fn address(text: &[u8]) -> Result<&str, Error> {
    str::from_utf8(text).map_err(|_| EINVAL)
}

/// Connects to the first endpoint of an address that answers, each of a name's addresses in turn,
/// and each with its share of the time that is left. The descriptor is the caller's: blocking, and
/// on TCP with TCP_NODELAY, so that small messages go out at once.
///
/// A name is looked up by the system's resolver, within the bounds of resolv.conf(5) and not of
/// timeout_ms; glibc's may end a process in which its first look-up finds no memory. Numbers and
/// Unix paths need none.
///
/// Returns: a descriptor. -EINVAL for a text that is no address; -ENAMETOOLONG for a path that does
/// not fit; FDWIRE_E_RESOLVE; -EAGAIN, -ETIMEDOUT: no answer in time; -ENOMEM; -ECONNREFUSED,
/// -ENOENT and others as connect(2), from the last endpoint that was tried.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_connect(address: *const c_char, timeout_ms: c_int) -> c_int {
    status(|| {
        // SAFETY: the caller's promise for `address`.
        let address = self::address(unsafe { text(address)? })?;
        Ok(fd::connect(address, deadline(timeout_ms)?)?.into_raw_fd())
    })
}

/// Listens on an address. Port 0 lets the system choose one, and fdwire_local_address says which. A
/// TCP port that an earlier run has just left is free at once (SO_REUSEADDR); the file of a Unix
/// socket stays when it is closed, and the program unlinks it. backlog is how many connections may
/// wait to be accepted, 0 for as many as the system allows.
///
/// Returns: a descriptor, blocking, the caller's. -EINVAL for a text that is no address or a
/// negative backlog; -ENAMETOOLONG for a path that does not fit; FDWIRE_E_RESOLVE; -ENOMEM;
/// -EADDRINUSE, -EACCES and others as bind(2) and listen(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_listen(address: *const c_char, backlog: c_int) -> c_int {
    status(|| {
        // SAFETY: the caller's promise for `address`.
        let address = self::address(unsafe { text(address)? })?;
        Ok(fd::listen(address, backlog)?.into_raw_fd())
    })
}

/// Takes the next connection of a listening socket. It is the caller's: blocking, and on TCP with
/// TCP_NODELAY.
///
/// Several threads may share a listener. If it is blocking and timeout_ms is not -1, one of them
/// may be left waiting past its time for a connection that another took; a non-blocking listener
/// has no such wait.
///
/// Returns: a descriptor. -EAGAIN, -ETIMEDOUT: nobody connected in time; -EINVAL for a socket that
/// does not listen; -ENOTSOCK, -EBADF, -EMFILE and others as accept(2).
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_accept(listener: c_int, timeout_ms: c_int) -> c_int {
    status(|| Ok(fd::accept(borrow(listener)?, deadline(timeout_ms)?)?.into_raw_fd()))
}

/// Writes the address that a socket is bound to, as text that fdwire_connect takes, to buf.
/// FDWIRE_ADDRESS_MAX bytes are enough for any.
///
/// Returns: 0. -ENOBUFS if cap is too small, and nothing useful is in buf; -EINVAL for NULL, for a
/// Unix socket without a name, or with one that no text says (it is not UTF-8, has a NUL inside, or
/// is a path that begins with @), and for other families; -ENOTSOCK, -EBADF.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_local_address(fd: c_int, buf: *mut c_char, cap: usize) -> c_int {
    status(|| {
        // SAFETY: the caller's promise for `buf` and `cap`; even without room NULL is none.
        unsafe { (object(buf)?, bytes_mut(buf.cast(), cap)?) };
        let address = fd::local_address(borrow(fd)?)?;
        // SAFETY: the caller's promise for `buf` and `cap`.
        match unsafe { print(buf, cap, &address) } {
            len if len < cap => Ok(0),
            len => Err(Error::NoRoom { needed: len as u64 + 1 }),
        }
    })
}
