//! `eof`: all that comes until the end of the stream is one message.

use super::frame::{Ask, Frame, Limit, Payload, Probe};
use super::settings::Settings;
use crate::Error;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Eof {
    pub(super) limit: Limit,
}

impl Eof {
    pub(super) const KEYS: [&str; 1] = ["max"];

    pub(super) fn parse(settings: &Settings<'_, '_>) -> Result<Eof, Error> {
        Ok(Eof { limit: settings.limit()?.unwrap_or(Limit::DEFAULT) })
    }

    pub(super) fn max_body(&self) -> u64 {
        self.limit.body_beside(0, 0)
    }

    pub(super) fn probe(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        match self.max_body() {
            max if !ask.unlimited && bytes.len() as u64 > max => Err(Error::TooLong { len: max + 1, max }),
            _ => Ok(Probe::NeedMore { at_least: bytes.len() + 1 }),
        }
    }

    pub(super) fn probe_end(&self, bytes: &[u8]) -> Frame {
        Frame { head: 0, body: bytes.len() as u64, tail: 0 }
    }

    pub(super) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>) -> Result<usize, Error> {
        if given.is_some_and(|head| !head.is_empty()) {
            return Err(Error::Malformed("a message that ends with the stream has no head"));
        }
        if body.len == 0 {
            return Err(Error::Malformed("an empty message that ends with the stream is none"));
        }
        self.limit.admit(Frame { head: 0, body: body.len, tail: 0 }).map(|_| 0)
    }
}

impl fmt::Display for Eof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eof {}", self.limit)
    }
}
