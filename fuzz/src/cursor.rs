//! Cursors, through C: what one writes another reads, and both are held against plain arithmetic.
//!
//! - A step gives what the bytes say, in its order, and goes on by as many bytes; or sets the status, once and for all, and gives 0.
//! - What was read can be written again, to as many bytes as fit, and then says the same.
//!
//! The bytes aside are the steps, behind one for the order and one for the room to write to.

use crate::Input;
use crate::c::code;
use std::ffi::{c_int, c_void};
use std::ptr::null;

/// `fdwire_reader`, and with bytes that may be written `fdwire_writer`.
#[repr(C)]
struct Cursor {
    bytes: *const u8,
    len: usize,
    pos: usize,
    order: c_int,
    status: c_int,
}

const NO_CURSOR: Cursor = Cursor { bytes: null(), len: 0, pos: 0, order: 0, status: 0 };

unsafe extern "C" {
    fn fdwire_reader_init(r: *mut Cursor, p: *const c_void, len: usize, order: c_int) -> c_int;
    fn fdwire_read_u8(r: *mut Cursor) -> u8;
    fn fdwire_read_u16(r: *mut Cursor) -> u16;
    fn fdwire_read_u24(r: *mut Cursor) -> u32;
    fn fdwire_read_u32(r: *mut Cursor) -> u32;
    fn fdwire_read_u64(r: *mut Cursor) -> u64;
    fn fdwire_read_f64(r: *mut Cursor) -> f64;
    fn fdwire_read_varint(r: *mut Cursor) -> u64;
    fn fdwire_read_decimal(r: *mut Cursor) -> u64;
    fn fdwire_read_bytes(r: *mut Cursor, len: usize) -> *const u8;
    fn fdwire_reader_left(r: *const Cursor) -> usize;
    fn fdwire_writer_init(w: *mut Cursor, p: *mut c_void, len: usize, order: c_int) -> c_int;
    fn fdwire_write_u8(w: *mut Cursor, value: u8);
    fn fdwire_write_u16(w: *mut Cursor, value: u16);
    fn fdwire_write_u24(w: *mut Cursor, value: u32);
    fn fdwire_write_u32(w: *mut Cursor, value: u32);
    fn fdwire_write_u64(w: *mut Cursor, value: u64);
    fn fdwire_write_f64(w: *mut Cursor, value: f64);
    fn fdwire_write_varint(w: *mut Cursor, value: u64);
    fn fdwire_write_decimal(w: *mut Cursor, value: u64);
    fn fdwire_write_bytes(w: *mut Cursor, p: *const c_void, len: usize);
}

/// The target.
pub fn check(input: &[u8]) {
    let Input { aside, bytes, .. } = Input::read(input);
    let [order, room, steps @ ..] = aside else { return };
    let big = order & 1 == 0;
    let order = if big { 1 } else { 2 };
    let (mut reader, mut writer) = (NO_CURSOR, NO_CURSOR);
    let mut out = vec![0xee; usize::from(*room)];
    // SAFETY: both may be written, and the bytes live as long as they do.
    unsafe {
        assert_eq!(fdwire_reader_init(&mut reader, bytes.as_ptr().cast(), bytes.len(), order), 0);
        assert_eq!(fdwire_writer_init(&mut writer, out.as_mut_ptr().cast(), out.len(), order), 0);
    }
    let (mut at, mut status, mut written) = (0, 0, Vec::new());
    for step in steps {
        let rest = &bytes[at..];
        let known = plainly(step % 9, usize::from(step / 9), rest, big);
        let (value, len) = match (status, known) {
            (0, Ok(known)) => known,
            (0, Err(code)) => {
                status = code;
                (0, 0)
            }
            _ => (0, 0),
        };
        at += len;
        // SAFETY: the reader's bytes live.
        let read = unsafe { read(&mut reader, step % 9, usize::from(step / 9)) };
        assert_eq!((read, reader.status), (value, status), "step {step} at {at}");
        // SAFETY: the reader lives.
        let left = unsafe { fdwire_reader_left(&reader) };
        assert_eq!(left, if status == 0 { bytes.len() - at } else { 0 });
        if status < 0 {
            break;
        }
        let same = again(step % 9, value, &rest[..len]);
        // SAFETY: the writer's bytes live, and what was read may be read.
        unsafe { write(&mut writer, step % 9, value, &rest[..len]) };
        if written.len() + same.len() > out.len() {
            assert_eq!(writer.status, code::ENOBUFS, "what does not fit");
            break;
        }
        written.extend_from_slice(&same);
        assert_eq!((writer.status, writer.pos), (0, written.len()));
    }
    assert_eq!(out[..written.len()], written[..]);
    if writer.status == 0 {
        assert!(out[written.len()..].iter().all(|byte| *byte == 0xee), "nothing behind it is written");
    }
}

