//! Bytes come, as far as they are there.

use super::{Input, Manner, POLLED, Step, UNWAITING};
use crate::Error;
use crate::connection::pool;
use crate::connection::transport::Transport;
use crate::fd::{Channel, Control, Deadline, Wait, errno};
use crate::format::Format;
use std::io::IoSliceMut;
use std::ops::Deref;

/// The types of TLS records that are of interest (RFC 8446, 5.1), and of what is in them (4, 6).
const RECORD_ALERT: u8 = 21;
const RECORD_HANDSHAKE: u8 = 22;
const RECORD_DATA: u8 = 23;
const CLOSE_NOTIFY: u8 = 0;
const NEW_SESSION_TICKET: u8 = 4;

impl<F: Deref<Target = Format>> Input<F> {
    /// Reads what is there into the decoder; a step where that brings none.
    pub(super) fn read<R>(&mut self, transport: &Transport<'_>, manner: Manner) -> Result<Option<Step<R>>, Error> {
        if let Some(step) = self.before_reading(manner)? {
            return Ok(Some(step));
        }
        if self.decoder.capacity() < self.read_size() && !self.decoder.spare().is_empty() {
            return self.read_beside(transport, manner);
        }
        self.make_room()?;
        let room = self.decoder.space()?;
        let len = room.len();
        match read_retrying(transport, &mut [IoSliceMut::new(room)], manner.wait, self.control, &mut self.reads) {
            Ok((read, control)) => {
                if read > 0 {
                    self.decoder.commit(read)?;
                }
                self.came(read, read < len && transport.is_drained_when_short(), control);
                Ok(None)
            }
            Err(error) => self.not_read(error, transport, manner.wait),
        }
    }

    /// The same where part of a message waits in memory of its own: what comes goes behind it, and it moves only where that has no
    /// room for all.
    fn read_beside<R>(&mut self, transport: &Transport<'_>, manner: Manner) -> Result<Option<Step<R>>, Error> {
        let (there, mut larger) = (self.decoder.buffered(), pool::take(self.read_size())?);
        let beyond = &mut larger[there..];
        let len = beyond.len();
        match read_retrying(transport, &mut [IoSliceMut::new(beyond)], manner.wait, self.control, &mut self.reads) {
            Ok((read, control)) => {
                if let Some(room) = self.decoder.spare().get_mut(..read) {
                    room.copy_from_slice(&larger[there..there + read]);
                    pool::give(larger);
                } else {
                    drop(self.decoder.move_to(larger, self.read_size())?);
                }
                if read > 0 {
                    self.decoder.commit(read)?;
                }
                self.came(read, read < len && transport.is_drained_when_short(), control);
                Ok(None)
            }
            Err(error) => {
                pool::give(larger);
                self.not_read(error, transport, manner.wait)
            }
        }
    }

    /// Reads bytes of the body that is being taken to where they are wanted, and what follows it into the decoder.
    pub(super) fn read_direct<R>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        body: &mut [u8],
    ) -> Result<Option<Step<R>>, Error> {
        let left = self.decoder.left().unwrap_or(0);
        if left == 0 {
            return self.read(transport, manner); // the tail
        }
        if let Some(step) = self.before_reading(manner)? {
            return Ok(Some(step));
        }
        let wanted = body.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        // What of the body is not wanted now is wanted by the next call, so it is not read to be copied then.
        let room = match wanted as u64 == left {
            true => {
                self.make_room()?;
                self.decoder.space()?
            }
            false => &mut [],
        };
        let len = wanted + room.len();
        let mut bufs = [IoSliceMut::new(&mut body[..wanted]), IoSliceMut::new(room)];
        let bufs = if len > wanted { &mut bufs[..] } else { &mut bufs[..1] };
        match read_retrying(transport, bufs, manner.wait, self.control, &mut self.reads) {
            Ok((read, control)) => {
                let direct = read.min(wanted);
                self.decoder.passed(direct);
                self.done += direct;
                if read > direct {
                    self.decoder.commit(read - direct)?;
                }
                self.came(read, read < len && transport.is_drained_when_short(), control);
                Ok(None)
            }
            Err(error) => self.not_read(error, transport, manner.wait),
        }
    }

    pub(super) fn before_reading<R>(&mut self, manner: Manner) -> Result<Option<Step<R>>, Error> {
        if let Some(error) = self.decoder.error() {
            return Err(error);
        }
        if self.decoder.has_ended() || manner.shut {
            return Ok(Some(Step::End));
        }
        if matches!(manner.deadline, Deadline::At(_)) && manner.deadline.passed() {
            return Ok(Some(Step::Wait)); // in vain
        }
        let looks = manner.eager && !(self.known & POLLED != 0 && manner.deadline == Deadline::Now);
        if self.drained && !looks {
            self.drained = false; // the next step comes when something is there
            return Ok(Some(Step::Wait));
        }
        Ok(None)
    }

    /// Counts what was read, and notes down what came with it.
    pub(super) fn came(&mut self, read: usize, drained: bool, control: Control) {
        if read == 0 {
            self.decoder.end();
        }
        self.drained = drained;
        if control.cut || !control.descriptors.is_empty() {
            self.arrive(control.descriptors, control.cut);
        }
    }

    pub(super) fn not_read<R>(
        &mut self,
        error: Error,
        transport: &Transport<'_>,
        wait: Wait,
    ) -> Result<Option<Step<R>>, Error> {
        match error {
            Error::Os(errno::EAGAIN) => {
                if wait == Wait::Yes {
                    self.known |= UNWAITING;
                }
                self.drained = false; // the next step comes when something is there
                Ok(Some(Step::Wait))
            }
            // What a TLS record is, is told beside its bytes.
            Error::Os(errno::EIO) if !self.control && transport.input().is_some_and(Channel::speaks_tls) => {
                self.control = true;
                Ok(None)
            }
            // These pass.
            Error::NoMemory | Error::Os(errno::ENOMEM) => Err(error),
            error => {
                self.fail(error);
                Err(error)
            }
        }
    }

    /// Whether a read that may wait in the kernel does so, as far as is known.
    pub(in crate::connection) fn waits_in_kernel(&self) -> bool {
        self.known & UNWAITING == 0
    }

    pub(super) fn make_room(&mut self) -> Result<(), Error> {
        if self.decoder.capacity() < self.read_size() {
            let memory = pool::take(self.read_size())?;
            drop(self.decoder.move_to(memory, self.read_size())?);
        }
        Ok(())
    }
}

/// One read, once it was not interrupted. What TLS tells beside the data is none of the stream's.
#[inline]
fn read_retrying(
    transport: &Transport<'_>,
    bufs: &mut [IoSliceMut<'_>],
    wait: Wait,
    control: bool,
    reads: &mut u64,
) -> Result<(usize, Control), Error> {
    loop {
        *reads += 1;
        let read = match control {
            false => transport.read(bufs, wait).map(|read| (read, Control::default())),
            true => transport.read_with_control(bufs, wait),
        };
        match read {
            Err(Error::Os(errno::EINTR)) => {}
            Ok((_, Control { record: Some(record), .. })) if record != RECORD_DATA => {
                match (record, bufs.first().map_or(&[][..], |buf| buf)) {
                    (RECORD_ALERT, [_, CLOSE_NOTIFY, ..]) => return Ok((0, Control::default())),
                    (RECORD_HANDSHAKE, [NEW_SESSION_TICKET, ..]) => {}
                    _ => return Err(Error::Os(errno::EPROTO)),
                }
            }
            read => return read,
        }
    }
}
