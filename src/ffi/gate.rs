//! Locks for the directions of a connection, which a program can do without if it keeps each to one thread.

use crate::Error;
use crate::connection::Gate;
use crate::fd::errno;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A number that is this thread's as long as it runs: an address of its own.
#[inline]
fn this_thread() -> usize {
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// A gate that the program may take off its hinges.
pub(super) struct Door<T> {
    lock: Mutex<()>,
    /// The program promises that only one thread at a time comes here.
    alone: AtomicBool,
    /// The thread that is inside; 0 for nobody.
    inside: AtomicUsize,
    inner: UnsafeCell<T>,
}

// SAFETY: as for a Mutex: only one at a time uses what is inside, by the lock or by the program's promise.
unsafe impl<T: Send> Sync for Door<T> {}

impl<T> Door<T> {
    pub(super) fn set_alone(&self, alone: bool) {
        self.alone.store(alone, Ordering::Relaxed);
    }
}

impl<T> Gate<T> for Door<T> {
    fn new(inner: T) -> Self {
        Door {
            lock: Mutex::new(()),
            alone: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            inner: UnsafeCell::new(inner),
        }
    }

    #[inline(always)]
    fn enter<R>(&self, work: impl FnOnce(&mut T) -> Result<R, Error>) -> Result<R, Error> {
        let me = this_thread();
        // A function of the program's that makes a call on the connection which called it.
        if self.inside.load(Ordering::Relaxed) == me {
            return Err(Error::Os(errno::EDEADLK));
        }
        let lock = match self.alone.load(Ordering::Relaxed) {
            true => None,
            false => Some(self.lock.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        self.inside.store(me, Ordering::Relaxed);
        let _leaving = Leaving { inside: &self.inside, _lock: lock };
        // SAFETY: nobody else is here: they have not the lock, or the program has promised it; nor is it this thread, as was
        // found above.
        work(unsafe { &mut *self.inner.get() })
    }
}

/// Notes that nobody is inside, whichever way it is left.
struct Leaving<'d> {
    inside: &'d AtomicUsize,
    _lock: Option<MutexGuard<'d, ()>>,
}

impl Drop for Leaving<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.inside.store(0, Ordering::Relaxed);
    }
}
