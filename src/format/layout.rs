//! The keys that all formats with a length share: what the length counts, and what lies around it.
//!
//! ```text
//! 0        at               at + width        head                                      pad
//! +--------+----------------+-----------------+----------------- - -+-------------------+------+
//! |        | length         |                 | body                | tail: padding     | tail |
//! +--------+----------------+-----------------+----------------- - -+-------------------+------+
//! |<-- at + width + length × unit + plus + adjust ----------------->| rounded up to pad |
//! ```

use super::ber;
use super::field::Field;
use super::frame::{Frame, HEAD_MAX, Limit, Tail};
use super::length::Place;
use super::settings::{Commas, Quoted, Settings, Span, adjustment, literal, number, range, size};
use super::text::Word;
use crate::Error;
use std::fmt;

/// The shared keys, for the list of those that a kind takes.
pub(super) const KEYS: [&str; 13] =
    ["at", "head", "after", "counts", "adjust", "unit", "plus", "pad", "tail", "magic", "init", "bodiless", "max"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) at: usize,
    /// Bytes of the head behind the length field.
    pub(super) after: usize,
    pub(super) counts: Counts,
    pub(super) limit: Limit,
    pub(super) extras: Extras,
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// What follows the length field, but for so many bytes.
    Rest(i64),
    /// The length field and what follows it.
    Field,
    /// The whole frame.
    Frame,
    /// The body alone.
    Body,
}

/// What most formats have nothing of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extras {
    pub(super) unit: u64,
    pub(super) pad: u64,
    pub(super) plus: Vec<Plus>,
    pub(super) tail: TailKind,
    pub(super) magic: Vec<Mark>,
    pub(super) init: Vec<Mark>,
    pub(super) bodiless: Vec<(i128, i128)>,
}

/// Why a body has no length where one counts more bytes than one.
pub(super) const NOT_IN_UNITS: Error = Error::Malformed("the length counts in units that do not make up this body");

/// A second length to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plus {
    pub(super) place: Place,
    unit: u64,
    align: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TailKind {
    None,
    Literal(Vec<u8>),
    /// A field of the head says how many bytes.
    Counted(Place),
}

/// Bytes at a place of the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) bytes: Vec<u8>,
    pub(super) at: usize,
}

impl Layout {
    pub(super) fn parse(settings: &Settings<'_, '_>, field: &Field) -> Result<Layout, Error> {
        let at = settings.head_size("at")?.unwrap_or(0);
        let least_end = at + field.least_width();
        let after = match settings.head_size("head")? {
            Some(head) if head < least_end => {
                return settings.refuse(&["head"], "the head ends before its length field");
            }
            Some(_) if !field.has_one_width() => {
                return settings
                    .refuse(&["head"], "the length field varies in width, and the head with it: use after=n");
            }
            Some(head) => head - least_end,
            None => settings.head_size("after")?.unwrap_or(0),
        };
        if settings.value("head").is_some() && settings.value("after").is_some() {
            return settings.refuse(&["after"], "head and after both say where the head ends");
        }
        let counts = Counts::parse(settings)?;
        let default = if let Field::Fixed(_) = field { Limit::NONE } else { Limit::DEFAULT };
        let limit = settings.limit()?.unwrap_or(default);
        let layout =
            Layout { at, after, counts, limit, extras: Extras::parse(settings, field, at, least_end + after)? };
        layout.check(settings, field)?;
        Ok(layout)
    }

    /// Refuses what contradicts itself.
    fn check(&self, settings: &Settings<'_, '_>, field: &Field) -> Result<(), Error> {
        let head = self.at + field.least_width() + self.after;
        if self.at + self.after + super::field::FIELD_MAX > HEAD_MAX {
            return settings.refuse(&["head", "after", "at"], "a head has at most 65472 bytes beside its length field");
        }
        if self.limit.frame < head as u64 {
            return settings.refuse(&["max"], "the head alone is over this limit");
        }
        let most = self.behind_field(i128::from(field.largest()), field.least_width(), |_| u64::MAX);
        if most < self.after as i128 {
            return settings.refuse(&["adjust", "head", "after", "counts"], "no length reaches the end of the head");
        }
        if let Field::Fixed(fixed) = field {
            let body = fixed.size - head.min(fixed.size as usize) as u64;
            let tail = if let TailKind::Literal(tail) = &self.extras.tail { tail.len() } else { 0 };
            if self.limit.admit(Frame { head, body, tail }).is_err() {
                return settings.refuse(&["size"], "the size is over the max");
            }
        }
        Ok(())
    }

