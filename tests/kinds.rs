//! What holds for every kind of format: how the bytes are cut never matters, sending is the inverse of receiving, sender and
//! receiver agree on the limit, and what is too long can be passed over.

use fdwire::Error;
use fdwire::codec::{Decoder, encode};
use fdwire::format::{Format, Frame, Probe};
use proptest::prelude::*;

/// Every kind and every key. `MAX` stands for a limit, of the body or of the frame.
const TEXTS: &[&str] = &[
    "u8 MAX",
    "u16be at=1 head=6 counts=frame MAX",
    "u16le counts=field MAX",
    "u24be head=9 adjust=6 MAX",
    "i32be MAX",
    "u32be mask=0x7fffffff init='\\x80' MAX",
    "u16le mask=0xfff0 shift=4 at=1 init='\\x05'@1 MAX",
    "i24le shift=4 init='\\x0f' bodiless=-3 MAX",
    "u16le counts=body head=4 unit=4 MAX",
    "u64be at=2 magic='\\x01\\x02' MAX",
    "u8 at=3 magic='ab','c'@2 head=6 counts=body pad=8 MAX",
    "u16be at=4 head=8 counts=body tail=u8@6 MAX",
    "u24be at=5 head=12 plus=u8@4*4 counts=body pad=4 MAX",
    "u32le at=4 head=16 counts=body plus=u32le@12~8 magic='l' MAX",
    "u32be at=3 tail='\\xce' MAX",
    "u16be bodiless=0..3,9 counts=frame MAX",
    "varint MAX",
    "varint at=1 digits=4 after=2 MAX",
    "varintbe overlong=allow counts=frame MAX",
    "varint counts=field unit=1 MAX",
    "ber MAX",
    "ber magic='\\x30' overlong=refuse MAX",
    "ber digits=8 bodiless=indefinite MAX",
    "ber bodiless=0,indefinite,7 MAX",
    "decimal until=':' tail=',' MAX",
    "decimal until='\\r\\n' tail='\\r\\n' bodiless=-1 at=1 init='$' MAX",
    "decimal until=' ' counts=frame MAX",
    "hex digits=4 counts=field bodiless=0..3 MAX",
    "decimal digits=6 fill=' ' until='\\n' tail='\\n' at=3 MAX",
    "hex until='\\r\\n' overlong=refuse MAX",
    "netstring MAX",
    "line MAX",
    "crlf MAX",
    "nul MAX",
    "delimited by='\\r\\n\\r\\n' MAX",
    "delimited by='aa','ab','c','\\xff\\xff','d' MAX",
    "delimited by='\\r\\n','\\r' eof=allow MAX",
    "delimited start='$' by='#' trail=2 MAX",
    "delimited by='abab' MAX",
    "headers length='Content-Length' MAX",
    "headers length='L' by='\\n' missing=empty MAX",
    "eof MAX",
    "select u8 at=1 MAX { 126: u16be at=2; 127: u64be at=2; 0..125: u8 at=1; 254: u16be at=2 head=8 counts=body; \
     128..253: u8 at=1 mask=0x7f head=6 counts=body }",
    "select u8 mask=0xc0 MAX { 0: u16be at=2 head=20 counts=body; 0x40: u16be at=2 pad=4 }",
    "select u8 MAX { else: crlf; '$': decimal at=1 until='\\r\\n' tail='\\r\\n' bodiless=-1 }",
    "select u8 MAX { 1..3: u16be at=1; 'x': select u8 at=1 { 0: u8 at=2; else: delimited start='xy' by='\\0' } }",
];

/// Kinds of one size.
const FIXED: &[&str] = &["fixed size=7", "fixed size=9 head=4 magic='ab'", "fixed size=8 tail='xy'"];

