//! One whole message
//!
//! For simple programs: no state is kept between calls, and nothing is read past the message, so
//! the next byte on the descriptor is the first of the next one. One thread may send while another
//! receives on the same descriptor; two must not send at once, nor receive at once, or their bytes
//! mix.
//!
//! A thread that keeps to one socket is spared the question what sort of descriptor it is. So close
//! it with fdwire_close: after a plain close(2), a datagram socket that gets its number may be taken
//! for it. TCP's urgent data has no place in a stream of messages: a look at what has arrived ends
//! there.

use super::format::{fdwire_format, format_or_default};
use super::guard::{borrow, bytes, bytes_mut, deadline, object, status};
use crate::{Error, message};
use std::ffi::{c_int, c_void};

/// Sends one message to a stream socket, a pipe or a file: the head that format (NULL: u32be) gives
/// it, len bytes of body (NULL if len is 0), and what the format puts behind that, in one system
/// call where the kernel takes it all. Bytes of the head that are not the length are 0, but for
/// what the format says.
///
/// Returns: 0, all of it is with the kernel. FDWIRE_E_TOO_LONG or FDWIRE_E_MALFORMED for a body
/// that the format cannot say, such as one that holds its delimiter, with nothing sent. -EAGAIN
/// (timeout_ms 0): nothing was sent. -ETIMEDOUT: time ran out, and part of the message may be on
/// its way: then only closing makes sense. -EPIPE, -ECONNRESET: nobody receives any more. -EBADF,
/// -EPROTOTYPE, -EINVAL, -ENOMEM, and others as send(2) and write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_send(
    fd: c_int,
    format: *const fdwire_format,
    body: *const c_void,
    len: usize,
    timeout_ms: c_int,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format` and `body`.
        let (format, body) = unsafe { (format_or_default(format), bytes(body, len)?) };
        message::send(borrow(fd)?, format, body, deadline(timeout_ms)?)?;
        Ok(0)
    })
}

/// Receives the body of one message of this format (NULL: u32be) to body, which has room for cap
/// bytes (NULL if cap is 0); *len gets its length. An empty message is 1 with *len 0, the end of
/// the stream is 0. The head is not shown.
///
/// If the body is longer than cap: -ENOBUFS, and *len is the room that it needs. On a socket
/// nothing was taken: call again with more. On a pipe, whose bytes cannot be looked at without
/// taking them, the message was dropped, and the next call gets the one after it.
///
/// With timeout_ms 0 a message on a socket is taken only when all of it has arrived, which one
/// larger than the socket's receive buffer never does; on a pipe, when the bytes have that it surely
/// begins with: all of its head, or of one whose length differs (varint, decimal, line, ...) the
/// first. If others are missing then, that is -ETIMEDOUT.
///
/// Where the end of a message must be searched for (line, delimited, headers, ...), it is looked at
/// on a socket, and read byte by byte on a pipe: right everywhere, fast with a decoder. On a socket
/// too, one that comes in pieces, or has more than 16 KiB, is then taken piece by piece, and if it
/// turns out longer than cap it is dropped: -EMSGSIZE. So is, in any format, one whose head has more
/// than 64 bytes, if these come in pieces and timeout_ms is not 0.
///
/// A format whose max is at most cap spares the look at what cannot fit: on a Unix socket in which
/// many messages wait, that is several times faster.
///
/// Returns: 1 a message; 0 the stream ended between messages. FDWIRE_E_TRUNCATED: it ended inside
/// one. FDWIRE_E_TOO_LONG, FDWIRE_E_MALFORMED: the peer sends something else, and only closing
/// makes sense. -ENOBUFS: as above; -EMSGSIZE: as above; and where descriptors sent within the head
/// hid its rest from being looked at. -EAGAIN (timeout_ms 0): nothing was taken. -ETIMEDOUT: time
/// ran out, and part of the message may have been taken: then only closing makes sense; where
/// timeouts are normal, leave the waiting to poll(2). -ECONNRESET: the peer broke off. -EOPNOTSUPP:
/// one delimiter begins another, or lines are split, and only what follows would tell where the
/// message ends: on a pipe, and on a socket where descriptors hide it, when only closing makes
/// sense. -ENOMEM: nothing was taken, or, where the end is searched for and was not
/// looked at, part of the message: then only closing makes sense. -EBADF, -EPROTOTYPE, -EINVAL,
/// -EMFILE (to wait for a head that comes in pieces takes a descriptor), and others as recv(2) and
/// read(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_recv(
    fd: c_int,
    format: *const fdwire_format,
    body: *mut c_void,
    cap: usize,
    len: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format`, `body` and `len`.
        let (format, body, len) = unsafe { (format_or_default(format), bytes_mut(body, cap)?, object(len)?) };
        match message::recv(borrow(fd)?, format, body, deadline(timeout_ms)?) {
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
    })
}
