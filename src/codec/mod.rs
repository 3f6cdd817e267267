//! Bytes to messages and back, without any I/O: for TLS, io_uring, other people's event loops, tests.
//!
//! ```
//! use fdwire::{codec::{Decoder, encode}, format::Format};
//!
//! let format = Format::parse("u16be")?;
//! let mut wire = Vec::new();
//! encode(&format, None, b"hello", &mut wire)?;
//!
//! let mut decoder = Decoder::new(&format);
//! decoder.feed(&wire[..4])?;
//! assert!(decoder.next_message()?.is_none());
//! assert_eq!(decoder.needed(), 3);
//! decoder.feed(&wire[4..])?;
//! assert_eq!(decoder.next_message()?.unwrap().body, b"hello");
//! assert!(!decoder.finish()?);
//! # Ok::<(), fdwire::Error>(())
//! ```

mod buffer;
mod decoder;
mod encoder;
mod explain;
mod scratch;

pub use decoder::{Decoder, Message};
pub(crate) use decoder::{Packed, Part};
pub use encoder::{encode, tail_of};
pub(crate) use encoder::{head_of, put};
pub(crate) use scratch::Scratch;
