//! One of the two who talk: its connection, what it said, and what it heard.

use super::pair::End;
use crate::c;
use crate::c::code::*;
use crate::conn::{Conn, READY, option};
use crate::decode::{Event, Run};
use crate::fds::{file_bytes, the_file};
use crate::stream::Rust;
use fdwire::codec::encode;
use fdwire::format::{Format, Probe};
use std::ffi::c_int;

/// `FDWIRE_BOTH`, `FDWIRE_OWN`, `FDWIRE_SHUT_RD` and `_WR`.
const BOTH: i64 = 3;
const OWN: c_int = 1;
const SHUT_RD: c_int = 0;
const SHUT_WR: c_int = 1;

/// More calls than any input needs until all has come.
const PATIENCE: usize = 20_000;

/// For longer bodies, which are announced but do not come, no room is made here.
const ROOM_MOST: usize = 1 << 20;

/// What both know.
pub(super) struct Talk<'t> {
    pub(super) format: &'t Format,
    pub(super) in_c: &'t c::Format,
    /// Where bodies, and bytes that are written by hand, are taken from.
    pub(super) pool: &'t [u8],
    /// Whether connections own their descriptors.
    pub(super) owns: bool,
}

/// What a receive gave, as far as it shows it.
#[derive(Debug)]
enum Got {
    Whole([Vec<u8>; 3]),
    Parts(Vec<u8>, Vec<u8>),
    Body(Vec<u8>),
    Error(c_int),
}

/// A message that is being received in parts.
struct Incoming {
    head: Vec<u8>,
    len: u64,
    body: Vec<u8>,
}

pub(super) struct Side<'t> {
    conn: Conn,
    end: &'t End,
    /// All bytes that this side put on the wire, or will have.
    wire: Vec<u8>,
    /// Of these, those of messages, and how many these are.
    sent: u64,
    accepted: u64,
    limit: usize,
    /// The body that is being sent in parts, and how far it came.
    outgoing: Option<(Vec<u8>, usize)>,
    /// Why nothing more can be sent.
    closed: Option<c_int>,
    /// Where on the peer's wire the stream begins that `got` came of.
    start: usize,
    got: Vec<Got>,
    incoming: Option<Incoming>,
    /// Where a frame begins that is being skipped.
    skipping: Option<u64>,
    /// What every receive returns from now on.
    ended: Option<c_int>,
    /// Whether receiving was shut down, so that not all may have come.
    deaf: bool,
    takes_fds: bool,
    fds_sent: usize,
    fds_taken: usize,
}

