//! The library as a C program has it: the functions of `include/fdwire.h`, declared and wrapped by hand.

use fdwire::format::Probe;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::{self, null, null_mut};

/// `FDWIRE_E_TRUNCATED` and so on.
pub mod code {
    #![allow(missing_docs)] // the header says it
    use std::ffi::c_int;
    pub const TRUNCATED: c_int = -5001;
    pub const MALFORMED: c_int = -5002;
    pub const TOO_LONG: c_int = -5003;
    pub const FORMAT: c_int = -5004;
    pub const BROKEN: c_int = -5005;
    pub const PANIC: c_int = -5006;
    pub const EAGAIN: c_int = -11;
    pub const EBUSY: c_int = -16;
    pub const EINVAL: c_int = -22;
    pub const EPIPE: c_int = -32;
    pub const EMSGSIZE: c_int = -90;
    pub const EOPNOTSUPP: c_int = -95;
    pub const ECONNRESET: c_int = -104;
    pub const ENOBUFS: c_int = -105;
    pub const ETOOMANYREFS: c_int = -109;
    pub const ETIMEDOUT: c_int = -110;
    pub const ECANCELED: c_int = -125;
}

/// The code of one of the library's errors.
pub fn code_of(error: fdwire::Error) -> c_int {
    match error {
        fdwire::Error::Truncated => code::TRUNCATED,
        fdwire::Error::Malformed(_) => code::MALFORMED,
        fdwire::Error::TooLong { .. } => code::TOO_LONG,
        fdwire::Error::Format { .. } => code::FORMAT,
        other => panic!("an error that nothing here can have: {other}"),
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Msg {
    pub(crate) head: *const u8,
    pub(crate) body: *const u8,
    pub(crate) head_len: usize,
    pub(crate) body_len: usize,
    pub(crate) tail_len: usize,
}

pub(crate) const NO_MSG: Msg = Msg { head: null(), body: null(), head_len: 0, body_len: 0, tail_len: 0 };

/// `fdwire_format` and `fdwire_decoder`, of which nothing is known.
pub(crate) enum Opaque {}

/// `fdwire_probe_fn`
type ProbeFn = unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut usize, *mut usize) -> i64;

unsafe extern "C" {
    fn fdwire_format_new(text: *const c_char, out: *mut *mut Opaque, why: *mut c_char, why_cap: usize) -> c_int;
    fn fdwire_format_new_custom(probe: ProbeFn, ctx: *mut c_void, max: u64, out: *mut *mut Opaque) -> c_int;
    fn fdwire_format_free(format: *mut Opaque);
    fn fdwire_format_describe(format: *const Opaque, buf: *mut c_char, cap: usize) -> usize;
    fn fdwire_format_head(
        format: *const Opaque,
        head: *const c_void,
        head_len: usize,
        body_len: u64,
        out: *mut c_void,
        cap: usize,
        len: *mut usize,
    ) -> c_int;
    fn fdwire_format_tail(
        format: *const Opaque,
        head: *const c_void,
        head_len: usize,
        body_len: u64,
        out: *mut c_void,
        cap: usize,
        len: *mut usize,
    ) -> c_int;
    fn fdwire_encode(format: *const Opaque, msg: *const Msg, out: *mut c_void, cap: usize, len: *mut usize) -> c_int;
    fn fdwire_decoder_new(format: *const Opaque, out: *mut *mut Opaque) -> c_int;
    fn fdwire_decoder_free(decoder: *mut Opaque);
    fn fdwire_decoder_space(decoder: *mut Opaque, ptr: *mut *mut c_void, cap: *mut usize) -> c_int;
    fn fdwire_decoder_commit(decoder: *mut Opaque, len: usize) -> c_int;
    fn fdwire_decoder_feed(decoder: *mut Opaque, bytes: *const c_void, len: usize) -> c_int;
    fn fdwire_decoder_next_many(decoder: *mut Opaque, msgs: *mut Msg, cap: usize, count: *mut usize) -> c_int;
    fn fdwire_decoder_finish(decoder: *mut Opaque) -> c_int;
    fn fdwire_decoder_skip(decoder: *mut Opaque) -> c_int;
    fn fdwire_decoder_set_format(decoder: *mut Opaque, format: *const Opaque) -> c_int;
    fn fdwire_decoder_unread(decoder: *mut Opaque, ptr: *mut *const c_void, len: *mut usize) -> c_int;
    fn fdwire_decoder_needed(decoder: *mut Opaque) -> usize;
    fn fdwire_decoder_offset(decoder: *const Opaque) -> u64;
    fn fdwire_decoder_explain(decoder: *const Opaque, buf: *mut c_char, cap: usize) -> usize;
}

/// A result that is none of those which a program must be ready for.
pub(crate) fn expect(result: c_int, expected: c_int, call: &str) {
    assert_eq!(result, expected, "the result of fdwire_{call}");
}

fn checked(result: c_int) -> Result<c_int, c_int> {
    if result < 0 { Err(result) } else { Ok(result) }
}

/// A text that is printed twice: for its length, and into just so much room.
pub(crate) fn printed(print: impl Fn(*mut c_char, usize) -> usize) -> String {
    let len = print(null_mut(), 0);
    let mut text = vec![0xff_u8; len + 1];
    assert_eq!(print(text.as_mut_ptr().cast(), text.len()), len);
    assert_eq!(text.pop(), Some(0));
    String::from_utf8(text).expect("all texts are UTF-8")
}

/// `fdwire_format`
pub struct Format(pub(crate) *mut Opaque);

impl Format {
    /// Or the code, and the reason.
    pub fn new(text: &[u8]) -> Result<Format, (c_int, String)> {
        let text = CString::new(text).expect("the text of an input has no NUL");
        let (mut format, mut why) = (null_mut(), vec![0xff_u8; 1000]);
        // SAFETY: `text` is a string; the others may be written, `why` as far as it goes.
        let made = unsafe { fdwire_format_new(text.as_ptr(), &mut format, why.as_mut_ptr().cast(), why.len()) };
        let end = why.iter().position(|byte| *byte == 0).expect("why has an end");
        let why = String::from_utf8(why[..end].to_vec()).expect("all texts are UTF-8");
        checked(made).map(|_| Format(format)).map_err(|code| (code, why))
    }

    /// `fdwire_format_new_custom`, with a function that says what this format does, which must live as long.
    pub(crate) fn custom(format: &fdwire::format::Format) -> Format {
        let mut custom = null_mut();
        let ctx = (&raw const *format).cast_mut().cast();
        // SAFETY: the context is one for the function, and `custom` may be written.
        expect(unsafe { fdwire_format_new_custom(probe, ctx, u64::MAX, &mut custom) }, 0, "format_new_custom");
        Format(custom)
    }

    /// `fdwire_format_describe`
    pub fn describe(&self) -> String {
        // SAFETY: the format lives, and `buf` has room for `cap` bytes.
        printed(|buf, cap| unsafe { fdwire_format_describe(self.0, buf, cap) })
    }

    /// `fdwire_encode`, which is asked for the length first. Without a head it makes its own.
    pub fn encode(&self, head: Option<&[u8]>, body: &[u8]) -> Result<Vec<u8>, c_int> {
        let head = head.map_or((null(), 0), |head| (head.as_ptr(), head.len()));
        let msg = Msg { head: head.0, head_len: head.1, body: body.as_ptr(), body_len: body.len(), tail_len: 0 };
        // SAFETY: the format lives, `msg` and what it refers to may be read, `out` has room for `cap` bytes.
        measured(|out, cap, len| unsafe { fdwire_encode(self.0, &msg, out, cap, len) })
    }

    /// `fdwire_format_head`; a given head is written over, as a program may do.
    pub fn head(&self, given: Option<&[u8]>, body_len: usize) -> Result<Vec<u8>, c_int> {
        measured(|out, cap, len| {
            let (mut head, mut head_len) = (null(), 0);
            if let Some(given) = given {
                (head, head_len) = (given.as_ptr(), given.len());
                if cap >= given.len() {
                    // SAFETY: `out` has that much room.
                    unsafe { ptr::copy_nonoverlapping(head, out.cast(), head_len) };
                    head = out.cast();
                }
            }
            // SAFETY: the format lives, `head` may be read, `out` has room for `cap` bytes and may be `head`.
            unsafe { fdwire_format_head(self.0, head.cast(), head_len, body_len as u64, out, cap, len) }
        })
    }

    /// `fdwire_format_tail`
    pub fn tail(&self, head: &[u8], body_len: usize) -> Result<Vec<u8>, c_int> {
        let at = head.as_ptr().cast();
        // SAFETY: the format lives, `head` may be read, `out` has room for `cap` bytes.
        measured(|out, cap, len| unsafe { fdwire_format_tail(self.0, at, head.len(), body_len as u64, out, cap, len) })
    }
}

unsafe extern "C" fn probe(
    format: *mut c_void,
    bytes: *const u8,
    len: usize,
    head_len: *mut usize,
    at_least: *mut usize,
) -> i64 {
    // SAFETY: the context is a format that lives; the bytes may be read, and the others written.
    unsafe {
        assert_eq!((*head_len, *at_least), (0, len + 1), "what they are set to");
        let format = &*format.cast::<fdwire::format::Format>();
        match format.probe(std::slice::from_raw_parts(bytes, len)) {
            Ok(Probe::Frame(frame)) => {
                *head_len = frame.head;
                i64::try_from(frame.total()).unwrap_or(i64::MAX)
            }
            Ok(Probe::NeedMore { at_least: needed }) => {
                *at_least = needed;
                0
            }
            Err(_) => -1,
        }
    }
}

impl Drop for Format {
    fn drop(&mut self) {
        // SAFETY: made by fdwire_format_new, and freed once.
        unsafe { fdwire_format_free(self.0) }
    }
}

/// Bytes of which the length is asked for with no room at all, then written into just so much.
fn measured(write: impl Fn(*mut c_void, usize, &mut usize) -> c_int) -> Result<Vec<u8>, c_int> {
    let mut len = usize::MAX;
    match write(null_mut(), 0, &mut len) {
        0 => expect(len as c_int, 0, "…: a length that needs no room"),
        code::ENOBUFS => {}
        error => return Err(error),
    }
    assert_ne!(len, usize::MAX, "-ENOBUFS says how much is needed");
    let (mut out, needed) = (vec![0xff; len], len);
    expect(write(out.as_mut_ptr().cast(), out.len(), &mut len), 0, "… with as much room as it asked for");
    assert_eq!(len, needed);
    Ok(out)
}

/// `fdwire_decoder`
pub struct Decoder<'f> {
    decoder: *mut Opaque,
    format: &'f Format,
}

