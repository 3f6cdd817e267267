//! Receiving on a connection
//!
//! A receive gives what is inside before it reads, and reads all that there is. What it lends, it
//! lends until the next receive on the connection, of whatever sort, or fdwire_conn_unread; calls
//! that send leave it alone. One that is about to wait flushes first what waits to be sent, and
//! goes on with that while it waits. With timeout_ms 0 too, one reads on as long as bytes are there
//! and no message is whole: -EAGAIN says that nothing is left to be read, as an edge-triggered loop
//! needs it.

use super::connection::{alone, fdwire_conn, with, with_quick};
use super::decoder::fdwire_msg;
use super::guard::{bytes_mut, deadline, list_mut, object, pointee};
use crate::Error;
use crate::codec::Message;
use crate::memory::{FEW, copy_short};
use std::ffi::{c_int, c_void};
use std::os::fd::IntoRawFd;

/// Receives one message. *msg gets where it lies, lent.
///
/// Returns: 1 a message; 0 the stream ended between messages. -EAGAIN (timeout_ms 0), -ETIMEDOUT,
/// -ECANCELED: there is none yet; what came of it is kept: call again. These last:
/// FDWIRE_E_TRUNCATED: the stream ended inside a message. FDWIRE_E_TOO_LONG, FDWIRE_E_MALFORMED:
/// the stream is out of step (fdwire_conn_explain says why; fdwire_conn_skip gets past what is too
/// long). -ECONNRESET and others as recv(2) and read(2); -EPROTO: where the kernel speaks TLS,
/// something came that only the TLS library can answer. And: -EBUSY while a message is received in
/// parts; -EBADF without an in_fd; -EINVAL for a NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_recv(conn: *mut fdwire_conn, msg: *mut fdwire_msg, timeout_ms: c_int) -> c_int {
    // What is inside is given without a look at the clock.
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `msg`.
        let msg = unsafe { pointee(msg) }.filter(|_| timeout_ms >= -1)?;
        conn.connection.recv_alone(0..=usize::MAX, |message| *msg = fdwire_msg::lent(message)).map(|()| 1)
    };
    // SAFETY: the caller's promises.
    unsafe { alone(conn, quick).unwrap_or_else(|| recv(conn, msg, timeout_ms)) }
}

/// # Safety
/// As fdwire_conn_recv.
#[inline(never)]
unsafe fn recv(conn: *mut fdwire_conn, msg: *mut fdwire_msg, timeout_ms: c_int) -> c_int {
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `msg`.
        let msg = unsafe { pointee(msg) }.filter(|_| timeout_ms >= -1)?;
        conn.connection.recv_quickly(usize::MAX, |message| *msg = fdwire_msg::lent(message)).map(|()| 1)
    };
    let receive = move |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `msg`.
        let msg = unsafe { object(msg)? };
        let received = conn.connection.recv(deadline(timeout_ms)?, |message| *msg = fdwire_msg::lent(message))?;
        Ok(received.is_some().into())
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with_quick(conn, quick, receive) }
}

/// Receives as many messages as are there, at most cap, to msgs, waiting for the first only; *count
/// gets how many. All are lent. A message that brings descriptors is the last that one call gives.
///
/// Returns: 1 at least one message; 0 and errors as fdwire_conn_recv; one behind some messages
/// comes with the next call. -EINVAL also if cap is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_recv_many(
    conn: *mut fdwire_conn,
    msgs: *mut fdwire_msg,
    cap: usize,
    count: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    let receive = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `count` and `msgs`, which has room for `cap`.
        let (count, msgs) = unsafe { (object(count)?, list_mut(msgs, cap)?) };
        match conn.connection.recv_many(msgs, deadline(timeout_ms)?, fdwire_msg::lent)? {
            Some(received) => {
                *count = received;
                Ok(1)
            }
            None => Ok(0),
        }
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, receive) }
}

/// Receives the body of one message to body, which has room for cap bytes (NULL if cap is 0); *len
/// gets its length. The head is not shown. A large body goes straight to where it ends up. For
/// several threads that receive on one connection, this is the call.
///
/// Returns: 1 a message; 0 and errors as fdwire_conn_recv. -ENOBUFS: the body is longer than cap;
/// *len is the room that it needs, and the message stays where it is: call again. -ENOMEM lasts if a
/// call that runs out of time finds no memory for the part of a body that came.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_recv_into(
    conn: *mut fdwire_conn,
    body: *mut c_void,
    cap: usize,
    len: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `body` and `len`.
        let (body, len) = unsafe { (bytes_mut(body, cap).ok()?, pointee(len).filter(|_| timeout_ms >= -1)?) };
        let len_few = *FEW.start()..=cap.min(*FEW.end()); // which are copied without a call
        conn.connection.recv_alone(len_few, |message| copy_to(body, len, message)).flatten()
    };
    // SAFETY: the caller's promises.
    unsafe { alone(conn, quick).unwrap_or_else(|| recv_into(conn, body, cap, len, timeout_ms)) }
}

/// Copies a body, if there is room.
#[inline(always)]
fn copy_to(body: &mut [u8], len: &mut usize, message: Message<'_>) -> Option<c_int> {
    copy_short(body.get_mut(..message.body.len())?, message.body);
    *len = message.body.len();
    Some(1)
}

