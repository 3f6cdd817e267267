//! The short way to most frames: a few instructions for one that is good and all there.

use super::frame::Limit;
use super::places::Places;
use super::search::Short;
use crate::endian::Order;

/// The short way of a format. Where it tells no frame, that says nothing: a probe does.
#[derive(Debug, Clone, Copy)]
#[repr(u8)] // told from the others by a byte of its own, which is one step
pub(crate) enum Quick {
    /// There is none.
    No,
    /// The most common by far, in the fewest steps.
    U32be(QuickU32be),
    U32beAt(QuickLength<U32beAt>),
    Length(QuickLength<Wide>),
    Varint(QuickVarint),
    Until(QuickUntil),
}

/// A frame that is all there, its parts, and what is behind it. They lie one after the other, empty ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut<'d> {
    pub(crate) frame: &'d [u8],
    pub(crate) head: &'d [u8],
    pub(crate) body: &'d [u8],
    pub(crate) tail: &'d [u8],
    pub(crate) rest: &'d [u8],
}

/// 4 bytes, big-endian, that say how many bytes the body has, and nothing else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuickU32be {
    pub(super) max_body: u64,
}

/// A binary length that counts bytes, and nothing else to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuickLength<N> {
    pub(super) number: N,
    /// The least that a good length says, and how much more it may say.
    pub(super) least: u64,
    pub(super) span: u64,
    /// What to add to get the bytes in the frame; where that is below 0 it wraps.
    pub(super) beside: u64,
    pub(super) head: usize,
}

/// The short way to a head: of at most 8 bytes, which are 0 but for the length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuickHead {
    /// The shortest body, and how many bytes more one may have.
    pub(super) least: u64,
    pub(crate) span: u64,
    pub(super) length: HeadLength,
}

/// How the length stands in the 8 bytes of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadLength {
    Number {
        /// What to add to the body's to get it; where that is below 0 it wraps.
        beyond: u64,
        /// Where in a number of 8 bytes it lies.
        order: Order,
        shift: u32,
        /// Bytes in the head.
        len: usize,
    },
    /// In one or two bytes, low group first, behind so many others.
    Varint { at: usize },
}

impl HeadLength {
    /// 4 bytes, big-endian, that say how many bytes the body has.
    const PLAIN: HeadLength = HeadLength::Number { beyond: 0, order: Order::Big, shift: 32, len: 4 };
}

impl QuickHead {
    /// That of a 4-byte big-endian length.
    pub(super) const DEFAULT: QuickHead = QuickHead { least: 0, span: Limit::DEFAULT.body, length: HeadLength::PLAIN };

    /// Whether a head is nothing but how many bytes the body has, in 4 bytes, big-endian, for bodies up to this length at least.
    pub(crate) fn is_plain(&self, body: usize) -> bool {
        (self.least, self.length) == (0, HeadLength::PLAIN) && self.span >= body as u64
    }

    /// Whether the length is a varint.
    #[inline(always)]
    pub(crate) fn is_varint(&self) -> bool {
        matches!(self.length, HeadLength::Varint { .. })
    }

    /// That of bodies up to this length alone.
    pub(crate) fn up_to(self, body: u64) -> Option<QuickHead> {
        Some(QuickHead { span: self.span.min(body.checked_sub(self.least)?), ..self })
    }

    /// The head before a body of so many bytes, and how many of these bytes are it; `None` says nothing.
    #[inline(always)]
    pub(crate) fn write(&self, body: u64) -> Option<([u8; 8], usize)> {
        if body.wrapping_sub(self.least) > self.span {
            return None;
        }
        Some(match self.length {
            HeadLength::Number { beyond, order, shift, len } => {
                let number = body.wrapping_add(beyond).wrapping_shl(shift);
                (if order == Order::Big { number.to_be_bytes() } else { number.to_le_bytes() }, len)
            }
            HeadLength::Varint { at } => {
                let (groups, len) = match body {
                    0..0x80 => (body, 1),
                    _ => (body >> 7 << 8 | body & 0x7f | 0x80, 2),
                };
                (groups.wrapping_shl(8 * at as u32).to_le_bytes(), at + len)
            }
        })
    }
}

/// How a length is read from the bytes that begin with the frame.
pub(crate) trait Number {
    fn read(&self, bytes: &[u8]) -> Option<u64>;
}

/// The 4 bytes at this place, big-endian.
#[derive(Debug, Clone, Copy)]
pub(crate) struct U32beAt(pub(super) usize);

/// 8 bytes, though the number may have fewer, are read in this order, shifted and masked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide {
    pub(super) at: usize,
    pub(super) order: Order,
    pub(super) shift: u32,
    pub(super) mask: u64,
}

