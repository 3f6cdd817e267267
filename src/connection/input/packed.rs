//! Bodies of many messages that go to the caller's memory, one behind another.

use super::{Input, Manner, Step};
use crate::Error;
use crate::codec::Packed;
use crate::connection::transport::Transport;
use crate::format::Format;
use std::ops::Deref;

impl<F: Deref<Target = Format>> Input<F> {
    /// The bodies of as many messages as are there and have a place, and their lengths. The first comes as
    /// [`copy_one`](Input::copy_one) has it, and is the only one that is waited for; one with descriptors is the last.
    pub(in crate::connection) fn copy_many(
        &mut self,
        transport: &Transport<'_>,
        manner: Manner,
        bodies: &mut [u8],
        lens: &mut [usize],
        begun: &mut bool,
    ) -> Result<Step<usize>, Error> {
        let Some((first, lens)) = lens.split_first_mut() else {
            return Err(Error::Misuse("there is no room for a length"));
        };
        let step = self.copy_one(transport, manner, bodies, begun)?;
        let Step::Done(len) = step else { return Ok(step) };
        *first = len;
        let mut packed = Packed::new(&mut bodies[len..], lens);
        let at_once = if self.wants_descriptors() { 1 } else { usize::MAX };
        let mut count = 1;
        while !self.has_brought() {
            let more = self.decoder.pack_messages(at_once, &mut packed);
            self.deliver();
            count += more;
            if more < at_once {
                break;
            }
        }
        Ok(Step::Done(count))
    }
}
