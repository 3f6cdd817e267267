//! `delimited`, `line`, `crlf`, `nul`: a frame that goes on until a delimiter.
//!
//! ```text
//! 0       start                            delimiter   trail
//! +-------+------------------------- - - - +-----------+-------+
//! | start | body                           | tail              |
//! +-------+------------------------- - - - +-----------+-------+
//! ```

use super::frame::{Ask, Frame, Limit, Payload, Probe, Tail};
use super::quick::{Quick, QuickUntil};
use super::search::{Found, LITERALS_MAX, Search};
use super::settings::{Commas, Quoted, Settings, literal};
use crate::Error;
use crate::memory::{copy, push};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delimited {
    pub(super) start: Vec<u8>,
    pub(super) by: Search,
    /// Bytes behind the delimiter that belong to the frame.
    pub(super) trail: usize,
    pub(super) limit: Limit,
    /// What is over the limit comes in pieces.
    split: bool,
    /// The end of the stream ends a frame too.
    pub(super) open_end: bool,
}

impl Delimited {
    pub(super) const KEYS: [&str; 6] = ["by", "start", "trail", "over", "eof", "max"];

    /// `by` are the delimiters that the kind's name stands for; without them they are a setting.
    pub(super) fn parse(settings: &Settings<'_, '_>, by: &[&[u8]]) -> Result<Delimited, Error> {
        let mut literals = settings.list("by", literal)?;
        for delimiter in by {
            push(&mut literals, copy(delimiter)?)?;
        }
        if literals.is_empty() {
            return settings.refuse(&[], "which delimiter? give by='…'");
        }
        if literals.len() > LITERALS_MAX {
            return settings.refuse(&["by"], "there are at most 8 delimiters");
        }
        let delimited = Delimited {
            start: settings.literal("start")?.unwrap_or_default(),
            by: Search::new(literals)?,
            trail: settings.within("trail", 0, 256, "at most 256 bytes follow a delimiter")?.unwrap_or(0) as usize,
            limit: settings.limit()?.unwrap_or(Limit::DEFAULT),
            split: settings.either("over", ["refuse", "split"], "over is refuse or split")?,
            open_end: settings.either("eof", ["refuse", "allow"], "eof is refuse or allow")?,
        };
        if delimited.limit.frame < delimited.least() as u64 {
            return settings.refuse(&["max"], "no frame is as short as this");
        }
        if delimited.by.others_begin_with_first() {
            return settings.refuse(&["by"], "the first is the one that is sent: let none begin with it");
        }
        if delimited.split && delimited.by.looks_ahead() {
            return settings.refuse(&["over"], "where one delimiter lies in another, nothing is split");
        }
        if delimited.split && (delimited.trail > 0 || !delimited.start.is_empty()) {
            return settings.refuse(&["over"], "frames with a start or a trail are not split");
        }
        if delimited.split && delimited.piece() == 0 {
            return settings.refuse(&["over"], "pieces of no bytes are none");
        }
        Ok(delimited)
    }

    /// The fewest bytes in a frame.
    pub(super) fn least(&self) -> usize {
        let least = self.start.len() + self.by.shortest() + self.trail;
        if self.split { self.surely_of(least) } else { least } // a piece may be shorter
    }

    /// Whether a frame may end before its byte `at`; the end of the stream may end one behind the first byte of its body.
    pub(super) fn may_end_before(&self, at: usize) -> bool {
        self.least() < at || self.open_end && self.start.len() + 1 < at
    }

    pub(super) fn max_body(&self) -> u64 {
        let tail = if self.split || self.open_end { 0 } else { self.by.shortest() + self.trail };
        self.limit.body_beside(self.start.len(), tail)
    }

    pub(super) fn quick(&self) -> Quick {
        let plain = self.start.is_empty() && self.trail == 0 && !self.split && self.limit.frame == u64::MAX;
        match self.by.short() {
            Some(by) if plain => Quick::Until(QuickUntil { by, max_body: self.limit.body }),
            _ => Quick::No,
        }
    }

    #[inline]
    pub(super) fn probe(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        if !self.start.is_empty() {
            self.check_start(bytes)?;
        }
        let window = self.window(bytes, ask);
        match self.by.find(window, self.unsearched(ask)) {
            Some(found) if !self.by.looks_ahead() || self.by.is_settled(window, self.start.len(), found) => {
                self.within(self.frame(found), ask).map(Probe::Frame)
            }
            // It may begin a longer one, which is over the limit or not.
            Some(found) if self.limit.admit(self.frame(found)).is_ok() => {
                Ok(Probe::NeedMore { at_least: bytes.len() + 1 })
            }
            _ => self.not_found(bytes, window.len(), ask),
        }
    }

