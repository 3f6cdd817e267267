//! A stream cut in all ways.
//!
//! - However the bytes come, whole, one by one or in pieces, to Rust or to C: the messages, the errors, their order, where in
//!   the stream they are and what is left of it are the same.
//! - A message is what came. An error stays, and refuses more bytes; a frame that is too long can be skipped.
//! - A function that tells the same frames gives the same messages.
//! - Memory follows the bytes that came, and [`needed`](fdwire::codec::Decoder::needed) never goes past its message.
//!
//! The bytes aside are the sizes of the pieces, over and over. One of 0 is a pause before a single byte, in which the program
//! has the bytes handed over, sets the format anew and feeds them again: that changes nothing either.

use crate::c::code::{MALFORMED, TRUNCATED};
use crate::model::{self, Happening};
use crate::stream::{Message, Rust, Stream};
use crate::{Input, c};
use fdwire::Error;
use fdwire::format::{Format, Probe};
use std::ffi::c_int;
use std::fmt::Debug;

/// Memory that a decoder may hold whatever came: room for what comes next.
const MEMORY_LEAST: usize = 16 * 1024;

/// The target.
pub fn check(input: &[u8]) {
    let Input { text, aside, bytes } = Input::read(input);
    let Ok(format) = Format::parse(text) else { return };
    let whole = Run::whole(Rust::new(&format), &format, bytes);
    assert_eq!(whole.happenings(), model::stream(text, bytes), "as the manual has it");
    assert_eq!(whole, Run::in_pieces(Rust::new(&format), &format, bytes, &[1]), "byte by byte");
    assert_eq!(whole, Run::in_pieces(Rust::new(&format), &format, bytes, aside), "in pieces");

    let in_c = c::Format::new(text).expect("a good text is good in C");
    let whole = whole.map(c::code_of);
    assert_eq!(whole, Run::whole(c::Decoder::new(&in_c), &format, bytes), "in C");
    assert_eq!(whole, Run::in_pieces(c::Decoder::new(&in_c), &format, bytes, aside), "in pieces, in C");

    let custom = c::Format::custom(&format);
    let told = Run::in_pieces(c::Decoder::new(&custom), &format, bytes, aside);
    assert_eq!(told.events, by_probes(&format, bytes), "as a function tells the frames");
}

/// What comes of a stream whose frames are told by probes alone: those of which the end is not seen are cut off, and what is
/// wrong is all the same.
fn by_probes(format: &Format, bytes: &[u8]) -> Vec<(u64, Event<c_int>)> {
    let (mut events, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let event = match format.probe(&bytes[at..]) {
            Ok(Probe::Frame(frame)) => match usize::try_from(frame.total()).ok().and_then(|len| bytes[at..].get(..len))
            {
                Some(frame_bytes) => {
                    let (head, body) = frame_bytes.split_at(frame.head);
                    Event::Message([head.to_vec(), body.to_vec(), Vec::new()])
                }
                None => Event::Error(TRUNCATED),
            },
            Ok(Probe::NeedMore { .. }) => Event::Error(TRUNCATED),
            Err(_) => Event::Error(MALFORMED),
        };
        let len = if let Event::Message(message) = &event { message.concat().len() } else { usize::MAX };
        events.push((at as u64, event));
        at = at.saturating_add(len);
    }
    events
}

/// All that came of a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Run<E> {
    /// And where in the stream.
    pub(crate) events: Vec<(u64, Event<E>)>,
    /// How many of them came before the stream's end.
    pub(crate) before_end: usize,
    /// The bytes that nobody was given; none of a frame that is being skipped.
    pub(crate) left: Vec<u8>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Event<E> {
    Message(Message),
    Error(E),
}

impl<E: Debug> Run<E> {
    /// Fed at once.
    pub(crate) fn whole<S: Stream<Error = E>>(stream: S, format: &Format, bytes: &[u8]) -> Run<E> {
        let mut runner = Runner::new(stream, format, bytes);
        runner.stream.feed(bytes).expect(IN_STEP);
        runner.fed = bytes.len();
        let in_step = runner.drain();
        runner.end(in_step)
    }

    /// Read in pieces of these sizes.
    fn in_pieces<S: Stream<Error = E>>(stream: S, format: &Format, bytes: &[u8], sizes: &[u8]) -> Run<E> {
        let mut runner = Runner::new(stream, format, bytes);
        let mut sizes = sizes.iter().cycle();
        let mut in_step = true;
        while in_step && runner.fed < bytes.len() {
            let size = sizes.next().map_or(usize::MAX, |size| usize::from(*size));
            if size == 0 {
                runner.pause();
            }
            let end = runner.fed.saturating_add(size.max(1)).min(bytes.len());
            runner.fed += runner.stream.read(&bytes[runner.fed..end]).expect(IN_STEP);
            in_step = runner.drain();
        }
        runner.end(in_step)
    }

    pub(crate) fn map<F>(self, f: impl Fn(E) -> F) -> Run<F> {
        let event = |(at, event)| match event {
            Event::Message(message) => (at, Event::Message(message)),
            Event::Error(error) => (at, Event::Error(f(error))),
        };
        Run { events: self.events.into_iter().map(event).collect(), before_end: self.before_end, left: self.left }
    }
}

