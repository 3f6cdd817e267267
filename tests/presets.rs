//! The presets, each against frames that the document of its protocol describes.
//!
//! `tests/presets/NAME.txt` has the frames of a preset, in the order in which they come in one stream, and bytes that
//! are none. Each begins with a mark, and lines that begin with a blank go on with it:
//!
//! ```text
//! # PostgreSQL: ReadyForQuery, and an answer of one row
//! + 5a 00000005 | 'I'
//! + 44 0000000d | 0001
//!   00000003 'abc'
//! ```
//!
//! | mark | the bytes are                                                                                 |
//! |------|-----------------------------------------------------------------------------------------------|
//! | `=`  | what a sender makes of this body who gives no head, and what it is sent on as                 |
//! | `+`  | a frame that is sent on as it came, with its own head                                         |
//! | `:`  | the same, with a length that is written in another way than ours                              |
//! | `<`  | a frame of others: sent on, it has the same head and body, but another tail                   |
//! | `~`  | the beginning of a frame, with nothing wrong so far                                           |
//! | `-`  | malformed, as far as they go                                                                  |
//! | `>`  | too long                                                                                      |
//!
//! Bars stand between head, body and tail; an empty tail may be left out with its bar. Bytes are hex digits or 'text',
//! which has no escapes, and `*n` behind either is it n times. Behind `!` stand machines that the bytes are meant for.

use fdwire::Error;
use fdwire::codec::{Decoder, encode};
use fdwire::format::{Format, PRESETS, Preset};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Names that mean something else where a format's text is asked for.
const KINDS: &str = "varint varintbe ber decimal hex netstring fixed delimited line crlf nul headers eof select else";

fn name_of(preset: &Preset) -> &'static str {
    preset.name().to_str().unwrap()
}

fn format_of(preset: &Preset) -> Format {
    Format::parse(name_of(preset)).unwrap_or_else(|error| panic!("{}: {error}", name_of(preset)))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/presets")
}

/// Head, body and tail of a message.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Parts {
    head: Vec<u8>,
    body: Vec<u8>,
    tail: Vec<u8>,
}

impl Parts {
    fn bytes(&self) -> Vec<u8> {
        [&self.head[..], &self.body, &self.tail].concat()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} | {}", shown(&self.head), shown(&self.body), shown(&self.tail))
    }
}

/// Bytes for people.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

const MARKS: &str = "=+:<~->";
/// Those of whole frames.
const FRAMES: &str = "=+:<";

/// A frame of a file, or what is none.
struct Recorded {
    mark: char,
    line: usize,
    parts: Parts,
    bars: usize,
}

impl Recorded {
    fn push(&mut self, bytes: &[u8]) {
        let part = match self.bars {
            0 => &mut self.parts.head,
            1 => &mut self.parts.body,
            _ => &mut self.parts.tail,
        };
        part.extend_from_slice(bytes);
    }

    /// What stands in a line of the frame.
    fn append(&mut self, text: &str) {
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            if first == '|' {
                self.bars += 1;
                rest = rest[1..].trim_start();
                continue;
            }
            let (bytes, behind) = self.bytes(rest);
            let (times, behind) = self.times(behind);
            self.push(&bytes.repeat(times));
            rest = behind.trim_start();
        }
    }

    /// The bytes that a text begins with, and what is behind them.
    fn bytes<'t>(&self, text: &'t str) -> (Vec<u8>, &'t str) {
        if let Some(quoted) = text.strip_prefix('\'') {
            let (inner, behind) = quoted.split_once('\'').unwrap_or_else(|| panic!("line {}: no quote", self.line));
            return (inner.as_bytes().to_vec(), behind);
        }
        let (digits, behind) = text.split_at(text.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(text.len()));
        let good = !digits.is_empty() && digits.len() % 2 == 0;
        assert!(good, "line {}: no bytes: {text}", self.line);
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        ((0..digits.len()).step_by(2).map(byte).collect(), behind)
    }

    /// How often the bytes before this text are meant.
    fn times<'t>(&self, text: &'t str) -> (usize, &'t str) {
        let Some(count) = text.strip_prefix('*') else { return (1, text) };
        let (digits, behind) = count.split_at(count.find(|c: char| !c.is_ascii_digit()).unwrap_or(count.len()));
        (digits.parse().unwrap_or_else(|_| panic!("line {}: no number", self.line)), behind)
    }
}

