//! Options of a connection
//!
//! None has to be set.

use super::connection::{APART, BOTH, fdwire_conn, sides, with};
use super::guard::EINVAL;
use crate::Error;
use std::ffi::c_int;
use std::sync::atomic::Ordering;

/// What can be set on a connection.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_option {
    /// The directions (FDWIRE_IN, _OUT, _BOTH) whose descriptors the connection owns: it closes
    /// them in fdwire_conn_finish and fdwire_conn_free. Default: 0, they stay the program's.
    FDWIRE_OWN = 1,
    /// Most bytes that may wait to be sent, 0 to INT64_MAX. Default: 32 MiB.
    FDWIRE_SEND_LIMIT = 2,
    /// How many bytes one read asks for, 4 KiB to 64 MiB. Default: 256 KiB.
    FDWIRE_READ_SIZE = 3,
    /// Sends wait until there are so many bytes, or the next message does not fit in; as far as
    /// FDWIRE_SEND_LIMIT lets them, and no longer than until fdwire_conn_flush, or a receive that is
    /// about to wait: many small messages then go by one system call. They return FDWIRE_PENDING
    /// meanwhile. For streams of small messages 256 KiB is plenty, and over TCP 1 MiB. Default: 0,
    /// each send goes at once.
    FDWIRE_BATCH = 4,
    /// The directions in which one thread at a time makes its calls, as the program promises: they
    /// need no lock then. FDWIRE_BOTH: one thread makes all calls; FDWIRE_BOTH | FDWIRE_APART:
    /// each direction has a thread of its own, and like with FDWIRE_OUT alone, a receive that is
    /// about to wait does not flush. fdwire_conn_events, _stats and _explain are calls in both
    /// directions, _pending is one of sending. Set it before the connection is shared; a call that
    /// breaks the promise may corrupt it. In such a direction a call without a deadline waits in
    /// the kernel, holding its buffer, and fdwire_conn_cancel does not wake it (for one that
    /// receives on a socket, fdwire_conn_shutdown with FDWIRE_SHUT_RD does). Default: 0.
    FDWIRE_ONE_THREAD = 5,
    /// 1: take the descriptors that come with messages on a Unix socket (fdwire_conn_take_fds).
    /// Default: 0, the system closes them unseen.
    FDWIRE_TAKE_FDS = 6,
    /// 0 lifts fdwire_conn_cancel: calls may wait again. 1 is the same as that call.
    FDWIRE_CANCELLED = 7,
    /// Microseconds, 0 to 1,000,000, for which a receive that is about to wait first tries again
    /// and again, within its timeout_ms, letting others have its core between two tries
    /// (sched_yield(2)); then it waits as ever. What comes meanwhile need not wake an idle core,
    /// which is most of what a short exchange takes: for a peer on the same machine that answers at
    /// once, 50 will do. A core is busy meanwhile. With timeout_ms 0, over functions without a
    /// wait, and in calls that send, nothing spins. Default: 0, it waits at once.
    FDWIRE_SPIN = 8,
    /// 1: the program polls, level-triggered, before it receives with timeout_ms 0. Once a read
    /// brought less than there was room for, the receive that finds nothing left of it is -EAGAIN
    /// without asking the system, which the next poll does anyway. Whoever does not poll would be
    /// told -EAGAIN once too often, and an edge-triggered loop may miss the end. Over functions
    /// each receive asks. Default: 0.
    FDWIRE_POLLED = 9,
}

/// Sets one of the options FDWIRE_OWN, ...
///
/// Returns: 0; -EINVAL for an option or a value that there is not, or a NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_conn_set(conn: *mut fdwire_conn, option: c_int, value: i64) -> c_int {
    let set = |conn: &fdwire_conn| {
        let amount = || u64::try_from(value).map_err(|_| EINVAL);
        let size = || usize::try_from(value).map_err(|_| EINVAL);
        match option {
            option if option == fdwire_option::FDWIRE_OWN as c_int => {
                conn.owned.store(sides(value)?, Ordering::Relaxed)
            }
            option if option == fdwire_option::FDWIRE_SEND_LIMIT as c_int => conn.connection.set_send_limit(amount()?),
            option if option == fdwire_option::FDWIRE_READ_SIZE as c_int => conn.connection.set_read_size(size()?)?,
            option if option == fdwire_option::FDWIRE_BATCH as c_int => conn.connection.set_batch(amount()?),
            option if option == fdwire_option::FDWIRE_ONE_THREAD as c_int => conn.set_alone(threads(value)?),
            option if option == fdwire_option::FDWIRE_TAKE_FDS as c_int => {
                conn.connection.set_take_descriptors(flag(value)?)?
            }
            option if option == fdwire_option::FDWIRE_CANCELLED as c_int => conn.connection.cancel(flag(value)?),
            option if option == fdwire_option::FDWIRE_SPIN as c_int => conn.connection.set_spin(amount()?)?,
            option if option == fdwire_option::FDWIRE_POLLED as c_int => conn.connection.set_polled(flag(value)?),
            _ => return Err(EINVAL),
        }
        Ok(0)
    };
    // SAFETY: the caller's promise for `conn`.
    unsafe { with(conn, set) }
}

/// What can be said of the threads that make calls.
fn threads(value: i64) -> Result<c_int, Error> {
    if value == BOTH | i64::from(APART) { Ok(value as c_int) } else { sides(value) }
}

fn flag(value: i64) -> Result<bool, Error> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(EINVAL),
    }
}