/// Messages that are taken at once: some, so that a stream has several such lots.
const MANY: usize = 3;

impl<'f> Decoder<'f> {
    /// `fdwire_decoder_new`
    pub fn new(format: &'f Format) -> Decoder<'f> {
        let mut decoder = null_mut();
        // SAFETY: the format lives, and `decoder` may be written.
        expect(unsafe { fdwire_decoder_new(format.0, &mut decoder) }, 0, "decoder_new");
        Decoder { decoder, format }
    }

    /// `fdwire_decoder_feed`
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), c_int> {
        // SAFETY: the decoder lives, and `bytes` may be read.
        checked(unsafe { fdwire_decoder_feed(self.decoder, bytes.as_ptr().cast(), bytes.len()) }).map(|_| ())
    }

    /// `fdwire_decoder_space` and `_commit`: takes the first of these bytes, and says how many.
    pub fn read(&mut self, bytes: &[u8]) -> Result<usize, c_int> {
        let (mut room, mut cap) = (null_mut(), 0);
        // SAFETY: the decoder lives, and gives `cap` bytes of room at `room`.
        unsafe {
            checked(fdwire_decoder_space(self.decoder, &mut room, &mut cap))?;
            let len = bytes.len().min(cap);
            ptr::copy_nonoverlapping(bytes.as_ptr(), room.cast(), len);
            expect(fdwire_decoder_commit(self.decoder, len), 0, "decoder_commit");
            expect(fdwire_decoder_commit(self.decoder, cap - len + 1), code::EINVAL, "decoder_commit of too much");
            Ok(len)
        }
    }

