//! What a connection reads from and writes to.

use crate::Error;
use crate::fd::{Alarm, Channel, Control, Deadline, Events, Wait, errno, wait_for};
use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A stream of bytes that the program moves by functions of its own.
///
/// ```
/// use fdwire::connection::{Connection, Functions};
/// use fdwire::{Error, fd::{Deadline, errno}, format::Format};
/// use std::{io::IoSlice, sync::Mutex, time::Duration};
///
/// /// Bytes that are there already.
/// struct Recorded(Mutex<&'static [u8]>);
///
/// impl Functions for Recorded {
///     fn directions(&self) -> (bool, bool) {
///         (true, false)
///     }
///     fn can_wait(&self) -> bool {
///         false
///     }
///     fn read(&self, buf: &mut [u8]) -> Result<usize, Error> {
///         let mut left = self.0.lock().unwrap();
///         let n = left.len().min(buf.len());
///         buf[..n].copy_from_slice(&left[..n]);
///         *left = &left[n..];
///         Ok(n)
///     }
///     fn write(&self, _: &[IoSlice<'_>]) -> Result<usize, Error> {
///         Err(Error::Os(errno::EBADF))
///     }
///     fn wait(&self, _: i32, _: Option<Duration>) -> Result<(), Error> {
///         Err(Error::Os(errno::EAGAIN))
///     }
/// }
///
/// let recorded = Box::new(Recorded(Mutex::new(b"\0\0\0\x05hello")));
/// let format = Format::DEFAULT;
/// let conn = Connection::<&Format>::over_functions(recorded, &format);
/// assert_eq!(conn.recv(Deadline::Now, |message| message.body.to_vec())?, Some(b"hello".to_vec()));
/// assert_eq!(conn.recv(Deadline::Now, |_| ())?, None);
/// # Ok::<(), Error>(())
/// ```
pub trait Functions: Send + Sync {
    /// Whether there is something to read from, and something to write to.
    fn directions(&self) -> (bool, bool);

    /// Whether [`wait`](Functions::wait) does.
    fn can_wait(&self) -> bool;

    /// Reads at least one byte; 0 is the end.
    ///
    /// # Errors
    /// EAGAIN if none can be read now; others end it.
    fn read(&self, buf: &mut [u8]) -> Result<usize, Error>;

    /// Writes some of these bytes, at least one.
    ///
    /// # Errors
    /// EAGAIN if none can be written now; others end it.
    fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize, Error>;

    /// Waits, at most so long, until reading or writing may go on.
    ///
    /// # Errors
    /// EAGAIN where it cannot wait.
    fn wait(&self, events: i32, patience: Option<Duration>) -> Result<(), Error>;
}

/// Where the bytes come from and go to.
pub(super) enum Transport<'fd> {
    Descriptors { input: Option<Channel<'fd>>, output: Option<Channel<'fd>> },
    Functions(Box<dyn Functions>),
}

const NO_SUCH_SIDE: Error = Error::Os(errno::EBADF);

