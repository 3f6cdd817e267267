//! A binary number of 1 to 8 bytes: `u8`, `u16be`, … `u64le`, `u32ne`, `i32be`.

use super::field::Reading;
use super::quick::Wide;
use super::settings::Settings;
use super::text::Word;
use crate::Error;
use crate::endian::{Order, get_uint, put_uint};
use std::fmt;

/// The number itself, wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    width: usize,
    order: Order,
    /// The top bit set is a negative number.
    signed: bool,
    /// The bits of the field that are the number, which then lies this far to the left.
    mask: u64,
    shift: u32,
}

impl Length {
    /// Four bytes, big-endian.
    pub(super) const DEFAULT: Length =
        Length { width: 4, order: Order::Big, signed: false, mask: 0xffff_ffff, shift: 0 };

    /// The number that a name stands for.
    pub(super) fn named(name: &[u8]) -> Option<Length> {
        let (signed, rest) = match name {
            [b'u', rest @ ..] => (false, rest),
            [b'i', rest @ ..] => (true, rest),
            _ => return None,
        };
        let (bits, order) = match rest {
            [b'8'] => (rest, Order::Big),
            [bits @ .., b'b', b'e'] => (bits, Order::Big),
            [bits @ .., b'l', b'e'] => (bits, Order::Little),
            [bits @ .., b'n', b'e'] => (bits, Order::HOST),
            _ => return None,
        };
        let widths: [&[u8]; 8] = [b"8", b"16", b"24", b"32", b"40", b"48", b"56", b"64"];
        let width = 1 + widths.iter().position(|w| *w == bits)?;
        let length = Length { width, order, signed, mask: u64::MAX >> (64 - 8 * width), shift: 0 };
        // One byte has no order.
        (width > 1 || rest == b"8").then_some(length)
    }

    /// With the bits that `mask` and `shift` say.
    pub(super) fn masked(mut self, settings: &Settings<'_, '_>) -> Result<Length, Error> {
        let all = self.mask;
        if let Some(mask) = settings.within("mask", 1, all, "the mask has bits, none of them beyond the field")? {
            self.mask = mask;
        }
        if let Some(shift) = settings.within("shift", 0, 63, "the shift is less than the field has bits")? {
            self.shift = shift as u32;
        }
        if self.mask >> self.shift == 0 {
            return settings.refuse(&["shift"], "nothing of the mask is left after this shift");
        }
        // What is shifted out is no part of the number.
        self.mask &= u64::MAX << self.shift;
        if self.signed && self.mask != all & u64::MAX << self.shift {
            return settings.refuse(&["mask"], "a number that may be negative is not masked: use u for i");
        }
        Ok(self)
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// The same number with its bytes the other way round.
    pub(super) fn other_order(mut self) -> Length {
        self.order = if self.order == Order::Big { Order::Little } else { Order::Big };
        self
    }

    /// The bits of the field that are not all of it.
    pub(super) fn mask(&self) -> Option<u64> {
        (self.mask != u64::MAX >> (64 - 8 * self.width)).then_some(self.mask)
    }

    pub(super) fn largest(&self) -> u64 {
        self.mask >> self.shift >> u32::from(self.signed)
    }

    pub(super) fn can_say(&self, value: u64) -> bool {
        value <= self.largest() && (value << self.shift) & self.mask == value << self.shift
    }

    /// The same of a number with its sign.
    pub(super) fn may_say(&self, value: i128) -> bool {
        match u64::try_from(value) {
            Ok(value) => self.can_say(value),
            Err(_) => self.signed && -1 - i128::from(self.largest()) <= value && value < 0,
        }
    }

    /// Whether bits of this byte of the field are the number.
    pub(super) fn says_in(&self, byte: usize) -> bool {
        let place = if self.order == Order::Big { self.width - 1 - byte } else { byte };
        self.mask >> (8 * place) & 0xff != 0
    }

    /// Whether it can say every number up to the largest: its mask has no holes.
    pub(super) fn says_all(&self) -> bool {
        let bits = self.mask >> self.shift;
        bits & bits.wrapping_add(1) == 0
    }

    /// The number that these bytes, just as many as it has, say; a negative one is over [`Length::largest`].
    #[inline(always)]
    pub(super) fn get(&self, field: &[u8]) -> u64 {
        (get_uint(field, self.order) & self.mask) >> self.shift
    }

    /// Whether it is 4 bytes, big-endian, all of which are the number.
    pub(super) fn is_u32be(&self) -> bool {
        matches!(self, Length { width: 4, order: Order::Big, mask: 0xffff_ffff, shift: 0, .. })
    }

    /// How to get it in few steps, with its sign taken for a part of it as [`Length::get`] does, from the bytes that
    /// begin so many before it.
    pub(super) fn wide(&self, at: usize) -> Wide {
        let unread = if self.order == Order::Big { 64 - 8 * self.width as u32 } else { 0 };
        Wide { at, order: self.order, shift: unread + self.shift, mask: self.mask >> self.shift }
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Result<Reading, Error> {
        let Some(field) = bytes.get(..self.width) else { return Ok(Reading::More(self.width)) };
        Ok(Reading::Number(self.value(field), self.width))
    }

    /// The number with its sign.
    pub(super) fn value(&self, field: &[u8]) -> i128 {
        match self.get(field) {
            value if value > self.largest() => i128::from(value) - (1 << (8 * self.width as u32 - self.shift)),
            value => i128::from(value),
        }
    }

    /// Where in a number of 8 bytes it lies that begins so many bytes before it.
    pub(super) fn place(&self, at: usize) -> Option<(Order, u32)> {
        let behind = 8usize.checked_sub(at + self.width)?;
        let bytes = match self.order {
            Order::Big => behind,
            Order::Little => at,
        };
        Some((self.order, 8 * bytes as u32 + self.shift))
    }

    #[inline(always)]
    pub(super) fn write(&self, value: u64, old: &[u8], field: &mut [u8]) {
        let kept = if old.len() == self.width { get_uint(old, self.order) & !self.mask } else { 0 };
        put_uint(field, kept | value << self.shift, self.order);
    }
}

/// The name, and the mask and shift where there are any.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.signed { 'i' } else { 'u' };
        let order = match (self.width, self.order) {
            (1, _) => "",
            (_, Order::Big) => "be",
            (_, Order::Little) => "le",
        };
        write!(f, "{sign}{}{order}", 8 * self.width)?;
        if let Some(mask) = self.mask() {
            write!(f, " mask={mask:#x}")?;
        }
        if self.shift > 0 {
            write!(f, " shift={}", self.shift)?;
        }
        Ok(())
    }
}

/// A number that stands at a place of the head: `u8@4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: Length,
    pub(super) at: usize,
}

impl Place {
    pub(super) fn parse(word: Word<'_>) -> Result<Place, Error> {
        let Some((name, at)) = word.split(b'@') else { return word.refuse("a field is written like u8@4") };
        let Some(number) = Length::named(name.text).filter(|number| !number.signed) else {
            return name.refuse("a field is u8, u16be, u16le, … u64le");
        };
        match super::settings::size(at)? {
            at if at <= super::HEAD_MAX as u64 => Ok(Place { number, at: at as usize }),
            _ => at.refuse("a head has at most 64K bytes"),
        }
    }

    pub(super) fn end(&self) -> usize {
        self.at + self.number.width
    }

    /// What stands there in this head, which goes that far.
    pub(super) fn get(&self, head: &[u8]) -> u64 {
        head.get(self.at..self.end()).map_or(0, |field| self.number.get(field))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.number, self.at)
    }
}
