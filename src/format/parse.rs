//! What the text of a format says: which kind it is, with which settings, or which preset and what overrides it.

use super::ascii::Ascii;
use super::ber::Ber;
use super::delimited::Delimited;
use super::eof::Eof;
use super::field::Field;
use super::fixed::Fixed;
use super::frame::Limit;
use super::headers::Headers;
use super::kind::{Format, Kind};
use super::layout::{self, Layout, TailKind};
use super::length::Length;
use super::prefixed::Prefixed;
use super::presets;
use super::select::Select;
use super::settings::Settings;
use super::text::{BEYOND, Setting, Tree};
use super::varint::Varint;
use crate::Error;
use crate::endian::Order;
use crate::memory::{copy, push};

const NO_SUCH_KIND: &str = "no such kind of format, nor preset; there are u8, u16be, u16le, … u64le, varint, varintbe, ber, \
                            decimal, hex, netstring, fixed, line, crlf, nul, delimited, headers, select, eof";

impl Format {
    /// What a text means. `outer` is the limit of the format around this one.
    pub(super) fn from_tree(tree: &Tree<'_>, outer: Option<Limit>) -> Result<Format, Error> {
        let kind = match tree.kind.text {
            b"fixed" => Kind::fixed(tree, outer),
            b"varint" => Kind::varint(tree, outer, Order::Little),
            b"varintbe" => Kind::varint(tree, outer, Order::Big),
            b"ber" => Kind::ber(tree, outer),
            b"decimal" => Kind::ascii(tree, outer, 10),
            b"hex" => Kind::ascii(tree, outer, 16),
            b"netstring" => Kind::netstring(tree, outer),
            b"delimited" => Kind::delimited(tree, outer, &[]),
            b"line" => Kind::delimited(tree, outer, &[b"\n", b"\r\n"]),
            b"crlf" => Kind::delimited(tree, outer, &[b"\r\n"]),
            b"nul" => Kind::delimited(tree, outer, &[b"\0"]),
            b"headers" => {
                let unknown = "no such key here; headers takes length, by, missing and max";
                Settings::new(tree, outer, &[&Headers::KEYS], unknown)
                    .and_then(|settings| Headers::parse(&settings).map(Kind::Headers))
            }
            b"eof" => Settings::new(tree, outer, &[&Eof::KEYS], "no such key here; eof takes max")
                .and_then(|settings| Eof::parse(&settings).map(Kind::Eof)),
            b"select" => Select::parse(tree, outer).map(Kind::Select),
            name => match (Length::named(name), presets::find(name)) {
                (Some(number), _) => Kind::length(tree, outer, number),
                (None, Some(preset)) => return Format::of_preset(tree, outer, preset.text().to_bytes()),
                (None, None) => tree.kind.refuse(NO_SUCH_KIND),
            },
        };
        kind.map(Format::from)
    }

    /// A preset, with settings that override its own.
    fn of_preset(tree: &Tree<'_>, outer: Option<Limit>, preset: &[u8]) -> Result<Format, Error> {
        if let Some(operand) = tree.operand {
            return operand.refuse("a setting is written key=value");
        }
        if let Some(case) = tree.cases.first() {
            return case.labels.refuse("a preset has its own cases");
        }
        let mut whole = Tree::parse_at(BEYOND, tree.depth, preset).map_err(|error| match error {
            Error::Format { reason, .. } => tree.kind.refusal(reason), // it nests, and is nested too deep
            error => error,
        })?;
        let own = |key: &[u8]| {
            let same =
                |setting: &Setting<'_>| setting.key.text == key || (says_counts(key) && says_counts(setting.key.text));
            !tree.settings.iter().any(same)
        };
        whole.settings.retain(|setting| own(setting.key.text));
        for setting in &tree.settings {
            push(&mut whole.settings, *setting)?;
        }
        Format::from_tree(&whole, outer).map_err(|error| match error {
            // Nobody sees the preset's own text: what is wrong there is wrong with its name, or with what alone overrides it.
            Error::Format { column, reason } if column as usize >= BEYOND => match tree.settings[..] {
                [only] => only.key.refusal(reason),
                _ => tree.kind.refusal(reason),
            },
            error => error,
        })
    }
}

