//! Locks for the directions of a connection, which a program can do without if it keeps each to one thread.

use crate::Error;
use crate::connection::Gate;
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A gate that the program may take off its hinges.
pub(super) struct Door<T> {
    lock: Mutex<()>,
    /// The program promises that only one thread at a time comes here.
    alone: AtomicBool,
    inner: UnsafeCell<T>,
}

// SAFETY: as for a Mutex: only one at a time uses what is inside, by the lock or by the program's promise.
unsafe impl<T: Send> Sync for Door<T> {}

impl<T> Door<T> {
    pub(super) fn set_alone(&self, alone: bool) {
        self.alone.store(alone, Ordering::Relaxed);
    }

    /// As soon as nobody else is inside. A function of its own, as leaving is: many calls come in here.
    #[inline(never)]
    fn come_in(&self) -> Inside<'_> {
        Inside(ManuallyDrop::new(match self.alone.load(Ordering::Relaxed) {
            true => None,
            false => Some(self.lock.lock().unwrap_or_else(PoisonError::into_inner)),
        }))
    }
}

/// Who is inside, until it is dropped; without a lock by the program's promise.
struct Inside<'d>(ManuallyDrop<Option<MutexGuard<'d, ()>>>);

impl Drop for Inside<'_> {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: it is dropped here alone.
        unsafe { ManuallyDrop::drop(&mut self.0) }
    }
}

impl<T> Gate<T> for Door<T> {
    fn new(inner: T) -> Self {
        Door { lock: Mutex::new(()), alone: AtomicBool::new(false), inner: UnsafeCell::new(inner) }
    }

    #[inline(always)]
    fn enter<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Error>) -> Result<R, Error> {
        let _inside = self.come_in();
        // SAFETY: no other thread is here: it has not the lock, or the program has promised it; nor is this one, which comes
        // by a call on the connection, and those are refused inside of what it calls back.
        work(unsafe { &mut *self.inner.get() })
    }

    #[inline(always)]
    fn enter_alone<R>(&self, work: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        match self.alone.load(Ordering::Relaxed) {
            // SAFETY: as above, by the program's promise.
            true => work(unsafe { &mut *self.inner.get() }),
            false => None,
        }
    }

    #[inline(always)]
    fn try_enter<R>(&self, work: impl FnOnce(&mut T) -> Option<R>) -> Option<R> {
        let _lock = match self.alone.load(Ordering::Relaxed) {
            true => None,
            false => Some(self.lock.try_lock().ok()?),
        };
        // SAFETY: as in `enter`.
        work(unsafe { &mut *self.inner.get() })
    }
}
