//! Formats
//!
//! A frame on the wire is a head, a body and a tail; a format says how they are laid out. Its text
//! is a kind, then key=value settings, separated by blanks:
//!
//!    u8 u16be u16le u16ne ... u64ne   a binary length field of 1 to 8 bytes: big-endian, little-
//!                                     endian, or in the machine's own order. With i for u a
//!                                     negative length is malformed. Its settings:
//!      at=n        offset of the length field                         default: 0
//!      head=n      bytes before the body, the length field included   up to the end of that field
//!      counts=x    what the length counts: rest   what follows the length field (default)
//!                                          field  the length field and what follows it
//!                                          frame  the whole frame
//!                                          body   the body alone
//!      adjust=n    or instead: what to add to the length to get the bytes after the length field
//!      max=n       most bytes in a body; max=frame:n in a frame       16M
//!
//!    fixed                            frames of one size, all body
//!      size=n      that size
//!
//! Numbers are decimal or 0x hex; K, M and G stand for powers of 1024. Some formats:
//!
//!    u32be                                             Kafka, and most hand-made protocols
//!    u16be                                             DNS over TCP (RFC 1035, 4.2.2)
//!    u32be at=1 counts=field                           PostgreSQL: a type byte before the length
//!    u16be at=16 head=19 counts=frame max=frame:4096   BGP (RFC 4271, 4.1)
//!    u32ne max=1M                                      Chrome native messaging
//!    fixed size=128                                    records
//!
//! Where a format is asked for, NULL is "u32be": a 4-byte big-endian length of the body.

use super::guard::{EINVAL, bytes, bytes_mut, object, print, status, text};
use crate::Error;
use crate::format::Format;
use std::ffi::{c_char, c_int, c_void};
use std::fmt::{self, Display, Formatter};

/// How frames are laid out on the wire. Never changes once made; any number of threads may use one
/// at the same time.
pub struct fdwire_format(Format);

/// Makes a format from its text, as above. If the text is wrong, why (NULL if why_cap is 0) gets
/// the reason and where, like 'column 7, "heads=8": no such key here; ...', cut to fit; else an
/// empty string.
///
/// *out is the caller's, who frees it with fdwire_format_free.
///
/// Returns: 0; FDWIRE_E_FORMAT; -EINVAL if text or out is NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_new(
    text: *const c_char,
    out: *mut *mut fdwire_format,
    why: *mut c_char,
    why_cap: usize,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `text`, `out` and `why`.
        let (text, out) = unsafe {
            print(why, why_cap, "");
            (self::text(text)?, object(out)?)
        };
        let format = Format::parse(text).inspect_err(|&error| {
            // SAFETY: the caller's promise for `why` and `why_cap`.
            unsafe { print(why, why_cap, Why { error, text }) };
        })?;
        *out = try_box(fdwire_format(format))?;
        Ok(0)
    })
}

/// A box that is not made, rather than made by aborting the program, when there is no memory.
fn try_box<T>(value: T) -> Result<*mut T, Error> {
    let mut one = Vec::new();
    one.try_reserve_exact(1).map_err(|_| Error::Os(libc::ENOMEM))?;
    one.push(value);
    Ok(Box::into_raw(one.into_boxed_slice()).cast())
}

/// What is wrong with a text, and the word where it is.
struct Why<'t> {
    error: Error,
    text: &'t [u8],
}

impl Display for Why<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Error::Format { column, reason } = self.error else { return write!(f, "{}", self.error) };
        let rest = self.text.get(column - 1..).unwrap_or_default();
        let word = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        write!(f, "column {column}, \"{}\": {reason}", word[..word.len().min(40)].escape_ascii())
    }
}

/// Frees a format, which no call may be using. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_free(format: *mut fdwire_format) {
    if !format.is_null() {
        // SAFETY: made by try_box, as the caller says, and given back once.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(format, 1)) });
    }
}

/// The format that an argument points to.
///
/// # Safety
/// If not NULL, `format` is one that fdwire_format_new made and that stays for `'a`.
pub(super) unsafe fn format_or_default<'a>(format: *const fdwire_format) -> &'a Format {
    const DEFAULT: &Format = &Format::DEFAULT;
    // SAFETY: as the caller of this function says.
    unsafe { format.as_ref() }.map_or(DEFAULT, |format| &format.0)
}

/// Draws a frame of this format (NULL: the default) with its offsets, over several lines, for
/// people who wonder whether their text says what they mean. The picture is cut to fit buf (which
/// may be NULL if cap is 0) and always NUL-terminated.
///
/// Returns: the length of the whole picture without its NUL: it was cut if that is not below cap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_describe(format: *const fdwire_format, buf: *mut c_char, cap: usize) -> usize {
    // SAFETY: the caller's promises for `format`, `buf` and `cap`.
    unsafe { print(buf, cap, format_or_default(format).describe()) }
}

/// Writes the head of a frame of this format (NULL: the default) whose body has body_len bytes to
/// out, for programs that do their own I/O. head is one to fill the length into, of head_len bytes,
/// just as many as the format's heads have; if it is NULL, and head_len 0, all bytes but the length
/// are 0. out may be head itself. *len gets the bytes written.
///
/// Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_TOO_LONG for
/// a body over the format's max or what its length field can say; FDWIRE_E_MALFORMED for a body or
/// a head that is none of this format's; -EINVAL for a NULL that is not allowed. Nothing is written
/// to out on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_head(
    format: *const fdwire_format,
    head: *const c_void,
    head_len: usize,
    body_len: u64,
    out: *mut c_void,
    cap: usize,
    len: *mut usize,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format` and `len`.
        let (format, len) = unsafe { (format_or_default(format), object(len)?) };
        let needed = format.head_len(body_len)?;
        // SAFETY: the caller's promise for `head`.
        let given = unsafe { bytes(head, head_len)? };
        if !head.is_null() && given.len() != needed {
            return Err(Error::Malformed("the given head has another length"));
        }
        if cap < needed {
            *len = needed;
            return Err(Error::NoRoom { needed: needed as u64 });
        }
        if out.is_null() && needed > 0 {
            return Err(EINVAL);
        }
        if head.is_null() {
            // SAFETY: the caller's promise for `out`, of which `needed` bytes are used.
            *len = format.write_head(None, body_len, unsafe { bytes_mut(out, needed)? })?;
        } else {
            // SAFETY: both have `needed` bytes, as the caller says; they may be the same, so they are copied as memmove does
            // and seen as one slice only after that.
            let out = unsafe {
                std::ptr::copy(head, out, needed);
                bytes_mut(out, needed)?
            };
            *len = format.fill_head(body_len, out)?;
        }
        Ok(0)
    })
}
