//! Formats
//!
//! A frame on the wire is a head, a body and a tail; a format says how they are laid out. Its text
//! is a kind, then key=value settings, separated by blanks; or the name of a preset, like "kafka",
//! and settings that override its own.
//!
//! Kinds in which a length stands before the body:
//!
//!    u8 u16be u16le u16ne ... u64ne   a binary number of 1 to 8 bytes: big-endian, little-endian,
//!                                     or in the machine's own order; with i for u, one below 0
//!                                     is malformed
//!      mask=n  shift=n                which bits of it are the length
//!    varint  varintbe                 7 bits a byte, the low ones first (LEB128) or the high ones
//!      digits=n                       most bytes                                       default: 10
//!      overlong=allow                 longer forms than needed, too
//!    ber                              tag and length of ASN.1
//!      digits=n                       most bytes of the length                         4
//!      overlong=refuse                only the shortest form, as in DER
//!    decimal  hex                     ASCII digits
//!      digits=n  fill=' '             in so many columns, filled up with '0' or this
//!      until='c'                      up to this
//!      overlong=refuse                no leading zeros
//!    netstring                        decimal until=':' tail=',' overlong=refuse
//!    fixed size=n                     no length field: head and body always have this size
//!
//! They share these keys:
//!
//!   at=n        offset of the length field                         default: 0
//!   head=n      bytes before the body, the length field included   up to the end of that field
//!   after=n     or instead: bytes between the length field and the body
//!   counts=x    what the length counts: rest   what follows the length field (default)
//!                                       field  the length field and what follows it
//!                                       frame  the whole frame
//!                                       body   the body alone
//!   adjust=n    or instead: what to add to the length to get the bytes after the length field
//!   unit=n      bytes that one count of the length stands for      1
//!   plus=u8@4*4,u32le@12~8   the numbers at these offsets are added, times 4, rounded up to 8
//!   pad=n       the frame is rounded up to a multiple of this      1
//!   tail='x'    bytes that end each frame; tail=u8@6: as many as that number says. Neither these
//!               nor the padding are counted by the length
//!   magic='x'@0,'y'@9        bytes that each head has
//!   init='x'@0  bytes that a head has when its sender gives none
//!   bodiless=0..3,7,-1       lengths that mean a frame of the head alone
//!   max=n       most bytes in a body; max=frame:n in a frame       16M
//!
//! Kinds whose end is searched for:
//!
//!    line  crlf  nul                  up to LF (CR LF, too), CR LF, or a byte of 0
//!    delimited by='\r\n','\n'        up to the first of at most 8 delimiters; the first is sent
//!      start='x'                      what each frame begins with: its head
//!      trail=n                        bytes behind the delimiter that belong to the frame
//!      over=split                     what is over the max comes in pieces, not as an error
//!      eof=allow                      the end of the stream ends a frame, too
//!    headers length='Content-Length'  lines up to an empty one, of which one says the body's length
//!      by='\n'                        what ends a line                                 '\r\n'
//!      missing=empty                  no such line: an empty body
//!    eof                              all that comes until the end of the stream, if anything does;
//!                                     what is sent goes as it is
//!
//! And a choice, by a number in the frame, of values, ranges, 'literals' or else; it may nest:
//!
//!    select u8 at=0 mask=0xff { 0..9, 12: u16be at=2; 'x': line; else: fixed size=8 }
//!
//! Numbers are decimal or 0x hex; K, M and G stand for powers of 1024. In 'literals' there are \r
//! \n \t \0 \\ \' and \x with two hex digits. Some formats:
//!
//!    u32be                                             most hand-made protocols
//!    u32be at=1 counts=field                           PostgreSQL: a type byte before the length
//!    u16be at=16 head=19 counts=frame max=frame:4096   BGP (RFC 4271, 4.1)
//!    varint at=1 digits=4                              MQTT (3.1.1, 2.2.3)
//!    line max=8K                                       lines of text
//!
//! Where a format is asked for, NULL is "u32be": a 4-byte big-endian length of the body.

use super::callback;
use super::guard::{EINVAL, bytes, bytes_mut, object, print, status, text, try_box, unbox};
use super::shared::{Counted, Shared};
use crate::Error;
use crate::codec::{Scratch, head_of, tail_of};
use crate::format::{CustomProbe, Format, Frame, PRESETS, Payload, Probe};
use std::ffi::{c_char, c_int, c_void};
use std::fmt::{self, Display, Formatter, Write};

/// How frames are laid out on the wire. Never changes once made; any number of threads may use one
/// at the same time.
pub struct fdwire_format(Shared<Format>);

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
            print(why, why_cap, &"");
            (self::text(text)?, object(out)?)
        };
        let format = Format::parse(text).inspect_err(|&error| {
            // SAFETY: the caller's promise for `why` and `why_cap`.
            unsafe { print(why, why_cap, &Why { error, text }) };
        })?;
        *out = try_box(fdwire_format(Shared::new(format)?))?;
        Ok(0)
    })
}