fn with_max(text: &str, max: &str) -> Format {
    let text = text.replace("MAX", &format!("max={max}"));
    Format::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Head, body and tail of a message.
type Parts = (Vec<u8>, Vec<u8>, Vec<u8>);

/// What a stream comes to: its messages, the error that it ends with, and what is left.
#[derive(Debug, PartialEq)]
struct Outcome {
    messages: Vec<Parts>,
    error: Option<Error>,
    rest: Vec<u8>,
}

fn decode<'p>(format: &Format, pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let mut decoder = Decoder::new(format);
    let mut outcome = Outcome { messages: Vec::new(), error: None, rest: Vec::new() };
    let mut pieces = pieces.into_iter();
    for piece in pieces.by_ref() {
        decoder.feed(piece).unwrap();
        outcome.error = drain(&mut decoder, &mut outcome.messages);
        if outcome.error.is_some() {
            outcome.rest.extend_from_slice(decoder.unread());
            pieces.for_each(|piece| outcome.rest.extend_from_slice(piece));
            return outcome;
        }
    }
    match decoder.finish() {
        Ok(true) => outcome.error = drain(&mut decoder, &mut outcome.messages),
        Ok(false) => {}
        Err(error) => outcome.error = Some(error),
    }
    outcome.rest.extend_from_slice(decoder.unread());
    outcome
}

fn drain(decoder: &mut Decoder<&Format>, messages: &mut Vec<Parts>) -> Option<Error> {
    loop {
        match decoder.next_message() {
            Ok(Some(m)) => messages.push((m.head.to_vec(), m.body.to_vec(), m.tail.to_vec())),
            Ok(None) => return None,
            Err(error) => {
                assert_eq!(decoder.next_message(), Err(error), "an error lasts");
                assert_eq!(decoder.feed(b"x"), Err(error));
                return Some(error);
            }
        }
    }
}

fn any_format() -> impl Strategy<Value = Format> {
    let max = prop_oneof![Just("20"), Just("300"), Just("frame:40"), Just("30,frame:50"), Just("1M")];
    (prop::sample::select(TEXTS), max).prop_map(|(text, max)| with_max(text, max))
}

/// Bytes that look like frames now and then.
fn any_stream(format: &Format) -> Vec<Vec<u8>> {
    let bodies: [&[u8]; 6] = [b"", b"a", b"0123456", b"+OK", &[7; 130], b"x: y\r\n"];
    let mut frames = Vec::new();
    for body in bodies {
        let mut frame = Vec::new();
        if encode(format, None, body, &mut frame).is_ok() {
            frames.push(frame);
        }
    }
    frames
}

