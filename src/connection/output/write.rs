//! Bytes that wait go out, as far as they go.

use super::{COPIED, NOT_TO_BE_SENT, Outgoing, Output, Pace, Written, passes};
use crate::Error;
use crate::codec::{Scratch, head_of, put};
use crate::connection::pool;
use crate::connection::queue::{Mark, Marked, Refs, Stretch};
use crate::connection::transport::Transport;
use crate::fd::{Wait, errno};
use crate::format::Format;
use crate::memory::copy_short;
use std::io::IoSlice;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};

/// A frame up to this length is put together on the stack when it goes out at once: a piece more costs the kernel as much as a
/// copy of some thousand bytes.
const SHORT: usize = 2048;

/// Most are shorter by far, and where the way is short the place for them is not made as large.
const SHORTER: usize = 512;
const SHORTEST: usize = 128;

/// Room for a head that there is a short way to.
const HEAD: usize = 8;

/// Most pieces that one write is made of.
const SLICES: usize = 256;

/// So many writes a call makes before it looks at the clock: what goes at once goes, however little time there was.
const UNTIMED: u64 = 16;

/// How much of a message went out at once.
pub(in crate::connection) enum AtOnce {
    All,
    Some(usize),
}

impl<F: Deref<Target = Format>> Output<F> {
    /// Sends a message at once, as far as it goes; says how many bytes of it went. Only where nothing waits.
    #[inline]
    pub(in crate::connection) fn try_at_once(
        &mut self,
        transport: &Transport<'_>,
        message: Outgoing<'_>,
        most: u64,
        wait: Wait,
    ) -> Result<AtOnce, Error> {
        if let Some((len, written)) = self.try_short(transport, message, most, wait) {
            return self.went_at_once(len, written);
        }
        self.try_long(transport, message, most, wait)
    }

    /// The same of any message.
    #[inline(never)]
    fn try_long(
        &mut self,
        transport: &Transport<'_>,
        message: Outgoing<'_>,
        most: u64,
        wait: Wait,
    ) -> Result<AtOnce, Error> {
        let mut scratch = Scratch::new();
        let head = head_of(&self.format, message.head, message.body.into(), &mut scratch)?;
        let tail = self.format.tail_behind(head, message.body.into())?;
        let len = head.len() + message.body.len() + tail.len();
        if len as u64 > most {
            return Err(Error::Os(errno::EMSGSIZE));
        }
        let written = if len <= SHORT {
            let mut frame = [0; SHORT];
            put(head, message.body, &tail, &mut frame[..len])?;
            self.write_slices(transport, &[IoSlice::new(&frame[..len])], wait)
        } else {
            let mut scratch = Scratch::new();
            let end = scratch.room(tail.len())?;
            tail.write(end)?;
            let slices = [IoSlice::new(head), IoSlice::new(message.body), IoSlice::new(end)];
            self.write_slices(transport, &slices, wait)
        };
        self.went_at_once(len, written)
    }

    /// The same of one that is short, and so is the way to its head: how long it is, and how much of it went. `None` says
    /// nothing.
    #[inline]
    fn try_short(
        &mut self,
        transport: &Transport<'_>,
        message: Outgoing<'_>,
        most: u64,
        wait: Wait,
    ) -> Option<(usize, Result<usize, Error>)> {
        let body = message.body;
        let quick = self.format.quick_head().filter(|_| message.head.is_none() && body.len() <= SHORT - HEAD)?;
        let (head, head_len) = quick.write(body.len() as u64)?;
        let len = head_len + body.len();
        if len as u64 > most {
            return None;
        }
        let written = if len <= SHORTEST {
            self.write_frame::<{ SHORTEST + HEAD }>(transport, head, head_len, body, wait)
        } else if len <= SHORTER {
            self.write_frame::<{ SHORTER + HEAD }>(transport, head, head_len, body, wait)
        } else {
            self.write_frame::<{ SHORT + HEAD }>(transport, head, head_len, body, wait)
        };
        Some((len, written))
    }

