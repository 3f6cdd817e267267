//! Bytes in, messages out.

mod ahead;
mod packed;
mod parts;

pub(crate) use packed::Packed;
pub(crate) use parts::Part;

use super::buffer::Buffer;
use super::explain::Explanation;
use crate::Error;
use crate::format::{Ask, Cut, Cutter, Format, Frame, Probe, Quick};
use crate::memory::Rare;
use std::fmt;
use std::ops::{Deref, RangeInclusive};

/// Cuts a stream of bytes, however it comes, into messages.
///
/// `F` is how the format is held: `&Format`, `Arc<Format>`, `Box<Format>`.
#[derive(Debug)]
pub struct Decoder<F> {
    format: F,
    buffer: Buffer,
    state: State,
    /// So many of the bytes were there when the format asked for more.
    before: usize,
    /// Before so many bytes are there, the program's own function is not asked again.
    at_least: usize,
    messages: u64,
    /// So many bytes came, in all.
    received: u64,
    /// So many bytes of the frame were dropped, because it is not wanted, or taken in parts.
    gone: u64,
    ended: bool,
    /// The head of a message whose body is being taken in parts, where it is needed to check the tail.
    head: Rare<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a frame or inside it.
    Between,
    /// Inside a frame of which all is known.
    Inside(Frame),
    /// Inside a frame that is not wanted, and of which the end is not known yet.
    Skipping,
    /// Inside a frame that is not wanted, so many bytes before its end.
    Dropping(u64),
    /// Inside a body that is being taken in parts, so many bytes before its end, and before a tail of so many.
    Open { left: u64, tail: usize },
    /// Out of step.
    Failed(Error),
}

/// A message in the decoder's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'d> {
    /// All of it: head, body and tail lie one after the other.
    pub frame: &'d [u8],
    /// The bytes before the body, the length field among them.
    pub head: &'d [u8],
    /// The payload.
    pub body: &'d [u8],
    /// What follows the body and belongs to the frame.
    pub tail: &'d [u8],
}

impl<'d> From<Cut<'d>> for Message<'d> {
    #[inline(always)]
    fn from(Cut { frame, head, body, tail, .. }: Cut<'d>) -> Message<'d> {
        Message { frame, head, body, tail }
    }
}

impl<F: Deref<Target = Format>> Decoder<F> {
    /// One that has seen nothing yet, and holds no memory.
    pub fn new(format: F) -> Decoder<F> {
        Decoder {
            format,
            buffer: Buffer::new(),
            state: State::Between,
            before: 0,
            at_least: 0,
            messages: 0,
            received: 0,
            gone: 0,
            ended: false,
            head: Rare::none(),
        }
    }

    /// Room to read more bytes into: 4 KiB at first, more as more comes. [`commit`](Decoder::commit) says how many were read.
    ///
    /// # Errors
    /// The error that the decoder stopped at; [`Error::Broken`] after [`finish`](Decoder::finish); [`Error::NoMemory`].
    pub fn space(&mut self) -> Result<&mut [u8], Error> {
        self.check_open()?;
        let wanted = match self.state {
            State::Inside(frame) => to_usize(frame.total()).saturating_sub(self.buffer.len()),
            _ => 0,
        };
        self.buffer.room(wanted)
    }

    /// Takes the first `len` bytes of the space for read.
    ///
    /// # Errors
    /// [`Error::Misuse`] where there was less space.
    pub fn commit(&mut self, len: usize) -> Result<(), Error> {
        self.check_open()?;
        self.buffer.add(len)?;
        self.received += len as u64;
        Ok(())
    }

