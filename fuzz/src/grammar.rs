//! Formats as the manual has them, made of random bytes: most of them make sense, and nearly all get past the parser's
//! first look. What makes no sense at all is left to libFuzzer.

use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt::{self, Display, Formatter};

/// A format.
#[derive(Debug, Arbitrary)]
pub struct Text {
    kind: Kind,
    max: Option<Max>,
}

#[derive(Debug, Arbitrary)]
enum Kind {
    Binary(Number, Option<Mask>, Few<Shared>),
    Varint { big: bool, digits: Option<Digit>, overlong: bool, shared: Few<Shared> },
    Ber { digits: Option<Digit>, der: bool, shared: Few<Shared> },
    Columns { hex: bool, digits: Digit, fill: Option<Literal>, until: Option<Literal>, shared: Few<Shared> },
    Digits { hex: bool, until: Literal, shortest: bool, shared: Few<Shared> },
    Netstring,
    Fixed(Small, Few<Shared>),
    Short(Short, Few<Ending>),
    Delimited(Literal, Few<Literal>, Few<Ending>),
    Headers { name: Name, lf: bool, may_lack: bool },
    Eof,
    Select { number: Number, at: Small, mask: Option<Mask>, cases: Few<(Label, Text)>, or_else: Option<Box<Text>> },
    Preset(u8),
}

#[derive(Debug, Arbitrary)]
enum Short {
    Line,
    Crlf,
    Nul,
}

#[derive(Debug, Arbitrary)]
enum Ending {
    Start(Literal),
    Trail(Small),
    Split,
    Open,
}

#[derive(Debug, Arbitrary)]
enum Name {
    Length,
    Other(Literal),
}

/// The keys that all kinds with a length share.
#[derive(Debug, Arbitrary)]
enum Shared {
    At(Small),
    Head(Small),
    After(Small),
    Counts(Counts),
    Adjust(i8),
    Unit(Small),
    Plus(Place, Option<Small>, Option<Small>),
    Pad(Small),
    Tail(Literal),
    CountedTail(Place),
    Magic(Literal, Small),
    Init(Literal, Small),
    Bodiless(Label),
    Indefinite,
}

#[derive(Debug, Arbitrary)]
enum Counts {
    Rest,
    Field,
    Frame,
    Body,
}

#[derive(Debug, Arbitrary)]
enum Max {
    Body(Small),
    Frame(Small),
    Both(Small, Small),
    Large(u64),
}

#[derive(Debug, Arbitrary)]
enum Label {
    One(Small),
    Range(Small, Small),
    Negative(Digit),
    Literal(Literal),
}

#[derive(Debug, Arbitrary)]
struct Place(Number, Small);

/// Up to three: so a text stays short.
#[derive(Debug)]
struct Few<T>(Vec<T>);

/// A number as formats have them: small, or at an edge.
#[derive(Debug)]
struct Small(u64);

/// From 1 to 9.
#[derive(Debug)]
struct Digit(u8);

#[derive(Debug)]
struct Number {
    signed: bool,
    width: u8,
    order: &'static str,
}

#[derive(Debug, Arbitrary)]
struct Mask {
    bits: u16,
    shift: Option<Digit>,
}

/// Some bytes in quotes: those that mean something to somebody, and a few others.
#[derive(Debug)]
struct Literal(Vec<u8>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Few<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Few<T>> {
        let len = u.int_in_range(0..=3)?;
        (0..len).map(|_| u.arbitrary()).collect::<Result<_>>().map(Few)
    }
}

impl<'a> Arbitrary<'a> for Small {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Small> {
        const EDGES: [u64; 12] = [63, 64, 65, 127, 128, 255, 256, 4096, 65535, 65536, u32::MAX as u64, u64::MAX];
        match u.int_in_range(0..=7)? {
            0 => u.choose(&EDGES).copied(),
            1..=3 => u.int_in_range(0..=32),
            _ => u.int_in_range(0..=8),
        }
        .map(Small)
    }
}

impl<'a> Arbitrary<'a> for Digit {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Digit> {
        u.int_in_range(1..=9).map(Digit)
    }
}

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Number> {
        let width = if u.ratio(2, 3)? { u.int_in_range(1..=2)? } else { u.int_in_range(1..=8)? };
        let order = if width == 1 { "" } else { u.choose(&["be", "le", "ne"])? };
        Ok(Number { signed: u.ratio(1, 8)?, width, order })
    }
}

impl<'a> Arbitrary<'a> for Literal {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Literal> {
        let len = u.int_in_range(1..=4)?;
        let byte = |u: &mut Unstructured<'a>| {
            if u.ratio(1, 8)? { u.arbitrary() } else { u.choose(b"\r\n\r\n\0ab:,$ 0{;'\\").copied() }
        };
        (0..len).map(|_| byte(u)).collect::<Result<_>>().map(Literal)
    }
}

