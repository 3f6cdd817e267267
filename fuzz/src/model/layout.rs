//! What a frame is, of every kind, in the words of the manual.

use super::text::{Tree, literal, number, range, split};

/// What is known of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    More,
    Frame(Frame),
    TooLong,
    Malformed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) head: usize,
    pub(super) body: u128,
    pub(super) tail: usize,
    /// What stands at the end of the tail.
    pub(super) ends_with: Vec<u8>,
}

impl Frame {
    pub(super) fn total(&self) -> u128 {
        (self.head + self.tail) as u128 + self.body
    }
}

/// The most bytes in a body and in a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    body: u64,
    frame: u64,
}

impl Limit {
    /// Whether such a frame is let pass; the highest limit there is limits nothing.
    fn admits(&self, frame: &Frame) -> bool {
        let total = frame.total().min(u64::MAX.into());
        frame.body <= self.body.into() && total <= self.frame.into()
    }
}

pub(super) enum Layout {
    Counted(Counted),
    Delimited { by: Vec<Vec<u8>>, start: Vec<u8>, trail: usize, splits: bool, open_end: bool, limit: Limit },
    Headers { name: Vec<u8>, by: Vec<u8>, may_lack: bool, limit: Limit },
    Eof(Limit),
    Select { number: Number, at: usize, cases: Vec<(Vec<(i128, i128)>, Layout)>, other: Option<Box<Layout>> },
}

/// A length field, and all that may lie around it.
pub(super) struct Counted {
    field: Field,
    at: usize,
    after: usize,
    counts: Counts,
    unit: i128,
    plus: Vec<(Number, usize, u64, u64)>,
    pad: u128,
    tail: Vec<u8>,
    tail_field: Option<(Number, usize)>,
    magic: Vec<(Vec<u8>, usize)>,
    bodiless: Vec<(i128, i128)>,
    /// Such a length as BER's indefinite one means a frame without a body.
    indefinite: bool,
    limit: Limit,
}

enum Counts {
    Adjust(i128),
    Field,
    Frame,
    Body,
}

enum Field {
    Binary(Number),
    Varint { big: bool, digits: usize, overlong: bool },
    Ber { digits: usize, shortest: bool },
    Columns { radix: u32, columns: usize, fill: u8, until: Vec<u8> },
    Digits { radix: u32, until: Vec<u8>, shortest: bool, signed: bool },
    Fixed(u64),
}

/// A binary number.
#[derive(Clone, Copy)]
pub(super) struct Number {
    width: usize,
    big: bool,
    signed: bool,
    mask: u64,
    shift: u32,
}

/// What a length field says.
enum Said {
    More,
    Wrong,
    Number(i128, usize),
    Indefinite(usize),
}

impl Number {
    fn new(name: &[u8]) -> Option<Number> {
        let name = std::str::from_utf8(name).ok()?;
        let bits = name[1..].trim_end_matches(|c: char| c.is_ascii_lowercase());
        let width = bits.parse::<usize>().ok()? / 8;
        let big = !(name.ends_with("le") || name.ends_with("ne") && cfg!(target_endian = "little"));
        let signed = match &name[..1] {
            "u" => false,
            "i" => true,
            _ => return None,
        };
        Some(Number { width, big, signed, mask: u64::MAX, shift: 0 })
    }

    fn of(tree: &Tree, name: &[u8]) -> Option<Number> {
        let number = Number::new(name)?;
        let (mask, shift) = (tree.size("mask").unwrap_or(u64::MAX), tree.size("shift").unwrap_or(0));
        Some(Number { mask, shift: shift as u32, ..number })
    }

    fn get(&self, bytes: &[u8]) -> i128 {
        let mut value = 0u64;
        for i in 0..self.width {
            let byte = if self.big { bytes[i] } else { bytes[self.width - 1 - i] };
            value = value << 8 | u64::from(byte);
        }
        let bits = 8 * self.width as u32 - self.shift;
        let value = i128::from((value & self.mask) >> self.shift);
        if self.signed && value >> (bits - 1) & 1 == 1 { value - (1 << bits) } else { value }
    }

    /// What it says at a place of a head; 0 where the head does not go so far.
    fn at(&self, at: usize, head: &[u8]) -> u64 {
        head.get(at..at + self.width).map_or(0, |bytes| self.get(bytes) as u64)
    }
}