    /// Adds a copy of `bytes`.
    ///
    /// # Errors
    /// As [`space`](Decoder::space). No byte was taken then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.check_open()?;
        self.buffer.append(bytes)?;
        self.received += bytes.len() as u64;
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        match self.state {
            State::Failed(error) => Err(error),
            _ if self.ended => Err(Error::Broken),
            _ => Ok(()),
        }
    }

    /// The next message, lent from the buffer; `None` where its bytes are not all there yet. Lent messages stay where they are
    /// until bytes are added.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::TooLong`]: the stream is out of step, and every later call says so again, until
    /// [`skip`](Decoder::skip). [`Error::Truncated`] after [`finish`](Decoder::finish).
    #[inline]
    pub fn next_message(&mut self) -> Result<Option<Message<'_>>, Error> {
        match self.quick_frame() {
            Some(frame) => Ok(Some(self.take(frame))),
            None => self.next_by_probe(),
        }
    }

    /// The next message, if the short way tells it and its body is not longer than this. `None` says nothing.
    #[inline(always)]
    pub(crate) fn next_quickly(&mut self, most: usize) -> Option<Message<'_>> {
        if !self.is_at_beginning() {
            return None;
        }
        let (bytes, start) = self.buffer.front()?;
        let cut = self.format.quick().cut(bytes).filter(|cut| cut.body.len() <= most)?;
        (*start, self.messages) = (*start + cut.frame.len(), self.messages + 1);
        Some(cut.into())
    }

    /// The same of the format whose way is the shortest, with nothing on it that could fail, if its body is so long.
    #[inline(always)]
    pub(crate) fn next_most_quickly(&mut self, body_len: RangeInclusive<usize>) -> Option<Message<'_>> {
        if !self.is_at_beginning() {
            return None;
        }
        let (bytes, start) = self.buffer.front()?;
        let Quick::U32be(u32be) = self.format.quick() else { return None };
        let cut = u32be.cut(bytes).filter(|cut| body_len.contains(&cut.body.len()))?;
        // Neither wraps: the first is at most where the bytes end.
        (*start, self.messages) = (start.wrapping_add(cut.frame.len()), self.messages.wrapping_add(1));
        Some(cut.into())
    }

    /// As many messages as are there and `out` has room for, each as `lend` makes it; says how many. What was lent stays where
    /// it is until bytes are added.
    ///
    /// # Errors
    /// As [`next_message`](Decoder::next_message); one behind some messages comes with the next call.
    #[inline]
    pub fn next_messages<T>(&mut self, out: &mut [T], lend: &impl Fn(Message<'_>) -> T) -> Result<usize, Error> {
        let mut found = 0;
        loop {
            found += self.take_quick_ones(&mut out[found..], lend);
            let Some(slot) = out.get_mut(found) else { return Ok(found) };
            match self.next_by_probe() {
                Ok(Some(message)) => *slot = lend(message),
                Err(error) if found == 0 => return Err(error),
                Ok(None) | Err(_) => return Ok(found),
            }
            found += 1;
        }
    }

    /// Those that the short way tells. A function of its own, so that all that changes with each stays in registers.
    #[inline(never)]
    fn take_quick_ones<T>(&mut self, out: &mut [T], lend: &impl Fn(Message<'_>) -> T) -> usize {
        if !self.is_at_beginning() {
            return 0;
        }
        let Some((bytes, start)) = self.buffer.front() else { return 0 };
        // By value: what it says of the format stays in registers too.
        let (taken, len) = match *self.format.quick() {
            Quick::No => (0, 0),
            Quick::U32be(u32be) => lend_all(out, u32be.cuts(bytes), lend),
            Quick::U32beAt(length) => lend_all(out, length.cuts(bytes), lend),
            Quick::Length(length) => lend_all(out, length.cuts(bytes), lend),
            Quick::Varint(varint) => lend_all(out, varint.cuts(bytes), lend),
            Quick::Until(until) => lend_all(out, until.cuts(bytes), lend),
        };
        *start += len;
        self.messages += taken as u64;
        taken
    }

    /// Whether this is the beginning of a frame that nobody was asked about.
    #[inline(always)]
    fn is_at_beginning(&self) -> bool {
        self.state == State::Between && self.before == 0
    }

    #[cold]
    fn next_by_probe(&mut self) -> Result<Option<Message<'_>>, Error> {
        if self.buffer.len() == 0 && self.state == State::Between {
            return Ok(None); // which every call finds that is about to wait
        }
        let Some(frame) = self.next_slowly()? else { return Ok(None) };
        (self.state, self.before, self.at_least) = (State::Between, 0, 0);
        Ok(Some(self.take(frame)))
    }

    /// The frame that is next and all there, if the short way tells it.
    #[inline(always)]
    fn quick_frame(&self) -> Option<Frame> {
        if !self.is_at_beginning() {
            return None;
        }
        let Cut { head, body, tail, .. } = self.format.quick().cut(self.buffer.bytes())?;
        Some(Frame { head: head.len(), body: body.len() as u64, tail: tail.len() })
    }

    /// Takes a frame that is all there.
    #[inline(always)]
    fn take(&mut self, frame: Frame) -> Message<'_> {
        self.messages += 1;
        let all = self.buffer.take(to_usize(frame.total()));
        let (head, rest) = all.split_at(frame.head);
        let (body, tail) = rest.split_at(to_usize(frame.body));
        Message { frame: all, head, body, tail }
    }

    /// A frame that is all there, if it can be delivered with what has come.
    fn next_slowly(&mut self) -> Result<Option<Frame>, Error> {
        loop {
            match self.state {
                State::Failed(error) => return Err(error),
                State::Inside(frame) => return self.inside(frame),
                State::Open { .. } => return Err(Error::Misuse("a message is being taken in parts")),
                State::Skipping | State::Dropping(_) => {
                    self.drop_unwanted()?;
                    match self.state {
                        State::Skipping | State::Dropping(_) if !self.ended => return Ok(None),
                        State::Skipping => self.skip_to_end()?,
                        State::Dropping(_) => return self.fail(Error::Truncated),
                        _ => {}
                    }
                }
                State::Between if self.buffer.len() == 0 => return Ok(None),
                State::Between if self.buffer.len() < self.at_least && !self.ended => return Ok(None),
                State::Between => {
                    let probe = self.probe_on();
                    return self.incomplete(probe);
                }
            }
        }
    }

    /// The end of the stream may be that of a frame which is being skipped, too.
    fn skip_to_end(&mut self) -> Result<(), Error> {
        match self.format.probe_end_as(self.buffer.bytes(), self.ask()) {
            Ok(frame) => self.drop_bytes(to_usize(frame.total())),
            Err(error) => return self.fail(error),
        }
        self.begin_next();
        Ok(())
    }

    /// What a probe said that was not of a frame which is all there and has no tail.
    #[cold]
    fn incomplete(&mut self, probe: Result<Probe, Error>) -> Result<Option<Frame>, Error> {
        match probe {
            Ok(Probe::Frame(frame)) => self.inside(frame),
            Ok(Probe::NeedMore { .. }) if self.ended => self.at_end(),
            Ok(Probe::NeedMore { at_least }) => {
                self.before = self.buffer.len();
                self.at_least = if self.format.is_custom() { at_least } else { 0 };
                Ok(None)
            }
            Err(error) => self.fail(error),
        }
    }

    fn inside(&mut self, frame: Frame) -> Result<Option<Frame>, Error> {
        self.state = State::Inside(frame);
        let (bytes, tail) = (self.buffer.bytes(), self.tail_there(&frame));
        if let Err(error) = tail.map_or(Ok(()), |tail| self.format.check_tail(&frame, bytes, tail)) {
            return self.fail(error);
        }
        match frame.total() {
            total if total <= self.buffer.len() as u64 => Ok(Some(frame)),
            _ if self.ended => self.at_end(),
            _ => Ok(None),
        }
    }

    /// What is there behind the body.
    fn tail_there(&self, frame: &Frame) -> Option<&[u8]> {
        let body = usize::try_from(frame.body).ok()?;
        self.buffer.bytes().get(frame.head.checked_add(body)?..)
    }

    /// No more bytes will come: what is there is the last frame, if it is one.
    fn at_end(&mut self) -> Result<Option<Frame>, Error> {
        match self.format.probe_end(self.buffer.bytes()) {
            Ok(frame) => Ok(Some(frame)),
            Err(error) => self.fail(error),
        }
    }

    fn fail<T>(&mut self, error: Error) -> Result<T, Error> {
        self.state = State::Failed(error);
        Err(error)
    }

    /// Says that the stream ended: no more bytes will come. True if messages wait, of which the end of the stream may have
    /// completed the last; false if all were delivered.
    ///
    /// # Errors
    /// [`Error::Truncated`]: it ended inside a message. The error that the decoder stopped at before.
    pub fn finish(&mut self) -> Result<bool, Error> {
        self.ended = true;
        match self.next_slowly()? {
            Some(frame) => {
                self.state = State::Inside(frame);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Goes past the frame that is too long, or that is being taken in parts, to be in step with the next one. Its bytes are
    /// dropped as they come.
    ///
    /// # Errors
    /// [`Error::Misuse`] where there is no such frame; the decoder's error where it is another: then no end is known.
    pub fn skip(&mut self) -> Result<(), Error> {
        match self.state {
            State::Failed(error @ Error::TooLong { .. }) => {
                self.state = State::Skipping;
                self.before = 0;
                self.drop_unwanted()?;
                match self.state {
                    // Its end may never come, and the function may want to see all that does.
                    State::Skipping if self.format.is_custom() => self.fail(error),
                    _ => Ok(()),
                }
            }
            State::Failed(error) => Err(error),
            State::Open { left, tail } => {
                self.state = State::Dropping(left.saturating_add(tail as u64));
                self.drop_unwanted()
            }
            _ => Err(Error::Misuse("nothing is there to be skipped")),
        }
    }

    fn drop_unwanted(&mut self) -> Result<(), Error> {
        if self.state == State::Skipping {
            match self.probe_on() {
                Ok(Probe::Frame(frame)) => self.state = State::Dropping(frame.total()),
                Ok(Probe::NeedMore { .. }) => {
                    if let Some((front, back)) = self.format.needed_to_go_on(self.buffer.bytes()) {
                        self.gone += self.buffer.take_middle(front, back) as u64;
                    }
                    self.before = self.buffer.len();
                }
                Err(error) => return self.fail(error),
            }
        }
        if let State::Dropping(left) = self.state {
            let there = left.min(self.buffer.len() as u64);
            self.drop_bytes(there as usize);
            self.state = State::Dropping(left - there);
            if left == there {
                self.begin_next();
            }
        }
        Ok(())
    }

    fn drop_bytes(&mut self, len: usize) {
        self.buffer.take(len);
        self.gone += len as u64;
    }

    /// What was dropped, or taken in parts, was a message.
    fn begin_next(&mut self) {
        self.messages += 1;
        self.gone = 0;
        (self.state, self.before, self.at_least) = (State::Between, 0, 0);
    }

    /// How many more bytes the next message needs at least; 0 where it is there or will never be.
    pub fn needed(&mut self) -> usize {
        if self.state == State::Between && !self.ended {
            // A function of the program's own is not asked before so many are there.
            if self.buffer.len() < self.at_least {
                return self.at_least - self.buffer.len();
            }
            // What this finds out need not be found out again.
            match self.probe_on() {
                Ok(Probe::NeedMore { .. }) => self.before = self.buffer.len(),
                Ok(Probe::Frame(frame)) if frame.total() <= self.buffer.len() as u64 => return 0,
                Ok(Probe::Frame(frame)) if self.buffer.len() > 0 => self.state = State::Inside(frame),
                Ok(Probe::Frame(_)) => {} // its first byte may never come
                Err(_) => return 0,
            }
        }
        if self.is_tail_bad() { 0 } else { self.missing() }
    }

    fn missing(&self) -> usize {
        let total = match self.state {
            _ if self.ended => 0,
            State::Failed(_) => 0,
            State::Inside(frame) => to_usize(frame.total()),
            State::Dropping(left) => to_usize(left),
            State::Open { left, tail } => to_usize(left.saturating_add(tail as u64)),
            State::Between | State::Skipping => match self.probe_on() {
                Ok(Probe::NeedMore { at_least }) => at_least,
                Ok(Probe::Frame(frame)) => to_usize(frame.total()),
                Err(_) => 0,
            },
        };
        total.saturating_sub(self.buffer.len())
    }

    /// A probe that goes on where the one before it stopped.
    fn probe_on(&self) -> Result<Probe, Error> {
        self.format.probe_as(self.buffer.bytes(), self.ask())
    }

    fn ask(&self) -> Ask {
        Ask { before: self.before, unlimited: self.state == State::Skipping }
    }

    /// Where in the stream the next message begins, or the one at which the decoder stopped: so many bytes lie before it.
    pub fn offset(&self) -> u64 {
        self.received - self.gone - self.buffer.len() as u64
    }

    /// Changes the format of all messages that were not delivered yet.
    ///
    /// # Errors
    /// [`Error::Misuse`] while a frame is being skipped of which the end is not known, or taken in parts; the error that the
    /// decoder stopped at.
    pub fn set_format(&mut self, format: F) -> Result<(), Error> {
        match self.state {
            State::Failed(error) => return Err(error),
            State::Skipping => return Err(Error::Misuse("a frame is being skipped whose end is not known yet")),
            State::Open { .. } => return Err(Error::Misuse("a message is being taken in parts")),
            State::Dropping(_) => {}
            State::Between | State::Inside(_) => self.state = State::Between,
        }
        self.format = format;
        (self.before, self.at_least) = (0, 0);
        Ok(())
    }

    /// Hands over the bytes that were not delivered, and forgets them: for whoever goes on with the stream. After an error they
    /// begin with the frame that it was; those of a frame that is being skipped, or taken in parts, are not among them.
    pub fn unread(&mut self) -> &[u8] {
        let unwanted = |state| matches!(state, State::Skipping | State::Dropping(_));
        if unwanted(self.state) && (self.drop_unwanted().is_err() || unwanted(self.state)) {
            return &[];
        }
        if let State::Open { .. } = self.state {
            return &[];
        }
        (self.before, self.at_least) = (0, 0);
        match self.state {
            State::Inside(_) => self.state = State::Between,
            State::Failed(_) => self.gone += self.buffer.len() as u64, // it stays where it stopped
            _ => {}
        }
        self.buffer.take(self.buffer.len())
    }

    /// How many bytes wait in it.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// How many bytes of memory the buffer holds.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Where the decoder stands and, if it stopped, why, with the bytes, for people: "message 3 at stream offset 128: the length
    /// field 47 45 54 20 says 1195725856, over the limit of 16777216; these bytes are the text 'GET ': is the peer speaking
    /// HTTP?"
    ///
    /// ```
    /// use fdwire::{codec::Decoder, format::Format};
    ///
    /// let format = Format::parse("u32be")?;
    /// let mut decoder = Decoder::new(&format);
    /// decoder.feed(b"GET / HTTP/1.1")?;
    /// assert!(decoder.next_message().is_err());
    /// assert!(decoder.explain().to_string().ends_with("is the peer speaking HTTP?"));
    /// # Ok::<(), fdwire::Error>(())
    /// ```
    pub fn explain(&self) -> impl fmt::Display + '_ {
        Explanation {
            format: &self.format,
            message: self.messages + 1,
            offset: self.offset(),
            bytes: self.buffer.bytes(),
            gone: self.gone,
            error: if let State::Failed(error) = self.state { Some(error) } else { None },
            needed: self.missing(),
        }
    }
}

/// Lends frames, as many as `out` has room for: how many, and how many bytes they are.
#[inline(always)]
fn lend_all<'d, T>(
    out: &mut [T],
    mut cuts: impl Iterator<Item = Cut<'d>>,
    lend: impl Fn(Message<'d>) -> T,
) -> (usize, usize) {
    let (mut taken, mut bytes) = (0usize, 0usize);
    for slot in out {
        let Some(cut) = cuts.next() else { break };
        // Neither wraps: they lie one behind another.
        (taken, bytes) = (taken.wrapping_add(1), bytes.wrapping_add(cut.frame.len()));
        *slot = lend(cut.into());
    }
    (taken, bytes)
}

fn to_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
