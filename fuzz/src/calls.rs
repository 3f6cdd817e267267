//! Messages by the calls that keep no state, over a real socket pair or a pipe.
//!
//! - What comes in pieces is taken whole and in order, and not a byte beyond the message. What a decoder calls wrong is wrong.
//! - A message that there is no room for says how much it needs, and stays; on a pipe it is dropped.
//! - What is sent is what the encoder makes of it.
//!
//! Of the bytes aside the first says over what and how long to wait; each other one the size of a piece, and the room that
//! there is for a body. The bytes are the stream, and the body to send.

use crate::c::code::*;
use crate::c::{Format as InC, Opaque, code_of};
use crate::decode::{Event, Run};
use crate::fds::{close, open_descriptors, pipe, read_now, readable, socket_pair, write_now};
use crate::stream::Rust;
use crate::{Input, c};
use fdwire::codec::encode;
use fdwire::format::Format;
use std::ffi::{c_int, c_void};
use std::iter::Peekable;
use std::vec::IntoIter;

unsafe extern "C" {
    fn fdwire_send(fd: c_int, format: *const Opaque, body: *const c_void, len: usize, timeout_ms: c_int) -> c_int;
    fn fdwire_recv(
        fd: c_int,
        format: *const Opaque,
        body: *mut c_void,
        cap: usize,
        len: *mut usize,
        timeout_ms: c_int,
    ) -> c_int;
}

/// For longer bodies, which are announced but do not come, no room is made here.
const ROOM_MOST: usize = 1 << 20;

/// What a pipe, or a small socket, surely takes at once.
const SURELY_TAKEN: usize = 4096;

/// The target.
pub fn check(input: &[u8]) {
    let Input { text, aside, bytes } = Input::read(input);
    let Ok(format) = Format::parse(text) else { return };
    let in_c = InC::new(text).expect("a good text is good in C");
    let before = open_descriptors();
    let (how, pieces) = aside.split_first().map_or((0, &[][..]), |(how, pieces)| (*how, pieces));
    send(&format, &in_c, bytes, how);
    receive(&format, &in_c, bytes, how, pieces);
    assert_eq!(open_descriptors(), before, "every descriptor is closed");
}

/// What is read from, what is written to, and whether they are sockets.
fn open(how: u8) -> ([c_int; 2], bool) {
    if how & 1 == 0 { (socket_pair(), true) } else { (pipe(), false) }
}

fn send(format: &Format, in_c: &InC, body: &[u8], how: u8) {
    let ([input, output], _) = open(how);
    let mut wire = Vec::new();
    let encoded = encode(format, None, body, &mut wire).map_err(code_of);
    if wire.len() <= SURELY_TAKEN {
        // SAFETY: the format lives, and the body may be read.
        let sent = unsafe { fdwire_send(output, in_c.0, body.as_ptr().cast(), body.len(), 0) };
        assert_eq!(sent, encoded.err().unwrap_or(0), "of {body:02x?}");
        assert_eq!(read_now(input, usize::MAX), wire, "what was sent");
    }
    close(input);
    close(output);
}

fn receive(format: &Format, in_c: &InC, stream: &[u8], how: u8, pieces: &[u8]) {
    let events = Run::whole(Rust::new(format), format, stream).map(c::code_of).events;
    let ([input, output], is_socket) = open(how);
    let mut reader = Reader {
        input,
        is_socket,
        in_c,
        events: events.into_iter().peekable(),
        fed: 0,
        place: 0,
        has_ended: false,
        timeout: c_int::from(how & 0xf8 == 0xf8),
    };
    let mut goes_on = true;
    // The bytes of a pipe cannot be looked at without taking them, so all are there.
    for piece in pieces.iter().filter(|_| is_socket) {
        reader.feed(output, stream, usize::from(piece & 0x3f) + 1);
        goes_on = goes_on && reader.take_all(usize::from(piece >> 6) * 9);
    }
    reader.feed(output, stream, usize::MAX);
    close(output);
    (reader.has_ended, reader.timeout) = (true, if how & 2 > 0 { -1 } else { 0 });
    if goes_on {
        assert_eq!(reader.fed, stream.len(), "a short stream is taken at once");
        reader.take_all(if how & 4 > 0 { 9 } else { 4096 });
    }
    close(input);
}