/// Of each law; in emulation fewer are asked for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(2000, |cases| cases.parse().expect("a number"))
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(0u8),
        Just(1),
        prop::sample::select(&b"\r\n0123456789abcd:,$# \xff\x80\x30L"[..]),
        any::<u8>()
    ];
    prop::collection::vec(byte, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn how_the_bytes_are_cut_never_matters(
        format in any_format(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), noise(), 0..5u8), 0..6),
        cuts in prop::collection::vec(1..20usize, 1..40),
    ) {
        let frames = any_stream(&format);
        let mut stream = Vec::new();
        for (pick, noise, which) in picks {
            if which > 0 && !frames.is_empty() {
                stream.extend_from_slice(&frames[pick.index(frames.len())]);
            }
            if which == 0 || which == 4 {
                stream.extend_from_slice(&noise);
            }
        }
        let whole = decode(&format, [&stream[..]]);
        prop_assert_eq!(&whole, &decode(&format, stream.chunks(1)));
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = more;
            if rest.is_empty() { break; }
        }
        prop_assert_eq!(&whole, &decode(&format, pieces));
        // Nothing is lost: what was delivered and what is left make up the stream.
        let mut again = Vec::new();
        for (head, body, tail) in &whole.messages {
            again.extend_from_slice(head);
            again.extend_from_slice(body);
            again.extend_from_slice(tail);
        }
        again.extend_from_slice(&whole.rest);
        prop_assert_eq!(again, stream);
    }

    #[test]
    fn a_probe_keeps_its_word(format in any_format(), bytes in noise()) {
        let mut known: Option<Result<Frame, Error>> = None;
        let mut least = 0;
        for len in 0..=bytes.len() {
            let answer = format.probe(&bytes[..len]);
            match (answer, &known) {
                (Ok(Probe::NeedMore { at_least }), None) => {
                    prop_assert!(at_least > len);
                    least = least.max(at_least);
                }
                (Ok(Probe::NeedMore { .. }), Some(_)) => prop_assert!(false, "it was known at {len}"),
                (Ok(Probe::Frame(frame)), None) => {
                    // Where one delimiter begins another, what follows tells which it is.
                    let ahead = u64::from(format.to_string().contains(r"by='\r\n','\r'"));
                    prop_assert!(frame.total() + ahead >= least as u64, "{least} bytes were asked for of {frame:?}");
                    known = Some(Ok(frame));
                }
                (Err(error), None) => known = Some(Err(error)),
                (Ok(Probe::Frame(frame)), Some(before)) => prop_assert_eq!(before, &Ok(frame)),
                (Err(error), Some(before)) => prop_assert_eq!(before, &Err(error)),
            }
        }
    }

    #[test]
    fn sending_is_the_inverse_of_receiving(
        format in any_format(),
        body in prop_oneof![noise(), prop::collection::vec(any::<u8>(), 0..400)],
    ) {
        let mut frame = Vec::new();
        match encode(&format, None, &body, &mut frame) {
            Err(error) => {
                prop_assert!(matches!(error, Error::TooLong { .. } | Error::Malformed(_)), "{error}");
                prop_assert!(frame.is_empty());
            }
            Ok(()) => {
                let outcome = decode(&format, [&frame[..]]);
                prop_assert_eq!(outcome.error, None, "{}", frame.escape_ascii());
                prop_assert_eq!(outcome.messages.len(), 1);
                let (head, received, _) = &outcome.messages[0];
                prop_assert_eq!(received, &body);
                let mut again = Vec::new();
                encode(&format, Some(head), received, &mut again).unwrap();
                prop_assert_eq!(again, frame);
            }
        }
    }

    #[test]
    fn what_was_received_can_be_sent_on(format in any_format(), bytes in noise()) {
        let outcome = decode(&format, [&bytes[..]]);
        for (head, body, _) in outcome.messages {
            let mut frame = Vec::new();
            let sent = encode(&format, Some(&head), &body, &mut frame);
            // A body that the sender of this format would not make, like a piece of a line, may be refused; never changed.
            if sent.is_ok() {
                let again = decode(&format, [&frame[..]]);
                prop_assert_eq!(&again.messages, &vec![(head.clone(), body.clone(), frame[head.len() + body.len()..].to_vec())]);
            }
        }
    }

    #[test]
    fn the_pieces_of_a_line_make_up_the_line(
        text in prop::sample::select(&["line", "crlf", "nul", r"delimited by='\r\n\r\n'", r"delimited by='aab','c','\r\n\r\n'"][..]),
        max in prop::sample::select(&["1", "4", "frame:5", "frame:6", "frame:9", "3,frame:6", "4,frame:6"][..]),
        bytes in prop::collection::vec(prop::sample::select(&b"\r\nab\0c"[..]), 0..60),
    ) {
        let format = Format::parse(format!("{text} over=split max={max}")).unwrap();
        let pieces = decode(&format, [&bytes[..]]);
        prop_assert_eq!(&pieces, &decode(&format, bytes.chunks(1)));
        let mut lines: Vec<Parts> = Vec::new();
        let mut line = Vec::new();
        for (head, body, tail) in pieces.messages {
            line.extend(body);
            if !tail.is_empty() {
                lines.push((head, std::mem::take(&mut line), tail));
            }
        }
        prop_assert_eq!(lines, decode(&Format::parse(text).unwrap(), [&bytes[..]]).messages);
    }

    #[test]
    fn the_text_of_a_format_parses_to_the_same_format(format in any_format()) {
        prop_assert_eq!(&Format::parse(format.to_string()).unwrap(), &format);
        prop_assert!(format.describe().to_string().lines().all(|line| !line.ends_with(' ')));
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        words in prop::collection::vec(
            prop_oneof![
                prop::sample::select(TEXTS).prop_map(|text| text.replace("MAX", "max=9")),
                prop::sample::select(&["{", "}", ";", ":", "'", "\\", "else:", "0..9:", "select u8", "line", "max=", "at=1",
                    "magic='a'@70000", "plus=u8@", "bodiless=9..1", "u16be@3*0", "unit=0", "digits=99", "head=65537"][..])
                    .prop_map(String::from),
                "[ -~]{0,12}",
            ],
            0..6,
        ),
    ) {
        if let Ok(format) = Format::parse(words.join(" ")) {
            prop_assert_eq!(&Format::parse(format.to_string()).unwrap(), &format);
        }
    }
}

