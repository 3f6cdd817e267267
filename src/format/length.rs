//! A binary length field of 1 to 8 bytes: `u8`, `u16be`, … `u64le`, `u32ne`, `i32be`.
//!
//! ```text
//! 0        at               at + width        head
//! +--------+----------------+-----------------+----------- - -
//! |        | length         |                 | body
//! +--------+----------------+-----------------+----------- - -
//! |<------------- the frame: at + width + length + adjust ---->
//! ```

use super::frame::{Frame, Limit, MAX_DEFAULT, Probe};
use super::settings::{Settings, signed_size};
use crate::Error;
use crate::endian::{Order, get_uint, put_uint};
use std::fmt;

const KEYS: [&str; 5] = ["at", "head", "counts", "adjust", "max"];
const UNKNOWN_KEY: &str = "no such key here; a length field takes at, head, counts, adjust and max";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    field: Field,
    at: usize,
    head: usize,
    adjust: i64,
    limit: Limit,
    /// How many bytes more than the body the field says.
    beyond_body: i64,
    /// The longest body that the limit allows and the field can say: what is over it is refused in one comparison.
    max_body: u64,
}

/// The number itself, wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) width: usize,
    pub(super) order: Order,
    /// The top bit set is a negative number, so malformed.
    signed: bool,
}

impl Field {
    /// The largest length that it can say.
    fn largest(&self) -> u64 {
        u64::MAX >> (64 - 8 * self.width) >> u32::from(self.signed)
    }
}

impl Length {
    pub(super) const DEFAULT: Length = Length {
        field: Field { width: 4, order: Order::Big, signed: false },
        at: 0,
        head: 4,
        adjust: 0,
        limit: Limit::Body(MAX_DEFAULT),
        beyond_body: 0,
        max_body: MAX_DEFAULT,
    };

    /// The field that a kind's name stands for.
    pub(super) fn field(name: &[u8]) -> Option<Field> {
        let (signed, rest) = match name {
            [b'u', rest @ ..] => (false, rest),
            [b'i', rest @ ..] => (true, rest),
            _ => return None,
        };
        let (bits, order) = match rest {
            b"8" => return Some(Field { width: 1, order: Order::Big, signed }),
            [bits @ .., b'b', b'e'] => (bits, Order::Big),
            [bits @ .., b'l', b'e'] => (bits, Order::Little),
            [bits @ .., b'n', b'e'] => (bits, Order::HOST),
            _ => return None,
        };
        let widths: [&[u8]; 7] = [b"16", b"24", b"32", b"40", b"48", b"56", b"64"];
        let width = 2 + widths.iter().position(|w| *w == bits)?;
        Some(Field { width, order, signed })
    }

    pub(super) fn parse(text: &[u8], field: Field) -> Result<Length, Error> {
        let settings = Settings::new(text, &KEYS, UNKNOWN_KEY)?;
        let at = settings.head_size("at")?.unwrap_or(0);
        let field_end = at + field.width;
        let head = settings.head_size("head")?.unwrap_or(field_end);
        if let Some(word) = settings.value("head").filter(|_| head < field_end) {
            return word.refuse("the head ends before its length field does");
        }
        let adjust = match (settings.value("counts"), settings.value("adjust")) {
            (None, None) => 0,
            (Some(_), Some(adjust)) => return adjust.refuse("counts and adjust both say what the length counts"),
            (None, Some(word)) => signed_size(word)?,
            (Some(word), None) => match word.text {
                b"rest" => 0,
                b"field" => -(field.width as i64),
                b"frame" => -(field_end as i64),
                b"body" => (head - field_end) as i64,
                _ => return word.refuse("what the length counts is rest, field, frame or body"),
            },
        };
        let limit = settings.limit()?;
        let allowed = match (limit, settings.value("max")) {
            (Limit::Body(max), _) => max,
            (Limit::Frame(max), _) if max >= head as u64 => max - head as u64,
            (Limit::Frame(_), word) => return settings.refuse(word, "the head alone is over this limit"),
        };
        let beyond_body = (head - field_end) as i64 - adjust;
        let mut length = Length { field, at, head, adjust, limit, beyond_body, max_body: allowed };
        length.max_body = match length.body(field.largest()) {
            Ok(longest) => longest.min(allowed),
            Err(Error::TooLong { .. }) => allowed,
            Err(_) => {
                let word = ["adjust", "head", "counts"].iter().find_map(|key| settings.value(key));
                return settings.refuse(word, "no length of this field reaches the end of the head");
            }
        };
        Ok(length)
    }

    pub(super) fn head(&self) -> usize {
        self.head
    }

    pub(super) fn beyond_body(&self) -> i64 {
        self.beyond_body
    }