    /// Puts a frame together, whose head is the first `head_len` bytes of these, and writes it.
    #[inline]
    fn write_frame<const ROOM: usize>(
        &mut self,
        transport: &Transport<'_>,
        head: [u8; HEAD],
        head_len: usize,
        body: &[u8],
        wait: Wait,
    ) -> Result<usize, Error> {
        let mut frame = [0; ROOM];
        frame[..HEAD].copy_from_slice(&head);
        copy_short(&mut frame[head_len..head_len + body.len()], body);
        self.write_slices(transport, &[IoSlice::new(&frame[..head_len + body.len()])], wait)
    }

    #[inline]
    fn went_at_once(&mut self, len: usize, written: Result<usize, Error>) -> Result<AtOnce, Error> {
        match written {
            Ok(written) if written == len => {
                self.messages += 1;
                Ok(AtOnce::All)
            }
            Ok(written) => Ok(AtOnce::Some(written)),
            Err(Error::Os(errno::EAGAIN)) => Ok(AtOnce::Some(0)),
            Err(error) => self.fail(error),
        }
    }

    /// Accepts a message, all of it but the bytes that went out already.
    pub(in crate::connection) fn accept_rest<'m>(
        &mut self,
        message: Outgoing<'m>,
        went: usize,
        refs: &mut Refs<'m>,
    ) -> Result<(), Error> {
        let before = self.end();
        if let Err(error) = self.encode(message, COPIED, refs) {
            refs.clear();
            return if went == 0 { self.refuse(before, error) } else { self.fail(error) };
        }
        self.queue.consume(went, refs);
        self.outside = refs.len;
        self.messages += 1;
        Ok(())
    }

    /// Writes what waits, as far as it goes.
    ///
    /// # Errors
    /// Those of writing, which last, but for those that pass.
    pub(in crate::connection) fn write(
        &mut self,
        transport: &Transport<'_>,
        refs: &mut Refs<'_>,
        pace: Pace,
    ) -> Result<Written, Error> {
        self.write_until(u64::MAX, transport, refs, pace)
    }

    /// Writes what waits before a place, as far as it goes.
    ///
    /// # Errors
    /// As [`write`](Output::write).
    pub(in crate::connection) fn write_until(
        &mut self,
        place: u64,
        transport: &Transport<'_>,
        refs: &mut Refs<'_>,
        pace: Pace,
    ) -> Result<Written, Error> {
        self.check()?;
        let mine = !refs.is_empty();
        let written = self.write_on(place, transport, refs, pace);
        if mine {
            self.outside = refs.len;
        }
        match written {
            Err(error) if !passes(error) => self.fail(error),
            written => written,
        }
    }

    fn write_on(
        &mut self,
        until: u64,
        transport: &Transport<'_>,
        refs: &mut Refs<'_>,
        pace: Pace,
    ) -> Result<Written, Error> {
        if refs.is_empty() && self.has_barrier() {
            return Ok(Written::Held); // what the transport was given already, comes first and whole
        }
        let before = self.writes;
        while self.queue.is_before(until) && (!self.queue.is_empty() || !refs.is_empty()) {
            if self.writes - before >= UNTIMED && pace.is_over() {
                return Ok(Written::Blocked);
            }
            let written = match self.queue.marked_at_front() {
                Some(Marked::Stretch(_)) => self.write_file(transport, pace.wait),
                Some(Marked::Descriptors { .. }) => self.write_with_descriptors(transport),
                None => match self.write_bytes(until, transport, refs, pace.wait) {
                    Ok((len, all)) if len < all && pace.wait == Wait::No && transport.is_full_when_short() => {
                        return Ok(Written::Blocked);
                    }
                    written => written.map(|(len, _)| len),
                },
            };
            match written {
                Ok(_) => {}
                Err(Error::Os(errno::EAGAIN)) => return Ok(Written::Blocked),
                Err(error) => return Err(error),
            }
        }
        match self.queue.is_empty() {
            true => self.queue.settle(),
            false => self.queue.rewind(),
        }
        Ok(Written::All)
    }

    /// Writes bytes up to the next mark: how many of how many.
    fn write_bytes(
        &mut self,
        until: u64,
        transport: &Transport<'_>,
        refs: &mut Refs<'_>,
        wait: Wait,
    ) -> Result<(usize, usize), Error> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.queue.slices(until, refs, &mut slices);
        let slices = &slices[..count];
        let all = slices.iter().map(|slice| slice.len()).sum();
        let len = write_retrying(transport, slices, wait, &mut self.writes)?;
        self.bytes += len as u64;
        self.queue.consume(len, refs);
        Ok((len, all))
    }

    fn write_slices(&mut self, transport: &Transport<'_>, slices: &[IoSlice<'_>], wait: Wait) -> Result<usize, Error> {
        let len = write_retrying(transport, slices, wait, &mut self.writes)?;
        self.bytes += len as u64;
        Ok(len)
    }

    fn write_file(&mut self, transport: &Transport<'_>, wait: Wait) -> Result<usize, Error> {
        let Some(Marked::Stretch(stretch)) = self.queue.marked_at_front() else { return Ok(0) };
        let len = write_retrying(transport, &[IoSlice::new(stretch.chunk()?)], wait, &mut self.writes)?;
        self.bytes += len as u64;
        if stretch.went(len) {
            self.queue.pop_mark();
        }
        Ok(len)
    }

    fn write_with_descriptors(&mut self, transport: &Transport<'_>) -> Result<usize, Error> {
        let Some(mark) = self.queue.pop_mark() else { return Ok(0) };
        let written = self.write_marked(transport, &mark);
        match written {
            Ok(len) => {
                self.bytes += len as u64;
                self.queue.consume(len, &mut Refs::default());
            }
            Err(_) => self.queue.unpop_mark(mark),
        }
        written
    }

    fn write_marked(&mut self, transport: &Transport<'_>, mark: &Mark) -> Result<usize, Error> {
        let Marked::Descriptors { list, until } = &mark.what else { return Ok(0) };
        let output = transport.output().ok_or(Error::Os(errno::EOPNOTSUPP))?;
        let mut descriptors: Vec<BorrowedFd<'_>> = Vec::new();
        crate::memory::reserve(&mut descriptors, list.len())?;
        descriptors.extend(list.iter().map(AsFd::as_fd));
        let slices = [IoSlice::new(self.queue.front(*until))];
        loop {
            self.writes += 1;
            match output.write_with_descriptors(&slices, &descriptors) {
                Ok(0) => return Err(Error::Os(errno::EIO)),
                Err(Error::Os(errno::EINTR)) => {}
                Err(Error::Os(errno::EINVAL)) => return Err(NOT_TO_BE_SENT),
                result => return result,
            }
        }
    }
}

