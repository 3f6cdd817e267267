//! An input: one file, which people can write and read as well.
//!
//! ```text
//! text of a format | NUL | n | n bytes "aside" | bytes
//! ```

/// What the parts mean is for each target to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input<'i> {
    /// The text of a format: no NUL in it, as in C.
    pub text: &'i [u8],
    /// Some bytes, at most 255: how the stream is cut, or the head to send.
    pub aside: &'i [u8],
    /// A stream, or a body.
    pub bytes: &'i [u8],
}

impl<'i> Input<'i> {
    /// Every input can be read; what is not there is empty.
    pub fn read(input: &'i [u8]) -> Input<'i> {
        let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
        let (text, rest) = input.split_at(end);
        let (aside, bytes) = match rest {
            [_, n, rest @ ..] => rest.split_at(rest.len().min(usize::from(*n))),
            _ => Default::default(),
        };
        Input { text, aside, bytes }
    }

    /// The inverse of [`Input::read`].
    pub fn write(&self) -> Vec<u8> {
        let n = self.aside.len().min(255);
        [self.text, &[0, n as u8], &self.aside[..n], self.bytes].concat()
    }
}
