//! One whole message on a plain descriptor, with nothing read past it.
//!
//! For simple programs: no state is kept between calls. A thread may send while another receives on the same descriptor,
//! but two must not do the same at once.
//!
//! ```
//! use fdwire::{Error, fd::Deadline, format::Format, message};
//! use std::io::Write;
//! use std::os::fd::AsFd;
//!
//! let (reader, mut writer) = std::io::pipe()?;
//! let line = Format::parse("line max=80")?;
//! message::send(writer.as_fd(), &line, b"one", Deadline::Never)?;
//! writer.write_all(b"tw")?;
//! drop(writer);
//!
//! let mut body = [0; 80];
//! assert_eq!(message::recv(reader.as_fd(), &line, &mut body, Deadline::Never)?, Some(3));
//! // A stream that ends inside a message did not end well.
//! assert_eq!(message::recv(reader.as_fd(), &line, &mut body, Deadline::Never), Err(Error::Truncated));
//! assert_eq!(message::recv(reader.as_fd(), &line, &mut body, Deadline::Never)?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ahead;
mod search;

use crate::Error;
use crate::codec::{Scratch, head_of};
use crate::fd::{self, Deadline, Kind, Read, errno};
use crate::format::{Format, Frame, Tail};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;

/// Sends one message: its head, made by the format, `body`, and the tail, in as few system calls as the kernel allows (one).
///
/// # Errors
/// [`Error::TooLong`] or [`Error::Malformed`] for a body that the format cannot say: nothing was sent. EAGAIN: nothing was
/// sent, for want of time. ETIMEDOUT: time ran out and part of the message may be on its way; then only closing makes
/// sense. EPIPE, ECONNRESET: nobody receives any more. Others as [`fd::write_all`].
#[inline]
pub fn send(fd: BorrowedFd<'_>, format: &Format, body: &[u8], deadline: Deadline) -> Result<(), Error> {
    let mut scratch = Scratch::new();
    let head = head_of(format, None, body.into(), &mut scratch)?;
    let tail = format.tail_behind(head, body.into())?;
    if !tail.is_empty() {
        return send_with_tail(fd, head, body, &tail, deadline);
    }
    send_parts(fd, &mut [IoSlice::new(head), IoSlice::new(body)], deadline)
}

fn send_with_tail(
    fd: BorrowedFd<'_>,
    head: &[u8],
    body: &[u8],
    tail: &Tail<'_>,
    deadline: Deadline,
) -> Result<(), Error> {
    let mut scratch = Scratch::new();
    let room = scratch.room(tail.len())?;
    tail.write(room)?;
    send_parts(fd, &mut [IoSlice::new(head), IoSlice::new(body), IoSlice::new(room)], deadline)
}

fn send_parts(fd: BorrowedFd<'_>, parts: &mut [IoSlice<'_>], deadline: Deadline) -> Result<(), Error> {
    let mut sent = 0;
    Kind::with(fd, |kind| fd::write_all_vectored(fd, kind, parts, &mut sent, deadline).map(Some))
        .map_err(|error| in_part(error, sent > 0))?;
    Ok(())
}

/// Receives the body of one message to the start of `body` and says how long it is; `None` when the stream ended between
/// messages.
///
/// # Errors
/// - [`Error::NoRoom`]: the body is longer than `body`. On a socket nothing was taken: call again with more room. On a
///   pipe the message was dropped, and the next call gets the one after it.
/// - EMSGSIZE: the body is longer than `body`, and the message was dropped though it came on a socket: descriptors that came
///   within its head hid the rest from being looked at, or it came in pieces and its head is long or its end had to be searched
///   for.
/// - EAGAIN: nothing was taken. With [`Deadline::Now`] a message on a socket is taken only when all of it has arrived; one
///   that is larger than the socket's receive buffer never does.
/// - ETIMEDOUT: time ran out, and part of the message may have been taken; then only closing makes sense.
/// - EOPNOTSUPP: the format has a delimiter that another begins with, so that only what follows tells which it was; that
///   cannot be looked at on a pipe, nor on a socket where descriptors hide it.
/// - [`Error::Truncated`]: the stream ended inside the message.
/// - [`Error::TooLong`], [`Error::Malformed`]: the stream is out of step; only closing makes sense.
/// - Others as [`fd::read_exact`].
#[inline]
pub fn recv(fd: BorrowedFd<'_>, format: &Format, body: &mut [u8], deadline: Deadline) -> Result<Option<usize>, Error> {
    // What may turn out too long for the caller, or not to have arrived, is looked at before it is taken.
    let look = format.max_body() > body.len() as u64 || deadline == Deadline::Now;
    Kind::with(fd, |kind| {
        let source = Source { fd, kind, format, deadline };
        match kind {
            _ if !format.tells_length() => search::recv(source, body),
            Kind::Socket if look => ahead::recv_looking(source, body),
            _ => ahead::recv_taking(source, body),
        }
    })
}