/// A varint, low group first, that counts what is behind it, and nothing else to look at: while it has one or two bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuickVarint {
    pub(super) at: usize,
    pub(super) max_body: u64,
}

/// A short delimiter, and nothing else to look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuickUntil {
    pub(super) by: Short,
    pub(super) max_body: u64,
}

impl Quick {
    /// That of a 4-byte big-endian length.
    pub(super) const DEFAULT: Quick = Quick::U32be(QuickU32be { max_body: Limit::DEFAULT.body });

    /// The frame that `bytes` begin with.
    #[inline(always)]
    pub(crate) fn cut<'d>(&self, bytes: &'d [u8]) -> Option<Cut<'d>> {
        match self {
            Quick::No => None,
            Quick::U32be(u32be) => u32be.cut(bytes),
            Quick::U32beAt(length) => length.cut(bytes),
            Quick::Length(length) => length.cut(bytes),
            Quick::Varint(varint) => varint.cut(bytes),
            Quick::Until(until) => until.cut(bytes),
        }
    }
}

/// A short way that finds a frame behind the one before.
pub(crate) trait Cutter: Sized {
    /// The frame that `bytes` begin with.
    fn cut<'d>(&self, bytes: &'d [u8]) -> Option<Cut<'d>>;

    /// The frames that lie one behind another at the beginning of `bytes`.
    #[inline(always)]
    fn cuts(self, bytes: &[u8]) -> Cuts<'_, Self> {
        Cuts { by: self, rest: bytes }
    }
}

/// Frames, one behind another.
pub(crate) struct Cuts<'d, C> {
    by: C,
    rest: &'d [u8],
}

impl<'d, C: Cutter> Iterator for Cuts<'d, C> {
    type Item = Cut<'d>;

    #[inline(always)]
    fn next(&mut self) -> Option<Cut<'d>> {
        let cut = self.by.cut(self.rest)?;
        self.rest = cut.rest;
        Some(cut)
    }
}

impl Cutter for QuickU32be {
    #[inline(always)]
    fn cut<'d>(&self, bytes: &'d [u8]) -> Option<Cut<'d>> {
        const HEAD: usize = size_of::<u32>();
        let body = u32::from_be_bytes(*bytes.first_chunk::<HEAD>()?);
        if u64::from(body) > self.max_body {
            return None;
        }
        let len = HEAD.checked_add(usize::try_from(body).ok()?)?;
        let (frame, rest) = bytes.split_at_checked(len)?;
        let (head, body) = frame.split_at_checked(HEAD)?;
        Some(Cut { frame, head, body, tail: &rest[..0], rest })
    }
}

impl<N: Number> Cutter for QuickLength<N> {
    #[inline(always)]
    fn cut<'d>(&self, bytes: &'d [u8]) -> Option<Cut<'d>> {
        let value = self.number.read(bytes)?;
        if value.wrapping_sub(self.least) > self.span {
            return None;
        }
        let len = usize::try_from(value.wrapping_add(self.beside)).ok()?;
        let (frame, rest) = bytes.split_at_checked(len)?;
        let (head, body) = frame.split_at_checked(self.head)?;
        Some(Cut { frame, head, body, tail: &rest[..0], rest })
    }
}

impl Number for U32beAt {
    #[inline(always)]
    fn read(&self, bytes: &[u8]) -> Option<u64> {
        Some(u32::from_be_bytes(*bytes.get(self.0..)?.first_chunk()?).into())
    }
}

impl Number for Wide {
    #[inline(always)]
    fn read(&self, bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.get(self.at..)?;
        let wide = match self.order {
            Order::Big => u64::from_be_bytes(*bytes.first_chunk()?),
            Order::Little => u64::from_le_bytes(*bytes.first_chunk()?),
        };
        Some(wide.wrapping_shr(self.shift) & self.mask)
    }
}

impl QuickVarint {
    /// What two bytes say at most.
    pub(super) const LARGEST: u64 = 0x3fff;
}

impl Cutter for QuickVarint {
    #[inline(always)]
    fn cut<'d>(&self, bytes: &'d [u8]) -> Option<Cut<'d>> {
        let (body, width) = match *bytes.get(self.at..)? {
            [only @ 0..0x80, ..] => (usize::from(only), 1),
            [low, high @ 1..0x80, ..] => (usize::from(high) << 7 | usize::from(low & 0x7f), 2),
            _ => return None,
        };
        let head = self.at + width;
        if body as u64 > self.max_body {
            return None;
        }
        let (frame, rest) = bytes.split_at_checked(head + body)?;
        let (head, body) = frame.split_at_checked(head)?;
        Some(Cut { frame, head, body, tail: &rest[..0], rest })
    }
}

