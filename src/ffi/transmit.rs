//! Sending on a connection
//!
//! A send returns 0 when all that waits is with the kernel; FDWIRE_PENDING when its messages were
//! accepted and some bytes wait inside for fdwire_conn_flush, the next send, or a receive that is
//! about to wait; below 0 when nothing of them was accepted. So the result always says whether to
//! send again. What the kernel does not take before timeout_ms is over, waits inside; with 0 that is
//! what it does not take at once, however much it takes.
//!
//! At most FDWIRE_SEND_LIMIT bytes wait inside. A send waits until there is room, as long as
//! timeout_ms allows; with -1 it returns only when all is with the kernel, so that its messages may
//! have any size: large bodies go straight from the caller's memory. Threads take turns: messages
//! are never mixed, and a thread may have to wait for one that sends a message in parts.

use super::connection::{alone, fdwire_conn, fdwire_sent, with, with_quick};
use super::decoder::fdwire_msg;
use super::format::given;
use super::guard::{borrow, bytes, deadline, list};
use crate::Error;
use crate::connection::{Outgoing, Sent};
use crate::memory::FEW;
use std::ffi::{c_int, c_void};
use std::os::fd::BorrowedFd;

const PENDING: c_int = fdwire_sent::FDWIRE_PENDING as c_int;

/// What a send returns that was accepted.
pub(super) fn result_of(sent: Sent) -> c_int {
    match sent {
        Sent::All => 0,
        Sent::Pending => PENDING,
    }
}

/// The body of a message that is the only one, and has no head of its own.
///
/// # Safety
/// As `list`, and as [`fdwire_msg::outgoing`] for what it points to.
#[inline(always)]
unsafe fn only_body<'m>(msgs: *const fdwire_msg, count: usize) -> Option<&'m [u8]> {
    if count != 1 {
        return None;
    }
    // SAFETY: as the caller of this function says.
    match unsafe { list(msgs, 1).ok()?.first()?.outgoing() } {
        Ok(Outgoing { head: None, body }) => Some(body),
        _ => None,
    }
}

impl fdwire_msg {
    /// # Safety
    /// Head and body are ranges that may be read during `'m`.
    unsafe fn outgoing<'m>(&self) -> Result<Outgoing<'m>, Error> {
        // SAFETY: as the caller of this function says.
        unsafe {
            Ok(Outgoing {
                head: given(self.head.cast(), self.head_len)?,
                body: bytes(self.body.cast(), self.body_len)?,
            })
        }
    }
}

/// Sends one message: the head that the format gives it, and len bytes of body (NULL if len is 0).
///
/// Returns: 0; FDWIRE_PENDING. -ENOBUFS: no room within the limit in time; flush and send again.
/// -EMSGSIZE: longer than the limit, which only timeout_ms -1 allows. FDWIRE_E_TOO_LONG,
/// FDWIRE_E_MALFORMED: the format has no such message. -ECANCELED, -EAGAIN, -ETIMEDOUT: another
/// thread's message was not done in time. -EBUSY: this thread is sending a message in parts. -EBADF
/// without an out_fd; -EINVAL for a NULL; -ENOMEM. These last, and part of a message may be lost:
/// -EPIPE, -ECONNRESET: nobody receives any more; -ENOMEM where some was on its way already, or a
/// large body was to wait inside, and there was no memory for it; others as send(2) and write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send(
    conn: *mut fdwire_conn,
    body: *const c_void,
    len: usize,
    timeout_ms: c_int,
) -> c_int {
    // What is to wait for more is accepted without a look at the clock.
    let quick = |conn: &fdwire_conn| {
        if timeout_ms < -1 || !FEW.contains(&len) {
            return None;
        }
        // SAFETY: the caller's promise for `body`.
        let body = unsafe { bytes(body, len) }.ok()?;
        conn.connection.send_alone(body).then_some(PENDING)
    };
    // SAFETY: the caller's promises.
    unsafe { alone(conn, quick).unwrap_or_else(|| send(conn, body, len, timeout_ms)) }
}

/// # Safety
/// As fdwire_conn_send.
#[inline(never)]
unsafe fn send(conn: *mut fdwire_conn, body: *const c_void, len: usize, timeout_ms: c_int) -> c_int {
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `body`.
        let body = unsafe { bytes(body, len) }.ok().filter(|_| timeout_ms >= -1)?;
        conn.connection.send_quickly(body).then_some(PENDING)
    };
    let send = move |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `body`.
        let body = unsafe { bytes(body, len)? };
        conn.connection.send(Outgoing { head: None, body }, deadline(timeout_ms)?).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with_quick(conn, quick, send) }
}

/// Sends count messages, with as few system calls as there can be. Of each, head (NULL: the format
/// makes one) and body are looked at; what was received can be sent on as it is.
///
/// Returns: as fdwire_conn_send; all of them were accepted or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send_many(
    conn: *mut fdwire_conn,
    msgs: *const fdwire_msg,
    count: usize,
    timeout_ms: c_int,
) -> c_int {
    let send = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `msgs`, and for what they point to.
        let (msgs, deadline) = (unsafe { list(msgs, count)? }, deadline(timeout_ms)?);
        // SAFETY: as above.
        let messages = msgs.iter().map(|msg| unsafe { msg.outgoing() });
        conn.connection.send_all(messages, deadline).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, send) }
}