impl Layout {
    pub(super) fn new(text: &[u8]) -> Layout {
        Layout::of(&Tree::new(text), None)
    }

    fn of(tree: &Tree, outer: Option<Limit>) -> Layout {
        let own = tree.get("max").map(|_| limit_of(tree));
        let both = match (own, outer) {
            (Some(a), Some(b)) => Some(Limit { body: a.body.min(b.body), frame: a.frame.min(b.frame) }),
            (one, other) => one.or(other),
        };
        let limit = both.unwrap_or(Limit { body: 16 << 20, frame: u64::MAX });
        let delimited = |by: &[&[u8]]| Layout::Delimited {
            by: by.iter().map(|by| by.to_vec()).chain(tree.list("by").iter().map(|by| literal(by))).collect(),
            start: tree.literal("start"),
            trail: tree.size("trail").unwrap_or(0) as usize,
            splits: tree.says("over", "split"),
            open_end: tree.says("eof", "allow"),
            limit,
        };
        match &tree.kind[..] {
            b"line" => delimited(&[b"\n", b"\r\n"]),
            b"crlf" => delimited(&[b"\r\n"]),
            b"nul" => delimited(&[b"\0"]),
            b"delimited" => delimited(&[]),
            b"headers" => Layout::Headers {
                name: tree.literal("length"),
                by: tree.get("by").map_or(b"\r\n".to_vec(), literal),
                may_lack: tree.says("missing", "empty"),
                limit,
            },
            b"eof" => Layout::Eof(limit),
            b"select" => Layout::select(tree, both),
            b"fixed" => Layout::Counted(Counted::of(tree, both.unwrap_or(NO_LIMIT))),
            _ => Layout::Counted(Counted::of(tree, limit)),
        }
    }

    fn select(tree: &Tree, limit: Option<Limit>) -> Layout {
        let number = Number::of(tree, &tree.operand).expect("a field decides");
        let label = |label: &Vec<u8>| match label[0] {
            b'\'' => (number.get(&literal(label)), number.get(&literal(label))),
            _ => range(label),
        };
        let (mut cases, mut other) = (Vec::new(), None);
        for (labels, format) in &tree.cases {
            let format = Layout::of(format, limit);
            match &labels[..] {
                b"else" => other = Some(Box::new(format)),
                labels => cases.push((split(labels, b',').iter().map(label).collect(), format)),
            }
        }
        Layout::Select { number, at: tree.size("at").unwrap_or(0) as usize, cases, other }
    }

    /// What the frame is with which these bytes begin, the last of the stream. A frame that is to be skipped has no limit.
    pub(super) fn answer(&self, bytes: &[u8], limited: bool) -> Answer {
        match self {
            Layout::Counted(counted) => {
                let beginnings = (0..=bytes.len()).map(|len| counted.known(&bytes[..len], limited));
                beginnings.into_iter().find(|known| *known != Answer::More).unwrap_or(Answer::More)
            }
            Layout::Delimited { .. } => self.delimited(bytes, limited),
            Layout::Headers { name, by, may_lack, limit } => {
                headers(name, by, *may_lack, limited.then_some(limit), bytes)
            }
            Layout::Eof(limit) => {
                let all = Frame { head: 0, body: bytes.len() as u128, tail: 0, ends_with: Vec::new() };
                if limited && !limit.admits(&all) { Answer::TooLong } else { Answer::Frame(all) }
            }
            Layout::Select { number, at, cases, other } => {
                let end = at + number.width;
                let Some(field) = bytes.get(*at..end) else { return Answer::More };
                let value = number.get(field) & i128::from(u64::MAX >> (64 - 8 * number.width));
                let is_for = |labels: &[(i128, i128)]| labels.iter().any(|(a, b)| *a <= value && value <= *b);
                let case = cases.iter().find(|(labels, _)| is_for(labels)).map(|(_, format)| format);
                let Some(format) = case.or(other.as_deref()) else { return Answer::Malformed };
                match format.answer(bytes, limited) {
                    Answer::Frame(frame) if frame.total() < end as u128 => Answer::Malformed,
                    answer => answer,
                }
            }
        }
    }