/// What is wrong with a text, and the word where it is.
struct Why<'t> {
    error: Error,
    text: &'t [u8],
}

impl Display for Why<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Error::Format { column, reason } = self.error else { return write!(f, "{}", self.error) };
        let rest = self.text.get(column as usize - 1..).unwrap_or_default();
        let word = rest.split(|b| b.is_ascii_whitespace() || b"{};".contains(b)).next().unwrap_or_default();
        write!(f, "column {column}, \"")?;
        for &byte in word.iter().take(40) {
            match byte {
                b' '..=b'~' => f.write_char(byte as char)?,
                byte => write!(f, "\\x{byte:02x}")?,
            }
        }
        write!(f, "\": {reason}")
    }
}

/// Tells the frames of a format of the program's own: what the len bytes, which begin where a frame
/// does, are so far. The answer follows from the bytes alone: more of them never change it, but
/// from "more" to something definite. ctx is what fdwire_format_new_custom was given.
///
/// It returns, for a frame, its whole length in bytes, and sets *head_len (which is 0) to where the
/// body starts, at most 64K; 0 if more bytes are needed, and may set *at_least (which is len + 1)
/// to how many the frame surely has, counted from its first; below 0 if this is no frame. It may be
/// called from any thread that uses the format, from several at once, and does not longjmp.
pub type fdwire_probe_fn = Option<
    unsafe extern "C" fn(
        ctx: *mut c_void,
        bytes: *const u8,
        len: usize,
        head_len: *mut usize,
        at_least: *mut usize,
    ) -> i64,
>;

struct Callback {
    function: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut usize, *mut usize) -> i64,
    ctx: *mut c_void,
}

// SAFETY: the program promises that the function may be called with its ctx from any thread, ...
unsafe impl Send for Callback {}
// SAFETY: ... and from several at once.
unsafe impl Sync for Callback {}

// An array of one, because that is what a box can be made of that is not made by aborting when there is no memory.
impl CustomProbe for [Callback; 1] {
    fn probe(&self, bytes: &[u8]) -> Result<Probe, Error> {
        let [callback] = self;
        let (mut head_len, mut at_least) = (0, bytes.len() + 1);
        // SAFETY: the program's promise for its function; bytes and numbers outlive the call.
        let total = callback::run(callback::OF_FORMATS, || unsafe {
            (callback.function)(callback.ctx, bytes.as_ptr(), bytes.len(), &raw mut head_len, &raw mut at_least)
        });
        match total {
            ..0 => Err(Error::Malformed("the program's own function says that this is no frame")),
            0 => Ok(Probe::NeedMore { at_least }),
            total => match (total as u64).checked_sub(head_len as u64) {
                Some(body) => Ok(Probe::Frame(Frame { head: head_len, body, tail: 0 })),
                None => Err(Error::Malformed("the program's own function says that the body starts behind the frame")),
            },
        }
    }
}

/// Makes a format that a function of the program's own tells; max is the most bytes in a body. To
/// send, head and body are given as they are on the wire, and the function is asked whether
/// together they are a frame.
///
/// ctx stays the program's; it and the function must live until the format was freed, and every
/// decoder that uses it. *out is the caller's, who frees it with fdwire_format_free.
///
/// Returns: 0; -EINVAL if probe or out is NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_new_custom(
    probe: fdwire_probe_fn,
    ctx: *mut c_void,
    max: u64,
    out: *mut *mut fdwire_format,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promise for `out`.
        let out = unsafe { object(out)? };
        let callback = Callback { function: probe.ok_or(EINVAL)?, ctx };
        // SAFETY: made by try_box a moment ago.
        let own: Box<[Callback; 1]> = unsafe { Box::from_raw(try_box([callback])?) };
        *out = try_box(fdwire_format(Shared::new(Format::from_probe(max, own))?))?;
        Ok(0)
    })
}

/// Frees a format, which no call may be using. Decoders that were made with it go on with it. NULL
/// is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_free(format: *mut fdwire_format) {
    // SAFETY: NULL, or made by try_box, as the caller says, and given back once.
    unsafe { unbox(format) };
}

static DEFAULT: Counted<Format> = Counted::new(Format::DEFAULT);

/// The format that an argument points to.
///
/// # Safety
/// If not NULL, `format` is one that fdwire_format_new made and that stays for `'a`.
pub(super) unsafe fn format_or_default<'a>(format: *const fdwire_format) -> &'a Format {
    // SAFETY: as the caller of this function says.
    unsafe { format.as_ref() }.map_or(&DEFAULT, |format| &format.0)
}

/// The same, to be kept.
///
/// # Safety
/// If not NULL, `format` is one that fdwire_format_new made and that stays for the call.
pub(super) unsafe fn keep_format(format: *const fdwire_format) -> Shared<Format> {
    // SAFETY: as the caller of this function says.
    unsafe { format.as_ref() }.map_or(Shared::of_static(&DEFAULT), |format| format.0.clone())
}