fn says_counts(key: &[u8]) -> bool {
    key == b"counts" || key == b"adjust"
}

impl Kind {
    /// A length field, in the layout that the settings make.
    fn prefixed(settings: &Settings<'_, '_>, field: Field) -> Result<Kind, Error> {
        let layout = Layout::parse(settings, &field)?;
        Ok(Kind::Prefixed(Prefixed::new(field, layout)))
    }

    fn length(tree: &Tree<'_>, outer: Option<Limit>, number: Length) -> Result<Kind, Error> {
        let unknown = "no such key here; a length field takes at, head, after, counts, adjust, unit, mask, shift, plus, pad, \
                       tail, magic, init, bodiless and max";
        let settings = Settings::new(tree, outer, &[&["mask", "shift"], &layout::KEYS], unknown)?;
        Kind::prefixed(&settings, Field::Length(number.masked(&settings)?))
    }

    fn varint(tree: &Tree<'_>, outer: Option<Limit>, order: Order) -> Result<Kind, Error> {
        let unknown = "no such key here; a varint takes at, after, counts, adjust, digits, overlong, unit, plus, pad, tail, \
                       magic, init, bodiless and max";
        let settings = Settings::new(tree, outer, &[&Varint::KEYS, &layout::KEYS], unknown)?;
        Kind::prefixed(&settings, Field::Varint(Varint::parse(order, &settings)?))
    }

    fn ber(tree: &Tree<'_>, outer: Option<Limit>) -> Result<Kind, Error> {
        let unknown = "no such key here; ber takes at, after, counts, adjust, digits, overlong, unit, plus, pad, tail, \
                       magic, init, bodiless and max";
        let settings = Settings::new(tree, outer, &[&Ber::KEYS, &layout::KEYS], unknown)?;
        Kind::prefixed(&settings, Field::Ber(Ber::parse(&settings)?))
    }

    fn ascii(tree: &Tree<'_>, outer: Option<Limit>, radix: u32) -> Result<Kind, Error> {
        let unknown = "no such key here; digits take digits, until, fill, overlong, at, head, after, counts, adjust, unit, \
                       plus, pad, tail, magic, init, bodiless and max";
        let settings = Settings::new(tree, outer, &[&Ascii::KEYS, &layout::KEYS], unknown)?;
        Kind::prefixed(&settings, Field::Ascii(Ascii::parse(radix, &settings)?))
    }

    /// `decimal until=':' tail=',' overlong=refuse`, which is how it is written when it is shown.
    fn netstring(tree: &Tree<'_>, outer: Option<Limit>) -> Result<Kind, Error> {
        let settings = Settings::new(tree, outer, &[&["max"]], "no such key here; netstring takes max")?;
        let field = Field::Ascii(Ascii::netstring()?);
        let mut layout = Layout::parse(&settings, &field)?;
        layout.extras.tail = TailKind::Literal(copy(b",")?);
        Ok(Kind::Prefixed(Prefixed::new(field, layout)))
    }

    fn fixed(tree: &Tree<'_>, outer: Option<Limit>) -> Result<Kind, Error> {
        let unknown = "no such key here; fixed takes size, head, tail, magic, init and max";
        let keys: &[&[&str]] = &[&["size", "head", "tail", "magic", "init", "max"]];
        let settings = Settings::new(tree, outer, keys, unknown)?;
        Kind::prefixed(&settings, Field::Fixed(Fixed::parse(&settings)?))
    }

