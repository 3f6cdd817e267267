//! Versions and errors

use super::guard::print;
use crate::fd::error_text;
use std::ffi::{CStr, c_char, c_int};

/// fdwire's own codes. They lie below the system's -errno (-1 to -4095) and never change their
/// values.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum fdwire_error {
    /// The stream ended inside a frame or an exact read: the peer went away too early.
    FDWIRE_E_TRUNCATED = -5001,
    /// The bytes are not a frame of this format, or the body cannot be one.
    FDWIRE_E_MALFORMED = -5002,
    /// Longer than the format's max, or than its length field can say.
    FDWIRE_E_TOO_LONG = -5003,
    /// The text of a format is wrong.
    FDWIRE_E_FORMAT = -5004,
    /// Used after an error that lasts.
    FDWIRE_E_BROKEN = -5005,
    /// A bug in fdwire, contained: please report it.
    FDWIRE_E_PANIC = -5006,
    /// The name of a host could not be resolved.
    FDWIRE_E_RESOLVE = -5007,
}

/// The version of the library that is running, like "0.1.0"; FDWIRE_VERSION is that of the header.
///
/// Returns: a static string.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no NUL"),
    };
    VERSION.as_ptr()
}

/// The name of a code: "FDWIRE_E_TOO_LONG", "ECONNRESET"; "OK" for 0 and above, "UNKNOWN" for what
/// is no code.
///
/// Returns: a static string, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_error_name(code: c_int) -> *const c_char {
    name(code).as_ptr()
}

/// What a code means, in words: "the stream ended inside a frame", "Connection reset by peer". The
/// text is cut to fit buf (which may be NULL if cap is 0) and always NUL-terminated.
///
/// Returns: the length of the whole text without its NUL: it was cut if that is not below cap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_strerror(code: c_int, buf: *mut c_char, cap: usize) -> usize {
    let mut system = [0; 256];
    let text = match own_text(code) {
        Some(text) => text,
        None if (-4095..0).contains(&code) => error_text(-code, &mut system),
        None => "not a code of fdwire",
    };
    // SAFETY: the caller's promise for `buf` and `cap`.
    unsafe { print(buf, cap, &text) }
}

fn own_text(code: c_int) -> Option<&'static str> {
    use fdwire_error::*;
    const TEXTS: [(fdwire_error, &str); 7] = [
        (FDWIRE_E_TRUNCATED, "the stream ended inside a frame"),
        (FDWIRE_E_MALFORMED, "not a frame of this format"),
        (FDWIRE_E_TOO_LONG, "longer than the format allows or its length field can say"),
        (FDWIRE_E_FORMAT, "the text of the format is wrong"),
        (FDWIRE_E_BROKEN, "used after an error that lasts"),
        (FDWIRE_E_PANIC, "a bug in fdwire, contained"),
        (FDWIRE_E_RESOLVE, "the host's name could not be resolved"),
    ];
    match code {
        0.. => Some("no error"),
        _ => TEXTS.iter().find(|(own, _)| *own as c_int == code).map(|(_, text)| *text),
    }
}

fn name(code: c_int) -> &'static CStr {
    use fdwire_error::*;
    const NAMES: [(fdwire_error, &CStr); 7] = [
        (FDWIRE_E_TRUNCATED, c"FDWIRE_E_TRUNCATED"),
        (FDWIRE_E_MALFORMED, c"FDWIRE_E_MALFORMED"),
        (FDWIRE_E_TOO_LONG, c"FDWIRE_E_TOO_LONG"),
        (FDWIRE_E_FORMAT, c"FDWIRE_E_FORMAT"),
        (FDWIRE_E_BROKEN, c"FDWIRE_E_BROKEN"),
        (FDWIRE_E_PANIC, c"FDWIRE_E_PANIC"),
        (FDWIRE_E_RESOLVE, c"FDWIRE_E_RESOLVE"),
    ];
    match code {
        0.. => c"OK",
        -4095..0 => errno_name(-code).or_else(|| own_errno_name(-code)).unwrap_or(c"UNKNOWN"),
        _ => NAMES.iter().find(|(own, _)| *own as c_int == code).map_or(c"UNKNOWN", |(_, name)| name),
    }
}

mod numbers {
    pub(super) use libc::*;

    /// It has none, and no error is 0.
    #[cfg(target_os = "freebsd")]
    pub(super) const ETIME: c_int = 0;
}

/// A function that names errno numbers.
macro_rules! errno_names {
    ($function:ident: $($name:ident)+) => {
        fn $function(errno: c_int) -> Option<&'static CStr> {
            const NUMBERS: &[c_int] = &[$(numbers::$name),+];
            // One text: pointers to many would be worked out anew in each process.
            const NAMES: &[u8] = concat!($(stringify!($name), "\0"),+).as_bytes();
            let place = NUMBERS.iter().position(|number| *number == errno);
            let name = place.and_then(|place| NAMES.split_inclusive(|byte| *byte == 0).nth(place));
            name.and_then(|name| CStr::from_bytes_with_nul(name).ok())
        }
    };
}

errno_names! {
    errno_name:
    E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG EBUSY ECANCELED ECHILD ECONNABORTED
    ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ EDOM EDQUOT EEXIST EFAULT EFBIG EHOSTDOWN EHOSTUNREACH EIDRM EILSEQ
    EINPROGRESS EINTR EINVAL EIO EISCONN EISDIR ELOOP EMFILE EMLINK EMSGSIZE EMULTIHOP ENAMETOOLONG ENETDOWN ENETRESET
    ENETUNREACH ENFILE ENOBUFS ENODEV ENOENT ENOEXEC ENOLCK ENOLINK ENOMEM ENOMSG ENOPROTOOPT ENOSPC ENOSYS ENOTBLK ENOTCONN
    ENOTDIR ENOTEMPTY ENOTRECOVERABLE ENOTSOCK ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EOWNERDEAD EPERM EPFNOSUPPORT EPIPE EPROTO
    EPROTONOSUPPORT EPROTOTYPE ERANGE EREMOTE EROFS ESHUTDOWN ESOCKTNOSUPPORT ESPIPE ESRCH ESTALE ETIME ETIMEDOUT
    ETOOMANYREFS ETXTBSY EUSERS EXDEV
}

// Those of Linux alone, from errno(3).
#[cfg(target_os = "linux")]
errno_names! {
    own_errno_name:
    EADV EBADE EBADFD EBADR EBADRQC EBADSLT EBFONT ECHRNG ECOMM EDOTDOT EHWPOISON EISNAM EKEYEXPIRED EKEYREJECTED EKEYREVOKED
    EL2HLT EL2NSYNC EL3HLT EL3RST ELIBACC ELIBBAD ELIBEXEC ELIBMAX ELIBSCN ELNRNG EMEDIUMTYPE ENAVAIL ENOANO ENOCSI ENODATA
    ENOKEY ENOMEDIUM ENONET ENOPKG ENOSR ENOSTR ENOTNAM ENOTUNIQ EREMCHG EREMOTEIO ERESTART ERFKILL ESRMNT ESTRPIPE EUCLEAN
    EUNATCH EXFULL
}
#[cfg(not(target_os = "linux"))]
fn own_errno_name(_: c_int) -> Option<&'static CStr> {
    None
}
