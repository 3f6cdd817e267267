//! A frame whose length stands at its beginning: a length field of any kind, in a layout.

use super::ber;
use super::field::{Field, Reading};
use super::frame::{Ask, Frame, Limit, Payload, Probe, Tail};
use super::kind::LengthField;
use super::layout::{Counts, Extras, Layout, TailKind};
use super::length::Length;
use super::plain::Plain;
use super::quick::{HeadLength, Quick, QuickHead, QuickVarint};
use crate::Error;
use crate::endian::Order;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefixed {
    pub(super) field: Field,
    pub(super) layout: Layout,
    /// Where it is without frills.
    plain: Option<Plain>,
}

impl Prefixed {
    /// A 4-byte big-endian length of what follows.
    pub(super) const DEFAULT: Prefixed = Prefixed {
        field: Field::Length(Length::DEFAULT),
        layout: Layout { at: 0, after: 0, counts: Counts::Rest(0), limit: Limit::DEFAULT, extras: Extras::NONE },
        plain: Some(Plain::DEFAULT),
    };

    pub(super) fn new(field: Field, layout: Layout) -> Prefixed {
        let plain = match &field {
            Field::Length(number) if layout.extras == Extras::NONE => Some(Plain::new(*number, &layout)),
            _ => None,
        };
        Prefixed { field, layout, plain }
    }

    /// The fewest bytes in a head.
    pub(super) fn least_head(&self) -> usize {
        self.layout.at + self.field.least_width() + self.layout.after
    }

    /// Whether a tail is compared with what it has to be.
    pub(super) fn checks_tail(&self) -> bool {
        matches!(self.layout.extras.tail, TailKind::Literal(_))
    }

    /// An upper bound of the bytes in a body.
    pub(super) fn max_body(&self) -> u64 {
        match (&self.plain, &self.field) {
            (Some(plain), _) => plain.max_body,
            (None, Field::Fixed(fixed)) => fixed.size - self.least_head() as u64,
            (None, _) => self.layout.limit.body_beside(self.least_head(), 0),
        }
    }

    pub(super) fn quick(&self) -> Quick {
        match (&self.plain, &self.field) {
            (Some(plain), _) => plain.quick().unwrap_or(Quick::No),
            (None, Field::Fixed(fixed)) if self.layout.extras == Extras::NONE => fixed.quick(self.least_head()),
            (None, _) => self.quick_varint().map_or(Quick::No, Quick::Varint),
        }
    }

    pub(super) fn quick_head(&self) -> Option<QuickHead> {
        match &self.plain {
            Some(plain) => plain.quick_head(),
            None => {
                let QuickVarint { at, max_body } = self.quick_varint().filter(|varint| varint.at <= 6)?;
                Some(QuickHead { least: 0, span: max_body, length: HeadLength::Varint { at } })
            }
        }
    }

    /// Where a varint counts what is behind it, and there is nothing else to look at.
    fn quick_varint(&self) -> Option<QuickVarint> {
        let (Field::Varint(varint), Layout { at, after: 0, counts: Counts::Rest(0), limit, extras }) =
            (&self.field, &self.layout)
        else {
            return None;
        };
        let fits = varint.order() == Order::Little && varint.digits() >= 2 && *extras == Extras::NONE;
        let max_body = limit.body_beside(at + 2, 0).min(QuickVarint::LARGEST);
        fits.then_some(QuickVarint { at: *at, max_body })
    }

    #[inline(always)]
    pub(super) fn probe(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        match &self.plain {
            Some(plain) => match bytes.get(plain.at..plain.end) {
                None => Ok(Probe::NeedMore { at_least: plain.head }),
                Some(field) => match plain.body(plain.number.get(field)) {
                    Some(body) => Ok(Probe::Frame(Frame { head: plain.head, body, tail: 0 })),
                    None => self.probe_slowly(bytes, ask),
                },
            },
            None => self.probe_slowly(bytes, ask),
        }
    }

    /// Whatever can be wrong is found in the order of the bytes that say so: so it is the same error however they come.
    #[inline(never)]
    fn probe_slowly(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        let layout = &self.layout;
        let until = |end: usize| &bytes[..bytes.len().min(end)];
        layout.check_magic(until(layout.at + self.field.least_width()))?;
        let field = bytes.get(layout.at..).unwrap_or_default();
        self.check_digits_so_far(field, ask)?;
        let (value, width) = match self.field.read(field)? {
            Reading::More(width) => return Ok(Probe::NeedMore { at_least: layout.at + width + layout.after }),
            Reading::Number(value, width) => (value, width),
        };
        if bytes.len() < layout.fields_end() {
            layout.check_magic(bytes)?;
            return Ok(Probe::NeedMore { at_least: layout.at + width + layout.after });
        }
        layout.check_magic(until(layout.fields_end()))?;
        let frame = self.admit(layout.frame(value, width, bytes)?, ask)?;
        layout.check_magic(bytes)?;
        match bytes.len() < layout.magic_end() {
            true => Ok(Probe::NeedMore { at_least: frame.head }),
            false => Ok(Probe::Frame(frame)),
        }
    }