    /// What the bytes, of which a probe asked for more, are if the stream ends behind them.
    pub(super) fn probe_end(&self, bytes: &[u8], ask: Ask) -> Result<Frame, Error> {
        self.check_start(bytes)?;
        let start = self.start.len();
        match self.by.find(bytes, self.unsearched(ask)) {
            Some(found) if found.at + found.len + self.trail <= bytes.len() => self.within(self.frame(found), ask),
            None if self.open_end && bytes.len() > start => {
                self.within(Frame { head: start, body: (bytes.len() - start) as u64, tail: 0 }, ask)
            }
            _ => Err(Error::Truncated),
        }
    }

    /// Where a delimiter may begin: what was searched before has none, but the beginning of one at its end.
    #[inline(always)]
    fn unsearched(&self, ask: Ask) -> usize {
        self.start.len().max((ask.before + 1).saturating_sub(self.by.longest()))
    }

    fn check_start(&self, bytes: &[u8]) -> Result<(), Error> {
        match bytes.iter().zip(&self.start).all(|(byte, expected)| byte == expected) {
            true => Ok(()),
            false => Err(Error::Malformed("the frame does not begin as it must")),
        }
    }

    /// As far as a delimiter may lie: what is behind it is none of this frame's.
    fn window<'b>(&self, bytes: &'b [u8], ask: Ask) -> &'b [u8] {
        let most = self.max_body().saturating_add((self.start.len() + self.by.longest()) as u64);
        match usize::try_from(most) {
            Ok(most) if most < bytes.len() && !ask.unlimited => &bytes[..most],
            _ => bytes,
        }
    }

    fn frame(&self, found: Found) -> Frame {
        let body = (found.at - self.start.len()) as u64;
        Frame { head: self.start.len(), body, tail: found.len + self.trail }
    }

    /// The frame, unless it is over the limit.
    fn within(&self, frame: Frame, ask: Ask) -> Result<Frame, Error> {
        if ask.unlimited { Ok(frame) } else { self.limit.admit(frame).or_else(|_| self.over()) }
    }

    /// What a frame over the limit is. How long it would have been is never told, for that depends on how much of it came.
    #[cold]
    fn over(&self) -> Result<Frame, Error> {
        let max = if self.limit.frame == u64::MAX { self.limit.body } else { self.limit.frame };
        match self.split {
            true => Ok(Frame { head: 0, body: self.piece(), tail: 0 }),
            false => Err(Error::TooLong { len: max.saturating_add(1), max }),
        }
    }

    /// How much of a frame over the limit is handed out at once: so much less than the longest frame that a delimiter which begins
    /// in it is within the limit. So none is cut.
    fn piece(&self) -> u64 {
        self.limit.body_beside(0, self.by.longest() - 1)
    }

    /// A delimiter may have begun in the last bytes, and if not, begins behind them.
    #[cold]
    fn not_found(&self, bytes: &[u8], searched: usize, ask: Ask) -> Result<Probe, Error> {
        let start = self.start.len();
        let Some(body) = bytes.get(start..searched) else { return Ok(Probe::NeedMore { at_least: self.least() }) };
        let possible = |(begun, literal): (usize, &[u8])| Frame {
            head: start,
            body: (body.len() - begun) as u64,
            tail: literal.len() + self.trail,
        };
        let frames = || self.by.begun(body).map(possible);
        if !ask.unlimited && frames().all(|frame| self.limit.admit(frame).is_err()) {
            return self.over().map(Probe::Frame);
        }
        let at_least = match self.looks_ahead() {
            true => 0, // it may be complete, and only what follows tells
            false => frames().map(|frame| frame.total() as usize).min().unwrap_or(0),
        };
        Ok(Probe::NeedMore { at_least: at_least.max(bytes.len() + 1) })
    }

    /// Of bytes that are no whole frame yet, those that a search must keep to go on: so many at the beginning and the end. One of
    /// the body is always kept, for the end of the stream to end it.
    pub(super) fn needed_to_go_on(&self) -> (usize, usize) {
        (self.start.len(), self.by.longest().max(2) - 1)
    }

    /// Whether only what follows a frame tells where it ends: one delimiter begins another, or a line that is to be split goes on
    /// with what may begin one.
    pub(super) fn looks_ahead(&self) -> bool {
        self.by.looks_ahead() || self.split
    }

    /// How many of these bytes, which are no whole frame yet, are surely of this one: not what is behind a delimiter that is there
    /// and may turn out to be another.
    pub(super) fn surely(&self, bytes: &[u8]) -> usize {
        let len = bytes.len();
        if !self.by.looks_ahead() {
            return self.surely_of(len);
        }
        // One that lies before these is settled.
        let open = self.start.len().max(len.saturating_sub(self.by.longest()));
        self.by.find(bytes, open).map_or(len, |found| len.min(found.at + found.len + self.trail))
    }

    /// The same where no delimiter lies in another.
    fn surely_of(&self, len: usize) -> usize {
        match usize::try_from(self.piece()) {
            Ok(piece) if self.split => len.min(piece),
            _ => len,
        }
    }

    pub(super) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        self.check(given.unwrap_or(&self.start), body)?;
        let head = out.get_mut(..self.start.len()).ok_or(Error::NoRoom { needed: self.start.len() as u64 })?;
        head.copy_from_slice(&self.start);
        Ok(head.len())
    }

    /// Refuses what is no frame of this format.
    pub(super) fn check(&self, head: &[u8], body: Payload<'_>) -> Result<(), Error> {
        // Nothing is not compared with nothing: where it lies, no byte may be read, and memcmp(3) of glibc is told so by a fault
        // inside the processor, which takes longer than all else here.
        if head.len() != self.start.len() || !head.is_empty() && head != self.start {
            return Err(Error::Malformed("the given head is not what every frame begins with"));
        }
        body.bytes.map_or(Ok(()), |body| self.check_body(body))?;
        self.limit.admit(Frame { head: head.len(), body: body.len, tail: self.tail().len() }).map(|_| ())
    }

    /// Refuses a body that would end before its end: it has a delimiter, or begins one that the next bytes complete.
    fn check_body(&self, body: &[u8]) -> Result<(), Error> {
        const HOLDS: Error = Error::Malformed("the body holds a delimiter, or ends with the beginning of one");
        if self.by.find(body, 0).is_some() {
            return Err(HOLDS);
        }
        let begun = self.by.begun(body).map(|(len, _)| len).max().unwrap_or(0);
        if begun == 0 {
            return Ok(()); // the delimiter alone is found where it begins: none begins with it
        }
        let delimiter = &self.by.literals()[0];
        let mut end = copy(&body[body.len() - begun..])?;
        crate::memory::reserve(&mut end, delimiter.len())?;
        end.extend_from_slice(delimiter);
        match self.by.find(&end, 0) {
            Some(found) if found.at == begun && self.by.is_settled(&end, 0, found) => Ok(()),
            _ => Err(HOLDS),
        }
    }

    pub(super) fn tail(&self) -> Tail<'_> {
        Tail { padding: 0, literal: &self.by.literals()[0], trail: self.trail }
    }
}

