//! How long a call may wait: the whole call, not each of its system calls.

use super::errno;
use super::syscall::{self, Events};
use crate::Error;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Until when a call may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// As long as it takes.
    Never,
    /// Not at all: what cannot be done at once fails with EAGAIN.
    Now,
    /// Until then; past it the call fails with ETIMEDOUT.
    At(Instant),
}

impl Deadline {
    /// A time-out as poll(2) takes it: -1 waits, 0 does not, n is that many milliseconds from now.
    ///
    /// # Errors
    /// EINVAL below -1.
    pub fn from_timeout(timeout_ms: i32) -> Result<Deadline, Error> {
        match timeout_ms {
            -1 => Ok(Deadline::Never),
            0 => Ok(Deadline::Now),
            ms => match u64::try_from(ms) {
                Ok(ms) => Ok(Deadline::after(Duration::from_millis(ms))),
                Err(_) => Err(Error::Os(errno::EINVAL)),
            },
        }
    }

    /// This long from now.
    #[inline(never)]
    pub fn after(wait: Duration) -> Deadline {
        Instant::now().checked_add(wait).map_or(Deadline::Never, Deadline::At)
    }

    /// What a call fails with that could not be done in time.
    pub(crate) fn error(self) -> Error {
        Error::Os(if self == Deadline::Now { errno::EAGAIN } else { errno::ETIMEDOUT })
    }

    /// How long is left; `None` without end.
    #[inline(never)]
    pub(crate) fn left(self) -> Option<Duration> {
        match self {
            Deadline::Never => None,
            Deadline::Now => Some(Duration::ZERO),
            Deadline::At(then) => Some(then.saturating_duration_since(Instant::now())),
        }
    }

    /// This, or so long from now if that is earlier.
    pub(crate) fn at_most(self, wait: Duration) -> Deadline {
        match self.left() {
            Some(left) if left <= wait => self,
            _ => Deadline::after(wait),
        }
    }

    /// Whether the time is up; `Now` has none to begin with.
    pub(crate) fn passed(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// Waits until `fd` is ready for `events`, or has failed or ended, which the next call on it will tell.
    pub(super) fn wait(self, fd: BorrowedFd<'_>, events: Events) -> Result<(), Error> {
        loop {
            let left = self.left();
            if self != Deadline::Now && left == Some(Duration::ZERO) {
                return Err(self.error());
            }
            match syscall::poll(fd, events, left) {
                Ok(ready) if !ready.is_empty() => return Ok(()),
                Ok(_) if self == Deadline::Now => return Err(self.error()),
                Ok(_) | Err(Error::Os(errno::EINTR)) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_those_of_poll() {
        assert_eq!(Deadline::from_timeout(-1), Ok(Deadline::Never));
        assert_eq!(Deadline::from_timeout(0), Ok(Deadline::Now));
        assert!(matches!(Deadline::from_timeout(1), Ok(Deadline::At(_))));
        assert!(matches!(Deadline::from_timeout(i32::MAX), Ok(Deadline::At(_))));
        for bad in [-2, i32::MIN] {
            assert_eq!(Deadline::from_timeout(bad), Err(Error::Os(errno::EINVAL)));
        }
    }
}
