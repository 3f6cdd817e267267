//! Looking at what has arrived on a descriptor without taking it.

use super::syscall::{self, Arrivals, Events, Wait};
use super::{Deadline, errno};
use crate::Error;
use socket2::SockRef;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A look at the next bytes of a stream socket, which stay there to be read.
pub(crate) struct Look<'fd> {
    fd: BorrowedFd<'fd>,
    deadline: Deadline,
    wait: Wait,
    arrivals: Option<Arrivals>,
}

/// What a look has shown.
pub(crate) enum Sight {
    /// So many bytes, more than were seen before.
    Bytes(usize),
    /// The stream ends after the bytes that were seen before.
    End,
    /// More bytes are there, but only taking brings them to light: a look at a Unix socket goes no further than the bytes
    /// that descriptors were sent with.
    Hidden,
}

impl<'fd> Look<'fd> {
    pub(crate) fn new(fd: BorrowedFd<'fd>, deadline: Deadline) -> Look<'fd> {
        let wait = if deadline == Deadline::Never { Wait::Yes } else { Wait::No };
        Look { fd, deadline, wait, arrivals: None }
    }

    /// Copies the next bytes to the start of `buf`, as far as it goes, as soon as there are more than `seen`.
    ///
    /// # Errors
    /// EAGAIN, ETIMEDOUT when no more came in time; ENOTSOCK.
    pub(crate) fn beyond(&mut self, seen: usize, buf: &mut [u8]) -> Result<Sight, Error> {
        loop {
            // Asked before looking, and only where a look was not enough: what had arrived by then is to be seen.
            let (ended, there) = match self.arrivals {
                Some(_) => (has_ended(self.fd)?, syscall::bytes_to_read(self.fd)?),
                None => (false, 0),
            };
            match syscall::peek(self.fd, buf, self.wait) {
                Ok(n) if n > seen => return Ok(Sight::Bytes(n)),
                Ok(n) if n > 0 && n < there => return Ok(Sight::Hidden),
                Ok(0) => return Ok(Sight::End),
                Ok(_) if ended => return self.end(),
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

    /// How the stream ended behind what was seen: a reset leaves that in sight, and would only be told once it was taken.
    #[cold]
    fn end(&self) -> Result<Sight, Error> {
        match SockRef::from(&self.fd).take_error()? {
            Some(error) => Err(syscall::unmistaken(error.into(), errno::ECONNRESET)),
            None => Ok(Sight::End),
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
        Ok(there) => Ok(there as u64 >= want || ended || syscall::file_size(fd)?.is_some()),
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
