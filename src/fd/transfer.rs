//! Moving an exact number of bytes, however many calls it takes.

use super::kind::Kind;
use super::syscall::{self, Events, MOVE_MAX, PIPE_BUF, Wait};
use super::{Deadline, errno};
use crate::Error;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;

/// How a read that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// All bytes came.
    Full,
    /// The stream ended before the first of them.
    End,
}

/// Reads until `buf` is full, from byte `*done` on; `*done` says afterwards how far it came, on failure too, so that the
/// next call goes on from there.
///
/// # Errors
/// [`Error::Truncated`] when the stream ends inside; EAGAIN and ETIMEDOUT from the deadline; EPROTOTYPE for a socket that
/// keeps message boundaries; EINVAL if `*done` is past the end; others as recv(2) and read(2).
pub fn read_exact(fd: BorrowedFd<'_>, buf: &mut [u8], done: &mut usize, deadline: Deadline) -> Result<Read, Error> {
    let rest = buf.get_mut(*done..).ok_or(Error::Os(errno::EINVAL))?;
    let read =
        Kind::with(fd, |kind| match read_exact_vectored(fd, kind, &mut [IoSliceMut::new(rest)], done, deadline)? {
            Read::Full => Ok(Some(Read::Full)),
            Read::End => Ok(None),
        })?;
    Ok(read.unwrap_or(Read::End))
}

/// Writes all of `buf`, from byte `*done` on; `*done` says afterwards how far it came, on failure too, so that the next
/// call goes on from there.
///
/// # Errors
/// EAGAIN and ETIMEDOUT from the deadline; EPIPE when nobody reads any more; EPROTOTYPE for a socket that keeps message
/// boundaries; EINVAL if `*done` is past the end; others as send(2) and write(2).
pub fn write_all(fd: BorrowedFd<'_>, buf: &[u8], done: &mut usize, deadline: Deadline) -> Result<(), Error> {
    let rest = buf.get(*done..).ok_or(Error::Os(errno::EINVAL))?;
    Kind::with(fd, |kind| write_all_vectored(fd, kind, &mut [IoSlice::new(rest)], done, deadline).map(Some))?;
    Ok(())
}