#[test]
fn fixed_formats_have_one_size() {
    for text in FIXED {
        let format = Format::parse(text).unwrap();
        let body = vec![7; format.max_body() as usize];
        let mut frame = Vec::new();
        encode(&format, None, &body, &mut frame).unwrap();
        assert_eq!(decode(&format, frame.chunks(1)).messages[0].1, body, "{text}");
        let before = frame.clone();
        assert!(matches!(encode(&format, None, &body[1..], &mut frame), Err(Error::Malformed(_))), "{text}");
        assert!(matches!(encode(&format, None, &[7; 99], &mut frame), Err(Error::TooLong { .. })), "{text}");
        assert_eq!(frame, before);
    }
}

/// A body of which no delimiter is a part.
fn plain_body(len: usize) -> Vec<u8> {
    (0..len).map(|i| b"01234567"[i % 8]).collect()
}

#[test]
fn sender_and_receiver_agree_on_the_limit() {
    for text in TEXTS {
        let generous = with_max(text, "1M");
        let mut checked = 0;
        for max in [20u64, 24, 100, 300] {
            let format = with_max(text, &max.to_string());
            for len in [max - 4, max - 1, max, max + 1, max + 4] {
                let body = plain_body(len as usize);
                let mut frame = Vec::new();
                let sent = encode(&format, None, &body, &mut frame);
                let mut anyway = Vec::new();
                if encode(&generous, None, &body, &mut anyway).is_err() {
                    continue; // nobody sends this body: its length is no multiple of the unit
                }
                checked += 1;
                let received = decode(&format, [&anyway[..]]);
                if len <= max {
                    assert_eq!(sent, Ok(()), "{text}: {len} of {max}");
                    assert_eq!((received.error, &received.messages[0].1), (None, &body), "{text}: {len} of {max}");
                } else {
                    assert!(matches!(sent, Err(Error::TooLong { .. })), "{text}: {len} of {max}: {sent:?}");
                    assert!(
                        matches!(received.error, Some(Error::TooLong { .. })),
                        "{text}: {len} of {max}: {received:?}"
                    );
                }
            }
        }
        assert!(checked >= 2, "{text}");
    }
}

#[test]
fn a_frame_too_long_is_refused_when_that_is_known_and_can_be_passed_over() {
    for text in TEXTS.iter().filter(|text| !text.starts_with("eof")) {
        let (format, generous) = (with_max(text, "24"), with_max(text, "1M"));
        let mut stream = Vec::new();
        for len in [8, 64, 12, 8] {
            encode(&generous, None, &plain_body(len), &mut stream)
                .unwrap_or_else(|error| panic!("{text} {len}: {error}"));
        }
        let whole = skipping(&format, &[&stream]);
        let bodies: Vec<usize> = whole.iter().map(|event| event.as_ref().map_or(0, Vec::len)).collect();
        assert_eq!(bodies, [8, 0, 12, 8], "{text}: {whole:?}");
        for cut in 0..stream.len() {
            assert_eq!(skipping(&format, &[&stream[..cut], &stream[cut..]]), whole, "{text} cut at {cut}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(skipping(&format, &bytes), whole, "{text} byte by byte");
        first_moment(text, &format, &stream);
    }
}

/// The bodies of a stream, with an error in the place of each that is too long.
fn skipping(format: &Format, pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, Error>> {
    let mut decoder = Decoder::new(format);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.feed(piece).unwrap();
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => events.push(Ok(message.body.to_vec())),
                Ok(None) => break,
                Err(error) => {
                    events.push(Err(error));
                    decoder.skip().unwrap();
                }
            }
        }
    }
    assert_eq!(decoder.finish(), Ok(false), "{format}");
    events
}