/// Where a message comes from, and until when.
#[derive(Clone, Copy)]
struct Source<'s> {
    fd: BorrowedFd<'s>,
    kind: Kind,
    format: &'s Format,
    deadline: Deadline,
}

impl Source<'_> {
    fn read(&self, parts: &mut [IoSliceMut<'_>], taken: &mut usize) -> Result<Read, Error> {
        fd::read_exact_vectored(self.fd, self.kind, parts, taken, self.deadline)
    }

    /// Refuses to begin with bytes that have not all come where the caller does not wait.
    fn check_there(&self, taken: usize, wanted: u64) -> Result<(), Error> {
        match self.deadline {
            Deadline::Now if taken == 0 && !fd::all_there(self.fd, wanted)? => Err(Error::Os(errno::EAGAIN)),
            _ => Ok(()),
        }
    }

    /// Reads what is left of a frame of which `taken` bytes were read to the start of `scratch`, to `body`, which is as long as
    /// its body, and refuses a tail that is none of the format's.
    #[inline(always)]
    fn take_rest(
        &self,
        frame: &Frame,
        mut taken: usize,
        scratch: &mut Scratch,
        body: &mut [u8],
    ) -> Result<Option<usize>, Error> {
        let len = body.len();
        self.check_there(taken, frame.total())?;
        let read = if taken == frame.head && frame.tail == 0 {
            self.read(&mut [IoSliceMut::new(body)], &mut taken)
        } else {
            self.take_parts(frame, &mut taken, scratch, body)
        };
        match read {
            Ok(Read::Full) => Ok(Some(len)),
            Ok(Read::End) => Ok(None),
            Err(error) => Err(in_part(error, taken > 0)),
        }
    }

    #[inline(never)]
    fn take_parts(
        &self,
        frame: &Frame,
        taken: &mut usize,
        scratch: &mut Scratch,
        body: &mut [u8],
    ) -> Result<Read, Error> {
        let mut end = Scratch::new();
        let tail = end.room(frame.tail)?;
        let (there, len) = (*taken, body.len());
        let start = scratch.room(there.max(frame.head))?;
        // What was taken of the body and the tail already.
        let behind_head = &start[frame.head.min(there)..there];
        let (of_body, of_tail) = behind_head.split_at(behind_head.len().min(body.len()));
        body[..of_body.len()].copy_from_slice(of_body);
        tail[..of_tail.len()].copy_from_slice(of_tail);
        let (body_rest, tail_rest) = (&mut body[of_body.len()..], &mut tail[of_tail.len()..]);
        let head_rest = &mut start[there.min(frame.head)..frame.head];
        let mut parts = [IoSliceMut::new(head_rest), IoSliceMut::new(body_rest), IoSliceMut::new(tail_rest)];
        match self.read(&mut parts, taken) {
            Ok(Read::Full) => self.format.check_tail(frame, start, tail).map(|()| Read::Full),
            Err(Error::Truncated) => Err(self.cut_off(frame, start, &tail[..taken.saturating_sub(frame.head + len)])),
            read => read,
        }
    }

    /// What is wrong with a frame behind whose beginning the stream has ended: what came of its tail may be.
    #[cold]
    #[inline(never)]
    fn cut_off(&self, frame: &Frame, start: &[u8], tail: &[u8]) -> Error {
        self.format.check_tail(frame, start, tail).err().unwrap_or(Error::Truncated)
    }

    /// Drops what is left of a frame that the caller has no room for, as `why` says; `None` where the stream ends before it.
    #[cold]
    #[inline(never)]
    fn drop_rest(&self, frame: &Frame, taken: usize, why: Error) -> Result<Option<usize>, Error> {
        let mut dropped = 0;
        match fd::discard(self.fd, frame.total() - taken as u64, &mut dropped, self.deadline) {
            Ok(Read::Full) => Err(why),
            Ok(Read::End) if taken == 0 => Ok(None),
            Ok(Read::End) => Err(Error::Truncated),
            Err(error) => Err(in_part(error, taken > 0 || dropped > 0)),
        }
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

/// To call again would not bring the message back, as it does elsewhere on a socket.
fn dropped(error: Error) -> Error {
    match error {
        Error::NoRoom { .. } => Error::Os(errno::EMSGSIZE),
        error => error,
    }
}
