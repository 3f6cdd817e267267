//! What waits to be sent.

use super::pool::{self, CHUNK};
use crate::Error;
use crate::fd::File;
use crate::memory::{Rare, copy_short, reserve_exact};
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::OwnedFd;

/// Below this much memory is not worth sharing.
const SMALL: usize = 16 * 1024;

/// Bytes that were accepted, one after the other, in memory of its own; and marks between them.
///
/// Places are counted from the first byte that the queue ever held, so that they stay what they are while bytes come and go.
#[derive(Debug)]
pub(super) struct Queue {
    /// `start..end` waits.
    memory: Vec<u8>,
    start: usize,
    end: usize,
    /// The place of the first byte that waits.
    at: u64,
    /// So much waited the last time, if it was much: that is expected again.
    expected: u32, // there may be very many queues
    /// Batches are larger than what others share.
    large: bool,
    marks: Rare<VecDeque<Mark>>,
}

/// Something that goes out at a place between the bytes.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) place: u64,
    pub(super) what: Marked,
}

#[derive(Debug)]
pub(super) enum Marked {
    /// The bytes of a file.
    Stretch(Stretch),
    /// Descriptors, which go with the bytes up to a place, and no others.
    Descriptors { list: Vec<OwnedFd>, until: u64 },
}

/// A piece of a file.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) file: File,
    pub(super) offset: u64,
    pub(super) left: u64,
    /// `from..to` was read and waits; it is counted in `left`.
    pub(super) chunk: Vec<u8>,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Bodies in the caller's memory, which go out at places between the bytes of the queue.
#[derive(Debug, Default)]
pub(super) struct Refs<'m> {
    list: Vec<(u64, &'m [u8])>,
    next: usize,
    /// How many bytes of them wait.
    pub(super) len: u64,
}

