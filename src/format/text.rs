//! The text of a format as a tree: a kind, its settings, and for `select` the cases in their braces.
//!
//! ```text
//! format   =  kind [word] {key=value} [ "{" case {";" case} [";"] "}" {key=value} ]
//! case     =  label {"," label} ":" format
//! ```
//!
//! What the words mean is not known here. Columns count from 1, in bytes.

use crate::Error;
use crate::memory::push;

/// Formats within formats within formats, and no deeper: nobody has more, and recursion has an end.
const DEPTH_MAX: usize = 8;

/// Bytes that the text of a format may have.
const TEXT_MAX: usize = 64 * 1024;

/// A column behind those of every text.
pub(super) const BEYOND: usize = 2 * TEXT_MAX;

/// A word of the text, and the column where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'t> {
    pub(super) text: &'t [u8],
    pub(super) column: usize,
}

impl<'t> Word<'t> {
    #[cold]
    pub(super) fn refuse<T>(self, reason: &'static str) -> Result<T, Error> {
        Err(self.refusal(reason))
    }

    pub(super) fn refusal(self, reason: &'static str) -> Error {
        Error::Format { column: u32::try_from(self.column).unwrap_or(u32::MAX), reason }
    }

    /// The word from its byte `at` on.
    pub(super) fn from(self, at: usize) -> Word<'t> {
        Word { text: &self.text[at..], column: self.column + at }
    }

    /// Before and after the first `separator` that stands in no literal.
    #[inline(never)]
    pub(super) fn split(self, separator: u8) -> Option<(Word<'t>, Word<'t>)> {
        let at = outside_literals(self.text).find(|&(_, byte)| byte == separator)?.0;
        Some((Word { text: &self.text[..at], column: self.column }, self.from(at + 1)))
    }

    /// The parts between the commas that stand in no literal.
    pub(super) fn list(self) -> impl Iterator<Item = Word<'t>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || match rest?.split(b',') {
            Some((item, more)) => {
                rest = Some(more);
                Some(item)
            }
            None => rest.take(),
        })
    }

    pub(super) fn trim(self) -> Word<'t> {
        let blanks = self.text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let trimmed = self.from(blanks);
        Word { text: trimmed.text.trim_ascii_end(), ..trimmed }
    }
}

/// The bytes of a text that stand in no literal, with their places.
fn outside_literals(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut inside, mut escaped) = (false, false);
    text.iter().copied().enumerate().filter(move |&(_, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'\'' => inside = !inside,
            _ => return !inside,
        }
        false
    })
}

/// `key=value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'t> {
    pub(super) key: Word<'t>,
    pub(super) value: Word<'t>,
}

/// A format as it is written.
pub(super) struct Tree<'t> {
    pub(super) kind: Word<'t>,
    /// What stands between the kind and the settings: `select` has the kind of its field there.
    pub(super) operand: Option<Word<'t>>,
    pub(super) settings: Vec<Setting<'t>>,
    /// Empty, but where there are braces.
    pub(super) cases: Vec<Case<'t>>,
    /// How many formats it lies in.
    pub(super) depth: usize,
}

pub(super) struct Case<'t> {
    pub(super) labels: Word<'t>,
    pub(super) format: Tree<'t>,
}

impl<'t> Tree<'t> {
    pub(super) fn parse(text: &'t [u8]) -> Result<Tree<'t>, Error> {
        Tree::parse_at(1, 0, text)
    }

    /// The same of a text whose columns count from this one, within so many formats.
    pub(super) fn parse_at(column: usize, depth: usize, text: &'t [u8]) -> Result<Tree<'t>, Error> {
        let whole = Word { text, column };
        if text.len() > TEXT_MAX {
            return whole.refuse("this text is too long: a format has at most 64K");
        }
        let mut parser = Parser { whole, at: 0 };
        let tree = parser.format(depth)?;
        match parser.peek() {
            None => Ok(tree),
            Some(_) => whole.from(parser.at).refuse("nothing here is open that this could close"),
        }
    }
}

struct Parser<'t> {
    whole: Word<'t>,
    at: usize,
}

impl<'t> Parser<'t> {
    fn here(&self) -> Word<'t> {
        self.whole.from(self.at)
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        self.at += self.here().text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.here().text.first().copied()
    }

