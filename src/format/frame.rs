//! What a probe answers.

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
        /// Bytes that the frame surely has, counted from its first one; more than are there.
        at_least: usize,
    },
    /// Where the parts of the frame lie; its bytes need not be there yet.
    Frame(Frame),
}

/// The most that a frame may have. Checked before a byte of the body is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Bytes in the body.
    Body(u64),
    /// Bytes in the whole frame.
    Frame(u64),
}