impl<'m> Refs<'m> {
    pub(super) fn push(&mut self, place: u64, body: &'m [u8]) -> Result<(), Error> {
        crate::memory::push(&mut self.list, (place, body))?;
        self.len += body.len() as u64;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn waiting(&self) -> &[(u64, &'m [u8])] {
        &self.list[self.next..]
    }

    fn consume(&mut self, len: usize) {
        let (_, body) = &mut self.list[self.next];
        *body = &body[len..];
        self.len -= len as u64;
        if body.is_empty() {
            self.next += 1;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Refs::default();
    }
}

/// Room for frames, one after the other.
pub(super) struct Room<'q>(&'q mut [u8]);

impl Room<'_> {
    /// Adds a frame whose head is the first `head_len` bytes of these, and which has no tail; false if there is no room.
    #[inline(always)]
    pub(super) fn put<const N: usize>(&mut self, head: [u8; N], head_len: usize, body: &[u8]) -> bool {
        let head_len = head_len.min(N); // which it is: so the place is known to be within the room
        if self.0.len() < N + body.len() {
            return false;
        }
        let room = std::mem::take(&mut self.0);
        let Some((start, _)) = room.split_first_chunk_mut() else { return false };
        *start = head;
        let (frame, rest) = room.split_at_mut(head_len + body.len());
        copy_short(&mut frame[head_len..], body);
        self.0 = rest;
        true
    }

    /// At most so many bytes of it, and how many are left out.
    pub(super) fn up_to(self, most: u64) -> (Self, usize) {
        let len = self.0.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let beyond = self.0.len() - len;
        (Room(&mut self.0[..len]), beyond)
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Queue {
    pub(super) fn new() -> Queue {
        Queue { memory: Vec::new(), start: 0, end: 0, at: 0, expected: 0, large: false, marks: Rare::none() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end && !self.has_marks()
    }

    pub(super) fn has_marks(&self) -> bool {
        self.marks.get().is_some_and(|marks| !marks.is_empty())
    }

    fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.marks.get().into_iter().flatten()
    }

    /// How many bytes wait in memory.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// How many bytes of files wait.
    pub(super) fn of_files(&self) -> u64 {
        let files = self.marks().map(|mark| match &mark.what {
            Marked::Stretch(stretch) => stretch.left,
            Marked::Descriptors { .. } => 0,
        });
        files.fold(0, u64::saturating_add)
    }

    pub(super) fn memory(&self) -> usize {
        let chunks = self.marks().map(|mark| match &mark.what {
            Marked::Stretch(stretch) => stretch.chunk.capacity(),
            Marked::Descriptors { .. } => 0,
        });
        self.memory.capacity() + chunks.sum::<usize>()
    }

    /// The place behind the last byte.
    #[inline]
    pub(super) fn end_place(&self) -> u64 {
        self.at + self.len() as u64
    }

    /// Room for bytes at the end; [`add`](Queue::add) says how many there are.
    #[inline]
    pub(super) fn room(&mut self, len: usize) -> Result<&mut [u8], Error> {
        if self.memory.len() - self.end < len {
            self.make_room(len)?;
        }
        Ok(&mut self.memory[self.end..])
    }

    /// Batches are to have so many bytes; `u64::MAX` says that they are queued, until the program flushes them.
    pub(super) fn set_batch(&mut self, bytes: u64) {
        self.large = bytes == u64::MAX || bytes > pool::SIZE as u64 && bytes <= pool::LARGEST as u64;
    }

    #[cold]
    fn make_room(&mut self, len: usize) -> Result<(), Error> {
        let wanted = self.len().checked_add(len).ok_or(Error::NoMemory)?;
        if self.start >= self.len() && wanted <= self.memory.len() {
            self.memory.copy_within(self.start..self.end, 0);
        } else if self.start < self.len() && self.memory.len() > pool::SIZE {
            return self.grow(len);
        } else {
            let kept = if self.expected > 0 { pool::kept(wanted.max(self.expected as usize)) } else { None };
            let larger = match (kept, wanted) {
                (Some(kept), _) => kept,
                (None, wanted) if wanted > pool::SIZE => self.make_larger(wanted)?,
                (None, wanted) if wanted > SMALL => pool::take(CHUNK)?,
                (None, wanted) => pool::zeroed(wanted.next_power_of_two().max(SMALL / 4))?,
            };
            self.move_to(larger);
        }
        (self.start, self.end) = (0, wanted - len);
        Ok(())
    }

    /// Moves what waits to the front, if it is little, so that there is room behind it.
    pub(super) fn rewind(&mut self) {
        let len = self.len();
        if len <= self.start / 8 {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, len);
        }
    }

    /// Memory for more than others share: twice as much, as long as that may be kept.
    fn make_larger(&self, wanted: usize) -> Result<Vec<u8>, Error> {
        let doubled = wanted.saturating_add(self.len()).min(pool::LARGEST);
        pool::kept(wanted).map_or_else(|| pool::zeroed(doubled.max(wanted.saturating_add(self.len() / 4))), Ok)
    }

    /// Makes the memory larger where it is: the system moves large memory without copying it.
    fn grow(&mut self, len: usize) -> Result<(), Error> {
        let more = len.checked_add(self.len() / 4).ok_or(Error::NoMemory)?;
        reserve_exact(&mut self.memory, more)?;
        self.memory.resize(self.memory.len() + more, 0);
        Ok(())
    }

    fn move_to(&mut self, mut memory: Vec<u8>) {
        let len = self.len();
        memory[..len].copy_from_slice(&self.memory[self.start..self.end]);
        (self.start, self.end) = (0, len);
        pool::give(std::mem::replace(&mut self.memory, memory));
    }

    #[inline]
    pub(super) fn add(&mut self, len: usize) {
        self.end += len;
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.room(bytes.len())?[..bytes.len()].copy_from_slice(bytes);
        self.add(bytes.len());
        Ok(())
    }

    /// Room that is there already, for frames.
    #[inline(always)]
    pub(super) fn free_room(&mut self) -> Room<'_> {
        Room(self.memory.get_mut(self.end..).unwrap_or_default())
    }

    /// Keeps the frames that were put there, which left so many bytes free.
    #[inline(always)]
    pub(super) fn keep_all_but(&mut self, left: usize) {
        self.end = self.memory.len() - left;
    }

    /// Adds a frame, if there is room already, and at most so many bytes wait then; whether it did.
    #[inline(always)]
    pub(super) fn put_within(&mut self, most: u64, head: [u8; 8], head_len: usize, body: &[u8]) -> bool {
        let (waiting, frame) = (self.end.wrapping_sub(self.start) as u64, head.len() as u64 + body.len() as u64);
        if frame > most.saturating_sub(waiting) {
            return false;
        }
        let mut room = self.free_room();
        let put = room.put(head, head_len, body);
        let left = room.len();
        self.keep_all_but(left);
        put
    }

    /// Adds a frame of a length in 4 bytes, big-endian, and the body, if there is room already, and at most so many bytes wait then;
    /// whether it did. Nothing here can fail.
    #[inline(always)]
    pub(super) fn put_plain_within(&mut self, most: u64, body: &[u8]) -> bool {
        let len = body.len().wrapping_add(4);
        let (end, waiting) = (self.end.wrapping_add(len), self.end.wrapping_sub(self.start).wrapping_add(len));
        let Some(frame) = self.memory.get_mut(self.end..end).filter(|_| waiting as u64 <= most) else { return false };
        let Some((head, place)) = frame.split_first_chunk_mut() else { return false };
        *head = (body.len() as u32).to_be_bytes();
        copy_short(place, body);
        self.end = end;
        true
    }

    /// The end as it is now, to go back to: the place behind the last byte, and how many marks there are.
    pub(super) fn end(&self) -> (u64, usize) {
        (self.end_place(), self.marks.get().map_or(0, VecDeque::len))
    }

    /// Whether nothing waits from before that.
    pub(super) fn is_front(&self, (place, marks): (u64, usize)) -> bool {
        self.at == place && marks == 0
    }

    /// Whether bytes went out that were added behind an earlier end.
    pub(super) fn has_passed(&self, (place, _): (u64, usize)) -> bool {
        self.at > place
    }

    /// Forgets what was added behind an earlier end, which nothing has passed.
    pub(super) fn cut(&mut self, (place, marks): (u64, usize)) {
        self.end = self.start + (place - self.at) as usize;
        if let Some(kept) = self.marks.get_mut() {
            kept.truncate(marks);
        }
    }

    pub(super) fn mark(&mut self, place: u64, what: Marked) -> Result<(), Error> {
        let marks = self.marks.get_or_make(VecDeque::new)?;
        marks.try_reserve(1).map_err(|_| Error::NoMemory)?;
        marks.push_back(Mark { place, what });
        Ok(())
    }

    /// What is to go out now, before any more bytes.
    pub(super) fn marked_at_front(&mut self) -> Option<&mut Marked> {
        let at = self.at;
        self.marks.get_mut()?.front_mut().filter(|mark| mark.place == at).map(|mark| &mut mark.what)
    }

    pub(super) fn pop_mark(&mut self) -> Option<Mark> {
        self.marks.get_mut()?.pop_front()
    }

    pub(super) fn unpop_mark(&mut self, mark: Mark) {
        if let Some(marks) = self.marks.get_mut() {
            marks.push_front(mark); // there was room for it
        }
    }

    /// Whether the first byte that waits, or will, lies before this place.
    pub(super) fn is_before(&self, place: u64) -> bool {
        self.at < place
    }

    /// Fills `slices` with bytes that wait, up to the next mark and to this place; says how many slices.
    pub(super) fn slices<'s>(&'s self, until: u64, refs: &Refs<'s>, slices: &mut [IoSlice<'s>]) -> usize {
        let mark = self.marks().next().map_or(u64::MAX, |mark| mark.place);
        let stop = mark.min(until).min(self.end_place());
        let (mut place, mut from, mut count) = (self.at, self.start, 0);
        let mut refs = refs.waiting().iter().peekable();
        while let Some(slice) = slices.get_mut(count) {
            let next_ref = refs.peek().map(|&&(place, _)| place);
            let run = next_ref.map_or(stop, |next| next.min(stop)) - place;
            if run > 0 {
                *slice = IoSlice::new(&self.memory[from..from + run as usize]);
                (place, from) = (place + run, from + run as usize);
            } else if next_ref == Some(place) && place != mark {
                *slice = IoSlice::new(refs.next().map_or(&[], |&(_, body)| body));
            } else {
                break;
            }
            count += 1;
        }
        count
    }

    /// Bytes that go with descriptors: those up to a place, which is after the front.
    pub(super) fn front(&self, until: u64) -> &[u8] {
        &self.memory[self.start..self.start + (until - self.at) as usize]
    }

    /// Takes bytes that went out.
    pub(super) fn consume(&mut self, mut len: usize, refs: &mut Refs<'_>) {
        while len > 0 {
            let part = match refs.waiting().first() {
                Some(&(place, body)) if place == self.at => {
                    let part = len.min(body.len());
                    refs.consume(part);
                    part
                }
                next => {
                    let run = next.map_or(self.end_place(), |&(place, _)| place) - self.at;
                    let part = len.min(run as usize);
                    self.start += part;
                    self.at += part as u64;
                    part
                }
            };
            len -= part;
        }
    }

    /// Copies bodies that still wait into the queue's own memory, each to its place.
    pub(super) fn absorb(&mut self, refs: &mut Refs<'_>) -> Result<(), Error> {
        if refs.is_empty() {
            return Ok(());
        }
        let more = refs.len as usize;
        if self.memory.len() - self.end < more {
            // A quarter more than that, for the next: so each byte is moved a bounded number of times.
            let wanted = self.len().checked_add(more).ok_or(Error::NoMemory)?;
            self.move_to(pool::zeroed(wanted.saturating_add(wanted / 4))?);
        }
        // From behind, and no further than the first of them: what waited before stays where it is.
        let (mut end, mut to) = (self.end, self.end + more);
        self.end = to;
        for &(place, body) in refs.waiting().iter().rev() {
            let from = self.start + (place - self.at) as usize;
            to -= end - from;
            self.memory.copy_within(from..end, to);
            to -= body.len();
            self.memory[to..to + body.len()].copy_from_slice(body);
            end = from;
        }
        refs.clear();
        Ok(())
    }

    /// Gives back memory that is not needed for what waits. As much room as that is left, so that it is not moved each time that
    /// little is added.
    pub(super) fn settle(&mut self) {
        let len = self.len();
        if self.is_empty() {
            self.marks = Rare::none();
        }
        if len == 0 {
            let most = if self.large { pool::LARGEST } else { pool::SIZE };
            self.expected = if self.end > SMALL { self.end.min(most) as u32 } else { 0 };
            (self.start, self.end) = (0, 0);
            let memory = std::mem::take(&mut self.memory);
            if self.large { pool::give_large(memory) } else { pool::give(memory) }
        } else if self.memory.len() > 4 * len + SMALL
            && let Ok(less) = pool::zeroed(2 * len)
        {
            self.move_to(less);
        }
    }

    /// Forgets all that waits.
    pub(super) fn clear(&mut self) {
        self.marks = Rare::none();
        self.at += self.len() as u64;
        self.start = self.end;
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What can happen to a queue.
    #[derive(Debug, Clone)]
    enum Step {
        Put(Vec<u8>),
        Refer(Vec<u8>),
        /// So many bytes go out, as far as there are so many.
        Out(usize),
        /// The call that refers to bodies gives up.
        Absorb,
        Settle,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let bytes = |most: usize| prop::collection::vec(any::<u8>(), 0..most);
        prop_oneof![
            bytes(40).prop_map(Step::Put),
            bytes(9000).prop_map(Step::Put),
            bytes(30).prop_map(Step::Refer),
            (0..200usize).prop_map(Step::Out),
            (0..20_000usize).prop_map(Step::Out),
            Just(Step::Absorb),
            Just(Step::Settle),
        ]
    }

    fn shown(queue: &Queue, refs: &Refs<'_>) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let count = queue.slices(u64::MAX, refs, &mut slices);
        slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bytes_go_out_in_the_order_in_which_they_came(steps in prop::collection::vec(any_step(), 0..60)) {
            let (mut queue, mut refs, mut model) = (Queue::new(), Refs::default(), VecDeque::<u8>::new());
            for step in &steps {
                match step {
                    Step::Put(bytes) => {
                        queue.put(bytes).unwrap();
                        model.extend(bytes);
                    }
                    Step::Refer(bytes) if bytes.is_empty() => {}
                    Step::Refer(bytes) => {
                        refs.push(queue.end_place(), bytes).unwrap();
                        model.extend(bytes);
                    }
                    Step::Out(most) => {
                        let len = shown(&queue, &refs).len().min(*most);
                        queue.consume(len, &mut refs);
                        model.drain(..len);
                    }
                    Step::Absorb => queue.absorb(&mut refs).unwrap(),
                    Step::Settle => queue.settle(),
                }
                let shown = shown(&queue, &refs);
                prop_assert!(model.iter().take(shown.len()).eq(&shown));
                prop_assert_eq!(queue.len() as u64 + refs.len, model.len() as u64);
                prop_assert!(!shown.is_empty() || model.is_empty());
            }
        }
    }

    #[test]
    fn a_mark_stops_what_is_behind_it() {
        let (mut queue, refs) = (Queue::new(), Refs::default());
        queue.put(b"before").unwrap();
        let end = queue.end();
        queue.mark(queue.end_place(), Marked::Descriptors { list: Vec::new(), until: queue.end_place() + 4 }).unwrap();
        queue.put(b"with").unwrap();
        assert_eq!(shown(&queue, &refs), b"before");
        assert!(queue.marked_at_front().is_none());
        queue.consume(6, &mut Refs::default());
        assert!(matches!(queue.marked_at_front(), Some(Marked::Descriptors { .. })));
        assert_eq!(queue.front(queue.end_place()), b"with");
        queue.cut(end);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_grows_where_it_is_keeps_its_order() {
        let (mut queue, mut model) = (Queue::new(), Vec::new());
        for number in 0..2000u32 {
            let bytes = number.to_be_bytes().repeat(250);
            queue.put(&bytes).unwrap();
            model.extend(bytes);
            queue.consume(10, &mut Refs::default());
        }
        assert!(queue.memory() > pool::SIZE && queue.memory() < 2 * model.len(), "{}", queue.memory());
        assert!(shown(&queue, &Refs::default()) == model[20_000..]);
    }

    #[test]
    fn memory_follows_what_waits() {
        let mut queue = Queue::new();
        for round in 0..3 {
            queue.put(&vec![round; 1 << 20]).unwrap();
            assert!(queue.memory() < 2 << 20);
            queue.consume((1 << 20) - 10, &mut Refs::default());
            queue.settle();
            assert!(queue.memory() < 1 << 10, "{}", queue.memory());
            queue.consume(10, &mut Refs::default());
            queue.settle();
            assert_eq!(queue.memory(), 0);
        }
    }
}