#[inline]
fn write_retrying(
    transport: &Transport<'_>,
    slices: &[IoSlice<'_>],
    wait: Wait,
    writes: &mut u64,
) -> Result<usize, Error> {
    loop {
        *writes += 1;
        match transport.write(slices, wait) {
            Ok(0) => return Err(Error::Os(errno::EIO)),
            Err(Error::Os(errno::EINTR)) => {}
            result => return result,
        }
    }
}

impl Stretch {
    /// Bytes of the file that are to go out next.
    fn chunk(&mut self) -> Result<&[u8], Error> {
        if self.from == self.to {
            if self.chunk.is_empty() {
                self.chunk = pool::take(pool::CHUNK)?;
            }
            let len = self.chunk.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            (self.from, self.to) = (0, self.file.read_at(&mut self.chunk[..len], self.offset)?);
            if self.to == 0 {
                return Err(Error::Truncated); // the file is shorter than it was
            }
        }
        Ok(&self.chunk[self.from..self.to])
    }

    /// Counts bytes that went out; whether they were the last.
    fn went(&mut self, len: usize) -> bool {
        self.from += len;
        self.offset += len as u64;
        self.left -= len as u64;
        if self.left == 0 {
            pool::give(std::mem::take(&mut self.chunk));
        }
        self.left == 0
    }
}
