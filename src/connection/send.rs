//! The calls that send.

use super::input::Input;
use super::output::{AtOnce, Outgoing, Output, Pace, Sent, TOO_MANY_ON_THEIR_WAY, Written, passes};
use super::queue::Refs;
use super::{Connection, Direction, Gate};
use crate::Error;
use crate::fd::{DESCRIPTORS_MAX, Deadline, Events, Wait, errno};
use crate::format::Format;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// So long a call waits before it tries again what the peer has to make possible, unseen.
pub(super) const MOMENT: Duration = Duration::from_millis(10);

/// What a call has to do next.
enum Next {
    /// Nothing: it was accepted.
    Done(Sent),
    /// It was accepted, and some of it still waits.
    Push,
    /// To wait until there is room.
    Room,
    /// To wait until another call is done.
    Turn,
    /// To try again: there is room now.
    Again,
}

/// What a call adds that is not made often: with all of these goes one copy of the code that gets it accepted.
type Accept<'a, 'm, F> = &'a mut dyn FnMut(&mut Output<F>, u64, &mut Refs<'m>) -> Result<(), Error>;

impl<'fd, F, I, O> Connection<'fd, F, I, O>
where
    F: Deref<Target = Format> + Clone,
    I: Gate<Input<F>>,
    O: Gate<Output<F>>,
{
    /// Accepts a message that is to wait for more, if there is a short way to it. False says nothing.
    #[inline(always)]
    pub(crate) fn send_quickly(&self, body: &[u8]) -> bool {
        let most = self.quick_most.load(Ordering::Relaxed);
        most > 0 && self.output.try_enter(|output| output.add_quickly(body, most).then_some(())).is_some()
    }

    /// The same by the shortest way, where there is no lock to take.
    #[inline(always)]
    pub(crate) fn send_alone(&self, body: &[u8]) -> bool {
        let most = self.quick_most.load(Ordering::Relaxed);
        self.output.enter_alone(|output| output.add_most_quickly(body, most).then_some(())).is_some()
    }

    /// Queues a message, if there is a short way to it. False says nothing.
    #[inline(always)]
    pub(crate) fn queue_quickly(&self, body: &[u8]) -> bool {
        let most = self.send_limit.load(Ordering::Relaxed);
        self.output.try_enter(|output| output.add_quickly(body, most).then_some(())).is_some()
    }

    /// The same by the shortest way, where there is no lock to take.
    #[inline(always)]
    pub(crate) fn queue_alone(&self, body: &[u8]) -> bool {
        let most = self.send_limit.load(Ordering::Relaxed);
        self.output.enter_alone(|output| output.add_most_quickly(body, most).then_some(())).is_some()
    }

    /// Sends one message.
    ///
    /// # Errors
    /// It was not accepted: [`Error::NoRoom`], there is no room within the limit in time; EMSGSIZE, it is longer than the
    /// limit, which only a call without a deadline may send; [`Error::TooLong`], [`Error::Malformed`], the format has no
    /// such message; EBUSY, this thread is sending a message in parts; EAGAIN, ETIMEDOUT, ECANCELED, another thread was not
    /// done in time. What the system says against writing lasts, and part of the message may be lost then.
    #[inline]
    pub fn send(&self, message: Outgoing<'_>, deadline: Deadline) -> Result<Sent, Error> {
        let mut refs = Refs::default();
        let next = if self.batch() == 0 { self.send_at_once(message, deadline, &mut refs)? } else { None };
        match next {
            Some(Next::Done(sent)) => Ok(sent),
            Some(_) => self.push_out(&mut refs, deadline),
            None => self.send_one(message, deadline),
        }
    }

    /// Sends a message for which nothing has to wait, and which waits for nothing; `None` where there is something before it.
    #[inline]
    fn send_at_once<'m>(
        &self,
        message: Outgoing<'m>,
        deadline: Deadline,
        refs: &mut Refs<'m>,
    ) -> Result<Option<Next>, Error> {
        let (most, wait) = (self.most(deadline), self.manner(Direction::Out, deadline));
        let next = self.output.enter(|output| {
            output.check_side(&self.transport)?;
            if !output.is_idle() {
                return Ok(None);
            }
            let next = match output.try_at_once(&self.transport, message, most, wait) {
                Ok(AtOnce::All) => return Ok(Some(Next::Done(Sent::All))), // and all is as it was
                Ok(AtOnce::Some(went)) => output.accept_rest(message, went, refs).map(|()| Some(Next::Push)),
                Err(error) => Err(error),
            };
            output.note_quick();
            next
        });
        self.tell_failure(next)
    }

    /// Sends a message that has to wait for others.
    #[inline(never)]
    fn send_one(&self, message: Outgoing<'_>, deadline: Deadline) -> Result<Sent, Error> {
        self.send_all(std::iter::once(Ok(message)), deadline)
    }

    /// Sends messages, all of them or none.
    ///
    /// # Errors
    /// As [`send`](Connection::send).
    #[inline]
    pub fn send_all<'m, M>(&self, messages: M, deadline: Deadline) -> Result<Sent, Error>
    where
        M: ExactSizeIterator<Item = Result<Outgoing<'m>, Error>> + Clone,
    {
        let (batch, pace) = (self.batch(), self.pace(deadline));
        let write = |output: &mut Output<F>| output.write(&self.transport, &mut Refs::default(), pace);
        self.transmit(deadline, batch, Output::is_held, |output, most, refs| {
            output.accept(most, refs, |output, refs| output.encode_all(messages.clone(), batch, most, refs, write))
        })
    }

    /// Accepts messages to be sent with what comes later, all of them or none. Makes no system call and never waits.
    ///
    /// # Errors
    /// As [`send`](Connection::send); EBUSY while any thread sends a message in parts.
    #[inline]
    pub fn queue<'m, M>(&self, messages: M) -> Result<(), Error>
    where
        M: ExactSizeIterator<Item = Result<Outgoing<'m>, Error>> + Clone,
    {
        let most = self.send_limit.load(Ordering::Relaxed);
        self.enter_output(|output| {
            output.check_side(&self.transport)?;
            if output.is_open() {
                return Err(Error::Os(errno::EBUSY));
            }
            let mut refs = Refs::default();
            let write = |_: &mut _| Ok(Written::Blocked); // a queue only grows
            output.accept(most, &mut refs, |output, refs| {
                output.encode_all(messages.clone(), u64::MAX, most, refs, write)
            })
        })
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// EAGAIN, ETIMEDOUT, ECANCELED: some of it still waits. ETOOMANYREFS: so it does, for as long as descriptors that are on
    /// their way are not received. What else the system says against writing lasts.
    pub fn flush(&self, deadline: Deadline) -> Result<(), Error> {
        self.flush_and(deadline, false, |_| ())
    }

    /// Sends what waits, though it was cancelled, if it is `last`; and before anything else waits, does something.
    pub(super) fn flush_and<R>(
        &self,
        deadline: Deadline,
        last: bool,
        then: fn(&mut Output<F>) -> R,
    ) -> Result<R, Error> {
        let pace = self.pace(deadline);
        loop {
            let written = self.enter_output(|output| {
                let written = output.write(&self.transport, &mut Refs::default(), pace)?;
                Ok(if written == Written::All { Ok(then(output)) } else { Err(written) })
            });
            match self.tell_failure(written) {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(Written::Held)) if last => {
                    self.turns.until(deadline, || Ok(()), || self.is_free(Self::has_barrier))?
                }
                Ok(Err(Written::Held)) => self.await_turn(deadline, Self::has_barrier)?,
                Ok(Err(_)) if last => self.transport.wait(Events::WRITE, None, deadline)?,
                Ok(Err(_)) => self.wait(Events::WRITE, Direction::Out, deadline)?,
                Err(TOO_MANY_ON_THEIR_WAY) => self.pause(deadline, last).map_err(|error| match error {
                    Error::Os(errno::EAGAIN | errno::ETIMEDOUT) => TOO_MANY_ON_THEIR_WAY,
                    error => error,
                })?,
                Err(error) => return Err(error),
            }
        }
    }

    fn has_barrier(output: &Output<F>) -> Result<bool, Error> {
        Ok(output.has_barrier())
    }

    /// Begins a message whose body is then sent in parts. Its head goes out with the first of them.
    ///
    /// # Errors
    /// As [`send`](Connection::send); EOPNOTSUPP for a format that does not tell its messages by a length.
    pub fn send_begin(&self, head: Option<&[u8]>, body_len: u64, deadline: Deadline) -> Result<Sent, Error> {
        // The head alone would be a packet of its own.
        let batch = if body_len == 0 { self.batch() } else { u64::MAX };
        let accept: Accept<'_, '_, F> = &mut |output, most, refs| output.accept_begin(head, body_len, most, refs);
        self.transmit(deadline, batch, Output::is_held, accept)
    }

    /// Sends the next bytes of the message that was begun.
    ///
    /// # Errors
    /// As [`send`](Connection::send); [`Error::Misuse`] where no message was begun, or it has fewer bytes left.
    pub fn send_part(&self, part: &[u8], deadline: Deadline) -> Result<Sent, Error> {
        let accept: Accept<'_, '_, F> = &mut |output, most, refs| {
            output.accept(most, refs, |output, refs| output.encode_part(part, refs))?;
            output.close_part(part.len());
            Ok(())
        };
        let sent = self.transmit(deadline, self.batch(), Self::has_barrier, accept);
        self.turns.changed();
        sent
    }

    /// Sends a message whose body is a piece of a file, of which it keeps a descriptor as long as it needs.
    ///
    /// # Errors
    /// As [`send`](Connection::send); EINVAL for what is no regular file, or not as long; EOPNOTSUPP as
    /// [`send_begin`](Connection::send_begin).
    pub fn send_file(&self, file: BorrowedFd<'_>, offset: u64, len: u64, deadline: Deadline) -> Result<Sent, Error> {
        let accept: Accept<'_, '_, F> = &mut |output, most, _| output.accept_file(file, offset, len, most);
        self.transmit(deadline, self.batch(), Output::is_held, accept)
    }

    /// Sends a message with descriptors over a Unix socket. They stay the caller's.
    ///
    /// # Errors
    /// As [`send`](Connection::send); EOPNOTSUPP where it is no Unix socket; EINVAL for more than 253 descriptors or a
    /// message of no bytes; EBADF, EMFILE.
    pub fn send_descriptors(
        &self,
        message: Outgoing<'_>,
        descriptors: &[BorrowedFd<'_>],
        deadline: Deadline,
    ) -> Result<Sent, Error> {
        self.enter_output(|output| output.check_side(&self.transport))?;
        if !self.transport.output().is_some_and(|output| output.is_unix_socket()) {
            return Err(Error::Os(errno::EOPNOTSUPP));
        }
        if descriptors.len() > DESCRIPTORS_MAX {
            return Err(Error::Os(errno::EINVAL));
        }
        if descriptors.is_empty() {
            return self.send(message, deadline);
        }
        let accept: Accept<'_, '_, F> = &mut |output, most, _| output.accept_descriptors(message, descriptors, most);
        self.transmit(deadline, self.batch(), Output::is_held, accept)
    }

    /// Does something to what is sent. All but the short way comes by here, so that this knows whether something is in its way.
    #[inline]
    pub(super) fn enter_output<R>(&self, work: impl FnOnce(&mut Output<F>) -> Result<R, Error>) -> Result<R, Error> {
        self.output.enter(|output| {
            let result = work(output);
            output.note_quick();
            result
        })
    }

    /// Most bytes that may wait when a call has been accepted: one without a deadline stays until they are gone.
    fn most(&self, deadline: Deadline) -> u64 {
        match deadline {
            Deadline::Never if self.transport.can_wait() => u64::MAX,
            _ => self.send_limit.load(Ordering::Relaxed),
        }
    }

    /// Gets something accepted, and pushes it out as far as it goes in time.
    #[inline]
    fn transmit<'m>(
        &self,
        deadline: Deadline,
        batch: u64,
        held: fn(&Output<F>) -> Result<bool, Error>,
        accept: impl FnMut(&mut Output<F>, u64, &mut Refs<'m>) -> Result<(), Error>,
    ) -> Result<Sent, Error> {
        let mut refs = Refs::default();
        match self.accept(deadline, batch, &mut refs, held, accept)? {
            Next::Done(sent) => Ok(sent),
            _ => self.push_out(&mut refs, deadline),
        }
    }

    /// Waits until there is room for it, and it is this call's turn.
    #[inline]
    fn accept<'m>(
        &self,
        deadline: Deadline,
        batch: u64,
        refs: &mut Refs<'m>,
        held: fn(&Output<F>) -> Result<bool, Error>,
        mut accept: impl FnMut(&mut Output<F>, u64, &mut Refs<'m>) -> Result<(), Error>,
    ) -> Result<Next, Error> {
        let most = self.most(deadline);
        loop {
            let next = self.enter_output(|output| {
                output.check_side(&self.transport)?;
                if held(output)? {
                    return Ok(Next::Turn);
                }
                let before = output.end();
                match accept(output, most, refs) {
                    Ok(()) if output.is_empty() && refs.is_empty() => Ok(Next::Done(Sent::All)),
                    Ok(()) if batch > 0 && output.pending().saturating_add(refs.len) < batch => {
                        output.absorb(refs).map(|()| Next::Done(Sent::Pending))
                    }
                    Ok(()) => self.write_accepted(output, batch, before, refs, deadline),
                    Err(Error::NoRoom { needed }) => self.make_room(output, most.saturating_sub(needed), deadline),
                    Err(error) => Err(error),
                }
            });
            match self.tell_failure(next)? {
                Next::Room => self.await_room(deadline)?,
                Next::Turn => self.await_turn(deadline, held)?,
                Next::Again => {}
                next => return Ok(next),
            }
        }
    }

    /// Writes what waits and was accepted `before`, and is a batch by itself; or all of it.
    fn write_accepted(
        &self,
        output: &mut Output<F>,
        batch: u64,
        before: (u64, usize),
        refs: &mut Refs<'_>,
        deadline: Deadline,
    ) -> Result<Next, Error> {
        let pace = self.pace(deadline);
        if output.exceeds(batch, before, refs) {
            return match output.write_until(before.0, &self.transport, refs, pace)? {
                Written::All if output.is_empty() && refs.is_empty() => Ok(Next::Done(Sent::All)), // it added nothing
                Written::All => Ok(Next::Done(Sent::Pending)),
                _ => Ok(Next::Push),
            };
        }
        match output.write(&self.transport, refs, pace) {
            Ok(Written::All) => Ok(Next::Done(Sent::All)),
            Ok(_) => Ok(Next::Push),
            Err(error) if passes(error) && !output.take_back(before) => Ok(Next::Push),
            Err(error) => Err(error),
        }
    }

    #[cold]
    fn await_room(&self, deadline: Deadline) -> Result<(), Error> {
        match self.wait(Events::WRITE, Direction::Out, deadline) {
            Err(Error::Os(errno::EAGAIN | errno::ETIMEDOUT)) => Err(Error::NoRoom { needed: 0 }),
            waited => waited,
        }
    }

    /// Writes what waits, so that no more than so many bytes do.
    #[cold]
    fn make_room(&self, output: &mut Output<F>, most: u64, deadline: Deadline) -> Result<Next, Error> {
        let pace = Pace { wait: Wait::No, until: deadline };
        match output.write(&self.transport, &mut Refs::default(), pace)? {
            _ if output.in_memory() <= most => Ok(Next::Again),
            Written::Held => Ok(Next::Turn),
            _ => Ok(Next::Room),
        }
    }

    /// Pushes out what was accepted, as far as it goes in time; what is left then waits in the queue.
    fn push_out(&self, refs: &mut Refs<'_>, deadline: Deadline) -> Result<Sent, Error> {
        let pace = self.pace(deadline);
        let sent = loop {
            if let Err(error) = self.wait(Events::WRITE, Direction::Out, deadline) {
                break self.leave(refs, error);
            }
            match self.write(refs, pace) {
                Ok(Written::All) => break Ok(Sent::All),
                Ok(Written::Blocked) => {}
                Ok(Written::Held) => {
                    if let Err(error) = self.await_turn(deadline, Self::has_barrier) {
                        break self.leave(refs, error);
                    }
                }
                Err(TOO_MANY_ON_THEIR_WAY) => {
                    if let Err(error) = self.pause(deadline, false) {
                        break self.leave(refs, error);
                    }
                }
                Err(error) if passes(error) => break self.leave(refs, error),
                Err(error) => break Err(error),
            }
        };
        self.turns.changed();
        sent
    }

    /// Waits a moment, where nothing tells when it is worth another try; though it was cancelled, if it is the `last`.
    #[cold]
    fn pause(&self, deadline: Deadline, last: bool) -> Result<(), Error> {
        let moment = deadline.at_most(MOMENT);
        let check = || if last { Ok(()) } else { self.check_cancelled() };
        match self.turns.until(moment, check, || Ok(None)) {
            Err(Error::Os(errno::ETIMEDOUT)) if moment != deadline => Ok(()),
            paused => paused,
        }
    }

    /// What a call does that was accepted and has no more time.
    fn leave(&self, refs: &mut Refs<'_>, error: Error) -> Result<Sent, Error> {
        self.enter_output(|output| match error {
            Error::Os(errno::EAGAIN | errno::ETIMEDOUT | errno::ECANCELED) => {
                output.give_up(refs).map(|()| Sent::Pending)
            }
            error if passes(error) => output.give_up(refs).map(|()| Sent::Pending),
            error => output.fail(error),
        })
    }

    fn pace(&self, deadline: Deadline) -> Pace {
        Pace { wait: self.manner(Direction::Out, deadline), until: deadline }
    }

    #[inline(never)]
    pub(super) fn write(&self, refs: &mut Refs<'_>, pace: Pace) -> Result<Written, Error> {
        let written = self.enter_output(|output| output.write(&self.transport, refs, pace));
        self.tell_failure(written)
    }

    /// Who waits for a turn does so no longer where sending has failed.
    #[inline]
    fn tell_failure<R>(&self, result: Result<R, Error>) -> Result<R, Error> {
        result.inspect_err(|_| self.turns.changed())
    }

    #[cold]
    fn await_turn(&self, deadline: Deadline, held: fn(&Output<F>) -> Result<bool, Error>) -> Result<(), Error> {
        self.turns.until(deadline, || self.check_cancelled(), || self.is_free(held))
    }

    fn is_free(&self, held: fn(&Output<F>) -> Result<bool, Error>) -> Result<Option<()>, Error> {
        self.enter_output(|output| Ok((output.error().is_some() || !held(output)?).then_some(())))
    }
}
