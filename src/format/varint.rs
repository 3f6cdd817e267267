//! `varint` and `varintbe`: base-128 numbers, seven bits a byte, the top bit of a byte saying that another follows.
//!
//! Low group first they are LEB128, as Protocol Buffers and MQTT have them (MQTT 3.1.1, 2.2.3); high group first they are
//! the quantities of MIDI files and of BER tags.

use super::field::Reading;
use super::settings::Settings;
use crate::Error;
use crate::endian::Order;
use std::fmt;

/// Most bytes that a number of 64 bits takes.
const DIGITS_MAX: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Varint {
    order: Order,
    digits: usize,
    overlong: bool,
}

impl Varint {
    pub(super) const KEYS: [&str; 2] = ["digits", "overlong"];

    pub(super) fn parse(order: Order, settings: &Settings<'_, '_>) -> Result<Varint, Error> {
        let digits = settings.within("digits", 1, DIGITS_MAX as u64, "a varint has 1 to 10 bytes")?;
        let overlong = settings.either("overlong", ["refuse", "allow"], "overlong is refuse or allow")?;
        Ok(Varint { order, digits: digits.map_or(DIGITS_MAX, |n| n as usize), overlong })
    }

    pub(super) fn digits(&self) -> usize {
        self.digits
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Result<Reading, Error> {
        const OVERLONG: Error = Error::Malformed("the varint is longer than its number needs");
        let mut value = 0u64;
        for (i, &byte) in bytes.iter().take(self.digits).enumerate() {
            let group = u64::from(byte & 0x7f);
            if !self.overlong && self.order == Order::Big && i == 0 && byte == 0x80 {
                return Err(OVERLONG);
            }
            value = match self.order {
                Order::Big if value >> 57 == 0 => value << 7 | group,
                Order::Little if group << (7 * i) >> (7 * i) == group => value | group << (7 * i),
                _ => return Err(Error::Malformed("the varint does not fit in 64 bits")),
            };
            if byte & 0x80 == 0 {
                let overlong = !self.overlong && self.order == Order::Little && i > 0 && byte == 0;
                return if overlong { Err(OVERLONG) } else { Ok(Reading::Number(i128::from(value), i + 1)) };
            }
        }
        match bytes.len() {
            len if len < self.digits => Ok(Reading::More(len + 1)),
            _ => Err(Error::Malformed("the varint has too many bytes")),
        }
    }

    pub(super) fn width_of(&self, value: u64) -> Option<usize> {
        let bits = 64 - (value | 1).leading_zeros() as usize;
        Some(bits.div_ceil(7)).filter(|&width| width <= self.digits)
    }

    pub(super) fn largest(&self) -> u64 {
        u64::MAX >> 64usize.saturating_sub(7 * self.digits)
    }

    pub(super) fn write(&self, value: u64, field: &mut [u8]) {
        let last = field.len() - 1;
        for (i, byte) in field.iter_mut().enumerate() {
            let group = if self.order == Order::Big { last - i } else { i };
            *byte = (value >> (7 * group) & 0x7f) as u8 | if i == last { 0 } else { 0x80 };
        }
    }
}

impl fmt::Display for Varint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", if self.order == Order::Big { "varintbe" } else { "varint" })?;
        if self.digits < DIGITS_MAX {
            write!(f, " digits={}", self.digits)?;
        }
        if self.overlong {
            write!(f, " overlong=allow")?;
        }
        Ok(())
    }
}
