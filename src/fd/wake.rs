//! What wakes a thread that waits for a descriptor.

use super::syscall::{self, Event, Events};
use super::{Deadline, errno};
use crate::Error;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where no descriptor is to be had that could wake, a wait looks around so often.
const GLANCE: Duration = Duration::from_millis(20);

/// Two alarms, which take less room side by side than each alone: there may be very many connections.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    rings: [AtomicBool; 2],
    events: [OnceLock<Event>; 2],
}

impl Alarms {
    pub(crate) fn first(&self) -> Alarm<'_> {
        Alarm { rings: &self.rings[0], event: &self.events[0] }
    }

    pub(crate) fn second(&self) -> Alarm<'_> {
        Alarm { rings: &self.rings[1], event: &self.events[1] }
    }
}

/// Wakes all who wait, until it is put to rest. The first wait makes its descriptor: what never waits has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alarm<'a> {
    rings: &'a AtomicBool,
    event: &'a OnceLock<Event>,
}

impl<'a> Alarm<'a> {
    /// Rings, or is put to rest, as `rings` says, which is asked again when that is done: of threads that change its answer at
    /// once, one may be overtaken by another, and the last to look puts it right.
    pub(crate) fn follow(self, rings: impl Fn() -> bool) {
        loop {
            let now = rings();
            self.rings.store(now, Ordering::SeqCst);
            if let Some(event) = self.event.get() {
                if now { event.raise() } else { event.lower() }
            }
            if rings() == now {
                return;
            }
        }
    }

    pub(crate) fn set(self, rings: bool) {
        self.follow(|| rings);
    }

    fn is_ringing(self) -> bool {
        self.rings.load(Ordering::SeqCst)
    }

    /// The descriptor to wait for, if there is one to be had.
    fn event(self) -> Option<BorrowedFd<'a>> {
        if self.event.get().is_none() {
            // Of two threads that come here at once, one closes its own again.
            let _ = self.event.set(Event::new().ok()?);
        }
        self.event.get().map(AsFd::as_fd)
    }
}

/// Waits until one of these is ready, or has failed or ended, or the alarm rings.
///
/// # Errors
/// EAGAIN and ETIMEDOUT from the deadline.
pub(crate) fn wait_for(
    awaited: &[(BorrowedFd<'_>, Events)],
    alarm: Option<Alarm<'_>>,
    deadline: Deadline,
) -> Result<(), Error> {
    let event = alarm.and_then(Alarm::event);
    loop {
        let left = deadline.left();
        if deadline != Deadline::Now && left == Some(Duration::ZERO) {
            return Err(deadline.error());
        }
        // Looked at when the descriptor is there: whoever rings from now on uses it.
        if alarm.is_some_and(Alarm::is_ringing) {
            return Ok(());
        }
        let blind = alarm.is_some() && event.is_none();
        let patience = if blind { Some(left.map_or(GLANCE, |left| left.min(GLANCE))) } else { left };
        match syscall::poll_any(awaited, event, patience) {
            Ok(true) => return Ok(()),
            Ok(false) if deadline == Deadline::Now => return Err(deadline.error()),
            Ok(false) | Err(Error::Os(errno::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn an_alarm_wakes_until_it_rests() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let alarms = Alarms::default();
        let alarm = alarms.first();
        let wait = |ms| {
            let awaited = [(ours.as_fd(), Events::READ)];
            wait_for(&awaited, Some(alarm), Deadline::after(Duration::from_millis(ms)))
        };
        assert_eq!(wait(1), Err(Error::Os(errno::ETIMEDOUT)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(60_000));
            alarm.set(true);
            assert_eq!(waiting.join().unwrap(), Ok(()));
        });
        assert_eq!(wait(60_000), Ok(()));
        alarm.set(false);
        assert_eq!(wait(1), Err(Error::Os(errno::ETIMEDOUT)));
    }
}
