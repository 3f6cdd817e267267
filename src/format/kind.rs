//! The one value that stands for a wire format, whatever its kind.

use super::custom::{Custom, CustomProbe};
use super::delimited::Delimited;
use super::describe::Description;
use super::eof::Eof;
use super::field::Field;
use super::frame::{Ask, Frame, Limit, Payload, Probe, Tail};
use super::headers::Headers;
use super::prefixed::Prefixed;
use super::quick::{Quick, QuickHead};
use super::select::Select;
use super::text::Tree;
use crate::Error;
use std::fmt;
use std::ops::Range;

/// A length field in the bytes of a frame, and the number that it says.
pub(crate) struct LengthField {
    pub(crate) place: Range<usize>,
    pub(crate) value: i128,
    /// How many bytes the number makes of the body, or of the frame, where that is over the limit.
    pub(crate) over: Option<u64>,
}

/// How frames are laid out. Displays as a text that parses to the same format.
#[derive(Debug)]
pub struct Format {
    pub(super) kind: Kind,
    /// The short ways to its frames and to its heads, which follow from the kind.
    quick: Quick,
    quick_head: Option<QuickHead>,
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Format {}

#[derive(Debug)]
pub(super) enum Kind {
    Prefixed(Prefixed),
    Delimited(Delimited),
    Headers(Headers),
    Eof(Eof),
    Select(Select),
    Custom(Custom),
}

impl Format {
    /// A 4-byte big-endian length of what follows, at most 16 MiB: the format where none is given.
    pub const DEFAULT: Format =
        Format { kind: Kind::Prefixed(Prefixed::DEFAULT), quick: Quick::DEFAULT, quick_head: Some(QuickHead::DEFAULT) };

    /// Reads the text of a format.
    ///
    /// ```
    /// use fdwire::{Error, format::Format};
    ///
    /// assert!(Format::parse("postgres max=1M").is_ok());
    /// let Err(error) = Format::parse("u32be heads=8") else { panic!("there is no such key") };
    /// assert!(matches!(error, Error::Format { column: 7, .. }));
    /// ```
    ///
    /// # Errors
    /// [`Error::Format`] says at which column what is wrong. [`Error::NoMemory`].
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Format, Error> {
        Format::from_tree(&Tree::parse(text.as_ref())?, None)
    }

    /// A format that a function of one's own tells, whose bodies have at most `max` bytes.
    ///
    /// ```
    /// use fdwire::format::{Format, Frame, Probe};
    ///
    /// // A digit, then so many bytes.
    /// let format = Format::custom(9, |bytes: &[u8]| match bytes {
    ///     [] => Ok(Probe::NeedMore { at_least: 1 }),
    ///     [digit @ b'0'..=b'9', ..] => Ok(Probe::Frame(Frame { head: 1, body: (digit - b'0').into(), tail: 0 })),
    ///     _ => Err(fdwire::Error::Malformed("not a digit")),
    /// });
    /// assert_eq!(format.probe(b"2ab")?, Probe::Frame(Frame { head: 1, body: 2, tail: 0 }));
    /// # Ok::<(), fdwire::Error>(())
    /// ```
    pub fn custom(max: u64, probe: impl Fn(&[u8]) -> Result<Probe, Error> + Send + Sync + 'static) -> Format {
        Format::from_probe(max, Box::new(probe))
    }

    /// As [`Format::custom`], of something that is boxed already.
    pub fn from_probe(max: u64, own: Box<dyn CustomProbe>) -> Format {
        Format::from(Kind::Custom(Custom { own, limit: Limit { body: max, ..Limit::NONE } }))
    }

    /// What `bytes`, which begin where a frame does, are so far. The answer depends on nothing else, and never changes
    /// when more bytes come, but from "more are needed" to something definite.
    ///
    /// # Errors
    /// [`Error::Malformed`], and [`Error::TooLong`] at the first byte at which it is known.
    #[inline]
    pub fn probe(&self, bytes: &[u8]) -> Result<Probe, Error> {
        self.probe_as(bytes, Ask::default())
    }