impl Display for Text {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match &self.max {
            None => Ok(()),
            Some(Max::Body(body)) => write!(f, " max={body}"),
            Some(Max::Frame(frame)) => write!(f, " max=frame:{frame}"),
            Some(Max::Both(body, frame)) => write!(f, " max={body},frame:{frame}"),
            Some(Max::Large(body)) => write!(f, " max={body:#x}"),
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Binary(number, mask, shared) => write!(f, "{number}{}{shared}", Maybe("", mask)),
            Kind::Varint { big, digits, overlong, shared } => {
                let (be, overlong) = (if *big { "be" } else { "" }, if *overlong { " overlong=allow" } else { "" });
                write!(f, "varint{be}{}{overlong}{shared}", Maybe(" digits=", digits))
            }
            Kind::Ber { digits, der, shared } => {
                let overlong = if *der { " overlong=refuse" } else { "" };
                write!(f, "ber{}{overlong}{shared}", Maybe(" digits=", digits))
            }
            Kind::Columns { hex, digits, fill, until, shared } => {
                let (fill, until) = (Maybe(" fill=", fill), Maybe(" until=", until));
                write!(f, "{} digits={digits}{fill}{until}{shared}", radix(*hex))
            }
            Kind::Digits { hex, until, shortest, shared } => {
                let overlong = if *shortest { " overlong=refuse" } else { "" };
                write!(f, "{} until={until}{overlong}{shared}", radix(*hex))
            }
            Kind::Netstring => write!(f, "netstring"),
            Kind::Fixed(size, shared) => write!(f, "fixed size={size}{shared}"),
            Kind::Short(Short::Line, endings) => write!(f, "line{endings}"),
            Kind::Short(Short::Crlf, endings) => write!(f, "crlf{endings}"),
            Kind::Short(Short::Nul, endings) => write!(f, "nul{endings}"),
            Kind::Delimited(first, more, endings) => {
                write!(f, "delimited by={first}")?;
                more.0.iter().try_for_each(|by| write!(f, ",{by}"))?;
                write!(f, "{endings}")
            }
            Kind::Headers { name, lf, may_lack } => {
                let (by, missing) = (if *lf { " by='\\n'" } else { "" }, if *may_lack { " missing=empty" } else { "" });
                match name {
                    Name::Length => write!(f, "headers length='Content-Length'{by}{missing}"),
                    Name::Other(name) => write!(f, "headers length={name}{by}{missing}"),
                }
            }
            Kind::Eof => write!(f, "eof"),
            Kind::Select { number, at, mask, cases, or_else } => {
                write!(f, "select {number} at={at}{} {{", Maybe("", mask))?;
                cases.0.iter().try_for_each(|(label, text)| write!(f, " {label}: {text};"))?;
                or_else.iter().try_for_each(|text| write!(f, " else: {text}"))?;
                write!(f, " }}")
            }
            Kind::Preset(n) => {
                let presets = fdwire::format::PRESETS;
                write!(f, "{}", presets[usize::from(*n) % presets.len()].name().to_string_lossy())
            }
        }
    }
}

fn radix(hex: bool) -> &'static str {
    if hex { "hex" } else { "decimal" }
}

/// Something that may be there, and what is written before it.
struct Maybe<'t, T>(&'static str, &'t Option<T>);

impl<T: Display> Display for Maybe<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.1.iter().try_for_each(|value| write!(f, "{}{value}", self.0))
    }
}

impl<T: Display> Display for Few<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|setting| write!(f, " {setting}"))
    }
}

impl Display for Ending {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Start(literal) => write!(f, "start={literal}"),
            Ending::Trail(n) => write!(f, "trail={n}"),
            Ending::Split => write!(f, "over=split"),
            Ending::Open => write!(f, "eof=allow"),
        }
    }
}

impl Display for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Shared::At(n) => write!(f, "at={n}"),
            Shared::Head(n) => write!(f, "head={n}"),
            Shared::After(n) => write!(f, "after={n}"),
            Shared::Counts(counts) => write!(f, "counts={}", format!("{counts:?}").to_lowercase()),
            Shared::Adjust(n) => write!(f, "adjust={n}"),
            Shared::Unit(n) => write!(f, "unit={n}"),
            Shared::Plus(place, unit, align) => write!(f, "plus={place}{}{}", Maybe("*", unit), Maybe("~", align)),
            Shared::Pad(n) => write!(f, "pad={n}"),
            Shared::Tail(literal) => write!(f, "tail={literal}"),
            Shared::CountedTail(place) => write!(f, "tail={place}"),
            Shared::Magic(literal, at) => write!(f, "magic={literal}@{at}"),
            Shared::Init(literal, at) => write!(f, "init={literal}@{at}"),
            Shared::Bodiless(label) => write!(f, "bodiless={label}"),
            Shared::Indefinite => write!(f, "bodiless=indefinite"),
        }
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Label::One(n) => write!(f, "{n}"),
            Label::Range(a, b) => write!(f, "{}..{}", a.0.min(b.0), a.0.max(b.0)),
            Label::Negative(n) => write!(f, "-{n}"),
            Label::Literal(literal) => write!(f, "{literal}"),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.0, self.1)
    }
}

impl Display for Small {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Display for Digit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", if self.signed { 'i' } else { 'u' }, 8 * self.width, self.order)
    }
}

impl Display for Mask {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, " mask={:#x}{}", self.bits, Maybe(" shift=", &self.shift))
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "'")?;
        for &byte in &self.0 {
            match byte {
                b'\'' | b'\\' => write!(f, "\\{}", byte as char)?,
                b' '..=b'~' => write!(f, "{}", byte as char)?,
                byte => write!(f, "\\x{byte:02x}")?,
            }
        }
        write!(f, "'")
    }
}