/// From the byte on at which a frame is known to be too long, and not before, every prefix says so.
fn first_moment(text: &str, format: &Format, stream: &[u8]) {
    let is_over =
        |len: usize| decode(format, [&stream[..len]]).error.is_some_and(|e| matches!(e, Error::TooLong { .. }));
    let first = (0..stream.len()).find(|len| is_over(*len)).unwrap();
    assert!((first..stream.len()).all(is_over), "{text}: not over again after {first}");
    let one_by_one = decode(format, stream.chunks(1));
    assert_eq!(one_by_one.rest.len(), decode(format, [stream]).rest.len(), "{text}");
}

/// What decides may come late, when the end of the frame has come already.
#[test]
fn what_came_before_the_case_was_known_is_searched_too() {
    let format = Format::parse("select u8 at=20 { else: headers length='L' }").unwrap();
    let stream = b"L: 16\r\n\r\n0123456789abcdefL: 16\r\n\r\n0123456789abcdef";
    let whole = decode(&format, [&stream[..]]);
    assert_eq!(whole.messages.len(), 2);
    assert_eq!(decode(&format, stream.chunks(1)), whole);
}

/// The end of the stream ends a frame that is skipped as it ends another, and what is behind it is not lost.
#[test]
fn a_frame_that_is_skipped_may_end_with_the_stream() {
    for (text, stream, then) in [
        ("delimited by='\n' eof=allow max=0", &b"abc"[..], Ok(false)),
        ("delimited by='abcd','b' max=1", b"xxabc", Err(Error::Truncated)),
        ("delimited by='\nabcd','\n' max=0", b"xx\nab", Err(Error::TooLong { len: 1, max: 0 })),
        // The first byte, which decides, and the last, which is kept as well, were never side by side.
        ("select u8 { else: crlf max=1 }", b"\rxx\n", Err(Error::Truncated)),
    ] {
        let format = Format::parse(text).unwrap();
        let mut decoder = Decoder::new(&format);
        decoder.feed(stream).unwrap();
        assert!(matches!(decoder.next_message(), Err(Error::TooLong { .. })), "{text}");
        decoder.skip().unwrap();
        assert_eq!(decoder.finish(), then, "{text}");
    }
}

/// What decides must be there where the tail is checked, which may be when all but the head is gone.
#[test]
fn a_case_with_a_literal_tail_is_told_by_its_head() {
    for (text, good) in [
        ("select u8 at=5 { else: u32be tail=';' }", false),
        ("select u8 at=5 { else: select u8 { else: u32be tail=';' } }", false),
        ("select u8 at=4 { else: u32be head=5 tail=';' }", true),
        ("select u8 at=9 { else: u32be at=1 tail=u8@0 }", true),
    ] {
        assert_eq!(Format::parse(text).is_ok(), good, "{text}");
    }
}

/// As no message will come of it.
#[test]
fn nothing_is_needed_where_a_tail_is_wrong_already() {
    let format = Format::parse("u8 tail=';;'").unwrap();
    let mut decoder = Decoder::new(&format);
    decoder.feed(b"\x01a!").unwrap();
    assert_eq!(decoder.needed(), 0);
    assert!(matches!(decoder.next_message(), Err(Error::Malformed(_))));
}