    /// How many bytes there are from the length field's end to the body's, where the field says `value`.
    fn behind_field(&self, value: i128, width: usize, plus: impl Fn(&Plus) -> u64) -> i128 {
        let plus: i128 = self.extras.plus.iter().map(|p| i128::from(plus(p))).sum();
        // 32 hexadecimal digits say more than 128 bits hold, and are taken for the most that these do.
        value.saturating_mul(i128::from(self.extras.unit)).saturating_add(plus + self.not_counted(width))
    }

    /// How many bytes behind the length field the length does not count; below 0 for those before its end that it does.
    pub(super) fn not_counted(&self, width: usize) -> i128 {
        match self.counts {
            Counts::Rest(adjust) => i128::from(adjust),
            Counts::Field => -(width as i128),
            Counts::Frame => -((self.at + width) as i128),
            Counts::Body => self.after as i128,
        }
    }

    /// The frame of which the length field, which is so wide, says `value`, and whose head begins like this. `None` where
    /// the value is of no frame.
    pub(super) fn frame(&self, value: i128, width: usize, head: &[u8]) -> Result<Frame, Error> {
        let head_len = self.at + width + self.after;
        if self.is_bodiless(value) {
            return Ok(Frame { head: head_len, body: 0, tail: 0 });
        }
        if value == ber::INDEFINITE {
            return Err(Error::Malformed("the length is indefinite"));
        }
        if value < 0 {
            return Err(Error::Malformed("the length is negative"));
        }
        let body = self.behind_field(value, width, |plus| plus.get(head)) - self.after as i128;
        if body < 0 {
            return Err(Error::Malformed("the length ends the frame inside its own head"));
        }
        let body = u64::try_from(body).map_err(|_| Error::TooLong { len: u64::MAX, max: self.limit.body })?;
        Ok(Frame { head: head_len, body, tail: self.tail(head, head_len, body).len() })
    }

    /// What the length field says of a body behind a head that begins like this: the inverse of [`Layout::frame`].
    pub(super) fn value(&self, body: u64, width: usize, head: &[u8]) -> Result<u64, Error> {
        const TOO_SHORT: Error = Error::Malformed("the body is shorter than any that the length can say");
        let extra = self.behind_field(0, width, |plus| plus.get(head));
        let counted = i128::from(body) + self.after as i128 - extra;
        let unit = i128::from(self.extras.unit);
        if counted < 0 {
            return Err(TOO_SHORT);
        }
        if counted % unit != 0 {
            return Err(NOT_IN_UNITS);
        }
        match u64::try_from(counted / unit) {
            Ok(value) if body > 0 && self.is_bodiless(i128::from(value)) => {
                Err(Error::Malformed("the length of this body means a frame without a body"))
            }
            Ok(value) => Ok(value),
            Err(_) => Err(Error::TooLong { len: body, max: u64::MAX }),
        }
    }

    pub(super) fn is_bodiless(&self, value: i128) -> bool {
        self.extras.bodiless.iter().any(|&(first, last)| first <= value && value <= last)
    }

    /// What follows a body.
    pub(super) fn tail(&self, head: &[u8], head_len: usize, body: u64) -> Tail<'_> {
        let pad = self.extras.pad;
        let over = (head_len as u64 % pad + body % pad) % pad;
        let padding = if over == 0 { 0 } else { (pad - over) as usize };
        match &self.extras.tail {
            TailKind::None => Tail { padding, ..Tail::default() },
            TailKind::Literal(literal) => Tail { padding, literal, trail: 0 },
            TailKind::Counted(place) => Tail { padding, literal: &[], trail: place.get(head) as usize },
        }
    }

    /// Where the last of the fields behind the length field ends, of those that say how long the frame is.
    pub(super) fn fields_end(&self) -> usize {
        let tail = if let TailKind::Counted(place) = &self.extras.tail { place.end() } else { 0 };
        self.extras.plus.iter().map(|plus| plus.place.end()).fold(tail, usize::max)
    }

    /// Refuses a head of which bytes that are there are not the magic ones.
    pub(super) fn check_magic(&self, head: &[u8]) -> Result<(), Error> {
        let magic = self.extras.magic.iter();
        let mut wrong = magic.flat_map(|mark| mark.bytes.iter().zip(head.get(mark.at..).unwrap_or_default()));
        match wrong.any(|(expected, byte)| expected != byte) {
            true => Err(Error::Malformed("the head lacks the format's magic bytes")),
            false => Ok(()),
        }
    }

    /// Where the last of the magic bytes ends.
    pub(super) fn magic_end(&self) -> usize {
        self.extras.magic.iter().map(Mark::end).max().unwrap_or(0)
    }

    /// Writes what a head has where its sender says nothing.
    pub(super) fn write_default(&self, head: &mut [u8]) {
        head.fill(0);
        for mark in self.extras.init.iter().chain(&self.extras.magic) {
            if let Some(place) = head.get_mut(mark.at..mark.end()) {
                place.copy_from_slice(&mark.bytes);
            }
        }
    }
}

