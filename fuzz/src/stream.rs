//! A decoder, be it Rust's or C's.

use crate::c;
use fdwire::Error;
use fdwire::codec::Decoder;
use fdwire::format::Format;
use std::ffi::c_int;
use std::fmt::Debug;

/// Head, body and tail.
pub(crate) type Message = [Vec<u8>; 3];

/// What `fdwire::codec::Decoder` and `fdwire_decoder` both do.
pub(crate) trait Stream {
    type Error: Copy + PartialEq + Debug;

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Takes the first of these bytes by way of `space` and `commit`, and says how many.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, Self::Error>;
    /// One message or a few; none where more bytes are needed.
    fn next(&mut self) -> Result<Vec<Message>, Self::Error>;
    fn finish(&mut self) -> Result<bool, Self::Error>;
    fn skip(&mut self) -> Result<(), Self::Error>;
    fn unread(&mut self) -> Vec<u8>;
    /// Sets the format that it has.
    fn set_format(&mut self) -> Result<(), Self::Error>;
    fn needed(&mut self) -> usize;
    fn offset(&self) -> u64;
    fn explain(&self) -> String;
    /// Bytes of memory that it holds, where it can be asked.
    fn capacity(&self) -> usize;
    fn is_too_long(error: Self::Error) -> bool;
}

/// A decoder of Rust's.
pub(crate) struct Rust<'f> {
    decoder: Decoder<&'f Format>,
    format: &'f Format,
}

impl<'f> Rust<'f> {
    pub(crate) fn new(format: &'f Format) -> Rust<'f> {
        Rust { decoder: Decoder::new(format), format }
    }
}

impl Stream for Rust<'_> {
    type Error = Error;

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.decoder.feed(bytes)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let space = self.decoder.space()?;
        let len = bytes.len().min(space.len());
        space[..len].copy_from_slice(&bytes[..len]);
        self.decoder.commit(len).map(|()| len)
    }

    fn next(&mut self) -> Result<Vec<Message>, Error> {
        let message = self.decoder.next_message()?;
        Ok(message.into_iter().map(|message| [message.head, message.body, message.tail].map(<[u8]>::to_vec)).collect())
    }

    fn finish(&mut self) -> Result<bool, Error> {
        self.decoder.finish()
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.decoder.skip()
    }

    fn unread(&mut self) -> Vec<u8> {
        self.decoder.unread().to_vec()
    }

    fn set_format(&mut self) -> Result<(), Error> {
        self.decoder.set_format(self.format)
    }

    fn needed(&mut self) -> usize {
        self.decoder.needed()
    }

    fn offset(&self) -> u64 {
        self.decoder.offset()
    }

    fn explain(&self) -> String {
        self.decoder.explain().to_string()
    }

    fn capacity(&self) -> usize {
        self.decoder.capacity()
    }

    fn is_too_long(error: Error) -> bool {
        matches!(error, Error::TooLong { .. })
    }
}

impl Stream for c::Decoder<'_> {
    type Error = c_int;

    fn feed(&mut self, bytes: &[u8]) -> Result<(), c_int> {
        self.feed(bytes)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<usize, c_int> {
        self.read(bytes)
    }

    fn next(&mut self) -> Result<Vec<Message>, c_int> {
        self.next_many()
    }

    fn finish(&mut self) -> Result<bool, c_int> {
        self.finish()
    }

    fn skip(&mut self) -> Result<(), c_int> {
        self.skip()
    }

    fn unread(&mut self) -> Vec<u8> {
        self.unread()
    }

    fn set_format(&mut self) -> Result<(), c_int> {
        self.set_format()
    }

    fn needed(&mut self) -> usize {
        self.needed()
    }

    fn offset(&self) -> u64 {
        self.offset()
    }

    fn explain(&self) -> String {
        self.explain()
    }

    fn capacity(&self) -> usize {
        0
    }

    fn is_too_long(error: c_int) -> bool {
        error == c::code::TOO_LONG
    }
}
