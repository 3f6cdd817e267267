//! One call at a time in a direction.

use crate::Error;
use std::sync::{Mutex, PoisonError};

/// Lets one call at a time at what it holds. Calls stay inside only as long as they have something to do, never while they wait.
pub trait Gate<T> {
    /// With nobody inside.
    fn new(inner: T) -> Self;

    /// Runs `work` as soon as nobody else is inside.
    ///
    /// # Errors
    /// Those of `work`.
    fn enter<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Error>) -> Result<R, Error>;

    /// Runs `work` if nobody else is inside; `None` says nothing.
    fn try_enter<R>(&self, work: impl FnOnce(&mut T) -> Option<R>) -> Option<R>;

    /// Runs `work` where it is known that nobody else comes; `None` says nothing.
    #[inline(always)]
    fn enter_alone<R>(&self, work: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        let _ = work;
        None
    }
}

impl<T> Gate<T> for Mutex<T> {
    fn new(inner: T) -> Self {
        Mutex::new(inner)
    }

    fn enter<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Error>) -> Result<R, Error> {
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn try_enter<R>(&self, work: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        work(&mut *self.try_lock().ok()?)
    }
}
