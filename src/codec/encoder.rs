//! Messages to bytes.

use super::scratch::Scratch;
use crate::Error;
use crate::format::{Format, Payload, Tail};
use crate::memory::reserve;

/// Appends the frame of one message to `out`. `head` is one to fill the length into; without it the format makes one.
///
/// # Errors
/// [`Error::TooLong`] where the body is over the limit or its length does not fit the field, [`Error::Malformed`] where the
/// format has no such body or no such head. Nothing was appended then.
pub fn encode(format: &Format, head: Option<&[u8]>, body: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let mut scratch = Scratch::new();
    let head = head_of(format, head, body.into(), &mut scratch)?;
    let tail = format.tail_behind(head, body.into())?;
    let len = head.len() + body.len() + tail.len();
    reserve(out, len)?;
    let start = out.len();
    out.resize(start + len, 0);
    put(head, body, &tail, &mut out[start..])
}

/// What follows a body of `body_len` bytes behind this head, which is the whole head as it is sent.
///
/// # Errors
/// [`Error::Malformed`] where the format has no such head before such a body.
pub fn tail_of<'f>(format: &'f Format, head: &[u8], body_len: u64) -> Result<Tail<'f>, Error> {
    let body = Payload::of_len(body_len);
    match format.is_custom() || format.agrees(head, body) {
        true => format.tail_behind(head, body),
        false => Err(Error::Malformed("the head is none of this format's, or of another body")),
    }
}

/// The head of a message, made in `scratch`.
#[inline(always)]
pub(crate) fn head_of<'s>(
    format: &Format,
    given: Option<&[u8]>,
    body: Payload<'_>,
    scratch: &'s mut Scratch,
) -> Result<&'s [u8], Error> {
    let len = match format.write_head(given, body, scratch.all()) {
        Err(Error::NoRoom { needed }) => write_long_head(format, given, body, scratch, needed)?,
        written => written?,
    };
    Ok(&scratch.all()[..len])
}

/// With each case of a select that asks for more than the one before it, there is more room.
#[cold]
fn write_long_head(
    format: &Format,
    given: Option<&[u8]>,
    body: Payload<'_>,
    scratch: &mut Scratch,
    mut needed: u64,
) -> Result<usize, Error> {
    loop {
        match format.write_head(given, body, scratch.room(needed as usize)?) {
            Err(Error::NoRoom { needed: more }) => needed = more,
            written => return written,
        }
    }
}

/// Puts a frame together, in a place as long as it is.
pub(crate) fn put(head: &[u8], body: &[u8], tail: &Tail<'_>, out: &mut [u8]) -> Result<(), Error> {
    let (head_out, rest) = out.split_at_mut(head.len());
    let (body_out, tail_out) = rest.split_at_mut(body.len());
    head_out.copy_from_slice(head);
    body_out.copy_from_slice(body);
    tail.write(tail_out).map(|_| ())
}
