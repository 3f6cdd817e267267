//! What a probe answers, and what may limit it.

use crate::Error;
use std::fmt;

/// Most bytes that a head may have: 64 KiB. What reads a head may hold it whole.
pub const HEAD_MAX: usize = 64 * 1024;

/// The limit of a format whose text says none: 16 MiB in a body.
pub(super) const MAX_DEFAULT: u64 = 16 * 1024 * 1024;

/// A frame's parts, in bytes. They lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// What comes before the body; at most [`HEAD_MAX`].
    pub head: usize,
    /// The payload.
    pub body: u64,
    /// What follows the body and belongs to the frame.
    pub tail: usize,
}

impl Frame {
    /// Bytes in the whole frame; one that would not fit in 64 bits is said to be the most that does.
    pub fn total(&self) -> u64 {
        self.body.saturating_add((self.head + self.tail) as u64)
    }
}

/// What the bytes so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Not enough to tell. Reading up to this many bytes in all reads nothing past the frame.
    NeedMore {
        /// Bytes that the frame surely has, counted from its first one; more than are there. Only where one delimiter begins
        /// another, or lines are split, it may be too many: what follows tells which it was.
        at_least: usize,
    },
    /// Where the parts of the frame lie; its bytes need not be there yet.
    Frame(Frame),
}

/// How a probe is to be made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ask {
    /// So many of the bytes were there when an earlier probe of this frame, by the same format, asked for more: what was
    /// searched then need not be searched again.
    pub(crate) before: usize,
    /// Frames over the limit are measured too, to get past them.
    pub(crate) unlimited: bool,
}

/// The most that a frame may have. Checked before a byte of the body is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    /// Bytes in the body.
    pub(super) body: u64,
    /// Bytes in the whole frame.
    pub(super) frame: u64,
}

impl Limit {
    pub(super) const DEFAULT: Limit = Limit { body: MAX_DEFAULT, frame: u64::MAX };
    pub(super) const NONE: Limit = Limit { body: u64::MAX, frame: u64::MAX };

    /// Lets a frame pass that is within the limit.
    pub(super) fn admit(&self, frame: Frame) -> Result<Frame, Error> {
        if frame.body > self.body {
            return Err(Error::TooLong { len: frame.body, max: self.body });
        }
        match frame.total() {
            total if total > self.frame => Err(Error::TooLong { len: total, max: self.frame }),
            _ => Ok(frame),
        }
    }

    /// The most bytes in a body behind a head and before a tail of these sizes.
    pub(super) fn body_beside(&self, head: usize, tail: usize) -> u64 {
        match self.frame {
            u64::MAX => self.body,
            frame => self.body.min(frame.saturating_sub((head + tail) as u64)),
        }
    }

    /// What both allow.
    pub(super) fn and(self, other: Limit) -> Limit {
        Limit { body: self.body.min(other.body), frame: self.frame.min(other.frame) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Limit { body, frame: u64::MAX } => write!(f, "max={body}"),
            Limit { body: u64::MAX, frame } => write!(f, "max=frame:{frame}"),
            Limit { body, frame } => write!(f, "max={body},frame:{frame}"),
        }
    }
}

/// A body to be sent: its size, and its bytes where the sender has them at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'b> {
    pub(crate) len: u64,
    pub(crate) bytes: Option<&'b [u8]>,
}

impl<'b> From<&'b [u8]> for Payload<'b> {
    fn from(bytes: &'b [u8]) -> Payload<'b> {
        Payload { len: bytes.len() as u64, bytes: Some(bytes) }
    }
}

impl Payload<'_> {
    pub(crate) fn of_len(len: u64) -> Payload<'static> {
        Payload { len, bytes: None }
    }
}

/// What is sent behind a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail<'f> {
    /// First so many bytes of 0.
    pub padding: usize,
    /// Then these.
    pub literal: &'f [u8],
    /// Then so many bytes of 0 again.
    pub trail: usize,
}

impl Tail<'_> {
    /// How many bytes these are in all.
    pub fn len(&self) -> usize {
        self.padding + self.literal.len() + self.trail
    }

    /// Whether nothing is sent behind the body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes them to the start of `out`, and says how many they are.
    ///
    /// # Errors
    /// [`Error::NoRoom`], with nothing written.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, Error> {
        let len = self.len();
        let out = out.get_mut(..len).ok_or(Error::NoRoom { needed: len as u64 })?;
        out.fill(0);
        out[self.padding..self.padding + self.literal.len()].copy_from_slice(self.literal);
        Ok(len)
    }
}