    fn delimited(&self, bytes: &[u8], limited: bool) -> Answer {
        let Layout::Delimited { by, start, trail, splits, open_end, limit } = self else { unreachable!() };
        if bytes.iter().zip(start).any(|(byte, expected)| byte != expected) {
            return Answer::Malformed;
        }
        let frame = |end: usize, tail: usize| Frame {
            head: start.len(),
            body: (end - start.len()) as u128,
            tail,
            ends_with: Vec::new(),
        };
        // A piece never ends inside a delimiter, not even inside one that is over the limit by a byte.
        let longest = by.iter().map(Vec::len).max().expect("a delimiter") as u64;
        let piece = limit.body.min(limit.frame.saturating_sub(longest - 1));
        let admit = |frame: Frame| match !limited || limit.admits(&frame) {
            true => Answer::Frame(frame),
            false if *splits => Answer::Frame(Frame { body: piece.into(), tail: 0, ..frame }),
            false => Answer::TooLong,
        };
        if bytes.len() < start.len() {
            return Answer::More;
        }
        for at in start.len()..bytes.len() {
            let here = by.iter().filter(|by| bytes[at..].starts_with(by)).map(Vec::len).max();
            if let Some(len) = here {
                return admit(frame(at, len + trail));
            }
        }
        // Of all that more bytes could have made of it, was anything within the limit?
        let begun = |at: usize| by.iter().filter(move |by| by.starts_with(&bytes[at..])).map(move |by| (at, by.len()));
        let possible = || (start.len()..=bytes.len()).flat_map(begun).map(|(at, len)| frame(at, len + trail));
        if limited && !possible().any(|frame| limit.admits(&frame)) {
            return admit(frame(bytes.len(), by[0].len() + trail));
        }
        match *open_end && bytes.len() > start.len() {
            true => admit(frame(bytes.len(), 0)),
            false => Answer::More,
        }
    }
}

const NO_LIMIT: Limit = Limit { body: u64::MAX, frame: u64::MAX };

fn limit_of(tree: &Tree) -> Limit {
    let mut limit = NO_LIMIT;
    for item in tree.list("max") {
        match item.strip_prefix(b"frame:") {
            Some(frame) => limit.frame = number(frame) as u64,
            None => limit.body = number(&item) as u64,
        }
    }
    limit
}

/// Lines up to an empty one; a head has at most 64 KiB, and no more than a frame may have.
fn headers(name: &[u8], by: &[u8], may_lack: bool, limit: Option<&Limit>, bytes: &[u8]) -> Answer {
    let room = limit.map_or(65536, |limit| limit.frame.min(65536)) as usize;
    let there = &bytes[..bytes.len().min(room)];
    let (mut said, mut differ) = (None, false);
    let (mut start, mut at) = (0, 0);
    while at < there.len() {
        if !there[at..].starts_with(by) {
            at += 1;
            continue;
        }
        let (line, end) = (&there[start..at], at + by.len());
        let frame = |body: u128| Frame { head: end, body, tail: 0, ends_with: Vec::new() };
        let over = |body: u128| limit.is_some_and(|limit| !limit.admits(&frame(body)));
        if line.is_empty() {
            return match said {
                _ if differ => Answer::Malformed,
                None if !may_lack => Answer::Malformed,
                said if over(said.unwrap_or(0)) => Answer::TooLong,
                said => Answer::Frame(frame(said.unwrap_or(0))),
            };
        }
        if let Some(value) = value_of(name, line) {
            let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
            let Some(digits) = digits.filter(|digits| !digits.is_empty()) else { return Answer::Malformed };
            // A number of any length; what is over 64 bits is as much as they hold.
            let length = digits.parse::<u128>().unwrap_or(u128::MAX).min(u64::MAX.into());
            if over(length) {
                return Answer::TooLong;
            }
            differ |= said.is_some_and(|before| before != length);
            said = said.or(Some(length));
        }
        (start, at) = (end, end);
    }
    if there.len() >= room { Answer::TooLong } else { Answer::More }
}

fn value_of<'l>(name: &[u8], line: &'l [u8]) -> Option<&'l [u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    line[..colon].trim_ascii().eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
}

