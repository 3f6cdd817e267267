//! The one value that stands for a wire format, whatever its kind.

use super::describe::Description;
use super::fixed::Fixed;
use super::frame::Probe;
use super::length::Length;
use super::settings::{Word, words};
use crate::Error;
use std::fmt;

const NO_SUCH_KIND: &str = "no such kind of format; there are fixed, and u8, u16be, u16le, u16ne, … u64be, u64le, u64ne, \
                            or i for u where a negative length is malformed";

/// How frames are laid out. Displays as a text that parses to the same format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Length(Length),
    Fixed(Fixed),
}

impl Format {
    /// A 4-byte big-endian length of what follows, at most 16 MiB: the format where none is given.
    pub const DEFAULT: Format = Format { kind: Kind::Length(Length::DEFAULT) };

    /// Reads the text of a format.
    ///
    /// # Errors
    /// [`Error::Format`] says at which column what is wrong.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Format, Error> {
        let text = text.as_ref();
        let Some(kind) = words(text).next() else {
            return Word { text, column: 1 }.refuse("a format begins with its kind, like u32be or fixed");
        };
        let kind = if kind.text == b"fixed" {
            Kind::Fixed(Fixed::parse(text)?)
        } else if let Some(field) = Length::field(kind.text) {
            Kind::Length(Length::parse(text, field)?)
        } else {
            return kind.refuse(NO_SUCH_KIND);
        };
        Ok(Format { kind })
    }

    /// What `bytes`, which begin where a frame does, are so far. The answer depends on nothing else, and never changes
    /// when more bytes come, but from "more are needed" to something definite.
    ///
    /// # Errors
    /// [`Error::Malformed`], and [`Error::TooLong`] at the first byte at which it is known.
    #[inline]
    pub fn probe(&self, bytes: &[u8]) -> Result<Probe, Error> {
        match &self.kind {
            Kind::Length(length) => length.probe(bytes),
            Kind::Fixed(fixed) => Ok(fixed.probe()),
        }
    }

    /// The most bytes that a body of this format has. A buffer of this size is never too small.
    #[inline]
    pub fn max_body(&self) -> u64 {
        match &self.kind {
            Kind::Length(length) => length.max_body(),
            Kind::Fixed(fixed) => fixed.size,
        }
    }

    /// How many bytes the head of a frame has before a body of `body` bytes.
    ///
    /// # Errors
    /// [`Error::TooLong`] and [`Error::Malformed`], as [`Format::write_head`].
    #[inline]
    pub fn head_len(&self, body: u64) -> Result<usize, Error> {
        match &self.kind {
            Kind::Length(length) => length.value(body).map(|_| length.head()),
            Kind::Fixed(fixed) => fixed.check(body).map(|()| 0),
        }
    }

    /// Writes the head for a body of `body` bytes to the start of `out`, and says how long it is. Its bytes are those
    /// of `given` with the length filled in; without it, all but the length are 0.
    ///
    /// # Errors
    /// [`Error::TooLong`] where the body is over the limit or its length does not fit the field, [`Error::Malformed`]
    /// where the format has no such body or `given` is not as long as the head, [`Error::NoRoom`] where `out` is too
    /// small. Nothing is written then.
    #[inline]
    pub fn write_head(&self, given: Option<&[u8]>, body: u64, out: &mut [u8]) -> Result<usize, Error> {
        let len = self.head_len(body)?;
        let out = out.get_mut(..len).ok_or(Error::NoRoom { needed: len as u64 })?;
        match given {
            Some(given) if given.len() != len => return Err(Error::Malformed("the given head has another length")),
            Some(given) => out.copy_from_slice(given),
            None => out.fill(0),
        }
        self.fill_head(body, out)
    }

    /// Fills the length of a body of `body` bytes into a head that is there otherwise, and says how long it is.
    ///
    /// # Errors
    /// As [`Format::write_head`].
    #[inline]
    pub fn fill_head(&self, body: u64, head: &mut [u8]) -> Result<usize, Error> {
        match &self.kind {
            Kind::Length(length) => length.fill(body, head),
            Kind::Fixed(fixed) => fixed.check(body).map(|()| 0),
        }
    }

    /// A picture of the frame, over several lines, for people.
    pub fn describe(&self) -> impl fmt::Display + '_ {
        Description(self)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Length(length) => length.fmt(f),
            Kind::Fixed(fixed) => fixed.fmt(f),
        }
    }
}

impl std::str::FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Format, Error> {
        Format::parse(text)
    }
}
