//! Descriptors that come with messages.

use super::{Input, Manner, Step};
use crate::Error;
use crate::codec::Message;
use crate::connection::transport::Transport;
use crate::fd::{DESCRIPTORS_MAX, errno};
use crate::format::Format;
use crate::memory::{Rare, reserve_exact};
use std::collections::VecDeque;
use std::ops::Deref;
use std::os::fd::OwnedFd;

/// Descriptors that came with messages.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    /// Those of messages that were not delivered yet, each with the place behind the byte that it came with.
    pub(super) waiting: VecDeque<Arrival>,
    /// Those of the message that was delivered last.
    pub(super) due: Vec<OwnedFd>,
    /// Some were lost.
    pub(super) cut: bool,
}

#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) place: u64,
    pub(super) descriptors: Vec<OwnedFd>,
    pub(super) cut: bool,
}

impl Arrival {
    /// What it counts for: where some were lost there is at least something to note down.
    fn weight(&self) -> usize {
        self.descriptors.len() + usize::from(self.cut)
    }

    fn lose(&mut self) {
        (self.descriptors, self.cut) = (Vec::new(), true);
    }
}

impl<F: Deref<Target = Format>> Input<F> {
    /// Whether descriptors are taken that come with messages.
    ///
    /// # Errors
    /// [`Error::NoMemory`], with nothing changed.
    pub(in crate::connection) fn take_descriptors(&mut self, wanted: bool) -> Result<(), Error> {
        match wanted {
            true => drop(self.arrivals.get_or_make(Arrivals::default)?),
            false => self.arrivals = Rare::none(),
        }
        self.control = wanted;
        Ok(())
    }

    /// As [`many`](Input::many), where descriptors wait: one at a time.
    pub(in crate::connection) fn many_with_descriptors<T>(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        out: &mut [T],
        lend: impl Fn(Message<'_>) -> T,
    ) -> Result<Step<usize>, Error> {
        let mut count = 0;
        for slot in out {
            let manner = if count == 0 { Some(manner) } else { None };
            let step = match manner {
                Some(manner) => self.one(transport, manner, |message| *slot = lend(message))?,
                // What is there already; an error behind it comes with the next call.
                None => match self.decoder.next_message() {
                    Ok(Some(message)) => {
                        *slot = lend(message);
                        self.deliver();
                        Step::Done(())
                    }
                    Ok(None) | Err(_) => break,
                },
            };
            match step {
                Step::Done(()) => count += 1,
                Step::End if count == 0 => return Ok(Step::End),
                Step::Wait if count == 0 => return Ok(Step::Wait),
                Step::Held if count == 0 => return Ok(Step::Held),
                _ => break,
            }
            if self.has_brought() {
                break;
            }
        }
        Ok(Step::Done(count))
    }

    /// Whether descriptors came with what was delivered last.
    pub(super) fn has_brought(&self) -> bool {
        self.arrivals.get().is_some_and(|arrivals| !arrivals.due.is_empty() || arrivals.cut)
    }

    /// Whether descriptors are taken that come with messages.
    pub(in crate::connection) fn wants_descriptors(&self) -> bool {
        self.arrivals.get().is_some()
    }

    /// What one receive lent, another one ends; and it closes descriptors that were not taken.
    pub(super) fn end_loan(&mut self) {
        if let Some(arrivals) = self.arrivals.get_mut() {
            arrivals.due.clear();
            arrivals.cut = false;
        }
    }

    /// Closes descriptors that came with what is dropped: they wait before the place where the next message begins.
    #[inline(always)]
    pub(super) fn forget_dropped(&mut self) {
        if self.arrivals.get().is_some() {
            self.forget_dropped_arrivals();
        }
    }

    #[inline(never)]
    fn forget_dropped_arrivals(&mut self) {
        let Some(arrivals) = self.arrivals.get_mut() else { return };
        self.decoder.drop_ahead();
        let dropped = self.decoder.offset();
        while arrivals.waiting.front().is_some_and(|arrival| arrival.place <= dropped) {
            arrivals.waiting.pop_front();
        }
    }

    /// Notes down what came with bytes that were just read. Reads are made where no message is whole, so what waits already is
    /// all of one; more than one may bring is closed at once, for it will never be handed over.
    #[cold]
    #[inline(never)]
    pub(super) fn arrive(&mut self, descriptors: Vec<OwnedFd>, cut: bool) {
        let Some(arrivals) = self.arrivals.get_mut() else { return };
        if arrivals.waiting.iter().map(Arrival::weight).sum::<usize>() > DESCRIPTORS_MAX {
            arrivals.waiting.truncate(1);
            arrivals.waiting.iter_mut().for_each(Arrival::lose);
        }
        match arrivals.waiting.try_reserve(1) {
            Ok(()) => arrivals.waiting.push_back(Arrival { place: self.decoder.received(), descriptors, cut }),
            Err(_) => arrivals.cut = true, // they are closed
        }
    }

    /// Finds out which descriptors came with what was delivered.
    #[inline]
    pub(super) fn deliver(&mut self) {
        if self.arrivals.get().is_some() {
            self.deliver_arrivals();
        }
    }

    /// Those that are more than a message may bring, or without memory to note them down, are closed, for the message was given.
    fn deliver_arrivals(&mut self) {
        let Some(arrivals) = self.arrivals.get_mut() else { return };
        let delivered =
            self.decoder.end_of_open().unwrap_or_else(|| self.decoder.received() - self.decoder.buffered() as u64);
        while let Some(Arrival { place, descriptors, cut }) = arrivals.waiting.front_mut()
            && *place <= delivered
        {
            let fits = arrivals.due.len() + descriptors.len() <= DESCRIPTORS_MAX;
            match arrivals.due.try_reserve(descriptors.len()) {
                Ok(()) if fits && !*cut => arrivals.due.append(descriptors),
                _ => arrivals.cut = true,
            }
            arrivals.waiting.pop_front();
        }
    }

    /// Hands over descriptors that came with what was delivered last, at most so many.
    ///
    /// # Errors
    /// EMFILE where not all came; then none is handed over. [`Error::NoMemory`]; then all stay.
    pub(in crate::connection) fn descriptors(&mut self, most: usize) -> Result<Vec<OwnedFd>, Error> {
        let Some(arrivals) = self.arrivals.get_mut() else { return Ok(Vec::new()) };
        if std::mem::take(&mut arrivals.cut) {
            arrivals.due.clear();
            return Err(Error::Os(errno::EMFILE));
        }
        if arrivals.due.len() <= most {
            return Ok(std::mem::take(&mut arrivals.due));
        }
        let mut taken = Vec::new();
        reserve_exact(&mut taken, most)?;
        taken.extend(arrivals.due.drain(..most));
        Ok(taken)
    }
}