    pub(super) fn geometry(&self) -> (usize, Field, usize) {
        (self.at, self.field, self.head)
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    pub(super) fn max_body(&self) -> u64 {
        self.max_body
    }

    fn field_end(&self) -> usize {
        self.at + self.field.width
    }

    #[inline(always)]
    pub(super) fn probe(&self, bytes: &[u8]) -> Result<Probe, Error> {
        match bytes.get(self.at..self.field_end()) {
            None => Ok(Probe::NeedMore { at_least: self.head }),
            Some(field) => {
                let body = self.body(get_uint(field, self.field.order))?;
                Ok(Probe::Frame(Frame { head: self.head, body, tail: 0 }))
            }
        }
    }

    /// The bytes in the body of a frame whose length field says `value`.
    #[inline(always)]
    fn body(&self, value: u64) -> Result<u64, Error> {
        if value > self.field.largest() {
            return Err(Error::Malformed("the length is negative"));
        }
        match value.checked_add_signed(-self.beyond_body) {
            Some(body) if body <= self.max_body => Ok(body),
            Some(body) => Err(self.too_long(body)),
            None if self.beyond_body < 0 => Err(self.too_long(u64::MAX)),
            None => Err(Error::Malformed("the length ends the frame inside its own head")),
        }
    }

    /// What the length field says of a body of this many bytes: the inverse of [`Length::body`].
    #[inline(always)]
    pub(super) fn value(&self, body: u64) -> Result<u64, Error> {
        if body > self.max_body {
            return Err(self.too_long(body));
        }
        body.checked_add_signed(self.beyond_body)
            .ok_or(Error::Malformed("the body is shorter than any that the length can say"))
    }

    #[cold]
    fn too_long(&self, body: u64) -> Error {
        match self.limit {
            Limit::Frame(max) if max - self.head as u64 == self.max_body => {
                Error::TooLong { len: body.saturating_add(self.head as u64), max }
            }
            _ => Error::TooLong { len: body, max: self.max_body },
        }
    }

    /// Writes the length of a body of this many bytes to its place in a head.
    #[inline(always)]
    pub(super) fn fill(&self, body: u64, head: &mut [u8]) -> Result<usize, Error> {
        let value = self.value(body)?;
        if head.len() < self.head {
            return Err(Error::NoRoom { needed: self.head as u64 });
        }
        put_uint(&mut head[self.at..self.field_end()], value, self.field.order);
        Ok(self.head)
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.field.signed { 'i' } else { 'u' };
        let order = match (self.field.width, self.field.order) {
            (1, _) => "",
            (_, Order::Big) => "be",
            (_, Order::Little) => "le",
        };
        write!(f, "{sign}{}{order}", 8 * self.field.width)?;
        if self.at > 0 {
            write!(f, " at={}", self.at)?;
        }
        if self.head > self.field_end() {
            write!(f, " head={}", self.head)?;
        }
        match -self.adjust {
            0 => {}
            n if n == self.field.width as i64 => write!(f, " counts=field")?,
            n if n == self.field_end() as i64 => write!(f, " counts=frame")?,
            _ if self.beyond_body == 0 => write!(f, " counts=body")?,
            _ => write!(f, " adjust={}", self.adjust)?,
        }
        match self.limit {
            Limit::Body(max) => write!(f, " max={max}"),
            Limit::Frame(max) => write!(f, " max=frame:{max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use proptest::prelude::*;

    fn frame(text: &str, bytes: &[u8]) -> Result<Probe, Error> {
        Format::parse(text).unwrap().probe(bytes)
    }

    fn found(head: usize, body: u64) -> Result<Probe, Error> {
        Ok(Probe::Frame(Frame { head, body, tail: 0 }))
    }

    #[test]
    fn what_the_length_counts() {
        // Each announces a body of 5 bytes after a head of 6: a byte, a length of 2, three more.
        let head = |n: u8| [0xee, 0, n, 0xaa, 0xbb, 0xcc];
        for (counts, n) in [("counts=rest", 8), ("counts=field", 10), ("counts=frame", 11), ("counts=body", 5)] {
            assert_eq!(frame(&format!("u16be at=1 head=6 {counts}"), &head(n)), found(6, 5), "{counts}");
        }
        assert_eq!(frame("u16be at=1 head=6 adjust=-5", &head(13)), found(6, 5));
        assert_eq!(frame("u16be at=1 head=6 adjust=+0x7", &head(1)), found(6, 5));
    }

    #[test]
    fn every_width_and_order_is_read() {
        let cases: [(&str, &[u8], u64); 9] = [
            ("u8", &[7], 7),
            ("u16le", &[7, 1], 0x107),
            ("u24be", &[0, 1, 7], 0x107),
            ("u24le", &[7, 1, 0], 0x107),
            ("u32be", &[0, 0, 1, 7], 0x107),
            ("u32le", &[7, 1, 0, 0], 0x107),
            ("u40be", &[0, 0, 0, 1, 7], 0x107),
            ("u56le", &[7, 1, 0, 0, 0, 0, 0], 0x107),
            ("i64be", &[0, 0, 0, 0, 0, 0, 1, 7], 0x107),
        ];
        for (kind, bytes, body) in cases {
            assert_eq!(frame(kind, bytes), found(bytes.len(), body), "{kind}");
        }
        assert_eq!(frame("u32ne", &258u32.to_ne_bytes()), found(4, 258));
    }

    #[test]
    fn the_head_is_asked_for_whole_and_the_length_read_as_soon_as_it_is_there() {
        let text = "u16be at=1 head=6 counts=body";
        assert_eq!(frame(text, &[]), Ok(Probe::NeedMore { at_least: 6 }));
        assert_eq!(frame(text, &[9, 0]), Ok(Probe::NeedMore { at_least: 6 }));
        assert_eq!(frame(text, &[9, 0, 4]), found(6, 4));
    }

    #[test]
    fn a_length_too_small_for_its_own_head_is_malformed() {
        for (text, bytes) in [
            ("u32be counts=frame", &[0, 0, 0, 3][..]),
            ("u32be at=1 counts=field", &[b'Z', 0, 0, 0, 3]),
            ("u16be head=6", &[0, 3]),
            ("u8 adjust=-9", &[8]),
        ] {
            assert!(matches!(frame(text, bytes), Err(Error::Malformed(_))), "{text}");
        }
        assert_eq!(frame("u32be counts=frame", &[0, 0, 0, 4]), found(4, 0));
    }

    #[test]
    fn a_negative_length_is_malformed_where_the_field_has_a_sign() {
        assert!(matches!(frame("i32be", &[0xff; 4]), Err(Error::Malformed(_))));
        assert!(matches!(frame("i8", &[0x80]), Err(Error::Malformed(_))));
        assert_eq!(frame("i8", &[0x7f]), found(1, 127));
    }

    #[test]
    fn the_limit_is_on_what_is_left_after_the_adjustment() {
        assert_eq!(frame("u8 counts=frame max=4", &[5]), found(1, 4));
        assert_eq!(frame("u8 counts=frame max=4", &[6]), Err(Error::TooLong { len: 5, max: 4 }));
        assert_eq!(frame("u8 at=3 max=frame:10", &[0, 0, 0, 6]), found(4, 6));
        assert_eq!(frame("u8 at=3 max=frame:10", &[0, 0, 0, 7]), Err(Error::TooLong { len: 11, max: 10 }));
        let huge = [0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(frame("u64be", &huge), Err(Error::TooLong { len: 1 << 63, max: MAX_DEFAULT }));
        let all = Format::parse("u64be adjust=1G max=0xffffffffffffffff").unwrap();
        assert_eq!(all.probe(&[0xff; 8]), Err(Error::TooLong { len: u64::MAX, max: u64::MAX }));
    }

    #[test]
    fn a_length_that_the_field_cannot_say_is_refused() {
        let format = Format::parse("u16be").unwrap();
        assert_eq!(format.head_len(65535), Ok(2));
        assert_eq!(format.head_len(70000), Err(Error::TooLong { len: 70000, max: 65535 }));
        let format = Format::parse("u8 counts=frame").unwrap();
        assert_eq!(format.head_len(254), Ok(1));
        assert_eq!(format.head_len(255), Err(Error::TooLong { len: 255, max: 254 }));
        let format = Format::parse("u8 adjust=4").unwrap();
        assert_eq!(format.head_len(4), Ok(1));
        assert!(matches!(format.head_len(3), Err(Error::Malformed(_))));
    }

    #[test]
    fn a_given_head_keeps_its_other_bytes() {
        let format = Format::parse("u16le at=1 head=5 counts=body").unwrap();
        let mut out = [0xff; 8];
        assert_eq!(format.write_head(Some(&[1, 2, 3, 4, 5]), 0x1234, &mut out), Ok(5));
        assert_eq!(out, [1, 0x34, 0x12, 4, 5, 0xff, 0xff, 0xff]);
        assert_eq!(format.write_head(None, 7, &mut out), Ok(5));
        assert_eq!(out, [0, 7, 0, 0, 0, 0xff, 0xff, 0xff]);
        assert!(matches!(format.write_head(Some(&[1]), 7, &mut out), Err(Error::Malformed(_))));
        assert_eq!(format.write_head(None, 7, &mut out[..4]), Err(Error::NoRoom { needed: 5 }));
    }

    #[test]
    fn contradictions_are_refused_at_their_column() {
        let cases = [
            ("", 1),
            ("  ", 1),
            ("u33be", 1),
            (" u16", 2),
            ("u8be", 1),
            ("u32be heads=8", 7),
            ("u32be at", 7),
            ("u32be =1", 7),
            ("u32be at=x", 10),
            ("u32be at=-1", 10),
            ("u32be at=65537", 10),
            ("u32be at=1 at=1", 12),
            ("u32be head=3", 12),
            ("u32be at=4 head=7", 17),
            ("u32be counts=all", 14),
            ("u32be counts=frame adjust=4", 27),
            ("u32be adjust=4 counts=rest", 14),
            ("u8 adjust=-256", 11),
            ("u8 head=300", 9),
            ("u8 adjust=2G", 11),
            ("u8 adjust=--1", 12),
            ("u32be max=16m", 11),
            ("u32be max=frame:3", 11),
            ("u32be max=frame:", 17),
            ("u32be\u{0} at=1", 1),
        ];
        for (text, column) in cases {
            match Format::parse(text) {
                Err(Error::Format { column: at, .. }) => assert_eq!(at, column, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_longest_body_is_the_one_after_which_every_other_is_refused() {
        let longest = |text: &str| Format::parse(text).unwrap().max_body();
        assert_eq!(longest("u8"), 255);
        assert_eq!(longest("i8"), 127);
        assert_eq!(longest("u8 counts=frame"), 254);
        assert_eq!(longest("u8 adjust=10"), 265);
        assert_eq!(longest("u32be"), MAX_DEFAULT);
        assert_eq!(longest("u16be max=100"), 100);
        assert_eq!(longest("u16be at=3 max=frame:100"), 95);
        assert_eq!(longest("u64be adjust=1 max=0xffffffffffffffff"), u64::MAX);
        assert_eq!(longest("fixed size=7"), 7);
    }

    fn any_length() -> impl Strategy<Value = String> {
        let kind = (0..2usize, 1..9usize, 0..2usize).prop_map(|(sign, width, order)| match width {
            1 => ["u8", "i8"][sign].to_string(),
            _ => format!("{}{}{}", ["u", "i"][sign], 8 * width, ["be", "le"][order]),
        });
        let counts = prop_oneof![
            Just(String::new()),
            prop::sample::select(vec![" counts=rest", " counts=field", " counts=frame", " counts=body"])
                .prop_map(String::from),
            (-300i64..300).prop_map(|n| format!(" adjust={n}")),
        ];
        let limit = prop_oneof![
            Just(String::new()),
            (0u64..100_000).prop_map(|n| format!(" max={n}")),
            (60u64..100_000).prop_map(|n| format!(" max=frame:{n}")),
        ];
        (kind, 0..20usize, 0..20usize, counts, limit).prop_map(|(kind, at, more, counts, limit)| {
            let width = kind[1..].trim_end_matches(char::is_alphabetic).parse::<usize>().unwrap() / 8;
            format!("{kind} at={at} head={}{counts}{limit}", at + width + more)
        })
    }

    proptest! {
        #[test]
        fn probe_and_head_are_inverse(text in any_length(), body in 0u64..200_000) {
            let Ok(format) = Format::parse(&text) else { return Ok(()) };
            let mut head = [0; 64];
            prop_assert!(body <= format.max_body() || format.head_len(body).is_err());
            let Ok(len) = format.write_head(None, body, &mut head) else { return Ok(()) };
            prop_assert_eq!(format.probe(&head[..len]), found(len, body));
            for cut in 0..len {
                match format.probe(&head[..cut]).unwrap() {
                    Probe::NeedMore { at_least } => prop_assert!(cut < at_least && at_least <= len + body as usize),
                    definite => prop_assert_eq!(definite, format.probe(&head[..len]).unwrap()),
                }
            }
        }

        #[test]
        fn what_can_be_received_can_be_sent(text in any_length(), bytes in prop::array::uniform32(any::<u8>())) {
            let Ok(format) = Format::parse(&text) else { return Ok(()) };
            if let Ok(Probe::Frame(frame)) = format.probe(&bytes) {
                prop_assert!(frame.body <= format.max_body());
                prop_assert_eq!(format.head_len(frame.body), Ok(frame.head));
            }
        }

        #[test]
        fn the_text_of_a_format_parses_to_the_same_format(text in any_length()) {
            let Ok(format) = Format::parse(&text) else { return Ok(()) };
            prop_assert_eq!(Format::parse(format.to_string()).unwrap(), format);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Format::parse(&text);
        }

        #[test]
        fn no_setting_makes_the_parser_panic(
            text in "(u8|u16be|i64le|fixed)( (at|head|counts|adjust|max|size)=(-|frame:|0x)?[0-9a-z]{0,20}[KMG]?){0,4}",
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            if let Ok(format) = Format::parse(&text) {
                let _ = format.probe(&bytes);
                let _ = format.head_len(bytes.len() as u64);
                prop_assert_eq!(Format::parse(format.to_string()).unwrap(), format);
            }
        }
    }
}
