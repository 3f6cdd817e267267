//! A few buffers that nobody needs now, kept for whoever needs one next: fresh memory costs more than what it is used for.

use crate::Error;
use crate::fd;
use crate::memory::reserve_exact;
use std::sync::{Mutex, PoisonError};

/// How many bytes one read asks for, unless the program says otherwise; and what a batch of sends grows to before it is sent.
pub(super) const CHUNK: usize = 256 * 1024;

/// A buffer has more than a chunk, so that the beginning of a message does not leave too little room for the next read.
pub(super) const SIZE: usize = CHUNK + CHUNK / 4;

/// So many are kept.
const KEPT: usize = 4;

/// Larger ones are kept too, up to this size, where batches are as large.
pub(super) const LARGEST: usize = 4 * SIZE;

/// So many of those.
const LARGE_KEPT: usize = 2;

struct Pool {
    /// All of one size.
    buffers: [Vec<u8>; KEPT],
    large: [Vec<u8>; LARGE_KEPT],
    /// Connections that there are. With the last the buffers go.
    users: usize,
}

static POOL: Mutex<Pool> =
    Mutex::new(Pool { buffers: [const { Vec::new() }; KEPT], large: [const { Vec::new() }; LARGE_KEPT], users: 0 });

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
            (pool.users == 0).then(|| (std::mem::take(&mut pool.buffers), std::mem::take(&mut pool.large)))
        });
        drop(unused); // without holding others up
    }
}

/// A buffer with room for a chunk of this size and some more. What is in it means nothing.
pub(super) fn take(chunk: usize) -> Result<Vec<u8>, Error> {
    match chunk {
        CHUNK => kept(SIZE).map_or_else(|| zeroed(SIZE), Ok),
        // It will not be kept, and may be large: what of it is not needed is not to be written.
        _ => fd::zeroed(chunk + chunk / 4).ok_or(Error::NoMemory),
    }
}

/// A buffer that is kept, and has room for so many bytes.
pub(super) fn kept(len: usize) -> Option<Vec<u8>> {
    let take = |buffers: &mut [Vec<u8>]| {
        buffers.iter_mut().find(|buffer| !buffer.is_empty() && buffer.len() >= len).map(std::mem::take)
    };
    with(|pool| take(if len <= SIZE { &mut pool.buffers } else { &mut pool.large }))
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
        keep(buffer, |pool| &mut pool.buffers);
    }
}

/// Gives a buffer back that may be larger, and is soon needed again.
pub(super) fn give_large(buffer: Vec<u8>) {
    match buffer.len() {
        len if len <= SIZE => give(buffer),
        len if len <= LARGEST => keep(buffer, |pool| &mut pool.large),
        _ => {}
    }
}

fn keep(buffer: Vec<u8>, kept: impl FnOnce(&mut Pool) -> &mut [Vec<u8>]) {
    let rest = with(|pool| match kept(pool).iter_mut().find(|kept| kept.is_empty()) {
        Some(free) => std::mem::replace(free, buffer),
        None => buffer,
    });
    drop(rest); // without holding others up
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

    #[test]
    fn a_large_one_comes_back_to_who_needs_as_much() {
        let _user = User::new();
        give_large(zeroed(SIZE + 2).unwrap());
        assert!(kept(SIZE + 3).is_none_or(|buffer| buffer.len() > SIZE + 2));
        assert!(kept(SIZE + 1).is_some_and(|buffer| buffer.len() > SIZE));
        give_large(zeroed(LARGEST + 1).unwrap());
        assert!(kept(LARGEST + 1).is_none());
    }
}