impl Run<Error> {
    /// As the [`model`] says it, which does not know why something is wrong.
    fn happenings(&self) -> Vec<(u64, Happening)> {
        let happening = |event: &Event<Error>| match event {
            Event::Message(message) => Happening::Message(message.clone()),
            Event::Error(Error::TooLong { .. }) => Happening::TooLong,
            Event::Error(Error::Malformed(_)) => Happening::Malformed,
            Event::Error(Error::Truncated) => Happening::Truncated,
            Event::Error(error) => panic!("an error that no stream makes: {error}"),
        };
        self.events.iter().map(|(at, event)| (*at, happening(event))).collect()
    }
}

const IN_STEP: &str = "a stream that is in step takes bytes";

struct Runner<'b, S: Stream> {
    stream: S,
    format: &'b Format,
    bytes: &'b [u8],
    fed: usize,
    /// Bytes that were handed over and fed once more: for the decoder, the stream is that much longer.
    again: usize,
    /// How far the next message goes at least, from what was said while it came.
    surely: usize,
    /// Whether a frame is being skipped, or was since the last message.
    skipping: bool,
    events: Vec<(u64, Event<S::Error>)>,
}

impl<'b, S: Stream> Runner<'b, S> {
    fn new(stream: S, format: &'b Format, bytes: &'b [u8]) -> Runner<'b, S> {
        Runner { stream, format, bytes, fed: 0, again: 0, surely: 0, skipping: false, events: Vec::new() }
    }

    /// Takes what is there, and says whether the stream is still in step.
    fn drain(&mut self) -> bool {
        loop {
            match self.stream.next() {
                Ok(messages) if messages.is_empty() => break,
                Ok(messages) => self.take(messages),
                Err(error) if self.fail(error) => {}
                Err(_) => return false,
            }
        }
        let most = 2 * self.fed + MEMORY_LEAST;
        assert!(self.stream.capacity() <= most, "{} bytes held for {}", self.stream.capacity(), self.fed);
        let needed = self.stream.needed();
        assert!(needed > 0, "no more bytes are needed, and no message is there");
        if !self.skipping {
            self.surely = self.surely.max(self.fed.saturating_add(needed));
        }
        true
    }

    /// Where the next message begins.
    fn position(&self) -> usize {
        self.stream.offset() as usize - self.again
    }

    fn take(&mut self, messages: Vec<Message>) {
        let mut end = self.position() - messages.as_flattened().iter().map(Vec::len).sum::<usize>();
        for message in messages {
            let (start, bytes) = (end, message.concat());
            end += bytes.len();
            assert!(!bytes.is_empty(), "a message of no bytes");
            assert_eq!(bytes, self.bytes[start..end], "a message is what came");
            let told = matches!(self.format.probe(&bytes), Ok(Probe::Frame(_))); // and not only by the byte behind it
            assert!(!told || self.surely <= end, "byte {} was sure to be in what ends at {end}", self.surely);
            (self.surely, self.skipping) = (0, false);
            self.events.push((start as u64, Event::Message(message)));
        }
    }

    /// Skips a frame that is too long, and says whether that brought the stream back in step. An error that is found in
    /// skipping is one more, whenever it is found.
    fn fail(&mut self, mut error: S::Error) -> bool {
        loop {
            assert_eq!(self.stream.next(), Err(error), "an error stays");
            assert_eq!(self.stream.feed(b"more"), Err(error), "and takes no bytes");
            assert!(!self.stream.explain().is_empty());
            let at = self.position() as u64;
            if S::is_too_long(error) && self.events.last().is_some_and(|(before, _)| *before == at) {
                return false; // too long to look for its end
            }
            self.events.push((at, Event::Error(error)));
            if !S::is_too_long(error) {
                return false;
            }
            (self.surely, self.skipping) = (0, true);
            match self.stream.skip() {
                Ok(()) => return true,
                Err(another) => error = another,
            }
        }
    }

    fn pause(&mut self) {
        if !self.skipping {
            self.stream.set_format().expect("between messages the format can be set");
        }
        let undelivered = self.stream.unread();
        self.stream.feed(&undelivered).expect(IN_STEP);
        self.again += undelivered.len();
    }

    fn end(mut self, in_step: bool) -> Run<S::Error> {
        let before_end = self.events.len();
        if in_step {
            self.finish();
        }
        assert!(!self.stream.explain().is_empty());
        let position = self.position();
        let mut left = self.stream.unread();
        left.extend_from_slice(&self.bytes[self.fed..]);
        if self.skipping {
            left.clear(); // of a frame that is found wrong in skipping, some bytes are gone
        } else {
            assert_eq!(left, self.bytes[position..], "what was not delivered is left");
        }
        Run { events: self.events, before_end, left }
    }

    fn finish(&mut self) {
        self.surely = 0; // the last message may end before its end
        let (said, before) = (self.stream.finish(), self.events.len());
        loop {
            match self.stream.next() {
                Ok(messages) if messages.is_empty() => break,
                Ok(messages) => self.take(messages),
                Err(error) if self.fail(error) => {}
                Err(_) => break,
            }
        }
        let came = match self.events.get(before) {
            None => Ok(false),
            Some((_, Event::Message(_))) => Ok(true),
            Some((_, Event::Error(error))) => Err(*error),
        };
        assert_eq!(said, came, "what comes at the end");
    }
}