impl<'fd> Transport<'fd> {
    pub(super) fn over_descriptors(
        input: Option<BorrowedFd<'fd>>,
        output: Option<BorrowedFd<'fd>>,
    ) -> Result<Transport<'fd>, Error> {
        let side = |fd: Option<BorrowedFd<'fd>>, events| fd.map(|fd| Channel::new(fd, events)).transpose();
        let (input, output) = (side(input, Events::READ)?, side(output, Events::WRITE)?);
        match (&input, &output) {
            (None, None) => Err(NO_SUCH_SIDE),
            _ => Ok(Transport::Descriptors { input, output }),
        }
    }

    pub(super) fn input(&self) -> Option<&Channel<'fd>> {
        match self {
            Transport::Descriptors { input, .. } => input.as_ref(),
            Transport::Functions(_) => None,
        }
    }

    pub(super) fn output(&self) -> Option<&Channel<'fd>> {
        match self {
            Transport::Descriptors { output, .. } => output.as_ref(),
            Transport::Functions(_) => None,
        }
    }

    /// Whether a call may be made that waits in the kernel, if the program has nothing against it.
    pub(super) fn may_wait(&self) -> bool {
        matches!(self, Transport::Descriptors { .. })
    }

    /// Whether a call can wait at all.
    pub(super) fn can_wait(&self) -> bool {
        match self {
            Transport::Descriptors { .. } => true,
            Transport::Functions(functions) => functions.can_wait(),
        }
    }

    /// Whether there is such a side.
    pub(super) fn check_side(&self, events: Events) -> Result<(), Error> {
        let (reads, writes) = match self {
            Transport::Descriptors { input, output } => (input.is_some(), output.is_some()),
            Transport::Functions(functions) => functions.directions(),
        };
        if if events == Events::READ { reads } else { writes } { Ok(()) } else { Err(NO_SUCH_SIDE) }
    }

    #[inline]
    pub(super) fn read(&self, bufs: &mut [IoSliceMut<'_>], wait: Wait) -> Result<usize, Error> {
        match self {
            Transport::Descriptors { input, .. } => input.as_ref().ok_or(NO_SUCH_SIDE)?.read(bufs, wait),
            Transport::Functions(functions) => {
                let buf = bufs.iter_mut().find(|buf| !buf.is_empty());
                buf.map_or(Ok(0), |buf| functions.read(buf))
            }
        }
    }

    pub(super) fn read_with_control(&self, bufs: &mut [IoSliceMut<'_>], wait: Wait) -> Result<(usize, Control), Error> {
        match self.input() {
            Some(input) => input.read_with_control(bufs, wait),
            None => Ok((self.read(bufs, wait)?, Control::default())),
        }
    }

    #[inline]
    pub(super) fn write(&self, bufs: &[IoSlice<'_>], wait: Wait) -> Result<usize, Error> {
        match self {
            Transport::Descriptors { output, .. } => output.as_ref().ok_or(NO_SUCH_SIDE)?.write(bufs, wait),
            Transport::Functions(functions) => functions.write(bufs),
        }
    }

    /// Whether a write that took less than it was given has filled what there is.
    pub(super) fn is_full_when_short(&self) -> bool {
        self.output().is_some_and(Channel::is_socket)
    }

    /// Whether a read that brought less than there was room for has taken all that was there.
    pub(super) fn is_drained_when_short(&self) -> bool {
        matches!(self, Transport::Descriptors { .. })
    }

    /// Waits until there is something to read, or to write, or the alarm rings.
    ///
    /// # Errors
    /// EAGAIN and ETIMEDOUT from the deadline; EAGAIN where the functions have no way to wait.
    pub(super) fn wait(&self, events: Events, alarm: Option<Alarm<'_>>, deadline: Deadline) -> Result<(), Error> {
        match self {
            Transport::Descriptors { input, output } => {
                let input = input.as_ref().filter(|_| events.has(Events::READ)).map(|side| (side.fd(), Events::READ));
                let output =
                    output.as_ref().filter(|_| events.has(Events::WRITE)).map(|side| (side.fd(), Events::WRITE));
                match (input, output) {
                    (Some(input), Some(output)) => wait_for(&[input, output], alarm, deadline),
                    (Some(one), None) | (None, Some(one)) => wait_for(&[one], alarm, deadline),
                    (None, None) => Err(NO_SUCH_SIDE),
                }
            }
            Transport::Functions(functions) => {
                if deadline == Deadline::Now || deadline.passed() {
                    return Err(deadline.error());
                }
                functions.wait(events.bits(), deadline.left())
            }
        }
    }

    /// Shows the peer that no more will come, or that no more is wanted.
    ///
    /// # Errors
    /// EOPNOTSUPP for what is no socket.
    pub(super) fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        let side = if how == Shutdown::Read { self.input() } else { self.output() };
        match side {
            Some(side) if side.is_socket() => side.shutdown(how),
            _ => Err(Error::Os(errno::EOPNOTSUPP)),
        }
    }
}

impl fmt::Debug for Transport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transport::Descriptors { input, output } => {
                f.debug_struct("Descriptors").field("input", input).field("output", output).finish()
            }
            Transport::Functions(_) => f.write_str("Functions"),
        }
    }
}
