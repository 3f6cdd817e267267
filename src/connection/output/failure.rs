//! Why nothing more is sent.

use crate::Error;
use crate::fd::errno;
use std::num::NonZeroI32;

/// What ended sending, in a few bytes, because there may be very many connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure(NonZeroI32);

impl Failure {
    const TRUNCATED: i32 = -1;
    const BROKEN: i32 = -2;

    pub(super) fn of(error: Error) -> Failure {
        let code = match error {
            Error::Os(errno) => errno,
            Error::NoMemory => errno::ENOMEM,
            Error::Truncated => Failure::TRUNCATED,
            _ => Failure::BROKEN,
        };
        Failure(NonZeroI32::new(code).unwrap_or(NonZeroI32::MIN))
    }

    pub(super) fn error(self) -> Error {
        match self.0.get() {
            Failure::TRUNCATED => Error::Truncated,
            errno if errno > 0 => Error::Os(errno),
            _ => Error::Broken,
        }
    }
}
