//! A second reading of the manual: what a stream comes to, said as plainly as can be and without a look at how it is done.
//!
//! It has the whole stream before it and knows that nothing follows. It reads the text of a format by itself, goes through
//! the bytes from the front, and asks of every beginning of a frame, one byte longer each time, what is known of it. Nothing is
//! remembered, searched twice at most, or made fast.

mod layout;
mod text;

use layout::{Answer, Layout};

/// What comes of a stream, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Head, body and tail.
    Message([Vec<u8>; 3]),
    /// Longer than allowed; it is skipped.
    TooLong,
    /// No frame of this format: the end.
    Malformed,
    /// The stream ends inside a frame.
    Truncated,
}

/// All that comes of a stream of this format, and where in it each begins. The text is one that the library takes.
pub fn stream(text: &[u8], bytes: &[u8]) -> Vec<(u64, Happening)> {
    let layout = Layout::new(text);
    let (mut at, mut happenings) = (0, Vec::new());
    while at < bytes.len() {
        let (happening, len) = next(&layout, &bytes[at..]);
        let skips = happening == Happening::TooLong;
        happenings.push((at as u64, happening));
        match (len, skips) {
            (Some(len), _) => at += len,
            (None, false) => break,
            (None, true) => match skipped(&layout, &bytes[at..]) {
                Ok(len) => at += len,
                Err(Happening::TooLong) => break, // too long to look for its end
                Err(another) => {
                    happenings.push((at as u64, another));
                    break;
                }
            },
        }
    }
    happenings
}

/// What the first frame of these bytes is, and how long where it is a message.
fn next(layout: &Layout, bytes: &[u8]) -> (Happening, Option<usize>) {
    match layout.answer(bytes, true) {
        Answer::Frame(frame) => {
            let tail_at = frame.head as u128 + frame.body;
            // A tail is looked at as far as it came.
            let wrong = frame.ends_with.iter().enumerate().any(|(i, expected)| {
                let place = tail_at + frame.tail as u128 - frame.ends_with.len() as u128 + i as u128;
                usize::try_from(place).ok().and_then(|place| bytes.get(place)).is_some_and(|byte| byte != expected)
            });
            match frame.total() {
                _ if wrong => (Happening::Malformed, None),
                total if total > bytes.len() as u128 => (Happening::Truncated, None),
                total => {
                    let (head, rest) = bytes[..total as usize].split_at(frame.head);
                    let (body, tail) = rest.split_at(frame.body as usize);
                    (Happening::Message([head, body, tail].map(<[u8]>::to_vec)), Some(total as usize))
                }
            }
        }
        Answer::More => (Happening::Truncated, None),
        Answer::TooLong => (Happening::TooLong, None),
        Answer::Malformed => (Happening::Malformed, None),
    }
}

/// How far a frame goes that is too long, or what becomes of it.
fn skipped(layout: &Layout, bytes: &[u8]) -> Result<usize, Happening> {
    match layout.answer(bytes, false) {
        Answer::Frame(frame) if frame.total() > bytes.len() as u128 => Err(Happening::Truncated),
        Answer::Frame(frame) => Ok(frame.total() as usize),
        Answer::More => Err(Happening::Truncated),
        Answer::TooLong => Err(Happening::TooLong),
        Answer::Malformed => Err(Happening::Malformed),
    }
}