struct Reader<'f> {
    input: c_int,
    is_socket: bool,
    in_c: &'f InC,
    /// What a decoder makes of the whole stream, as far as it was not taken yet.
    events: Peekable<IntoIter<(u64, Event<c_int>)>>,
    /// How much of the stream has come, and where the next message begins.
    fed: usize,
    place: usize,
    has_ended: bool,
    timeout: c_int,
}

impl Reader<'_> {
    fn feed(&mut self, output: c_int, stream: &[u8], most: usize) {
        let piece = &stream[self.fed..self.fed.saturating_add(most).min(stream.len())];
        if !piece.is_empty() {
            self.fed += write_now(output, self.is_socket, piece);
        }
    }

    /// Takes what is there with this much room at first, and says whether more may come.
    fn take_all(&mut self, cap: usize) -> bool {
        loop {
            match self.recv(cap) {
                (1, body) => self.took(&body, true),
                (ENOBUFS, body) if self.is_socket && body.len() > ROOM_MOST => return false,
                (ENOBUFS, body) if self.is_socket => match self.recv(body.len()) {
                    (1, whole) => {
                        assert_eq!(whole.len(), body.len(), "as long as it was said to be");
                        self.took(&whole, true);
                    }
                    (result, _) => return self.stops(result),
                },
                (ENOBUFS, body) => match self.events.peek() {
                    // Of what turns out wrong only behind that room, nothing is promised.
                    Some((_, Event::Error(_))) => return false,
                    _ => self.took(&body, false),
                },
                (result, _) => return self.stops(result),
            }
        }
    }

    /// The body, or with `ENOBUFS` as many bytes as it has.
    fn recv(&self, cap: usize) -> (c_int, Vec<u8>) {
        let (mut body, mut len) = (vec![0xff_u8; cap], usize::MAX);
        let (to, format) = (body.as_mut_ptr().cast(), self.in_c.0);
        // SAFETY: the format lives, and the others may be written.
        let result = unsafe { fdwire_recv(self.input, format, to, cap, &mut len, self.timeout) };
        match result {
            1 => assert!(len <= cap),
            ENOBUFS => assert!(len > cap),
            _ => len = 0,
        }
        body.resize(len.min(ROOM_MOST + 1), 0);
        (result, body)
    }

    /// A body that came, or was dropped: it is the next one, and not a byte behind its message was taken.
    fn took(&mut self, body: &[u8], is_shown: bool) {
        let Some((place, Event::Message(message))) = self.events.next() else {
            panic!("{body:02x?} came, and is no message");
        };
        let [_, sent, _] = &message;
        assert!(body.len() == sent.len() && (!is_shown || body == sent), "{body:02x?} came of {sent:02x?}");
        self.place = place as usize + message.concat().len();
        assert_eq!(readable(self.input), self.fed - self.place, "what is behind a message stays");
    }

    /// Says whether more may come.
    fn stops(&mut self, result: c_int) -> bool {
        let next = self.events.peek();
        match result {
            0 => assert!(self.has_ended && next.is_none(), "the end, before {next:?}"),
            EAGAIN => {
                assert!(!self.has_ended, "nothing more comes");
                assert_eq!(readable(self.input), self.fed - self.place, "nothing was taken");
            }
            // Part of the message may have been taken.
            ETIMEDOUT => assert!(self.timeout == 1, "all is there"),
            // One that is looked for and did not all come with the first look, be it but the end.
            EMSGSIZE => assert!(self.is_socket && self.timeout != 0, "dropped"),
            // Only what follows tells where it ends, and to see that takes it.
            EOPNOTSUPP => assert!(!self.is_socket || self.timeout != 0, "what can be looked at"),
            TRUNCATED | MALFORMED | TOO_LONG => {
                let dropped = !self.is_socket && result == TRUNCATED; // of which the tail is not looked at
                let told = |error| error == result || dropped && error == MALFORMED;
                assert!(matches!(next, Some((_, Event::Error(error))) if told(*error)), "{result}, not {next:?}");
            }
            result => panic!("a receive that says {result}"),
        }
        result == EAGAIN
    }
}
