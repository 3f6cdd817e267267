//! Receiving: bytes come as far as they are there, and become messages.

use super::pool;
use super::transport::Transport;
use crate::Error;
use crate::codec::{Decoder, Message, Part};
use crate::fd::{Channel, Control, Deadline, Wait, errno};
use crate::format::{Format, Frame};
use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::ops::Deref;
use std::os::fd::OwnedFd;

/// A body of at least this length goes straight to where the caller wants it.
const LARGE: usize = 64 * 1024;

/// The types of TLS records that are of interest (RFC 8446, 5.1), and of what is in them (4, 6).
const RECORD_ALERT: u8 = 21;
const RECORD_HANDSHAKE: u8 = 22;
const RECORD_DATA: u8 = 23;
const CLOSE_NOTIFY: u8 = 0;
const NEW_SESSION_TICKET: u8 = 4;

/// A direction of a connection: bytes to messages.
#[derive(Debug)]
pub struct Input<F> {
    pub(super) decoder: Decoder<F>,
    pub(super) reads: u64,
    read_size: u32,
    /// The last read took less than there was room for: nothing more is there, most likely.
    drained: bool,
    /// Reads are made so that what comes beside the bytes is seen.
    control: bool,
    /// The beginning of a body is in the memory of a call that waits for the rest.
    direct: bool,
    /// So many bytes of it.
    done: usize,
    /// Descriptors that came, if they are wanted.
    arrivals: Option<Box<Arrivals>>,
}

/// Descriptors that came with messages.
#[derive(Debug, Default)]
struct Arrivals {
    /// Those of messages that were not delivered yet, each with the place behind the byte that it came with.
    waiting: VecDeque<Arrival>,
    /// Those of the message that was delivered last.
    due: Vec<OwnedFd>,
    /// Some were lost.
    cut: bool,
}

#[derive(Debug)]
struct Arrival {
    place: u64,
    descriptors: Vec<OwnedFd>,
    cut: bool,
}

/// How far a step came.
#[derive(Debug)]
pub(super) enum Step<R> {
    Done(R),
    /// The stream has ended between messages.
    End,
    /// More has to come.
    Wait,
    /// Another call has to be done first.
    Held,
}

/// How a step goes about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Whether it may wait in the kernel.
    pub(super) wait: Wait,
    /// Whether to read at once though nothing is there, most likely.
    pub(super) eager: bool,
    /// Until when, for bytes that come without end.
    pub(super) deadline: Deadline,
    /// Receiving was ended by the program.
    pub(super) shut: bool,
}

impl<F: Deref<Target = Format>> Input<F> {
    pub(super) fn new(format: F) -> Input<F> {
        Input {
            decoder: Decoder::new(format),
            reads: 0,
            read_size: pool::CHUNK as u32,
            drained: false,
            control: false,
            direct: false,
            done: 0,
            arrivals: None,
        }
    }

    fn read_size(&self) -> usize {
        self.read_size as usize
    }

    pub(super) fn set_read_size(&mut self, bytes: u32) {
        self.read_size = bytes;
    }

    /// Whether descriptors are taken that come with messages.
    pub(super) fn take_descriptors(&mut self, wanted: bool) {
        self.control = wanted;
        match (wanted, &self.arrivals) {
            (true, None) => self.arrivals = Some(Box::default()),
            (true, Some(_)) => {}
            (false, _) => self.arrivals = None,
        }
    }

    /// Whether nothing more will be read.
    pub(super) fn is_over(&self) -> bool {
        self.decoder.has_ended() || self.decoder.error().is_some()
    }

    /// Whether another call waits for the rest of a body.
    pub(super) fn is_held(&self) -> bool {
        self.direct
    }

    pub(super) fn skip(&mut self) -> Result<(), Error> {
        if self.is_held() { Err(Error::Os(errno::EBUSY)) } else { self.decoder.skip() }
    }

    /// Ends receiving for good.
    pub(super) fn fail(&mut self, error: Error) {
        self.decoder.stop(error);
    }