    #[inline(always)]
    pub(crate) fn probe_as(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.probe(bytes, ask),
            Kind::Delimited(delimited) => delimited.probe(bytes, ask),
            Kind::Headers(headers) => headers.probe(bytes, ask),
            Kind::Eof(eof) => eof.probe(bytes, ask),
            Kind::Select(select) => select.probe(bytes, ask),
            Kind::Custom(custom) => custom.probe(bytes, ask),
        }
    }

    /// The short way to its frames.
    #[inline(always)]
    pub(crate) fn quick(&self) -> &Quick {
        &self.quick
    }

    /// The short way to its heads.
    #[inline(always)]
    pub(crate) fn quick_head(&self) -> Option<&QuickHead> {
        self.quick_head.as_ref()
    }

    /// What `bytes`, of which a probe asked for more, are if the stream ends behind them.
    ///
    /// # Errors
    /// [`Error::Truncated`] where they are no whole frame; [`Error::TooLong`] where only now it is known that nothing of them was
    /// the beginning of a delimiter.
    pub fn probe_end(&self, bytes: &[u8]) -> Result<Frame, Error> {
        self.probe_end_as(bytes, Ask::default())
    }

    pub(crate) fn probe_end_as(&self, bytes: &[u8], ask: Ask) -> Result<Frame, Error> {
        match &self.kind {
            Kind::Delimited(delimited) => delimited.probe_end(bytes, ask),
            Kind::Eof(eof) => Ok(eof.probe_end(bytes)),
            Kind::Select(select) => select.probe_end(bytes, ask),
            Kind::Prefixed(_) | Kind::Headers(_) | Kind::Custom(_) => Err(Error::Truncated),
        }
    }

    /// Refuses a tail that is not the one that the format demands, as far as it is there. `start` is the beginning of the frame,
    /// at least as much of it as a probe needed.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    #[inline]
    pub fn check_tail(&self, frame: &Frame, start: &[u8], tail: &[u8]) -> Result<(), Error> {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.check_tail(frame, tail),
            Kind::Select(select) => match select.case(start)? {
                Some(case) => case.format.check_tail(frame, start, tail),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The most bytes that a body of this format has. A buffer of this size is never too small.
    #[inline]
    pub fn max_body(&self) -> u64 {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.max_body(),
            Kind::Delimited(delimited) => delimited.max_body(),
            Kind::Headers(headers) => headers.max_body(),
            Kind::Eof(eof) => eof.max_body(),
            Kind::Select(select) => select.max_body(),
            Kind::Custom(custom) => custom.limit.body,
        }
    }

    /// The fewest bytes that a frame has.
    pub(super) fn least(&self) -> usize {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.least_head(),
            Kind::Delimited(delimited) => delimited.least(),
            Kind::Headers(headers) => headers.least(),
            Kind::Eof(_) | Kind::Custom(_) => 1,
            Kind::Select(select) => select.least(),
        }
    }

    /// Whether a good frame may end before its byte `at`. Where a length says so, that is malformed.
    pub(super) fn may_end_before(&self, at: usize) -> bool {
        match &self.kind {
            Kind::Delimited(delimited) => delimited.may_end_before(at),
            Kind::Select(select) => select.cases().iter().any(|case| case.format.may_end_before(at)),
            Kind::Prefixed(_) | Kind::Headers(_) | Kind::Eof(_) | Kind::Custom(_) => false,
        }
    }

