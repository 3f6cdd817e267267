//! Sending: messages become bytes that wait, and those go out as far as they go.

use super::queue::{Mark, Marked, Queue, Refs, Stretch};
use super::transport::Transport;
use crate::Error;
use crate::codec::{Scratch, head_of};
use crate::fd::{Events, File, Wait, check_open, errno};
use crate::format::{Format, Payload};
use crate::memory::copy;
use std::io::IoSlice;
use std::num::NonZeroI32;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bodies up to this length are copied, to go out with what is before and behind them; larger ones are referred to.
pub(super) const COPIED: usize = 2 * 1024;

/// A frame up to this length is put together on the stack when it goes out at once.
const SHORT: usize = 512;

/// What the system says against more descriptors before the peer has received some.
pub(super) const TOO_MANY_ON_THEIR_WAY: Error = Error::Os(errno::ETOOMANYREFS);

/// Most pieces that one write is made of.
const SLICES: usize = 256;

/// A message to be sent: what was received can be sent on as it is.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'m> {
    /// The head to fill the length into; `None` lets the format make one.
    pub head: Option<&'m [u8]>,
    /// The payload.
    pub body: &'m [u8],
}

/// How a send ended that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All that waited is with the kernel.
    All,
    /// Some bytes still wait.
    Pending,
}

/// How far a write came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    All,
    /// No more goes now.
    Blocked,
    /// What comes next is another call's, which is waiting to send it.
    Held,
}

/// A direction of a connection: messages to bytes.
#[derive(Debug)]
pub struct Output<F> {
    format: F,
    queue: Queue,
    /// A message that is sent in parts.
    open: Option<Box<Open>>,
    /// A call waits for its bodies to go out: only that call writes until they are gone.
    barrier: bool,
    /// What ended it.
    failure: Option<Failure>,
    /// The program ended it.
    closed: bool,
    /// Bytes that waited when it ended.
    lost: u64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) writes: u64,
}

/// What ended sending, in a few bytes, because there may be very many connections.
#[derive(Debug, Clone, Copy)]
struct Failure(NonZeroI32);

impl Failure {
    const TRUNCATED: i32 = -1;
    const BROKEN: i32 = -2;

    fn of(error: Error) -> Failure {
        let code = match error {
            Error::Os(errno) => errno,
            Error::NoMemory => errno::ENOMEM,
            Error::Truncated => Failure::TRUNCATED,
            _ => Failure::BROKEN,
        };
        Failure(NonZeroI32::new(code).unwrap_or(NonZeroI32::MIN))
    }

    fn error(self) -> Error {
        match self.0.get() {
            Failure::TRUNCATED => Error::Truncated,
            errno if errno > 0 => Error::Os(errno),
            _ => Error::Broken,
        }
    }
}

#[derive(Debug)]
struct Open {
    left: u64,
    tail: Vec<u8>,
    by: usize,
}

impl<F: Deref<Target = Format>> Output<F> {
    pub(super) fn new(format: F) -> Output<F> {
        Output {
            format,
            queue: Queue::new(),
            open: None,
            barrier: false,
            failure: None,
            closed: false,
            lost: 0,
            messages: 0,
            bytes: 0,
            writes: 0,
        }
    }

    pub(super) fn set_format(&mut self, format: F) {
        self.format = format;
    }

    /// Bytes that were accepted and are not with the kernel.
    pub(super) fn pending(&self) -> u64 {
        match self.error() {
            Some(_) => self.lost,
            None => (self.queue.len() as u64).saturating_add(self.queue.of_files()),
        }
    }

    /// Those of them that are held in memory, which is what is limited.
    pub(super) fn in_memory(&self) -> u64 {
        self.queue.len() as u64
    }

    pub(super) fn memory(&self) -> usize {
        self.queue.memory()
    }

    #[inline(always)]
    pub(super) fn error(&self) -> Option<Error> {
        self.failure.map(Failure::error)
    }

    fn check(&self) -> Result<(), Error> {
        match self.error() {
            Some(error) => Err(error),
            None if self.closed => Err(Error::Os(errno::EPIPE)),
            None => Ok(()),
        }
    }

    /// Whether the program ended it, after all had gone.
    pub(super) fn is_closed(&self) -> bool {
        self.closed && self.error().is_none()
    }

    /// Whether another call has to be done first.
    ///
    /// # Errors
    /// EBUSY where that is a message which this thread is sending in parts.
    pub(super) fn is_held(&self) -> Result<bool, Error> {
        match &self.open {
            Some(open) if open.by == this_thread() => Err(Error::Os(errno::EBUSY)),
            open => Ok(open.is_some() || self.barrier),
        }
    }

