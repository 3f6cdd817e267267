//! What can go wrong, in one type.

/// Every failure that fdwire reports. The C functions give each its number (`FDWIRE_E_*`, or `-errno`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,

    /// The bytes are not a frame of this format, or the body cannot be one.
    #[error("not a frame of this format: {0}")]
    Malformed(&'static str),

    /// A body or a frame is longer than the format allows or its length field can say.
    #[error("{len} bytes are too many: the limit is {max}")]
    TooLong {
        /// How long it is, or is announced to be, in bytes.
        len: u64,
        /// The most that is allowed, in bytes.
        max: u64,
    },

    /// The text of a format is wrong.
    #[error("column {column}: {reason}")]
    Format {
        /// Where, from 1, in bytes.
        column: u32,
        /// Why.
        reason: &'static str,
    },

    /// The caller's buffer is too small.
    #[error("the buffer is too small: {needed} bytes are needed")]
    NoRoom {
        /// How many bytes would do.
        needed: u64,
    },

    /// The name of a host could not be turned into an address.
    #[error("the host's name could not be resolved")]
    Resolve,

    /// The object was used after an error that lasts, or after its end.
    #[error("used after an error that lasts, or after the end")]
    Broken,

    /// The call does not fit the state of the object, or an argument makes no sense.
    #[error("{0}")]
    Misuse(&'static str),

    /// There was no memory left.
    #[error("no memory is left")]
    NoMemory,

    /// A panic inside fdwire, caught at the C boundary: a bug in fdwire.
    #[error("a bug in fdwire, contained")]
    Panic,

    /// The system refused; this is its errno.
    #[error("{}", std::io::Error::from_raw_os_error(*.0))]
    Os(i32),
}
