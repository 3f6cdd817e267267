//! Two connections that talk over real descriptors, or over functions, in calls that a fuzzer chooses.
//!
//! - What one accepts the other gives, whole, once and in order, whichever calls send and receive it. Bytes written by hand
//!   between the frames, which may be anything, come to what a decoder makes of the whole stream.
//! - A result is one that the manual names. Below 0, nothing was accepted; 0, nothing waits.
//! - With `FDWIRE_READY` a receive does not wait, whatever its timeout. `POLLOUT`, the count of pending bytes and the statistics
//!   agree.
//! - An end, an error and a limit stay; in the end all is delivered and every descriptor is closed.
//!
//! The bytes aside are the calls, two bytes each, behind two for the descriptors and the options. The bytes are what is sent.

mod line;
mod pair;
mod side;

use crate::fds::open_descriptors;
use crate::{Input, c};
use fdwire::format::Format;
use pair::End;
use side::{Side, Talk};

/// The target.
pub fn check(input: &[u8]) {
    let Input { text, aside, bytes } = Input::read(input);
    let Ok(format) = Format::parse(text) else { return };
    let in_c = c::Format::new(text).expect("a good text is good in C");
    let before = open_descriptors();
    let (setting, calls) = aside.split_at(aside.len().min(2));
    let at = |at: usize| setting.get(at).copied().unwrap_or(0);
    let [one, other] = End::pair(at(0));
    // Over functions there is nothing to be owned.
    let owns = one.is_pipe() || one.is_socket() && at(0) & 2 > 0;
    let talk = Talk { format: &format, in_c: &in_c, pool: bytes, owns };
    let mut sides = [Side::new(&talk, &one, at(1)), Side::new(&talk, &other, at(1) >> 3)];
    for call in calls.chunks(2) {
        let [one, other] = &mut sides;
        let (op, by) = (call[0], call.get(1).copied().unwrap_or(0));
        let (us, them) = if op & 0x80 == 0 { (one, other) } else { (other, one) };
        us.call(&talk, them, op & 0x7f, by);
    }
    side::settle(&talk, &mut sides);
    drop(sides);
    if !talk.owns {
        one.close();
        other.close();
    }
    assert_eq!(open_descriptors(), before, "every descriptor is closed");
}