/// Draws a frame of this format (NULL: the default) with its offsets, over several lines, for
/// people who wonder whether their text says what they mean. The picture is cut to fit buf (which
/// may be NULL if cap is 0) and always NUL-terminated.
///
/// Returns: the length of the whole picture without its NUL: it was cut if that is not below cap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_describe(format: *const fdwire_format, buf: *mut c_char, cap: usize) -> usize {
    // SAFETY: the caller's promises for `format`, `buf` and `cap`.
    unsafe { print(buf, cap, &format_or_default(format).describe()) }
}

/// Writes the head of a frame of this format (NULL: the default) whose body has body_len bytes to
/// out, for programs that do their own I/O. head is one to fill the length into, of head_len bytes,
/// like the head of a message that was received; if it is NULL, and head_len 0, the format makes
/// one whose bytes are 0 but for the length and what the format says. out may be head itself. *len
/// gets the bytes written, which for a length that varies in width may differ from head_len.
///
/// A body that holds a delimiter cannot be noticed here: see fdwire_encode.
///
/// Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_TOO_LONG for
/// a body over the format's max or what its length field can say; FDWIRE_E_MALFORMED for a body or
/// a head that is none of this format's; -EINVAL for a NULL that is not allowed; -ENOMEM. Nothing
/// is written to out on failure.
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
        // SAFETY: the caller's promises for `format`, `len` and `head`.
        let (format, len, given) = unsafe { (format_or_default(format), object(len)?, given(head, head_len)?) };
        let mut scratch = Scratch::new();
        let made = head_of(format, given, Payload::of_len(body_len), &mut scratch)?;
        // SAFETY: the caller's promise for `out`, of which no more than `cap` bytes are used.
        unsafe { copy_out(made, out, cap, len) }
    })
}

/// Writes what follows the body of a frame of this format (NULL: the default) to out: a delimiter,
/// padding, a literal; with most formats, nothing. head is the whole head as it is sent, of
/// head_len bytes; NULL if head_len is 0. *len gets the bytes written.
///
/// Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_MALFORMED
/// for a head that is none of this format's, or that says another length than body_len or one over
/// the max; -EINVAL for a NULL that is not allowed; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_format_tail(
    format: *const fdwire_format,
    head: *const c_void,
    head_len: usize,
    body_len: u64,
    out: *mut c_void,
    cap: usize,
    len: *mut usize,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format`, `len` and `head`.
        let (format, len, head) = unsafe { (format_or_default(format), object(len)?, bytes(head, head_len)?) };
        let mut scratch = Scratch::new();
        let tail = tail_of(format, head, body_len)?;
        let made = scratch.room(tail.len())?;
        tail.write(made)?;
        // SAFETY: the caller's promise for `out`, of which no more than `cap` bytes are used.
        unsafe { copy_out(made, out, cap, len) }
    })
}

/// A head to fill the length into, if there is one.
///
/// # Safety
/// As `bytes`.
pub(super) unsafe fn given<'a>(head: *const c_void, len: usize) -> Result<Option<&'a [u8]>, Error> {
    match head.is_null() && len == 0 {
        true => Ok(None),
        // SAFETY: as the caller of this function says.
        false => Ok(Some(unsafe { bytes(head, len)? })),
    }
}

/// # Safety
/// As `bytes_mut`, of which at most as many bytes are written as were made.
unsafe fn copy_out(made: &[u8], out: *mut c_void, cap: usize, len: &mut usize) -> Result<c_int, Error> {
    // SAFETY: as the caller of this function says.
    unsafe { room(out, cap, made.len(), len)? }.copy_from_slice(made);
    Ok(0)
}

/// The first `wanted` bytes of a range of the caller's; `len` gets how many are wanted, also where there are fewer.
///
/// # Safety
/// As `bytes_mut`.
pub(super) unsafe fn room<'a>(
    out: *mut c_void,
    cap: usize,
    wanted: usize,
    len: &mut usize,
) -> Result<&'a mut [u8], Error> {
    // SAFETY: as the caller of this function says.
    let room = unsafe { bytes_mut(out, cap)? }.get_mut(..wanted);
    *len = wanted;
    room.ok_or(Error::NoRoom { needed: wanted as u64 })
}

/// The name of the preset with this number, from 0: what to write where a format's text is asked
/// for. It is static.
///
/// Returns: the name; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_preset_name(i: usize) -> *const c_char {
    PRESETS.get(i).map_or(std::ptr::null(), |preset| preset.name().as_ptr())
}

/// The text that a preset's name stands for. It is static.
///
/// Returns: the text; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_preset_text(i: usize) -> *const c_char {
    PRESETS.get(i).map_or(std::ptr::null(), |preset| preset.text().as_ptr())
}

/// Where the layout that a preset describes is published. It is static.
///
/// Returns: the source; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn fdwire_preset_source(i: usize) -> *const c_char {
    PRESETS.get(i).map_or(std::ptr::null(), |preset| preset.source().as_ptr())
}
