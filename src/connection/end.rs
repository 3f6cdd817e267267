//! How a connection ends.

use super::input::Input;
use super::output::Output;
use super::{Connection, Direction, Gate};
use crate::Error;
use crate::fd::{self, Deadline, Shutdown, errno};
use crate::format::Format;
use std::ops::Deref;
use std::sync::atomic::Ordering;

impl<'fd, F, I, O> Connection<'fd, F, I, O>
where
    F: Deref<Target = Format> + Clone,
    I: Gate<Input<F>>,
    O: Gate<Output<F>>,
{
    /// Ends receiving, waking who waits: later receives find the end behind the messages that are inside.
    ///
    /// # Errors
    /// ENOTCONN and others as shutdown(2).
    pub fn shutdown_input(&self) -> Result<(), Error> {
        self.check_unfinished()?;
        self.input_shut.store(true, Ordering::SeqCst);
        let shut = self.transport.shutdown(Shutdown::Read);
        self.alarm(Direction::In).set(true);
        match shut {
            Err(Error::Os(errno::EOPNOTSUPP)) => Ok(()), // who receives here finds the end all the same
            shut => shut,
        }
    }

    /// Sends what waits, then ends sending: the peer finds the end behind it.
    ///
    /// # Errors
    /// EAGAIN, ETIMEDOUT, ECANCELED: some of it still waits, and nothing was ended. [`Error::Truncated`]: a message that is
    /// sent in parts was not sent whole. EOPNOTSUPP: all was sent, but the peer cannot be shown the end.
    pub fn shutdown_output(&self, deadline: Deadline) -> Result<(), Error> {
        self.check_unfinished()?;
        if self.enter_output(|output| Ok(output.is_closed()))? {
            return Ok(());
        }
        let open = loop {
            self.flush(deadline)?;
            let closed = self.enter_output(|output| match output.pending() {
                0 => {
                    let open = output.is_open();
                    output.close();
                    Ok(Some(open))
                }
                _ => Ok(None), // another thread was quicker
            })?;
            if let Some(open) = closed {
                break open;
            }
        };
        self.turns.changed();
        let shut = self.transport.shutdown(Shutdown::Write);
        if open { Err(Error::Truncated) } else { shut }
    }

    /// Ends the connection so that the peer gets every byte: sends what waits, ends sending, receives and drops what still
    /// comes until the peer ends as well. Says how many bytes were accepted and never reached the kernel, and how it ended.
    pub fn finish(&self, deadline: Deadline) -> (u64, Result<(), Error>) {
        if self.finished.swap(true, Ordering::SeqCst) {
            return (0, Err(Error::Broken));
        }
        let (unsent, open, sent) = self.send_rest(deadline);
        let ended = sent.and_then(|()| self.await_end(deadline));
        let ended = if open { Err(Error::Truncated) } else { ended };
        let _ = self.input.enter(|input| {
            input.fail(Error::Broken);
            Ok(())
        });
        self.input_shut.store(true, Ordering::SeqCst);
        self.alarm(Direction::In).set(true);
        let ended = match ended {
            Err(Error::Os(errno::EAGAIN)) => Err(Error::Os(errno::ETIMEDOUT)),
            ended => ended,
        };
        (unsent, ended)
    }

    fn check_unfinished(&self) -> Result<(), Error> {
        if self.finished.load(Ordering::SeqCst) { Err(Error::Broken) } else { Ok(()) }
    }

    /// How many bytes were left, whether a message was, and what was wrong.
    fn send_rest(&self, deadline: Deadline) -> (u64, bool, Result<(), Error>) {
        let sent = match self.enter_output(|output| Ok(output.is_closed())) {
            Ok(true) => return (0, false, Ok(())),
            _ => self.flush_until(deadline, true),
        };
        let rest = self.enter_output(|output| {
            let rest = (output.pending(), output.is_open());
            if sent.is_err() && output.error().is_none() {
                let _: Result<(), Error> = output.fail(Error::Broken);
            }
            output.close();
            Ok(rest)
        });
        self.turns.changed();
        match rest {
            Ok((unsent, open)) => (unsent, open, sent),
            Err(error) => (0, false, Err(error)),
        }
    }

    fn await_end(&self, deadline: Deadline) -> Result<(), Error> {
        match self.transport.shutdown(Shutdown::Write) {
            Ok(()) | Err(Error::Os(errno::ENOTCONN)) => {}
            Err(Error::Os(errno::EOPNOTSUPP)) => return Ok(()),
            Err(error) => return Err(error),
        }
        match self.transport.input().filter(|input| input.is_socket()) {
            Some(input) => fd::drain(input.fd(), deadline),
            None => Ok(()),
        }
    }
}