    /// What waits for this call, as `take` takes it from the decoder, as soon as it is there.
    #[inline]
    pub(super) fn step<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        mut take: impl FnMut(&mut Decoder<F>) -> Result<Option<R>, Error>,
    ) -> Result<Step<R>, Error> {
        if self.direct {
            return Ok(Step::Held);
        }
        loop {
            if let Some(taken) = take(&mut self.decoder)? {
                return Ok(Step::Done(taken));
            }
            if let Some(step) = self.read(transport, manner)? {
                return Ok(step);
            }
        }
    }

    /// A message that is inside, if there is a short way to it and its body is not longer than this. `None` says nothing.
    #[inline(always)]
    pub(super) fn quickly<R>(&mut self, most: usize, lend: impl FnOnce(Message<'_>) -> R) -> Option<R> {
        if self.arrivals.is_some() {
            return None;
        }
        self.decoder.next_quickly(most).map(lend)
    }

    /// One message, and what it brought.
    #[inline]
    pub(super) fn one<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        mut lend: impl FnMut(Message<'_>) -> R,
    ) -> Result<Step<R>, Error> {
        self.check_closed()?;
        self.end_loan();
        let step = self.step(transport, manner, |decoder| Ok(decoder.next_message()?.map(&mut lend)))?;
        self.deliver()?;
        Ok(step)
    }

    /// As many messages as are there; one with descriptors is the last.
    #[inline]
    pub(super) fn many<T>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        out: &mut [T],
        lend: impl Fn(Message<'_>) -> T,
    ) -> Result<Step<usize>, Error> {
        self.check_closed()?;
        self.end_loan();
        self.step(transport, manner, |decoder| Ok(Some(decoder.next_messages(out, &lend)?).filter(|count| *count > 0)))
    }

    /// As [`many`](Input::many), where descriptors wait: one at a time.
    pub(super) fn many_with_descriptors<T>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        out: &mut [T],
        lend: impl Fn(Message<'_>) -> T,
    ) -> Result<Step<usize>, Error> {
        let mut count = 0;
        for slot in out {
            let manner = if count == 0 { Some(manner) } else { None };
            let step = match manner {
                Some(manner) => self.one(transport, manner, |message| *slot = lend(message))?,
                // What is there already; an error behind it comes with the next call.
                None => match self.decoder.next_message() {
                    Ok(Some(message)) => {
                        *slot = lend(message);
                        self.deliver()?;
                        Step::Done(())
                    }
                    Ok(None) | Err(_) => break,
                },
            };
            match step {
                Step::Done(()) => count += 1,
                Step::End if count == 0 => return Ok(Step::End),
                Step::Wait if count == 0 => return Ok(Step::Wait),
                Step::Held if count == 0 => return Ok(Step::Held),
                _ => break,
            }
            if self.arrivals.as_ref().is_some_and(|arrivals| !arrivals.due.is_empty() || arrivals.cut) {
                break;
            }
        }
        Ok(Step::Done(count))
    }

    /// Whether descriptors are taken that come with messages.
    pub(super) fn wants_descriptors(&self) -> bool {
        self.arrivals.is_some()
    }

    /// The body of one message to `body`; a large one goes there straight, part by part, and this call alone goes on with it.
    pub(super) fn copy_one(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        body: &mut [u8],
        begun: &mut bool,
    ) -> Result<Step<usize>, Error> {
        if self.direct && !*begun {
            return Ok(Step::Held);
        }
        if !*begun {
            self.check_closed()?;
            self.end_loan();
        }
        let step = self.copy_one_on(transport, manner, body, begun);
        if let Ok(Step::Done(_)) = step {
            self.deliver()?;
        }
        if !matches!(step, Ok(Step::Wait)) {
            *begun = false;
            self.direct = false;
        }
        step
    }

    fn copy_one_on(
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
                false => match self.decoder.ahead()? {
                    Some(frame) if frame.body > body.len() as u64 => {
                        return Err(Error::NoRoom { needed: frame.body });
                    }
                    Some(frame) if frame.total() <= self.decoder.buffered() as u64 => {
                        return Ok(self.copy_message(body)?.map_or(Step::End, Step::Done));
                    }
                    Some(frame) if frame.body >= LARGE as u64 && self.decoder.begin()?.is_some() => {
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

    fn copy_message(&mut self, body: &mut [u8]) -> Result<Option<usize>, Error> {
        self.decoder.next_message()?.map(|message| copy_to(body, message.body)).transpose()
    }

    /// What a call does that stops while a body is in its memory: it is kept for the next.
    pub(super) fn give_back(&mut self, body: &[u8]) -> Result<(), Error> {
        match std::mem::take(&mut self.direct) {
            true => self.decoder.put_back(&body[..self.done]),
            false => Ok(()),
        }
    }

    /// Begins a message whose body is taken in parts.
    pub(super) fn begin<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        mut lend: impl FnMut(&[u8], Frame) -> R,
    ) -> Result<Step<R>, Error> {
        self.check_closed()?;
        self.end_loan();
        let step =
            self.step(transport, manner, |decoder| Ok(decoder.begin()?.map(|(head, frame)| lend(head, frame))))?;
        self.deliver()?;
        Ok(step)
    }

    /// Some of the body; 0 bytes at its end.
    pub(super) fn part(
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
                    self.deliver()?;
                    return Ok(Step::Done(len));
                }
                Part::End => return Ok(Step::Done(0)),
                Part::Wait if buf.len() >= LARGE && left > Some(0) => {
                    self.done = 0;
                    let read = self.read_direct(transport, manner, buf);
                    match read {
                        _ if self.done > 0 => {
                            self.deliver()?;
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

    /// A body is being taken in parts: nothing else is received meanwhile.
    fn check_closed(&self) -> Result<(), Error> {
        match self.decoder.left() {
            Some(_) if !self.direct => Err(Error::Os(errno::EBUSY)),
            _ => Ok(()),
        }
    }

    /// Whether a body is being taken in parts.
    pub(super) fn is_open(&self) -> bool {
        self.decoder.left().is_some()
    }

    /// Reads what is there into the decoder; a step where that brings none.
    fn read<R>(&mut self, transport: &Transport<'_>, manner: Manner) -> Result<Option<Step<R>>, Error> {
        if let Some(step) = self.before_reading(manner)? {
            return Ok(Some(step));
        }
        self.make_room()?;
        let room = self.decoder.space()?;
        let len = room.len();
        match read_retrying(transport, &mut [IoSliceMut::new(room)], manner.wait, self.control, &mut self.reads) {
            Ok((read, control)) => {
                if read > 0 {
                    self.decoder.commit(read)?;
                }
                self.came(read, read < len && transport.is_drained_when_short(), control);
                Ok(None)
            }
            Err(error) => self.not_read(error, transport),
        }
    }

    /// Reads bytes of the body that is being taken to where they are wanted, and what follows it into the decoder.
    fn read_direct<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        body: &mut [u8],
    ) -> Result<Option<Step<R>>, Error> {
        let left = self.decoder.left().unwrap_or(0);
        if left == 0 {
            return self.read(transport, manner); // the tail
        }
        if let Some(step) = self.before_reading(manner)? {
            return Ok(Some(step));
        }
        let wanted = body.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        // What of the body is not wanted now is wanted by the next call, so it is not read to be copied then.
        let room = match wanted as u64 == left {
            true => {
                self.make_room()?;
                self.decoder.space()?
            }
            false => &mut [],
        };
        let len = wanted + room.len();
        let mut bufs = [IoSliceMut::new(&mut body[..wanted]), IoSliceMut::new(room)];
        let bufs = if len > wanted { &mut bufs[..] } else { &mut bufs[..1] };
        match read_retrying(transport, bufs, manner.wait, self.control, &mut self.reads) {
            Ok((read, control)) => {
                let direct = read.min(wanted);
                self.decoder.passed(direct);
                self.done += direct;
                if read > direct {
                    self.decoder.commit(read - direct)?;
                }
                self.came(read, read < len && transport.is_drained_when_short(), control);
                Ok(None)
            }
            Err(error) => self.not_read(error, transport),
        }
    }

    fn before_reading<R>(&mut self, manner: Manner) -> Result<Option<Step<R>>, Error> {
        if let Some(error) = self.decoder.error() {
            return Err(error);
        }
        if self.decoder.has_ended() || manner.shut {
            return Ok(Some(Step::End));
        }
        if matches!(manner.deadline, Deadline::At(_)) && manner.deadline.passed() {
            return Ok(Some(Step::Wait)); // in vain
        }
        if self.drained && !manner.eager {
            self.drained = false; // the next step comes when something is there
            return Ok(Some(Step::Wait));
        }
        Ok(None)
    }

    /// Counts what was read, and notes down what came with it.
    fn came(&mut self, read: usize, drained: bool, control: Control) {
        if read == 0 {
            self.decoder.end();
        }
        self.drained = drained;
        if let Some(arrivals) = &mut self.arrivals
            && (control.cut || !control.descriptors.is_empty())
        {
            let Control { descriptors, cut, .. } = control;
            match arrivals.waiting.try_reserve(1) {
                Ok(()) => arrivals.waiting.push_back(Arrival { place: self.decoder.received(), descriptors, cut }),
                Err(_) => arrivals.cut = true, // they are closed
            }
        }
    }

    fn not_read<R>(&mut self, error: Error, transport: &Transport<'_>) -> Result<Option<Step<R>>, Error> {
        match error {
            Error::Os(errno::EAGAIN) => Ok(Some(Step::Wait)),
            // What a TLS record is, is told beside its bytes.
            Error::Os(errno::EIO) if !self.control && transport.input().is_some_and(Channel::speaks_tls) => {
                self.control = true;
                Ok(None)
            }
            // These pass.
            Error::NoMemory | Error::Os(errno::ENOMEM | errno::ENOBUFS) => Err(error),
            error => {
                self.fail(error);
                Err(error)
            }
        }
    }

    fn make_room(&mut self) -> Result<(), Error> {
        if self.decoder.capacity() < self.read_size() {
            let memory = pool::take(self.read_size())?;
            drop(self.decoder.move_to(memory, self.read_size())?);
        }
        Ok(())
    }

    /// Gives back memory that is not needed for what waits. Memory for messages of this size may be kept for the next.
    pub(super) fn settle(&mut self, keep: bool) {
        let (held, len) = (self.decoder.capacity(), self.decoder.buffered());
        let less = match len {
            _ if held == 0 || self.direct || (keep && self.is_large()) => return,
            0 => Vec::new(),
            len if held <= 2 * len + LARGE => return,
            len => match pool::zeroed(len) {
                Ok(less) => less,
                Err(_) => return,
            },
        };
        if let Ok(memory) = self.decoder.move_to(less, self.read_size()) {
            pool::give(memory);
        }
    }

    /// Whether it holds more memory than a read needs.
    pub(super) fn is_large(&self) -> bool {
        self.decoder.capacity() > 2 * self.read_size()
    }

    /// What one receive lent, another one ends; and it closes descriptors that were not taken.
    fn end_loan(&mut self) {
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.due.clear();
            arrivals.cut = false;
        }
    }

    /// Finds out which descriptors came with what was delivered.
    fn deliver(&mut self) -> Result<(), Error> {
        let Some(arrivals) = &mut self.arrivals else { return Ok(()) };
        let delivered =
            self.decoder.end_of_open().unwrap_or_else(|| self.decoder.received() - self.decoder.buffered() as u64);
        while let Some(Arrival { place, descriptors, cut }) = arrivals.waiting.front_mut()
            && *place <= delivered
        {
            arrivals.due.try_reserve(descriptors.len()).map_err(|_| Error::NoMemory)?;
            arrivals.due.append(descriptors);
            arrivals.cut |= *cut;
            arrivals.waiting.pop_front();
        }
        Ok(())
    }

    /// Hands over descriptors that came with what was delivered last, at most so many.
    ///
    /// # Errors
    /// EMFILE where not all came; then none is handed over.
    pub(super) fn descriptors(&mut self, most: usize) -> Result<Vec<OwnedFd>, Error> {
        let Some(arrivals) = &mut self.arrivals else { return Ok(Vec::new()) };
        if std::mem::take(&mut arrivals.cut) {
            arrivals.due.clear();
            return Err(Error::Os(errno::EMFILE));
        }
        let rest = arrivals.due.split_off(arrivals.due.len().min(most));
        Ok(std::mem::replace(&mut arrivals.due, rest))
    }
}

fn copy_to(body: &mut [u8], bytes: &[u8]) -> Result<usize, Error> {
    let room = body.get_mut(..bytes.len()).ok_or(Error::NoRoom { needed: bytes.len() as u64 })?;
    room.copy_from_slice(bytes);
    Ok(bytes.len())
}

/// One read, once it was not interrupted. What TLS tells beside the data is none of the stream's.
#[inline]
fn read_retrying(
    transport: &Transport<'_>,
    bufs: &mut [IoSliceMut<'_>],
    wait: Wait,
    control: bool,
    reads: &mut u64,
) -> Result<(usize, Control), Error> {
    loop {
        *reads += 1;
        let read = match control {
            false => transport.read(bufs, wait).map(|read| (read, Control::default())),
            true => transport.read_with_control(bufs, wait),
        };
        match read {
            Err(Error::Os(errno::EINTR)) => {}
            Ok((_, Control { record: Some(record), .. })) if record != RECORD_DATA => {
                match (record, bufs.first().map_or(&[][..], |buf| buf)) {
                    (RECORD_ALERT, [_, CLOSE_NOTIFY, ..]) => return Ok((0, Control::default())),
                    (RECORD_HANDSHAKE, [NEW_SESSION_TICKET, ..]) => {}
                    _ => return Err(Error::Os(errno::EPROTO)),
                }
            }
            read => return read,
        }
    }
}
