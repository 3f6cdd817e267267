//! Streams in memory that move as few bytes at a time as they like: what connections over functions talk over.

use crate::c::Format;
use crate::conn::{Conn, Slice};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::{c_int, c_void};
use std::rc::Rc;

/// So many bytes wait in one direction at most.
const ROOM: usize = 4000;

/// One direction.
#[derive(Default)]
struct Tube {
    bytes: VecDeque<u8>,
    ended: bool,
}

/// One end, which the functions are given as their context.
pub(super) struct Line {
    input: Rc<RefCell<Tube>>,
    output: Rc<RefCell<Tube>>,
    dice: Cell<u32>,
}

impl Line {
    pub(super) fn pair(seed: u32) -> [Box<Line>; 2] {
        let [there, back] = [(); 2].map(|()| Rc::<RefCell<Tube>>::default());
        let end = |input: &Rc<_>, output: &Rc<_>, seed| {
            Box::new(Line { input: Rc::clone(input), output: Rc::clone(output), dice: Cell::new(seed) })
        };
        [end(&back, &there, 2 * seed + 1), end(&there, &back, 2 * seed + 0x1001)]
    }

    pub(super) fn connect(&self, format: &Format) -> Conn {
        // SAFETY: the functions take this line for their context, which lives in a box until the connection is gone.
        unsafe { Conn::over(read, writev, wait, (&raw const *self).cast_mut().cast(), format) }
    }

    /// Puts what there is room for behind what waits.
    pub(super) fn write(&self, bytes: &[u8]) -> usize {
        let mut output = self.output.borrow_mut();
        let len = bytes.len().min(ROOM - output.bytes.len());
        output.bytes.extend(&bytes[..len]);
        len
    }

    /// The peer reads the end behind what waits.
    pub(super) fn end(&self) {
        self.output.borrow_mut().ended = true;
    }

    /// How many of so many bytes move now: often all, at times a few, or none.
    fn now(&self, most: usize) -> usize {
        let mut dice = self.dice.get();
        dice ^= dice << 13;
        dice ^= dice >> 17;
        dice ^= dice << 5;
        self.dice.set(dice);
        match dice >> 8 & 7 {
            0 => 0,
            1 => most.min(1),
            2 | 3 => most.min(1 + (dice >> 16) as usize % 16),
            _ => most,
        }
    }

    fn read(&self, buf: &mut [u8]) -> i64 {
        let mut input = self.input.borrow_mut();
        let len = self.now(buf.len().min(input.bytes.len()));
        match len {
            0 if input.ended && input.bytes.is_empty() => 0,
            0 => EAGAIN,
            _ => {
                buf.iter_mut().zip(input.bytes.drain(..len)).for_each(|(to, byte)| *to = byte);
                len as i64
            }
        }
    }

    fn writev<'s>(&self, slices: impl Iterator<Item = &'s [u8]>) -> i64 {
        let mut left = self.now(ROOM);
        let mut written = 0;
        for slice in slices {
            let len = self.write(&slice[..slice.len().min(left)]);
            written += len;
            left -= len;
            if len < slice.len() {
                break;
            }
        }
        if written == 0 { EAGAIN } else { written as i64 }
    }
}

const EAGAIN: i64 = -(libc::EAGAIN as i64);

unsafe extern "C" fn read(line: *mut c_void, buf: *mut c_void, len: usize) -> i64 {
    assert!(!buf.is_null() && len > 0);
    // SAFETY: the context is a line; the bytes may be written, and are initialized first.
    unsafe {
        buf.cast::<u8>().write_bytes(0, len);
        (*line.cast::<Line>()).read(std::slice::from_raw_parts_mut(buf.cast(), len))
    }
}

unsafe extern "C" fn writev(line: *mut c_void, slices: *const Slice, count: usize) -> i64 {
    // SAFETY: the context is a line; the slices may be read, and what they refer to.
    unsafe {
        let slices = std::slice::from_raw_parts(slices, count);
        assert!(slices.iter().any(|slice| slice.len > 0), "nothing to write");
        let slices = slices.iter().filter(|slice| slice.len > 0);
        (*line.cast::<Line>()).writev(slices.map(|slice| std::slice::from_raw_parts(slice.base, slice.len)))
    }
}

/// What moves at all, moves when it is asked often enough.
unsafe extern "C" fn wait(_: *mut c_void, events: c_int, _: c_int) -> c_int {
    assert!(events != 0 && events & !c_int::from(libc::POLLIN | libc::POLLOUT) == 0);
    0
}
