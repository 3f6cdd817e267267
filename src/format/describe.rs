//! A picture of a frame, for people who wonder whether their text says what they mean.

use super::frame::Limit;
use super::kind::{Format, Kind};
use super::length::{Field, Length};
use crate::endian::Order;
use std::fmt::{self, Display, Formatter, Write};

pub(super) struct Description<'f>(pub(super) &'f Format);

impl Display for Description<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.0)?;
        match &self.0.kind {
            Kind::Length(length) => describe_length(length, f),
            Kind::Fixed(fixed) => {
                draw(&[Cell { offset: 0, what: Part::Body }], f)?;
                writeln!(f, "body    {} bytes, always", fixed.size)
            }
        }
    }
}

fn describe_length(length: &Length, f: &mut Formatter<'_>) -> fmt::Result {
    let (at, field, head) = length.geometry();
    let field_end = at + field.width;
    let cells = [
        Cell { offset: 0, what: Part::Bytes(at) },
        Cell { offset: at, what: Part::Length(field) },
        Cell { offset: field_end, what: Part::Bytes(head - field_end) },
        Cell { offset: head, what: Part::Body },
    ];
    draw(&cells, f)?;
    match length.beyond_body() {
        0 => writeln!(f, "length  the bytes in the body")?,
        n if n > 0 => writeln!(f, "length  the bytes in the body, plus {n}")?,
        n => writeln!(f, "length  the bytes in the body, minus {}", -n)?,
    }
    match length.limit() {
        Limit::Body(max) => writeln!(f, "body    at most {max} bytes"),
        Limit::Frame(max) => writeln!(f, "body    at most {} bytes: {max} with its head", max - head as u64),
    }
}

/// One box of the picture.
struct Cell {
    offset: usize,
    what: Part,
}

enum Part {
    Bytes(usize),
    Length(Field),
    Body,
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Part::Bytes(1) => write!(f, "1 byte"),
            Part::Bytes(n) => write!(f, "{n} bytes"),
            Part::Length(Field { width: 1, .. }) => write!(f, "length: 1 byte"),
            Part::Length(Field { width, order: Order::Big, .. }) => write!(f, "length: {width} bytes, big-endian"),
            Part::Length(Field { width, order: Order::Little, .. }) => {
                write!(f, "length: {width} bytes, little-endian")
            }
            Part::Body => write!(f, "body"),
        }
    }
}

/// The offsets, and below them the boxes in a row. A part of no bytes has no box.
fn draw(cells: &[Cell], f: &mut Formatter<'_>) -> fmt::Result {
    let cells = || cells.iter().filter(|cell| !matches!(cell.what, Part::Bytes(0)));
    for cell in cells() {
        match cell.what {
            Part::Body => writeln!(f, "{}", cell.offset)?, // always the last
            _ => write!(f, "{:<1$}", cell.offset, width(&cell.what) + 3)?,
        }
    }
    border(cells(), f)?;
    for cell in cells() {
        write!(f, "| {} ", cell.what)?;
    }
    writeln!(f, "...")?;
    border(cells(), f)?;
    writeln!(f)
}

fn border<'c>(cells: impl Iterator<Item = &'c Cell>, f: &mut Formatter<'_>) -> fmt::Result {
    for cell in cells {
        write!(f, "+{:-<1$}", "", width(&cell.what) + 2)?;
    }
    writeln!(f, "- - -")
}

/// How many characters a part takes, found out without storing them.
fn width(part: &Part) -> usize {
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

length  the bytes in the body, plus 6
body    at most 1048576 bytes
";
        assert_eq!(picture("u32be at=1 head=7 counts=field max=1M"), expected);
    }

    #[test]
    fn what_it_says_of_lengths_and_limits() {
        assert!(picture("u8").contains("length  the bytes in the body\n"));
        assert!(picture("u8 adjust=3").contains("minus 3\n"));
        assert!(picture("u8 at=2 max=frame:20").contains("at most 17 bytes: 20 with its head\n"));
        assert!(picture("fixed size=9").contains("9 bytes, always\n"));
        assert!(!picture("u16le").contains("0 bytes"));
    }
}