    /// `fdwire_decoder_next_many`: head, body and tail of each message.
    pub fn next_many(&mut self) -> Result<Vec<[Vec<u8>; 3]>, c_int> {
        let (mut msgs, mut count) = ([NO_MSG; MANY], 0);
        // SAFETY: the decoder lives, and the others may be written.
        let some = checked(unsafe { fdwire_decoder_next_many(self.decoder, msgs.as_mut_ptr(), MANY, &mut count) })?;
        assert_eq!(some == 1, count > 0);
        // SAFETY: what was lent is valid until more bytes come.
        Ok(msgs[..count].iter().map(|msg| unsafe { msg.parts() }).collect())
    }

    /// `fdwire_decoder_finish`
    pub fn finish(&mut self) -> Result<bool, c_int> {
        // SAFETY: the decoder lives.
        checked(unsafe { fdwire_decoder_finish(self.decoder) }).map(|waiting| waiting == 1)
    }

    /// `fdwire_decoder_skip`
    pub fn skip(&mut self) -> Result<(), c_int> {
        // SAFETY: the decoder lives.
        checked(unsafe { fdwire_decoder_skip(self.decoder) }).map(|_| ())
    }

    /// `fdwire_decoder_set_format`, to the same one
    pub fn set_format(&mut self) -> Result<(), c_int> {
        // SAFETY: both live.
        checked(unsafe { fdwire_decoder_set_format(self.decoder, self.format.0) }).map(|_| ())
    }