impl fmt::Display for Delimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let literals: [&[u8]; 2] = match self.by.literals() {
            [one] => [one, b""],
            [one, two] => [one, two],
            _ => [b""; 2],
        };
        match literals {
            [b"\n", b"\r\n"] => write!(f, "line")?,
            [b"\r\n", b""] => write!(f, "crlf")?,
            [b"\0", b""] => write!(f, "nul")?,
            _ => {
                let literals = self.by.literals().iter().map(|literal| Quoted(literal));
                write!(f, "delimited by={}", Commas(literals))?;
            }
        }
        if !self.start.is_empty() {
            write!(f, " start={}", Quoted(&self.start))?;
        }
        if self.trail > 0 {
            write!(f, " trail={}", self.trail)?;
        }
        if self.split {
            write!(f, " over=split")?;
        }
        if self.open_end {
            write!(f, " eof=allow")?;
        }
        write!(f, " {}", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;

    #[test]
    fn the_longest_body_leaves_room_for_what_is_surely_beside_it() {
        let longest = |text: &str| Format::parse(text).unwrap().max_body();
        assert_eq!(longest("line max=10"), 10);
        assert_eq!(longest("line max=frame:10"), 9);
        assert_eq!(longest("crlf max=frame:10"), 8);
        assert_eq!(longest("delimited by=';' start='<' trail=2 max=frame:10"), 6);
        // A piece has no delimiter, nor has what the stream's end ends.
        assert_eq!(longest("line over=split max=frame:10"), 10);
        assert_eq!(longest("line eof=allow max=frame:10"), 10);
    }
}
