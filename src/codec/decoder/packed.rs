//! Bodies of many messages, copied out one behind another.

use super::{Decoder, to_usize};
use crate::format::{Cut, Cutter, Format, Quick};
use crate::memory::copy_short;
use std::ops::Deref;

/// Where bodies go, one behind another, and their lengths.
#[derive(Debug)]
pub(crate) struct Packed<'p> {
    room: &'p mut [u8],
    lens: std::slice::IterMut<'p, usize>,
}

impl<'p> Packed<'p> {
    pub(crate) fn new(room: &'p mut [u8], lens: &'p mut [usize]) -> Packed<'p> {
        Packed { room, lens: lens.iter_mut() }
    }

    /// Adds a body; false if there is no room for it, or for its length.
    #[inline(always)]
    fn put(&mut self, body: &[u8]) -> bool {
        if body.len() > self.room.len() {
            return false;
        }
        let Some(len) = self.lens.next() else { return false };
        let (place, rest) = std::mem::take(&mut self.room).split_at_mut(body.len());
        copy_short(place, body);
        (*len, self.room) = (body.len(), rest);
        true
    }

    fn is_full(&self) -> bool {
        self.lens.len() == 0
    }
}

impl<F: Deref<Target = Format>> Decoder<F> {
    /// Copies the bodies of at most so many messages that are there, as long as they have a place; says how many. One that has
    /// none stays where it is, and an error behind some messages comes with the next call.
    pub(crate) fn pack_messages(&mut self, most: usize, packed: &mut Packed<'_>) -> usize {
        let mut found = 0;
        while found < most {
            found += self.pack_quick_ones(most - found, packed);
            if found == most || !self.pack_by_probe(packed) {
                break;
            }
            found += 1;
        }
        found
    }

    /// Those that the short way tells. A function of its own, so that all that changes with each stays in registers.
    #[inline(never)]
    fn pack_quick_ones(&mut self, most: usize, packed: &mut Packed<'_>) -> usize {
        if !self.is_at_beginning() {
            return 0;
        }
        let Some((bytes, start)) = self.buffer.front() else { return 0 };
        // By value: what it says of the format stays in registers too.
        let (taken, len) = match *self.format.quick() {
            Quick::No => (0, 0),
            Quick::U32be(u32be) => pack_all(bytes, most, packed, u32be.cuts(bytes)),
            Quick::U32beAt(length) => pack_all(bytes, most, packed, length.cuts(bytes)),
            Quick::Length(length) => pack_all(bytes, most, packed, length.cuts(bytes)),
            Quick::Varint(varint) => pack_all(bytes, most, packed, varint.cuts(bytes)),
            Quick::Until(until) => pack_all(bytes, most, packed, until.cuts(bytes)),
        };
        *start += len;
        self.messages += taken as u64;
        taken
    }

    /// The next one, if it is all there and has a place; whether it had.
    #[cold]
    fn pack_by_probe(&mut self, packed: &mut Packed<'_>) -> bool {
        if packed.is_full() {
            return false; // nobody asked what comes next: its format may be another
        }
        match self.ahead() {
            Ok(Some(frame))
                if frame.body <= packed.room.len() as u64 && to_usize(frame.total()) <= self.buffer.len() =>
            {
                self.next_message().is_ok_and(|message| message.is_some_and(|message| packed.put(message.body)))
            }
            _ => false,
        }
    }
}

/// Packs the bodies of the frames at the front of `bytes`, at most so many: how many, and how many bytes the frames are.
#[inline(always)]
fn pack_all<'d>(
    bytes: &'d [u8],
    most: usize,
    packed: &mut Packed<'_>,
    mut cuts: impl Iterator<Item = Cut<'d>>,
) -> (usize, usize) {
    let (mut taken, mut rest) = (0, bytes);
    while taken < most
        && let Some(Cut { body, rest: behind, .. }) = cuts.next()
        && packed.put(body)
    {
        (taken, rest) = (taken + 1, behind);
    }
    (taken, bytes.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoder(text: &str) -> Decoder<Box<Format>> {
        Decoder::new(Box::new(Format::parse(text).unwrap()))
    }

    proptest! {
        /// Whatever the room, and however the bytes were cut.
        #[test]
        fn what_is_packed_is_what_comes_one_by_one(
            text in prop::sample::select(vec!["u8", "u16be at=1", "u32be", "line", "netstring", "varint", "u8 tail=';'"]),
            bodies in prop::collection::vec("[a-z]{0,12}", 0..12),
            cut in 0..200usize,
            (room, places, most) in (0..40usize, 0..6usize, 1..6usize),
        ) {
            let format = Format::parse(text).unwrap();
            let mut wire = Vec::new();
            for body in &bodies {
                crate::codec::encode(&format, None, body.as_bytes(), &mut wire).unwrap();
            }
            let (first, second) = wire.split_at(cut.min(wire.len()));
            let (mut packing, mut single) = (decoder(text), decoder(text));
            for bytes in [first, second] {
                packing.feed(bytes).unwrap();
                single.feed(bytes).unwrap();
                loop {
                    let (mut bodies, mut lens) = (vec![0xee; room], vec![usize::MAX; places]);
                    let found = packing.pack_messages(most, &mut Packed::new(&mut bodies, &mut lens));
                    prop_assert!(found <= most.min(places));
                    let mut rest = &bodies[..];
                    for len in &lens[..found] {
                        let body;
                        (body, rest) = rest.split_at(*len);
                        prop_assert_eq!(single.next_message().unwrap().unwrap().body, body);
                    }
                    prop_assert!(rest.iter().all(|byte| *byte == 0xee));
                    prop_assert!(lens[found..].iter().all(|len| *len == usize::MAX));
                    prop_assert_eq!(packing.messages(), single.messages());
                    if found == 0 {
                        break;
                    }
                }
                // What stays has no place, or is not all there.
                while let Some(message) = single.next_message().unwrap() {
                    prop_assert!(places == 0 || message.body.len() > room);
                    prop_assert_eq!(packing.next_message().unwrap(), Some(message));
                    // Behind it there may be some that have a place.
                    let (mut bodies, mut lens) = (vec![0; room], vec![0; places]);
                    let mut found = 1;
                    while found > 0 {
                        found = packing.pack_messages(most, &mut Packed::new(&mut bodies, &mut lens));
                        for _ in 0..found {
                            prop_assert!(single.next_message().unwrap().is_some());
                        }
                    }
                }
                prop_assert_eq!(packing.next_message().unwrap(), None);
            }
        }
    }
}
