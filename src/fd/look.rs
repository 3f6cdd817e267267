//! Looking at what has arrived on a descriptor without taking it.

use super::syscall::{self, Arrivals, Events, Wait};
use super::{Deadline, errno};
use crate::Error;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A look at the next bytes of a stream socket, which stay there to be read.
pub(crate) struct Look<'fd> {
    fd: BorrowedFd<'fd>,
    deadline: Deadline,
    wait: Wait,
    arrivals: Option<Arrivals>,
}

impl<'fd> Look<'fd> {
    pub(crate) fn new(fd: BorrowedFd<'fd>, deadline: Deadline) -> Look<'fd> {
        let wait = if deadline == Deadline::Never { Wait::Yes } else { Wait::No };
        Look { fd, deadline, wait, arrivals: None }
    }

    /// Copies the next bytes to the start of `buf` as soon as there are more than `seen`, and says how many there are, as
    /// far as `buf` goes. No more than `seen` means that the stream ends after them.
    ///
    /// # Errors
    /// EAGAIN, ETIMEDOUT when no more came in time; ENOTSOCK.
    pub(crate) fn beyond(&mut self, seen: usize, buf: &mut [u8]) -> Result<usize, Error> {
        loop {
            // Asked before looking: what had arrived when the peer ended is all that there will be.
            let ended = self.arrivals.is_some() && has_ended(self.fd)?;
            match syscall::peek(self.fd, buf, self.wait) {
                Ok(n) if n > seen || n == 0 || ended => return Ok(n),
                Ok(_) => self.await_arrival()?,
                Err(Error::Os(errno::EAGAIN)) => {
                    self.wait = Wait::No; // non-blocking: another call in vain can be spared
                    self.deadline.wait(self.fd, Events::READ)?;
                }
                Err(Error::Os(errno::EINTR)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for more than the bytes that are there, which poll(2) would report for ever.
    fn await_arrival(&mut self) -> Result<(), Error> {
        let late = match self.deadline {
            Deadline::Now => self.arrivals.is_some(),
            deadline => deadline.passed(),
        };
        if late {
            return Err(self.deadline.error());
        }
        let arrivals = match &mut self.arrivals {
            Some(arrivals) => arrivals,
            // Its first report is of what is there already, so what came in between is not missed.
            none => none.insert(Arrivals::of(self.fd)?),
        };
        match arrivals.wait(self.deadline.left()) {
            Err(Error::Os(errno::EINTR)) => Ok(()),
            result => result,
        }
    }
}

/// Whether `want` bytes can be taken without waiting: they are there, or the stream ends before them.
pub(crate) fn all_there(fd: BorrowedFd<'_>, want: u64) -> Result<bool, Error> {
    let ended = has_ended(fd)?;
    match syscall::bytes_to_read(fd) {
        Ok(there) => Ok(there as u64 >= want || ended || syscall::is_regular_file(fd)?),
        // What cannot say how much there is does not say either that it would wait.
        Err(_) => Ok(true),
    }
}

fn has_ended(fd: BorrowedFd<'_>) -> Result<bool, Error> {
    loop {
        match syscall::poll(fd, Events::ENDED, Some(Duration::ZERO)) {
            Err(Error::Os(errno::EINTR)) => {}
            result => return Ok(!result?.is_empty()),
        }
    }
}