/// Whoever takes the bytes over is told where they begin.
#[test]
fn a_stream_that_broke_stays_where_it_broke() {
    let format = Format::parse("u8 max=4").unwrap();
    let mut decoder = Decoder::new(&format);
    decoder.feed(b"\x01a\x09rest").unwrap();
    assert!(matches!(decoder.next_message(), Ok(Some(_))));
    assert!(decoder.next_message().is_err());
    assert_eq!(decoder.unread(), b"\x09rest");
    assert_eq!(decoder.offset(), 2);
}

/// What a receiver refuses is not sent.
#[test]
fn a_head_over_64k_is_not_filled_in() {
    let format = Format::parse("lsp").unwrap();
    let head = |len: usize| format!("X: {}\r\n\r\n", "y".repeat(len));
    let sent = |len| encode(&format, Some(head(len).as_bytes()), b"body", &mut Vec::new());
    assert!(sent(60_000).is_ok());
    assert!(matches!(sent(70_000), Err(Error::Malformed(_))));
}

/// A piece is as long as it can be without its end lying in a delimiter, which the last has.
#[test]
fn no_piece_ends_inside_a_delimiter() {
    for (text, stream, pieces) in [
        ("crlf over=split max=frame:5", "abcd\r\nx\r\n", &["abcd", "\r\n", "x\r\n"][..]),
        ("crlf over=split max=5", "abcd\r\nx\r\n", &["abcd\r\n", "x\r\n"]),
        ("line over=split max=frame:6", "abcde\r\nf\n", &["abcde", "\r\n", "f\n"]),
        ("line over=split max=frame:6", "abcde\nfghij\rk\n", &["abcde\n", "fghij", "\rk\n"]),
        ("nul over=split max=frame:3", "abcd\0", &["abc", "d\0"]),
        (
            r"delimited by='\r\n\r\n' over=split max=frame:8",
            "abcdef\r\n\r\nB\r\n\r\n",
            &["abcde", "f\r\n\r\n", "B\r\n\r\n"],
        ),
        ("crlf over=split eof=allow max=frame:5", "abcdef", &["abcd", "ef"]),
    ] {
        let format = Format::parse(text).unwrap();
        let outcome = decode(&format, [stream.as_bytes()]);
        let frames: Vec<_> = outcome.messages.iter().map(|(_, body, tail)| [&body[..], tail].concat()).collect();
        assert_eq!(frames, pieces.iter().map(|piece| piece.as_bytes()).collect::<Vec<_>>(), "{text}");
        assert_eq!(outcome, decode(&format, stream.as_bytes().chunks(1)), "{text}");
    }
    assert!(Format::parse("crlf over=split max=frame:1").is_err());
    assert!(Format::parse("nul over=split max=frame:1").is_ok());
}

/// What lies in the start is the beginning of no delimiter.
#[test]
fn a_frame_is_known_although_its_start_begins_a_delimiter() {
    let format = Format::parse(r"delimited start='\r' by='\n','\r\nX'").unwrap();
    assert_eq!(format.probe(b"\r\n"), Ok(Probe::Frame(Frame { head: 1, body: 0, tail: 1 })));
    assert_eq!(format.probe(b"\r\r\n"), Ok(Probe::NeedMore { at_least: 4 }));
}

/// A length that counts itself makes up whole units in one width and not in another.
#[test]
fn a_length_in_units_that_counts_itself_can_be_sent() {
    for kind in ["decimal until=' '", "varint", "ber"] {
        let format = Format::parse(format!("{kind} counts=frame unit=2")).unwrap();
        let mut next = 0;
        for units in 0..600 {
            let (mut head, mut frame) = (Vec::new(), Vec::new());
            encode(&Format::parse(kind).unwrap(), None, &vec![0; units], &mut head).unwrap();
            head.truncate(head.len() - units);
            let Some(body) = (2 * units).checked_sub(head.len()) else { continue };
            for body in next..body {
                assert!(encode(&format, None, &vec![0; body], &mut frame).is_err(), "{kind}: {body} bytes");
            }
            encode(&format, None, &vec![0; body], &mut frame).unwrap_or_else(|error| panic!("{kind}: {body}: {error}"));
            assert_eq!(frame[..head.len()], head, "{kind}: {body} bytes");
            next = body + 1;
        }
    }
}