impl QuickUntil {
    #[inline(always)]
    pub(crate) fn cut<'d>(&self, bytes: &'d [u8]) -> Option<Cut<'d>> {
        let found = self.by.find(bytes)?;
        if found.start as u64 > self.max_body {
            return None;
        }
        let (frame, rest) = bytes.split_at_checked(found.end)?;
        let (body, tail) = frame.split_at_checked(found.start)?;
        Some(Cut { frame, head: &body[..0], body, tail, rest })
    }

    /// The frames that lie one behind another at the beginning of `bytes`.
    #[inline(always)]
    pub(crate) fn cuts(self, bytes: &[u8]) -> UntilCuts<'_> {
        UntilCuts { by: self, bytes, from: 0, lasts: self.by.lasts(bytes) }
    }
}

/// Frames with a delimiter, one behind another.
pub(crate) struct UntilCuts<'d> {
    by: QuickUntil,
    bytes: &'d [u8],
    /// Where the next frame begins.
    from: usize,
    lasts: Places<'d>,
}

impl<'d> Iterator for UntilCuts<'d> {
    type Item = Cut<'d>;

    #[inline(always)]
    fn next(&mut self) -> Option<Cut<'d>> {
        loop {
            let (all, rest) = self.bytes.split_at_checked(self.lasts.next()?.wrapping_add(1))?;
            let frame = all.get(self.from..)?;
            let (_, line) = frame.split_last()?;
            let Some(body) = self.by.by.before(line) else { continue };
            if body.len() as u64 > self.by.max_body {
                return None;
            }
            let tail = &frame[body.len()..];
            self.from = all.len();
            return Some(Cut { frame, head: &body[..0], body, tail, rest });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Frame, Payload, Probe};
    use super::*;
    use proptest::prelude::*;

    /// What the short way and what a probe tells of a frame that is all there.
    fn both_ways(text: &str, bytes: &[u8]) -> (Option<Frame>, Option<Frame>) {
        let format = Format::parse(text).unwrap();
        let probed = match format.probe(bytes) {
            Ok(Probe::Frame(frame)) if frame.total() <= bytes.len() as u64 => Some(frame),
            _ => None,
        };
        let quick = format.quick().cut(bytes).map(|Cut { frame, head, body, tail, rest }| {
            assert_eq!([head, body, tail].concat(), frame);
            assert_eq!([frame, rest].concat(), bytes);
            let mut at = bytes.as_ptr();
            for part in [head, body, tail, rest] {
                assert_eq!(part.as_ptr(), at);
                at = part.as_ptr_range().end;
            }
            Frame { head: head.len(), body: body.len() as u64, tail: tail.len() }
        });
        (quick, probed)
    }

    #[test]
    fn most_formats_have_a_short_way() {
        let cases: [(&str, &[u8], u64); 19] = [
            ("u32be", b"\0\0\0\x02ab", 6),
            ("i32be at=1 counts=field max=2", b"D\0\0\0\x06ab", 7),
            ("u8", b"\x08abcdefgh", 9),
            ("u16le counts=frame", b"\x09\0abcdefg", 9),
            ("u24le head=4 counts=body", b"\x04\0\0\x07abcd", 8),
            ("u32be mask=0xffffff", b"\xff\0\0\x04abcd", 8),
            ("u32be shift=4", b"\0\0\0\x40abcd", 8),
            ("u16le mask=0x0ff0 shift=4", b"\x6f\xf0abcdef", 8),
            ("u64be adjust=-2", b"\0\0\0\0\0\0\0\x05abc", 11),
            ("u64le adjust=2", b"\x01\0\0\0\0\0\0\0abc", 11),
            ("varint", b"\x02abc", 3),
            ("varint overlong=allow max=128", &[&b"\x80\x01"[..], &[b'a'; 128]].concat(), 130),
            ("varint at=1 digits=4", b"\x30\x02abc", 4),
            ("fixed size=3 head=1", b"abcdefgh", 3),
            ("line", b"ab\r\nc\n", 4),
            ("line", b"ab\nc\r\n", 3),
            ("line", b"\n", 1),
            ("crlf max=3", b"a\nb\r\n\r\n", 5),
            ("nul", b"abc\0", 4),
        ];
        for (text, bytes, whole) in cases {
            let (quick, probed) = both_ways(text, bytes);
            assert_eq!(quick, probed, "{text}");
            assert_eq!(quick.unwrap().total(), whole, "{text}");
        }
    }

    #[test]
    fn the_default_is_what_its_text_means() {
        let parsed = Format::parse("u32be").unwrap();
        assert_eq!(format!("{:?}", Format::DEFAULT), format!("{parsed:?}"));
    }

