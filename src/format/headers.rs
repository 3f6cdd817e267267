//! `headers`: lines up to an empty one, of which one says how long the body is.
//!
//! As in the Language Server Protocol's base protocol, and in HTTP (RFC 9112, 2.1 and 6.2) as far as that goes: names in any
//! letter case, blanks around the value.

use super::frame::{Ask, Frame, HEAD_MAX, Limit, Payload, Probe};
use super::search::Search;
use super::settings::{Quoted, Settings};
use crate::Error;
use crate::memory::{copy, push, reserve};
use std::fmt;
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Headers {
    name: Vec<u8>,
    /// What ends a line.
    by: Search,
    /// Without the line that says how long the body is there is none; else that is malformed.
    may_lack: bool,
    limit: Limit,
}

const CUT_OFF: Error = Error::Malformed("the given head is no block of lines that ends with an empty one");

impl Headers {
    pub(super) const KEYS: [&str; 4] = ["length", "by", "missing", "max"];

    pub(super) fn parse(settings: &Settings<'_, '_>) -> Result<Headers, Error> {
        let Some(name) = settings.literal("length")? else {
            return settings.refuse(&[], "which line says the length? give length='Content-Length'");
        };
        let by = match settings.literal("by")? {
            Some(by) => by,
            None => copy(b"\r\n")?,
        };
        if name.iter().any(|b| b.is_ascii_whitespace() || *b == b':') {
            return settings.refuse(&["length"], "the name of a line has no blanks and no colon");
        }
        if by != b"\r\n" && by != b"\n" {
            return settings.refuse(&["by"], "lines end with '\\r\\n' or '\\n'");
        }
        let mut literals = Vec::new();
        push(&mut literals, by)?;
        let headers = Headers {
            name,
            by: Search::new(literals)?,
            may_lack: settings.either("missing", ["refuse", "empty"], "missing is refuse or empty")?,
            limit: settings.limit()?.unwrap_or(Limit::DEFAULT),
        };
        match headers.limit.frame < headers.least() as u64 {
            true => settings.refuse(&["max"], "no frame is as short as this"),
            false => Ok(headers),
        }
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    pub(super) fn least(&self) -> usize {
        self.by.longest()
    }

    pub(super) fn max_body(&self) -> u64 {
        self.limit.body_beside(self.least(), 0)
    }

    pub(super) fn probe(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        let room = if ask.unlimited { HEAD_MAX } else { HEAD_MAX.min(self.limit.frame.min(HEAD_MAX as u64) as usize) };
        let window = &bytes[..bytes.len().min(room)];
        // Lines that ended before were looked at then.
        let mut from = (ask.before + 1).saturating_sub(self.by.longest());
        while let Some(end) = self.by.find(window, from) {
            from = end.at + end.len;
            let line = &window[self.line_start(&window[..end.at])..end.at];
            if line.is_empty() {
                return self.frame(&window[..from], ask);
            }
            if let Some(length) = self.length_in(line)? {
                self.admit(Frame { head: from, body: length, tail: 0 }, ask)?;
            }
        }
        if window.len() >= room {
            return Err(Error::TooLong { len: room as u64 + 1, max: room as u64 });
        }
        let by = &self.by.literals()[0];
        let begun = self.by.begun(window).map(|(len, _)| len).max().unwrap_or(0);
        let line = &window[..window.len() - begun];
        let lines = if line.is_empty() || line.ends_with(by) { 1 } else { 2 };
        Ok(Probe::NeedMore { at_least: line.len() + lines * by.len() })
    }

    /// Where the last line of these bytes begins.
    fn line_start(&self, bytes: &[u8]) -> usize {
        let by = &self.by.literals()[0];
        memchr::memmem::rfind(bytes, by).map_or(0, |at| at + by.len())
    }

    /// The length that a line says, if it is the one.
    fn length_in(&self, line: &[u8]) -> Result<Option<u64>, Error> {
        let Some(colon) = memchr::memchr(b':', line) else { return Ok(None) };
        if !line[..colon].trim_ascii().eq_ignore_ascii_case(&self.name) {
            return Ok(None);
        }
        let digits = line[colon + 1..].trim_ascii();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(Error::Malformed("the line with the length does not say a number"));
        }
        let value = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        Ok(Some(digits.iter().fold(0, value)))
    }