/// What a step gives, and how far it goes.
fn plainly(step: u8, many: usize, bytes: &[u8], big: bool) -> Result<(u64, usize), c_int> {
    match step {
        6 => varint(bytes),
        7 => decimal(bytes),
        _ => {
            let len = width(step, many);
            let there = bytes.get(..len).ok_or(code::TRUNCATED)?;
            Ok((if step == 8 { 0 } else { number(there, big) }, len))
        }
    }
}

fn width(step: u8, many: usize) -> usize {
    [1, 2, 3, 4, 8, 8, 0, 0, many][usize::from(step)]
}

fn number(bytes: &[u8], big: bool) -> u64 {
    let mut bytes = bytes.to_vec();
    if !big {
        bytes.reverse();
    }
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn varint(bytes: &[u8]) -> Result<(u64, usize), c_int> {
    let mut value = 0u128;
    for (i, byte) in bytes.iter().enumerate() {
        value |= u128::from(byte & 0x7f) << (7 * i);
        if value > u64::MAX.into() || i > 0 && *byte == 0 || i == 9 && byte & 0x80 != 0 {
            return Err(code::MALFORMED);
        }
        if byte & 0x80 == 0 {
            return Ok((value as u64, i + 1));
        }
    }
    Err(code::TRUNCATED)
}

fn decimal(bytes: &[u8]) -> Result<(u64, usize), c_int> {
    let digits: String = bytes.iter().map_while(|byte| byte.is_ascii_digit().then_some(char::from(*byte))).collect();
    match digits.parse() {
        Ok(value) => Ok((value, digits.len())),
        Err(_) if bytes.is_empty() => Err(code::TRUNCATED),
        Err(_) => Err(code::MALFORMED),
    }
}

/// The bytes of what was read, as they are written: the same but for leading zeros.
fn again(step: u8, value: u64, bytes: &[u8]) -> Vec<u8> {
    if step == 7 { value.to_string().into_bytes() } else { bytes.to_vec() }
}

/// # Safety
/// The reader's bytes live.
unsafe fn read(reader: &mut Cursor, step: u8, many: usize) -> u64 {
    // SAFETY: as the caller says.
    unsafe {
        match step {
            0 => fdwire_read_u8(reader).into(),
            1 => fdwire_read_u16(reader).into(),
            2 => fdwire_read_u24(reader).into(),
            3 => fdwire_read_u32(reader).into(),
            4 => fdwire_read_u64(reader),
            5 => fdwire_read_f64(reader).to_bits(),
            6 => fdwire_read_varint(reader),
            7 => fdwire_read_decimal(reader),
            _ => {
                let (before, at) = (reader.pos, fdwire_read_bytes(reader, many));
                assert!(at.is_null() == (reader.status < 0) || many == 0, "where they lie");
                assert!(at.is_null() || at == reader.bytes.wrapping_add(before));
                0
            }
        }
    }
}

/// # Safety
/// The writer's bytes live.
unsafe fn write(writer: &mut Cursor, step: u8, value: u64, bytes: &[u8]) {
    // SAFETY: as the caller says; the bytes may be read.
    unsafe {
        match step {
            0 => fdwire_write_u8(writer, value as u8),
            1 => fdwire_write_u16(writer, value as u16),
            2 => fdwire_write_u24(writer, value as u32),
            3 => fdwire_write_u32(writer, value as u32),
            4 => fdwire_write_u64(writer, value),
            5 => fdwire_write_f64(writer, f64::from_bits(value)),
            6 => fdwire_write_varint(writer, value),
            7 => fdwire_write_decimal(writer, value),
            _ => fdwire_write_bytes(writer, bytes.as_ptr().cast(), bytes.len()),
        }
    }
}