impl<'t> Side<'t> {
    pub(super) fn new(talk: &Talk<'_>, end: &'t End, options: u8) -> Side<'t> {
        let conn = end.connect(talk.in_c);
        let mut limit = 32 << 20;
        match options & 7 {
            1 => conn.set(option::ONE_THREAD, BOTH),
            2 => conn.set(option::BATCH, 100),
            3 => conn.set(option::BATCH, 100_000),
            4 => limit = 5000,
            5 => conn.set(option::POLLED, 1),
            6 => conn.set(option::SPIN, 1),
            7 => conn.set(option::READ_SIZE, 4096),
            _ => {}
        }
        conn.set(option::SEND_LIMIT, limit as i64);
        let takes_fds = end.is_socket() && options & 1 == 1;
        conn.set(option::TAKE_FDS, takes_fds.into());
        if talk.owns {
            conn.set(OWN, BOTH);
        }
        Side {
            conn,
            end,
            wire: Vec::new(),
            sent: 0,
            accepted: 0,
            limit,
            outgoing: None,
            closed: None,
            start: 0,
            got: Vec::new(),
            incoming: None,
            skipping: None,
            ended: None,
            deaf: false,
            takes_fds,
            fds_sent: 0,
            fds_taken: 0,
        }
    }

    /// One call, or a few that belong together.
    pub(super) fn call(&mut self, talk: &Talk<'_>, peer: &mut Side<'_>, op: u8, by: u8) {
        match op % 32 {
            0..=2 => self.send(talk, by),
            3 => self.send_many(talk, by, Conn::send_packed),
            4 => self.send_many(talk, by, |conn, bodies| conn.send_many(bodies, true)),
            5 => self.send_many(talk, by, |conn, bodies| conn.send_many(bodies, false)),
            6 => self.begin(talk, by),
            7 | 8 => self.send_part(by),
            9 => self.send_file(talk, by),
            10 => self.send_fds(talk, by),
            11 => self.flush(),
            12 | 13 => self.write_by_hand(talk, by),
            // Who shut down receiving is told the end, or what is inside, or that it is cut off: no more is promised.
            14..=25 | 30 if self.deaf => _ = self.conn.recv(0),
            14..=17 => self.receive(by),
            18 => self.receive_many(by),
            19 => self.receive_into(by),
            20 => self.receive_packed(by),
            21 => self.receive_begin(),
            22 | 23 => self.receive_part(by),
            24 => self.skip(talk, peer),
            25 => self.unread(talk, peer),
            26 => self.check_state(peer),
            27 => self.set_format(talk),
            28 => self.conn.set(option::CANCELLED, (by & 1).into()),
            29 => self.conn.cancel(),
            30 => self.take_fds(peer),
            _ => self.shut_down(peer, by),
        }
    }

    // Sending

    fn send(&mut self, talk: &Talk<'_>, by: u8) {
        let body = body(talk, by);
        let result = self.conn.send(&body);
        self.accept(talk, result, &[&body]);
    }

    fn send_many(&mut self, talk: &Talk<'_>, by: u8, send: impl Fn(&Conn, &[&[u8]]) -> c_int) {
        let bodies: Vec<Vec<u8>> = (0..=by % 5).map(|n| body(talk, by.wrapping_add(n * 7))).collect();
        let bodies: Vec<&[u8]> = bodies.iter().map(|body| &body[..]).collect();
        let result = send(&self.conn, &bodies);
        self.accept(talk, result, &bodies);
    }

    /// Of a send, all messages were accepted or none.
    fn accept(&mut self, talk: &Talk<'_>, result: c_int, bodies: &[&[u8]]) {
        let mut frames = Vec::new();
        let encoded = bodies.iter().try_for_each(|body| encode(talk.format, None, body, &mut frames));
        match (result, self.closed, &self.outgoing) {
            (_, Some(code), _) => assert!(result < 0, "sent after {code}"),
            (_, _, Some(_)) => assert!(result < 0, "sent within a message"),
            (0 | 1, ..) => {
                assert_eq!(encoded, Ok(()), "accepted what is no message");
                self.put_on_wire(result, &frames, bodies.len());
            }
            (EPIPE | ECONNRESET, ..) => self.closed = Some(result),
            _ => assert!(encoded.is_err() || self.limit < 6000, "{result}, and there was room"),
        }
    }

    fn put_on_wire(&mut self, result: c_int, bytes: &[u8], messages: usize) {
        assert!(result == 1 || self.conn.pending() == 0, "nothing waits");
        self.wire.extend_from_slice(bytes);
        self.sent += bytes.len() as u64;
        self.accepted += messages as u64;
    }

    /// The frame of a message whose head is made before its body is seen.
    fn framed(talk: &Talk<'_>, body: &[u8]) -> Result<Vec<u8>, c_int> {
        let head = talk.in_c.head(None, body.len())?;
        let tail = talk.in_c.tail(&head, body.len())?;
        Ok([&head[..], body, &tail].concat())
    }

    fn begin(&mut self, talk: &Talk<'_>, by: u8) {
        let body = body(talk, by);
        match self.conn.send_begin(body.len()) {
            0 | 1 => {
                assert!(self.closed.is_none() && self.outgoing.is_none());
                let frame = Side::framed(talk, &body).expect("accepted what is a message");
                self.wire.extend_from_slice(&frame);
                self.sent += frame.len() as u64;
                self.accepted += 1;
                self.outgoing = Some((body, 0)).filter(|(body, _)| !body.is_empty());
            }
            EPIPE | ECONNRESET => self.closed = self.closed.or(Some(EPIPE)),
            _ => {}
        }
    }

    fn send_part(&mut self, by: u8) {
        let Some((body, at)) = &mut self.outgoing else {
            let result = self.conn.send_part(b"x");
            assert!(result < 0, "a part of no message");
            return;
        };
        let end = body.len().min(*at + 1 + usize::from(by) * 20);
        match self.conn.send_part(&body[*at..end]) {
            0 | 1 if end == body.len() => self.outgoing = None,
            0 | 1 => *at = end,
            code @ (EPIPE | ECONNRESET) => self.closed = Some(code),
            _ => {}
        }
    }

    fn send_file(&mut self, talk: &Talk<'_>, by: u8) {
        let body = &file_bytes()[..usize::from(by) * 16];
        let result = self.conn.send_file(the_file(), body.len());
        match result {
            0 | 1 => {
                assert!(self.closed.is_none() && self.outgoing.is_none());
                let frame = Side::framed(talk, body).expect("accepted what is a message");
                self.put_on_wire(result, &frame, 1);
            }
            EPIPE | ECONNRESET => self.closed = self.closed.or(Some(result)),
            _ => {}
        }
    }

    fn send_fds(&mut self, talk: &Talk<'_>, by: u8) {
        let (body, fds) = (body(talk, by), [the_file(); 2]);
        let fds = &fds[..1 + usize::from(by & 1)];
        let result = self.conn.send_fds(&body, fds);
        assert!(self.end.is_socket() || result < 0, "descriptors over what is no socket");
        if result >= 0 {
            self.fds_sent += fds.len();
        }
        if self.end.is_socket() && result != ETOOMANYREFS {
            self.accept(talk, result, &[&body]);
        }
    }

    fn flush(&mut self) {
        match self.conn.flush() {
            0 => assert_eq!(self.conn.pending(), 0, "nothing waits"),
            code @ (EPIPE | ECONNRESET) => self.closed = Some(code),
            code => assert!(matches!(code, EAGAIN | ECANCELED) || self.closed.is_some(), "{code}"),
        }
    }

    /// Bytes that no connection made, between two frames.
    fn write_by_hand(&mut self, talk: &Talk<'_>, by: u8) {
        let bytes = &talk.pool[talk.pool.len().min(by.into())..];
        let bytes = &bytes[..bytes.len().min(64)];
        if self.closed.is_some() || self.outgoing.is_some() || self.conn.pending() > 0 || bytes.is_empty() {
            return;
        }
        self.wire.extend_from_slice(&bytes[..self.end.write(bytes)]);
    }

    fn shut_down(&mut self, peer: &mut Side<'_>, by: u8) {
        if by == 0xff && self.end.is_socket() {
            assert_eq!(self.conn.shutdown(SHUT_RD), 0);
            self.deaf = true;
        } else if self.outgoing.is_none() && by & 0xf0 == 0x40 {
            self.close(peer);
        }
    }

    fn close(&mut self, peer: &Side<'_>) {
        match self.conn.shutdown(SHUT_WR) {
            0 => self.closed = Some(EPIPE),
            EOPNOTSUPP => self.hang_up(),
            code @ (EPIPE | ECONNRESET) => {
                assert!(peer.deaf || self.closed.is_some(), "{code} of a peer that is there");
                self.closed = Some(code);
            }
            TRUNCATED => {
                assert!(self.outgoing.is_some(), "all was sent whole");
                self.closed = Some(TRUNCATED);
            }
            code => assert!(matches!(code, EAGAIN | ECANCELED), "{code}"),
        }
    }

    /// Functions cannot be told the end: it is shown to the peer by hand.
    fn hang_up(&mut self) {
        let End::Functions(line) = self.end else { panic!("the end can be shown on a descriptor that is owned") };
        line.end();
        self.closed = Some(EPIPE);
    }

    // Receiving

    /// A receive with nothing to wait for waits for nothing.
    fn receive(&mut self, by: u8) {
        let ready = self.conn.events() & READY != 0;
        let timeout = if ready && self.incoming.is_none() { -1 } else { c_int::from(by == 0xff) };
        match self.conn.recv(timeout) {
            Ok(None) => self.end(0),
            Ok(Some(message)) => self.take([Got::Whole(message)]),
            Err(EAGAIN | ETIMEDOUT | ECANCELED) => assert!(!ready, "a receive that was ready"),
            Err(error) => self.fail(error),
        }
    }

    fn receive_many(&mut self, by: u8) {
        match self.conn.recv_many(1 + usize::from(by % 8)) {
            Ok(messages) if messages.is_empty() => self.end(0),
            Ok(messages) => self.take(messages.into_iter().map(Got::Whole)),
            Err(error) => self.fail(error),
        }
    }

    fn receive_into(&mut self, by: u8) {
        let got = match self.conn.recv_into(by.into()) {
            Err((ENOBUFS, needed)) if needed > ROOM_MOST => return,
            Err((ENOBUFS, needed)) => {
                assert!(needed > by.into());
                let again = self.conn.recv_into(needed);
                match &again {
                    Ok(Some(body)) => assert_eq!(body.len(), needed),
                    Ok(None) => assert!(self.deaf, "the end within a message"),
                    Err((error, _)) => assert_ne!(*error, ENOBUFS), // or not all of it is there yet
                }
                again
            }
            got => got,
        };
        match got {
            Ok(None) => self.end(0),
            Ok(Some(body)) => self.take([Got::Body(body)]),
            Err((error, _)) => self.fail(error),
        }
    }

    fn receive_packed(&mut self, by: u8) {
        let (cap, most) = (usize::from(by) * 4, 1 + usize::from(by % 8));
        let got = match self.conn.recv_packed(cap, most) {
            Err((ENOBUFS, needed)) if needed > ROOM_MOST => return,
            Err((ENOBUFS, needed)) => {
                assert!(needed > cap);
                let again = self.conn.recv_packed(needed, most);
                match &again {
                    Ok(bodies) if bodies.is_empty() => assert!(self.deaf, "the end within a message"),
                    Ok(bodies) => assert_eq!(bodies[0].len(), needed),
                    Err((error, _)) => assert_ne!(*error, ENOBUFS),
                }
                again
            }
            got => got,
        };
        match got {
            Ok(bodies) if bodies.is_empty() => self.end(0),
            Ok(bodies) => self.take(bodies.into_iter().map(Got::Body)),
            Err((error, _)) => self.fail(error),
        }
    }

    fn receive_begin(&mut self) {
        match self.conn.recv_begin() {
            Ok(None) => self.end(0),
            Ok(Some((head, len))) => {
                assert!(self.incoming.is_none() && self.ended.is_none());
                self.skipping = None;
                self.incoming = Some(Incoming { head, len, body: Vec::new() });
            }
            Err(error) => self.fail(error),
        }
    }

    fn receive_part(&mut self, by: u8) {
        let part = self.conn.recv_part(1 + usize::from(by) * 8);
        let Some(incoming) = &mut self.incoming else {
            assert!(part.is_err(), "a part of no message");
            return;
        };
        match part {
            Ok(part) if part.is_empty() => {
                let Incoming { head, len, body } = self.incoming.take().expect("it was there");
                assert_eq!(body.len() as u64, len, "a body as long as its head said");
                self.take([Got::Parts(head, body)]);
            }
            Ok(part) => {
                incoming.body.extend_from_slice(&part);
                assert!(incoming.body.len() as u64 <= incoming.len);
            }
            Err(error) => {
                let lasts = matches!(error, TRUNCATED | MALFORMED | ECONNRESET);
                let incoming = self.incoming.take();
                self.fail(error);
                self.incoming = incoming.filter(|_| !lasts);
            }
        }
    }

    fn take(&mut self, got: impl IntoIterator<Item = Got>) {
        assert_eq!(self.ended, None, "a message behind the end");
        assert!(self.incoming.is_none(), "a message within another");
        self.skipping = None;
        self.got.extend(got);
    }

    /// The end, of which a later receive says the same.
    fn end(&mut self, code: c_int) {
        assert_eq!(*self.ended.get_or_insert(code), code, "the end stays");
    }

    fn fail(&mut self, error: c_int) {
        match error {
            EAGAIN | ETIMEDOUT | ECANCELED => {}
            EBUSY => assert!(self.incoming.is_some() || self.deaf),
            _ if self.ended.is_some() => self.end(error),
            TOO_LONG => self.pass_over(),
            ECONNRESET => {
                self.deaf = true;
                self.end(error);
            }
            TRUNCATED if self.deaf => self.end(error),
            TRUNCATED | MALFORMED => {
                self.got.push(Got::Error(error));
                self.end(error);
            }
            error => panic!("a receive that says {error}"),
        }
    }

    /// Of what is too long, the end is looked for; where it is too far, the error is the last.
    fn pass_over(&mut self) {
        let at = self.stands_at();
        if self.skipping == Some(at) {
            return self.end(TOO_LONG);
        }
        self.got.push(Got::Error(TOO_LONG));
        match self.conn.skip() {
            0 => self.skipping = Some(at),
            TOO_LONG => self.end(TOO_LONG),
            error => {
                self.got.push(Got::Error(error));
                self.end(error);
            }
        }
    }

    /// Where in the stream it is out of step, as it says itself.
    fn stands_at(&self) -> u64 {
        let text = self.conn.explain();
        let digits = text.split("offset ").nth(1).unwrap_or_else(|| panic!("no offset: {text}"));
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("an offset")
    }

    /// Whether what comes next is an error, which may be known inside before it is told.
    fn is_wrong_next(&self, talk: &Talk<'_>, peer: &Side<'_>) -> bool {
        let next = self.expected(talk, peer).events.into_iter().nth(self.got.len());
        next.is_some_and(|(_, event)| matches!(event, Event::Error(MALFORMED | TOO_LONG)))
    }

    fn skip(&mut self, talk: &Talk<'_>, peer: &Side<'_>) {
        if self.incoming.is_none() && self.is_wrong_next(talk, peer) {
            return;
        }
        let result = self.conn.skip();
        if self.incoming.is_none() {
            assert!(result < 0, "nothing is there to be skipped");
            return;
        }
        assert_eq!(result, 0);
        self.incoming = None;
        let at = self.heard(talk, peer);
        let rest = &peer.wire[at..];
        let len = match talk.format.probe(rest) {
            Ok(Probe::Frame(frame)) => usize::try_from(frame.total()).unwrap_or(usize::MAX),
            _ => rest.len(), // up to the end
        };
        (self.start, self.skipping) = (at.saturating_add(len), None);
    }

    fn unread(&mut self, talk: &Talk<'_>, peer: &Side<'_>) {
        if self.skipping.is_some() || self.ended.is_some() || self.is_wrong_next(talk, peer) {
            return;
        }
        match self.conn.unread() {
            Err(code) => assert!(code == EBUSY && self.incoming.is_some()),
            Ok(bytes) if self.start <= peer.wire.len() => {
                let at = self.heard(talk, peer);
                assert_eq!(bytes, peer.wire[at..at + bytes.len()], "what was not delivered");
                self.start = at + bytes.len();
            }
            Ok(bytes) => assert_eq!(bytes, b"", "of what is being skipped"),
        }
    }

    /// Holds what was got against what the peer's bytes come to, and says where on its wire the next message begins.
    fn heard(&mut self, talk: &Talk<'_>, peer: &Side<'_>) -> usize {
        let (start, run) = (self.start, self.expected(talk, peer));
        assert!(self.got.len() <= run.events.len(), "more than was sent: {:?}", self.got);
        let end = match run.events.get(..self.got.len()).and_then(<[_]>::last) {
            Some((place, Event::Message(message))) => *place as usize + message.concat().len(),
            _ => 0,
        };
        let next = run.events.get(self.got.len()).map_or(end, |(place, _)| *place as usize);
        for (got, (_, event)) in self.got.drain(..).zip(&run.events) {
            check_got(&got, event);
        }
        start + next
    }

    fn expected(&self, talk: &Talk<'_>, peer: &Side<'_>) -> Run<c_int> {
        let run = match peer.wire.get(self.start..) {
            Some(bytes) => Run::whole(Rust::new(talk.format), talk.format, bytes),
            // It ends within a frame that was skipped.
            None => Run { events: vec![(0, Event::Error(fdwire::Error::Truncated))], before_end: 0, left: Vec::new() },
        };
        run.map(c::code_of)
    }

    // Both

    fn check_state(&self, peer: &Side<'_>) {
        let (events, pending, stats) = (self.conn.events(), self.conn.pending(), self.conn.stats());
        assert_eq!(pending, stats.pending);
        // To a peer that does not listen, a receive that sends what waits fails without saying so.
        let goes_out = self.closed.is_none() && !peer.deaf;
        if goes_out {
            assert_eq!(events & c_int::from(libc::POLLOUT) != 0, pending > 0, "{events:x}, and {pending} bytes wait");
        }
        if goes_out && self.outgoing.is_none() {
            assert_eq!(stats.messages_out, self.accepted);
            assert_eq!(stats.bytes_out + pending, self.sent, "what was accepted is out, or waits");
        }
        assert!(!self.conn.explain().is_empty());
    }

    fn set_format(&self, talk: &Talk<'_>) {
        let result = self.conn.set_format(talk.in_c);
        let within = self.incoming.is_some() || self.outgoing.is_some() || self.skipping.is_some();
        match result {
            0 => {}
            EBUSY | EINVAL => assert!(within, "{result} between messages"),
            _ => assert!(matches!(result, TRUNCATED | MALFORMED | TOO_LONG | ECONNRESET), "{result}"),
        }
    }

    fn take_fds(&mut self, peer: &Side<'_>) {
        self.fds_taken += self.conn.take_fds();
        assert!(self.fds_taken <= peer.fds_sent && (self.takes_fds || self.fds_taken == 0));
    }
}

