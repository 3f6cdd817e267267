//! Addresses as text: `host:port`, `[::1]:9000`, `unix:/path`, `unix:@name`.

use super::syscall::{self, Events};
use super::{Deadline, errno};
use crate::Error;
use crate::memory::push;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// Most bytes that the name of a Unix socket has on any system.
const UNIX_MAX: usize = 108;

/// Least time that one of several addresses gets, as long as there is so much left.
const SHARE_MIN: Duration = Duration::from_secs(2);

/// Connects to the first of an address's endpoints that answers. The socket is blocking, close-on-exec and, on TCP, does
/// not wait to fill segments (TCP_NODELAY).
///
/// Each address of a name gets its share of the time that is left, so that a silent one does not use it all up. Looking the
/// name up is the system resolver's work, with its own time limits (resolv.conf(5)).
///
/// # Errors
/// EINVAL for a text that is no address, ENAMETOOLONG for a path that does not fit, [`Error::Resolve`], EAGAIN and
/// ETIMEDOUT from the deadline; else what the last address answered, as connect(2).
pub fn connect(address: &str, deadline: Deadline) -> Result<OwnedFd, Error> {
    let addresses = resolve(address)?;
    let mut last = Err(Error::Resolve);
    for (tried, address) in addresses.iter().enumerate() {
        last = connect_one(address, share(deadline, addresses.len() - tried));
        if last.is_ok() {
            break;
        }
    }
    last
}

/// The deadline for one of `addresses` that are still to be tried.
fn share(deadline: Deadline, addresses: usize) -> Deadline {
    match (deadline, deadline.left()) {
        (Deadline::At(_), Some(left)) if addresses > 1 => {
            Deadline::after((left / addresses as u32).max(SHARE_MIN).min(left))
        }
        _ => deadline,
    }
}

fn connect_one(address: &SockAddr, deadline: Deadline) -> Result<OwnedFd, Error> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    if address.domain() == Domain::UNIX {
        connect_unix(&socket, address, deadline)?;
    } else {
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        match socket.connect(address).map_err(Error::from) {
            Err(Error::Os(errno::EINPROGRESS | errno::EINTR)) => {
                deadline.wait(socket.as_fd(), Events::WRITE)?;
                socket.take_error()?.map_or(Ok(()), |error| Err(Error::from(error)))?;
            }
            result => result?,
        }
        socket.set_nonblocking(false)?;
    }
    Ok(socket.into())
}

/// A Unix socket connects at once or waits for room in the listener's queue, and only a blocking one can wait there: for as
/// long as its send time-out says.
fn connect_unix(socket: &Socket, address: &SockAddr, deadline: Deadline) -> Result<(), Error> {
    socket.set_nonblocking(deadline == Deadline::Now)?;
    loop {
        match deadline.left() {
            Some(Duration::ZERO) if deadline != Deadline::Now => return Err(deadline.error()),
            // The option counts in microseconds, where 0 is for ever.
            Some(left) if deadline != Deadline::Now => {
                socket.set_write_timeout(Some(left.max(Duration::from_millis(1))))?
            }
            _ => {}
        }
        match socket.connect(address).map_err(Error::from) {
            Err(Error::Os(errno::EINTR)) => {}
            Err(Error::Os(errno::EAGAIN)) => return Err(deadline.error()),
            result => break result?,
        }
    }
    socket.set_write_timeout(None)?;
    Ok(socket.set_nonblocking(false)?)
}

