//! What the next call would find, without taking it.

use super::{Decoder, State};
use crate::Error;
use crate::format::{Format, Frame};
use std::ops::Deref;

impl<F: Deref<Target = Format>> Decoder<F> {
    /// The frame that comes next, as soon as it is known how long it is; its bytes need not all be there.
    ///
    /// # Errors
    /// As [`next_message`](Decoder::next_message).
    #[inline]
    pub(crate) fn ahead(&mut self) -> Result<Option<Frame>, Error> {
        if let Some(frame) = self.quick_frame() {
            return Ok(Some(frame));
        }
        if let Some(frame) = self.next_slowly()? {
            self.state = State::Inside(frame);
        }
        match self.state {
            State::Inside(frame) => Ok(Some(frame)),
            _ => Ok(None),
        }
    }

    /// Whether the next message is all there.
    ///
    /// # Errors
    /// As [`next_message`](Decoder::next_message).
    pub(crate) fn has_next(&mut self) -> Result<bool, Error> {
        let there = self.buffer.len() as u64;
        Ok(self.ahead()?.is_some_and(|frame| frame.total() <= there))
    }

    /// Whether a call that takes would get something with what is there: a message, some of a body, the end, or an error. An
    /// error is not looked at more closely: the format may still be changed.
    pub(crate) fn is_ready(&mut self) -> bool {
        match self.state {
            State::Failed(_) => return true,
            State::Open { left, tail } => {
                let enough = if left > 0 { 1 } else { tail };
                return self.ended || self.buffer.len() >= enough;
            }
            State::Skipping | State::Dropping(_) => {
                if self.drop_unwanted().is_err() {
                    return true;
                }
            }
            State::Between | State::Inside(_) => {}
        }
        self.ended || self.needed() == 0
    }

    pub(super) fn is_tail_bad(&self) -> bool {
        let State::Inside(frame) = self.state else { return false };
        self.tail_there(&frame).is_some_and(|tail| self.format.check_tail(&frame, self.buffer.bytes(), tail).is_err())
    }

    /// Whether the end of the stream was seen.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// What it stopped at.
    pub(crate) fn error(&self) -> Option<Error> {
        match self.state {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// Stops for good: bytes come no more because of this.
    pub(crate) fn stop(&mut self, error: Error) {
        self.state = State::Failed(error);
    }

    /// How many messages were delivered, or skipped.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// How many bytes came.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Drops what is there of a frame that is not wanted. What is wrong with it, the next call says.
    pub(crate) fn drop_ahead(&mut self) {
        if let State::Skipping | State::Dropping(_) = self.state {
            let _ = self.drop_unwanted();
        }
    }

    /// No more bytes will come.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Goes on in other memory, and gives back what it had. `chunk` is how much room it then makes at once.
    ///
    /// # Errors
    /// [`Error::NoMemory`] where `memory` is too small.
    pub(crate) fn move_to(&mut self, memory: Vec<u8>, chunk: usize) -> Result<Vec<u8>, Error> {
        self.buffer.move_to(memory, chunk)
    }

    /// Room that is there already; [`commit`](Decoder::commit) says how much of it was filled.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        self.buffer.spare()
    }
}
