//! The bytes that came and were not delivered yet.

use crate::Error;
use crate::memory::reserve_exact;

/// Room that is made for bytes of which nothing is known yet.
const LEAST: usize = 4 * 1024;

/// Room that is made at once where bytes keep coming.
const MOST: usize = 256 * 1024;

/// Bytes in one piece, taken from the front and added at the end. Taking never moves a byte, so what was lent stays where it
/// is until something is added.
///
/// ```text
/// 0           start             end             bytes.len()
/// +-----------+-----------------+---------------+
/// | delivered | to be delivered | room          |
/// +-----------+-----------------+---------------+
/// ```
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How much room the next read gets: doubled when a read filled it.
    chunk: u32, // there may be very many buffers
    /// Whether its memory comes from whoever reads into it, who also takes it back.
    lent: bool,
}

impl Buffer {
    pub(super) const fn new() -> Buffer {
        Buffer { bytes: Vec::new(), start: 0, end: 0, chunk: LEAST as u32, lent: false }
    }

    fn chunk(&self) -> usize {
        self.chunk as usize
    }

    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Takes bytes that are there, and lends them.
    #[inline(always)]
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        let start = self.start;
        self.start += len;
        &self.bytes[start..self.start]
    }

    /// The bytes that are there, lent, and the place where they begin: who adds to it takes the first of them.
    #[inline(always)]
    pub(super) fn front(&mut self) -> Option<(&[u8], &mut usize)> {
        Some((self.bytes.get(self.start..self.end)?, &mut self.start))
    }

    /// Takes the bytes that lie between so many at the front and at the end, which then lie one after the other.
    pub(super) fn take_middle(&mut self, front: usize, back: usize) -> usize {
        let middle = self.len().saturating_sub(front + back);
        if middle > 0 {
            // Those at the front move: what was lent lies before them, and bytes that are taken may be written over.
            self.bytes.copy_within(self.start..self.start + front, self.start + middle);
            self.start += middle;
        }
        middle
    }

    /// Room for more bytes at the end: for `wanted` that are sure to come, as far as that is not more than have come.
    pub(super) fn room(&mut self, wanted: usize) -> Result<&mut [u8], Error> {
        self.rewind(self.chunk());
        // Where little is left, it is soon moved to the front: memory that was just in use is still in the caches.
        let enough = if self.len() <= self.start / 8 { self.chunk() } else { self.chunk() / 4 };
        if self.bytes.len() - self.end < enough {
            let least = wanted.min(self.len()).max(self.chunk());
            // What a move to the front frees may be enough.
            let freed = if self.lent { (self.bytes.len() - self.len()).max(self.chunk() / 4) } else { least };
            self.make_room(least.min(freed))?;
        }
        let most = wanted.max(MOST).max(self.chunk());
        let room = &mut self.bytes[self.end..];
        let len = room.len().min(most);
        Ok(&mut room[..len])
    }

    /// Keeps the first bytes of the room.
    pub(super) fn add(&mut self, len: usize) -> Result<(), Error> {
        if len > self.bytes.len() - self.end {
            return Err(Error::Misuse("more bytes than there was space for"));
        }
        if len >= self.chunk() && !self.lent {
            self.chunk = (2 * self.chunk()).min(MOST) as u32;
        }
        self.end += len;
        Ok(())
    }

    /// Room that is there already.
    pub(super) fn spare(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// Adds a copy of these.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.make_room(bytes.len())?;
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
        Ok(())
    }

    #[inline]
    fn make_room(&mut self, wanted: usize) -> Result<(), Error> {
        self.rewind(wanted);
        if self.bytes.len() - self.end >= wanted { Ok(()) } else { self.grow(wanted) }
    }

    /// Begins at the front again where nothing is left.
    #[inline]
    fn rewind(&mut self, wanted: usize) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > MOST && wanted <= MOST && !self.lent {
                self.bytes = Vec::new(); // a large message came through: its memory is given back
            }
        }
    }

    /// Moves what is left to the front where that frees as much as it moves, else makes the whole larger: so each byte is
    /// moved a bounded number of times.
    #[cold]
    fn grow(&mut self, wanted: usize) -> Result<(), Error> {
        let len = self.len();
        let enough = len.checked_add(wanted).ok_or(Error::NoMemory)?;
        let moves = self.start >= len && enough <= self.bytes.len();
        if !moves {
            let larger = enough.max(2 * len);
            let held = self.bytes.len();
            reserve_exact(&mut self.bytes, larger.saturating_sub(held))?;
            self.bytes.resize(larger.max(held), 0);
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, len);
        Ok(())
    }

    /// Goes on in other memory, to which it moves what is there, and which is what all room is made in; gives back the memory
    /// that it had.
    ///
    /// # Errors
    /// [`Error::NoMemory`] where `memory` is too small, which is all the same to the buffer.
    pub(super) fn move_to(&mut self, mut memory: Vec<u8>, chunk: usize) -> Result<Vec<u8>, Error> {
        let len = self.len();
        memory.get_mut(..len).ok_or(Error::NoMemory)?.copy_from_slice(self.bytes());
        let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
        (self.start, self.end, self.chunk, self.lent) = (0, len, chunk, true);
        Ok(std::mem::replace(&mut self.bytes, memory))
    }

    /// Puts bytes back before those that are there.
    pub(super) fn prepend(&mut self, parts: [&[u8]; 2]) -> Result<(), Error> {
        let more: usize = parts.iter().map(|part| part.len()).sum();
        let mut all = Vec::new();
        reserve_exact(&mut all, more + self.len())?;
        parts.iter().for_each(|part| all.extend_from_slice(part));
        all.extend_from_slice(self.bytes());
        (self.start, self.end) = (0, all.len());
        self.bytes = all;
        Ok(())
    }

    /// How much memory it holds.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_taken_in_order() {
        let mut buffer = Buffer::new();
        let (mut written, mut read) = (0u32, 0u32);
        for round in 1..2000u32 {
            for _ in 0..round % 37 {
                buffer.append(&written.to_be_bytes()).unwrap();
                written += 1;
            }
            while buffer.len() >= 4 && (read + round) % 5 != 0 {
                assert_eq!(buffer.take(4), read.to_be_bytes());
                read += 1;
            }
            read += u32::from((read + round) % 5 == 0 && buffer.len() >= 4 && buffer.take(4) == read.to_be_bytes());
        }
        assert_eq!(buffer.len() as u32, 4 * (written - read));
    }

    #[test]
    fn room_grows_with_what_comes_and_not_with_what_is_announced() {
        let mut buffer = Buffer::new();
        assert_eq!(buffer.room(1 << 31).unwrap().len(), LEAST);
        buffer.add(1024).unwrap();
        assert!(buffer.capacity() < 8 * 1024, "{}", buffer.capacity());
        buffer.room(1 << 31).unwrap();
        assert!(buffer.capacity() < 8 * 1024, "{}", buffer.capacity());
        for _ in 0..9 {
            let room = buffer.room(1).unwrap().len();
            buffer.add(room).unwrap();
        }
        assert_eq!(buffer.chunk(), MOST);
        assert!(buffer.add(usize::MAX).is_err());
        buffer.take(buffer.len());
        buffer.room(1).unwrap();
        assert!(buffer.capacity() <= MOST, "{}", buffer.capacity());
    }

    #[test]
    fn the_middle_can_be_taken() {
        let mut buffer = Buffer::new();
        buffer.append(b"0123456789").unwrap();
        assert_eq!(buffer.take_middle(2, 3), 5);
        assert_eq!(buffer.bytes(), b"01789");
        assert_eq!(buffer.take_middle(2, 3), 0);
        assert_eq!(buffer.take_middle(4, 3), 0);
    }

    #[test]
    fn what_is_put_back_comes_first_and_takes_no_more_memory_than_it_needs() {
        let mut buffer = Buffer::new();
        buffer.append(&[7; 300]).unwrap();
        buffer.prepend([&[1; 20], &[2; 400]]).unwrap();
        assert_eq!(buffer.take(420), [&[1; 20][..], &[2; 400]].concat());
        assert_eq!(buffer.bytes(), [7; 300]);
        assert_eq!(buffer.capacity(), 720);
    }
}