/// Listens on the first of an address's endpoints that can be bound. The socket is blocking and close-on-exec; a TCP port
/// that a previous run used is free at once (SO_REUSEADDR). Port 0 lets the system choose ([`local_address`] says what).
/// `backlog` is how many connections may wait to be accepted; 0 is as many as the system allows.
///
/// # Errors
/// EINVAL for a text that is no address or a negative backlog, ENAMETOOLONG for a path that does not fit,
/// [`Error::Resolve`], EADDRINUSE (for a Unix path as well that a dead server left behind: unlink it); else as bind(2) and
/// listen(2).
pub fn listen(address: &str, backlog: i32) -> Result<OwnedFd, Error> {
    let backlog = match backlog {
        0 => i32::MAX, // the system cuts it to its own limit
        n if n > 0 => n,
        _ => return Err(Error::Os(errno::EINVAL)),
    };
    let mut last = Err(Error::Resolve);
    for address in resolve(address)? {
        last = listen_one(&address, backlog);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn listen_one(address: &SockAddr, backlog: i32) -> Result<OwnedFd, Error> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    if address.domain() != Domain::UNIX {
        socket.set_reuse_address(true)?;
    }
    socket.bind(address)?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Takes the next connection of a listening socket. It is close-on-exec and, on TCP, does not wait to fill segments
/// (TCP_NODELAY). A connection that was gone before it could be taken is passed over.
///
/// A blocking listener under a deadline is polled first; where several threads share it, one may be left waiting
/// for the next connection, so make it non-blocking then.
///
/// # Errors
/// EAGAIN and ETIMEDOUT from the deadline; EINVAL if it does not listen; EMFILE and others as accept(2).
pub fn accept(listener: BorrowedFd<'_>, deadline: Deadline) -> Result<OwnedFd, Error> {
    let mut poll_first = deadline != Deadline::Never;
    if poll_first && !syscall::is_listener(listener)? {
        return Err(Error::Os(errno::EINVAL)); // poll would wait for it without end
    }
    loop {
        if poll_first {
            deadline.wait(listener, Events::READ)?;
        }
        match syscall::accept(listener) {
            Ok(socket) => {
                // A Unix socket has no such option, and needs none.
                let _ = SockRef::from(&socket).set_tcp_nodelay(true);
                return Ok(socket);
            }
            Err(Error::Os(errno::EAGAIN)) => poll_first = true,
            Err(Error::Os(errno::EINTR | errno::ECONNABORTED)) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The address that a socket is bound to, as text that [`connect`] takes.
///
/// # Errors
/// ENOTSOCK; EINVAL for a socket of another family, or a Unix socket without a name, or with one that no text says.
pub fn local_address(fd: BorrowedFd<'_>) -> Result<impl fmt::Display, Error> {
    let address = SockRef::from(&fd).local_addr()?;
    match address.as_socket().is_some() || unix_text(&address).is_some() {
        true => Ok(Text(address)),
        false => Err(Error::Os(errno::EINVAL)),
    }
}

/// What stands before the name of a Unix socket, and the name, where [`unix`] makes the same of them.
fn unix_text(address: &SockAddr) -> Option<(&str, &str)> {
    match (address.as_pathname(), address.as_abstract_namespace()) {
        (Some(path), _) => path.to_str().filter(|path| !path.starts_with('@')).map(|path| ("", path)),
        (None, Some(name)) => str::from_utf8(name).ok().filter(|name| !name.contains('\0')).map(|name| ("@", name)),
        (None, None) => None,
    }
}

struct Text(SockAddr);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.0.as_socket() {
            write!(f, "{address}")
        } else {
            let (mark, name) = unix_text(&self.0).unwrap_or_default();
            write!(f, "unix:{mark}{name}")
        }
    }
}

/// The endpoints that an address stands for, in the order in which to try them.
fn resolve(address: &str) -> Result<Vec<SockAddr>, Error> {
    let mut endpoints = Vec::new();
    if let Some(path) = address.strip_prefix("unix:") {
        push(&mut endpoints, unix(path)?)?;
        return Ok(endpoints);
    }
    let (host, port) = host_and_port(address).ok_or(Error::Os(errno::EINVAL))?;
    match host.parse::<IpAddr>() {
        Ok(ip) => push(&mut endpoints, SocketAddr::new(ip, port).into())?,
        Err(_) => {
            for found in syscall::look_up(host, port)? {
                push(&mut endpoints, found.into())?;
            }
        }
    }
    Ok(endpoints)
}

/// A path, or `@name` for a socket that has no file.
fn unix(path: &str) -> Result<SockAddr, Error> {
    let mut bytes = [0; UNIX_MAX];
    if path.is_empty() {
        return Err(Error::Os(errno::EINVAL));
    }
    let too_long = |_| Error::Os(errno::ENAMETOOLONG);
    let Some(name) = path.strip_prefix('@') else { return SockAddr::unix(path).map_err(too_long) };
    let named = bytes.get_mut(..=name.len()).ok_or(Error::Os(errno::ENAMETOOLONG))?;
    named[1..].copy_from_slice(name.as_bytes());
    SockAddr::unix(OsStr::from_bytes(named)).map_err(too_long)
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']')?,
        None if host.contains(':') => return None, // which colon is meant?
        None => host,
    };
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (digits && !host.is_empty()).then_some((host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_told_apart() {
        assert_eq!(host_and_port("example.org:80"), Some(("example.org", 80)));
        assert_eq!(host_and_port("127.0.0.1:0"), Some(("127.0.0.1", 0)));
        assert_eq!(host_and_port("[::1]:9000"), Some(("::1", 9000)));
        assert_eq!(host_and_port("[fe80::1%eth0]:9000"), Some(("fe80::1%eth0", 9000)));
        for bad in
            ["", ":", "host", "host:", ":80", "host:http", "host:+80", "host:65536", "::1:80", "[::1:80", "[]:80"]
        {
            assert_eq!(host_and_port(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_silent_address_gets_its_share_of_the_time() {
        let ten = Deadline::after(Duration::from_secs(10));
        let left = |deadline: Deadline| deadline.left().unwrap().as_millis();
        assert!((4900..=5000).contains(&left(share(ten, 2))));
        assert!((1900..=2000).contains(&left(share(ten, 100))));
        assert_eq!(share(ten, 1), ten);
        assert_eq!(share(Deadline::Never, 3), Deadline::Never);
        assert_eq!(share(Deadline::Now, 3), Deadline::Now);
        let short = Deadline::after(Duration::from_millis(100));
        assert!(left(share(short, 4)) <= 100);
    }
}
