//! The search for what ends a frame: the earliest of several literals, at one place the longest.

use super::places::Places;
use crate::Error;
use crate::memory::push;
use std::ops::Range;

/// Most literals that are looked for at once.
pub(super) const LITERALS_MAX: usize = 8;

/// Bytes in which all first bytes are looked for before any is looked for behind them.
const FIRST_BLOCK: usize = 128;

/// Literals to look for, in the order in which they were given.
#[derive(Debug, Clone)]
pub(super) struct Search {
    literals: Vec<Vec<u8>>,
    how: How,
    shortest: usize,
    longest: usize,
    looks_ahead: bool,
}

/// What was looked for is all that matters; how follows from it.
impl PartialEq for Search {
    fn eq(&self, other: &Search) -> bool {
        self.literals == other.literals
    }
}

impl Eq for Search {}

#[derive(Debug, Clone)]
enum How {
    Short(Short),
    /// Each ends with this byte, and has it nowhere else: where it is found first, the earliest of them ends.
    LastByte(u8),
    /// One literal.
    One,
    /// The first bytes of the literals, without repetition.
    FirstBytes(Vec<u8>),
}

/// One byte, alone or behind one other or either: `\0`; `\r\n`; `\n` and `\r\n`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Short {
    last: u8,
    alone: bool,
    behind: Option<u8>,
}

/// Where a literal was found, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) len: usize,
}

impl Search {
    /// For literals of which there is at least one, none of them empty.
    pub(super) fn new(literals: Vec<Vec<u8>>) -> Result<Search, Error> {
        let last = literals.first().and_then(|literal| literal.last().copied()).unwrap_or(0);
        let ends_with_last = |literal: &Vec<u8>| literal.iter().position(|b| *b == last) == Some(literal.len() - 1);
        let how = match (Short::new(&literals), &literals[..]) {
            (Some(short), _) => How::Short(short),
            (None, literals) if literals.iter().all(ends_with_last) => How::LastByte(last),
            (None, [_]) => How::One,
            (None, literals) => {
                let mut first = Vec::new();
                for literal in literals {
                    if !first.contains(&literal[0]) {
                        push(&mut first, literal[0])?;
                    }
                }
                How::FirstBytes(first)
            }
        };
        let lens = || literals.iter().map(Vec::len);
        let (shortest, longest) = (lens().min().unwrap_or(0), lens().max().unwrap_or(0));
        let looks_ahead = literals.iter().any(|one| lies_in_another(one, &literals));
        Ok(Search { literals, how, shortest, longest, looks_ahead })
    }

    pub(super) fn literals(&self) -> &[Vec<u8>] {
        &self.literals
    }

    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Whether a literal may be complete before another that began no later, so that what follows decides which was found.
    pub(super) fn looks_ahead(&self) -> bool {
        self.looks_ahead
    }

    /// Whether the first literal is the beginning of another.
    pub(super) fn others_begin_with_first(&self) -> bool {
        self.literals.first().is_some_and(|first| begins_another(first, &self.literals))
    }

    /// Itself, where the literals are as short as that.
    pub(super) fn short(&self) -> Option<Short> {
        if let How::Short(short) = self.how { Some(short) } else { None }
    }

    /// The first of the literals in `bytes` that begins at `from` or behind it.
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Option<Found> {
        match &self.how {
            How::Short(short) => {
                let found = short.find(bytes.get(from..)?)?;
                Some(Found { at: from + found.start, len: found.len() })
            }
            How::LastByte(last) => self.find_by_last(*last, bytes, from),
            How::One => self.find_one(bytes, from),
            How::FirstBytes(first) => self.find_by_first(first, bytes, from),
        }
    }

    fn find_one(&self, bytes: &[u8], from: usize) -> Option<Found> {
        let literal = self.literals.first()?;
        let mut start = from;
        loop {
            let at = start + memchr::memchr(literal[0], bytes.get(start..)?)?;
            if bytes[at..].starts_with(literal) {
                return Some(Found { at, len: literal.len() });
            }
            start = at + 1;
        }
    }

    fn find_by_last(&self, last: u8, bytes: &[u8], from: usize) -> Option<Found> {
        let mut start = from;
        loop {
            let at = start + memchr::memchr(last, bytes.get(start..)?)?;
            let ending = &bytes[from..=at];
            let longest = self.literals.iter().filter(|l| ending.ends_with(l)).map(Vec::len).max();
            if let Some(len) = longest {
                return Some(Found { at: at + 1 - len, len });
            }
            start = at + 1;
        }
    }

    /// Goes in blocks, each twice as long as the one before: a first byte that is rare would else be looked for far behind the
    /// literal that is found, and by the search for the next frame once more.
    fn find_by_first(&self, first: &[u8], bytes: &[u8], from: usize) -> Option<Found> {
        let (mut start, mut block) = (from, FIRST_BLOCK);
        while start < bytes.len() {
            let end = start.saturating_add(block).min(bytes.len());
            if let Some(found) = self.find_begun_within(first, bytes, start..end) {
                return Some(found);
            }
            (start, block) = (end, block.saturating_mul(2));
        }
        None
    }

