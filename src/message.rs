//! One whole message on a plain descriptor, with nothing read past it.
//!
//! For simple programs: no state is kept between calls. A thread may send while another receives on the same descriptor,
//! but two must not do the same at once.

use crate::Error;
use crate::fd::{self, Deadline, Kind, Look, Read, Sight, errno};
use crate::format::{Format, Frame, Probe};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;

/// Sends one message: its head, made by the format, and `body`, in as few system calls as the kernel allows (one).
///
/// # Errors
/// [`Error::TooLong`] or [`Error::Malformed`] for a body that the format cannot say: nothing was sent. EAGAIN: nothing was
/// sent, for want of time. ETIMEDOUT: time ran out and part of the message may be on its way; then only closing makes
/// sense. EPIPE, ECONNRESET: nobody receives any more. Others as [`fd::write_all`].
#[inline]
pub fn send(fd: BorrowedFd<'_>, format: &Format, body: &[u8], deadline: Deadline) -> Result<(), Error> {
    let body_len = body.len() as u64;
    let mut scratch = Scratch::new();
    let head = scratch.room(format.head_len(body_len)?)?;
    format.fill_head(body_len, head)?;
    let mut sent = 0;
    let mut frame = [IoSlice::new(head), IoSlice::new(body)];
    Kind::with(fd, |kind| fd::write_all_vectored(fd, kind, &mut frame, &mut sent, deadline).map(Some))
        .map_err(|error| in_part(error, sent > 0))?;
    Ok(())
}

/// Receives the body of one message to the start of `body` and says how long it is; `None` when the stream ended between
/// messages.
///
/// # Errors
/// - [`Error::NoRoom`]: the body is longer than `body`. On a socket nothing was taken: call again with more room. On a
///   pipe the message was dropped, and the next call gets the one after it.
/// - EMSGSIZE: the body is longer than `body`, and the message was dropped: descriptors that came within its head hid the
///   rest from being looked at.
/// - EAGAIN: nothing was taken. With [`Deadline::Now`] a message on a socket is taken only when all of it has arrived; one
///   that is larger than the socket's receive buffer never does.
/// - ETIMEDOUT: time ran out, and part of the message may have been taken; then only closing makes sense.
/// - [`Error::Truncated`]: the stream ended inside the message.
/// - [`Error::TooLong`], [`Error::Malformed`]: the stream is out of step; only closing makes sense.
/// - Others as [`fd::read_exact`].
#[inline]
pub fn recv(fd: BorrowedFd<'_>, format: &Format, body: &mut [u8], deadline: Deadline) -> Result<Option<usize>, Error> {
    // What may turn out too long for the caller, or not to have arrived, is looked at before it is taken.
    let look = format.max_body() > body.len() as u64 || deadline == Deadline::Now;
    Kind::with(fd, |kind| match kind {
        Kind::Socket if look => recv_looking(fd, format, body, deadline),
        kind => recv_taking(fd, kind, format, body, deadline),
    })
}

/// The head is looked at first, and then taken together with the body, so that nothing is gone that the caller has no room
/// for. Two system calls; but Linux makes a look at a Unix socket walk along all that waits in it.
fn recv_looking(
    fd: BorrowedFd<'_>,
    format: &Format,
    body: &mut [u8],
    deadline: Deadline,
) -> Result<Option<usize>, Error> {
    let mut scratch = Scratch::new();
    let mut look = Look::new(fd, deadline);
    let mut seen = 0;
    let frame = loop {
        match format.probe(scratch.room(seen)?)? {
            Probe::Frame(frame) => break frame,
            Probe::NeedMore { at_least } => match look.beyond(seen, scratch.room(at_least)?)? {
                Sight::Bytes(there) => seen = there,
                Sight::End if seen == 0 => return Ok(None),
                Sight::End => return Err(Error::Truncated),
                Sight::Hidden => {
                    let received = recv_taking(fd, Kind::Socket, format, body, deadline);
                    // To call again would not bring it back, as it does elsewhere on a socket.
                    return received.map_err(|error| match error {
                        Error::NoRoom { .. } => Error::Os(errno::EMSGSIZE),
                        error => error,
                    });
                }
            },
        }
    };
    let len = fits(&frame, body)?;
    take_rest(fd, Kind::Socket, &frame, 0, &mut scratch, &mut body[..len], deadline)
}