impl Counts {
    fn parse(settings: &Settings<'_, '_>) -> Result<Counts, Error> {
        match (settings.value("counts"), settings.value("adjust")) {
            (None, None) => Ok(Counts::Rest(0)),
            (Some(_), Some(adjust)) => adjust.refuse("counts and adjust both say what the length counts"),
            (None, Some(word)) => adjustment(word).map(Counts::Rest),
            (Some(word), None) => match word.text {
                b"rest" => Ok(Counts::Rest(0)),
                b"field" => Ok(Counts::Field),
                b"frame" => Ok(Counts::Frame),
                b"body" => Ok(Counts::Body),
                _ => word.refuse("what the length counts is rest, field, frame or body"),
            },
        }
    }
}

impl Extras {
    pub(super) const NONE: Extras = Extras {
        unit: 1,
        pad: 1,
        plus: Vec::new(),
        tail: TailKind::None,
        magic: Vec::new(),
        init: Vec::new(),
        bodiless: Vec::new(),
    };

    fn parse(settings: &Settings<'_, '_>, field: &Field, at: usize, head: usize) -> Result<Extras, Error> {
        const SMALL: &str = "this is a number from 1 to 64K";
        let unit = settings.within("unit", 1, 65536, SMALL)?.unwrap_or(1);
        let pad = settings.within("pad", 1, 65536, SMALL)?.unwrap_or(1);
        let tail = match settings.value("tail") {
            None => TailKind::None,
            Some(word) if word.text.starts_with(b"'") => TailKind::Literal(literal(word)?),
            Some(word) => match Place::parse(word)? {
                place if place.number.width() <= 2 => TailKind::Counted(place),
                _ => return word.refuse("the field that counts a tail has one byte or two"),
            },
        };
        let bodiless = |word: Word<'_>| match (word.text, field) {
            (b"indefinite", Field::Ber(_)) => Ok((ber::INDEFINITE, ber::INDEFINITE)),
            _ => match range(word)? {
                (first, last) if field.may_say(first) && field.may_say(last) => Ok((first, last)),
                _ => word.refuse("the length never says this"),
            },
        };
        let plus = settings.list("plus", Plus::parse)?;
        let magic = settings.list("magic", Mark::parse)?;
        let init = settings.list("init", Mark::parse)?;
        let bodiless = settings.list("bodiless", bodiless)?;
        let extras = Extras { unit, pad, plus, tail, magic, init, bodiless };
        extras.check(settings, field, at, head)?;
        Ok(extras)
    }

    /// Where the width of the length field varies, nothing behind it has a place of its own.
    fn check(&self, settings: &Settings<'_, '_>, field: &Field, at: usize, head: usize) -> Result<(), Error> {
        let end = match field {
            Field::Ber(_) => at + 1, // a tag may be told by its first byte
            field if field.has_one_width() => head,
            _ => at,
        };
        let marks = |marks: &[Mark]| marks.iter().any(|mark| mark.end() > end);
        let counted = if let TailKind::Counted(place) = &self.tail { place.end() } else { 0 };
        let beyond = [
            ("plus", self.plus.iter().any(|plus| plus.place.end() > end)),
            ("tail", counted > end),
            ("magic", marks(&self.magic)),
            ("init", marks(&self.init)),
        ];
        if let Some((key, _)) = beyond.iter().find(|(_, beyond)| *beyond) {
            return settings.refuse(&[key], "this lies beyond the head, or beyond what of it has a fixed place");
        }
        let field_end = at + if let Field::Ber(_) = field { 0 } else { field.least_width() };
        // What the length is written over is not there to say another one.
        let written =
            |place: &Place| (place.at.max(at)..place.end().min(field_end)).any(|byte| field.says_in(byte - at));
        if self.plus.iter().any(|plus| written(&plus.place)) {
            return settings.refuse(&["plus"], "the length field says the length, and no other number");
        }
        if let TailKind::Counted(place) = &self.tail
            && written(place)
        {
            return settings.refuse(&["tail"], "the length field says the length, and no other number");
        }
        match self.magic.iter().any(|mark| mark.at < field_end && at < mark.end()) {
            true => settings.refuse(&["magic"], "the length field says the length, and no magic bytes"),
            false => Ok(()),
        }
    }
}

