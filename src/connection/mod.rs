//! A connection: a decoder and an output queue on an input and an output descriptor.
//!
//! It holds what was read past a message and what could not be written yet, so that a call which runs out of time loses
//! nothing. Receiving and sending are apart: each direction lets one call at a time in ([`Gate`]), and nobody is inside while
//! they wait.
//!
//! ```
//! use fdwire::connection::{Connection, Outgoing, Sent};
//! use fdwire::{fd::Deadline, format::Format};
//! use std::os::{fd::AsFd, unix::net::UnixStream};
//!
//! let (ours, theirs) = UnixStream::pair()?;
//! let format = Format::parse("u16be")?;
//! let (us, them) = (Some(ours.as_fd()), Some(theirs.as_fd()));
//! let (us, them) = (Connection::<&Format>::new(us, us, &format)?, Connection::<&Format>::new(them, them, &format)?);
//!
//! let hello = Outgoing { head: None, body: b"hello" };
//! assert_eq!(us.send(hello, Deadline::Never)?, Sent::All);
//! let received = them.recv(Deadline::Never, |message| message.body.to_vec())?;
//! assert_eq!(received.as_deref(), Some(&b"hello"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod end;
mod gate;
mod input;
mod output;
mod pool;
mod queue;
mod receive;
mod send;
mod spin;
mod transport;
mod turns;

pub use gate::Gate;
pub use input::Input;
pub use output::{Outgoing, Output, Sent};
pub use transport::Functions;

use crate::Error;
use crate::fd::{Alarm, Alarms, Deadline, Events, Wait, errno};
use crate::format::Format;
use std::fmt;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use transport::Transport;
use turns::Turns;

/// Most bytes that may wait to be sent, unless the program says otherwise.
const SEND_LIMIT: u64 = 32 * 1024 * 1024;

/// The least and the most that one read may be told to ask for.
const READ_SIZES: std::ops::RangeInclusive<u32> = 4 * 1024..=64 * 1024 * 1024;

/// The longest that a receive may be told to spin, in microseconds.
const SPIN_MAX: u32 = 1_000_000;

/// Receives leave the sending to its own thread.
const KEEPS_OFF: u8 = 4;

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Receiving.
    In,
    /// Sending.
    Out,
}

impl Direction {
    fn bit(self) -> u8 {
        match self {
            Direction::In => 1,
            Direction::Out => 2,
        }
    }
}

/// What a connection has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that were received.
    pub messages_in: u64,
    /// Messages that were sent, or accepted to be.
    pub messages_out: u64,
    /// Bytes that came.
    pub bytes_in: u64,
    /// Bytes that went.
    pub bytes_out: u64,
    /// Calls that read.
    pub reads: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// Bytes that came and were not delivered yet.
    pub buffered: u64,
    /// Bytes that were accepted and wait to be sent.
    pub pending: u64,
    /// Bytes of memory that the buffers hold.
    pub memory: u64,
}

/// What an event loop has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// POLLIN and POLLOUT, as poll(2) has them.
    pub events: i32,
    /// A receive would not have to wait.
    pub ready: bool,
}

/// Messages in both directions, or in one, over descriptors or functions. Any thread may make any call.
pub struct Connection<'fd, F, I = Mutex<Input<F>>, O = Mutex<Output<F>>> {
    input: I,
    output: O,
    transport: Transport<'fd>,
    /// They wake who waits to receive, and to send.
    alarms: Alarms,
    /// Nobody may wait.
    cancelled: AtomicBool,
    turns: Turns,
    send_limit: AtomicU64,
    batch: AtomicU64,
    /// Most bytes that may wait when a message was accepted that need not go yet: less than a batch, and within the limit.
    quick_most: AtomicU64,
    /// How long a receive tries again before it waits, in microseconds.
    spin: AtomicU32,
    /// The directions in which there is one thread only, and `KEEPS_OFF`.
    alone: AtomicU8,
    /// The directions that are over, by [`Direction::bit`]: who waits in one is to look.
    over: AtomicU8,
    /// Its descriptors may be closed, and their numbers be others'.
    finished: AtomicBool,
    _pool: pool::User,
    _format: std::marker::PhantomData<fn() -> F>,
}