/// Both say and hear all that is left, and end.
pub(super) fn settle(talk: &Talk<'_>, sides: &mut [Side<'_>; 2]) {
    for side in sides.iter() {
        side.conn.set(option::CANCELLED, 0);
        // The last part of a message goes with its padding, which may be over a limit all by itself.
        side.conn.set(option::SEND_LIMIT, 1 << 30);
    }
    for round in 0.. {
        assert!(round < PATIENCE, "what was accepted does not come");
        let mut settled = true;
        for n in 0..2 {
            let [one, other] = &mut *sides;
            let (us, them) = if n == 0 { (one, other) } else { (other, one) };
            settled &= us.say_rest(them);
            them.hear_rest();
        }
        if settled {
            break;
        }
    }
    for n in 0..2 {
        let [one, other] = &mut *sides;
        let (us, them) = if n == 0 { (one, other) } else { (other, one) };
        us.check_state(them);
        if us.closed.is_none() && (them.ended.is_none() || us.conn.pending() == 0) {
            us.close(them);
        }
        for tries in 0.. {
            assert!(tries < PATIENCE, "no end comes");
            if them.ended.is_some() || them.deaf {
                break;
            }
            them.hear_rest();
        }
        them.check_all(talk, us);
    }
    for side in sides.iter() {
        let (_, unsent) = side.conn.finish();
        let all_heard = sides.iter().all(|side| side.ended == Some(0) && !side.deaf);
        assert!(unsent == 0 || !all_heard, "{unsent} bytes were not sent");
        let after = side.conn.recv(0);
        assert!(after == Err(BROKEN) || side.ended.is_some(), "{after:?} of a connection that was finished");
    }
}

