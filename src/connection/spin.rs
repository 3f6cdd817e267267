//! Trying again for a while before waiting: whoever waits in the kernel is waked late.

use crate::fd::{Deadline, give_way};
use std::time::Duration;

/// How far one call has come with it.
#[derive(Debug, Default)]
pub(super) struct Spin {
    /// Until when it tries again, where it has begun.
    until: Option<Deadline>,
}

impl Spin {
    /// Whether the call is trying again, rather than waiting.
    pub(super) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Lets others have this core, if there is time for another try: for so long since the first, and within the deadline.
    pub(super) fn goes_on(&mut self, most: Duration, deadline: Deadline) -> bool {
        let until = *self.until.get_or_insert_with(|| deadline.at_most(most));
        let goes_on = !until.passed();
        if goes_on {
            give_way(); // perhaps to the peer, where there is one core only
        }
        goes_on
    }

    /// The call waits: next time it begins anew.
    pub(super) fn end(&mut self) {
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// How long it goes on.
    fn lasts(spin: &mut Spin, most: Duration, deadline: Deadline) -> Duration {
        let start = Instant::now();
        while spin.goes_on(most, deadline) {
            assert!(spin.is_on());
        }
        start.elapsed()
    }

    #[test]
    fn it_goes_on_as_long_as_it_may() {
        let (short, long) = (Duration::from_millis(5), Duration::from_secs(60));
        let mut spin = Spin::default();
        assert!(!spin.is_on());
        assert!(lasts(&mut spin, short, Deadline::Never) >= short);
        assert!(lasts(&mut spin, short, Deadline::Never) < short, "it was over");
        spin.end();
        assert!(!spin.is_on());
        assert!(lasts(&mut spin, short, Deadline::after(long)) >= short);
        spin.end();
        assert!(lasts(&mut spin, long, Deadline::after(short)) < long);
        spin.end();
        assert!(!spin.goes_on(long, Deadline::after(Duration::ZERO)));
    }
}