impl<'fd, F, I, O> Connection<'fd, F, I, O>
where
    F: Deref<Target = Format> + Clone,
    I: Gate<Input<F>>,
    O: Gate<Output<F>>,
{
    /// Receives from one descriptor and sends to another, or the same; `None` where there is no such side.
    ///
    /// # Errors
    /// EBADF for a descriptor that is not open for this direction, or where there is none; EPROTOTYPE for a socket that keeps
    /// message boundaries.
    pub fn new(
        input: Option<BorrowedFd<'fd>>,
        output: Option<BorrowedFd<'fd>>,
        format: F,
    ) -> Result<Connection<'fd, F, I, O>, Error> {
        Ok(Connection::over(Transport::over_descriptors(input, output)?, format))
    }

    /// Receives and sends by functions of the program's own.
    pub fn over_functions(functions: Box<dyn Functions>, format: F) -> Connection<'fd, F, I, O> {
        Connection::over(Transport::Functions(functions), format)
    }

    fn over(transport: Transport<'fd>, format: F) -> Connection<'fd, F, I, O> {
        Connection {
            input: I::new(Input::new(format.clone())),
            output: O::new(Output::new(format)),
            transport,
            alarms: Alarms::default(),
            cancelled: AtomicBool::new(false),
            turns: Turns::default(),
            send_limit: AtomicU64::new(SEND_LIMIT),
            batch: AtomicU64::new(0),
            quick_most: AtomicU64::new(0),
            spin: AtomicU32::new(0),
            alone: AtomicU8::new(0),
            over: AtomicU8::new(0),
            finished: AtomicBool::new(false),
            _pool: pool::User::new(),
            _format: std::marker::PhantomData,
        }
    }

    /// Most bytes that may wait to be sent; 32 MiB unless set.
    pub fn set_send_limit(&self, bytes: u64) {
        self.send_limit.store(bytes, Ordering::SeqCst);
        self.note_quick_most();
    }

    /// Sends wait until there are so many bytes or the next does not fit in, for a flush, or for a receive that is about to wait.
    pub fn set_batch(&self, bytes: u64) {
        self.batch.store(bytes, Ordering::SeqCst);
        self.note_quick_most();
    }

    /// How many bytes make a batch: no more wait than may.
    fn batch(&self) -> u64 {
        self.batch.load(Ordering::SeqCst).min(self.send_limit.load(Ordering::SeqCst).saturating_add(1))
    }

    /// Whoever notes it last, whichever thread, has seen what was set before.
    fn note_quick_most(&self) {
        loop {
            let batch = self.batch();
            self.quick_most.store(batch.saturating_sub(1), Ordering::SeqCst);
            if self.batch() == batch {
                return;
            }
        }
    }

    /// How many bytes one read asks for: 4 KiB to 64 MiB.
    ///
    /// # Errors
    /// [`Error::Misuse`] for any other.
    pub fn set_read_size(&self, bytes: usize) -> Result<(), Error> {
        let known = u32::try_from(bytes).ok().filter(|bytes| READ_SIZES.contains(bytes));
        let bytes = known.ok_or(Error::Misuse("a read asks for 4 KiB to 64 MiB"))?;
        self.input.enter(|input| {
            input.set_read_size(bytes);
            Ok(())
        })
    }

    /// For how many microseconds a receive tries again and again before it waits: 0 to a million.
    ///
    /// # Errors
    /// [`Error::Misuse`] for any other.
    pub fn set_spin(&self, microseconds: u64) -> Result<(), Error> {
        let known = u32::try_from(microseconds).ok().filter(|microseconds| *microseconds <= SPIN_MAX);
        self.spin.store(known.ok_or(Error::Misuse("a receive spins for a second at most"))?, Ordering::Relaxed);
        Ok(())
    }

    /// Says whether receives that may not wait are made when poll(2) says that there is something: one behind a read that brought
    /// less than there was room for then fails with EAGAIN and asks for nothing.
    pub fn set_polled(&self, polled: bool) {
        let set = |input: &mut Input<F>| {
            input.set_polled(polled);
            Ok(())
        };
        let _ = self.input.enter(set); // which refuses nothing
    }

    /// Says in which directions one thread at a time makes calls, which may then wait in the kernel without being waked; and
    /// whether that is a thread of its own for each. A receive flushes before it waits only where it cannot get in the way of
    /// such a thread.
    pub fn set_alone(&self, receiving: bool, sending: bool, apart: bool) {
        let bit = |is: bool, bit: u8| if is { bit } else { 0 };
        let alone = bit(receiving, Direction::In.bit()) | bit(sending, Direction::Out.bit());
        let keeps_off = bit(sending && (apart || !receiving), KEEPS_OFF);
        self.alone.store(alone | keeps_off, Ordering::Relaxed);
    }

    fn flushes_before_waiting(&self) -> bool {
        self.alone.load(Ordering::Relaxed) & KEEPS_OFF == 0
    }

    /// Whether descriptors are taken that come with messages.
    pub fn set_take_descriptors(&self, wanted: bool) -> Result<(), Error> {
        self.input.enter(|input| input.take_descriptors(wanted))
    }

    /// Wakes all who wait, with ECANCELED, and lets nobody wait, until it is lifted.
    pub fn cancel(&self, cancelled: bool) {
        self.cancelled.store(cancelled, Ordering::SeqCst);
        let cancelled = || self.cancelled.load(Ordering::SeqCst);
        for direction in [Direction::In, Direction::Out] {
            self.alarm(direction).follow(|| cancelled() || self.is_over(direction));
        }
        self.turns.changed();
    }

    /// Changes the format of both directions, or of neither.
    ///
    /// # Errors
    /// As [`set_input_format`](Connection::set_input_format) and [`set_output_format`](Connection::set_output_format).
    pub fn set_format(&self, format: F) -> Result<(), Error> {
        self.change_output_format(format.clone(), || self.set_input_format(format))
    }

    /// Changes the format of what was not delivered yet.
    ///
    /// # Errors
    /// EBUSY while a message is received in parts; [`Error::Misuse`] while one is being skipped; what receiving stopped at.
    pub fn set_input_format(&self, format: F) -> Result<(), Error> {
        self.input.enter(|input| match input.is_open() {
            true => Err(Error::Os(errno::EBUSY)),
            false => input.decoder.set_format(format),
        })
    }

    /// Changes the format of what is sent from now on.
    ///
    /// # Errors
    /// EBUSY while a message is sent in parts.
    pub fn set_output_format(&self, format: F) -> Result<(), Error> {
        self.change_output_format(format, || Ok(()))
    }

    /// Changes it if nothing is in its way, and in that of something else which is done first.
    fn change_output_format(&self, format: F, first: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        self.enter_output(|output| {
            if output.is_open() {
                return Err(Error::Os(errno::EBUSY));
            }
            first()?;
            output.set_format(format);
            Ok(())
        })
    }

    /// What an event loop polls for, level-triggered.
    ///
    /// ```
    /// use fdwire::connection::{Connection, Outgoing};
    /// use fdwire::{fd::Deadline, format::Format};
    /// use std::os::{fd::AsFd, unix::net::UnixStream};
    ///
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let (us, them) = (Some(ours.as_fd()), Some(theirs.as_fd()));
    /// let format = Format::DEFAULT;
    /// let us = Connection::<&Format>::new(us, us, &format)?;
    /// let them = Connection::<&Format>::new(them, them, &format)?;
    /// let messages = [b"one", b"two"].into_iter().map(|body| Ok(Outgoing { head: None, body }));
    /// them.send_all(messages, Deadline::Now)?;
    ///
    /// // One read brought both: poll(2) knows nothing of the second.
    /// assert!(!us.interest()?.ready);
    /// us.recv(Deadline::Now, |message| assert_eq!(message.body, b"one"))?;
    /// assert!(us.interest()?.ready);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn interest(&self) -> Result<Interest, Error> {
        let (readable, ready) = self.input.enter(|input| {
            let over = input.is_over() || self.is_over(Direction::In);
            Ok((!over, over || input.decoder.is_ready()))
        })?;
        let has_input = self.transport.check_side(Events::READ).is_ok();
        let pending = self.enter_output(|output| Ok(output.error().is_none() && !output.is_empty()))?;
        let reads = if readable && has_input { Events::READ.bits() } else { 0 };
        let writes = if pending { Events::WRITE.bits() } else { 0 };
        Ok(Interest { events: reads | writes, ready: ready && has_input })
    }

    /// How many bytes were accepted and wait to be sent, or waited when sending failed.
    pub fn pending(&self) -> Result<u64, Error> {
        self.enter_output(|output| Ok(output.pending()))
    }

    /// What it has done so far.
    pub fn stats(&self) -> Result<Stats, Error> {
        let mut stats = Stats::default();
        self.input.enter(|input| {
            stats.messages_in = input.decoder.messages();
            stats.bytes_in = input.decoder.received();
            stats.reads = input.reads;
            stats.buffered = input.decoder.buffered() as u64;
            stats.memory = input.decoder.capacity() as u64;
            Ok(())
        })?;
        self.enter_output(|output| {
            stats.messages_out = output.messages;
            stats.bytes_out = output.bytes;
            stats.writes = output.writes;
            stats.pending = output.pending();
            stats.memory += output.memory() as u64;
            Ok(())
        })?;
        Ok(stats)
    }

    /// Where the stream stands and, if it broke, why; written by `show`.
    pub fn explain<R>(&self, show: impl FnOnce(&dyn fmt::Display) -> R) -> Result<R, Error> {
        let sending = self.enter_output(|output| Ok(output.error().map(|error| (error, output.pending()))))?;
        self.input.enter(|input| {
            let stands = input.decoder.explain();
            Ok(show(&Standing { stands: &stands, sending }))
        })
    }

    /// Where its functions are; 0 where it has none.
    pub(crate) fn functions(&self) -> usize {
        match &self.transport {
            Transport::Descriptors { .. } => 0,
            Transport::Functions(functions) => std::ptr::from_ref(&**functions).addr(),
        }
    }

    /// Its gates, of receiving and of sending.
    pub(crate) fn gates(&self) -> (&I, &O) {
        (&self.input, &self.output)
    }

    fn is_alone(&self, direction: Direction) -> bool {
        self.alone.load(Ordering::Relaxed) & direction.bit() != 0
    }

    /// From now on the alarm of this direction rings, once it is set.
    fn note_over(&self, direction: Direction) {
        self.over.fetch_or(direction.bit(), Ordering::SeqCst);
    }

    #[inline]
    fn is_over(&self, direction: Direction) -> bool {
        self.over.load(Ordering::SeqCst) & direction.bit() != 0
    }

    fn alarm(&self, direction: Direction) -> Alarm<'_> {
        match direction {
            Direction::In => self.alarms.first(),
            Direction::Out => self.alarms.second(),
        }
    }

    fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancelled.load(Ordering::SeqCst) { Err(Error::Os(errno::ECANCELED)) } else { Ok(()) }
    }

    /// Waits for one of these events, or for an alarm that says to look again, unless it was cancelled.
    fn wait(&self, events: Events, direction: Direction, deadline: Deadline) -> Result<(), Error> {
        if deadline == Deadline::Now {
            return Err(Error::Os(errno::EAGAIN)); // it was just tried
        }
        self.check_cancelled()?;
        let alarm = (!self.is_alone(direction)).then_some(self.alarm(direction));
        self.transport.wait(events, alarm, deadline)?;
        self.check_cancelled()
    }

    /// Whether a call may wait in the kernel.
    fn manner(&self, direction: Direction, deadline: Deadline) -> Wait {
        match deadline == Deadline::Never && self.is_alone(direction) && self.transport.may_wait() {
            true => Wait::Yes,
            false => Wait::No,
        }
    }
}

impl<F, I, O> fmt::Debug for Connection<'_, F, I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// Where both directions stand, for people.
struct Standing<'s> {
    stands: &'s dyn fmt::Display,
    sending: Option<(Error, u64)>,
}

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stands)?;
        match self.sending {
            Some((error, 0)) => write!(f, "; sending failed: {error}"),
            Some((error, lost)) => write!(f, "; sending failed: {error}, with {lost} bytes unsent"),
            None => Ok(()),
        }
    }
}
