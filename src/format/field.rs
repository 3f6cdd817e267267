//! A length field of any kind: bytes that say a number, whatever that number counts.

use super::ascii::Ascii;
use super::ber::Ber;
use super::fixed::Fixed;
use super::length::Length;
use super::varint::Varint;
use crate::Error;

/// Most bytes of a length field of any kind: digits and what ends them.
pub(super) const FIELD_MAX: usize = 64;

/// What the bytes of a length field say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing yet: the field has at least this many bytes.
    More(usize),
    /// A number, and how many bytes the field has.
    Number(i128, usize),
}

/// One kind of length field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Length(Length),
    Varint(Varint),
    Ber(Ber),
    Ascii(Ascii),
    Fixed(Fixed),
}

impl Field {
    /// What the field says that begins where `bytes` do.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Reading, Error> {
        match self {
            Field::Length(length) => length.read(bytes),
            Field::Varint(varint) => varint.read(bytes),
            Field::Ber(ber) => ber.read(bytes),
            Field::Ascii(ascii) => ascii.read(bytes),
            Field::Fixed(fixed) => Ok(fixed.read()),
        }
    }

    /// The fewest bytes that the field has.
    pub(super) fn least_width(&self) -> usize {
        match self {
            Field::Length(length) => length.width(),
            Field::Varint(_) => 1,
            Field::Ber(_) => 2,
            Field::Ascii(ascii) => ascii.least_width(),
            Field::Fixed(_) => 0,
        }
    }

    /// Whether the number stands in this byte of the field, or in a part of it.
    pub(super) fn says_in(&self, byte: usize) -> bool {
        match self {
            Field::Length(length) => length.says_in(byte),
            Field::Varint(_) | Field::Ber(_) | Field::Ascii(_) | Field::Fixed(_) => true,
        }
    }

    /// Whether every number takes as many bytes.
    pub(super) fn has_one_width(&self) -> bool {
        match self {
            Field::Length(_) | Field::Fixed(_) => true,
            Field::Varint(_) | Field::Ber(_) => false,
            Field::Ascii(ascii) => ascii.has_columns(),
        }
    }

    /// How many bytes this number takes, in its shortest form; `None` where the field cannot say it. `old` is the field that
    /// it replaces, empty where there is none.
    pub(super) fn width_of(&self, value: u64, old: &[u8]) -> Option<usize> {
        match self {
            Field::Length(length) => length.can_say(value).then(|| length.width()),
            Field::Varint(varint) => varint.width_of(value),
            Field::Ber(ber) => ber.width_of(value, old),
            Field::Ascii(ascii) => ascii.width_of(value),
            Field::Fixed(fixed) => (value == fixed.size).then_some(0),
        }
    }

    /// The largest number that it can say.
    pub(super) fn largest(&self) -> u64 {
        match self {
            Field::Length(length) => length.largest(),
            Field::Varint(varint) => varint.largest(),
            Field::Ber(ber) => ber.largest(),
            Field::Ascii(ascii) => ascii.largest(),
            Field::Fixed(fixed) => fixed.size,
        }
    }

    /// Whether the field may say this number, in whatever form.
    pub(super) fn may_say(&self, value: i128) -> bool {
        let negative = match self {
            Field::Length(length) => return length.may_say(value),
            Field::Ascii(ascii) => !ascii.has_columns(),
            Field::Varint(_) | Field::Ber(_) | Field::Fixed(_) => false,
        };
        if value < 0 { negative } else { value <= i128::from(self.largest()) }
    }

    /// Writes a number to a field just as wide as [`Field::width_of`] says, keeping of the old one what is not the number:
    /// the bits beside a mask, a tag.
    pub(super) fn write(&self, value: u64, old: &[u8], field: &mut [u8]) {
        match self {
            Field::Length(length) => length.write(value, old, field),
            Field::Varint(varint) => varint.write(value, field),
            Field::Ber(ber) => ber.write(value, old, field),
            Field::Ascii(ascii) => ascii.write(value, field),
            Field::Fixed(_) => {}
        }
    }
}