    /// Whether another call waits for its bodies to go out.
    pub(super) fn has_barrier(&self) -> bool {
        self.barrier
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether a message may go out at once.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.open.is_none() && !self.barrier
    }

    /// Whether a message is being sent in parts.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Sends a message at once, as far as it goes; says how many bytes of it went. Only where nothing waits.
    #[inline]
    pub(super) fn try_at_once(
        &mut self,
        transport: &Transport<'_>,
        message: Outgoing<'_>,
        most: u64,
        wait: Wait,
    ) -> Result<AtOnce, Error> {
        let mut scratch = Scratch::new();
        let head = head_of(&self.format, message.head, message.body.into(), &mut scratch)?;
        let tail = self.format.tail_behind(head, message.body.into())?;
        let len = head.len() + message.body.len() + tail.len();
        if len as u64 > most {
            return Err(Error::Os(errno::EMSGSIZE));
        }
        let written = if len <= SHORT {
            let mut frame = [0; SHORT];
            crate::codec::put(head, message.body, &tail, &mut frame[..len])?;
            self.write_slices(transport, &[IoSlice::new(&frame[..len])], wait)
        } else {
            let mut scratch = Scratch::new();
            let end = scratch.room(tail.len())?;
            tail.write(end)?;
            let slices = [IoSlice::new(head), IoSlice::new(message.body), IoSlice::new(end)];
            self.write_slices(transport, &slices, wait)
        };
        match written {
            Ok(written) if written == len => {
                self.messages += 1;
                Ok(AtOnce::All)
            }
            Ok(written) => Ok(AtOnce::Some(written)),
            Err(Error::Os(errno::EAGAIN)) => Ok(AtOnce::Some(0)),
            Err(error) => self.fail(error),
        }
    }

