//! `fixed`: every frame has the same size. A length field of no bytes, which always says that.

use super::field::Reading;
use super::quick::{Quick, QuickLength, Wide};
use super::settings::Settings;
use crate::Error;
use crate::endian::Order;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) size: u64,
}

impl Fixed {
    pub(super) fn parse(settings: &Settings<'_, '_>) -> Result<Fixed, Error> {
        match settings.size("size")? {
            None => settings.refuse(&[], "fixed needs a size, like fixed size=128"),
            Some(0) => settings.refuse(&["size"], "a frame has at least one byte"),
            Some(size) => Ok(Fixed { size }),
        }
    }

    pub(super) fn read(&self) -> Reading {
        Reading::Number(i128::from(self.size), 0)
    }

    /// The short way, where the size was compared with the limit: a length that no bit is read of.
    pub(super) fn quick(&self, head: usize) -> Quick {
        let number = Wide { at: 0, order: Order::Little, shift: 0, mask: 0 };
        Quick::Length(QuickLength { number, least: 0, span: 0, beside: self.size, head })
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fixed size={}", self.size)
    }
}
