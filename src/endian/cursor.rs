//! Cursors: records read and written field by field, with bounds, in one byte order.
//!
//! The first step that fails is remembered and every later one does nothing, so one check at the end is enough.

use super::{Order, Varint, get_decimal, get_uint, get_varint, put_decimal, put_uint, put_varint};

/// Why a cursor stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A step would have gone past the end of the buffer.
    PastEnd,
    /// The bytes are not a number of the kind that was asked for, or one that does not fit.
    Malformed,
}

/// Reads a record from a buffer.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    order: Order,
    fault: Option<Fault>,
}

impl<'a> Reader<'a> {
    /// A reader at `pos` in `bytes`, whose numbers have this order.
    pub fn new(bytes: &'a [u8], pos: usize, order: Order) -> Self {
        let fault = (pos > bytes.len()).then_some(Fault::PastEnd);
        Reader { bytes, pos, order, fault }
    }

    /// How far it came, in bytes.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Why it stopped, if it did.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The next `len` bytes; none after a fault.
    pub fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        match self.rest().get(..len) {
            Some(bytes) if self.fault.is_none() => {
                self.pos += len;
                Some(bytes)
            }
            _ => {
                self.fail(Fault::PastEnd);
                None
            }
        }
    }

    /// The next unsigned integer of `width` bytes, 1 to 8; 0 after a fault.
    pub fn uint(&mut self, width: usize) -> u64 {
        let order = self.order;
        self.bytes(width).map_or(0, |bytes| get_uint(bytes, order))
    }

    /// The next base-128 integer (LEB128); 0 after a fault.
    pub fn varint(&mut self) -> u64 {
        if self.fault.is_some() {
            return 0;
        }
        match get_varint(self.rest()) {
            Varint::Value(value, len) => {
                self.pos += len;
                value
            }
            Varint::NeedMore => self.fail(Fault::PastEnd),
            Varint::Malformed => self.fail(Fault::Malformed),
        }
    }

    /// The decimal digits up to the first other byte or the end; 0 after a fault.
    pub fn decimal(&mut self) -> u64 {
        if self.fault.is_some() {
            return 0;
        }
        match get_decimal(self.rest()) {
            Some((value, len)) => {
                self.pos += len;
                value
            }
            None if self.rest().is_empty() => self.fail(Fault::PastEnd),
            None => self.fail(Fault::Malformed),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    fn fail(&mut self, fault: Fault) -> u64 {
        self.fault.get_or_insert(fault);
        0
    }
}

/// Writes a record into a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut [u8],
    pos: usize,
    order: Order,
    fault: Option<Fault>,
}

impl<'a> Writer<'a> {
    /// A writer at `pos` in `bytes`, whose numbers get this order.
    pub fn new(bytes: &'a mut [u8], pos: usize, order: Order) -> Self {
        let fault = (pos > bytes.len()).then_some(Fault::PastEnd);
        Writer { bytes, pos, order, fault }
    }

    /// How many bytes were written.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// Why it stopped, if it did.
    pub fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Writes `bytes` as they are: all of them or, after a fault or without room, none.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.step(|room| {
            room.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(bytes.len())
        });
    }

    /// Writes `value` as an unsigned integer of `width` bytes, 1 to 8; one that does not fit is malformed.
    pub fn uint(&mut self, value: u64, width: usize) {
        let order = self.order;
        if width < 8 && value >> (8 * width) != 0 {
            self.fault.get_or_insert(Fault::Malformed);
        }
        self.step(|room| {
            put_uint(room.get_mut(..width)?, value, order);
            Some(width)
        });
    }

    /// Writes `value` as a base-128 integer (LEB128).
    pub fn varint(&mut self, value: u64) {
        self.step(|room| put_varint(room, value));
    }

    /// Writes `value` in decimal digits.
    pub fn decimal(&mut self, value: u64) {
        self.step(|room| put_decimal(room, value));
    }

    fn step(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        if self.fault.is_some() {
            return;
        }
        match write(&mut self.bytes[self.pos..]) {
            Some(len) => self.pos += len,
            None => self.fault = Some(Fault::PastEnd),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_round_trips_in_both_orders() {
        for order in [Order::Big, Order::Little] {
            let mut buf = [0; 64];
            let mut w = Writer::new(&mut buf, 0, order);
            w.uint(7, 1);
            w.uint(0x01_0203, 3);
            w.varint(300);
            w.bytes(b"12");
            w.decimal(345);
            w.bytes(b";");
            w.uint(u64::MAX, 8);
            assert_eq!(w.fault(), None);
            let len = w.pos();

            let mut r = Reader::new(&buf[..len], 0, order);
            assert_eq!(r.uint(1), 7);
            assert_eq!(r.uint(3), 0x01_0203);
            assert_eq!(r.varint(), 300);
            assert_eq!(r.decimal(), 12345);
            assert_eq!(r.bytes(1), Some(&b";"[..]));
            assert_eq!(r.uint(8), u64::MAX);
            assert_eq!((r.fault(), r.pos()), (None, len));
        }
    }

    #[test]
    fn the_first_fault_stays_and_later_steps_do_nothing() {
        let mut r = Reader::new(&[1, 2, 3], 0, Order::Big);
        assert_eq!((r.uint(2), r.uint(2), r.uint(1)), (0x0102, 0, 0));
        assert_eq!((r.fault(), r.pos()), (Some(Fault::PastEnd), 2));
        assert_eq!((r.varint(), r.decimal(), r.bytes(0)), (0, 0, None));

        let mut buf = [0; 3];
        let mut w = Writer::new(&mut buf, 0, Order::Big);
        w.uint(0x0102, 2);
        w.uint(0x0304, 2);
        w.uint(5, 1);
        assert_eq!((w.fault(), w.pos()), (Some(Fault::PastEnd), 2));
        assert_eq!(buf, [1, 2, 0]);
    }

    #[test]
    fn what_is_not_such_a_number_is_malformed() {
        let mut r = Reader::new(b"x", 0, Order::Big);
        assert_eq!((r.decimal(), r.fault()), (0, Some(Fault::Malformed)));
        let mut r = Reader::new(&[0x80, 0], 0, Order::Big);
        assert_eq!((r.varint(), r.fault()), (0, Some(Fault::Malformed)));
        let mut w = [0; 4];
        let mut w = Writer::new(&mut w, 0, Order::Big);
        w.uint(1 << 24, 3);
        assert_eq!((w.pos(), w.fault()), (0, Some(Fault::Malformed)));
    }

    #[test]
    fn lengths_and_positions_beyond_the_buffer_are_harmless() {
        let mut r = Reader::new(&[1], 0, Order::Big);
        assert_eq!((r.bytes(usize::MAX), r.fault()), (None, Some(Fault::PastEnd)));
        let mut r = Reader::new(&[1], 9, Order::Big);
        assert_eq!((r.uint(1), r.varint(), r.decimal(), r.fault()), (0, 0, 0, Some(Fault::PastEnd)));
        let mut buf = [0];
        let mut w = Writer::new(&mut buf, 9, Order::Big);
        w.uint(1, 1);
        assert_eq!(w.fault(), Some(Fault::PastEnd));
    }
}