    /// The fewest bytes in a head before a tail that is compared with what it has to be, if there are such tails.
    pub(super) fn least_head_of_checked_tails(&self) -> Option<usize> {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.checks_tail().then(|| prefixed.least_head()),
            Kind::Select(select) => {
                select.cases().iter().filter_map(|case| case.format.least_head_of_checked_tails()).min()
            }
            Kind::Delimited(_) | Kind::Headers(_) | Kind::Eof(_) | Kind::Custom(_) => None,
        }
    }

    /// Whether frames are told by their beginning; the others end where something is found, or with the stream.
    pub(crate) fn tells_length(&self) -> bool {
        match &self.kind {
            Kind::Prefixed(_) => true,
            Kind::Delimited(_) | Kind::Headers(_) | Kind::Eof(_) | Kind::Custom(_) => false,
            Kind::Select(select) => select.cases().iter().all(|case| case.format.tells_length()),
        }
    }

    /// Whether each head says how long its body is, so that the body may hold anything and come in parts.
    pub(crate) fn says_length(&self) -> bool {
        match &self.kind {
            Kind::Prefixed(_) | Kind::Headers(_) => true,
            Kind::Delimited(_) | Kind::Eof(_) | Kind::Custom(_) => false,
            Kind::Select(select) => select.cases().iter().all(|case| case.format.says_length()),
        }
    }

    /// Whether a probe asks a function of the program's own, which may look at all bytes each time.
    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.kind, Kind::Custom(_))
    }

    /// Whether there is a function of the program's own anywhere in it.
    pub(crate) fn calls_back(&self) -> bool {
        match &self.kind {
            Kind::Select(select) => select.cases().iter().any(|case| case.format.calls_back()),
            _ => self.is_custom(),
        }
    }

    /// Whether what follows a frame may be looked at to tell where it ends.
    pub(crate) fn looks_ahead(&self) -> bool {
        match &self.kind {
            Kind::Delimited(delimited) => delimited.looks_ahead(),
            Kind::Select(select) => select.cases().iter().any(|case| case.format.looks_ahead()),
            _ => false,
        }
    }

    /// How many of these bytes, which are no whole frame yet, are surely of this one and of none behind it.
    pub(crate) fn surely(&self, bytes: &[u8]) -> usize {
        match &self.kind {
            Kind::Delimited(delimited) => delimited.surely(bytes),
            Kind::Select(select) => match select.case(bytes) {
                Ok(Some(case)) => case.format.surely(bytes),
                _ => bytes.len(),
            },
            _ => bytes.len(),
        }
    }

    /// Whether its frames are text, whatever their bodies are.
    pub(crate) fn is_text(&self) -> bool {
        match &self.kind {
            Kind::Prefixed(prefixed) => matches!(prefixed.field, Field::Ascii(_)),
            Kind::Delimited(_) | Kind::Headers(_) | Kind::Eof(_) => true,
            Kind::Select(_) | Kind::Custom(_) => false,
        }
    }

    /// Whether a frame that begins like this goes on to the end of the stream.
    pub(crate) fn ends_with_stream(&self, bytes: &[u8]) -> bool {
        match &self.kind {
            Kind::Eof(_) => true,
            Kind::Select(select) => {
                select.case(bytes).is_ok_and(|case| case.is_some_and(|case| case.format.ends_with_stream(bytes)))
            }
            _ => false,
        }
    }

    /// Of a frame that is too long and not to be kept, which bytes at its beginning and at the end of what is there a probe
    /// needs to find its end; `None` where it needs them all.
    pub(crate) fn needed_to_go_on(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        match &self.kind {
            Kind::Delimited(delimited) => Some(delimited.needed_to_go_on()),
            Kind::Eof(_) => Some((0, 0)),
            Kind::Select(select) => {
                let (front, back) = select.case(bytes).ok()??.format.needed_to_go_on(bytes)?;
                Some((front.max(select.end()), back))
            }
            Kind::Prefixed(_) | Kind::Headers(_) | Kind::Custom(_) => None,
        }
    }

    /// Where the length field lies in a frame that begins like this, and what it says.
    pub(crate) fn locate_length(&self, bytes: &[u8]) -> Option<LengthField> {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.locate(bytes),
            Kind::Select(select) => select.case(bytes).ok()??.format.locate_length(bytes),
            _ => None,
        }
    }

    /// What a length field would say if its bytes were in the other order, where a body could be so long.
    pub(crate) fn length_in_other_order(&self, bytes: &[u8], field: &LengthField) -> Option<u64> {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.in_other_order(&bytes[field.place.clone()]),
            Kind::Select(select) => select.case(bytes).ok()??.format.length_in_other_order(bytes, field),
            _ => None,
        }
    }

    /// Writes the head of a frame to the start of `out`, and says how long it is. Its bytes are those of `given`, with the
    /// length filled in; without it they are 0 but for the length and what the format says.
    ///
    /// # Errors
    /// [`Error::TooLong`] where the body is over the limit or its length does not fit the field, [`Error::Malformed`]
    /// where the format has no such body or no such head, [`Error::NoRoom`] where `out` is too small. What `out` holds then
    /// means nothing.
    #[inline]
    pub(crate) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.write_head(given, body, out),
            Kind::Delimited(delimited) => delimited.write_head(given, body, out),
            Kind::Headers(headers) => headers.write_head(given, body, out),
            Kind::Eof(eof) => eof.write_head(given, body),
            Kind::Select(select) => select.write_head(given, body, out),
            Kind::Custom(custom) => custom.write_head(given, body, out),
        }
    }

    /// What follows a body behind this head.
    #[inline]
    pub(crate) fn tail_behind(&self, head: &[u8], body: Payload<'_>) -> Result<Tail<'_>, Error> {
        match &self.kind {
            Kind::Prefixed(prefixed) => Ok(prefixed.tail(head, body.len)),
            Kind::Delimited(delimited) => Ok(delimited.tail()),
            Kind::Select(select) => select.tail(head, body),
            Kind::Headers(_) | Kind::Eof(_) | Kind::Custom(_) => Ok(Tail::default()),
        }
    }

    /// Whether a receiver takes this head for one before this body.
    pub(crate) fn agrees(&self, head: &[u8], body: Payload<'_>) -> bool {
        match &self.kind {
            Kind::Prefixed(_) | Kind::Headers(_) => match self.probe(head) {
                Ok(Probe::Frame(frame)) => frame.head == head.len() && frame.body == body.len,
                _ => false,
            },
            Kind::Select(select) => select.agrees(head, body),
            Kind::Delimited(delimited) => delimited.check(head, body).is_ok(),
            Kind::Eof(eof) => eof.write_head(Some(head), body).is_ok(),
            Kind::Custom(_) => false, // never a case
        }
    }

    /// A picture of the frame, over several lines, for people.
    ///
    /// ```
    /// let format = fdwire::format::Format::parse("u16be at=1")?;
    /// assert!(format.describe().to_string().contains("\
    /// | 1 byte | length: 2 bytes, big-endian | body ..."));
    /// # Ok::<(), fdwire::Error>(())
    /// ```
    pub fn describe(&self) -> impl fmt::Display + '_ {
        Description(self)
    }
}