/// The frames of a file's text; none where they are for other machines.
fn frames(text: &str) -> Vec<Recorded> {
    let mut frames: Vec<Recorded> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line_number = i + 1;
        match line.chars().next() {
            None | Some('#') => continue,
            Some('!') if line == "! little-endian" && cfg!(target_endian = "big") => return Vec::new(),
            Some('!') if line == "! little-endian" => continue,
            Some(mark) if MARKS.contains(mark) => {
                frames.push(Recorded { mark, line: line_number, parts: Parts::default(), bars: 0 })
            }
            Some(' ') => {}
            Some(_) => panic!("line {line_number}: this begins no frame: {line}"),
        }
        frames.last_mut().expect("a frame to go on with").append(&line[1..]);
    }
    for frame in &frames {
        let bars = if FRAMES.contains(frame.mark) { 1..=2 } else { 0..=0 };
        assert!(bars.contains(&frame.bars), "line {}: head | body | tail", frame.line);
    }
    frames
}

/// A preset and what its file has.
struct Recording {
    name: &'static str,
    format: Format,
    frames: Vec<Recorded>,
}

impl Recording {
    fn messages(&self) -> Vec<Parts> {
        self.marked(FRAMES).map(|(_, parts)| parts.clone()).collect()
    }

    fn stream(&self) -> Vec<u8> {
        self.marked(FRAMES).flat_map(|(_, parts)| parts.bytes()).collect()
    }

    /// The frames with one of these marks, and what to call them.
    fn marked(&self, marks: &'static str) -> impl Iterator<Item = (String, &Parts)> {
        let wanted = self.frames.iter().filter(move |frame| marks.contains(frame.mark));
        wanted.map(|frame| (format!("{}.txt, line {}", self.name, frame.line), &frame.parts))
    }
}

fn recordings() -> impl Iterator<Item = Recording> {
    PRESETS.iter().map(|preset| {
        let name = name_of(preset);
        let path = folder().join(name).with_extension("txt");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Recording { name, format: format_of(preset), frames: frames(&text) }
    })
}

/// The messages of a stream that comes in these pieces and ends behind them.
fn decode<'p>(format: &Format, pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Vec<Parts>, Error> {
    let mut decoder = Decoder::new(format);
    let mut messages = Vec::new();
    for piece in pieces {
        decoder.feed(piece)?;
        take(&mut decoder, &mut messages)?;
    }
    if decoder.finish()? {
        take(&mut decoder, &mut messages)?;
    }
    Ok(messages)
}

fn take(decoder: &mut Decoder<&Format>, messages: &mut Vec<Parts>) -> Result<(), Error> {
    while let Some(message) = decoder.next_message()? {
        messages.push(Parts { head: message.head.to_vec(), body: message.body.to_vec(), tail: message.tail.to_vec() });
    }
    Ok(())
}

/// Where to cut a frame of so many bytes: everywhere, but for the middle of a long one.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |cut| *cut < 1024 || len - cut < 64)
}

fn send(format: &Format, head: Option<&[u8]>, body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = b"before".to_vec();
    let sent = encode(format, head, body, &mut out);
    assert!(out.starts_with(b"before"));
    assert!(sent.is_ok() || out.len() == 6, "what was refused left bytes behind");
    sent.map(|()| out.split_off(6))
}

#[test]
fn names_are_sorted_and_no_kinds() {
    let names: Vec<&str> = PRESETS.iter().map(name_of).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for name in names {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(name.chars().all(plain) && name.starts_with(char::is_alphanumeric), "{name}");
        assert!(!KINDS.split(' ').any(|kind| kind == name), "{name}");
    }
}

#[test]
fn a_name_means_its_text_and_the_text_can_be_shown() {
    for preset in PRESETS {
        let (name, format) = (name_of(preset), format_of(preset));
        let text = preset.text().to_str().unwrap();
        assert_eq!(Format::parse(text).as_ref(), Ok(&format), "{name}");
        assert_eq!(Format::parse(format.to_string()).as_ref(), Ok(&format), "{name}: {format}");
        let source = preset.source().to_str().unwrap();
        assert!((3..=80).contains(&source.len()) && source == source.trim(), "{name}: {source}");
    }
}

