//! A picture of a frame, for people who wonder whether their text says what they mean.

use super::ascii::Ascii;
use super::delimited::Delimited;
use super::field::Field;
use super::frame::Limit;
use super::headers::Headers;
use super::kind::{Format, Kind};
use super::layout::{Counts, Extras, Layout, TailKind};
use super::length::{Length, Place};
use super::prefixed::Prefixed;
use super::search::Search;
use super::select::Select;
use super::settings::{Commas, Quoted, Span};
use super::varint::Varint;
use crate::endian::Order;
use std::fmt::{self, Display, Formatter, Write};

pub(super) struct Description<'f>(pub(super) &'f Format);

impl Display for Description<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.0)?;
        match &self.0.kind {
            Kind::Prefixed(prefixed) => describe_prefixed(prefixed, f),
            Kind::Delimited(delimited) => describe_delimited(delimited, f),
            Kind::Headers(headers) => describe_headers(headers, f),
            Kind::Eof(eof) => {
                draw(&[Cell { offset: Some(0), what: Part::Body }], f)?;
                describe_limit(eof.limit, f)?;
                writeln!(f, "end     that of the stream")
            }
            Kind::Select(select) => describe_select(select, f),
            Kind::Custom(_) => writeln!(f, "a function of the program's own tells where a frame ends"),
        }
    }
}

fn describe_prefixed(prefixed: &Prefixed, f: &mut Formatter<'_>) -> fmt::Result {
    let (field, layout) = (&prefixed.field, &prefixed.layout);
    let width = field.has_one_width().then(|| field.least_width());
    let field_end = width.map(|width| layout.at + width);
    let head = field_end.map(|end| end + layout.after);
    let tail = match &layout.extras.tail {
        TailKind::None => Part::Bytes(0),
        TailKind::Literal(literal) => Part::Literal("tail", literal),
        TailKind::Counted(place) => Part::Counted(place),
    };
    let cells = [
        Cell { offset: Some(0), what: Part::Bytes(layout.at) },
        Cell { offset: Some(layout.at), what: if width == Some(0) { Part::Bytes(0) } else { Part::Length(field) } },
        Cell { offset: field_end, what: Part::Bytes(layout.after) },
        Cell { offset: head, what: Part::Body },
        Cell {
            offset: None,
            what: if layout.extras.pad > 1 { Part::Padding(layout.extras.pad) } else { Part::Bytes(0) },
        },
        Cell { offset: None, what: tail },
    ];
    draw(&cells, f)?;
    match field {
        Field::Fixed(fixed) => writeln!(f, "body    {} bytes, always", fixed.size - prefixed.least_head() as u64)?,
        _ => {
            describe_length(layout, f)?;
            describe_limit(layout.limit, f)?;
        }
    }
    describe_extras(&layout.extras, f)
}

/// What a length says of the body behind it.
fn describe_length(layout: &Layout, f: &mut Formatter<'_>) -> fmt::Result {
    let after = layout.after as i64;
    write!(f, "length  ")?;
    if layout.extras.unit > 1 {
        write!(f, "in units of {} bytes, ", layout.extras.unit)?;
    }
    match layout.counts {
        Counts::Body => writeln!(f, "the bytes in the body"),
        Counts::Field if layout.at == 0 && after == 0 => writeln!(f, "the bytes in the whole frame"),
        Counts::Frame => writeln!(f, "the bytes in the whole frame"),
        Counts::Field => writeln!(f, "the bytes in the frame from the length field on"),
        Counts::Rest(adjust) => match after - adjust {
            0 => writeln!(f, "the bytes in the body"),
            n if n > 0 => writeln!(f, "the bytes in the body, plus {n}"),
            n => writeln!(f, "the bytes in the body, minus {}", -n),
        },
    }
}

fn describe_limit(limit: Limit, f: &mut Formatter<'_>) -> fmt::Result {
    match limit {
        Limit { body, frame: u64::MAX } => writeln!(f, "body    at most {body} bytes"),
        Limit { body: u64::MAX, frame } => writeln!(f, "frame   at most {frame} bytes"),
        Limit { body, frame } => writeln!(f, "body    at most {body} bytes, in a frame of at most {frame}"),
    }
}

