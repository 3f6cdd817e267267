//! Descriptors: exact reads and writes under a deadline, addresses, and how a connection ends.
//!
//! The only layer with system calls, all of them behind one file, `syscall`. A descriptor may be blocking or not: both
//! work alike, and its flags are never changed. EINTR is retried and SIGPIPE never raised.
//!
//! ```
//! use fdwire::fd::{self, Deadline, Read};
//! use std::os::fd::AsFd;
//! use std::time::Duration;
//!
//! let listener = fd::listen("127.0.0.1:0", 1)?;
//! let address = fd::local_address(listener.as_fd())?.to_string();
//! let client = fd::connect(&address, Deadline::after(Duration::from_secs(5)))?;
//! let server = fd::accept(listener.as_fd(), Deadline::Never)?;
//!
//! // All of them or a reason, however many system calls it takes; `done` says how far it came.
//! fd::write_all(client.as_fd(), b"hello", &mut 0, Deadline::Never)?;
//! fd::shutdown(client.as_fd(), fd::Shutdown::Write)?;
//! let (mut bytes, mut done) = ([0; 5], 0);
//! assert_eq!(fd::read_exact(server.as_fd(), &mut bytes, &mut done, Deadline::Never)?, Read::Full);
//! assert_eq!(fd::read_exact(server.as_fd(), &mut bytes, &mut 0, Deadline::Never)?, Read::End);
//!
//! // The peer gets every byte, and says that it has ended too.
//! fd::close(client)?;
//! fd::finish(server, Deadline::after(Duration::from_secs(5)))?;
//! # Ok::<(), fdwire::Error>(())
//! ```

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
pub(crate) use syscall::{Control, DESCRIPTORS_MAX, Events, Wait, check_open, give_way, unmistaken, zeroed};
pub(crate) use transfer::{discard, read_exact_vectored, write_all_vectored};
pub(crate) use wake::{Alarm, Alarms, wait_for};

use crate::Error;

impl From<std::io::Error> for Error {
    /// Keeps the system's errno. Errors that the standard library made up itself have none: they mean bad input.
    fn from(error: std::io::Error) -> Self {
        Error::Os(error.raw_os_error().unwrap_or(errno::EINVAL))
    }
}
