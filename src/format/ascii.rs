//! `decimal`, `hex` and `netstring`: the length as digits, in fixed columns or up to a literal that ends them.

use super::field::{FIELD_MAX, Reading};
use super::settings::{Quoted, Settings, range};
use crate::Error;
use std::fmt;

/// Most digits before a literal that ends them: what 64 bits take in decimal.
const DIGITS_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ascii {
    radix: u32,
    /// Fixed columns; 0 where the digits go on up to `until`.
    columns: usize,
    /// What follows the digits and belongs to the field.
    until: Vec<u8>,
    /// What stands in columns that the number does not need.
    fill: u8,
    /// Leading zeros are malformed.
    shortest: bool,
    /// It may be negative: some such length means a frame of the head alone.
    signed: bool,
}

impl Ascii {
    pub(super) const KEYS: [&str; 4] = ["digits", "until", "fill", "overlong"];

    pub(super) fn parse(radix: u32, settings: &Settings<'_, '_>) -> Result<Ascii, Error> {
        let columns = settings.within("digits", 1, 32, "a length has 1 to 32 columns")?.unwrap_or(0) as usize;
        let until = settings.literal("until")?.unwrap_or_default();
        let shortest = settings.either("overlong", ["allow", "refuse"], "overlong is refuse or allow")?;
        let fill = match settings.literal("fill")?.as_deref() {
            None => b'0',
            Some(&[fill]) if fill == b'0' || !(fill as char).is_digit(radix) => fill,
            Some(_) => return settings.refuse(&["fill"], "the fill is one byte, and no digit but '0'"),
        };
        if columns == 0 && until.is_empty() {
            return settings.refuse(&[], "where does the number end? give digits=n or until='c'");
        }
        if until.len() > FIELD_MAX - 32 || until.first().is_some_and(|&c| columns == 0 && (c as char).is_digit(radix)) {
            return settings.refuse(&["until"], "the number ends with something that is no digit, of at most 32 bytes");
        }
        if columns == 0 && fill != b'0' {
            return settings.refuse(&["fill"], "only columns are filled: give digits=n");
        }
        if columns > 0 && shortest {
            return settings.refuse(&["overlong"], "columns have leading zeros");
        }
        let signed = settings.list("bodiless", range)?.iter().any(|(first, _)| *first < 0);
        Ok(Ascii { radix, columns, until, fill, shortest, signed })
    }

    /// <https://cr.yp.to/proto/netstrings.txt>
    pub(super) fn netstring() -> Result<Ascii, Error> {
        Ok(Ascii {
            radix: 10,
            columns: 0,
            until: crate::memory::copy(b":")?,
            fill: b'0',
            shortest: true,
            signed: false,
        })
    }

    pub(super) fn has_columns(&self) -> bool {
        self.columns > 0
    }

    pub(super) fn is_hex(&self) -> bool {
        self.radix == 16
    }

    pub(super) fn until(&self) -> &[u8] {
        &self.until
    }