    /// The first of the literals that begins in this part of `bytes`.
    fn find_begun_within(&self, first: &[u8], bytes: &[u8], part: Range<usize>) -> Option<Found> {
        // Where each group of first bytes comes next; looked for again only when that was passed.
        let mut next = [None; LITERALS_MAX.div_ceil(3)];
        let mut start = part.start;
        loop {
            for (group, next) in first.chunks(3).zip(&mut next) {
                if next.is_none_or(|at| at < start) {
                    let at = find_any(group, bytes.get(start..part.end)?).map_or(usize::MAX, |at| start + at);
                    *next = Some(at);
                }
            }
            let at = next.iter().flatten().copied().min().filter(|at| *at < part.end)?;
            let longest = self.literals.iter().filter(|l| bytes[at..].starts_with(l)).map(Vec::len).max();
            if let Some(len) = longest {
                return Some(Found { at, len });
            }
            start = at + 1;
        }
    }

    /// Whether this is the first that begins at `from` or behind it, whatever follows `bytes`: no other that began before it, or
    /// there and is longer, may go on behind them.
    pub(super) fn is_settled(&self, bytes: &[u8], from: usize, found: Found) -> bool {
        let goes_on = |(begun, literal): (usize, &[u8])| match bytes.len() - begun {
            at if begun > 0 && at >= from => at < found.at || at == found.at && literal.len() > found.len,
            _ => false,
        };
        !self.begun(bytes).any(goes_on)
    }

    /// The ends of `bytes` that may turn out to begin a literal, none included: how many bytes of which literal are there.
    pub(super) fn begun<'s>(&'s self, bytes: &'s [u8]) -> impl Iterator<Item = (usize, &'s [u8])> {
        self.literals.iter().flat_map(move |literal| {
            let most = literal.len().min(bytes.len() + 1);
            let ends = (0..most).filter(move |&len| len == 0 || bytes.ends_with(&literal[..len]));
            ends.map(move |len| (len, &literal[..]))
        })
    }
}

fn lies_in_another(one: &[u8], literals: &[Vec<u8>]) -> bool {
    literals.iter().any(|other| other[..other.len() - 1].windows(one.len()).any(|part| part == one))
}

fn begins_another(one: &[u8], literals: &[Vec<u8>]) -> bool {
    literals.iter().any(|other| other.len() > one.len() && other.starts_with(one))
}

impl Short {
    fn new(literals: &[Vec<u8>]) -> Option<Short> {
        let mut short = Short { last: *literals.first()?.last()?, alone: false, behind: None };
        for literal in literals {
            match literal[..] {
                [last] if last == short.last => short.alone = true,
                [behind, last] if last == short.last && behind != last && short.behind.is_none() => {
                    short.behind = Some(behind);
                }
                _ => return None,
            }
        }
        Some(short)
    }

    /// Where it comes first.
    #[inline(always)]
    pub(super) fn find(&self, bytes: &[u8]) -> Option<Range<usize>> {
        let mut from = 0;
        loop {
            let last = from + memchr::memchr(self.last, &bytes[from..])?;
            if let Some(before) = self.before(&bytes[..last]) {
                return Some(before.len()..last + 1);
            }
            from = last + 1;
        }
    }

    /// Where its last byte comes.
    #[inline(always)]
    pub(super) fn lasts<'b>(&self, bytes: &'b [u8]) -> Places<'b> {
        Places::new(self.last, bytes)
    }

    /// What is before it if its last byte follows these; `None` where it does not end there.
    #[inline(always)]
    pub(super) fn before<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        match bytes {
            [before @ .., byte] if self.behind == Some(*byte) => Some(before),
            _ if self.alone => Some(bytes),
            _ => None,
        }
    }
}

fn find_any(wanted: &[u8], bytes: &[u8]) -> Option<usize> {
    match *wanted {
        [a] => memchr::memchr(a, bytes),
        [a, b] => memchr::memchr2(a, b, bytes),
        [a, b, c] => memchr::memchr3(a, b, c, bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn search(literals: &[&[u8]]) -> Search {
        Search::new(literals.iter().map(|l| l.to_vec()).collect()).unwrap()
    }

    #[test]
    fn the_earliest_wins_and_at_one_place_the_longest() {
        let found = |at, len| Some(Found { at, len });
        assert_eq!(search(&[b"\n", b"\r\n"]).find(b"ab\r\ncd\n", 0), found(2, 2));
        assert_eq!(search(&[b"\n", b"\r\n"]).find(b"ab\r\ncd\n", 3), found(3, 1));
        assert_eq!(search(&[b"ab", b"abc"]).find(b"xxabcab", 0), found(2, 3));
        assert_eq!(search(&[b"$$"]).find(b"a$b$$", 0), found(3, 2));
        assert_eq!(search(&[b",", b";", b"\n", b"\r", b"||"]).find(b"a|b||;", 0), found(3, 2));
        assert_eq!(search(&[b"\r\n\r\n"]).find(b"\r\n\r\r\n", 0), None);
        assert!(search(&[b"\r", b"\r\n"]).looks_ahead());
        assert!(!search(&[b"\n", b"\r\n"]).looks_ahead());
    }

    proptest! {
        #[test]
        fn every_way_finds_what_a_plain_search_does(
            literals in prop::collection::vec(prop::collection::vec(0u8..4, 1..4), 1..=LITERALS_MAX),
            rest in prop::collection::vec(0u8..6, 0..60),
            filled in 0usize..3 * FIRST_BLOCK,
            from in 0usize..8,
        ) {
            let bytes = [vec![6; filled], rest].concat();
            let at_place = |at: usize| literals.iter().filter(|l| bytes[at..].starts_with(l)).map(Vec::len).max();
            let plain = (from..bytes.len()).find_map(|at| at_place(at).map(|len| Found { at, len }));
            prop_assert_eq!(Search::new(literals.clone()).unwrap().find(&bytes, from), plain);
        }
    }
}
