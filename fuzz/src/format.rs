//! Texts of formats, and what the bytes of a stream are to them.
//!
//! - A text is refused with a column in it, or makes a format that displays as a text of the same format, and that people can
//!   be shown a picture of; C sees the same.
//! - What bytes are is told once and for all: more of them turn "more are needed" into something definite, which then stays.
//! - A frame has as many bytes as any answer before said that it surely has, and never more head than [`HEAD_MAX`], nor a
//!   body over [`Format::max_body`]. Only where one delimiter begins with another, or what is too long is split, a byte behind
//!   the frame is asked for.

use crate::{Input, c};
use fdwire::Error;
use fdwire::format::{Format, Frame, HEAD_MAX, Probe};

/// Every beginning of the bytes is looked at: these are enough.
const BYTES_MAX: usize = 1024;

/// The target.
pub fn check(input: &[u8]) {
    let Input { text, bytes, .. } = Input::read(input);
    let ours = Format::parse(text);
    let theirs = c::Format::new(text);
    match (ours, theirs) {
        (Ok(format), Ok(in_c)) => {
            check_text(&format);
            assert_eq!(format.describe().to_string(), in_c.describe());
            check_probes(&format, &bytes[..bytes.len().min(BYTES_MAX)]);
        }
        (Err(Error::Format { column, reason }), Err((c::code::FORMAT, why))) => {
            assert!((1..=text.len() + 1).contains(&(column as usize)), "column {column}");
            assert!(why.starts_with(&format!("column {column}, ")) && why.ends_with(reason), "{why}");
        }
        (ours, theirs) => panic!("{ours:?}, but in C {:?}", theirs.err()),
    }
}

fn check_text(format: &Format) {
    let text = format.to_string();
    match Format::parse(&text) {
        Ok(again) => assert_eq!(&again, format, "displayed as {text}"),
        Err(error) => panic!("displayed as {text}: {error}"),
    }
}

fn check_probes(format: &Format, bytes: &[u8]) {
    let mut told = None;
    let mut surely = 0;
    let is_split = format.to_string().contains("over=split");
    for len in 0..=bytes.len() {
        let there = &bytes[..len];
        match (format.probe(there), told) {
            (Ok(Probe::NeedMore { at_least }), None) => {
                assert!(at_least > len, "{at_least} bytes are needed, and {len} are there");
                if !(check_end(format, there) || at_least == len + 1 && is_split) {
                    surely = surely.max(at_least);
                }
            }
            (definite, None) => {
                if let Ok(Probe::Frame(frame)) = definite {
                    assert!(frame.total() >= surely as u64, "{frame:?}: {surely} bytes were sure");
                    check_frame(format, frame);
                }
                told = Some(definite);
            }
            (probe, Some(before)) => assert_eq!(probe, before, "after {len} bytes"),
        }
        if let Some(Ok(Probe::Frame(frame))) = told {
            check_tails(format, &frame, there);
        }
    }
}

fn check_frame(format: &Format, frame: Frame) {
    assert!(frame.total() > 0, "a frame of no bytes");
    assert!(frame.head <= HEAD_MAX, "{frame:?}");
    assert!(frame.body <= format.max_body(), "{frame:?}, and the longest body is {}", format.max_body());
}

/// What the stream's end makes of bytes of which more are needed: it cuts a frame off, or all of one is there. Says whether it
/// has its delimiter, and only what follows could have told.
fn check_end(format: &Format, bytes: &[u8]) -> bool {
    match format.probe_end(bytes) {
        Ok(frame) => {
            assert!(frame.total() <= bytes.len() as u64, "{frame:?} of {} bytes", bytes.len());
            assert!(frame.body <= format.max_body(), "{frame:?}");
            frame.tail > 0
        }
        Err(Error::Truncated | Error::Malformed(_) | Error::TooLong { .. }) => false,
        Err(error) => panic!("at the stream's end: {error}"),
    }
}

/// A tail that is wrong stays so when more of it comes.
fn check_tails(format: &Format, frame: &Frame, there: &[u8]) {
    let start = (frame.head as u64 + frame.body).min(there.len() as u64) as usize;
    let tail = &there[start..there.len().min(frame.total() as usize)];
    let wrong = (0..=tail.len()).map(|len| format.check_tail(frame, there, &tail[..len]).is_err());
    assert!(wrong.is_sorted(), "a wrong tail that came right");
}
