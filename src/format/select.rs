//! `select`: a number in the head decides which whole format the frame has.

use super::frame::{Ask, Frame, Limit, Payload, Probe, Tail};
use super::kind::Format;
use super::length::Length;
use super::settings::{Commas, Settings, Span, literal, range};
use super::text::{Tree, Word};
use crate::Error;
use crate::memory::push;
use std::fmt;

/// Most cases of one select.
const CASES_MAX: usize = 256;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Select {
    number: Length,
    at: usize,
    /// In the order in which a sender who gives no head tries them.
    cases: Vec<Case>,
    /// What all cases but `else` are for, in the order of the numbers.
    spans: Vec<CaseSpan>,
    /// The case that is `else`.
    other: Option<u16>,
}

/// Numbers that a case is for.
#[derive(Debug, PartialEq, Eq)]
struct CaseSpan {
    first: u64,
    last: u64,
    case: u16,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// Which numbers it is for; none for `else`.
    labels: Vec<(i128, i128)>,
    pub(super) format: Format,
}

const NO_CASE: Error = Error::Malformed("no case of the select is for this number");

impl Select {
    pub(super) fn parse(tree: &Tree<'_>, outer: Option<Limit>) -> Result<Select, Error> {
        let unknown = "no such key here; select takes at, mask, shift and max";
        let settings = Settings::of_select(tree, outer, &[&["at", "mask", "shift", "max"]], unknown)?;
        let Some(name) = tree.operand else {
            return settings.refuse(&[], "what decides? give a field, like select u8 at=1 { … }");
        };
        let Some(number) = Length::named(name.text) else {
            return name.refuse("what decides is a field: u8, u16be, u16le, … u64le");
        };
        let number = number.masked(&settings)?;
        let at = settings.head_size("at")?.unwrap_or(0);
        let limit = settings.limit()?;
        let mut select = Select { number, at, cases: Vec::new(), spans: Vec::new(), other: None };
        let mut taken = Vec::new();
        for case in &tree.cases {
            if select.cases.len() == CASES_MAX {
                return case.labels.refuse("a select has at most 256 cases");
            }
            let labels = select.labels(case.labels, &mut taken)?;
            let format = Format::from_tree(&case.format, limit)?;
            if format.may_end_before(select.end()) {
                return case.format.kind.refuse("a frame of this case may end before the field that decides");
            }
            if format.least_head_of_checked_tails().is_some_and(|len| len < select.end()) {
                return case.format.kind.refuse("where a tail is a literal, what decides lies in the head");
            }
            select.note(&labels)?;
            push(&mut select.cases, Case { labels, format })?;
        }
        check_apart(&mut taken)?;
        select.spans.sort_unstable_by_key(|span| span.first);
        match select.cases.is_empty() {
            true => settings.refuse(&[], "a select has cases: { value: format; else: format }"),
            false => Ok(select),
        }
    }

    /// Notes down what the next case is for.
    fn note(&mut self, labels: &[(i128, i128)]) -> Result<(), Error> {
        let case = self.cases.len() as u16; // there are few
        if labels.is_empty() {
            self.other = Some(case);
        }
        for &(first, last) in labels {
            push(&mut self.spans, CaseSpan { first: first as u64, last: last as u64, case })?;
        }
        Ok(())
    }

