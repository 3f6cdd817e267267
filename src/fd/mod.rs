//! Descriptors: exact reads and writes under a deadline, addresses, and how a connection ends.
//!
//! The only layer with system calls, all of them behind one file, `syscall`. A descriptor may be blocking or not: both
//! work alike, and its flags are never changed. EINTR is retried and SIGPIPE never raised.

mod address;
mod channel;
mod deadline;
mod end;
mod kind;
mod look;
mod syscall;
mod transfer;
mod wake;

pub use address::{accept, connect, listen, local_address};
pub use deadline::Deadline;
pub use end::{Shutdown, close, finish, shutdown, vacate};
pub use syscall::{errno, error_text};
pub use transfer::{Read, read_exact, write_all};

pub(crate) use channel::{Channel, File};
pub(crate) use end::drain;
pub(crate) use kind::Kind;
pub(crate) use look::{Look, Sight, all_there};
pub(crate) use syscall::{Control, DESCRIPTORS_MAX, Events, Wait, check_open, give_way};
pub(crate) use transfer::{discard, read_exact_vectored, write_all_vectored};
pub(crate) use wake::{Alarm, Alarms, wait_for};

use crate::Error;

impl From<std::io::Error> for Error {
    /// Keeps the system's errno. Errors that the standard library made up itself have none: they mean bad input.
    fn from(error: std::io::Error) -> Self {
        Error::Os(error.raw_os_error().unwrap_or(errno::EINVAL))
    }
}