/// Accepts count messages to be sent by the next fdwire_conn_flush, fdwire_conn_send, or receive
/// that is about to wait. Copies them; makes no system call and never waits.
///
/// Returns: FDWIRE_PENDING; 0 if count is 0. -ENOBUFS if they do not fit within the limit beside
/// what waits already, -EMSGSIZE if they never will; -EBUSY while a message is sent in parts; other
/// errors as fdwire_conn_send; all of them were accepted or none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_queue(conn: *mut fdwire_conn, msgs: *const fdwire_msg, count: usize) -> c_int {
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `msgs`, and for what they point to.
        let body = unsafe { only_body(msgs, count)? };
        conn.connection.queue_alone(body).then_some(PENDING)
    };
    // SAFETY: the caller's promises.
    unsafe { alone(conn, quick).unwrap_or_else(|| queue(conn, msgs, count)) }
}

/// # Safety
/// As fdwire_conn_queue.
#[inline(never)]
unsafe fn queue(conn: *mut fdwire_conn, msgs: *const fdwire_msg, count: usize) -> c_int {
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `msgs`, and for what they point to.
        let body = unsafe { only_body(msgs, count)? };
        conn.connection.queue_quickly(body).then_some(PENDING)
    };
    let queue = move |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `msgs`, and for what they point to.
        let msgs = unsafe { list(msgs, count)? };
        // SAFETY: as above.
        let messages = msgs.iter().map(|msg| unsafe { msg.outgoing() });
        conn.connection.queue(messages)?;
        Ok(if count == 0 { 0 } else { PENDING })
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with_quick(conn, quick, queue) }
}

/// Sends what waits inside.
///
/// Returns: 0, all is with the kernel. -EAGAIN (timeout_ms 0), -ETIMEDOUT, -ECANCELED: some bytes
/// still wait; call again, when poll(2) says POLLOUT. Errors that last, as fdwire_conn_send.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_flush(conn: *mut fdwire_conn, timeout_ms: c_int) -> c_int {
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, |conn| conn.connection.flush(deadline(timeout_ms)?).map(|()| 0)) }
}

/// How many bytes wait inside to be sent, those of files (fdwire_conn_send_file) included.
///
/// Returns: that; 0 for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_pending(conn: *mut fdwire_conn) -> u64 {
    let mut pending = 0;
    let tell = |conn: &fdwire_conn| {
        pending = conn.connection.pending()?;
        Ok(0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, tell) };
    pending
}

/// Begins a message whose body of body_len bytes is then sent in parts: its head is made by the
/// format, filled into the head_len bytes at head if that is not NULL. It goes with the first part.
/// Then fdwire_conn_send_part sends the body; when body_len bytes were accepted, the message is
/// done. Until then this thread's other sends get -EBUSY, and other threads' wait.
///
/// Returns: as fdwire_conn_send. -EOPNOTSUPP: the format tells its messages by what is in them, so
/// that they can only be sent whole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send_begin(
    conn: *mut fdwire_conn,
    head: *const c_void,
    head_len: usize,
    body_len: u64,
    timeout_ms: c_int,
) -> c_int {
    let begin = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `head`.
        let head = unsafe { given(head, head_len)? };
        conn.connection.send_begin(head, body_len, deadline(timeout_ms)?).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, begin) }
}

/// Sends the next len bytes (NULL if len is 0) of the message that fdwire_conn_send_begin began.
///
/// Returns: as fdwire_conn_send, for these bytes: they were accepted or not. -EINVAL where no
/// message was begun, or for more bytes than it has left.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send_part(
    conn: *mut fdwire_conn,
    buf: *const c_void,
    len: usize,
    timeout_ms: c_int,
) -> c_int {
    let send = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `buf`.
        let part = unsafe { bytes(buf, len)? };
        conn.connection.send_part(part, deadline(timeout_ms)?).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, send) }
}

/// Sends one message whose body is the len bytes from offset on of a file, of which the connection
/// keeps a descriptor of its own as long as it needs. What of it waits is not held in memory and
/// does not count for the limit; fdwire_conn_pending counts it. The file should not change
/// meanwhile; if it is cut short, so is the message, and sending is broken: FDWIRE_E_TRUNCATED.
///
/// Returns: as fdwire_conn_send. -EOPNOTSUPP as fdwire_conn_send_begin; -EINVAL if the file is
/// shorter than that, or no regular file; -EBADF, also if it was not opened to be read; -EMFILE;
/// -EIO and others as pread(2), which last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send_file(
    conn: *mut fdwire_conn,
    file_fd: c_int,
    offset: u64,
    len: u64,
    timeout_ms: c_int,
) -> c_int {
    let send = |conn: &fdwire_conn| {
        conn.connection.send_file(borrow(file_fd)?, offset, len, deadline(timeout_ms)?).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, send) }
}

/// Sends one message with count descriptors, at most 253, over a Unix socket: the receiver gets
/// them with this message. They stay the caller's, who may close them when the call has returned.
///
/// Returns: as fdwire_conn_send. -EOPNOTSUPP: out_fd is no Unix socket; -EINVAL for a message of no
/// bytes or more than 253 descriptors, or for one that the system never sends (io_uring); -EBADF
/// for one that is not open; -EMFILE; -ETOOMANYREFS: too many are on their way: send it again when
/// the peer has received some. If it was accepted already, calls that wait try again meanwhile,
/// and fdwire_conn_flush, _shutdown and _finish say so when their time is over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send_fds(
    conn: *mut fdwire_conn,
    body: *const c_void,
    len: usize,
    fds: *const c_int,
    count: usize,
    timeout_ms: c_int,
) -> c_int {
    let send = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `body` and `fds`.
        let (body, fds) = unsafe { (bytes(body, len)?, list(fds, count)?) };
        let mut borrowed: Vec<BorrowedFd<'_>> = Vec::new();
        for fd in fds {
            crate::memory::push(&mut borrowed, borrow(*fd)?)?;
        }
        let message = Outgoing { head: None, body };
        conn.connection.send_descriptors(message, &borrowed, deadline(timeout_ms)?).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, send) }
}
