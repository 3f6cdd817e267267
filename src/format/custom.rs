//! A format that is a function of the program's own.

use super::frame::{Ask, HEAD_MAX, Limit, Payload, Probe};
use crate::Error;
use crate::memory::{copy, reserve};
use std::fmt;

/// What tells the frames of a format of one's own; see [`Format::custom`](super::Format::custom).
pub trait CustomProbe: Send + Sync {
    /// What `bytes`, which begin where a frame does, are so far. The answer follows from the bytes alone.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    fn probe(&self, bytes: &[u8]) -> Result<Probe, Error>;
}

impl<F: Fn(&[u8]) -> Result<Probe, Error> + Send + Sync> CustomProbe for F {
    fn probe(&self, bytes: &[u8]) -> Result<Probe, Error> {
        self(bytes)
    }
}

pub(super) struct Custom {
    pub(super) own: Box<dyn CustomProbe>,
    pub(super) limit: Limit,
}

impl Custom {
    #[inline(never)]
    pub(super) fn probe(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        // What is unfinished then is over the limit, whatever came behind it at once.
        let seen = usize::try_from(self.most().saturating_add(1)).unwrap_or(usize::MAX);
        let bytes = if ask.unlimited { bytes } else { &bytes[..bytes.len().min(seen)] };
        match self.own.probe(bytes)? {
            Probe::NeedMore { at_least } if bytes.len().max(at_least) as u64 > self.most() && !ask.unlimited => {
                let max = self.limit.body;
                Err(Error::TooLong { len: max.saturating_add(1), max })
            }
            Probe::NeedMore { at_least } => Ok(Probe::NeedMore { at_least: at_least.max(bytes.len() + 1) }),
            Probe::Frame(frame) if frame.head > HEAD_MAX || frame.total() == 0 => {
                Err(Error::Malformed("the format's own function says what no frame is"))
            }
            Probe::Frame(frame) if ask.unlimited => Ok(Probe::Frame(frame)),
            Probe::Frame(frame) => self.limit.admit(frame).map(Probe::Frame),
        }
    }

    /// A frame of more bytes is over the limit, wherever its body starts.
    fn most(&self) -> u64 {
        self.limit.body.saturating_add(HEAD_MAX as u64)
    }

    /// The function has no inverse: head and body are sent as they are, if it takes them for a frame.
    pub(super) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let head = given.unwrap_or_default();
        let total = body.len.saturating_add(head.len() as u64);
        let frame = match (self.probe(head, Ask::default())?, body.bytes) {
            (Probe::Frame(frame), _) => Some(frame),
            (Probe::NeedMore { .. }, Some(body)) => match self.probe(&joined(head, body)?, Ask::default())? {
                Probe::Frame(frame) => Some(frame),
                Probe::NeedMore { .. } => None,
            },
            (Probe::NeedMore { .. }, None) => None,
        };
        if frame.is_none_or(|frame| frame.total() != total) {
            return Err(Error::Malformed("the format's own function does not take this for a frame"));
        }
        let out = out.get_mut(..head.len()).ok_or(Error::NoRoom { needed: head.len() as u64 })?;
        out.copy_from_slice(head);
        Ok(head.len())
    }
}

fn joined(head: &[u8], body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut both = copy(head)?;
    reserve(&mut both, body.len())?;
    both.extend_from_slice(body);
    Ok(both)
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl fmt::Display for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom {}", self.limit)
    }
}
