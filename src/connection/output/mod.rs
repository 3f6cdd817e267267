//! Sending: messages become bytes that wait, and those go out as far as they go.

mod encode;
mod failure;
mod write;

pub(super) use write::AtOnce;

use super::queue::{Queue, Refs};
use super::transport::Transport;
use crate::Error;
use crate::fd::{Deadline, Events, Wait, errno};
use crate::format::Format;
use crate::memory::{FEW, Rare};
use failure::Failure;
use std::ops::Deref;

/// Bodies up to this length are copied, to go out with what is before and behind them; larger ones are referred to.
pub(super) const COPIED: usize = 2 * 1024;

/// What the system says against more descriptors before the peer has received some.
pub(super) const TOO_MANY_ON_THEIR_WAY: Error = Error::Os(errno::ETOOMANYREFS);

/// What it says against a descriptor that it never sends, such as one of io_uring. The bytes that it was to go with stay.
const NOT_TO_BE_SENT: Error = Error::Misuse("the system sends no such descriptor");

/// Whether an error of writing leaves all that waits: it passes, with nothing lost, or the one message can be taken back.
pub(super) fn passes(error: Error) -> bool {
    matches!(error, TOO_MANY_ON_THEIR_WAY | NOT_TO_BE_SENT | Error::NoMemory)
}

/// How a write goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Whether it may wait in the kernel.
    pub(super) wait: Wait,
    /// From then on it stops, though more would go. `Now` is not a time: what goes without waiting, goes.
    pub(super) until: Deadline,
}

impl Pace {
    fn is_over(self) -> bool {
        matches!(self.until, Deadline::At(_)) && self.until.passed()
    }
}

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
    /// No more goes now, or in time.
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
    open: Rare<Open>,
    /// Bytes outside of the queue: of bodies whose call waits for them to go out, and only that call writes until they are gone;
    /// once it has ended, all that waited then.
    outside: u64,
    /// What ended it.
    failure: Option<Failure>,
    /// The program ended it.
    closed: bool,
    /// And the peer was shown the end.
    shown: bool,
    /// Nothing is in the way of short messages: all that they need is room.
    is_quick: bool,
    /// And the format is the plainest that there is.
    is_quickest: bool,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) writes: u64,
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
            open: Rare::none(),
            outside: 0,
            failure: None,
            closed: false,
            shown: false,
            is_quick: false,
            is_quickest: false,
            messages: 0,
            bytes: 0,
            writes: 0,
        }
    }

    /// To be called after all that may have changed whether something is in the way of short messages.
    #[inline(never)]
    pub(super) fn note_quick(&mut self) {
        let free = self.failure.is_none() && !self.closed && !self.is_open() && !self.has_barrier();
        self.is_quick = free && !self.queue.has_marks();
        self.is_quickest = self.is_quick && self.format.quick_head().is_some_and(|head| head.is_plain(*FEW.end()));
    }

    pub(super) fn set_format(&mut self, format: F) {
        self.format = format;
    }

    /// Bytes that were accepted and are not with the kernel.
    pub(super) fn pending(&self) -> u64 {
        match self.error() {
            Some(_) => self.outside,
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
        match self.open.get() {
            Some(open) if open.by == this_thread() => Err(Error::Os(errno::EBUSY)),
            open => Ok(open.is_some() || self.has_barrier()),
        }
    }

    /// Whether another call waits for its bodies to go out.
    pub(super) fn has_barrier(&self) -> bool {
        self.outside > 0 && self.failure.is_none()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether a message may go out at once.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.is_open() && !self.has_barrier()
    }

    /// Whether a message is being sent in parts.
    pub(super) fn is_open(&self) -> bool {
        self.open.get().is_some()
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
        let before = self.queue.end();
        let mut added = || {
            let messages = encode(self, refs)?;
            let len = self.queue.end_place() - before.0 + refs.len;
            match refs.len.saturating_add(self.queue.len() as u64) {
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
                refs.clear();
                self.refuse(before, error)
            }
        }
    }

    /// Takes back what was added since, as far as there is a way back.
    #[cold]
    fn refuse(&mut self, before: (u64, usize), error: Error) -> Result<(), Error> {
        if self.failure.is_some() {
            return Err(error);
        }
        if self.queue.has_passed(before) {
            return self.fail(error); // some of it is on its way
        }
        self.queue.cut(before);
        if self.queue.is_empty() {
            self.queue.settle();
        }
        Err(error)
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

    /// Whether what was accepted since does not fit into a batch beside what waited before, and is none by itself: what waited is
    /// a batch then.
    pub(super) fn exceeds(&self, batch: u64, before: (u64, usize), refs: &Refs<'_>) -> bool {
        let (waits, added) = (self.queue.len() as u64, self.queue.end_place() - before.0);
        waits > batch && added < batch && added < waits && refs.is_empty() && !self.queue.has_marks()
    }

    /// Where the queue ends now.
    pub(super) fn end(&self) -> (u64, usize) {
        self.queue.end()
    }

    /// Ends sending for good, with the first error: that lasts.
    #[cold]
    pub(super) fn fail<T>(&mut self, error: Error) -> Result<T, Error> {
        if let Some(lasting) = self.error() {
            return Err(lasting);
        }
        self.outside = self.pending().saturating_add(self.outside);
        self.failure = Some(Failure::of(error));
        self.open = Rare::none();
        self.queue.clear();
        Err(error)
    }

    /// Accepts nothing more, from when all has gone; whether that cuts a message short which is sent in parts.
    pub(super) fn close(&mut self) -> bool {
        let cuts = self.is_open();
        (self.open, self.closed) = (Rare::none(), true);
        cuts
    }

    /// Whether the peer was shown the end.
    pub(super) fn is_shown(&self) -> bool {
        self.shown
    }

    /// Notes whether it was, and says it again.
    pub(super) fn note_shown(&mut self, shown: Result<(), Error>) -> Result<(), Error> {
        self.shown |= shown.is_ok();
        shown
    }

    /// What a call does that stops before its bodies went out: the queue keeps them. Only those of a call that was to stay until
    /// they are gone, and was cancelled, can be over the limit.
    pub(super) fn give_up(&mut self, refs: &mut Refs<'_>) -> Result<(), Error> {
        self.check()?;
        self.absorb(refs)?;
        self.queue.settle();
        Ok(())
    }

    /// Keeps bodies that are not to go out yet.
    pub(super) fn absorb(&mut self, refs: &mut Refs<'_>) -> Result<(), Error> {
        if refs.is_empty() {
            return Ok(()); // and what else is waited for, is another call's
        }
        self.outside = refs.len;
        if let Err(error) = self.queue.absorb(refs) {
            return self.fail(error);
        }
        self.outside = 0;
        Ok(())
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