/// The head is taken as far as the frame surely goes, and then the rest: two system calls as well.
#[inline]
fn recv_taking(
    fd: BorrowedFd<'_>,
    kind: Kind,
    format: &Format,
    body: &mut [u8],
    deadline: Deadline,
) -> Result<Option<usize>, Error> {
    let mut scratch = Scratch::new();
    let mut taken = 0;
    let frame = loop {
        match format.probe(scratch.room(taken)?)? {
            Probe::Frame(frame) => break frame,
            Probe::NeedMore { at_least } => {
                if deadline == Deadline::Now && taken == 0 && !fd::all_there(fd, at_least as u64)? {
                    return Err(Error::Os(errno::EAGAIN));
                }
                let rest = &mut scratch.room(at_least)?[taken..];
                match fd::read_exact_vectored(fd, kind, &mut [IoSliceMut::new(rest)], &mut taken, deadline) {
                    Ok(Read::Full) => {}
                    Ok(Read::End) => return Ok(None),
                    Err(error) => return Err(in_part(error, taken > 0)),
                }
            }
        }
    };
    match fits(&frame, body) {
        Ok(len) => take_rest(fd, kind, &frame, taken, &mut scratch, &mut body[..len], deadline),
        Err(no_room) => {
            fd::discard(fd, frame.total() - taken as u64, deadline).map_err(|error| in_part(error, true))?;
            Err(no_room)
        }
    }
}

/// Reads what is left of a frame of which `taken` bytes were read, all within its head.
#[inline(always)]
fn take_rest(
    fd: BorrowedFd<'_>,
    kind: Kind,
    frame: &Frame,
    mut taken: usize,
    scratch: &mut Scratch,
    body: &mut [u8],
    deadline: Deadline,
) -> Result<Option<usize>, Error> {
    let len = body.len();
    if deadline == Deadline::Now && taken == 0 && !fd::all_there(fd, frame.total())? {
        return Err(Error::Os(errno::EAGAIN));
    }
    let read = if taken == frame.head && frame.tail == 0 {
        fd::read_exact_vectored(fd, kind, &mut [IoSliceMut::new(body)], &mut taken, deadline)
    } else {
        let (head, tail) = scratch.room(frame.head + frame.tail)?.split_at_mut(frame.head);
        let mut parts = [IoSliceMut::new(&mut head[taken..]), IoSliceMut::new(body), IoSliceMut::new(tail)];
        fd::read_exact_vectored(fd, kind, &mut parts, &mut taken, deadline)
    };
    match read {
        Ok(Read::Full) => Ok(Some(len)),
        Ok(Read::End) => Ok(None),
        Err(error) => Err(in_part(error, taken > 0)),
    }
}

fn fits(frame: &Frame, body: &[u8]) -> Result<usize, Error> {
    match usize::try_from(frame.body) {
        Ok(len) if len <= body.len() => Ok(len),
        _ => Err(Error::NoRoom { needed: frame.body }),
    }
}

/// EAGAIN promises that nothing has moved; where something has, time has run out inside the message.
fn in_part(error: Error, moved: bool) -> Error {
    match error {
        Error::Os(errno::EAGAIN) if moved => Error::Os(errno::ETIMEDOUT),
        error => error,
    }
}

/// Heads up to this length, which is nearly all, cost no allocation.
const SHORT: usize = 64;

/// Room for a head and a tail.
struct Scratch {
    short: [u8; SHORT],
    long: Vec<u8>,
}

impl Scratch {
    fn new() -> Scratch {
        Scratch { short: [0; SHORT], long: Vec::new() }
    }

    /// The first `len` bytes, those that were there before unchanged.
    #[inline(always)]
    fn room(&mut self, len: usize) -> Result<&mut [u8], Error> {
        if len <= SHORT && self.long.is_empty() { Ok(&mut self.short[..len]) } else { self.long_room(len) }
    }

    #[cold]
    fn long_room(&mut self, len: usize) -> Result<&mut [u8], Error> {
        if len > self.long.len() {
            self.long.try_reserve_exact(len - self.long.len()).map_err(|_| Error::Os(errno::ENOMEM))?;
            if self.long.is_empty() {
                self.long.extend_from_slice(&self.short);
            }
            self.long.resize(len, 0);
        }
        Ok(&mut self.long[..len])
    }
}