impl Counted {
    fn of(tree: &Tree, limit: Limit) -> Counted {
        let bodiless = tree.list("bodiless");
        let field = Field::of(tree);
        let at = tree.size("at").unwrap_or(0) as usize;
        let after = match tree.size("head") {
            Some(head) => head as usize - at - field.least(),
            None => tree.size("after").unwrap_or(0) as usize,
        };
        let counts = match (tree.get("adjust"), tree.get("counts")) {
            (Some(adjust), _) => Counts::Adjust(number(adjust)),
            (_, Some(b"field")) => Counts::Field,
            (_, Some(b"frame")) => Counts::Frame,
            (_, Some(b"body")) => Counts::Body,
            _ => Counts::Adjust(0),
        };
        let place = |text: &[u8]| {
            let parts = split(text, b'@');
            (Number::new(&parts[0]).expect("a field"), number(&parts[1]) as usize)
        };
        let plus = |text: &Vec<u8>| {
            let (text, align) = cut(text, b'~');
            let (text, unit) = cut(&text, b'*');
            let (number, at) = place(&text);
            (number, at, unit, align)
        };
        let mark = |text: &Vec<u8>| {
            let parts = split(text, b'@');
            (literal(&parts[0]), parts.get(1).map_or(0, |at| number(at) as usize))
        };
        let is_literal = tree.get("tail").is_some_and(|tail| tail[0] == b'\'');
        Counted {
            at,
            after,
            counts,
            unit: tree.size("unit").unwrap_or(1).into(),
            plus: tree.list("plus").iter().map(plus).collect(),
            pad: tree.size("pad").unwrap_or(1).into(),
            tail: match &tree.kind[..] {
                b"netstring" => b",".to_vec(),
                _ if is_literal => tree.literal("tail"),
                _ => Vec::new(),
            },
            tail_field: tree.get("tail").filter(|_| !is_literal).map(place),
            magic: tree.list("magic").iter().map(mark).collect(),
            indefinite: bodiless.iter().any(|item| item == b"indefinite"),
            bodiless: bodiless.iter().filter(|item| *item != b"indefinite").map(|item| range(item)).collect(),
            field,
            limit,
        }
    }

    /// What this much of a frame tells.
    fn known(&self, bytes: &[u8], limited: bool) -> Answer {
        let is_magic = |(magic, at): &(Vec<u8>, usize)| magic.iter().zip(bytes.iter().skip(*at)).all(|(a, b)| a == b);
        if !self.magic.iter().all(is_magic) {
            return Answer::Malformed;
        }
        let field = bytes.get(self.at..).unwrap_or_default();
        if let Some((value, width)) = self.digits_so_far(field)
            && self.frame(value, width, &[], limited) == Answer::TooLong
        {
            return Answer::TooLong;
        }
        let needed = self.plus.iter().map(|(number, at, ..)| at + number.width);
        let needed = needed.chain(self.tail_field.iter().map(|(number, at)| at + number.width)).max().unwrap_or(0);
        let magic_end = self.magic.iter().map(|(magic, at)| at + magic.len()).max().unwrap_or(0);
        let answer = match self.field.read(field) {
            Said::Wrong => return Answer::Malformed,
            Said::More => return Answer::More,
            _ if bytes.len() < needed => return Answer::More,
            Said::Indefinite(width) if self.indefinite => Answer::Frame(self.bodiless_frame(width)),
            Said::Indefinite(_) => return Answer::Malformed,
            Said::Number(value, width) => self.frame(value, width, bytes, limited),
        };
        match answer {
            Answer::Frame(_) if bytes.len() < magic_end => Answer::More,
            answer => answer,
        }
    }

    /// Digits go from the highest to the lowest: the number that they say so far is the least that it will be.
    fn digits_so_far(&self, field: &[u8]) -> Option<(i128, usize)> {
        let Field::Digits { radix, until, shortest, .. } = &self.field else { return None };
        if *shortest && field.len() > 1 && field[0] == b'0' {
            return None; // no number
        }
        let digits = field.iter().take_while(|byte| char::from(**byte).is_digit(*radix)).take(20).count();
        let any_length_is_one = self.bodiless.is_empty() && !self.indefinite;
        (digits > 0 && any_length_is_one).then(|| (value(&field[..digits], *radix), digits + until.len()))
    }

