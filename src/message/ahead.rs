//! Receiving a message whose beginning tells its length: at most two system calls.

use super::{Source, dropped, fits, in_part};
use crate::Error;
use crate::codec::Scratch;
use crate::fd::{Deadline, Look, Read, Sight};
use crate::format::{Ask, Format, Frame, Probe};
use std::io::IoSliceMut;

/// So many bytes of a head are looked at as they come. More might never be: bytes that were sent one by one and stay where they
/// are can fill the peer's buffer.
const LOOKED_AT: usize = 64;

/// The head is looked at first, and then taken together with the body, so that nothing is gone that the caller has no room
/// for. But Linux makes a look at a Unix socket walk along all that waits in it.
pub(super) fn recv_looking(source: Source<'_>, body: &mut [u8]) -> Result<Option<usize>, Error> {
    let mut scratch = Scratch::new();
    let mut look = Look::new(source.fd, source.deadline);
    let mut seen = 0;
    let frame = loop {
        match source.format.probe_as(scratch.room(seen)?, Ask::default())? {
            Probe::Frame(frame) => break frame,
            Probe::NeedMore { .. } if seen > LOOKED_AT && source.deadline != Deadline::Now => {
                return recv_taking(source, body).map_err(dropped);
            }
            Probe::NeedMore { at_least } => match look.beyond(seen, scratch.room(at_least)?)? {
                Sight::Bytes(there) => seen = there,
                Sight::End if seen == 0 => return Ok(None),
                Sight::End => return Err(Error::Truncated),
                Sight::Hidden => return recv_taking(source, body).map_err(dropped),
            },
        }
    };
    let len = fits(&frame, body)?;
    source.take_rest(&frame, 0, &mut scratch, &mut body[..len])
}

/// The head is taken as far as the frame surely goes, and then the rest.
#[inline]
pub(super) fn recv_taking(source: Source<'_>, body: &mut [u8]) -> Result<Option<usize>, Error> {
    let mut scratch = Scratch::new();
    let mut taken = 0;
    let frame = loop {
        match source.format.probe_as(scratch.room(taken)?, Ask::default())? {
            Probe::Frame(frame) => break frame,
            Probe::NeedMore { at_least } => {
                source.check_there(taken, at_least as u64)?;
                let rest = &mut scratch.room(at_least)?[taken..];
                match source.read(&mut [IoSliceMut::new(rest)], &mut taken) {
                    Ok(Read::Full) => {}
                    Ok(Read::End) => return Ok(None),
                    Err(Error::Truncated) => break ended(source.format, scratch.room(taken)?)?,
                    Err(error) => return Err(in_part(error, taken > 0)),
                }
            }
        }
    };
    match fits(&frame, body) {
        Ok(len) => source.take_rest(&frame, taken, &mut scratch, &mut body[..len]),
        Err(no_room) => source.drop_rest(&frame, taken, no_room),
    }
}

/// What a head is behind which the stream has ended: what came of it may be wrong already.
#[cold]
#[inline(never)]
fn ended(format: &Format, there: &[u8]) -> Result<Frame, Error> {
    format.probe(there)?;
    format.probe_end(there)
}
