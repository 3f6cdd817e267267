//! Bodies that go to the caller's memory, whole or in parts.

use super::{Input, LARGE, Manner, PUT_BACK, Step};
use crate::Error;
use crate::codec::Part;
use crate::connection::transport::Transport;
use crate::format::{Format, Frame};
use std::ops::Deref;

impl<F: Deref<Target = Format>> Input<F> {
    /// The body of one message to `body`; a large one goes there straight, part by part, and this call alone goes on with it.
    /// `begun` says that it has begun with one, to be given back unless it is done.
    pub(in crate::connection) fn copy_one(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        body: &mut [u8],
        begun: &mut bool,
    ) -> Result<Step<usize>, Error> {
        if !*begun && !self.enters()? {
            return Ok(Step::Held);
        }
        let step = self.copy_one_on(transport, manner, body, begun);
        if let Ok(Step::Done(_)) = step {
            self.deliver();
            (*begun, self.direct) = (false, false);
        }
        step
    }

    pub(super) fn copy_one_on(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        body: &mut [u8],
        begun: &mut bool,
    ) -> Result<Step<usize>, Error> {
        loop {
            let step = match self.direct {
                true => match self.decoder.part(usize::MAX)? {
                    Part::Bytes(bytes) => {
                        body[self.done..self.done + bytes.len()].copy_from_slice(bytes);
                        self.done += bytes.len();
                        continue;
                    }
                    Part::End => return Ok(Step::Done(self.done)),
                    Part::Wait => self.read_direct(transport, manner, &mut body[self.done..])?,
                },
                false => match self.ahead()? {
                    Some(frame) if frame.body > body.len() as u64 => {
                        return Err(Error::NoRoom { needed: frame.body });
                    }
                    Some(frame) if frame.total() <= self.decoder.buffered() as u64 => {
                        self.done = 0;
                        return Ok(self.copy_message(body)?.map_or(Step::End, Step::Done));
                    }
                    // Once put back, it is gathered: to be moved each time that some of it comes would cost too much.
                    Some(frame)
                        if frame.body >= LARGE as u64 && self.done != PUT_BACK && self.decoder.begin()?.is_some() =>
                    {
                        (self.direct, self.done, *begun) = (true, 0, true);
                        continue;
                    }
                    _ => match self.decoder.next_message()? {
                        // Its end may be that of the stream.
                        Some(message) => return copy_to(body, message.body).map(Step::Done),
                        None => self.read(transport, manner)?,
                    },
                },
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// The frame that comes next, behind what is dropped.
    fn ahead(&mut self) -> Result<Option<Frame>, Error> {
        self.forget_dropped();
        self.decoder.ahead()
    }

    pub(super) fn copy_message(&mut self, body: &mut [u8]) -> Result<Option<usize>, Error> {
        self.decoder.next_message()?.map(|message| copy_to(body, message.body)).transpose()
    }

    /// What a call does that stops while a body is in its memory: it is kept for the next.
    pub(in crate::connection) fn give_back(&mut self, body: &[u8]) -> Result<(), Error> {
        let kept = self.decoder.put_back(&body[..self.done]);
        (self.direct, self.done) = (false, PUT_BACK);
        self.settle(false); // which was left until now
        kept
    }

    /// Begins a message whose body is taken in parts.
    pub(in crate::connection) fn begin<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        mut lend: impl FnMut(&[u8], Frame) -> R,
    ) -> Result<Step<R>, Error> {
        if !self.enters()? {
            return Ok(Step::Held);
        }
        let step = self.step(transport, manner, |decoder| match manner.shut && !decoder.has_next()? {
            true => Ok(None), // its rest will never be read
            false => Ok(decoder.begin()?.map(|(head, frame)| lend(head, frame))),
        })?;
        self.deliver();
        Ok(step)
    }

    /// Some of the body; 0 bytes at its end.
    pub(in crate::connection) fn part(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        buf: &mut [u8],
    ) -> Result<Step<usize>, Error> {
        if self.direct {
            return Ok(Step::Held);
        }
        loop {
            let left = self.decoder.left();
            match self.decoder.part(buf.len())? {
                Part::Bytes(bytes) => {
                    buf[..bytes.len()].copy_from_slice(bytes);
                    let len = bytes.len();
                    self.deliver();
                    return Ok(Step::Done(len));
                }
                Part::End => {
                    self.deliver(); // what came with the tail
                    return Ok(Step::Done(0));
                }
                Part::Wait if buf.len() >= LARGE && left > Some(0) => {
                    self.done = 0;
                    let read = self.read_direct(transport, manner, buf);
                    match read {
                        _ if self.done > 0 => {
                            self.deliver();
                            return Ok(Step::Done(self.done));
                        }
                        Ok(Some(step)) => return Ok(step),
                        Ok(None) => {}
                        Err(error) => return Err(error),
                    }
                }
                Part::Wait => {
                    if let Some(step) = self.read(transport, manner)? {
                        return Ok(step);
                    }
                }
            }
        }
    }
}

fn copy_to(body: &mut [u8], bytes: &[u8]) -> Result<usize, Error> {
    let room = body.get_mut(..bytes.len()).ok_or(Error::NoRoom { needed: bytes.len() as u64 })?;
    room.copy_from_slice(bytes);
    Ok(bytes.len())
}