    /// What a case is for; noted down in `taken`, too, with where it is said.
    fn labels<'t>(&self, labels: Word<'t>, taken: &mut Vec<Taken<'t>>) -> Result<Vec<(i128, i128)>, Error> {
        let mut list = Vec::new();
        for label in labels.list() {
            let label = label.trim();
            let (first, last) = match label.text {
                b"else" if labels.text != b"else" => return label.refuse("else stands alone"),
                b"else" if self.cases.iter().any(|case| case.labels.is_empty()) => {
                    return label.refuse("there was an else before");
                }
                b"else" => return Ok(list),
                [b'\'', ..] => self.literal(label)?,
                _ => range(label)?,
            };
            if first < 0 || !self.number.can_say(u64::try_from(last).unwrap_or(u64::MAX)) {
                return label.refuse("the field that decides never says this");
            }
            push(taken, (first, last, label))?;
            push(&mut list, (first, last))?;
        }
        Ok(list)
    }

    /// The number of which these are the bytes.
    fn literal(&self, label: Word<'_>) -> Result<(i128, i128), Error> {
        match literal(label)? {
            bytes if bytes.len() == self.number.width() => {
                let value = i128::from(self.number.get(&bytes));
                Ok((value, value))
            }
            _ => label.refuse("this literal is not as long as the field that decides"),
        }
    }

    /// Where the field ends that decides.
    pub(super) fn end(&self) -> usize {
        self.at + self.number.width()
    }

    pub(super) fn cases(&self) -> &[Case] {
        &self.cases
    }

    pub(super) fn number(&self) -> (Length, usize) {
        (self.number, self.at)
    }

    pub(super) fn least(&self) -> usize {
        self.cases.iter().map(|case| case.format.least()).min().unwrap_or(0).max(self.end())
    }

    pub(super) fn max_body(&self) -> u64 {
        self.cases.iter().map(|case| case.format.max_body()).max().unwrap_or(0)
    }

    /// The case of a frame that begins like this; `None` where too little is there to tell.
    pub(super) fn case(&self, bytes: &[u8]) -> Result<Option<&Case>, Error> {
        let Some(field) = bytes.get(self.at..self.end()) else { return Ok(None) };
        let value = self.number.get(field);
        let behind = self.spans.partition_point(|span| span.first <= value);
        let span = self.spans[..behind].last().filter(|span| value <= span.last);
        let case = span.map(|span| span.case).or(self.other).and_then(|case| self.cases.get(usize::from(case)));
        case.ok_or(NO_CASE).map(Some)
    }

    pub(super) fn probe(&self, bytes: &[u8], ask: Ask) -> Result<Probe, Error> {
        let Some(case) = self.case(bytes)? else { return Ok(Probe::NeedMore { at_least: self.least() }) };
        match case.format.probe_as(bytes, self.of_case(ask))? {
            Probe::Frame(frame) if frame.total() < self.end() as u64 => {
                Err(Error::Malformed("the frame ends before the field that decides what it is"))
            }
            probe => Ok(probe),
        }
    }

    pub(super) fn probe_end(&self, bytes: &[u8], ask: Ask) -> Result<Frame, Error> {
        self.case(bytes)?.ok_or(Error::Truncated)?.format.probe_end_as(bytes, self.of_case(ask))
    }

    /// What came before it was known which case it is was not searched.
    fn of_case(&self, ask: Ask) -> Ask {
        Ask { before: if ask.before < self.end() { 0 } else { ask.before }, ..ask }
    }

    pub(super) fn write_head(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let Some(given) = given else { return self.write_first(body, out) };
        let case = self.case_of(given, body)?;
        let len = case.format.write_head(Some(given), body, out)?;
        match self.leads_to(case, &out[..len], body) {
            true => Ok(len),
            false => Err(Error::Malformed("the length of this body makes another case of the given head")),
        }
    }

    /// The head of the first case that can have this body.
    fn write_first(&self, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let mut error = Error::Malformed("no case of the select has this body, or it must be told by a head");
        for case in &self.cases {
            let len = match case.format.write_head(None, body, out) {
                Ok(len) => len,
                Err(Error::NoRoom { needed }) => return Err(Error::NoRoom { needed }),
                Err(why) => {
                    error = worse(error, why);
                    continue;
                }
            };
            if self.leads_to(case, &out[..len], body) {
                return Ok(len);
            }
            // What decides may be told by no length: then it is for us to say.
            if let (Some(&(first, _)), Some(field)) = (case.labels.first(), out[..len].get_mut(self.at..self.end())) {
                let mut old = [0; 8];
                let old = &mut old[..field.len()];
                old.copy_from_slice(field);
                self.number.write(first as u64, old, field);
                if self.leads_to(case, &out[..len], body) {
                    return Ok(len);
                }
            }
        }
        Err(error)
    }

    /// The case of a frame with this head. What decides may lie in the body.
    fn case_of(&self, head: &[u8], body: Payload<'_>) -> Result<&Case, Error> {
        const UNTOLD: Error = Error::Malformed("the head is too short to tell which case of the select it is");
        if let Some(case) = self.case(head)? {
            return Ok(case);
        }
        let mut field = [0; 8];
        let bytes = head.iter().chain(body.bytes.unwrap_or_default()).skip(self.at);
        let there = field.iter_mut().zip(bytes).map(|(to, byte)| *to = *byte).count();
        if there < self.number.width() {
            return Err(UNTOLD);
        }
        let mut start = crate::memory::copy(head)?;
        crate::memory::reserve(&mut start, self.end())?;
        start.resize(self.end(), 0);
        start[self.at..].copy_from_slice(&field[..self.number.width()]);
        self.case(&start)?.ok_or(UNTOLD)
    }

    /// Whether a receiver takes this head for one of that case, before this body.
    fn leads_to(&self, case: &Case, head: &[u8], body: Payload<'_>) -> bool {
        self.case_of(head, body).is_ok_and(|told| std::ptr::eq(told, case)) && case.format.agrees(head, body)
    }

    pub(super) fn agrees(&self, head: &[u8], body: Payload<'_>) -> bool {
        self.case_of(head, body).is_ok_and(|case| case.format.agrees(head, body))
    }

    pub(super) fn tail(&self, head: &[u8], body: Payload<'_>) -> Result<Tail<'_>, Error> {
        self.case_of(head, body)?.format.tail_behind(head, body)
    }
}

