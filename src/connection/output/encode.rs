//! Messages become bytes that wait.

use super::{COPIED, Open, Outgoing, Output, Written, this_thread};
use crate::Error;
use crate::codec::{Scratch, head_of};
use crate::connection::pool;
use crate::connection::queue::{Marked, Refs, Room, Stretch};
use crate::fd::{File, check_open, errno};
use crate::format::{Format, Payload, QuickHead};
use crate::memory::{FEW, Rare, copy, push};
use std::ops::Deref;
use std::os::fd::{BorrowedFd, OwnedFd};

/// About as many bytes are in a head.
const HEAD: usize = 16;

/// How many messages are added.
struct Plan {
    /// Bodies up to this length are copied.
    copied: usize,
    /// All are short and good, and will go out now: what waits is sent whenever there is no more room.
    in_stages: bool,
}

impl<F: Deref<Target = Format>> Output<F> {
    /// Accepts a message that is to wait for more, if there is a short way to it and at most so many bytes wait then. False says
    /// nothing.
    #[inline(always)]
    pub(in crate::connection) fn add_quickly(&mut self, body: &[u8], most: u64) -> bool {
        let Some(quick) = self.format.quick_head().filter(|_| self.is_quick) else { return false };
        let added = match self.is_quickest && body.len() as u64 <= quick.span {
            true => self.queue.put_plain_within(most, body),
            false => match quick.write(body.len() as u64) {
                Some((head, head_len)) => self.queue.put_within(most, head, head_len, body),
                None => false,
            },
        };
        self.messages = self.messages.wrapping_add(added.into());
        added
    }

    /// The same where it is the shortest.
    #[inline(always)]
    pub(in crate::connection) fn add_most_quickly(&mut self, body: &[u8], most: u64) -> bool {
        if !self.is_quickest || !FEW.contains(&body.len()) {
            return false;
        }
        let added = self.queue.put_plain_within(most, body);
        self.messages = self.messages.wrapping_add(added.into());
        added
    }