#[test]
fn each_preset_has_a_file_and_each_file_a_preset() {
    let files: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let expected: BTreeSet<String> = PRESETS.iter().map(|preset| format!("{}.txt", name_of(preset))).collect();
    assert_eq!(files, expected);
}

#[test]
fn each_file_has_frames_that_differ() {
    for preset in PRESETS {
        let text = std::fs::read_to_string(folder().join(format!("{}.txt", name_of(preset)))).unwrap();
        assert!(text.starts_with("# "), "{}.txt does not begin with what it is from", name_of(preset));
    }
    for recording in recordings().filter(|recording| !recording.frames.is_empty() || cfg!(target_endian = "little")) {
        let messages: BTreeSet<Parts> = recording.messages().into_iter().collect();
        assert!(messages.len() >= 2, "{}.txt", recording.name);
    }
}

#[test]
fn frames_are_told_however_they_come() {
    for recording in recordings() {
        let (name, format, stream, messages) =
            (recording.name, &recording.format, recording.stream(), recording.messages());
        assert_eq!(decode(format, [&stream[..]]).as_ref(), Ok(&messages), "{name}");
        assert_eq!(decode(format, stream.chunks(1)).as_ref(), Ok(&messages), "{name}, byte by byte");
        let mut start = 0;
        for message in &messages {
            let len = message.bytes().len();
            for cut in cuts(len) {
                let (a, b) = stream.split_at(start + cut);
                assert_eq!(decode(format, [a, b]).as_ref(), Ok(&messages), "{name}, cut at {}", start + cut);
            }
            start += len;
        }
    }
}

#[test]
fn a_stream_that_ends_inside_a_frame_is_truncated() {
    for recording in recordings() {
        for (name, parts) in recording.marked(FRAMES) {
            let frame = parts.bytes();
            for cut in cuts(frame.len()).skip(1) {
                assert_eq!(decode(&recording.format, [&frame[..cut]]), Err(Error::Truncated), "{name}, after {cut}");
            }
        }
    }
}

#[test]
fn messages_are_sent_on_as_they_came() {
    for recording in recordings() {
        for (name, parts) in recording.marked("=+:") {
            let sent = send(&recording.format, Some(&parts.head), &parts.body).map(|wire| shown(&wire));
            assert_eq!(sent, Ok(shown(&parts.bytes())), "{name}");
        }
    }
}

#[test]
fn what_others_end_in_another_way_is_sent_on_with_our_tail() {
    for recording in recordings() {
        for (name, parts) in recording.marked("<") {
            let sent = send(&recording.format, Some(&parts.head), &parts.body).unwrap();
            assert_ne!(sent, parts.bytes(), "{name}");
            let again = decode(&recording.format, [&sent[..]]).unwrap();
            let [message] = &again[..] else { panic!("{name}: {again:?}") };
            assert_eq!((&message.head, &message.body), (&parts.head, &parts.body), "{name}");
        }
    }
}

#[test]
fn a_sender_without_a_head_makes_the_frames_marked_so() {
    for recording in recordings() {
        for (name, parts) in recording.marked("=") {
            let sent = send(&recording.format, None, &parts.body).map(|wire| shown(&wire));
            assert_eq!(sent, Ok(shown(&parts.bytes())), "{name}");
        }
    }
}

#[test]
fn another_length_can_be_filled_in_and_taken_back() {
    for recording in recordings() {
        for (name, parts) in recording.marked("=+").filter(|(_, parts)| !parts.body.is_empty()) {
            for other in recording.messages() {
                let Ok(sent) = send(&recording.format, Some(&parts.head), &other.body) else { continue };
                let [sent] = &decode(&recording.format, [&sent[..]]).unwrap()[..] else { panic!("{name}: {other:?}") };
                assert_eq!(sent.body, other.body, "{name}");
                let back = send(&recording.format, Some(&sent.head), &parts.body).map(|wire| shown(&wire));
                assert_eq!(back, Ok(shown(&parts.bytes())), "{name}, by way of {other:?}");
            }
        }
    }
}

