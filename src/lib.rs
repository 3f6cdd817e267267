//! Messages over file descriptors, in the wire format that the peer already speaks.
//!
//! fdwire takes the descriptors that a program already has (TCP and Unix sockets, pipes, standard input and output)
//! and turns the byte stream on them into whole messages and back. It is a C library first (`include/fdwire.h` is its
//! manual); this crate is the same thing for Rust.
//!
//! ```
//! use fdwire::{fd::Deadline, format::Format, message};
//! use std::os::fd::AsFd;
//! use std::os::unix::net::UnixStream;
//!
//! let (ours, theirs) = UnixStream::pair()?;
//! let format = Format::parse("u16be counts=frame")?;
//! message::send(ours.as_fd(), &format, b"hello", Deadline::Never)?;
//!
//! let mut body = [0; 64];
//! let len = message::recv(theirs.as_fd(), &format, &mut body, Deadline::Never)?;
//! assert_eq!(len, Some(5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which part for what
//!
//! | | |
//! |---|---|
//! | [`message`] | one whole message on a descriptor, with nothing read past it: simple programs |
//! | [`connection`] | a stream that stays open: servers, proxies, event loops, many messages a system call |
//! | [`codec`] | bytes to messages and back, without I/O: TLS, io_uring, tests |
//! | [`format`](mod@format) | how frames are laid out: a text, or a function |
//! | [`fd`] | deadlines, addresses, exact reads and writes, the end of a connection |
//! | [`endian`] | numbers on the wire, and records field by field |
//!
//! # Layers
//!
//! Every arrow points down: [`connection`] stands on [`codec`] and [`fd`], [`message`] on [`fd`] and
//! [`format`](mod@format), `codec` on `format`, and that on [`endian`]. `codec`, `format` and `endian` are pure: no
//! descriptors, no clock, no `unsafe`. The C functions are a layer above all of them.

pub mod codec;
pub mod connection;
pub mod endian;
pub mod error;
pub mod fd;
mod ffi;
pub mod format;
mod memory;
pub mod message;

pub use error::Error;
