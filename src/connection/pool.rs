//! A few buffers that nobody needs now, kept for whoever needs one next: fresh memory costs more than what it is used for.

use crate::Error;
use crate::memory::reserve_exact;
use std::sync::{Mutex, PoisonError};

/// How many bytes one read asks for, unless the program says otherwise; and what a batch of sends grows to before it is sent.
pub(super) const CHUNK: usize = 256 * 1024;

/// A buffer has more than a chunk, so that the beginning of a message does not leave too little room for the next read.
pub(super) const SIZE: usize = CHUNK + CHUNK / 4;

/// So many are kept.
const KEPT: usize = 4;

struct Pool {
    buffers: [Vec<u8>; KEPT],
    /// Connections that there are. With the last the buffers go.
    users: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { buffers: [const { Vec::new() }; KEPT], users: 0 });

fn with<R>(work: impl FnOnce(&mut Pool) -> R) -> R {
    work(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Held by each connection.
#[derive(Debug)]
pub(super) struct User(());

impl User {
    pub(super) fn new() -> User {
        with(|pool| pool.users += 1);
        User(())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let unused = with(|pool| {
            pool.users -= 1;
            (pool.users == 0).then(|| std::mem::take(&mut pool.buffers))
        });
        drop(unused); // without holding others up
    }
}

/// A buffer with room for a chunk of this size and some more. What is in it means nothing.
pub(super) fn take(chunk: usize) -> Result<Vec<u8>, Error> {
    let kept = if chunk == CHUNK { take_kept() } else { None };
    kept.map_or_else(|| zeroed(chunk + chunk / 4), Ok)
}

/// One that is kept.
pub(super) fn take_kept() -> Option<Vec<u8>> {
    with(|pool| pool.buffers.iter_mut().find(|buffer| !buffer.is_empty()).map(std::mem::take))
}

/// Fresh memory.
pub(super) fn zeroed(len: usize) -> Result<Vec<u8>, Error> {
    let mut buffer = Vec::new();
    reserve_exact(&mut buffer, len)?;
    buffer.resize(len, 0);
    Ok(buffer)
}

/// Gives a buffer back.
pub(super) fn give(buffer: Vec<u8>) {
    if buffer.len() == SIZE {
        let rest = with(|pool| match pool.buffers.iter_mut().find(|kept| kept.is_empty()) {
            Some(free) => std::mem::replace(free, buffer),
            None => buffer,
        });
        drop(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back() {
        let _user = User::new();
        let buffers: Vec<_> = (0..KEPT + 2).map(|_| take(CHUNK).unwrap()).collect();
        assert!(buffers.iter().all(|buffer| buffer.len() == SIZE));
        buffers.into_iter().for_each(give);
        assert!(with(|pool| pool.buffers.iter().filter(|buffer| !buffer.is_empty()).count()) >= 1);
        assert_eq!(take(8 * 1024).unwrap().len(), 10 * 1024);
    }
}
