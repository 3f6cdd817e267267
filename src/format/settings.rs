//! The values of settings: sizes, literals, choices. One treatment for all kinds.

use super::ber;
use super::frame::{HEAD_MAX, Limit};
use super::text::{Setting, Tree, Word};
use crate::Error;
use crate::memory::push;
use std::fmt;

/// Most bytes in a literal.
const LITERAL_MAX: usize = 256;

/// The settings of one format, each known to its kind and given at most once.
#[derive(Clone, Copy)]
pub(super) struct Settings<'s, 't> {
    pub(super) kind: Word<'t>,
    list: &'s [Setting<'t>],
    /// The limit of the format around this one.
    outer: Option<Limit>,
}

impl<'s, 't> Settings<'s, 't> {
    /// The settings of a kind that has neither operand nor cases. A key that is not in `keys` is refused for the reason
    /// given.
    pub(super) fn new(
        tree: &'s Tree<'t>,
        outer: Option<Limit>,
        keys: &[&[&str]],
        unknown: &'static str,
    ) -> Result<Self, Error> {
        if let Some(operand) = tree.operand {
            return operand.refuse("a setting is written key=value");
        }
        if let Some(case) = tree.cases.first() {
            return case.labels.refuse("only select has cases");
        }
        Settings::of_select(tree, outer, keys, unknown)
    }

    /// The settings of a kind that has both.
    pub(super) fn of_select(
        tree: &'s Tree<'t>,
        outer: Option<Limit>,
        keys: &[&[&str]],
        unknown: &'static str,
    ) -> Result<Self, Error> {
        for (i, Setting { key, .. }) in tree.settings.iter().enumerate() {
            if !keys.iter().copied().flatten().any(|known| known.as_bytes() == key.text) {
                return key.refuse(unknown);
            }
            if tree.settings[..i].iter().any(|earlier| earlier.key.text == key.text) {
                return key.refuse("this key was given before");
            }
        }
        Ok(Settings { kind: tree.kind, list: &tree.settings, outer })
    }

    /// The value of a key, if it was given.
    #[inline(never)]
    pub(super) fn value(&self, key: &str) -> Option<Word<'t>> {
        self.list.iter().find(|setting| setting.key.text == key.as_bytes()).map(|setting| setting.value)
    }

    /// Refuses the whole, because of the first of these settings that was given; without one, because of the kind.
    #[cold]
    pub(super) fn refuse<T>(&self, keys: &[&str], reason: &'static str) -> Result<T, Error> {
        keys.iter().find_map(|key| self.value(key)).unwrap_or(self.kind).refuse(reason)
    }

    /// A count of bytes: decimal or 0x hex, with K, M or G for powers of 1024.
    pub(super) fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        self.value(key).map(size).transpose()
    }

    /// A count that lies between these bounds.
    #[inline(never)]
    pub(super) fn within(&self, key: &str, least: u64, most: u64, reason: &'static str) -> Result<Option<u64>, Error> {
        match (self.size(key)?, self.value(key)) {
            (Some(n), Some(word)) if n < least || n > most => word.refuse(reason),
            (n, _) => Ok(n),
        }
    }

    /// A count of bytes that lies within the longest head.
    pub(super) fn head_size(&self, key: &str) -> Result<Option<usize>, Error> {
        let size = self.within(key, 0, HEAD_MAX as u64, "a head has at most 64K bytes")?;
        Ok(size.map(|size| size as usize))
    }

    /// The limit: `max=n` bytes in a body, `max=frame:n` in a frame, or both with a comma between; and no more than the format
    /// around this one allows.
    pub(super) fn limit(&self) -> Result<Option<Limit>, Error> {
        let Some(word) = self.value("max") else { return Ok(self.outer) };
        let (mut body, mut frame) = (None, None);
        for item in word.list() {
            let (bound, word) = match item.text.strip_prefix(b"frame:") {
                Some(_) => (&mut frame, item.from(6)),
                None => (&mut body, item),
            };
            if bound.replace(size(word)?).is_some() {
                return item.refuse("this limit was given before");
            }
        }
        let limit = Limit { body: body.unwrap_or(u64::MAX), frame: frame.unwrap_or(u64::MAX) };
        Ok(Some(self.outer.map_or(limit, |outer| limit.and(outer))))
    }

    pub(super) fn literal(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.value(key).map(literal).transpose()
    }

    /// The items of a list, each read by `item`. Empty where the key was not given.
    pub(super) fn list<T>(&self, key: &str, item: impl Fn(Word<'t>) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        for word in self.value(key).iter().flat_map(|word| word.list()) {
            push(&mut items, item(word)?)?;
        }
        Ok(items)
    }

    /// One word of two: the first if it was not given.
    pub(super) fn either(&self, key: &str, words: [&str; 2], reason: &'static str) -> Result<bool, Error> {
        match self.value(key) {
            None => Ok(false),
            Some(word) if word.text == words[0].as_bytes() => Ok(false),
            Some(word) if word.text == words[1].as_bytes() => Ok(true),
            Some(word) => word.refuse(reason),
        }
    }
}

/// A count of bytes.
pub(super) fn size(word: Word<'_>) -> Result<u64, Error> {
    const NOT_A_SIZE: &str = "a size is a number like 128, 0x80, 64K, 16M or 1G";
    let (digits, unit) = match word.text {
        [digits @ .., b'K'] => (digits, 1 << 10),
        [digits @ .., b'M'] => (digits, 1 << 20),
        [digits @ .., b'G'] => (digits, 1 << 30),
        digits => (digits, 1u64),
    };
    let (digits, base) = match digits.strip_prefix(b"0x") {
        Some(hex) => (hex, 16),
        None => (digits, 10),
    };
    // from_str_radix takes a sign too, which no size has.
    let digits = match std::str::from_utf8(digits) {
        Ok(digits) if !digits.is_empty() && digits.chars().all(|c| c.is_digit(base)) => digits,
        _ => return word.refuse(NOT_A_SIZE),
    };
    match u64::from_str_radix(digits, base).ok().and_then(|n| n.checked_mul(unit)) {
        Some(size) => Ok(size),
        None => word.refuse("this number does not fit in 64 bits"),
    }
}

