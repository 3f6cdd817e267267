//! A value with several owners, who need not agree on when it goes.

use super::guard::{try_box, unbox};
use crate::Error;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// As an Arc, but one that is not made, rather than made by aborting the program, when there is no memory; and it may share
/// what is static.
pub(super) struct Shared<T: 'static>(NonNull<Counted<T>>);

pub(super) struct Counted<T> {
    owners: AtomicUsize,
    value: T,
}

impl<T> Counted<T> {
    /// What is static has an owner that never gives it up.
    pub(super) const fn new(value: T) -> Counted<T> {
        Counted { owners: AtomicUsize::new(1), value }
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

// SAFETY: as for an Arc: the value is only ever seen through & by several, and dropped by the last, on whichever thread.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Result<Shared<T>, Error> {
        let counted = try_box(Counted::new(value))?;
        NonNull::new(counted).map(Shared).ok_or(Error::NoMemory)
    }

    pub(super) fn of_static(counted: &'static Counted<T>) -> Shared<T> {
        counted.owners.fetch_add(1, Ordering::Relaxed);
        Shared(NonNull::from(counted))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: it lives as long as one owner does, and this is one.
        unsafe { &self.0.as_ref().value }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        // SAFETY: as in deref.
        unsafe { self.0.as_ref() }.owners.fetch_add(1, Ordering::Relaxed);
        Shared(self.0)
    }
}

impl<T> Drop for Shared<T> {
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY: as in deref.
        if unsafe { self.0.as_ref() }.owners.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire); // what the other owners did comes before
            // SAFETY: made by try_box, and this was the last owner; one that is static has another.
            unsafe { unbox(self.0.as_ptr()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_owner_drops_it() {
        let told = Arc::new(());
        let one = Shared::new(told.clone()).unwrap();
        let two = one.clone();
        drop(one);
        assert_eq!(Arc::strong_count(&told), 2);
        std::thread::spawn(move || drop(two)).join().unwrap();
        assert_eq!(Arc::strong_count(&told), 1);
    }

    /// Miri sees it, if one owner may free what the other still reads.
    #[test]
    fn what_any_owner_did_comes_before_the_drop() {
        let one = Shared::new(vec![7]).unwrap();
        let two = one.clone();
        let other = std::thread::spawn(move || assert_eq!(two[0], 7));
        assert_eq!(one[0], 7);
        drop(one);
        other.join().unwrap();
    }

    #[test]
    fn what_is_static_stays() {
        static SEVEN: Counted<i32> = Counted::new(7);
        drop(Shared::of_static(&SEVEN).clone());
        assert_eq!(*Shared::of_static(&SEVEN), 7);
    }
}