/// # Safety
/// As fdwire_conn_recv_into.
#[inline(never)]
unsafe fn recv_into(
    conn: *mut fdwire_conn,
    body: *mut c_void,
    cap: usize,
    len: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    let quick = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `body` and `len`.
        let (body, len) = unsafe { (bytes_mut(body, cap).ok()?, pointee(len).filter(|_| timeout_ms >= -1)?) };
        conn.connection.recv_quickly(cap, |message| copy_to(body, len, message)).flatten()
    };
    let receive = move |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `body` and `len`.
        let (body, len) = unsafe { (bytes_mut(body, cap)?, object(len)?) };
        match conn.connection.recv_into(body, deadline(timeout_ms)?) {
            Ok(Some(received)) => {
                *len = received;
                Ok(1)
            }
            Ok(None) => Ok(0),
            Err(Error::NoRoom { needed }) => {
                *len = usize::try_from(needed).unwrap_or(usize::MAX);
                Err(Error::NoRoom { needed })
            }
            Err(error) => Err(error),
        }
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with_quick(conn, quick, receive) }
}

/// Receives the head of a message whose body is then received in parts, however large it is: *head
/// gets the head, lent, with no body; *body_len how many bytes the body has. Where the end of a
/// message must be searched for, the whole of it is gathered first. head->tail_len says how many
/// bytes come behind the body; they are checked, and not handed over.
///
/// Then fdwire_conn_recv_part receives the body until it returns 0, or fdwire_conn_skip drops what
/// is left of it. Until then other receives get -EBUSY.
///
/// Returns: 1 a message begins; 0 and errors as fdwire_conn_recv.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_recv_begin(
    conn: *mut fdwire_conn,
    head: *mut fdwire_msg,
    body_len: *mut u64,
    timeout_ms: c_int,
) -> c_int {
    let begin = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `head` and `body_len`.
        let (head, body_len) = unsafe { (object(head)?, object(body_len)?) };
        let begun = conn.connection.recv_begin(deadline(timeout_ms)?, |bytes, frame| {
            let (body, tail_len) = (bytes.as_ptr_range().end, frame.tail);
            *head = fdwire_msg { head: bytes.as_ptr(), body, head_len: bytes.len(), body_len: 0, tail_len };
            *body_len = frame.body;
        })?;
        Ok(begun.is_some().into())
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, begin) }
}

/// Receives some of the body that fdwire_conn_recv_begin began: as many bytes as are there, at most
/// cap, waiting for the first only; *got gets how many.
///
/// Returns: 1 some bytes; 0 the body is at its end, and the message is done. Errors as
/// fdwire_conn_recv; -EINVAL where no message was begun, or if cap is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_recv_part(
    conn: *mut fdwire_conn,
    buf: *mut c_void,
    cap: usize,
    got: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    let receive = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `buf` and `got`.
        let (buf, got) = unsafe { (bytes_mut(buf, cap)?, object(got)?) };
        *got = conn.connection.recv_part(buf, deadline(timeout_ms)?)?;
        Ok((*got > 0).into())
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, receive) }
}

/// After FDWIRE_E_TOO_LONG: goes past that message, to be in step with the next one. While a
/// message is received in parts: past the rest of it. Its bytes are dropped as they come, by later
/// receives.
///
/// Returns: 0; the error that lasts where it is another, or where no end of that message is known;
/// -EINVAL where there is nothing to be skipped, or for a NULL; -EBUSY while another thread waits in
/// fdwire_conn_recv_into for the rest of a body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_skip(conn: *mut fdwire_conn) -> c_int {
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, |conn| conn.connection.skip().map(|()| 0)) }
}

/// Hands over the bytes that were read and not delivered, and forgets them: for whoever goes on
/// with the descriptor in another way. *ptr gets where they lie, lent; *len how many they are.
/// Reads nothing.
///
/// Returns: 0; -EBUSY while a message is received in parts; -EINVAL for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_unread(conn: *mut fdwire_conn, ptr: *mut *const c_void, len: *mut usize) -> c_int {
    let unread = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `ptr` and `len`.
        let (ptr, len) = unsafe { (object(ptr)?, object(len)?) };
        conn.connection.unread(|rest| (*ptr, *len) = (rest.as_ptr().cast(), rest.len()))?;
        Ok(0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, unread) }
}

/// The descriptors that came with the last message that a receive gave, or with the parts of it so
/// far: at most cap to fds (NULL if cap is 0); *count gets how many. They are the caller's, who
/// closes them, and close-on-exec. Those that are not taken before the next receive are closed.
///
/// They are known by FDWIRE_TAKE_FDS. A sender that is not fdwire binds them to a message by
/// sending it with a sendmsg(2) of its own. A message brings 253 at most. What comes with bytes that
/// are skipped, or handed over by fdwire_conn_unread, is closed.
///
/// Returns: 1 if *count is not 0; 0 there are none (any more). -EMFILE: not all that were sent
/// could be received, for want of free descriptors or memory, or they were more than 253; those that
/// came were closed. -ENOMEM:
/// call again. -EINVAL for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_take_fds(
    conn: *mut fdwire_conn,
    fds: *mut c_int,
    cap: usize,
    count: *mut usize,
) -> c_int {
    let take = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `count` and `fds`, which has room for `cap`.
        let (count, fds) = unsafe { (object(count)?, if cap > 0 { list_mut(fds, cap)? } else { &mut [] }) };
        let taken = conn.connection.take_descriptors(cap)?;
        *count = taken.len();
        for (slot, fd) in fds.iter_mut().zip(taken) {
            *slot = fd.into_raw_fd();
        }
        Ok((*count > 0).into())
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, take) }
}
