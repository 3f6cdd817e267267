//! Receiving a message whose end must be searched for. What belongs to it is taken, and nothing behind it: on a pipe as
//! little at a time as the frame surely has, which may be a byte; on a socket what a look has shown to be part of it.

use super::{Source, dropped, fits, in_part};
use crate::Error;
use crate::codec::Scratch;
use crate::fd::{Deadline, Kind, Look, Read, Sight, errno};
use crate::format::{Ask, Frame, Probe};
use std::io::IoSliceMut;

/// What is looked at, and what is read where nothing can follow, at a time.
const PIECE: usize = 16 * 1024;

pub(super) fn recv(source: Source<'_>, body: &mut [u8]) -> Result<Option<usize>, Error> {
    let mut search = Search { source, bytes: Scratch::new(), taken: 0 };
    let found = match source.kind {
        Kind::Socket => search.on_socket(),
        _ if source.format.looks_ahead() => Err(Error::Os(errno::EOPNOTSUPP)),
        _ => search.on_pipe(),
    };
    match found.map_err(|error| in_part(error, search.taken > 0))? {
        Some(frame) => search.receive(&frame, body),
        None => Ok(None),
    }
}

struct Search<'s> {
    source: Source<'s>,
    /// The beginning of the frame, as far as it was taken or looked at.
    bytes: Scratch,
    taken: usize,
}

impl Search<'_> {
    /// What the first `there` bytes are, of which `before` were probed before.
    fn probe(&mut self, there: usize, before: usize) -> Result<Probe, Error> {
        self.source.format.probe_as(self.bytes.room(there)?, Ask { before, unlimited: false })
    }

    /// The frame, parts of which may have been taken; `None` at the end of the stream.
    fn on_pipe(&mut self) -> Result<Option<Frame>, Error> {
        let mut before = 0;
        loop {
            let at_least = match self.probe(self.taken, before)? {
                Probe::Frame(frame) => return Ok(Some(frame)),
                Probe::NeedMore { at_least } => at_least,
            };
            before = self.taken;
            let freely = before > 0 && self.source.format.ends_with_stream(self.bytes.room(before)?);
            let wanted = if freely { before + PIECE } else { at_least.min(before + PIECE) };
            self.source.check_there(before, wanted as u64)?;
            match self.take(wanted) {
                Ok(Read::Full) => {}
                Ok(Read::End) => return Ok(None),
                Err(Error::Truncated) => return self.at_end(self.taken, before),
                Err(error) => return Err(error),
            }
        }
    }

    /// As [`Search::on_pipe`]. As long as the frame is all in sight, nothing is taken.
    fn on_socket(&mut self) -> Result<Option<Frame>, Error> {
        let mut look = Look::new(self.source.fd, self.source.deadline);
        let (mut seen, mut before) = (0, 0);
        loop {
            let there = self.taken + seen;
            if let Probe::Frame(frame) = self.probe(there, before)? {
                return Ok(Some(frame));
            }
            before = there;
            if seen > 0 && self.source.deadline != Deadline::Now {
                // It may never all be in sight: a few bytes can fill a socket's buffer if they were sent one by one.
                seen = self.take_surely(there)?;
            }
            // Each look begins at the start, so it goes twice as far as the one before.
            match look.beyond(seen, &mut self.bytes.room(there + there.max(PIECE))?[self.taken..])? {
                Sight::Bytes(more) => seen = more,
                Sight::End if there == 0 => return Ok(None),
                Sight::End => return self.at_end(there, before),
                Sight::Hidden => match self.take_surely(there)? {
                    // What these bytes hide would tell whether they are of this message.
                    left if left == seen => return Err(Error::Os(errno::EOPNOTSUPP)),
                    left => seen = left,
                },
            }
        }
    }

    /// Reads until so many bytes of the frame have been taken.
    fn take(&mut self, wanted: usize) -> Result<Read, Error> {
        let rest = &mut self.bytes.room(wanted)?[self.taken..];
        self.source.read(&mut [IoSliceMut::new(rest)], &mut self.taken)
    }

    /// Reads what is surely of the frame among so many bytes that are in sight; says how many are left to be seen.
    fn take_surely(&mut self, there: usize) -> Result<usize, Error> {
        let surely = self.source.format.surely(self.bytes.room(there)?);
        self.take(surely)?;
        Ok(there - surely)
    }

    /// What came since the last probe may be wrong, or too long.
    fn at_end(&mut self, there: usize, before: usize) -> Result<Option<Frame>, Error> {
        match self.probe(there, before)? {
            Probe::Frame(frame) => Ok(Some(frame)),
            Probe::NeedMore { .. } => self.source.format.probe_end(self.bytes.room(there)?).map(Some),
        }
    }

    fn receive(mut self, frame: &Frame, body: &mut [u8]) -> Result<Option<usize>, Error> {
        match fits(frame, body) {
            Ok(len) => self.source.take_rest(frame, self.taken, &mut self.bytes, &mut body[..len]),
            Err(no_room) if self.source.kind != Kind::Socket => self.source.drop_rest(frame, self.taken, no_room),
            Err(no_room) if self.taken == 0 => Err(no_room),
            Err(no_room) => self.source.drop_rest(frame, self.taken, dropped(no_room)),
        }
    }
}