#[test]
fn what_is_no_frame_is_refused_however_it_comes() {
    for recording in recordings() {
        for (name, parts) in recording.marked("->~") {
            let bytes = parts.bytes();
            let outcome = decode(&recording.format, [&bytes[..]]);
            assert_eq!(decode(&recording.format, bytes.chunks(1)), outcome, "{name}, byte by byte");
            let mark = match outcome {
                Err(Error::Malformed(_)) => "-",
                Err(Error::TooLong { .. }) => ">",
                Err(Error::Truncated) => "~",
                _ => panic!("{name}: {outcome:?}"),
            };
            assert!(recording.marked(mark).any(|(same, _)| same == name), "{name}: {outcome:?}");
        }
    }
}

/// Sends a body without a head, and says whether that was possible; if so, the receiver has the same body.
fn round_trip(name: &str, format: &Format, body: &[u8]) -> bool {
    let wire = match send(format, None, body) {
        Ok(wire) => wire,
        Err(Error::TooLong { len, max }) if len > max => return false,
        Err(Error::Malformed(_)) => return false,
        Err(error) => panic!("{name}: {error:?}"),
    };
    let messages = decode(format, [&wire[..]]).unwrap_or_else(|error| panic!("{name}: {error}: {}", shown(&wire)));
    let [message] = &messages[..] else { panic!("{name}: {} messages: {}", messages.len(), shown(&wire)) };
    assert_eq!(message.body, body, "{name}");
    assert_eq!(message.bytes(), wire, "{name}");
    true
}

#[test]
fn each_preset_can_be_sent_without_a_head() {
    for recording in recordings() {
        let sent = recording.frames.iter().filter(|f| round_trip(recording.name, &recording.format, &f.parts.body));
        assert!(sent.count() > 0 || recording.frames.is_empty(), "{}", recording.name);
    }
}

static FORMATS: LazyLock<Vec<(&str, Format)>> =
    LazyLock::new(|| PRESETS.iter().map(|preset| (name_of(preset), format_of(preset))).collect());

/// Bodies of all sorts: of any bytes, of those that delimiters are made of, in whole units of eight.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let telling: Vec<u8> = b"\r\n\0 z#$%+-<]>\x01\x0b\x1c0123456789".to_vec();
    prop_oneof![
        5 => proptest::collection::vec(any::<u8>(), 0..40),
        5 => proptest::collection::vec(proptest::sample::select(telling), 0..40),
        5 => proptest::collection::vec(any::<[u8; 8]>(), 0..80).prop_map(|units| units.concat()),
        1 => (any::<u8>(), 0usize..70_000).prop_map(|(byte, len)| vec![byte; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_received_and_the_rest_is_refused(body in bodies()) {
        for (name, format) in FORMATS.iter() {
            round_trip(name, format, &body);
        }
    }
}

/// Sends a body as a peer does who knows no limit, as far as the format has one.
fn send_unlimited(preset: &Preset, body: &[u8]) -> Result<Vec<u8>, Error> {
    let overridden = format!("{} max=1G", name_of(preset));
    send(&Format::parse(overridden).unwrap(), None, body)
}

#[test]
fn sender_and_receiver_agree_on_the_limit() {
    for preset in PRESETS.iter().filter(|preset| format_of(preset).max_body() < 1 << 20) {
        let (name, format) = (name_of(preset), format_of(preset));
        let max = format.max_body();
        let mut longest = None;
        for len in max.saturating_sub(8)..=max + 1 {
            let body = vec![b'z'; len as usize];
            let sent = round_trip(name, &format, &body);
            assert!(!sent || len <= max, "{name}: {len} bytes went over the limit of {max}");
            longest = if sent { Some(len) } else { longest };
            if let (false, Ok(wire)) = (sent, send_unlimited(preset, &body)) {
                let refused = decode(&format, [&wire[..]]);
                assert!(matches!(refused, Err(Error::TooLong { .. })), "{name}: {len} bytes of {max}: {refused:?}");
            }
        }
        // A delimiter of others may be shorter than the one that is sent, by one byte.
        assert!(longest.is_some_and(|longest| longest + 1 >= max), "{name}: no more than {longest:?} of {max} bytes");
    }
}
