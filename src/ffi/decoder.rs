//! Messages without I/O
//!
//! For TLS, io_uring, libuv, test data: a decoder takes the bytes of a stream in whatever pieces
//! they come, and gives whole messages. One thread at a time may use it.
//!
//!    for (;;) {
//!      void *room; size_t cap;
//!      if (fdwire_decoder_space(decoder, &room, &cap) < 0) break;
//!      int n = SSL_read(ssl, room, (int)cap);
//!      if (n <= 0) break;
//!      fdwire_decoder_commit(decoder, n);
//!      while ((r = fdwire_decoder_next(decoder, &msg)) == 1)
//!        handle(msg.body, msg.body_len);
//!      if (r < 0) break;
//!    }
//!    r = fdwire_decoder_finish(decoder);   // 0: all is well
//!
//! Memory follows the bytes that came, never those that a length announces.

use super::format::{fdwire_format, format_or_default, given, keep_format, room};
use super::guard::{bytes, contain, list_mut, object, print, read_only, status, try_box, unbox};
use super::shared::Shared;
use crate::Error;
use crate::codec::{self, Decoder, Message, Scratch};
use crate::format::Format;
use std::ffi::{c_char, c_int, c_void};

/// A message, in both directions: what was received can be sent on as it is.
///
/// Received: head, body and tail lie one after the other, so the whole frame is the head_len +
/// body_len + tail_len bytes at head. The body alone is the payload.
///
/// To be sent: head may be NULL, and head_len 0; else it is the head to send, in which fdwire fills
/// in the length. One that is not NULL and has no bytes is a head as well, which only formats
/// without a length field take. tail_len is not looked at: the tail is fdwire's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct fdwire_msg {
    /// The bytes before the body, the length field among them.
    pub head: *const u8,
    /// The payload.
    pub body: *const u8,
    /// Bytes at head.
    pub head_len: usize,
    /// Bytes at body.
    pub body_len: usize,
    /// Bytes behind the body that belong to the frame.
    pub tail_len: usize,
}

impl fdwire_msg {
    #[inline(always)]
    pub(super) fn lent(message: Message<'_>) -> fdwire_msg {
        fdwire_msg {
            head: message.frame.as_ptr(), // from where all of it may be read
            body: message.body.as_ptr(),
            head_len: message.head.len(),
            body_len: message.body.len(),
            tail_len: message.tail.len(),
        }
    }
}

/// Cuts a stream of bytes into messages.
pub struct fdwire_decoder {
    decoder: Decoder<Shared<Format>>,
    /// A call began and did not end: it panicked, and what it left behind is not to be trusted.
    broken: bool,
}

/// Makes a decoder for messages of this format (NULL: u32be), which may be freed afterwards. It
/// holds no buffer until bytes come.
///
/// *out is the caller's, who frees it with fdwire_decoder_free.
///
/// Returns: 0; -EINVAL if out is NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_new(format: *const fdwire_format, out: *mut *mut fdwire_decoder) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format` and `out`.
        let (format, out) = unsafe { (keep_format(format), object(out)?) };
        *out = try_box(fdwire_decoder { decoder: Decoder::new(format), broken: false })?;
        Ok(0)
    })
}

/// Frees a decoder and what it lent. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_free(decoder: *mut fdwire_decoder) {
    // SAFETY: NULL, or made by try_box, as the caller says, and given back once.
    contain(|| unsafe { unbox(decoder) });
}

/// Runs a call on a decoder. One that panicked before is not used again.
///
/// # Safety
/// If not NULL, `decoder` is one that fdwire_decoder_new made and that nobody else uses.
#[inline(always)]
unsafe fn with(
    decoder: *mut fdwire_decoder,
    call: impl FnOnce(&mut Decoder<Shared<Format>>) -> Result<c_int, Error>,
) -> c_int {
    status(|| {
        // SAFETY: as the caller of this function says.
        let decoder = unsafe { object(decoder)? };
        if std::mem::replace(&mut decoder.broken, true) {
            return Err(Error::Broken);
        }
        let result = call(&mut decoder.decoder);
        decoder.broken = false;
        result
    })
}

/// Room to read bytes into: *ptr gets where, *cap how many, 4 KiB at first and more as more come.
/// fdwire_decoder_commit says how many were read. The room is the decoder's, until the next call on
/// it; messages that were lent are not valid any more.
///
/// Returns: 0; what fdwire_decoder_next returned, if that was an error; FDWIRE_E_BROKEN after
/// fdwire_decoder_finish; -EINVAL for a NULL; -ENOMEM.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_space(
    decoder: *mut fdwire_decoder,
    ptr: *mut *mut c_void,
    cap: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise for `decoder`.
    unsafe {
        with(decoder, |decoder| {
            // SAFETY: the caller's promises for `ptr` and `cap`.
            let (ptr, cap) = (object(ptr)?, object(cap)?);
            let space = decoder.space()?;
            (*ptr, *cap) = (space.as_mut_ptr().cast(), space.len());
            Ok(0)
        })
    }
}

