//! Waiting for another thread to be done.

use crate::Error;
use crate::fd::Deadline;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// Whose turn it is, is written where the turn is taken; here those wait who want to look again when it may have changed.
#[derive(Debug, Default)]
pub(super) struct Turns {
    changes: Mutex<u32>,
    changed: Condvar,
    waiting: AtomicU32,
}

impl Turns {
    /// Runs `look` until it gives something, again after each change, as long as `check` has nothing against waiting.
    ///
    /// # Errors
    /// Those of `look` and `check`; EAGAIN, ETIMEDOUT.
    pub(super) fn until<R>(
        &self,
        deadline: Deadline,
        check: impl Fn() -> Result<(), Error>,
        mut look: impl FnMut() -> Result<Option<R>, Error>,
    ) -> Result<R, Error> {
        if let Some(found) = look()? {
            return Ok(found);
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let result = self.wait(deadline, check, look);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn wait<R>(
        &self,
        deadline: Deadline,
        check: impl Fn() -> Result<(), Error>,
        mut look: impl FnMut() -> Result<Option<R>, Error>,
    ) -> Result<R, Error> {
        loop {
            let seen = *self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = look()? {
                return Ok(found);
            }
            if deadline == Deadline::Now || deadline.passed() {
                return Err(deadline.error());
            }
            check()?;
            let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            if *changes == seen {
                // Nothing is held back for who wakes without a cause: all is looked at again.
                match deadline.left() {
                    None => drop(self.changed.wait(changes)),
                    Some(left) => drop(self.changed.wait_timeout(changes, left)),
                }
            }
        }
    }

    /// To be called after a change that somebody may wait for.
    pub(super) fn changed(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            *changes = changes.wrapping_add(1);
            drop(changes);
            self.changed.notify_all();
        }
    }
}