fn describe_extras(extras: &Extras, f: &mut Formatter<'_>) -> fmt::Result {
    for plus in &extras.plus {
        writeln!(f, "plus    {plus}, added to the length")?;
    }
    for mark in &extras.magic {
        writeln!(f, "magic   every head has {mark}")?;
    }
    for mark in &extras.init {
        writeln!(f, "init    a head that is made anew has {mark}")?;
    }
    match &extras.bodiless[..] {
        [] => Ok(()),
        ranges => {
            let spans = ranges.iter().map(|&(first, last)| Span(first, last));
            writeln!(f, "alone   a head with the length {} has no body", Commas(spans))
        }
    }
}

fn describe_delimited(delimited: &Delimited, f: &mut Formatter<'_>) -> fmt::Result {
    let start = &delimited.start;
    let cells = [
        Cell { offset: Some(0), what: if start.is_empty() { Part::Bytes(0) } else { Part::Literal("start", start) } },
        Cell { offset: Some(start.len()), what: Part::Body },
        Cell { offset: None, what: Part::Delimiter(&delimited.by) },
        Cell { offset: None, what: Part::Bytes(delimited.trail) },
    ];
    draw(&cells, f)?;
    describe_limit(delimited.limit, f)
}

fn describe_headers(headers: &Headers, f: &mut Formatter<'_>) -> fmt::Result {
    let lines = Cell { offset: Some(0), what: Part::Lines(headers.name()) };
    draw(&[lines, Cell { offset: None, what: Part::Body }], f)?;
    describe_limit(headers.limit(), f)
}

fn describe_select(select: &Select, f: &mut Formatter<'_>) -> fmt::Result {
    let (number, at) = select.number();
    writeln!(f, "{number} at {at} decides:")?;
    for case in select.cases() {
        write!(f, "\n{}: {}", case.label(), Description(&case.format))?;
    }
    Ok(())
}

/// One box of the picture.
struct Cell<'f> {
    /// Where it begins, if that is the same in every frame.
    offset: Option<usize>,
    what: Part<'f>,
}

enum Part<'f> {
    Bytes(usize),
    Length(&'f Field),
    Body,
    Padding(u64),
    Literal(&'static str, &'f [u8]),
    Counted(&'f Place),
    Delimiter(&'f Search),
    Lines(&'f [u8]),
}

impl Display for Part<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Part::Bytes(1) => write!(f, "1 byte"),
            Part::Bytes(n) => write!(f, "{n} bytes"),
            Part::Length(Field::Length(number)) => fmt_number(number, f),
            Part::Length(Field::Varint(varint)) => fmt_varint(varint, f),
            Part::Length(Field::Ber(ber)) => write!(f, "tag, length: 1 to {} bytes", ber.digits() + 1),
            Part::Length(Field::Ascii(ascii)) => fmt_ascii(ascii, f),
            Part::Length(Field::Fixed(_)) => Ok(()),
            Part::Body => write!(f, "body ..."),
            Part::Padding(pad) => write!(f, "padding to {pad}"),
            Part::Literal(what, literal) => write!(f, "{what}: {}", Quoted(literal)),
            Part::Counted(place) => write!(f, "as many bytes as {place} says"),
            Part::Delimiter(by) => {
                for (i, literal) in by.literals().iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { " or " }, Quoted(literal))?;
                }
                Ok(())
            }
            Part::Lines(name) => write!(f, "lines, one of them {}: length; an empty line", name.escape_ascii()),
        }
    }
}

fn fmt_number(number: &Length, f: &mut Formatter<'_>) -> fmt::Result {
    let order = match (number.width(), number.order()) {
        (1, _) => "",
        (_, Order::Big) => ", big-endian",
        (_, Order::Little) => ", little-endian",
    };
    write!(f, "length: {} byte{}{order}", number.width(), if number.width() == 1 { "" } else { "s" })?;
    number.mask().map_or(Ok(()), |mask| write!(f, ", of it {mask:#x}"))
}

fn fmt_varint(varint: &Varint, f: &mut Formatter<'_>) -> fmt::Result {
    let order = if varint.order() == Order::Big { "high" } else { "low" };
    write!(f, "length: 1 to {} bytes of 7 bits, {order} bits first", varint.digits())
}

fn fmt_ascii(ascii: &Ascii, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "length: ")?;
    if ascii.has_columns() {
        write!(f, "{} ", ascii.least_width() - ascii.until().len())?;
    }
    write!(f, "{}", if ascii.is_hex() { "hex digits" } else { "digits" })?;
    if ascii.until().is_empty() { Ok(()) } else { write!(f, ", then {}", Quoted(ascii.until())) }
}