    pub(super) fn least_width(&self) -> usize {
        self.columns.max(1) + self.until.len()
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Result<Reading, Error> {
        if self.columns > 0 { self.read_columns(bytes) } else { self.read_digits(bytes) }
    }

    fn read_columns(&self, bytes: &[u8]) -> Result<Reading, Error> {
        let there = &bytes[..bytes.len().min(self.columns)];
        let is_fill = |byte: &u8| self.fill != b'0' && *byte == self.fill;
        let start = there.iter().take_while(|byte| is_fill(byte)).count();
        // On the right too: some justify to the left.
        let end = there[start..].iter().position(is_fill).map_or(there.len(), |at| start + at);
        let text = &there[start..end];
        let (value, len) = self.digits(text);
        if len < text.len() {
            return Err(NO_DIGIT);
        }
        if !there[end..].iter().all(is_fill) {
            return Err(Error::Malformed("the length has something behind what fills its columns"));
        }
        self.expect_until(bytes.get(self.columns..).unwrap_or_default())?;
        if bytes.len() < self.least_width() {
            return Ok(Reading::More(self.least_width()));
        }
        match text {
            [] => Err(Error::Malformed("the length has no digits")),
            _ => Ok(Reading::Number(value, self.least_width())),
        }
    }

    fn read_digits(&self, bytes: &[u8]) -> Result<Reading, Error> {
        let (negative, unsigned) = match bytes {
            [b'-', rest @ ..] if self.signed => (1, rest),
            bytes => (0, bytes),
        };
        let there = &unsigned[..unsigned.len().min(DIGITS_MAX)];
        let (value, len) = self.digits(there);
        if self.shortest && len > 1 && unsigned[0] == b'0' {
            return Err(Error::Malformed("the length has a leading zero"));
        }
        match unsigned.get(len) {
            None => Ok(Reading::More(negative + len.max(1) + self.until.len())),
            Some(byte) if (*byte as char).is_digit(self.radix) => {
                Err(Error::Malformed("the length has too many digits"))
            }
            Some(_) if len == 0 => Err(NO_DIGIT),
            Some(_) => {
                self.expect_until(&unsigned[len..])?;
                let width = negative + len + self.until.len();
                let value = if negative == 1 { -value } else { value };
                Ok(if bytes.len() < width { Reading::More(width) } else { Reading::Number(value, width) })
            }
        }
    }

    /// What the digits that are there say, which the number that all of them say is not below, and how many they are. None
    /// where they stand in columns.
    pub(super) fn so_far(&self, bytes: &[u8]) -> (i128, usize) {
        match bytes {
            _ if self.columns > 0 => (0, 0),
            [b'0', ..] if self.shortest => (0, 1), // digits behind it are refused for that
            bytes => self.digits(&bytes[..bytes.len().min(DIGITS_MAX)]),
        }
    }

    /// The same with the last digit not there yet.
    pub(super) fn without_last_digit(&self, value: i128) -> i128 {
        value / i128::from(self.radix)
    }

    /// The number at the start of a text, and how many digits it has: no more than fit in 128 bits.
    fn digits(&self, text: &[u8]) -> (i128, usize) {
        let mut value = 0i128;
        let mut len = 0;
        for digit in text.iter().map_while(|b| (*b as char).to_digit(self.radix)) {
            value = value.saturating_mul(i128::from(self.radix)).saturating_add(i128::from(digit));
            len += 1;
        }
        (value, len)
    }

    /// Refuses what is not the beginning of what must follow the digits.
    fn expect_until(&self, bytes: &[u8]) -> Result<(), Error> {
        let there = bytes.len().min(self.until.len());
        match bytes[..there] == self.until[..there] {
            true => Ok(()),
            false => Err(Error::Malformed("the length does not end as it must")),
        }
    }

    pub(super) fn width_of(&self, value: u64) -> Option<usize> {
        let digits = if value == 0 { 1 } else { value.ilog(u64::from(self.radix)) as usize + 1 };
        match self.columns {
            0 => Some(digits + self.until.len()),
            columns if digits <= columns => Some(columns + self.until.len()),
            _ => None,
        }
    }

    pub(super) fn largest(&self) -> u64 {
        match u64::from(self.radix).checked_pow(self.columns as u32) {
            Some(over) if self.columns > 0 => over - 1,
            _ => u64::MAX,
        }
    }

    pub(super) fn write(&self, mut value: u64, field: &mut [u8]) {
        let (digits, until) = field.split_at_mut(field.len() - self.until.len());
        until.copy_from_slice(&self.until);
        let mut fill = false;
        for byte in digits.iter_mut().rev() {
            let digit = char::from_digit((value % u64::from(self.radix)) as u32, self.radix).unwrap_or('0');
            *byte = if fill { self.fill } else { digit as u8 };
            value /= u64::from(self.radix);
            fill = value == 0;
        }
    }
}

const NO_DIGIT: Error = Error::Malformed("the length has a byte that is no digit");

impl fmt::Display for Ascii {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", if self.is_hex() { "hex" } else { "decimal" })?;
        if self.columns > 0 {
            write!(f, " digits={}", self.columns)?;
        }
        if !self.until.is_empty() {
            write!(f, " until={}", Quoted(&self.until))?;
        }
        if self.fill != b'0' {
            write!(f, " fill={}", Quoted(&[self.fill]))?;
        }
        if self.shortest {
            write!(f, " overlong=refuse")?;
        }
        Ok(())
    }
}
