//! Messages become bytes that wait.

use super::{COPIED, Open, Outgoing, Output, this_thread};
use crate::Error;
use crate::codec::{Scratch, head_of};
use crate::connection::queue::{Marked, Refs, Stretch};
use crate::fd::{File, check_open, errno};
use crate::format::{Format, Payload};
use crate::memory::copy;
use std::ops::Deref;
use std::os::fd::{BorrowedFd, OwnedFd};

impl<F: Deref<Target = Format>> Output<F> {
    /// Accepts a message that is to wait for more, if there is a short way to it and less than `batch` bytes wait then. False
    /// says nothing.
    #[inline(always)]
    pub(in crate::connection) fn add_quickly(&mut self, body: &[u8], batch: u64) -> bool {
        let open = self.failure.is_none() && !self.closed && self.open.is_none() && !self.barrier;
        let Some(quick) = self.format.quick_head().filter(|_| open) else { return false };
        let Some(head) = quick.write(body.len() as u64) else { return false };
        let added = self.queue.put_if_small(head, quick.len, body, batch);
        self.messages += u64::from(added);
        added
    }

    /// Adds one message; a body that is longer than `copied` is referred to.
    #[inline]
    pub(in crate::connection) fn encode<'m>(
        &mut self,
        message: Outgoing<'m>,
        copied: usize,
        refs: &mut Refs<'m>,
    ) -> Result<(), Error> {
        if let (None, Some(quick)) = (message.head, self.format.quick_head())
            && message.body.len() <= copied
            && let Some(head) = quick.write(message.body.len() as u64)
        {
            let len = quick.len;
            return self.queue.put_frame(head, len, message.body);
        }
        self.encode_slowly(message, copied, refs)
    }

    #[inline(never)]
    pub(super) fn encode_slowly<'m>(
        &mut self,
        message: Outgoing<'m>,
        copied: usize,
        refs: &mut Refs<'m>,
    ) -> Result<(), Error> {
        let body: Payload<'_> = message.body.into();
        let mut room = self.queue.room(Scratch::SHORT + message.head.map_or(0, <[u8]>::len))?;
        let len = match self.format.write_head(message.head, body, room) {
            Err(Error::NoRoom { needed }) => {
                room = self.queue.room(needed as usize)?;
                self.format.write_head(message.head, body, room)?
            }
            written => written?,
        };
        let tail = self.format.tail_behind(&room[..len], body)?;
        self.queue.add(len);
        if message.body.len() <= copied {
            self.queue.put(message.body)?;
        } else {
            refs.push(self.queue.end_place(), message.body)?;
        }
        if !tail.is_empty() {
            let len = tail.write(self.queue.room(tail.len())?)?;
            self.queue.add(len);
        }
        Ok(())
    }

    /// Adds many, of at most `most` bytes together; says how many.
    #[inline]
    pub(in crate::connection) fn encode_all<'m>(
        &mut self,
        mut messages: impl Iterator<Item = Result<Outgoing<'m>, Error>>,
        copied: usize,
        most: u64,
        refs: &mut Refs<'m>,
    ) -> Result<u64, Error> {
        let (mut count, before) = (0, self.queue.len());
        loop {
            let Some(message) = self.encode_quick_ones(&mut messages, copied, &mut count) else { return Ok(count) };
            let message = message?;
            let len = (self.queue.len() - before) as u64 + message.body.len() as u64;
            if len.saturating_add(refs.len) > most {
                return Err(Error::Os(errno::EMSGSIZE)); // before it is copied
            }
            self.encode(message, copied, refs)?;
            count += 1;
        }
    }

    /// Adds messages as long as there is a short way and room for them; gives the first that is not added.
    #[inline(always)]
    pub(super) fn encode_quick_ones<'m>(
        &mut self,
        messages: &mut impl Iterator<Item = Result<Outgoing<'m>, Error>>,
        copied: usize,
        count: &mut u64,
    ) -> Option<Result<Outgoing<'m>, Error>> {
        let Some(&quick) = self.format.quick_head() else { return messages.next() };
        let mut frames = self.queue.frames();
        let rest = loop {
            match messages.next() {
                Some(Ok(Outgoing { head: None, body })) if body.len() <= copied => match quick.write(body.len() as u64)
                {
                    Some(head) if frames.put(head, quick.len, body) => *count += 1,
                    _ => break Some(Ok(Outgoing { head: None, body })),
                },
                rest => break rest,
            }
        };
        let end = frames.end();
        self.queue.add_up_to(end);
        rest
    }

    /// Adds the head of a message whose body comes in parts.
    pub(in crate::connection) fn encode_begin(&mut self, head: Option<&[u8]>, body_len: u64) -> Result<Vec<u8>, Error> {
        if !self.format.says_length() {
            return Err(Error::Os(errno::EOPNOTSUPP));
        }
        let body = Payload::of_len(body_len);
        let mut scratch = Scratch::new();
        let head = head_of(&self.format, head, body, &mut scratch)?;
        let tail = self.format.tail_behind(head, body)?;
        let mut end = Scratch::new();
        let end = end.room(tail.len())?;
        tail.write(end)?;
        self.queue.put(head)?;
        copy(end)
    }

    /// Goes on with a message that comes in parts.
    pub(in crate::connection) fn open(&mut self, left: u64, tail: Vec<u8>) -> Result<(), Error> {
        if left == 0 {
            self.messages += 1;
            return self.queue.put(&tail);
        }
        self.open = Some(Box::new(Open { left, tail, by: this_thread() }));
        Ok(())
    }

    /// Adds the next bytes of the body; says how many messages they end.
    pub(in crate::connection) fn encode_part<'m>(&mut self, part: &'m [u8], refs: &mut Refs<'m>) -> Result<u64, Error> {
        let left = self.open.as_ref().map(|open| open.left);
        let left = left.and_then(|left| left.checked_sub(part.len() as u64));
        let left = left.ok_or(Error::Misuse("no message was begun, or it has fewer bytes left"))?;
        if part.len() <= COPIED {
            self.queue.put(part)?;
        } else {
            refs.push(self.queue.end_place(), part)?;
        }
        if left == 0
            && let Some(open) = &self.open
        {
            self.queue.put(&open.tail)?;
        }
        Ok(u64::from(left == 0))
    }

    /// Counts bytes of the body that were accepted.
    pub(in crate::connection) fn close_part(&mut self, len: usize) {
        if let Some(open) = &mut self.open {
            open.left -= len as u64;
            if open.left == 0 {
                self.open = None;
            }
        }
    }

    /// Accepts a message whose body is a piece of a file.
    pub(in crate::connection) fn accept_file(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        len: u64,
        most: u64,
    ) -> Result<(), Error> {
        let end = offset.checked_add(len).ok_or(Error::Os(errno::EINVAL))?;
        let mut file = Some(File::keep(file, end)?);
        self.accept(most, &mut Refs::default(), |output, _| {
            let tail = output.encode_begin(None, len)?;
            let place = output.queue.end_place();
            output.queue.put(&tail)?;
            if let Some(file) = file.take().filter(|_| len > 0) {
                let stretch = Stretch { file, offset, left: len, chunk: Vec::new(), from: 0, to: 0 };
                output.queue.mark(place, Marked::Stretch(stretch))?;
            }
            Ok(1)
        })
    }

    /// Accepts a message with descriptors, of which it keeps its own.
    pub(in crate::connection) fn accept_descriptors(
        &mut self,
        message: Outgoing<'_>,
        descriptors: &[BorrowedFd<'_>],
        most: u64,
    ) -> Result<(), Error> {
        // Before one of the copies gets a number that is not open.
        descriptors.iter().try_for_each(|descriptor| check_open(*descriptor))?;
        let mut list: Vec<OwnedFd> = Vec::new();
        for descriptor in descriptors {
            crate::memory::push(&mut list, descriptor.try_clone_to_owned()?)?;
        }
        let mut list = Some(list);
        self.accept(most, &mut Refs::default(), |output, refs| {
            let place = output.queue.end_place();
            output.encode(message, usize::MAX, refs)?;
            let until = output.queue.end_place();
            if until == place {
                return Err(Error::Os(errno::EINVAL)); // descriptors go with bytes
            }
            output.queue.mark(place, Marked::Descriptors { list: list.take().unwrap_or_default(), until })?;
            Ok(1)
        })
    }
}