    /// The next word: up to a blank or a byte that means something to a tree.
    fn word(&mut self) -> Result<Option<Word<'t>>, Error> {
        if self.peek().is_none_or(|byte| b"{};".contains(&byte)) {
            return Ok(None);
        }
        let rest = self.here();
        let end = outside_literals(rest.text).find(|(_, byte)| byte.is_ascii_whitespace() || b"{};".contains(byte));
        let end = end.map_or(rest.text.len(), |(at, _)| at);
        let word = Word { text: &rest.text[..end], ..rest };
        if let Some(open) = open_literal(word.text) {
            return word.from(open).refuse("this literal has no closing quote");
        }
        self.at += end;
        Ok(Some(word))
    }

    fn format(&mut self, depth: usize) -> Result<Tree<'t>, Error> {
        let Some(kind) = self.word()? else {
            return self.here().refuse("a format begins with its kind or a preset's name, like u32be, line or kafka");
        };
        if depth > DEPTH_MAX {
            return kind.refuse("formats nest no deeper than this");
        }
        let mut tree = Tree { kind, operand: None, settings: Vec::new(), cases: Vec::new(), depth };
        self.settings(&mut tree)?;
        if self.peek() == Some(b'{') {
            let open = self.here();
            self.at += 1;
            self.cases(open, depth, &mut tree)?;
            self.settings(&mut tree)?;
            if self.peek() == Some(b'{') {
                return self.here().refuse("a format has its cases in one pair of braces");
            }
        }
        Ok(tree)
    }

    fn settings(&mut self, tree: &mut Tree<'t>) -> Result<(), Error> {
        while let Some(word) = self.word()? {
            match word.split(b'=') {
                Some((key, value)) if !key.text.is_empty() => push(&mut tree.settings, Setting { key, value })?,
                None if tree.operand.is_none() && tree.settings.is_empty() => tree.operand = Some(word),
                _ => return word.refuse("a setting is written key=value"),
            }
        }
        Ok(())
    }

    fn cases(&mut self, open: Word<'t>, depth: usize, tree: &mut Tree<'t>) -> Result<(), Error> {
        loop {
            match self.peek() {
                Some(b'}') if tree.cases.is_empty() => return open.refuse("there is no case between these braces"),
                Some(b'}') => break,
                Some(b';') if !tree.cases.is_empty() => self.at += 1,
                None => return open.refuse("this brace is never closed"),
                _ => {
                    let labels = self.labels()?;
                    let format = self.format(depth + 1)?;
                    push(&mut tree.cases, Case { labels, format })?;
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    /// What stands before the colon of a case.
    fn labels(&mut self) -> Result<Word<'t>, Error> {
        let rest = self.here();
        let end = outside_literals(rest.text).find(|(_, byte)| b":{};".contains(byte));
        match end {
            Some((at, b':')) => {
                self.at += at + 1;
                Ok(Word { text: &rest.text[..at], ..rest }.trim())
            }
            _ => rest.refuse("a case is written value: format"),
        }
    }
}

/// Where a literal begins that does not end.
fn open_literal(text: &[u8]) -> Option<usize> {
    let (mut open, mut escaped) = (None, false);
    for (at, &byte) in text.iter().enumerate() {
        match (byte, open) {
            _ if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'\'', Some(_)) => open = None,
            (b'\'', None) => open = Some(at),
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_columns() {
        let tree = Tree::parse(b"  u8\tat=1 \n x='a b;'").unwrap();
        assert_eq!((tree.kind.text, tree.kind.column), (&b"u8"[..], 3));
        let [at, x] = &tree.settings[..] else { panic!() };
        assert_eq!((at.key.column, at.value.text, at.value.column), (6, &b"1"[..], 9));
        assert_eq!((x.key.column, x.value.text, x.value.column), (13, &b"'a b;'"[..], 15));
    }

    #[test]
    fn cases_nest() {
        let tree = Tree::parse(b"select u8 at=1 { 0..3, ':' : line; else: select u8 {1: nul} ; } max=9").unwrap();
        assert_eq!(tree.operand.unwrap().text, b"u8");
        assert_eq!(tree.settings.len(), 2);
        assert_eq!(tree.cases.len(), 2);
        let labels: Vec<_> = tree.cases[0].labels.list().map(|label| label.trim().text).collect();
        assert_eq!(labels, [&b"0..3"[..], b"':'"]);
        assert_eq!(tree.cases[1].format.cases[0].format.kind.text, b"nul");
    }

    #[test]
    fn what_is_left_open_is_pointed_at() {
        let cases = [
            (&b""[..], 1),
            (b"   ", 4),
            (b"u8 x='a", 6),
            (b"u8 x='a\\'", 6),
            (b"select u8 { 1: line", 11),
            (b"select u8 { line }", 13),
            (b"u8 }", 4),
            (b"u8 ; u8", 4),
            (b"u8 =1", 4),
            (b"u8 at=1 5", 9),
            (b"u8 { 1: u8 } { 2: u8 }", 14),
            (b"u8 {;}", 5),
            (b"u8 {}", 4),
            (b"select u8 { }", 11),
        ];
        for (text, column) in cases {
            match Tree::parse(text) {
                Err(Error::Format { column: at, .. }) => assert_eq!(at as usize, column, "{}", text.escape_ascii()),
                _ => panic!("{}", text.escape_ascii()),
            }
        }
        assert!(Tree::parse(&b"x{a:".repeat(100)).is_err());
        assert!(Tree::parse(&[b'x'; TEXT_MAX + 1]).is_err());
    }
}