/// A program's own functions are not compared: a custom format is equal to itself alone.
impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::Prefixed(a), Kind::Prefixed(b)) => a == b,
            (Kind::Delimited(a), Kind::Delimited(b)) => a == b,
            (Kind::Headers(a), Kind::Headers(b)) => a == b,
            (Kind::Eof(a), Kind::Eof(b)) => a == b,
            (Kind::Select(a), Kind::Select(b)) => a == b,
            (Kind::Custom(a), Kind::Custom(b)) => std::ptr::eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Kind {}

impl From<Kind> for Format {
    fn from(kind: Kind) -> Format {
        let (quick, quick_head) = match &kind {
            Kind::Prefixed(prefixed) => (prefixed.quick(), prefixed.quick_head()),
            Kind::Delimited(delimited) => (delimited.quick(), None),
            Kind::Headers(_) | Kind::Eof(_) | Kind::Select(_) | Kind::Custom(_) => (Quick::No, None),
        };
        Format { kind, quick, quick_head }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Prefixed(prefixed) => prefixed.fmt(f),
            Kind::Delimited(delimited) => delimited.fmt(f),
            Kind::Headers(headers) => headers.fmt(f),
            Kind::Eof(eof) => eof.fmt(f),
            Kind::Select(select) => select.fmt(f),
            Kind::Custom(custom) => custom.fmt(f),
        }
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Format, Error> {
        Format::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shorter_than_what_decides_is_malformed() {
        let format = Format::parse("select u8 at=4 { else: u8 }").unwrap();
        assert_eq!(format.probe(&[1]), Ok(Probe::NeedMore { at_least: 5 }));
        assert!(matches!(format.probe(&[1, 2, 3, 4, 5]), Err(Error::Malformed(_))));
        assert_eq!(format.probe(&[4, 2, 3, 4, 5]), Ok(Probe::Frame(Frame { head: 1, body: 4, tail: 0 })));
    }

    #[test]
    fn formats_are_equal_where_their_layouts_are() {
        let format = |text: &str| Format::parse(text).unwrap();
        assert_eq!(format("u16be max=100"), format("u16be max=100"));
        assert_ne!(format("u16be max=100"), format("u16be max=101"));
        assert_ne!(format("u16be"), format("u16le"));
        assert_ne!(format("line"), format("crlf"));
    }
}