    fn admit(&self, frame: Frame, ask: Ask) -> Result<Frame, Error> {
        if ask.unlimited { Ok(frame) } else { self.layout.limit.admit(frame) }
    }

    /// Digits go from the highest to the lowest: when those that are there say too much, no more can help.
    fn check_digits_so_far(&self, field: &[u8], ask: Ask) -> Result<(), Error> {
        let Field::Ascii(ascii) = &self.field else { return Ok(()) };
        if !self.layout.extras.bodiless.is_empty() {
            return Ok(());
        }
        let over = |value, len| {
            let frame = self.layout.frame(value, len + ascii.until().len(), &[]);
            match frame.and_then(|frame| self.admit(frame, ask)) {
                Err(error @ Error::TooLong { .. }) => Some(error),
                _ => None,
            }
        };
        let (mut value, mut len) = ascii.so_far(field);
        let mut known = Ok(());
        while let Some(error) = over(value, len).filter(|_| len > 0) {
            known = Err(error); // of the fewest digits that say it
            (value, len) = (ascii.without_last_digit(value), len - 1);
        }
        known
    }

    /// Refuses a tail that is not the one that the format demands, as far as it is there.
    pub(super) fn check_tail(&self, frame: &Frame, tail: &[u8]) -> Result<(), Error> {
        let TailKind::Literal(literal) = &self.layout.extras.tail else { return Ok(()) };
        let there = tail.get(frame.tail.saturating_sub(literal.len())..).unwrap_or_default();
        match frame.tail > 0 && there.iter().zip(literal).any(|(byte, expected)| byte != expected) {
            true => Err(Error::Malformed("the frame does not end with the format's tail")),
            false => Ok(()),
        }
    }

    #[inline(always)]
    pub(super) fn tail(&self, head: &[u8], body: u64) -> Tail<'_> {
        if self.plain.is_some() {
            return Tail::default();
        }
        match self.field.read(head.get(self.layout.at..).unwrap_or_default()) {
            Ok(Reading::Number(value, _)) if self.layout.is_bodiless(value) => Tail::default(),
            _ => self.layout.tail(head, head.len(), body),
        }
    }

    #[inline(always)]
    pub(super) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        match (&self.plain, given) {
            (Some(plain), None) if body.len <= plain.max_body && plain.head <= out.len() => {
                let Some(value) = plain.value(body.len) else { return self.write_slowly(None, body, out) };
                let head = &mut out[..plain.head];
                head.fill(0);
                plain.number.write(value, &[], &mut head[plain.at..plain.end]);
                Ok(plain.head)
            }
            _ => self.write_slowly(given, body, out),
        }
    }

    /// What the bytes of the length field would say in the other order, if a body could be so long.
    pub(super) fn in_other_order(&self, field: &[u8]) -> Option<u64> {
        let Field::Length(number) = &self.field else { return None };
        let value = number.other_order().value(field);
        let frame = self.layout.frame(value, field.len(), &[]).ok()?;
        u64::try_from(value).ok().filter(|_| field.len() > 1 && self.layout.limit.admit(frame).is_ok())
    }

    /// The length field, where it is all there and says a number.
    pub(super) fn locate(&self, bytes: &[u8]) -> Option<LengthField> {
        let at = self.layout.at;
        let (value, width) = match self.field.read(bytes.get(at..)?) {
            Ok(Reading::Number(value, width)) if width > 0 && value != ber::INDEFINITE => (value, width),
            _ => return None,
        };
        let frame = self.layout.frame(value, width, bytes);
        let over = match frame.and_then(|frame| self.layout.limit.admit(frame)) {
            Err(Error::TooLong { len, .. }) => Some(len),
            _ => None,
        };
        Some(LengthField { place: at..at + width, value, over })
    }
}