/// [`read_exact`] into several buffers, one after the other. `*done` counts up by what was read.
pub(crate) fn read_exact_vectored(
    fd: BorrowedFd<'_>,
    kind: Kind,
    mut bufs: &mut [IoSliceMut<'_>],
    done: &mut usize,
    deadline: Deadline,
) -> Result<Read, Error> {
    let mut way = Way::new(fd, kind, Events::READ, deadline)?;
    let mut left = total(bufs.iter().map(|buf| buf.len()));
    while left > 0 {
        if way.poll_first {
            deadline.wait(fd, Events::READ)?;
        }
        match way.take(fd, bufs, left) {
            Ok(0) if *done == 0 => return Ok(Read::End),
            Ok(0) => return Err(Error::Truncated),
            Ok(n) => {
                *done += n;
                left -= n;
                if left > 0 {
                    IoSliceMut::advance_slices(&mut bufs, n);
                    way.moved_part();
                }
            }
            Err(error) => way.failed(error)?,
        }
    }
    Ok(Read::Full)
}

/// [`write_all`] from several buffers, one after the other. `*done` counts up by what was written.
pub(crate) fn write_all_vectored(
    fd: BorrowedFd<'_>,
    kind: Kind,
    mut bufs: &mut [IoSlice<'_>],
    done: &mut usize,
    deadline: Deadline,
) -> Result<(), Error> {
    let mut way = Way::new(fd, kind, Events::WRITE, deadline)?;
    let mut left = total(bufs.iter().map(|buf| buf.len()));
    while left > 0 {
        if way.poll_first {
            deadline.wait(fd, Events::WRITE)?;
        }
        match way.give(fd, bufs, left) {
            Ok(0) => return Err(Error::Os(errno::EIO)),
            Ok(n) => {
                *done += n;
                left -= n;
                if left > 0 {
                    IoSlice::advance_slices(&mut bufs, n);
                    way.moved_part();
                }
            }
            Err(error) => way.failed(error)?,
        }
    }
    Ok(())
}

/// Reads `len` bytes and drops them. Adds to `dropped`, on failure too, how many these were.
#[cold] // its buffer has no place in the stack frame of a call that drops nothing
#[inline(never)]
pub(crate) fn discard(fd: BorrowedFd<'_>, len: u64, dropped: &mut u64, deadline: Deadline) -> Result<Read, Error> {
    let mut sink = [0; 16 * 1024];
    while *dropped < len {
        let part = sink.len().min(usize::try_from(len - *dropped).unwrap_or(usize::MAX));
        let mut done = 0;
        let read = read_exact(fd, &mut sink[..part], &mut done, deadline);
        let before = std::mem::replace(dropped, *dropped + done as u64);
        match read? {
            Read::Full => {}
            Read::End if before == 0 => return Ok(Read::End),
            Read::End => return Err(Error::Truncated),
        }
    }
    Ok(Read::Full)
}

/// By which calls the bytes of one transfer move, and when to poll between them.
struct Way {
    kind: Kind,
    /// Whether a call on a socket may wait in the kernel: only where the deadline never comes.
    wait: Wait,
    /// A blocking pipe under a deadline: it is touched only when poll has said that it is ready.
    would_block: bool,
    /// Whether to poll before the next call, which else would only say EAGAIN.
    poll_first: bool,
}

impl Way {
    #[inline]
    fn new(fd: BorrowedFd<'_>, kind: Kind, direction: Events, deadline: Deadline) -> Result<Way, Error> {
        let wait = if deadline == Deadline::Never { Wait::Yes } else { Wait::No };
        let would_block = kind == Kind::Plain && wait == Wait::No && !syscall::is_nonblocking(fd, direction)?;
        Ok(Way { kind, wait, would_block, poll_first: would_block })
    }

    /// One call that reads some of the bytes, of which `left` are wanted.
    #[inline]
    fn take(&self, fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>], left: usize) -> Result<usize, Error> {
        let read = |bufs: &mut [IoSliceMut<'_>]| match self.kind {
            Kind::Socket => syscall::receive(fd, bufs, self.wait),
            Kind::Plain => syscall::read(fd, bufs),
        };
        if left <= MOVE_MAX {
            return read(bufs);
        }
        let (first, len) = front(bufs.iter().map(|buf| buf.len()), MOVE_MAX);
        read(&mut [IoSliceMut::new(&mut bufs[first][..len])])
    }

    /// One call that writes some of the bytes, of which there are `left`.
    #[inline]
    fn give(&self, fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>], left: usize) -> Result<usize, Error> {
        let write = |bufs: &[IoSlice<'_>]| match self.kind {
            Kind::Socket => syscall::send(fd, bufs, self.wait),
            Kind::Plain => syscall::write(fd, bufs),
        };
        let most = if self.would_block { PIPE_BUF } else { MOVE_MAX };
        if left <= most {
            return write(bufs);
        }
        let (first, len) = front(bufs.iter().map(|buf| buf.len()), most);
        write(&[IoSlice::new(&bufs[first][..len])])
    }

    /// After a short count there is nothing more at once, unless the call may wait for it.
    fn moved_part(&mut self) {
        self.poll_first = self.wait == Wait::No || self.would_block;
    }

    /// What to do about an error: go on, or give it to the caller.
    fn failed(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Os(errno::EINTR) => Ok(()),
            Error::Os(errno::EAGAIN) => {
                self.wait = Wait::No;
                self.poll_first = true;
                Ok(())
            }
            error => Err(error),
        }
    }
}

pub(super) fn total(lens: impl Iterator<Item = usize>) -> usize {
    lens.fold(0, usize::saturating_add)
}

/// The first buffer that is not empty, and how much of it is within `most`.
pub(super) fn front(lens: impl Iterator<Item = usize>, most: usize) -> (usize, usize) {
    lens.map(|len| len.min(most)).enumerate().find(|&(_, len)| len > 0).unwrap_or((0, 0))
}
