//! A descriptor that is read or written as far as it goes at once.

use super::kind::Kind;
use super::syscall::{self, Control, Events, MOVE_MAX, PIPE_BUF, Wait};
use super::transfer::{front, total};
use super::{end, errno};
use crate::Error;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// One side of a connection.
#[derive(Debug)]
pub(crate) struct Channel<'fd> {
    fd: BorrowedFd<'fd>,
    kind: Kind,
}

impl<'fd> Channel<'fd> {
    /// # Errors
    /// EBADF for a descriptor that is not open for this direction, EPROTOTYPE for a socket that keeps message boundaries.
    pub(crate) fn new(fd: BorrowedFd<'fd>, direction: Events) -> Result<Channel<'fd>, Error> {
        let kind = Kind::ask(fd)?;
        syscall::check_opened_for(fd, direction)?;
        Ok(Channel { fd, kind })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'fd> {
        self.fd
    }

    pub(crate) fn is_socket(&self) -> bool {
        self.kind == Kind::Socket
    }

    pub(crate) fn is_unix_socket(&self) -> bool {
        self.is_socket() && syscall::is_unix(self.fd)
    }

    /// Reads what is there, at least one byte; 0 at the end of the stream.
    ///
    /// # Errors
    /// EAGAIN where nothing is there, unless it may wait; EINTR; others as recv(2) and read(2).
    #[inline]
    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>], wait: Wait) -> Result<usize, Error> {
        if total(bufs.iter().map(|buf| buf.len())) > MOVE_MAX {
            let (first, len) = front(bufs.iter().map(|buf| buf.len()), MOVE_MAX);
            return self.read(&mut [IoSliceMut::new(&mut bufs[first][..len])], wait);
        }
        match self.kind {
            Kind::Socket => syscall::receive_some(self.fd, bufs, wait),
            Kind::Plain => {
                self.check_ready(Events::READ, wait)?;
                syscall::read(self.fd, bufs)
            }
        }
    }

    /// The same, with what came beside the bytes.
    pub(crate) fn read_with_control(&self, bufs: &mut [IoSliceMut<'_>], wait: Wait) -> Result<(usize, Control), Error> {
        if !self.is_socket() {
            return Ok((self.read(bufs, wait)?, Control::default()));
        }
        syscall::receive_with_control(self.fd, bufs, wait)
    }

    /// Whether the kernel speaks TLS here (kTLS), and refuses a read that has no room for a record's type.
    pub(crate) fn speaks_tls(&self) -> bool {
        self.is_socket() && syscall::speaks_tls(self.fd)
    }

    /// Writes as much as goes.
    ///
    /// # Errors
    /// EAGAIN where nothing goes, unless it may wait; EINTR; others as send(2) and write(2).
    #[inline]
    pub(crate) fn write(&self, bufs: &[IoSlice<'_>], wait: Wait) -> Result<usize, Error> {
        let (mut most, len) = (MOVE_MAX, total(bufs.iter().map(|buf| buf.len())));
        if self.kind == Kind::Plain && self.check_ready(Events::WRITE, wait)? {
            most = PIPE_BUF;
        }
        if len > most {
            let (first, len) = front(bufs.iter().map(|buf| buf.len()), most);
            return self.write_all_of(&[IoSlice::new(&bufs[first][..len])], wait);
        }
        self.write_all_of(bufs, wait)
    }

    #[inline]
    fn write_all_of(&self, bufs: &[IoSlice<'_>], wait: Wait) -> Result<usize, Error> {
        match self.kind {
            Kind::Socket => syscall::send(self.fd, bufs, wait),
            Kind::Plain => syscall::write(self.fd, bufs),
        }
    }

    /// Writes as much as goes; descriptors go with its first byte.
    pub(crate) fn write_with_descriptors(
        &self,
        bufs: &[IoSlice<'_>],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<usize, Error> {
        syscall::send_descriptors(self.fd, bufs, descriptors, Wait::No)
    }

    /// What is no socket has no way to say "do not wait": one that would is not touched before poll(2) says that it is ready.
    /// True where it is ready and would wait all the same for more than a pipe takes at once.
    fn check_ready(&self, events: Events, wait: Wait) -> Result<bool, Error> {
        if wait == Wait::Yes || syscall::is_nonblocking(self.fd, events)? {
            return Ok(false);
        }
        match syscall::poll(self.fd, events, Some(Duration::ZERO))?.is_empty() {
            true => Err(Error::Os(errno::EAGAIN)),
            false => Ok(true),
        }
    }

    /// Ends one direction of a socket.
    pub(crate) fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        end::shutdown(self.fd, how)
    }
}

/// A regular file, bytes of which are to be sent.
#[derive(Debug)]
pub(crate) struct File(std::os::fd::OwnedFd);

impl File {
    /// Keeps a descriptor of its own for the file.
    ///
    /// # Errors
    /// EINVAL for what is no regular file, or has not so many bytes; EBADF, also for what was not opened to be read; EMFILE.
    pub(crate) fn keep(fd: BorrowedFd<'_>, end: u64) -> Result<File, Error> {
        syscall::check_opened_for(fd, Events::READ)?;
        match syscall::file_size(fd)? {
            Some(size) if end <= size => Ok(File(fd.try_clone_to_owned()?)),
            _ => Err(Error::Os(errno::EINVAL)),
        }
    }

    /// Reads bytes from an offset on; 0 where the file ends.
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<usize, Error> {
        loop {
            match syscall::read_at(std::os::fd::AsFd::as_fd(&self.0), buf, offset) {
                Err(Error::Os(errno::EINTR)) => {}
                result => return result,
            }
        }
    }
}