impl Plus {
    fn parse(word: Word<'_>) -> Result<Plus, Error> {
        let (rest, align) = match word.split(b'~') {
            Some((rest, align)) => (rest, count(align)?),
            None => (word, 1),
        };
        let (place, unit) = match rest.split(b'*') {
            Some((place, unit)) => (place, count(unit)?),
            None => (rest, 1),
        };
        Ok(Plus { place: Place::parse(place)?, unit, align })
    }

    /// What this adds to the length.
    fn get(&self, head: &[u8]) -> u64 {
        let value = self.place.get(head).saturating_mul(self.unit);
        value.checked_next_multiple_of(self.align).unwrap_or(u64::MAX)
    }
}

fn count(word: Word<'_>) -> Result<u64, Error> {
    match size(word)? {
        n @ 1..=65536 => Ok(n),
        _ => word.refuse("this is a number from 1 to 64K"),
    }
}

impl Mark {
    fn parse(word: Word<'_>) -> Result<Mark, Error> {
        let Some((text, at)) = word.split(b'@') else {
            return Ok(Mark { bytes: literal(word)?, at: 0 });
        };
        match number(at)? {
            n @ 0..=65535 => Ok(Mark { bytes: literal(text)?, at: n as usize }),
            _ => at.refuse("a head has at most 64K bytes"),
        }
    }

    fn end(&self) -> usize {
        self.at + self.bytes.len()
    }
}

/// The settings that are not their defaults, each behind a blank.
impl Layout {
    pub(super) fn write_settings(&self, f: &mut fmt::Formatter<'_>, field: &Field) -> fmt::Result {
        if self.at > 0 {
            write!(f, " at={}", self.at)?;
        }
        match self.after {
            0 => {}
            after if field.has_one_width() => write!(f, " head={}", self.at + field.least_width() + after)?,
            after => write!(f, " after={after}")?,
        }
        match self.counts {
            Counts::Rest(0) => {}
            Counts::Rest(adjust) => write!(f, " adjust={adjust}")?,
            Counts::Field => write!(f, " counts=field")?,
            Counts::Frame => write!(f, " counts=frame")?,
            Counts::Body => write!(f, " counts=body")?,
        }
        write!(f, "{}", self.extras)?;
        if let (Field::Fixed(_), Limit::NONE) = (field, self.limit) {
            return Ok(());
        }
        write!(f, " {}", self.limit)
    }
}

impl fmt::Display for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit > 1 {
            write!(f, " unit={}", self.unit)?;
        }
        if !self.plus.is_empty() {
            write!(f, " plus={}", Commas(self.plus.iter()))?;
        }
        if self.pad > 1 {
            write!(f, " pad={}", self.pad)?;
        }
        match &self.tail {
            TailKind::None => {}
            TailKind::Literal(literal) => write!(f, " tail={}", Quoted(literal))?,
            TailKind::Counted(place) => write!(f, " tail={place}")?,
        }
        if !self.magic.is_empty() {
            write!(f, " magic={}", Commas(self.magic.iter()))?;
        }
        if !self.init.is_empty() {
            write!(f, " init={}", Commas(self.init.iter()))?;
        }
        match &self.bodiless[..] {
            [] => Ok(()),
            ranges => write!(f, " bodiless={}", Commas(ranges.iter().map(|&(first, last)| Span(first, last)))),
        }
    }
}

impl fmt::Display for Plus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if self.unit > 1 {
            write!(f, "*{}", self.unit)?;
        }
        if self.align > 1 {
            write!(f, "~{}", self.align)?;
        }
        Ok(())
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", Quoted(&self.bytes), self.at)
    }
}
