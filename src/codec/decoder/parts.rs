//! A message whose body is taken in parts, so that it never has to be all there at once.

use super::{Decoder, State, to_usize};
use crate::Error;
use crate::format::{Format, Frame};
use crate::memory::{Rare, copy};
use std::ops::Deref;

/// The next of a body that is taken in parts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'d> {
    /// Some bytes, lent.
    Bytes(&'d [u8]),
    /// More have to come.
    Wait,
    /// The body is at its end, and so is the frame.
    End,
}

impl<F: Deref<Target = Format>> Decoder<F> {
    /// Begins the next message, as soon as its head is there and says how long it is: the head, lent, and the frame. Its body is
    /// then to be taken with [`part`](Decoder::part).
    ///
    /// # Errors
    /// As [`next_message`](Decoder::next_message).
    pub(crate) fn begin(&mut self) -> Result<Option<(&[u8], Frame)>, Error> {
        let Some(frame) = self.ahead()? else { return Ok(None) };
        let Some(head) = self.buffer.bytes().get(..frame.head) else { return Ok(None) };
        // Needed to check a tail, and to put the message back.
        *self.head.get_or_make(Vec::new)? = copy(head)?;
        self.state = State::Open { left: frame.body, tail: frame.tail };
        (self.before, self.at_least) = (0, 0);
        self.gone += frame.head as u64;
        Ok(Some((self.buffer.take(frame.head), frame)))
    }

    /// The next bytes of the body, at most so many.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Malformed`] for a tail that is none; [`Error::Misuse`] where no message was begun.
    pub(crate) fn part(&mut self, most: usize) -> Result<Part<'_>, Error> {
        let (left, tail) = match self.state {
            State::Open { left, tail } => (left, tail),
            State::Failed(error) => return Err(error),
            _ => return Err(Error::Misuse("no message is being taken in parts")),
        };
        let there = to_usize(left).min(self.buffer.len()).min(most);
        if there > 0 {
            self.went(there);
            return Ok(Part::Bytes(self.buffer.take(there)));
        }
        if left == 0 && self.buffer.len() >= tail {
            let frame = self.open_frame(tail);
            if let Err(error) = self.format.check_tail(&frame, self.open_head(), &self.buffer.bytes()[..tail]) {
                return self.fail(error);
            }
            self.drop_bytes(tail);
            self.head = Rare::none();
            self.begin_next();
            return Ok(Part::End);
        }
        if self.ended { self.fail(Error::Truncated) } else { Ok(Part::Wait) }
    }

    /// The frame whose body was taken, if all of it was.
    fn open_frame(&self, tail: usize) -> Frame {
        let head = self.open_head().len();
        Frame { head, body: self.gone - head as u64, tail }
    }

    fn open_head(&self) -> &[u8] {
        self.head.get().map_or(&[], |head| head)
    }

    /// So many bytes of the body came to where they are wanted, past the buffer, which is empty.
    pub(crate) fn passed(&mut self, len: usize) {
        self.received += len as u64;
        self.went(len);
    }

    /// So many bytes of the body are where they are wanted.
    fn went(&mut self, len: usize) {
        if let State::Open { left, .. } = &mut self.state {
            *left -= len as u64;
            self.gone += len as u64;
        }
    }

    /// How many bytes of the body are to come, while one is taken in parts.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.state {
            State::Open { left, .. } => Some(left),
            _ => None,
        }
    }

    /// Where in the stream the frame ends whose body is taken in parts.
    pub(crate) fn end_of_open(&self) -> Option<u64> {
        match self.state {
            State::Open { left, tail } => {
                let taken = self.received - self.buffer.len() as u64;
                Some(taken.saturating_add(left).saturating_add(tail as u64))
            }
            _ => None,
        }
    }

    /// Takes a message back that was begun, with the beginning of its body, to be delivered some other way.
    pub(crate) fn put_back(&mut self, body: &[u8]) -> Result<(), Error> {
        let State::Open { left, tail } = self.state else { return Ok(()) };
        let frame = Frame { body: body.len() as u64 + left, ..self.open_frame(tail) };
        let head = std::mem::replace(&mut self.head, Rare::none());
        if let Err(error) = self.buffer.prepend([head.get().map_or(&[], |head| head), body]) {
            return self.fail(error);
        }
        self.gone = 0;
        self.state = State::Inside(frame);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Decoder;

    fn decoder(text: &str) -> Decoder<Box<Format>> {
        Decoder::new(Box::new(Format::parse(text).unwrap()))
    }

    #[test]
    fn a_body_is_taken_in_parts_at_every_cut() {
        let wire = b"\0\0\0\x05hello;\0\0\0\x02ok;";
        for cut in 0..wire.len() {
            let mut decoder = decoder("u32be tail=';'");
            let (mut bodies, mut open) = (vec![], false);
            for piece in [&wire[..cut], &wire[cut..]] {
                decoder.feed(piece).unwrap();
                loop {
                    if !open {
                        let Some((head, frame)) = decoder.begin().unwrap() else { break };
                        assert_eq!((head.len(), frame.tail), (4, 1));
                        bodies.push(vec![]);
                        open = true;
                    }
                    match decoder.part(3).unwrap() {
                        Part::Bytes(bytes) => bodies.last_mut().unwrap().extend_from_slice(bytes),
                        Part::Wait => break,
                        Part::End => open = false,
                    }
                }
            }
            assert_eq!(bodies, [b"hello".to_vec(), b"ok".to_vec()], "{cut}");
            assert_eq!(decoder.offset(), wire.len() as u64);
        }
    }

    #[test]
    fn a_bad_tail_and_a_cut_off_body_are_told() {
        let mut bad = decoder("u8 tail=';'");
        bad.feed(b"\x01").unwrap();
        bad.begin().unwrap().unwrap();
        bad.feed(b"a!").unwrap();
        assert_eq!(bad.part(9), Ok(Part::Bytes(b"a")));
        assert!(matches!(bad.part(9), Err(Error::Malformed(_))));
        assert!(matches!(bad.part(9), Err(Error::Malformed(_))));

        let mut cut = decoder("u8");
        cut.feed(b"\x05ab").unwrap();
        cut.begin().unwrap().unwrap();
        assert_eq!(cut.part(9), Ok(Part::Bytes(b"ab")));
        assert_eq!(cut.part(9), Ok(Part::Wait));
        cut.end();
        assert_eq!(cut.part(9), Err(Error::Truncated));
    }

    #[test]
    fn the_rest_can_be_skipped_and_the_beginning_put_back() {
        let mut decoder = decoder("u8");
        decoder.feed(b"\x05abc").unwrap();
        decoder.begin().unwrap().unwrap();
        assert_eq!(decoder.part(2), Ok(Part::Bytes(b"ab")));
        decoder.put_back(b"ab").unwrap();
        decoder.feed(b"de\x04wxyz\x01!").unwrap();
        assert_eq!(decoder.next_message().unwrap().unwrap().body, b"abcde");
        decoder.begin().unwrap().unwrap();
        assert_eq!(decoder.part(1), Ok(Part::Bytes(b"w")));
        assert!(decoder.next_message().is_err());
        decoder.skip().unwrap();
        assert_eq!(decoder.next_message().unwrap().unwrap().body, b"!");
        assert_eq!(decoder.offset(), 13);
    }
}