    /// `fdwire_decoder_unread`
    pub fn unread(&mut self) -> Vec<u8> {
        let (mut at, mut len) = (null(), 0);
        // SAFETY: the decoder lives, the others may be written, and what was lent is valid until more bytes come.
        unsafe {
            expect(fdwire_decoder_unread(self.decoder, &mut at, &mut len), 0, "decoder_unread");
            std::slice::from_raw_parts(at.cast::<u8>(), len).to_vec()
        }
    }

    /// `fdwire_decoder_needed`
    pub fn needed(&mut self) -> usize {
        // SAFETY: the decoder lives.
        unsafe { fdwire_decoder_needed(self.decoder) }
    }

    /// `fdwire_decoder_offset`
    pub fn offset(&self) -> u64 {
        // SAFETY: the decoder lives.
        unsafe { fdwire_decoder_offset(self.decoder) }
    }

    /// `fdwire_decoder_explain`
    pub fn explain(&self) -> String {
        // SAFETY: the decoder lives, and `buf` has room for `cap` bytes.
        printed(|buf, cap| unsafe { fdwire_decoder_explain(self.decoder, buf, cap) })
    }
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        // SAFETY: made by fdwire_decoder_new, and freed once.
        unsafe { fdwire_decoder_free(self.decoder) }
    }
}

impl Msg {
    /// Copies of head, body and tail, which lie one after the other.
    ///
    /// # Safety
    /// The message is lent.
    pub(crate) unsafe fn parts(&self) -> [Vec<u8>; 3] {
        // SAFETY: as the caller of this function says.
        unsafe {
            assert_eq!(self.head.add(self.head_len), self.body);
            let whole = std::slice::from_raw_parts(self.head, self.head_len + self.body_len + self.tail_len);
            let (head, rest) = whole.split_at(self.head_len);
            let (body, tail) = rest.split_at(self.body_len);
            [head, body, tail].map(<[u8]>::to_vec)
        }
    }
}
