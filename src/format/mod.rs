//! Formats: how frames are laid out on the wire.
//!
//! A frame is a head, a body and a tail. A [`Format`] is made from a short text, is immutable, and is shared freely
//! between threads:
//!
//! ```
//! use fdwire::format::{Format, Frame, Probe};
//!
//! // PostgreSQL: a type byte, then a length that counts itself and what follows.
//! let format = Format::parse("u32be at=1 counts=field max=1M")?;
//! assert_eq!(format.probe(b"")?, Probe::NeedMore { at_least: 5 });
//! assert_eq!(format.probe(b"Z\0\0\0\x05")?, Probe::Frame(Frame { head: 5, body: 1, tail: 0 }));
//!
//! let mut head = [0; 5];
//! format.write_head(Some(b"Z\0\0\0\0"), 1, &mut head)?;
//! assert_eq!(&head, b"Z\0\0\0\x05");
//! # Ok::<(), fdwire::Error>(())
//! ```
//!
//! Everything follows from two pure functions: [`Format::probe`], which says what the bytes so far are, and its inverse,
//! [`Format::write_head`]. A kind of format is one file that has both.

mod describe;
mod fixed;
mod frame;
mod kind;
mod length;
mod settings;

pub use frame::{Frame, HEAD_MAX, Probe};
pub use kind::Format;