    /// Adds one message; a body that is longer than `copied` is referred to.
    pub(in crate::connection) fn encode<'m>(
        &mut self,
        message: Outgoing<'m>,
        copied: usize,
        refs: &mut Refs<'m>,
    ) -> Result<(), Error> {
        let body: Payload<'_> = message.body.into();
        let mut room = self.queue.room(Scratch::SHORT + message.head.map_or(0, <[u8]>::len))?;
        let len = loop {
            match self.format.write_head(message.head, body, room) {
                // A case of a select asks for more than the one before it.
                Err(Error::NoRoom { needed }) => room = self.queue.room(needed as usize)?,
                written => break written?,
            }
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

    /// Adds many, of at most `most` bytes together; says how many. Bodies are copied where less than `batch` bytes wait then: what
    /// is to wait for more is not worth referring to. Where the next does not fit into a batch, or into the room that there is, and
    /// nothing more can be refused, `write` sends what waits: whole messages, of a batch at most.
    pub(in crate::connection) fn encode_all<'m>(
        &mut self,
        messages: impl ExactSizeIterator<Item = Result<Outgoing<'m>, Error>> + Clone,
        batch: u64,
        most: u64,
        refs: &mut Refs<'m>,
        mut write: impl FnMut(&mut Self) -> Result<Written, Error>,
    ) -> Result<u64, Error> {
        let before = self.queue.end_place();
        let stage = if batch == 0 { u64::MAX } else { batch };
        let (mut count, mut rest) = self.encode_quick_ones(messages, COPIED, stage);
        let mut plan = None;
        loop {
            let at = rest.clone();
            let Some(message) = rest.next() else { return Ok(count) };
            let message = message?;
            let len = self.queue.end_place() - before + message.body.len() as u64;
            if len.saturating_add(refs.len) > most {
                return Err(Error::Os(errno::EMSGSIZE)); // before it is copied
            }
            let plan = match &mut plan {
                Some(plan) => plan,
                None => plan.insert(self.plan(at.clone(), batch, most)?),
            };
            if plan.in_stages && !self.fits(message.body.len(), batch) {
                plan.in_stages = self.make_way(at, batch, &mut write)?;
            }
            self.encode(message, plan.copied, refs)?;
            let stage = if plan.in_stages { stage } else { u64::MAX };
            let more;
            (more, rest) = self.encode_quick_ones(rest, plan.copied, stage);
            count += 1 + more;
        }
    }

    /// Makes room for messages, as far as they may be accepted, so that the buffer need not grow with each.
    fn plan<'m>(
        &mut self,
        messages: impl Iterator<Item = Result<Outgoing<'m>, Error>>,
        batch: u64,
        most: u64,
    ) -> Result<Plan, Error> {
        self.queue.set_batch(batch);
        let quick = self.format.quick_head().and_then(|quick| quick.up_to(COPIED as u64));
        let (mut all, mut short, mut sure) = (0usize, 0usize, !self.queue.has_marks());
        for message in messages {
            let Ok(Outgoing { head, body }) = message else {
                sure = false;
                continue;
            };
            sure &= head.is_none() && quick.is_some_and(|quick| quick.write(body.len() as u64).is_some());
            let head = head.map_or(0, <[u8]>::len).max(HEAD);
            all = all.saturating_add(head.saturating_add(body.len()));
            short = short.saturating_add(if body.len() <= COPIED { head + body.len() } else { head });
        }
        let then = self.in_memory().saturating_add(all as u64);
        if batch == u64::MAX || then < batch {
            self.queue.room(self.allowed(all, most))?;
            return Ok(Plan { copied: usize::MAX, in_stages: false });
        }
        let in_stages = sure && then <= most && (batch > 0 || then > pool::SIZE as u64);
        if !in_stages {
            self.queue.room(self.allowed(short, most))?;
        }
        Ok(Plan { copied: COPIED, in_stages })
    }

    /// Whether a message with a short way fits into a batch beside what waits, and into the room that there is.
    fn fits(&mut self, body: usize, batch: u64) -> bool {
        let head = self.format.quick_head().and_then(|quick| quick.write(body as u64));
        let frame = head.map_or(0, |(_, len)| len) + body;
        frame <= self.queue.free_room().len() && (batch == 0 || self.in_memory() + frame as u64 <= batch)
    }

    /// As many of these bytes as may be accepted.
    fn allowed(&self, bytes: usize, most: u64) -> usize {
        bytes.min(usize::try_from(most.saturating_sub(self.in_memory())).unwrap_or(usize::MAX))
    }

    /// Makes room for more of the messages that are sure to go by sending what waits, or for all that are left if that does not go
    /// now; whether it went.
    fn make_way<'m>(
        &mut self,
        rest: impl Iterator<Item = Result<Outgoing<'m>, Error>>,
        batch: u64,
        write: impl FnOnce(&mut Self) -> Result<Written, Error>,
    ) -> Result<bool, Error> {
        let went = write(self)? == Written::All;
        let room = match went {
            true => usize::try_from(batch).unwrap_or(usize::MAX).clamp(pool::CHUNK, pool::LARGEST),
            false => rest.flatten().map(|message| HEAD + message.body.len()).sum(),
        };
        self.queue.room(room).map(|_| went)
    }

    /// Adds messages as long as there is a short way and room for them, and no more than `stage` bytes wait: how many, and those that
    /// are left. A function of its own, so that all that changes with each stays in registers.
    #[inline(never)]
    fn encode_quick_ones<'m, M>(&mut self, messages: M, copied: usize, stage: u64) -> (u64, M)
    where
        M: ExactSizeIterator<Item = Result<Outgoing<'m>, Error>> + Clone,
    {
        let Some(quick) = self.format.quick_head().and_then(|quick| quick.up_to(copied as u64)) else {
            return (0, messages);
        };
        let (count, most) = (messages.len(), stage.saturating_sub(self.in_memory()));
        let (room, beyond) = self.queue.free_room().up_to(most);
        let (rest, left) = if quick.is_plain(0) {
            put_all(messages, room, |len| Some(((len as u32).to_be_bytes(), 4)).filter(|_| len <= quick.span))
        } else if quick.is_varint() {
            put_varints(messages, room, quick)
        } else {
            put_all(messages, room, |len| quick.write(len))
        };
        self.queue.keep_all_but(left + beyond);
        ((count - rest.len()) as u64, rest)
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

    /// Accepts the head of a message whose body, of so many bytes, comes in parts.
    pub(in crate::connection) fn accept_begin(
        &mut self,
        head: Option<&[u8]>,
        body_len: u64,
        most: u64,
        refs: &mut Refs<'_>,
    ) -> Result<(), Error> {
        let mut open = Rare::none();
        self.accept(most, refs, |output, _| {
            let tail = output.encode_begin(head, body_len)?;
            if body_len == 0 {
                output.queue.put(&tail)?;
                return Ok(1);
            }
            open.get_or_make(|| Open { left: body_len, tail, by: this_thread() })?;
            Ok(0)
        })?;
        self.open = open;
        Ok(())
    }

    /// Adds the next bytes of the body; says how many messages they end.
    pub(in crate::connection) fn encode_part<'m>(&mut self, part: &'m [u8], refs: &mut Refs<'m>) -> Result<u64, Error> {
        let left = self.open.get().map(|open| open.left);
        let left = left.and_then(|left| left.checked_sub(part.len() as u64));
        let left = left.ok_or(Error::Misuse("no message was begun, or it has fewer bytes left"))?;
        if part.len() <= COPIED {
            self.queue.put(part)?;
        } else {
            refs.push(self.queue.end_place(), part)?;
        }
        if left == 0
            && let Some(open) = self.open.get()
        {
            self.queue.put(&open.tail)?;
        }
        Ok(u64::from(left == 0))
    }

    /// Counts bytes of the body that were accepted.
    pub(in crate::connection) fn close_part(&mut self, len: usize) {
        if let Some(open) = self.open.get_mut() {
            open.left -= len as u64;
            if open.left == 0 {
                self.open = Rare::none();
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
            push(&mut list, descriptor.try_clone_to_owned()?)?;
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

/// Puts messages into the room as long as `head` tells their heads and there is room: those that are left, and how much room.
#[inline(always)]
fn put_all<'m, M, const N: usize>(
    messages: M,
    mut room: Room<'_>,
    head: impl Fn(u64) -> Option<([u8; N], usize)>,
) -> (M, usize)
where
    M: Iterator<Item = Result<Outgoing<'m>, Error>> + Clone,
{
    let mut rest = messages;
    loop {
        let mut next = rest.clone();
        match next.next() {
            Some(Ok(Outgoing { head: None, body })) => match head(body.len() as u64) {
                Some((head, head_len)) if room.put(head, head_len, body) => rest = next,
                _ => break,
            },
            _ => break,
        }
    }
    (rest, room.len())
}

/// The same of varints, apart from numbers so as not to be in their way.
#[inline(never)]
fn put_varints<'m, M>(messages: M, room: Room<'_>, quick: QuickHead) -> (M, usize)
where
    M: Iterator<Item = Result<Outgoing<'m>, Error>> + Clone,
{
    put_all(messages, room, |len| quick.write(len))
}