    fn bodiless_frame(&self, width: usize) -> Frame {
        Frame { head: self.at + width + self.after, body: 0, tail: 0, ends_with: Vec::new() }
    }

    fn frame(&self, value: i128, width: usize, head: &[u8], limited: bool) -> Answer {
        if self.bodiless.iter().any(|(first, last)| *first <= value && value <= *last) {
            let frame = self.bodiless_frame(width);
            return if limited && !self.limit.admits(&frame) { Answer::TooLong } else { Answer::Frame(frame) };
        }
        if value < 0 {
            return Answer::Malformed;
        }
        let plus = self.plus.iter().map(|(number, at, unit, align)| {
            let value = u128::from(number.at(*at, head)) * u128::from(*unit);
            value.div_ceil((*align).into()) * u128::from(*align)
        });
        let plus = plus.map(|plus| plus.min(u64::MAX.into()) as i128).sum::<i128>();
        let (at, width, after) = (self.at as i128, width as i128, self.after as i128);
        let adjust = match self.counts {
            Counts::Adjust(adjust) => adjust,
            Counts::Field => -width,
            Counts::Frame => -(at + width),
            Counts::Body => after,
        };
        let body = value.saturating_mul(self.unit).saturating_add(plus + adjust - after);
        match u64::try_from(body) {
            _ if body < 0 => return Answer::Malformed,
            Err(_) => return Answer::TooLong,
            Ok(_) => {}
        }
        let before_padding = (at + width + after + body) as u128;
        let padding = before_padding.next_multiple_of(self.pad) - before_padding;
        let counted = self.tail_field.as_ref().map_or(0, |(number, at)| number.at(*at, head) as usize);
        let frame = Frame {
            head: (at + width + after) as usize,
            body: body as u128,
            tail: padding as usize + self.tail.len() + counted,
            ends_with: self.tail.clone(),
        };
        if limited && !self.limit.admits(&frame) { Answer::TooLong } else { Answer::Frame(frame) }
    }
}

/// What stands before a sign, and the number behind it, which is 1 where there is none.
fn cut(text: &[u8], sign: u8) -> (Vec<u8>, u64) {
    let parts = split(text, sign);
    (parts[0].clone(), parts.get(1).map_or(1, |text| number(text) as u64))
}

/// The number that digits say; the most that there is where they say more.
fn value(digits: &[u8], radix: u32) -> i128 {
    i128::from_str_radix(std::str::from_utf8(digits).expect("digits"), radix).unwrap_or(i128::MAX)
}

impl Field {
    fn of(tree: &Tree) -> Field {
        let digits = tree.size("digits").map(|digits| digits as usize);
        let (until, refuses) = (tree.literal("until"), tree.says("overlong", "refuse"));
        let ascii = |radix: u32| match digits {
            Some(columns) => {
                let fill = tree.literal("fill").first().copied().unwrap_or(b'0');
                Field::Columns { radix, columns, fill, until: until.clone() }
            }
            None => {
                let signed = tree.list("bodiless").iter().any(|item| range(item).0 < 0);
                Field::Digits { radix, until: until.clone(), shortest: refuses, signed }
            }
        };
        match &tree.kind[..] {
            b"fixed" => Field::Fixed(tree.size("size").expect("a size")),
            kind @ (b"varint" | b"varintbe") => Field::Varint {
                big: kind == b"varintbe",
                digits: digits.unwrap_or(10),
                overlong: tree.says("overlong", "allow"),
            },
            b"ber" => Field::Ber { digits: digits.unwrap_or(4), shortest: refuses },
            b"decimal" => ascii(10),
            b"hex" => ascii(16),
            b"netstring" => Field::Digits { radix: 10, until: b":".to_vec(), shortest: true, signed: false },
            name => Field::Binary(Number::of(tree, name).expect("a kind of format")),
        }
    }

    /// The fewest bytes that it has.
    fn least(&self) -> usize {
        match self {
            Field::Binary(number) => number.width,
            Field::Varint { .. } => 1,
            Field::Ber { .. } => 2,
            Field::Columns { columns, until, .. } => columns + until.len(),
            Field::Digits { until, .. } => 1 + until.len(),
            Field::Fixed(_) => 0,
        }
    }