    #[test]
    fn most_heads_have_a_short_way() {
        for text in [
            "u32be",
            "u8",
            "u16le counts=frame",
            "u32be at=1 counts=field",
            "u24le head=4",
            "u32be shift=4",
            "u64be",
            "varint at=1",
        ] {
            let format = Format::parse(text).unwrap();
            let quick = format.quick_head().unwrap();
            assert!(quick.write(5).is_some(), "{text}");
            assert_eq!(quick.write(u64::MAX), None, "{text}");
        }
        for text in [
            "u64be at=1",
            "u32be tail=';'",
            "u32be magic='x'@4 head=5",
            "varintbe",
            "varint digits=1",
            "varint after=1",
            "line",
        ] {
            assert!(Format::parse(text).unwrap().quick_head().is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_not_good_or_not_there_is_left_to_a_probe() {
        let cases: [(&str, &[u8]); 15] = [
            ("u32be", b"\0\0\0\x03ab"),
            ("u32be max=1", b"\0\0\0\x02ab"),
            ("u32be counts=frame", b"\0\0\0\x03ab"),
            ("i32be", b"\xff\xff\xff\xffab"),
            ("u64be max=0xffffffffffffffff", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
            ("u64be adjust=9 max=0xffffffffffffffff", b"\xff\xff\xff\xff\xff\xff\xff\xf8abcdef"),
            ("varint", b"\x02a"),
            ("varint", b"\x80\0"),
            ("varint", b"\x81"),
            ("varint max=1", b"\x02ab"),
            ("varint max=9,frame:3", b"\x03abc"),
            ("line max=2", b"abc\n"),
            ("line max=9,frame:3", b"abc\n"),
            ("line", b"abc"),
            ("crlf", b"a\nb\r"),
        ];
        for (text, bytes) in cases {
            assert_eq!(both_ways(text, bytes), (None, None), "{text}");
        }
    }

    #[test]
    fn where_more_matters_there_is_no_short_way() {
        let cases: [(&str, &[u8]); 8] = [
            ("fixed size=3 tail=';'", b"ab;defgh"),
            ("u8 magic='x'@1 head=2", b"\x01xabcdefghijk"),
            ("u8 tail=';'", b"\x01a;bcdefghijk"),
            ("varintbe", b"\x01abcdefghijk"),
            ("line start='$'", b"$abc\n"),
            ("line trail=2", b"abc\n12"),
            ("delimited by='ab'", b"cab"),
            ("delimited by='\\n','\\r\\n','a\\n'", b"ba\n"),
        ];
        for (text, bytes) in cases {
            let (quick, probed) = both_ways(text, bytes);
            assert!(quick.is_none_or(|frame| Some(frame) == probed) && probed.is_some(), "{text}");
        }
    }

    fn any_format() -> impl Strategy<Value = String> {
        let length = ("[ui](8|16[bl]e|24[bl]e|32[bl]e|40[bl]e|64[bl]e)", 0..3usize, 0..3usize, -9..9i64, 0..20u64)
            .prop_map(|(kind, at, after, adjust, max)| {
                format!("{kind} at={at} after={after} adjust={adjust} max={max}")
            });
        let until = (r"line|crlf|nul|delimited by='\\x01','\\x02\\x01'", 0..9u64, "|,frame:9")
            .prop_map(|(kind, max, frame)| format!("{kind} max={max}{frame}"));
        let varint = (0..3usize, 1..4usize, "|overlong=allow", 0..300u64, "|,frame:9").prop_map(
            |(at, digits, overlong, max, frame)| format!("varint at={at} digits={digits} {overlong} max={max}{frame}"),
        );
        let fixed = (1..20u64, 0..4u64).prop_map(|(size, head)| format!("fixed size={size} head={head}"));
        prop_oneof![length, varint, until, fixed]
    }

    proptest! {
        #[test]
        fn the_short_way_tells_what_a_probe_tells(
            text in any_format(),
            bytes in prop::collection::vec(prop::sample::select(b"\0\0\0\0\x01\x02\x05\x09\x80\xff\r\n".to_vec()), 0..24),
        ) {
            let Ok(_) = Format::parse(&text) else { return Ok(()) };
            let (quick, probed) = both_ways(&text, &bytes);
            prop_assert!(quick.is_none() || quick == probed, "{quick:?}, {probed:?}");
        }

        #[test]
        fn a_head_is_the_same_by_the_short_way(text in any_format(), body in 0..300u64) {
            let Ok(format) = Format::parse(&text) else { return Ok(()) };
            let Some((head, head_len)) = format.quick_head().and_then(|quick| quick.write(body)) else {
                return Ok(());
            };
            let mut slow = [0xff; 64];
            let len = format.write_head(None, Payload::of_len(body), &mut slow).unwrap();
            prop_assert_eq!(&slow[..len], &head[..head_len]);
        }
    }
}