/// A number with a sign.
pub(super) fn number(word: Word<'_>) -> Result<i128, Error> {
    match word.text.first() {
        Some(b'-') => Ok(-i128::from(size(word.from(1))?)),
        Some(b'+') => Ok(i128::from(size(word.from(1))?)),
        _ => Ok(i128::from(size(word)?)),
    }
}

/// A count of bytes with a sign, between -1G and 1G: more is no frame that anybody sends.
pub(super) fn adjustment(word: Word<'_>) -> Result<i64, Error> {
    match number(word)? {
        n if n.abs() <= 1 << 30 => Ok(n as i64),
        _ => word.refuse("an adjustment lies between -1G and 1G"),
    }
}

/// One number, or two with `..` between: the first and the last of a range.
pub(super) fn range(word: Word<'_>) -> Result<(i128, i128), Error> {
    let Some(dots) = word.text.windows(2).position(|two| two == b"..") else {
        let one = number(word)?;
        return Ok((one, one));
    };
    let (first, last) = (Word { text: &word.text[..dots], ..word }, word.from(dots + 2));
    match (number(first)?, number(last)?) {
        (first, last) if first <= last => Ok((first, last)),
        _ => word.refuse("a range goes from the lower number to the higher"),
    }
}

/// The bytes of `'text'`.
pub(super) fn literal(word: Word<'_>) -> Result<Vec<u8>, Error> {
    let [b'\'', inner @ .., b'\''] = word.text else {
        return word.refuse("a literal is written 'text'");
    };
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        let (byte, len) = match byte {
            b'\\' => unescape(&inner[at..]).ok_or(()).or_else(|()| word.from(at + 1).refuse(ESCAPES))?,
            b'\'' => return word.from(at + 1).refuse("a quote inside a literal is written \\'"),
            byte => (byte, 1),
        };
        push(&mut bytes, byte)?;
        at += len;
    }
    match bytes.len() {
        0 => word.refuse("this literal is empty"),
        1..=LITERAL_MAX => Ok(bytes),
        _ => word.refuse("a literal has at most 256 bytes"),
    }
}

const ESCAPES: &str = "in a literal, \\ begins one of \\r \\n \\t \\0 \\\\ \\' and \\x with two hex digits";

/// The byte that an escape stands for, and how many it takes.
fn unescape(text: &[u8]) -> Option<(u8, usize)> {
    let byte = match *text.get(1)? {
        b'r' => b'\r',
        b'n' => b'\n',
        b't' => b'\t',
        b'0' => 0,
        same @ (b'\\' | b'\'') => same,
        b'x' => {
            let digit = |at: usize| (*text.get(at)? as char).to_digit(16);
            return Some(((digit(2)? * 16 + digit(3)?) as u8, 4));
        }
        _ => return None,
    };
    Some((byte, 2))
}

/// A literal as it is written.
pub(super) struct Quoted<'b>(pub(super) &'b [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'")?;
        for &byte in self.0 {
            match byte {
                0 => write!(f, "\\0")?,
                b'"' => write!(f, "\"")?,
                byte => write!(f, "{}", byte.escape_ascii())?,
            }
        }
        write!(f, "'")
    }
}

/// A range as it is written.
pub(super) struct Span(pub(super) i128, pub(super) i128);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Span(ber::INDEFINITE, _) => write!(f, "indefinite"),
            Span(first, last) if first == last => write!(f, "{first}"),
            Span(first, last) => write!(f, "{first}..{last}"),
        }
    }
}

/// Items with commas between.
pub(super) struct Commas<I>(pub(super) I);

impl<I: Iterator<Item: fmt::Display> + Clone> fmt::Display for Commas<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.clone().enumerate() {
            write!(f, "{}{item}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Word<'_> {
        Word { text: text.as_bytes(), column: 1 }
    }

    #[test]
    fn sizes_are_decimal_or_hex_with_units() {
        let good = [
            ("0", 0),
            ("007", 7),
            ("0x10", 16),
            ("0xfF", 255),
            ("64K", 65536),
            ("16M", 1 << 24),
            ("0x1G", 1 << 30),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, value) in good {
            assert_eq!(size(word(text)), Ok(value), "{text}");
        }
        for text in
            ["", "K", "0x", "-1", "+1", "1k", "1KK", "0X1", "1.5", "ten", "18446744073709551616", "99999999999G"]
        {
            assert!(size(word(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn literals_have_escapes_and_can_be_written_again() {
        let text = r"'a\r\n\t\0\\\'\x7f\xFF {;}'";
        let bytes = literal(word(text)).unwrap();
        assert_eq!(bytes, b"a\r\n\t\0\\'\x7f\xff {;}");
        assert_eq!(literal(word(&Quoted(&bytes).to_string())).unwrap(), bytes);
        for bad in ["a", "''", "'a", r"'\x1'", r"'\q'", "'a'b'"] {
            assert!(literal(word(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_are_in_order() {
        assert_eq!(range(word("3")), Ok((3, 3)));
        assert_eq!(range(word("-1..0x10")), Ok((-1, 16)));
        assert!(range(word("4..3")).is_err());
        assert!(range(word("1..")).is_err());
    }
}