    fn read(&self, bytes: &[u8]) -> Said {
        match self {
            Field::Fixed(size) => Said::Number(i128::from(*size), 0),
            Field::Binary(number) => match bytes.len() < number.width {
                true => Said::More,
                false => Said::Number(number.get(bytes), number.width),
            },
            Field::Varint { big, digits, overlong } => varint(bytes, *big, *digits, *overlong),
            Field::Ber { digits, shortest } => ber(bytes, *digits, *shortest),
            Field::Columns { radix, columns, fill, until } => columns_of(bytes, *radix, *columns, *fill, until),
            Field::Digits { radix, until, shortest, signed } => digits_of(bytes, *radix, until, *shortest, *signed),
        }
    }
}

fn varint(bytes: &[u8], big: bool, digits: usize, overlong: bool) -> Said {
    let mut value = 0u128;
    for (i, byte) in bytes.iter().take(digits).enumerate() {
        let group = u128::from(byte & 0x7f);
        let last = byte & 0x80 == 0;
        value = if big { value << 7 | group } else { value | group << (7 * i) };
        let needless = if big { i == 0 && *byte == 0x80 } else { i > 0 && *byte == 0 };
        if value > u64::MAX.into() || needless && !overlong {
            return Said::Wrong;
        }
        if last {
            return Said::Number(value as i128, i + 1);
        }
    }
    if bytes.len() < digits { Said::More } else { Said::Wrong }
}

fn ber(bytes: &[u8], digits: usize, shortest: bool) -> Said {
    let tag = match bytes {
        [] => return Said::More,
        [first, ..] if first & 0x1f != 0x1f => 1,
        [_, rest @ ..] => match rest.iter().take(9).position(|byte| *byte < 0x80) {
            Some(last) => last + 2,
            None if rest.len() < 9 => return Said::More,
            None => return Said::Wrong,
        },
    };
    let Some(&first) = bytes.get(tag) else { return Said::More };
    let many = usize::from(first & 0x7f);
    match first {
        0..0x80 => Said::Number(first.into(), tag + 1),
        0x80 => Said::Indefinite(tag + 1),
        _ if many > digits => Said::Wrong,
        _ => match bytes.get(tag + 1..tag + 1 + many) {
            None => Said::More,
            Some([0, ..] | [0..0x80]) if shortest => Said::Wrong,
            Some(number) => {
                let value = number.iter().fold(0, |value, byte| value << 8 | i128::from(*byte));
                Said::Number(value, tag + 1 + many)
            }
        },
    }
}

fn columns_of(bytes: &[u8], radix: u32, columns: usize, fill: u8, until: &[u8]) -> Said {
    let there = &bytes[..bytes.len().min(columns)];
    let filled = |byte: &u8| fill != b'0' && *byte == fill;
    let start = there.iter().take_while(|byte| filled(byte)).count();
    let len = there[start..].iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let digits = &there[start..start + len];
    let behind = bytes.get(columns..).unwrap_or_default();
    if !there[start + len..].iter().all(filled) || !ends_so(behind, until) {
        return Said::Wrong;
    }
    match bytes.len() < columns + until.len() {
        true => Said::More,
        false if digits.is_empty() => Said::Wrong,
        false => Said::Number(value(digits, radix), columns + until.len()),
    }
}

fn digits_of(bytes: &[u8], radix: u32, until: &[u8], shortest: bool, signed: bool) -> Said {
    let minus = signed && bytes.first() == Some(&b'-');
    let unsigned = &bytes[usize::from(minus)..];
    let len = unsigned.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let width = usize::from(minus) + len + until.len();
    if len > 20 || shortest && len > 1 && unsigned[0] == b'0' || !ends_so(&unsigned[len..], until) {
        return Said::Wrong;
    }
    match unsigned.len() {
        there if there > len && len == 0 => Said::Wrong,
        _ if bytes.len() < width || len == 0 => Said::More,
        _ if minus => Said::Number(-value(&unsigned[..len], radix), width),
        _ => Said::Number(value(&unsigned[..len], radix), width),
    }
}

/// Whether these bytes begin with the literal, as far as they go.
fn ends_so(bytes: &[u8], literal: &[u8]) -> bool {
    bytes.iter().zip(literal).all(|(byte, expected)| byte == expected)
}
