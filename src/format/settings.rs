//! The text of a format: a kind, then `key=value` settings, separated by blanks. One treatment for all kinds.
//!
//! Columns count from 1, in bytes. Nothing here allocates: a setting is looked up in the text each time.

use super::frame::{HEAD_MAX, Limit, MAX_DEFAULT};
use crate::Error;

/// A word of the text, and the column where it begins.
#[derive(Clone, Copy)]
pub(super) struct Word<'t> {
    pub(super) text: &'t [u8],
    pub(super) column: usize,
}

impl Word<'_> {
    pub(super) fn refuse<T>(self, reason: &'static str) -> Result<T, Error> {
        Err(Error::Format { column: self.column, reason })
    }
}

/// The words of a text, in order.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].iter().position(|b| !b.is_ascii_whitespace())?;
        let rest = &text[at..];
        let len = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let word = Word { text: &rest[..len], column: at + 1 };
        at += len;
        Some(word)
    })
}

/// The settings of one format, each known to its kind and given at most once.
#[derive(Clone, Copy)]
pub(super) struct Settings<'t> {
    text: &'t [u8],
}

impl<'t> Settings<'t> {
    /// The settings that follow the first word of `text`. A key that is not in `keys` is refused for the reason given.
    pub(super) fn new(text: &'t [u8], keys: &[&str], unknown: &'static str) -> Result<Self, Error> {
        let settings = Settings { text };
        for word in words(text).skip(1) {
            let (key, value) = split(word)?;
            if !keys.iter().any(|known| known.as_bytes() == key) {
                return word.refuse(unknown);
            }
            if settings.find(key).is_some_and(|first| first.column != value.column) {
                return word.refuse("this key was given before");
            }
        }
        Ok(settings)
    }

    /// The value of a key, if it was given.
    pub(super) fn value(&self, key: &str) -> Option<Word<'t>> {
        self.find(key.as_bytes())
    }

    /// Refuses the whole, because of this setting; without one, because of the kind.
    pub(super) fn refuse<T>(&self, setting: Option<Word<'t>>, reason: &'static str) -> Result<T, Error> {
        let kind = words(self.text).next().unwrap_or(Word { text: self.text, column: 1 });
        setting.unwrap_or(kind).refuse(reason)
    }

    /// A count of bytes: decimal or 0x hex, with K, M or G for powers of 1024; and where it stands.
    pub(super) fn size(&self, key: &str) -> Result<Option<(u64, Word<'t>)>, Error> {
        self.value(key).map(|word| Ok((size(word)?, word))).transpose()
    }

    /// A count of bytes that lies within the longest head.
    pub(super) fn head_size(&self, key: &str) -> Result<Option<usize>, Error> {
        match self.size(key)? {
            Some((value, _)) if value <= HEAD_MAX as u64 => Ok(Some(value as usize)),
            Some((_, word)) => word.refuse("a head has at most 64K bytes"),
            None => Ok(None),
        }
    }

    /// The limit: `max=n` bytes in a body, `max=frame:n` in a frame.
    pub(super) fn limit(&self) -> Result<Limit, Error> {
        let Some(word) = self.value("max") else { return Ok(Limit::Body(MAX_DEFAULT)) };
        match word.text.strip_prefix(b"frame:") {
            Some(text) => Ok(Limit::Frame(size(Word { text, column: word.column + 6 })?)),
            None => Ok(Limit::Body(size(word)?)),
        }
    }

    fn find(&self, key: &[u8]) -> Option<Word<'t>> {
        words(self.text).skip(1).filter_map(|word| split(word).ok()).find(|(k, _)| *k == key).map(|(_, value)| value)
    }
}

fn split(word: Word<'_>) -> Result<(&[u8], Word<'_>), Error> {
    match word.text.iter().position(|&b| b == b'=') {
        Some(at) if at > 0 => Ok((&word.text[..at], Word { text: &word.text[at + 1..], column: word.column + at + 1 })),
        _ => word.refuse("a setting is written key=value"),
    }
}

fn size(word: Word<'_>) -> Result<u64, Error> {
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

/// A count of bytes with a sign, between -1G and 1G: more is no frame that anybody sends.
pub(super) fn signed_size(word: Word<'_>) -> Result<i64, Error> {
    let (sign, digits) = match word.text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let column = word.column + word.text.len() - digits.len();
    match size(Word { text: digits, column })? {
        size if size <= 1 << 30 => Ok(sign * size as i64),
        _ => word.refuse("an adjustment lies between -1G and 1G"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> Result<u64, Error> {
        size(Word { text: text.as_bytes(), column: 1 })
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
            assert_eq!(sizes(text), Ok(value), "{text}");
        }
        for text in
            ["", "K", "0x", "-1", "+1", "1k", "1KK", "0X1", "1.5", "ten", "18446744073709551616", "99999999999G"]
        {
            assert!(sizes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_know_their_columns() {
        let words: Vec<_> = words(b"  u8\tat=1 \n x").map(|w| (w.text, w.column)).collect();
        assert_eq!(words, [(&b"u8"[..], 3), (b"at=1", 6), (b"x", 13)]);
    }
}
