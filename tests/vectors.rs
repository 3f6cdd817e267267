//! The conformance vectors of `tests/vectors`: bytes in, frames or errors out, as other people's suites and documents have
//! them, cut at every position. (`tests/vectors/framer.py` runs the same through the C ABI.)

use fdwire::Error;
use fdwire::codec::{Decoder, encode};
use fdwire::format::Format;
use serde_json::Value;
use std::path::Path;

/// What `texts.json` has for a format of the vectors: its text, and whether head and tail are left out of the frames.
struct Known {
    format: Value,
    text: String,
    strip_head: bool,
    strip_tail: bool,
}

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn texts() -> Vec<Known> {
    let list = read("texts.json");
    let known = |entry: &Value| Known {
        format: entry["format"].clone(),
        text: entry["text"].as_str().unwrap().to_owned(),
        strip_head: entry["strip_head"].as_bool().unwrap(),
        strip_tail: entry["strip_tail"].as_bool().unwrap(),
    };
    list.as_array().unwrap().iter().map(known).collect()
}

/// Calls `check` for every vector; says how many there were.
fn each(check: impl Fn(&str, &Value, &Known, &Format)) -> usize {
    let texts = texts();
    let mut count = 0;
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        if !file.ends_with(".json") || file == "texts.json" {
            continue;
        }
        for vector in read(&file).as_array().unwrap() {
            let known = texts.iter().find(|known| known.format == vector["format"]);
            let known = known.unwrap_or_else(|| panic!("texts.json lacks {}", vector["format"]));
            // That the end of the stream ends a frame is said beside the format.
            let text = known.text.clone() + if vector["eof_deliver"] == true { " eof=allow" } else { "" };
            let format = Format::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            check(&format!("{file}: {}: {}", vector["name"], known.text), vector, known, &format);
            count += 1;
        }
    }
    count
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hexes(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().unwrap().iter().map(hex).collect()
}

/// An error as the vectors call it.
fn name(error: Error) -> &'static str {
    match error {
        Error::TooLong { .. } => "too_long",
        Error::Malformed(_) => "corrupt",
        Error::Truncated => "eof_in_frame",
        error => panic!("{error}"),
    }
}

/// Frames, as they are to be delivered; the error at which it ended; what was left.
type Outcome = (Vec<Vec<u8>>, Option<&'static str>, Vec<u8>);

fn decode(known: &Known, format: &Format, ends: bool, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(format);
    let mut frames = Vec::new();
    let mut error = None;
    let mut fed = 0;
    for piece in pieces {
        decoder.feed(piece).unwrap();
        fed += 1;
        error = deliver(known, &mut decoder, &mut frames);
        if error.is_some() {
            break;
        }
    }
    if error.is_none() && ends {
        error = match decoder.finish() {
            Ok(_) => deliver(known, &mut decoder, &mut frames),
            Err(error) => Some(name(error)),
        };
    }
    let mut rest = decoder.unread().to_vec();
    pieces[fed..].iter().for_each(|piece| rest.extend_from_slice(piece));
    (frames, error, rest)
}

fn deliver(known: &Known, decoder: &mut Decoder<&Format>, frames: &mut Vec<Vec<u8>>) -> Option<&'static str> {
    loop {
        match decoder.next_message() {
            Ok(Some(message)) => {
                let head = if known.strip_head { &[] } else { message.head };
                let tail = if known.strip_tail { &[] } else { message.tail };
                frames.push([head, message.body, tail].concat());
            }
            Ok(None) => return None,
            Err(error) => return Some(name(error)),
        }
    }
}

#[test]
fn every_vector_decodes_however_it_is_cut() {
    let count = each(|what, vector, known, format| {
        if vector["op"] == "encode" {
            return;
        }
        let stream = hexes(&vector["feeds"]).concat();
        let ends = vector["eof"] == true;
        let decode = |pieces: &[&[u8]]| decode(known, format, ends, pieces);
        let whole = decode(&[&stream]);
        assert_eq!(whole.0, hexes(&vector["frames"]), "{what}");
        assert_eq!(whole.1, vector["error"].as_str(), "{what}");
        if whole.1.is_none() {
            assert_eq!(whole.2, hex(&vector["rest"]), "{what}");
        }
        for cut in 0..=stream.len() {
            let (before, after) = stream.split_at(cut);
            assert_eq!(decode(&[before, after]), whole, "{what}: cut at {cut}");
        }
        assert_eq!(decode(&stream.chunks(1).collect::<Vec<_>>()), whole, "{what}: byte by byte");
    });
    assert!(count >= 463, "{count} vectors");
}

/// What the vectors call discarding: the bad frame is dropped, and the stream goes on.
#[test]
fn frames_that_are_too_long_are_passed_over() {
    each(|what, vector, known, format| {
        if vector["policy"] != "discard" {
            return;
        }
        let expected: Vec<Result<Vec<u8>, &str>> = vector["events"].as_array().unwrap().iter().map(event).collect();
        let stream = hexes(&vector["feeds"]).concat();
        for cut in 0..=stream.len() {
            let (before, after) = stream.split_at(cut);
            let mut decoder = Decoder::new(format);
            let mut events = Vec::new();
            for piece in [before, after] {
                decoder.feed(piece).unwrap();
                let mut frames = Vec::new();
                while let Some(error) = deliver(known, &mut decoder, &mut frames) {
                    events.extend(frames.drain(..).map(Ok));
                    events.push(Err(error));
                    decoder.skip().unwrap();
                }
                events.extend(frames.into_iter().map(Ok));
            }
            assert_eq!(events, expected, "{what}: cut at {cut}");
        }
    });
}

fn event(event: &Value) -> Result<Vec<u8>, &str> {
    match event["error"].as_str() {
        Some(error) => Err(error),
        None => Ok(hex(&event["frame"])),
    }
}

#[test]
fn every_vector_encodes() {
    each(|what, vector, _, format| {
        if vector["op"] == "encode" {
            let mut wire = Vec::new();
            match encode(format, None, &hex(&vector["payload"]), &mut wire) {
                Ok(()) => assert_eq!(wire, hex(&vector["wire"]), "{what}"),
                Err(error) => assert_eq!(Some(name(error)), vector["error"].as_str(), "{what}"),
            }
        }
    });
}

#[test]
fn what_a_frame_needs_is_known_as_soon_as_the_vectors_know_it() {
    each(|what, vector, known, format| {
        if let Some(need) = vector["need"].as_u64() {
            let mut decoder = Decoder::new(format);
            decoder.feed(&hexes(&vector["feeds"]).concat()).unwrap();
            let mut frames = Vec::new();
            assert_eq!(deliver(known, &mut decoder, &mut frames), None, "{what}");
            let needed = decoder.needed();
            assert_eq!(decoder.unread().len() + needed, need as usize, "{what}");
        }
    });
}