    fn frame(&self, head: &[u8], ask: Ask) -> Result<Probe, Error> {
        let mut said = None;
        for line in self.lines(head) {
            match (self.length_in(&head[line])?, said) {
                (Some(length), Some(before)) if length != before => {
                    return Err(Error::Malformed("two lines say different lengths"));
                }
                (Some(length), _) => said = Some(length),
                (None, _) => {}
            }
        }
        match said {
            None if !self.may_lack => Err(Error::Malformed("no line says the length of the body")),
            said => {
                let frame = Frame { head: head.len(), body: said.unwrap_or(0), tail: 0 };
                self.admit(frame, ask).map(Probe::Frame)
            }
        }
    }

    fn admit(&self, frame: Frame, ask: Ask) -> Result<Frame, Error> {
        if ask.unlimited { Ok(frame) } else { self.limit.admit(frame) }
    }

    /// The lines of a block, without what ends them.
    fn lines(&self, head: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let end = self.by.find(head, start)?;
            let line = start..end.at;
            start = end.at + end.len;
            Some(line)
        })
    }

    pub(super) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let by = &self.by.literals()[0];
        let mut head = Vec::new();
        match given {
            None => {
                self.write_line(&mut head, body.len)?;
                append(&mut head, by)?;
            }
            Some(given) => self.fill_in(given, body.len, &mut head)?,
        }
        if head.len() > HEAD_MAX {
            return Err(Error::Malformed("a head has at most 64K bytes"));
        }
        self.limit.admit(Frame { head: head.len(), body: body.len, tail: 0 })?;
        let out = out.get_mut(..head.len()).ok_or(Error::NoRoom { needed: head.len() as u64 })?;
        out.copy_from_slice(&head);
        Ok(head.len())
    }

    fn write_line(&self, head: &mut Vec<u8>, len: u64) -> Result<(), Error> {
        append(head, &self.name)?;
        append(head, b": ")?;
        append_number(head, len)?;
        append(head, &self.by.literals()[0])
    }

    /// The given lines with another length, or with one more line.
    fn fill_in(&self, given: &[u8], len: u64, head: &mut Vec<u8>) -> Result<(), Error> {
        match self.probe(given, Ask { unlimited: true, ..Ask::default() }) {
            Ok(Probe::Frame(frame)) if frame.head == given.len() && frame.body == len => return append(head, given),
            Ok(Probe::Frame(frame)) if frame.head != given.len() => return Err(CUT_OFF),
            Ok(Probe::NeedMore { .. }) => return Err(CUT_OFF),
            _ => {} // a length that is none is filled in too
        }
        let by = &self.by.literals()[0];
        let lines =
            given.strip_suffix(&by[..]).filter(|lines| lines.is_empty() || lines.ends_with(by)).ok_or(CUT_OFF)?;
        let mut found = false;
        for line in self.lines(lines) {
            let text = &lines[line];
            if text.is_empty() {
                return Err(CUT_OFF);
            }
            match memchr::memchr(b':', text) {
                Some(colon) if text[..colon].trim_ascii().eq_ignore_ascii_case(&self.name) => {
                    append(head, &text[..=colon])?;
                    append(head, b" ")?;
                    append_number(head, len)?;
                    found = true;
                }
                _ => append(head, text)?,
            }
            append(head, &self.by.literals()[0])?;
        }
        if !found {
            self.write_line(head, len)?;
        }
        append(head, &self.by.literals()[0])
    }
}

fn append(head: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    reserve(head, bytes.len())?;
    head.extend_from_slice(bytes);
    Ok(())
}

fn append_number(head: &mut Vec<u8>, number: u64) -> Result<(), Error> {
    let mut digits = [0; crate::endian::DECIMAL_MAX];
    let len = crate::endian::put_decimal(&mut digits, number).unwrap_or(0);
    append(head, &digits[..len])
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "headers length={}", Quoted(&self.name))?;
        match &self.by.literals()[0][..] {
            b"\r\n" => {}
            by => write!(f, " by={}", Quoted(by))?,
        }
        if self.may_lack {
            write!(f, " missing=empty")?;
        }
        write!(f, " {}", self.limit)
    }
}