/// Takes the first len bytes of the room that fdwire_decoder_space gave for read. What was lent
/// stays valid.
///
/// Returns: 0; -EINVAL if there was less room, or for a NULL; errors as fdwire_decoder_space.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_commit(decoder: *mut fdwire_decoder, len: usize) -> c_int {
    // SAFETY: the caller's promise for `decoder`.
    unsafe { with(decoder, |decoder| decoder.commit(len).map(|()| 0)) }
}

/// Adds a copy of len bytes (NULL if len is 0). Messages that were lent are not valid any more.
///
/// Returns: 0; what fdwire_decoder_next returned, if that was an error; FDWIRE_E_BROKEN after
/// fdwire_decoder_finish; -EINVAL for a NULL; -ENOMEM. On failure no byte was taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_feed(decoder: *mut fdwire_decoder, bytes: *const c_void, len: usize) -> c_int {
    // SAFETY: the caller's promises for `decoder` and `bytes`.
    unsafe { with(decoder, |decoder| decoder.feed(self::bytes(bytes, len)?).map(|()| 0)) }
}

/// The next message. *msg gets where it lies in the decoder's buffer, lent until the next call of
/// fdwire_decoder_space, _feed or _free; further calls of this one leave it where it is.
///
/// How the bytes came never changes the messages, nor the errors, nor their order.
///
/// Returns: 1 a message; 0 there is none, more bytes are needed (or, after fdwire_decoder_finish,
/// all is done). FDWIRE_E_MALFORMED, FDWIRE_E_TOO_LONG: the stream is out of step, and every later
/// call says so again, until fdwire_decoder_skip; fdwire_decoder_explain tells why.
/// FDWIRE_E_TRUNCATED: the stream ended inside a message. FDWIRE_E_BROKEN after FDWIRE_E_PANIC.
/// -EINVAL for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_next(decoder: *mut fdwire_decoder, msg: *mut fdwire_msg) -> c_int {
    // SAFETY: the caller's promises for `decoder` and `msg`.
    unsafe {
        with(decoder, |decoder| {
            let msg = object(msg)?;
            if let Some(message) = decoder.next_quickly(usize::MAX) {
                *msg = fdwire_msg::lent(message);
                return Ok(1);
            }
            Ok(match decoder.next_message()? {
                Some(message) => {
                    *msg = fdwire_msg::lent(message);
                    1
                }
                None => 0,
            })
        })
    }
}

/// As many messages as are there, at most cap, to msgs; *count gets how many. All are lent, as by
/// fdwire_decoder_next. An error behind some messages comes with the next call.
///
/// Returns: 1 at least one message; 0 and errors as fdwire_decoder_next. -EINVAL also if cap is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_next_many(
    decoder: *mut fdwire_decoder,
    msgs: *mut fdwire_msg,
    cap: usize,
    count: *mut usize,
) -> c_int {
    // SAFETY: the caller's promise for `decoder`.
    unsafe {
        with(decoder, |decoder| {
            // SAFETY: the caller's promises for `count` and `msgs`, which has room for `cap`.
            let (count, msgs) = (object(count)?, list_mut(msgs, cap)?);
            *count = decoder.next_messages(msgs, &fdwire_msg::lent)?;
            Ok(c_int::from(*count > 0))
        })
    }
}

/// Says that the stream ended: no more bytes will come.
///
/// After an error, later calls of fdwire_decoder_next say it again.
///
/// Returns: 0 all messages were delivered, and nothing is left. 1 messages wait: call
/// fdwire_decoder_next until it returns 0; the end of the stream may have completed the last one.
/// FDWIRE_E_TRUNCATED: it ended inside a message. What fdwire_decoder_next returned, if that was an
/// error. FDWIRE_E_BROKEN after FDWIRE_E_PANIC. -EINVAL for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_finish(decoder: *mut fdwire_decoder) -> c_int {
    // SAFETY: the caller's promise for `decoder`.
    unsafe { with(decoder, |decoder| decoder.finish().map(c_int::from)) }
}

/// After FDWIRE_E_TOO_LONG: goes past that message, to be in step with the next one. Its bytes are
/// dropped as they come, and none behind it.
///
/// Returns: 0; the decoder's error where it is another, or where no end of that message is known
/// (a custom format's function has to tell it from the bytes that are there); -EINVAL where there
/// is nothing to be skipped, or for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_skip(decoder: *mut fdwire_decoder) -> c_int {
    // SAFETY: the caller's promise for `decoder`.
    unsafe { with(decoder, |decoder| decoder.skip().map(|()| 0)) }
}

/// Changes the format (NULL: u32be) of all messages that were not delivered yet, where a protocol
/// changes it between messages. It may be freed afterwards.
///
/// Returns: 0; the error that the decoder stopped at; -EINVAL while a message is being skipped whose
/// end is not known yet, or for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_set_format(
    decoder: *mut fdwire_decoder,
    format: *const fdwire_format,
) -> c_int {
    // SAFETY: the caller's promises for `decoder` and `format`.
    unsafe { with(decoder, |decoder| decoder.set_format(keep_format(format)).map(|()| 0)) }
}

