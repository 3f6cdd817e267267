//! The calls that receive.

use super::input::{Input, Manner, Step};
use super::output::{Output, Pace, TOO_MANY_ON_THEIR_WAY, Written};
use super::queue::Refs;
use super::send::MOMENT;
use super::spin::Spin;
use super::transport::Transport;
use super::{Connection, Direction, Gate};
use crate::Error;
use crate::codec::Message;
use crate::fd::{Deadline, Events, Wait, errno};
use crate::format::{Format, Frame};
use std::ops::{Deref, RangeInclusive};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Memory for large messages is given back when nothing came for so long.
const PATIENCE: Duration = Duration::from_millis(10);

impl<'fd, F, I, O> Connection<'fd, F, I, O>
where
    F: Deref<Target = Format> + Clone,
    I: Gate<Input<F>>,
    O: Gate<Output<F>>,
{
    /// A message that is inside already, if there is a short way to it and its body is not longer than this. `None` says
    /// nothing.
    #[inline(always)]
    pub(crate) fn recv_quickly<R>(&self, most: usize, lend: impl FnOnce(Message<'_>) -> R) -> Option<R> {
        self.input.try_enter(|input| input.quickly(most, lend))
    }

    /// The same by the shortest way, where there is no lock to take, if its body is so long.
    #[inline(always)]
    pub(crate) fn recv_alone<R>(&self, len: RangeInclusive<usize>, lend: impl FnOnce(Message<'_>) -> R) -> Option<R> {
        self.input.enter_alone(|input| input.most_quickly(len, lend))
    }

    /// One message, lent to `lend`; `None` where the stream ended between messages.
    ///
    /// # Errors
    /// EAGAIN, ETIMEDOUT, ECANCELED: there is none yet, and what came of it is kept. [`Error::Truncated`],
    /// [`Error::TooLong`], [`Error::Malformed`] and what the system says against reading: these last. EBUSY while a message
    /// is received in parts.
    #[inline]
    pub fn recv<R>(&self, deadline: Deadline, mut lend: impl FnMut(Message<'_>) -> R) -> Result<Option<R>, Error> {
        self.receive(deadline, |input, transport, manner| input.one(transport, manner, &mut lend))
    }

    /// As many messages as are there and `out` has room for, each as `lend` makes it; says how many. It waits for the first
    /// only. One that brings descriptors is the last.
    ///
    /// # Errors
    /// As [`recv`](Connection::recv); one behind some messages comes with the next call.
    #[inline]
    pub fn recv_many<T>(
        &self,
        out: &mut [T],
        deadline: Deadline,
        lend: impl Fn(Message<'_>) -> T,
    ) -> Result<Option<usize>, Error> {
        self.receive(deadline, |input, transport, manner| match input.wants_descriptors() {
            true => input.many_with_descriptors(transport, manner, out, &lend),
            false => input.many(transport, manner, out, &lend),
        })
    }

    /// The body of one message, to the start of `body`; says how long it is.
    ///
    /// # Errors
    /// As [`recv`](Connection::recv). [`Error::NoRoom`] where it is longer than `body`; the message stays.
    /// [`Error::NoMemory`] lasts where there was none to keep what came of it.
    pub fn recv_into(&self, body: &mut [u8], deadline: Deadline) -> Result<Option<usize>, Error> {
        let mut begun = false;
        let received =
            self.receive(deadline, |input, transport, manner| input.copy_one(transport, manner, body, &mut begun));
        self.let_go(begun, body).and(received)
    }

    /// The bodies of as many messages as are there and fit into `bodies`, one behind another, and their lengths; says how many. It
    /// waits for the first only. One that brings descriptors is the last.
    ///
    /// # Errors
    /// As [`recv`](Connection::recv); one behind some messages comes with the next call. [`Error::NoRoom`] where the first is
    /// longer than `bodies`; it stays. [`Error::Misuse`] where `lens` is empty.
    pub fn recv_packed(
        &self,
        bodies: &mut [u8],
        lens: &mut [usize],
        deadline: Deadline,
    ) -> Result<Option<usize>, Error> {
        let mut begun = false;
        let received = self
            .receive(deadline, |input, transport, manner| input.copy_many(transport, manner, bodies, lens, &mut begun));
        self.let_go(begun, bodies).and(received)
    }

    /// Gives back a body that was begun and is not whole, and lets others receive, whatever came of that.
    ///
    /// # Errors
    /// [`Error::NoMemory`], which then lasts.
    fn let_go(&self, begun: bool, body: &[u8]) -> Result<(), Error> {
        let given_back = if begun { self.input.enter(|input| input.give_back(body)) } else { Ok(()) };
        self.turns.changed();
        given_back
    }

    /// Begins a message whose body is then received in parts: its head, lent to `lend`, and its frame.
    ///
    /// # Errors
    /// As [`recv`](Connection::recv).
    pub fn recv_begin<R>(
        &self,
        deadline: Deadline,
        mut lend: impl FnMut(&[u8], Frame) -> R,
    ) -> Result<Option<R>, Error> {
        self.receive(deadline, |input, transport, manner| input.begin(transport, manner, &mut lend))
    }

    /// Some of the body that was begun, to the start of `buf`; says how many bytes, 0 where it is at its end.
    ///
    /// # Errors
    /// As [`recv`](Connection::recv); [`Error::Misuse`] where no message was begun, or `buf` is empty.
    pub fn recv_part(&self, buf: &mut [u8], deadline: Deadline) -> Result<usize, Error> {
        if buf.is_empty() {
            return Err(Error::Misuse("there is no room for a part"));
        }
        let part = self.receive(deadline, |input, transport, manner| input.part(transport, manner, buf))?;
        part.ok_or(Error::Truncated) // only where the program has ended receiving
    }

    /// Goes past a message that is too long, or the rest of one that is received in parts.
    ///
    /// # Errors
    /// [`Error::Misuse`] where there is none; the error that lasts where it is another.
    pub fn skip(&self) -> Result<(), Error> {
        self.input.enter(|input| input.skip())
    }

    /// Hands over the bytes that came and were not delivered, and forgets them.
    ///
    /// # Errors
    /// EBUSY while a message is received in parts.
    pub fn unread<R>(&self, lend: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        self.input.enter(|input| input.unread(lend))
    }

    /// The descriptors that came with what was delivered last, at most so many.
    ///
    /// # Errors
    /// EMFILE where not all that were sent could be received; the others were closed.
    pub fn take_descriptors(&self, most: usize) -> Result<Vec<OwnedFd>, Error> {
        self.input.enter(|input| input.descriptors(most))
    }

    #[inline]
    fn receive<R>(
        &self,
        deadline: Deadline,
        mut step: impl FnMut(&mut Input<F>, &Transport<'fd>, Manner) -> Result<Step<R>, Error>,
    ) -> Result<Option<R>, Error> {
        let mut manner = Manner { wait: Wait::No, eager: false, deadline, shut: false };
        let mut spin = Spin::default();
        loop {
            manner.eager = deadline == Deadline::Now || spin.is_on() || self.check_cancelled().is_err();
            manner.shut = self.is_over(Direction::In);
            let step = match self.input.enter(|input| step(input, &self.transport, manner)) {
                Ok(step) => step,
                Err(error) => return self.settle(false).and(Err(error)),
            };
            match step {
                Step::Done(result) => return Ok(Some(result)),
                Step::End => return self.settle(false).map(|_| None),
                Step::Wait => manner.wait = self.await_input(deadline, &mut spin)?,
                Step::Held => self.await_turn_to_receive(deadline)?,
            }
        }
    }

    #[cold]
    fn await_turn_to_receive(&self, deadline: Deadline) -> Result<(), Error> {
        let free = || self.input.enter(|input| Ok((!input.is_held()).then_some(())));
        self.turns.until(deadline, || self.check_cancelled(), free)
    }

    /// Waits until more came, or says that the next read may wait for it, or is another try. Who finds nothing gives memory
    /// back.
    #[cold]
    fn await_input(&self, deadline: Deadline, spin: &mut Spin) -> Result<Wait, Error> {
        if self.spins(deadline, spin) {
            return Ok(Wait::No);
        }
        spin.end();
        let waited = self.flush_and_wait(deadline);
        if waited.is_err() {
            self.settle(false)?;
        }
        waited
    }

    /// Whether the call is to try again before it waits, as long as the program lets it.
    fn spins(&self, deadline: Deadline, spin: &mut Spin) -> bool {
        let most = Duration::from_micros(self.spin.load(Ordering::Relaxed).into());
        let may = !most.is_zero() && deadline != Deadline::Now && self.transport.can_wait();
        if !may || self.check_cancelled().is_err() {
            return false;
        }
        let _ = self.flush_ahead(deadline);
        spin.goes_on(most, deadline)
    }

    /// Sends what waits, as far as it goes now. What goes wrong with that, the next send tells.
    #[inline(always)]
    fn flush_ahead(&self, deadline: Deadline) -> Result<Written, Error> {
        let waits_nothing = || self.output.try_enter(|output| output.is_idle().then_some(())).is_some();
        match self.flushes_before_waiting() {
            true if waits_nothing() => Ok(Written::All),
            true => self.write(&mut Refs::default(), Pace { wait: Wait::No, until: deadline }),
            false => Ok(Written::Held),
        }
    }

    /// What waits to be sent goes out first, and meanwhile.
    fn flush_and_wait(&self, deadline: Deadline) -> Result<Wait, Error> {
        let written = self.flush_ahead(deadline);
        if deadline == Deadline::Now {
            return Err(Error::Os(errno::EAGAIN));
        }
        let events = match written {
            Ok(Written::Blocked) => Events::READ.and(Events::WRITE),
            Err(TOO_MANY_ON_THEIR_WAY) => return self.wait_a_moment(deadline),
            _ if self.manner(Direction::In, deadline) == Wait::Yes
                && self.input.enter(|input| Ok(input.waits_in_kernel()))? =>
            {
                return self.check_cancelled().map(|()| Wait::Yes);
            }
            _ => Events::READ,
        };
        if self.settle(true)? {
            match self.wait(events, Direction::In, deadline.at_most(PATIENCE)) {
                Ok(()) => return Ok(Wait::No),
                Err(_) => self.settle(false)?,
            };
        }
        self.wait(events, Direction::In, deadline).map(|()| Wait::No)
    }

    /// What waits can be sent when a peer has received others' descriptors, which nothing here tells.
    #[cold]
    fn wait_a_moment(&self, deadline: Deadline) -> Result<Wait, Error> {
        let moment = deadline.at_most(MOMENT);
        match self.wait(Events::READ, Direction::In, moment) {
            Err(Error::Os(errno::ETIMEDOUT)) if moment != deadline => Ok(Wait::No),
            waited => waited.map(|()| Wait::No),
        }
    }

    /// Gives back memory; whether it keeps some that is large.
    #[inline(never)]
    fn settle(&self, keep: bool) -> Result<bool, Error> {
        self.input.enter(|input| {
            input.settle(keep);
            Ok(input.is_large())
        })
    }
}
