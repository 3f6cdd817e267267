//! Room for a head or a tail.

use crate::Error;
use crate::memory::reserve;

/// Some bytes: without an allocation as long as they are few.
pub(crate) struct Scratch {
    short: [u8; Scratch::SHORT],
    long: Vec<u8>,
}

impl Scratch {
    /// Heads up to this length, which is nearly all, cost no allocation.
    pub(crate) const SHORT: usize = 64;

    pub(crate) fn new() -> Scratch {
        Scratch { short: [0; Scratch::SHORT], long: Vec::new() }
    }

    /// The first `len` bytes, those that were there before unchanged.
    #[inline(always)]
    pub(crate) fn room(&mut self, len: usize) -> Result<&mut [u8], Error> {
        if len <= Scratch::SHORT && self.long.is_empty() { Ok(&mut self.short[..len]) } else { self.long_room(len) }
    }

    /// All that there is room for.
    #[inline(always)]
    pub(crate) fn all(&mut self) -> &mut [u8] {
        if self.long.is_empty() { &mut self.short } else { &mut self.long }
    }

    #[cold]
    fn long_room(&mut self, len: usize) -> Result<&mut [u8], Error> {
        if len > self.long.len() {
            let held = self.long.len();
            reserve(&mut self.long, len.max(Scratch::SHORT) - held)?;
            if held == 0 {
                self.long.extend_from_slice(&self.short);
            }
            self.long.resize(len.max(Scratch::SHORT), 0);
        }
        Ok(&mut self.long[..len])
    }
}