/// Hands over the bytes that were not delivered, and forgets them: for whoever goes on with the
/// stream in another way. *ptr gets where they lie, lent as a message is; *len how many they are.
/// After an error they begin with the message that it was; those of a message that is being skipped
/// are not among them.
///
/// Returns: 0; -EINVAL for a NULL; FDWIRE_E_BROKEN after FDWIRE_E_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_unread(
    decoder: *mut fdwire_decoder,
    ptr: *mut *const c_void,
    len: *mut usize,
) -> c_int {
    // SAFETY: the caller's promises for `decoder`, `ptr` and `len`.
    unsafe {
        with(decoder, |decoder| {
            let (ptr, len) = (object(ptr)?, object(len)?);
            let rest = decoder.unread();
            (*ptr, *len) = (rest.as_ptr().cast(), rest.len());
            Ok(0)
        })
    }
}

/// How many more bytes the next message needs at least: reading no more than these reads nothing
/// past it. (But where one delimiter begins another, as '\r' does "\r\n", or a line is split: what
/// follows tells then where the message ends.)
///
/// Returns: that; 0 where the message is there, or will never be, or for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_needed(decoder: *mut fdwire_decoder) -> usize {
    let mut needed = 0;
    let find = |decoder: &mut Decoder<_>| {
        needed = decoder.needed();
        Ok(0)
    };
    // SAFETY: the caller's promise for `decoder`.
    unsafe { with(decoder, find) };
    needed
}

/// Where in the stream the next message begins, or the one at which the decoder stopped.
///
/// Returns: how many bytes lie before it; 0 for a NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_offset(decoder: *const fdwire_decoder) -> u64 {
    // SAFETY: the caller's promise for `decoder`.
    unsafe { decoder.as_ref() }.map_or(0, |decoder| decoder.decoder.offset())
}

/// Says where the stream stands and, if it broke, why, with the bytes, in a line for people:
///
///    message 3 at stream offset 128: the length field 47 45 54 20 says 1195725856, over the limit
///    of 16777216; these bytes are the text 'GET ': is the peer speaking HTTP?
///
/// The text is cut to fit buf (which may be NULL if cap is 0) and always NUL-terminated.
///
/// Returns: the length of the whole text without its NUL: it was cut if that is not below cap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_decoder_explain(decoder: *const fdwire_decoder, buf: *mut c_char, cap: usize) -> usize {
    // SAFETY: the caller's promises for `decoder`, `buf` and `cap`.
    unsafe {
        match decoder.as_ref() {
            None => print(buf, cap, &"no decoder"),
            Some(decoder) if decoder.broken => print(buf, cap, &Error::Panic),
            Some(decoder) => print(buf, cap, &decoder.decoder.explain()),
        }
    }
}

/// Writes the whole frame of a message of this format (NULL: the default) to out: head, body and
/// tail. *len gets the bytes written.
///
/// Returns: 0; -ENOBUFS if cap is too small, and then *len is what is needed; FDWIRE_E_TOO_LONG for
/// a body over the format's max or what its length field can say; FDWIRE_E_MALFORMED for a body
/// that the format cannot say, such as one that holds its delimiter, or a head that is none of this
/// format's; -EINVAL for a NULL that is not allowed; -ENOMEM. Nothing is written to out on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdwire_encode(
    format: *const fdwire_format,
    msg: *const fdwire_msg,
    out: *mut c_void,
    cap: usize,
    len: *mut usize,
) -> c_int {
    status(|| {
        // SAFETY: the caller's promises for `format`, `len` and `msg`, and for what that points to.
        let (format, len, head, body) = unsafe {
            let msg = read_only(msg)?;
            let head = given(msg.head.cast(), msg.head_len)?;
            (format_or_default(format), object(len)?, head, bytes(msg.body.cast(), msg.body_len)?)
        };
        let mut scratch = Scratch::new();
        let head = codec::head_of(format, head, body.into(), &mut scratch)?;
        let tail = format.tail_behind(head, body.into())?;
        let wanted = head.len() + body.len() + tail.len();
        // SAFETY: the caller's promise for `out`, of which no more than `cap` bytes are used.
        codec::put(head, body, &tail, unsafe { room(out, cap, wanted, len)? })?;
        Ok(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::null;

    /// Miri sees it, if what the program may only read is taken for what may be written.
    #[test]
    fn a_message_to_encode_is_only_read() {
        let body = b"hello";
        let msg = &fdwire_msg { head: null(), body: body.as_ptr(), head_len: 0, body_len: body.len(), tail_len: 0 };
        let (mut frame, mut len) = ([0_u8; 9], 0);
        // SAFETY: `msg` and its body may be read, `frame` and `len` written.
        let status = unsafe { fdwire_encode(null(), msg, frame.as_mut_ptr().cast(), frame.len(), &mut len) };
        assert_eq!((status, len, &frame), (0, 9, b"\0\0\0\x05hello"));
        assert_eq!(msg.body_len, 5);
    }
}