/// Numbers that a label says.
type Taken<'t> = (i128, i128, Word<'t>);

/// Refuses numbers that two labels say, at the later of the two. In their order, for there may be thousands.
fn check_apart(taken: &mut [Taken<'_>]) -> Result<(), Error> {
    taken.sort_unstable_by_key(|&(first, _, label)| (first, label.column));
    for pair in taken.windows(2) {
        let [(_, last, one), (first, _, other)] = pair else { continue };
        if first <= last {
            let later = if one.column > other.column { one } else { other };
            return later.refuse("another case is for this number");
        }
    }
    Ok(())
}

/// Of two reasons against a body, the one that says more: too long for all, and by how much.
fn worse(a: Error, b: Error) -> Error {
    match (a, b) {
        (Error::TooLong { max: a_max, .. }, Error::TooLong { max: b_max, .. }) if b_max > a_max => b,
        (Error::TooLong { .. }, _) => a,
        (_, b) => b,
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "select {}", self.number)?;
        if self.at > 0 {
            write!(f, " at={}", self.at)?;
        }
        write!(f, " {{")?;
        for (i, case) in self.cases.iter().enumerate() {
            write!(f, "{} {}: {}", if i == 0 { "" } else { ";" }, case.label(), case.format)?;
        }
        write!(f, " }}")
    }
}

impl Case {
    /// The numbers, or `else`.
    pub(super) fn label(&self) -> impl fmt::Display + '_ {
        struct Label<'c>(&'c Case);
        impl fmt::Display for Label<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match &self.0.labels[..] {
                    [] => write!(f, "else"),
                    labels => write!(f, "{}", Commas(labels.iter().map(|&(first, last)| Span(first, last)))),
                }
            }
        }
        Label(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    /// The case of each byte, as its text says.
    fn cases(text: &str) -> Vec<Option<String>> {
        let format = Format::parse(text).unwrap();
        let Kind::Select(select) = &format.kind else { panic!("{text} is a select") };
        let case = |byte: u8| select.case(&[byte]).ok().flatten().map(|case| case.format.to_string());
        (0..=255).map(case).collect()
    }

    #[test]
    fn every_number_leads_to_its_case() {
        let text = "select u8 { 7..9, 200: fixed size=2; 0: fixed size=3; 10..99: fixed size=4 }";
        let with_else = text.replace(" }", "; else: fixed size=5 }");
        for (byte, (case, other)) in cases(text).into_iter().zip(cases(&with_else)).enumerate() {
            let size = match byte {
                7..=9 | 200 => Some(2),
                0 => Some(3),
                10..=99 => Some(4),
                _ => None,
            };
            assert_eq!(case, size.map(|size| format!("fixed size={size}")), "{byte}");
            assert_eq!(other, Some(format!("fixed size={}", size.unwrap_or(5))), "{byte}, with an else");
        }
    }
}
