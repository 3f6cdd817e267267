//! `ber`: the tag and the length of an ASN.1 value (X.690, 8.1.2 and 8.1.3), together one field.

use super::field::Reading;
use super::settings::Settings;
use crate::Error;
use crate::endian::{Order, get_uint, put_uint};
use std::fmt;

/// What the indefinite length reads as: no number that a field says.
pub(super) const INDEFINITE: i128 = i128::MIN;

/// Most bytes of a tag: nobody's goes over 63 bits.
const TAG_MAX: usize = 10;

/// The tag of a value that is sent without a head to take it from.
const SEQUENCE: u8 = 0x30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ber {
    digits: usize,
    /// DER: every length in its shortest form (X.690, 10.1).
    shortest: bool,
}

impl Ber {
    pub(super) const KEYS: [&str; 2] = ["digits", "overlong"];

    pub(super) fn parse(settings: &Settings<'_, '_>) -> Result<Ber, Error> {
        let digits = settings.within("digits", 1, 8, "a length has 1 to 8 bytes")?.unwrap_or(4) as usize;
        let shortest = settings.either("overlong", ["allow", "refuse"], "overlong is refuse or allow")?;
        Ok(Ber { digits, shortest })
    }

    pub(super) fn digits(&self) -> usize {
        self.digits
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Result<Reading, Error> {
        let Some(tag) = tag_len(bytes)? else { return Ok(Reading::More(bytes.len().max(1) + 1)) };
        let (width, digits) = match bytes.get(tag) {
            None => return Ok(Reading::More(tag + 1)),
            Some(&short) if short < 0x80 => return Ok(Reading::Number(i128::from(short), tag + 1)),
            Some(0x80) => return Ok(Reading::Number(INDEFINITE, tag + 1)),
            Some(&long) => (tag + 1 + usize::from(long & 0x7f), usize::from(long & 0x7f)),
        };
        if digits > self.digits {
            return Err(Error::Malformed("the length has too many bytes"));
        }
        let Some(number) = bytes.get(tag + 1..width) else { return Ok(Reading::More(width)) };
        let value = get_uint(number, Order::Big);
        match self.width_of(value, bytes) {
            Some(shortest) if self.shortest && shortest < width => {
                Err(Error::Malformed("the length is longer than its number needs"))
            }
            _ => Ok(Reading::Number(i128::from(value), width)),
        }
    }

    pub(super) fn width_of(&self, value: u64, old: &[u8]) -> Option<usize> {
        let tag = tag_len(old).ok().flatten().unwrap_or(1);
        let digits = (64 - value.leading_zeros() as usize).div_ceil(8);
        match value {
            0..0x80 => Some(tag + 1),
            _ => Some(tag + 1 + digits).filter(|_| digits <= self.digits),
        }
    }

    pub(super) fn largest(&self) -> u64 {
        u64::MAX >> (64 - 8 * self.digits)
    }

    pub(super) fn write(&self, value: u64, old: &[u8], field: &mut [u8]) {
        let tag = tag_len(old).ok().flatten().and_then(|len| old.get(..len)).unwrap_or_default();
        let (kept, length) = field.split_at_mut(tag.len());
        kept.copy_from_slice(tag);
        match length {
            [short] => *short = value as u8,
            [digits, number @ ..] => {
                *digits = 0x80 | number.len() as u8;
                put_uint(number, value, Order::Big);
            }
            [] => {}
        }
    }
}

/// Gives a head that has no tag yet one.
pub(super) fn write_default(tag: &mut u8) {
    if *tag == 0 {
        *tag = SEQUENCE;
    }
}

/// How many bytes the tag takes that `bytes` begin with; `None` where it goes on past them.
fn tag_len(bytes: &[u8]) -> Result<Option<usize>, Error> {
    match bytes {
        [first, rest @ ..] if first & 0x1f == 0x1f => {
            let len = rest.iter().take(TAG_MAX - 1).position(|byte| byte & 0x80 == 0);
            match len {
                Some(last) => Ok(Some(last + 2)),
                None if rest.len() < TAG_MAX - 1 => Ok(None),
                None => Err(Error::Malformed("the tag has too many bytes")),
            }
        }
        bytes => Ok((!bytes.is_empty()).then_some(1)),
    }
}

impl fmt::Display for Ber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ber")?;
        if self.digits != 4 {
            write!(f, " digits={}", self.digits)?;
        }
        if self.shortest {
            write!(f, " overlong=refuse")?;
        }
        Ok(())
    }
}