/// The offsets, and below them the boxes in a row. A part of no bytes has no box; a body at the end is open.
fn draw(cells: &[Cell<'_>], f: &mut Formatter<'_>) -> fmt::Result {
    let cells = || cells.iter().filter(|cell| !matches!(cell.what, Part::Bytes(0)));
    let is_open = matches!(cells().next_back(), Some(Cell { what: Part::Body, .. }));
    let mut column = 0;
    let mut written = 0;
    for cell in cells() {
        if let Some(offset) = cell.offset {
            write!(f, "{:1$}{offset}", "", column - written)?;
            written = column + width(&offset);
        }
        column += width(&cell.what) + 3;
    }
    writeln!(f)?;
    border(cells(), is_open, f)?;
    for (i, cell) in cells().enumerate() {
        write!(f, "{}| {}", if i == 0 { "" } else { " " }, cell.what)?;
    }
    writeln!(f, "{}", if is_open { "" } else { " |" })?;
    border(cells(), is_open, f)?;
    writeln!(f)
}

fn border<'c>(cells: impl Iterator<Item = &'c Cell<'c>>, is_open: bool, f: &mut Formatter<'_>) -> fmt::Result {
    for cell in cells {
        match cell.what {
            Part::Body if is_open => write!(f, "+------- - -")?,
            Part::Body => write!(f, "+--- - - --")?,
            _ => write!(f, "+{:-<1$}", "", width(&cell.what) + 2)?,
        }
    }
    writeln!(f, "{}", if is_open { "" } else { "+" })
}

/// How many characters a part takes, found out without storing them.
fn width(part: &impl Display) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0 += s.len();
            Ok(())
        }
    }
    let mut count = Count(0);
    match write!(count, "{part}") {
        Ok(()) | Err(fmt::Error) => count.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(text: &str) -> String {
        Format::parse(text).unwrap().describe().to_string()
    }

    #[test]
    fn a_length_field_with_bytes_around_it() {
        let expected = "\
u32be at=1 head=7 counts=field max=1048576

0        1                             5         7
+--------+-----------------------------+---------+------- - -
| 1 byte | length: 4 bytes, big-endian | 2 bytes | body ...
+--------+-----------------------------+---------+------- - -

length  the bytes in the frame from the length field on
body    at most 1048576 bytes
";
        assert_eq!(picture("u32be at=1 head=7 counts=field max=1M"), expected);
    }

    #[test]
    fn what_it_says_of_lengths_and_limits() {
        assert!(picture("u8").contains("length  the bytes in the body\n"));
        assert!(picture("u8 adjust=3").contains("minus 3\n"));
        assert!(picture("u8 adjust=-3").contains("plus 3\n"));
        assert!(picture("u8 at=2 max=frame:20").contains("frame   at most 20 bytes\n"));
        assert!(picture("fixed size=9").contains("9 bytes, always\n"));
        assert!(!picture("u16le").contains("0 bytes"));
    }

    #[test]
    fn what_has_no_body() {
        assert!(picture("u8 bodiless=0..3,9").contains("alone   a head with the length 0..3,9 has no body\n"));
        assert!(picture("ber bodiless=indefinite,0").contains("a head with the length indefinite,0 has no body\n"));
    }

    #[test]
    fn what_ends_a_frame() {
        let expected = "\
delimited by='#' start='$' trail=2 max=1024

0            1
+------------+--- - - --+-----+---------+
| start: '$' | body ... | '#' | 2 bytes |
+------------+--- - - --+-----+---------+

body    at most 1024 bytes
";
        assert_eq!(picture("delimited start='$' by='#' trail=2 max=1K"), expected);
        assert!(picture("line").contains("| body ... | '\\n' or '\\r\\n' |"));
        assert!(
            picture("u16be at=4 head=8 counts=body tail=u8@6").contains("| body ... | as many bytes as u8@6 says |")
        );
    }

    #[test]
    fn each_case_of_a_select_is_drawn() {
        let picture = picture("select u8 { 1..3: u16be at=1; else: line }");
        assert!(picture.contains("u8 at 0 decides:\n\n1..3: u16be at=1"), "{picture}");
        assert!(picture.contains("\nelse: line max="), "{picture}");
    }
}
