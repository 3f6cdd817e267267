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
//! # Ok::<(), fdwire::Error>(())
//! ```
//!
//! The heart of a kind of format is one pure function: [`Format::probe`], which says what the bytes so far are; its inverse
//! makes the head for a body. A kind is one file that has both:
//!
//! ```text
//! prefixed    a length field and a layout: what most formats are
//!   field       a length field of any kind: length (binary) varint ber ascii fixed
//!   layout      the keys that they share
//!   plain       where neither has any frills
//! delimited   up to a delimiter, which search finds, and places for many messages at once
//! headers     lines, one of which says the length
//! select      a number decides which of several formats it is
//! eof         all there is
//! custom      a function of the program's own
//! ```
//!
//! `text` reads the text of a format as a tree, `settings` the values in it, `parse` what they say; `kind` knows all kinds;
//! `quick` is the short way to the frames of most formats, for a decoder to try first.

mod ascii;
mod ber;
mod custom;
mod delimited;
mod describe;
mod eof;
mod field;
mod fill;
mod fixed;
mod frame;
mod headers;
mod kind;
mod layout;
mod length;
mod parse;
mod places;
mod plain;
mod prefixed;
mod presets;
mod quick;
mod search;
mod select;
mod settings;
mod text;
mod varint;

pub use custom::CustomProbe;
pub(crate) use frame::{Ask, Payload};
pub use frame::{Frame, HEAD_MAX, Probe, Tail};
pub use kind::Format;
pub(crate) use kind::LengthField;
pub use presets::{PRESETS, Preset};
pub(crate) use quick::{Cut, Cutter, Quick, QuickHead};
