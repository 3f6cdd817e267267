//! Messages to bytes and back.
//!
//! - What the encoder accepts, the decoder takes for one message with just that body, and nothing is left.
//! - What was received can be sent on as it is: the same head and body give the same bytes.
//! - Frames can follow each other, unless they go on to the end of the stream.
//! - C gives the same bytes, and the head and the tail that one can ask for by themselves are those of the frame.
//!
//! The bytes aside are the head to send; without any, the format makes one.

use crate::decode::{Event, Run};
use crate::stream::{Message, Rust};
use crate::{Input, c};
use fdwire::codec::encode;
use fdwire::format::Format;

/// The target.
pub fn check(input: &[u8]) {
    let Input { text, aside, bytes: body } = Input::read(input);
    let Ok(format) = Format::parse(text) else { return };
    let head = (!aside.is_empty()).then_some(aside);
    let in_c = c::Format::new(text).expect("a good text is good in C");

    let mut wire = b"before".to_vec();
    let encoded = encode(&format, head, body, &mut wire);
    let wire = wire.strip_prefix(b"before").expect("frames are appended");
    assert_eq!(in_c.encode(head, body), encoded.map(|()| wire.to_vec()).map_err(c::code_of));
    // The end of a stream as the whole frame: that of an empty message cannot be told from none.
    if encoded.is_err() || wire.is_empty() {
        assert!(encoded.is_ok() || wire.is_empty(), "what is refused leaves nothing behind");
        return;
    }

    let (message, before_end) = decoded(&format, wire);
    check_message(&format, &message, body, wire);
    check_parts(&format, &in_c, head, &message);
    if before_end {
        let twice = Run::whole(Rust::new(&format), &format, &wire.repeat(2));
        let [first, second] = [0, wire.len() as u64].map(|at| (at, Event::Message(message.clone())));
        assert_eq!(twice.events, [first, second], "two in a row");
    }
}

/// The only message of a stream, and whether it was told before the stream's end.
fn decoded(format: &Format, wire: &[u8]) -> (Message, bool) {
    let Run { mut events, left, before_end } = Run::whole(Rust::new(format), format, wire);
    match (events.pop(), events.is_empty()) {
        (Some((0, Event::Message(message))), true) => {
            assert_eq!(left, b"", "nothing is left");
            (message, before_end == 1)
        }
        (last, _) => panic!("{wire:02x?} is to be one message, and is {events:?}, then {last:?}"),
    }
}

fn check_message(format: &Format, message: &Message, body: &[u8], wire: &[u8]) {
    let [head, received, _] = message;
    assert_eq!(received, body, "of {wire:02x?}");
    let mut again = Vec::new();
    assert_eq!(encode(format, Some(head), body, &mut again), Ok(()), "the head {head:02x?} was received");
    assert_eq!(again, wire, "sent on with the head {head:02x?}");
}

/// Head and tail, asked for without showing the body: which may be what decides of a select.
fn check_parts(format: &Format, in_c: &c::Format, given: Option<&[u8]>, [head, body, tail]: &Message) {
    if !format.to_string().starts_with("select ") {
        assert_eq!(in_c.head(given, body.len()).as_ref(), Ok(head), "the head by itself");
        assert_eq!(in_c.tail(head, body.len()).as_ref(), Ok(tail), "the tail by itself");
    }
}
