//! Packed messages on a connection
//!
//! Many messages a call without a struct for each: their bodies lie one behind another, and an array
//! has their lengths. For languages in which a struct to be filled in, or a call, costs more than a
//! message does; and for several threads that receive many messages each. In Python:
//!
//!    bodies = io.BytesIO(bytes(1 << 20))
//!    room = (ctypes.c_char * (1 << 20)).from_buffer(bodies.getbuffer())
//!    lens, count = (ctypes.c_size_t * 256)(), ctypes.c_size_t()
//!    while fdwire_conn_recv_packed(conn, room, 1 << 20, lens, 256, ctypes.byref(count), -1) == 1:
//!        bodies.seek(0)
//!        for body in map(bodies.read, lens[:count.value]):
//!            handle(body)

use super::connection::{fdwire_conn, with};
use super::guard::{EINVAL, bytes, bytes_mut, deadline, list, list_mut, object};
use super::transmit::result_of;
use crate::Error;
use crate::connection::Outgoing;
use std::ffi::{c_int, c_void};

/// Receives the bodies of as many messages as are there, as long as they fit into the cap bytes at
/// bodies (NULL if cap is 0), one behind another, and their lengths into the most places at lens;
/// waiting for the first message only. *count gets how many. The heads are not shown. A message
/// that brings descriptors is the last that one call gives.
///
/// Nothing is lent, so that several threads may receive like this on one connection. A large body
/// goes straight to where it ends up, if it is the first.
///
/// Returns: 1 at least one message; 0 and errors as fdwire_conn_recv; one behind some messages
/// comes with the next call. -ENOBUFS: the first body is longer than cap; lens[0] is the room that
/// it needs, and the message stays where it is: call again. -EINVAL also if most is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_recv_packed(
    conn: *mut fdwire_conn,
    bodies: *mut c_void,
    cap: usize,
    lens: *mut usize,
    most: usize,
    count: *mut usize,
    timeout_ms: c_int,
) -> c_int {
    let receive = |conn: &fdwire_conn| {
        // SAFETY: the caller's promises for `bodies`, which has room for `cap` bytes, for `lens`, which has it for `most`, and for
        // `count`.
        let (bodies, lens, count) = unsafe { (bytes_mut(bodies, cap)?, list_mut(lens, most)?, object(count)?) };
        match conn.connection.recv_packed(bodies, lens, deadline(timeout_ms)?) {
            Ok(Some(received)) => {
                *count = received;
                Ok(1)
            }
            Ok(None) => Ok(0),
            Err(Error::NoRoom { needed }) => {
                lens[0] = usize::try_from(needed).unwrap_or(usize::MAX);
                Err(Error::NoRoom { needed })
            }
            Err(error) => Err(error),
        }
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, receive) }
}

/// Sends count messages, with as few system calls as there can be: their bodies lie one behind
/// another at bodies (NULL if they are all empty), their lengths at lens (NULL if count is 0). The
/// format makes the heads.
///
/// Returns: as fdwire_conn_send; all of them were accepted or none. -EINVAL also if the lengths
/// together are more than PTRDIFF_MAX.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_send_packed(
    conn: *mut fdwire_conn,
    bodies: *const c_void,
    lens: *const usize,
    count: usize,
    timeout_ms: c_int,
) -> c_int {
    let send = |conn: &fdwire_conn| {
        // SAFETY: the caller's promise for `lens`, which has `count` lengths.
        let lens = unsafe { list(lens, count)? };
        let len = lens.iter().try_fold(0usize, |sum, len| sum.checked_add(*len)).ok_or(EINVAL)?;
        // SAFETY: the caller's promise for `bodies`, which has as many bytes as the lengths say.
        let bodies = unsafe { bytes(bodies, len)? };
        conn.connection.send_all(Bodies { bodies, lens }, deadline(timeout_ms)?).map(result_of)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, send) }
}

/// Messages whose bodies lie one behind another.
#[derive(Clone)]
struct Bodies<'m> {
    bodies: &'m [u8],
    lens: &'m [usize],
}

impl<'m> Iterator for Bodies<'m> {
    type Item = Result<Outgoing<'m>, Error>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (len, lens) = self.lens.split_first()?;
        self.lens = lens;
        let Some((body, rest)) = self.bodies.split_at_checked(*len) else { return Some(Err(EINVAL)) };
        self.bodies = rest;
        Some(Ok(Outgoing { head: None, body }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.lens.len(), Some(self.lens.len()))
    }
}

impl ExactSizeIterator for Bodies<'_> {}