impl fmt::Display for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Field::Length(number) => number.fmt(f),
            Field::Varint(varint) => varint.fmt(f),
            Field::Ber(ber) => ber.fmt(f),
            Field::Ascii(ascii) => ascii.fmt(f),
            Field::Fixed(fixed) => fixed.fmt(f),
        }?;
        self.layout.write_settings(f, &self.field)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::fill::tests::{head, head_len};
    use super::*;
    use crate::format::frame::MAX_DEFAULT;
    use proptest::prelude::*;

    fn frame(text: &str, bytes: &[u8]) -> Result<Probe, Error> {
        Format::parse(text).unwrap().probe(bytes)
    }

    fn found(head: usize, body: u64) -> Result<Probe, Error> {
        Ok(Probe::Frame(Frame { head, body, tail: 0 }))
    }

    #[test]
    fn what_a_mask_with_holes_cannot_say_has_no_short_way() {
        let quick = |text: &str| Format::parse(text).unwrap().quick_head().is_some();
        assert!(quick("u16be mask=0x3ff") && quick("u16be mask=0xfff0 shift=4"));
        assert!(!quick("u16be mask=0x3fe") && !quick("u16be mask=0xf0f0 shift=4"));
        let format = Format::parse("u16be mask=0x3fe").unwrap();
        assert!(matches!(head(&format, None, 1), Err(Error::Malformed(_))));
    }

    #[test]
    fn a_length_beyond_all_numbers_is_too_long() {
        let most = [b'f'; 32];
        for text in
            ["hex digits=32", "hex digits=32 unit=65536", "hex digits=32 adjust=5", "hex at=1 digits=32 plus=u8@0"]
        {
            let at = usize::from(text.contains("at=1"));
            let bytes = [&[9][..at], &most].concat();
            assert!(matches!(frame(text, &bytes), Err(Error::TooLong { .. })), "{text}");
        }
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
    fn a_length_that_counts_itself_grows_with_it() {
        let format = Format::parse("decimal until=' ' counts=frame").unwrap();
        for (body, expected) in [(7, "9 "), (8, "11 "), (96, "99 "), (97, "101 ")] {
            assert_eq!(head(&format, None, body).unwrap(), expected.as_bytes());
            assert_eq!(format.probe(expected.as_bytes()), found(expected.len(), body));
        }
    }

    #[test]
    fn what_is_wrong_first_is_what_is_said() {
        // The magic bytes are wrong behind a length that is too long already, and before one.
        let behind = Format::parse("u8 head=3 magic='x'@2 max=9").unwrap();
        assert!(matches!(behind.probe(&[200, 0, b'y']), Err(Error::TooLong { .. })));
        let before = Format::parse("u8 at=1 magic='x' max=9").unwrap();
        assert!(matches!(before.probe(b"y\xff"), Err(Error::Malformed(_))));
        // Digits that say too much, before one that is none.
        let digits = Format::parse("decimal until=':' max=9").unwrap();
        assert_eq!(digits.probe(b"123x"), Err(Error::TooLong { len: 12, max: 9 }));
        assert_eq!(digits.probe(b"12"), Err(Error::TooLong { len: 12, max: 9 }));
        assert!(matches!(Format::parse("netstring max=50").unwrap().probe(b"051:"), Err(Error::Malformed(_))));
    }

    #[test]
    fn padding_and_tails_are_not_body() {
        let format = Format::parse("u16be at=2 pad=4").unwrap();
        for (body, padding) in [(0, 0), (1, 3), (4, 0), (5, 3)] {
            let frame = Probe::Frame(Frame { head: 4, body, tail: padding });
            assert_eq!(format.probe(&[0, 0, 0, body as u8]), Ok(frame));
        }
        let fastcgi = Format::parse("u16be at=4 head=8 counts=body tail=u8@6").unwrap();
        assert_eq!(fastcgi.probe(&[1, 6, 0, 1, 0, 5, 3, 0]), Ok(Probe::Frame(Frame { head: 8, body: 5, tail: 3 })));
        assert!(matches!(
            Format::parse("u8 tail='ab'").unwrap().probe(&[255]),
            Ok(Probe::Frame(Frame { tail: 2, .. }))
        ));
    }

    #[test]
    fn contradictions_are_refused_at_their_column() {
        let cases = [
            ("", 1),
            ("  ", 3),
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
                Err(Error::Format { column: at, .. }) => assert_eq!(at as usize, column, "{text}"),
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
        assert_eq!(longest("fixed size=7 head=3"), 4);
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
            prop_assert!(body <= format.max_body() || head_len(&format, body).is_err());
            let Ok(head) = head(&format, None, body) else { return Ok(()) };
            let len = head.len();
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
                prop_assert_eq!(head_len(&format, frame.body), Ok(frame.head));
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
                let _ = head_len(&format, bytes.len() as u64);
                prop_assert_eq!(Format::parse(format.to_string()).unwrap(), format);
            }
        }
    }
}
