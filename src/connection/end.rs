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
        self.note_over(Direction::In); // before the kernel wakes who waits
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
        self.shutdown_output_or(deadline, || Err(Error::Os(errno::EOPNOTSUPP)))
    }

    /// The same; what is no socket shows the end as `otherwise` does, which the next call tries again where it fails.
    pub(crate) fn shutdown_output_or(
        &self,
        deadline: Deadline,
        otherwise: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check_unfinished()?;
        let (closed, shown) = self.enter_output(|output| Ok((output.is_closed(), output.is_shown())))?;
        if shown {
            return Ok(());
        }
        let cut = !closed && self.flush_and(deadline, false, Output::close)?;
        self.turns.changed();
        let shown = match self.transport.shutdown(Shutdown::Write) {
            Err(Error::Os(errno::EOPNOTSUPP)) => otherwise(),
            shown => shown,
        };
        let shown = self.enter_output(|output| output.note_shown(shown));
        if cut { Err(Error::Truncated) } else { shown }
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
        self.note_over(Direction::In);
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
            _ => self.flush_and(deadline, true, Output::close),
        };
        let rest = self.enter_output(|output| match sent {
            Ok(cut) => Ok((0, cut, Ok(()))),
            Err(error) => {
                let cut = output.is_open();
                let _: Result<(), Error> = output.fail(Error::Broken); // unless it has failed before
                output.close();
                Ok((output.pending(), cut, Err(error)))
            }
        });
        self.turns.changed();
        self.note_over(Direction::Out);
        self.alarm(Direction::Out).set(true);
        rest.unwrap_or_else(|error| (0, false, Err(error)))
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