/// The tag that the format gives a head of its own may say how long the tail is.
#[test]
fn a_tag_counts_for_what_lies_in_it() {
    let format = |max: &str| Format::parse(format!("ber tail=u8@0 {max}")).unwrap();
    let mut frame = Vec::new();
    encode(&format(""), None, b"body", &mut frame).unwrap();
    assert_eq!(frame, [&b"0\x04body"[..], &[0; 0x30]].concat());
    assert!(matches!(encode(&format("max=frame:53"), None, b"body", &mut frame), Err(Error::TooLong { .. })));
    assert!(encode(&format("max=frame:54"), None, b"body", &mut frame).is_ok());
}

#[test]
fn what_a_field_cannot_say_is_told_with_the_most_that_it_can() {
    for (text, most) in [
        ("i8", 127),
        ("u8", 255),
        ("i16be", 32767),
        ("u16be", 65535),
        ("varint digits=2", 16383),
        ("ber digits=2", 65535),
        ("decimal digits=3", 999),
        ("hex digits=2", 255),
    ] {
        let format = Format::parse(text).unwrap();
        let mut frame = Vec::new();
        encode(&format, None, &vec![0; most], &mut frame).unwrap();
        assert!(matches!(format.probe(&frame), Ok(Probe::Frame(_))), "{text}");
        let error = encode(&format, None, &vec![0; most + 1], &mut frame);
        assert_eq!(error, Err(Error::TooLong { len: most as u64 + 1, max: most as u64 }), "{text}");
    }
}

#[test]
fn too_many_digits_are_told_as_that() {
    let format = Format::parse("decimal until=':'").unwrap();
    let digits = "0".repeat(64);
    assert_eq!(format.probe(digits.as_bytes()), Err(Error::Malformed("the length has too many digits")));
}

#[test]
fn what_goes_without_saying_may_be_said() {
    for (said, plain) in [
        ("line over=refuse eof=refuse", "line"),
        ("headers length='L' missing=refuse", "headers length='L'"),
        ("ber overlong=allow", "ber"),
        ("varint overlong=refuse", "varint"),
        ("decimal until=':' overlong=allow", "decimal until=':'"),
    ] {
        assert_eq!(Format::parse(said).unwrap(), Format::parse(plain).unwrap(), "{said}");
    }
}

/// As the header says of heads to be sent.
#[test]
fn an_empty_head_is_a_head_which_no_length_field_stands_in() {
    let mut frame = Vec::new();
    for text in ["u32be", "varint", "decimal until=':'", "ber", "headers length='L'"] {
        let error = encode(&Format::parse(text).unwrap(), Some(b""), b"body", &mut frame);
        assert!(matches!(error, Err(Error::Malformed(_))), "{text}: {error:?}");
    }
    for text in ["line", "nul", "eof", "select u8 at=0 { 0: u8 at=1; else: line }"] {
        assert_eq!(encode(&Format::parse(text).unwrap(), Some(b""), b"body", &mut frame), Ok(()), "{text}");
    }
}

#[test]
fn nothing_has_no_sign() {
    let formats = ["0", "-0"].map(|zero| Format::parse(format!("decimal until=';' bodiless={zero}")).unwrap());
    assert_eq!(formats[0], formats[1]);
}

/// Each case of a select asks for the room that its head needs.
#[test]
fn a_case_may_need_more_room_than_the_one_before_it() {
    let name = "n".repeat(200);
    let format = format!("select u8 {{ 1: varintbe after=100; else: headers length='{name}' }}");
    let mut frame = Vec::new();
    encode(&Format::parse(&format).unwrap(), None, b"", &mut frame).unwrap();
    assert_eq!(frame, format!("{name}: 0\r\n\r\n").as_bytes());
}