impl Side<'_> {
    /// Says some of the rest; true if there is none, or nobody who hears it.
    fn say_rest(&mut self, peer: &Side<'_>) -> bool {
        if self.closed.is_some() || peer.ended.is_some() || peer.deaf {
            return true;
        }
        if self.outgoing.is_some() {
            self.send_part(100);
        }
        self.flush();
        self.closed.is_some() || self.outgoing.is_none() && self.conn.pending() == 0
    }

    fn hear_rest(&mut self) {
        if self.deaf {
            return;
        }
        if self.incoming.is_some() {
            self.receive_part(0xff);
        }
        if self.incoming.is_none() {
            self.receive_many(7);
        }
    }

    /// In the end, all has come that was sent.
    fn check_all(&mut self, talk: &Talk<'_>, peer: &Side<'_>) {
        let (expected, got) = (self.expected(talk, peer).events.len(), self.got.len());
        self.incoming = None;
        self.heard(talk, peer);
        if !self.deaf && peer.closed == Some(EPIPE) {
            assert_eq!(got, expected, "of what was sent, which ends with {:?}", self.ended);
        }
    }
}

fn check_got(got: &Got, event: &Event<c_int>) {
    let same = match (got, event) {
        (Got::Whole(got), Event::Message(message)) => got == message,
        (Got::Parts(head, body), Event::Message([sent_head, sent_body, _])) => head == sent_head && body == sent_body,
        (Got::Body(body), Event::Message([_, sent, _])) => body == sent,
        (Got::Error(got), Event::Error(error)) => got == error,
        _ => false,
    };
    assert!(same, "{got:?} came, and not {event:?}");
}

/// A body of the pool: most are short, some are much longer than the pool is.
fn body(talk: &Talk<'_>, by: u8) -> Vec<u8> {
    let pool = &talk.pool[talk.pool.len().min(usize::from(by & 0x1f))..];
    match by >> 5 {
        0 => Vec::new(),
        7 => pool.iter().copied().cycle().take(if pool.is_empty() { 0 } else { 20_000 }).collect(),
        n => pool[..pool.len().min(1 << n)].to_vec(),
    }
}