    fn delimited(tree: &Tree<'_>, outer: Option<Limit>, by: &[&[u8]]) -> Result<Kind, Error> {
        let unknown =
            "no such key here; a delimited format takes by, unless its name says it, start, trail, over, eof and max";
        let keys = if by.is_empty() { &Delimited::KEYS[..] } else { &Delimited::KEYS[1..] };
        let settings = Settings::new(tree, outer, &[keys], unknown)?;
        Delimited::parse(&settings, by).map(Kind::Delimited)
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::FIELD_MAX;
    use super::super::frame::HEAD_MAX;
    use super::*;

    #[test]
    fn contradictions_are_refused_at_their_column() {
        let cases = [
            ("fixed", 1),
            ("  fixed max=4", 3),
            ("fixed size=0", 12),
            ("fixed size=", 12),
            ("fixed size=8 max=4", 12),
            ("fixed size=8 max=frame:7", 12),
            ("fixed size=8 max=frame:x", 24),
            ("fixed size=8 at=1", 14),
            ("fixed size=8 size=8", 14),
            ("fixed 8", 7),
            ("fixed size=4 head=5", 19),
            ("varint digits=11", 15),
            ("varint head=3", 13),
            ("varint after=3 magic='x'@1", 22),
            ("ber overlong=no", 14),
            ("ber magic='xy'", 11),
            ("decimal", 1),
            ("decimal until='5'", 15),
            ("decimal until=':' fill=' '", 24),
            ("decimal digits=3 fill='7'", 23),
            ("hex digits=3 overlong=refuse", 23),
            ("netstring until=':'", 11),
            ("u8 mask=0x100", 9),
            ("u16be mask=0xff00 shift=16", 25),
            ("i16be mask=0xff", 12),
            ("u8 unit=0", 9),
            ("u8 pad=70000", 8),
            ("u8 tail=7", 9),
            ("u8 tail=u32be@0", 9),
            ("u8 tail=u8@1", 9),
            ("u8 plus=u8", 9),
            ("u16be plus=u8@1", 12),
            ("u16be head=4 tail=u16be@1", 19),
            ("decimal digits=4 plus=u8@3", 23),
            ("u8 plus=u8@0*0", 14),
            ("u8 plus=i8@0", 9),
            ("u8 magic='x'@1", 10),
            ("u8 magic=x", 10),
            ("u8 bodiless=3..1", 13),
            ("u8 max=1,frame:0", 8),
            ("fixed size=3 max=frame:2", 12),
            ("fixed size=3 tail='four' max=frame:6", 12),
            ("delimited", 1),
            ("delimited by=x", 14),
            ("delimited by='a','b','c','d','e','f','g','h','i'", 14),
            ("delimited by='\\r','\\r\\n'", 14),
            ("line by='x'", 6),
            ("line over=split trail=1", 11),
            ("crlf max=frame:1", 10),
            ("headers", 1),
            ("headers length='a b'", 16),
            ("headers length='L' by='x'", 23),
            ("headers length='L' max=frame:1", 24),
            ("eof at=1", 5),
            ("select", 1),
            ("select u8", 1),
            ("select x { 1: u8 }", 8),
            ("select u8 { 256: u8 }", 13),
            ("select u8 { 1..3: u8; 2: u8 }", 23),
            ("select u8 { else: u8; else: u8 }", 23),
            ("select u8 { 1, else: u8 }", 16),
            ("select u16be { 'x': u8 }", 16),
            ("select u8 at=1 { else: line }", 24),
            ("select u8 { 1: u99 }", 16),
            ("u8 { 1: u8 }", 6),
            ("kafka { 1: u8 }", 9),
            ("kafka {}", 7),
            ("line { } max=5", 6),
            ("u8 max=1,2", 10),
            ("u8 max=frame:5,frame:9", 16),
            ("u8 bodiless=300", 13),
            ("u8 bodiless=0,250..256", 15),
            ("u8 bodiless=-1", 13),
            ("u8 bodiless=indefinite", 13),
            ("i8 bodiless=-129", 13),
            ("u8 mask=0xf0 bodiless=3", 23),
            ("varint digits=1 bodiless=128", 26),
            ("ber bodiless=-1", 14),
            ("decimal digits=4 bodiless=-1", 27),
            ("select u8 at=1 { else: crlf eof=allow }", 24),
            ("kafka max=x", 11),
            ("kafka max=1 max=2", 13),
        ];
        for (text, column) in cases {
            match Format::parse(text) {
                Err(Error::Format { column: at, .. }) => assert_eq!(at as usize, column, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_contradicts_nothing_is_taken() {
        for text in [
            "u8 max=1,frame:2",
            "i8 bodiless=-128..127",
            "u8 mask=0xf0 bodiless=0x30",
            "decimal until=';' bodiless=-1",
            "ber bodiless=indefinite,0..0xffffffff",
            "u8 at=65472",
            "select u8 { else: crlf eof=allow }",
            "select u8 at=1 { else: delimited start='x' by='y' eof=allow }",
        ] {
            assert!(Format::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn how_long_a_head_may_be_is_said() {
        for text in ["u8 at=65473", "u32be head=65500", "varint after=65473"] {
            let error = Format::parse(text).unwrap_err();
            let most = HEAD_MAX - FIELD_MAX;
            assert!(matches!(error, Error::Format { reason, .. } if reason.contains(&format!("{most}"))), "{text}");
        }
    }

    #[test]
    fn what_ends_a_number_has_a_most() {
        for kind in ["decimal", "hex digits=8"] {
            let ending = |len: usize| Format::parse(format!("{kind} until='{}'", "-".repeat(len)));
            assert!(ending(32).is_ok(), "{kind}");
            assert!(matches!(ending(33), Err(Error::Format { reason, .. }) if reason.contains("32 bytes")), "{kind}");
        }
    }

    #[test]
    fn what_a_mask_leaves_of_the_length_field_may_say_more() {
        assert!(Format::parse("u16be mask=0xff plus=u8@0*4").is_ok());
        assert!(Format::parse("u16be shift=8 plus=u8@1*4").is_ok());
        assert!(Format::parse("u16be shift=7 plus=u8@1*4").is_err());
        assert!(Format::parse("u16le mask=0xff plus=u8@0*4").is_err());
    }

    #[test]
    fn a_preset_nests_no_deeper_than_what_it_stands_for() {
        let nested = |levels: usize, inner: &str| {
            let text = ["select u8 { 0: ".repeat(levels), inner.into(), " }".repeat(levels)].concat();
            Format::parse(&text).map(|format| Format::parse(format.to_string()).expect("what is shown can be read"))
        };
        assert!(nested(7, "adb-host").is_ok() && nested(8, "netstring").is_ok());
        match nested(8, "adb-host") {
            Err(Error::Format { column, reason }) => {
                assert_eq!((column, reason), (8 * 15 + 1, "formats nest no deeper than this"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_presets_settings_are_overridden() {
        for (text, whole) in [
            ("kafka max=5", "i32be max=5"),
            ("kafka max=5 counts=field", "i32be counts=field max=5"),
            ("postgres max=5", "i32be at=1 counts=field max=5"),
            ("postgres counts=body", "i32be at=1 counts=body max=1G"),
            ("postgres adjust=-3", "i32be at=1 adjust=-3 max=1G"),
        ] {
            assert_eq!(Format::parse(text), Format::parse(whole), "{text}");
        }
        // What is wrong with an override is told where it is wrong.
        for (text, column) in [
            ("postgres max=", 14),
            ("postgres max=5x", 14),
            ("postgres head=2", 15),
            ("redis max=frame:1", 7),
            ("select u8 { 1: redis max=frame:1 }", 22),
            // Of several it may be any: then the preset is pointed at, never what lies at the column of its own text.
            ("redis at=0 max=frame:1", 1),
            ("select u8 max=frame:1 { 1:                       redis; 2: line }", 50),
        ] {
            let error = Format::parse(text).unwrap_err();
            assert!(matches!(error, Error::Format { column: at, .. } if at == column), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_select_limits_its_cases() {
        let format = Format::parse("select u8 max=10 { 0: u8 at=1; 1: u8 at=1 max=5; 2: u8 at=1 max=50 }").unwrap();
        assert_eq!(format.to_string(), "select u8 { 0: u8 at=1 max=10; 1: u8 at=1 max=5; 2: u8 at=1 max=10 }");
        assert_eq!(Format::parse(format.to_string()).unwrap(), format);
    }
}