    /// Accepts a message, all of it but the bytes that went out already.
    pub(super) fn accept_rest<'m>(
        &mut self,
        message: Outgoing<'m>,
        went: usize,
        refs: &mut Refs<'m>,
    ) -> Result<(), Error> {
        if let Err(error) = self.encode(message, COPIED, refs) {
            return self.fail(error);
        }
        self.queue.consume(went, refs);
        self.barrier = !refs.is_empty();
        self.messages += 1;
        Ok(())
    }

    /// Accepts what `encode` adds, if with what waits already that is at most `most` bytes; else nothing of it.
    ///
    /// # Errors
    /// [`Error::NoRoom`]; EMSGSIZE where it alone is more; those of `encode`.
    pub(super) fn accept<'m>(
        &mut self,
        most: u64,
        refs: &mut Refs<'m>,
        mut encode: impl FnMut(&mut Self, &mut Refs<'m>) -> Result<u64, Error>,
    ) -> Result<(), Error> {
        let (before, waited) = (self.queue.end(), self.queue.len() as u64);
        let mut added = || {
            let messages = encode(self, refs)?;
            let len = self.queue.len() as u64 - waited + refs.len;
            match len.saturating_add(waited) {
                _ if len > most => Err(Error::Os(errno::EMSGSIZE)),
                all if all > most => Err(Error::NoRoom { needed: len }),
                _ => Ok(messages),
            }
        };
        match added() {
            Ok(messages) => {
                self.messages += messages;
                Ok(())
            }
            Err(error) => {
                self.queue.cut(before);
                if waited == 0 {
                    self.queue.settle();
                }
                refs.clear();
                Err(error)
            }
        }
    }

    /// Takes back the one message that was accepted since, if nothing of it went and nothing is before it.
    pub(super) fn take_back(&mut self, before: (u64, usize)) -> bool {
        let alone = self.queue.is_front(before);
        if alone {
            self.queue.cut(before);
            self.queue.settle();
            self.messages -= 1;
        }
        alone
    }

    /// Where the queue ends now.
    pub(super) fn end(&self) -> (u64, usize) {
        self.queue.end()
    }

    /// Accepts a message that is to wait for more, if there is a short way to it and less than `batch` bytes wait then. False
    /// says nothing.
    #[inline(always)]
    pub(super) fn add_quickly(&mut self, body: &[u8], batch: u64) -> bool {
        let open = self.failure.is_none() && !self.closed && self.open.is_none() && !self.barrier;
        let Some(quick) = self.format.quick_head().filter(|_| open) else { return false };
        let Some(head) = quick.write(body.len() as u64) else { return false };
        let added = self.queue.put_if_small(head, quick.len, body, batch);
        self.messages += u64::from(added);
        added
    }

    /// Adds one message; a body that is longer than `copied` is referred to.
    #[inline]
    pub(super) fn encode<'m>(
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
    fn encode_slowly<'m>(&mut self, message: Outgoing<'m>, copied: usize, refs: &mut Refs<'m>) -> Result<(), Error> {
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
    pub(super) fn encode_all<'m>(
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
    fn encode_quick_ones<'m>(
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

    /// Makes room for bytes that are added now, as far as they may be accepted, so that the buffer need not grow with each
    /// message.
    pub(super) fn expect(&mut self, bytes: usize, most: u64) -> Result<(), Error> {
        let room = most.saturating_sub(self.in_memory());
        self.queue.room(bytes.min(usize::try_from(room).unwrap_or(usize::MAX))).map(|_| ())
    }

    /// Adds the head of a message whose body comes in parts.
    pub(super) fn encode_begin(&mut self, head: Option<&[u8]>, body_len: u64) -> Result<Vec<u8>, Error> {
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
    pub(super) fn open(&mut self, left: u64, tail: Vec<u8>) -> Result<(), Error> {
        if left == 0 {
            self.messages += 1;
            return self.queue.put(&tail);
        }
        self.open = Some(Box::new(Open { left, tail, by: this_thread() }));
        Ok(())
    }

    /// Adds the next bytes of the body; says how many messages they end.
    pub(super) fn encode_part<'m>(&mut self, part: &'m [u8], refs: &mut Refs<'m>) -> Result<u64, Error> {
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
    pub(super) fn close_part(&mut self, len: usize) {
        if let Some(open) = &mut self.open {
            open.left -= len as u64;
            if open.left == 0 {
                self.open = None;
            }
        }
    }

    /// Accepts a message whose body is a piece of a file.
    pub(super) fn accept_file(&mut self, file: BorrowedFd<'_>, offset: u64, len: u64, most: u64) -> Result<(), Error> {
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
    pub(super) fn accept_descriptors(
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

    /// Writes what waits, as far as it goes.
    ///
    /// # Errors
    /// Those of writing, which last but for `TOO_MANY_ON_THEIR_WAY`.
    pub(super) fn write(
        &mut self,
        transport: &Transport<'_>,
        refs: &mut Refs<'_>,
        wait: Wait,
    ) -> Result<Written, Error> {
        self.check()?;
        let mine = !refs.is_empty();
        let written = self.write_on(transport, refs, wait);
        if mine {
            self.barrier = !refs.is_empty();
        }
        match written {
            Ok(written) => Ok(written),
            // It passes, and nothing was lost.
            Err(error @ TOO_MANY_ON_THEIR_WAY) => Err(error),
            Err(error) => {
                self.lost = refs.len;
                self.fail(error)
            }
        }
    }

    fn write_on(&mut self, transport: &Transport<'_>, refs: &mut Refs<'_>, wait: Wait) -> Result<Written, Error> {
        if refs.is_empty() && self.barrier {
            return Ok(Written::Held); // what the transport was given already, comes first and whole
        }
        while !self.queue.is_empty() || !refs.is_empty() {
            let written = match self.queue.marked_at_front() {
                Some(Marked::Stretch(_)) => self.write_file(transport, wait),
                Some(Marked::Descriptors { .. }) => self.write_with_descriptors(transport),
                None => match self.write_bytes(transport, refs, wait) {
                    Ok((len, all)) if len < all && wait == Wait::No && transport.is_full_when_short() => {
                        return Ok(Written::Blocked);
                    }
                    written => written.map(|(len, _)| len),
                },
            };
            match written {
                Ok(_) => {}
                Err(Error::Os(errno::EAGAIN)) => return Ok(Written::Blocked),
                Err(error) => return Err(error),
            }
        }
        self.queue.settle();
        Ok(Written::All)
    }

    /// Writes bytes up to the next mark: how many of how many.
    fn write_bytes(
        &mut self,
        transport: &Transport<'_>,
        refs: &mut Refs<'_>,
        wait: Wait,
    ) -> Result<(usize, usize), Error> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.queue.slices(refs, &mut slices);
        let slices = &slices[..count];
        let all = slices.iter().map(|slice| slice.len()).sum();
        let len = write_retrying(transport, slices, wait, &mut self.writes)?;
        self.bytes += len as u64;
        self.queue.consume(len, refs);
        Ok((len, all))
    }

    fn write_slices(&mut self, transport: &Transport<'_>, slices: &[IoSlice<'_>], wait: Wait) -> Result<usize, Error> {
        let len = write_retrying(transport, slices, wait, &mut self.writes)?;
        self.bytes += len as u64;
        Ok(len)
    }

    fn write_file(&mut self, transport: &Transport<'_>, wait: Wait) -> Result<usize, Error> {
        let Some(Marked::Stretch(stretch)) = self.queue.marked_at_front() else { return Ok(0) };
        let len = write_retrying(transport, &[IoSlice::new(stretch.chunk()?)], wait, &mut self.writes)?;
        self.bytes += len as u64;
        if stretch.went(len) {
            self.queue.pop_mark();
        }
        Ok(len)
    }

    fn write_with_descriptors(&mut self, transport: &Transport<'_>) -> Result<usize, Error> {
        let Some(mark) = self.queue.pop_mark() else { return Ok(0) };
        let written = self.write_marked(transport, &mark);
        match written {
            Ok(len) => {
                self.bytes += len as u64;
                self.queue.consume(len, &mut Refs::default());
            }
            Err(_) => self.queue.unpop_mark(mark),
        }
        written
    }

    fn write_marked(&mut self, transport: &Transport<'_>, mark: &Mark) -> Result<usize, Error> {
        let Marked::Descriptors { list, until } = &mark.what else { return Ok(0) };
        let output = transport.output().ok_or(Error::Os(errno::EOPNOTSUPP))?;
        let mut descriptors: Vec<BorrowedFd<'_>> = Vec::new();
        crate::memory::reserve(&mut descriptors, list.len())?;
        descriptors.extend(list.iter().map(AsFd::as_fd));
        let slices = [IoSlice::new(self.queue.front(*until))];
        loop {
            self.writes += 1;
            match output.write_with_descriptors(&slices, &descriptors) {
                Err(Error::Os(errno::EINTR)) => {}
                result => return result,
            }
        }
    }

    /// Ends sending for good.
    pub(super) fn fail<T>(&mut self, error: Error) -> Result<T, Error> {
        self.lost = self.pending().saturating_add(self.lost);
        self.failure = Some(Failure::of(error));
        (self.open, self.barrier) = (None, false);
        self.queue.clear();
        Err(error)
    }

    /// Accepts nothing more, from when all has gone.
    pub(super) fn close(&mut self) {
        (self.open, self.closed) = (None, true);
    }

    /// What a call does that stops before its bodies went out: the queue keeps them. Only those of a call that was to stay until
    /// they are gone, and was cancelled, can be over the limit.
    pub(super) fn give_up(&mut self, refs: &mut Refs<'_>) -> Result<(), Error> {
        if !refs.is_empty() {
            self.barrier = false; // else it is another call's
        }
        self.check()?;
        self.absorb(refs)?;
        self.queue.settle();
        Ok(())
    }

    /// Keeps bodies that are not to go out yet.
    pub(super) fn absorb(&mut self, refs: &mut Refs<'_>) -> Result<(), Error> {
        match self.queue.absorb(refs) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.lost = refs.len;
                self.fail(error)
            }
        }
    }

    pub(super) fn check_side(&self, transport: &Transport<'_>) -> Result<(), Error> {
        self.check()?;
        transport.check_side(Events::WRITE)
    }
}

