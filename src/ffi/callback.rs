//! Which functions of the program's own this thread is running, called by fdwire: a call on the connection that called one
//! would wait for itself.

use std::cell::Cell;
use std::ptr;

/// Stands for the functions of all custom formats.
pub(super) const OF_FORMATS: usize = usize::MAX;

thread_local! {
    /// The innermost.
    static RUNNING: Cell<*const Running> = const { Cell::new(ptr::null()) };
}

struct Running {
    of: usize,
    outer: *const Running,
}

/// Runs a function that belongs to `of`, a number that is not 0.
pub(super) fn run<R>(of: usize, function: impl FnOnce() -> R) -> R {
    let running = Running { of, outer: RUNNING.get() };
    RUNNING.set(&raw const running);
    let result = function(); // the program's: it does not unwind
    RUNNING.set(running.outer);
    result
}

/// Whether this thread is running one that belongs to any of these.
pub(super) fn is_running(any_of: &[usize]) -> bool {
    let mut running = RUNNING.get();
    // SAFETY: each lies in the stack frame of a call of `run` that has not returned, on this thread.
    while let Some(&Running { of, outer }) = unsafe { running.as_ref() } {
        if any_of.contains(&of) {
            return true;
        }
        running = outer;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_running_is_known() {
        assert!(!is_running(&[1]));
        run(1, || {
            assert!(is_running(&[1]) && !is_running(&[2]));
            run(2, || assert!(is_running(&[1]) && is_running(&[2]) && is_running(&[3, 2]) && !is_running(&[3])));
            assert!(is_running(&[1]) && !is_running(&[2]));
            std::thread::spawn(|| assert!(!is_running(&[1]))).join().unwrap();
        });
        assert!(!is_running(&[1]));
    }
}
