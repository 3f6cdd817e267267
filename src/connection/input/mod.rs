//! Receiving: bytes come as far as they are there, and become messages.

mod arrivals;
mod packed;
mod parts;
mod read;

use super::pool;
use super::transport::Transport;
use crate::Error;
use crate::codec::{Decoder, Message};
use crate::fd::{Deadline, Wait, errno};
use crate::format::Format;
use crate::memory::Rare;
use arrivals::Arrivals;
use std::ops::{Deref, RangeInclusive};

/// A body of at least this length goes straight to where the caller wants it.
const LARGE: usize = 64 * 1024;

/// A message that was put back as time ran out is gathered, until one is given whole.
const PUT_BACK: usize = usize::MAX;

/// Calls that may not wait come when poll(2) says that there is something: then they need not look for it.
const POLLED: u8 = 1;

/// A read that could wait in the kernel did not: the descriptor is non-blocking.
const UNWAITING: u8 = 2;

/// A direction of a connection: bytes to messages.
#[derive(Debug)]
pub struct Input<F> {
    pub(super) decoder: Decoder<F>,
    pub(super) reads: u64,
    read_size: u32,
    /// The last read took less than there was room for: nothing more is there, most likely.
    drained: bool,
    /// `POLLED`, `UNWAITING`: in one byte, for there may be very many connections.
    known: u8,
    /// Reads are made so that what comes beside the bytes is seen.
    control: bool,
    /// The beginning of a body is in the memory of a call that waits for the rest.
    direct: bool,
    /// So many bytes of it; `PUT_BACK` behind one that was put back.
    done: usize,
    /// Descriptors that came, if they are wanted.
    arrivals: Rare<Arrivals>,
}

/// How far a step came.
#[derive(Debug)]
pub(super) enum Step<R> {
    Done(R),
    /// The stream has ended between messages.
    End,
    /// More has to come.
    Wait,
    /// Another call has to be done first.
    Held,
}

/// How a step goes about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Whether it may wait in the kernel.
    pub(super) wait: Wait,
    /// Whether to read at once though nothing is there, most likely.
    pub(super) eager: bool,
    /// Until when, for bytes that come without end.
    pub(super) deadline: Deadline,
    /// Receiving was ended by the program.
    pub(super) shut: bool,
}

impl<F: Deref<Target = Format>> Input<F> {
    pub(super) fn new(format: F) -> Input<F> {
        Input {
            decoder: Decoder::new(format),
            reads: 0,
            read_size: pool::CHUNK as u32,
            drained: false,
            known: 0,
            control: false,
            direct: false,
            done: 0,
            arrivals: Rare::none(),
        }
    }

    fn read_size(&self) -> usize {
        self.read_size as usize
    }

    pub(super) fn set_read_size(&mut self, bytes: u32) {
        self.read_size = bytes;
    }

    pub(super) fn set_polled(&mut self, polled: bool) {
        self.known = if polled { self.known | POLLED } else { self.known & !POLLED };
    }

    /// Whether nothing more will be read.
    pub(super) fn is_over(&self) -> bool {
        self.decoder.has_ended() || self.decoder.error().is_some()
    }

    /// Whether another call waits for the rest of a body.
    pub(super) fn is_held(&self) -> bool {
        self.direct
    }

    pub(super) fn skip(&mut self) -> Result<(), Error> {
        if self.is_held() { Err(Error::Os(errno::EBUSY)) } else { self.decoder.skip() }
    }

    /// Hands over what was not delivered, and forgets it with what it brought.
    pub(super) fn unread<R>(&mut self, lend: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        if self.is_open() {
            return Err(Error::Os(errno::EBUSY));
        }
        let lent = lend(self.decoder.unread());
        self.forget_dropped();
        Ok(lent)
    }

    /// Ends receiving for good.
    pub(super) fn fail(&mut self, error: Error) {
        self.decoder.stop(error);
    }

    /// What waits for this call, as `take` takes it from the decoder, as soon as it is there.
    #[inline]
    pub(super) fn step<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        mut take: impl FnMut(&mut Decoder<F>) -> Result<Option<R>, Error>,
    ) -> Result<Step<R>, Error> {
        loop {
            self.forget_dropped();
            if let Some(taken) = take(&mut self.decoder)? {
                return Ok(Step::Done(taken));
            }
            if let Some(step) = self.read(transport, manner)? {
                return Ok(step);
            }
        }
    }

    /// A message that is inside, if there is a short way to it and its body is not longer than this. `None` says nothing.
    #[inline(always)]
    pub(super) fn quickly<R>(&mut self, most: usize, lend: impl FnOnce(Message<'_>) -> R) -> Option<R> {
        if self.arrivals.get().is_some() {
            return None;
        }
        self.decoder.next_quickly(most).map(lend)
    }

    /// The same where it is the shortest, if its body is so long.
    #[inline(always)]
    pub(super) fn most_quickly<R>(
        &mut self,
        len: RangeInclusive<usize>,
        lend: impl FnOnce(Message<'_>) -> R,
    ) -> Option<R> {
        if self.arrivals.get().is_some() {
            return None;
        }
        self.decoder.next_most_quickly(len).map(lend)
    }

    /// One message, and what it brought.
    #[inline]
    pub(super) fn one<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        mut lend: impl FnMut(Message<'_>) -> R,
    ) -> Result<Step<R>, Error> {
        if !self.enters()? {
            return Ok(Step::Held);
        }
        let step = self.step(transport, manner, |decoder| Ok(decoder.next_message()?.map(&mut lend)))?;
        self.deliver();
        Ok(step)
    }

    /// As many messages as are there; one with descriptors is the last.
    #[inline]
    pub(super) fn many<T>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        out: &mut [T],
        lend: &impl Fn(Message<'_>) -> T,
    ) -> Result<Step<usize>, Error> {
        if !self.enters()? {
            return Ok(Step::Held);
        }
        self.step(transport, manner, |decoder| Ok(Some(decoder.next_messages(out, lend)?).filter(|count| *count > 0)))
    }

    /// Ends what the last receive lent, for another one, unless that has to wait until a third is done.
    ///
    /// # Errors
    /// EBUSY: a body is being taken in parts, and nothing else is received meanwhile.
    #[inline]
    fn enters(&mut self) -> Result<bool, Error> {
        if self.direct {
            return Ok(false);
        }
        if self.is_open() {
            return Err(Error::Os(errno::EBUSY));
        }
        self.end_loan();
        Ok(true)
    }

    /// Whether a body is being taken in parts.
    pub(super) fn is_open(&self) -> bool {
        self.decoder.left().is_some()
    }

    /// Gives back memory that is not needed for what waits. Memory for messages of this size may be kept for the next. As much room
    /// as that is left, so that what waits is not moved each time that a little comes.
    pub(super) fn settle(&mut self, keep: bool) {
        let (held, len) = (self.decoder.capacity(), self.decoder.buffered());
        let less = match len {
            _ if held == 0 || self.direct || (keep && self.is_large()) => return,
            0 => Vec::new(),
            len if held <= 2 * len + LARGE => return,
            len => match pool::zeroed(2 * len) {
                Ok(less) => less,
                Err(_) => return,
            },
        };
        if let Ok(memory) = self.decoder.move_to(less, self.read_size()) {
            pool::give(memory);
        }
    }

    /// Whether it holds more memory than a read needs.
    pub(super) fn is_large(&self) -> bool {
        self.decoder.capacity() > 2 * self.read_size()
    }
}