/// A number that is this thread's as long as it runs: an address of its own. A ThreadId would cost an allocation.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// How much of a message went out at once.
pub(super) enum AtOnce {
    All,
    Some(usize),
}

#[inline]
fn write_retrying(
    transport: &Transport<'_>,
    slices: &[IoSlice<'_>],
    wait: Wait,
    writes: &mut u64,
) -> Result<usize, Error> {
    loop {
        *writes += 1;
        match transport.write(slices, wait) {
            Ok(0) => return Err(Error::Os(errno::EIO)),
            Err(Error::Os(errno::EINTR)) => {}
            result => return result,
        }
    }
}

impl Stretch {
    /// Bytes of the file that are to go out next.
    fn chunk(&mut self) -> Result<&[u8], Error> {
        if self.from == self.to {
            if self.chunk.is_empty() {
                self.chunk = super::pool::take(super::pool::CHUNK)?;
            }
            let len = self.chunk.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            (self.from, self.to) = (0, self.file.read_at(&mut self.chunk[..len], self.offset)?);
            if self.to == 0 {
                return Err(Error::Truncated); // the file is shorter than it was
            }
        }
        Ok(&self.chunk[self.from..self.to])
    }

    /// Counts bytes that went out; whether they were the last.
    fn went(&mut self, len: usize) -> bool {
        self.from += len;
        self.offset += len as u64;
        self.left -= len as u64;
        if self.left == 0 {
            super::pool::give(std::mem::take(&mut self.chunk));
        }
        self.left == 0
    }
}
