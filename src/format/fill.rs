//! The head of a frame that goes out: the length of its body, filled into a head that the sender gave or into the format's own.

use super::ber;
use super::field::{FIELD_MAX, Field, Reading};
use super::frame::Payload;
use super::layout::NOT_IN_UNITS;
use super::prefixed::Prefixed;
use crate::Error;
use std::ops::Range;

impl Prefixed {
    #[inline(never)]
    pub(super) fn write_slowly(&self, given: Option<&[u8]>, body: Payload<'_>, out: &mut [u8]) -> Result<usize, Error> {
        let (mut short, mut long) = ([0; FIELD_MAX], Vec::new());
        let template = match given {
            Some(head) => head,
            None => self.default_head(&mut short, &mut long)?,
        };
        let (field, said) = self.field_of(template, given.is_some())?;
        self.layout.check_magic(template)?;
        if let (Some(head), Some(value)) = (given, said) {
            let frame = self.layout.frame(value, field.len(), head);
            if frame.is_ok_and(|frame| frame.body == body.len && self.layout.limit.admit(frame).is_ok()) {
                return copy_to(head, out); // says it already, perhaps in a way of its own
            }
        }
        let old = match &template[field.clone()] {
            nothing if given.is_none() && nothing.iter().all(|byte| *byte == 0) => &[],
            old => old,
        };
        let (value, width) = self.value_and_width(body.len, template, old)?;
        let len = field.start + width + self.layout.after;
        let head = out.get_mut(..len).ok_or(Error::NoRoom { needed: len as u64 })?;
        let (before, rest) = head.split_at_mut(field.start);
        let (number, after) = rest.split_at_mut(width);
        before.copy_from_slice(&template[..field.start]);
        self.field.write(value, old, number);
        after.copy_from_slice(&template[field.end..]);
        Ok(len)
    }

    /// The head of a sender who says nothing, in one of these.
    fn default_head<'r>(&self, short: &'r mut [u8], long: &'r mut Vec<u8>) -> Result<&'r [u8], Error> {
        let len = self.least_head();
        let room = if len <= short.len() {
            &mut short[..len]
        } else {
            crate::memory::reserve(long, len)?;
            long.resize(len, 0);
            &mut long[..]
        };
        self.layout.write_default(room);
        if let Field::Ber(_) = self.field {
            ber::write_default(&mut room[self.layout.at]);
        }
        Ok(room)
    }

    /// Where the length field lies in a head that is to be filled in, and what it says there.
    fn field_of(&self, head: &[u8], given: bool) -> Result<(Range<usize>, Option<i128>), Error> {
        const ANOTHER: Error = Error::Malformed("the given head has another length");
        let (at, after) = (self.layout.at, self.layout.after);
        let reading = self.field.read(head.get(at..).ok_or(ANOTHER)?);
        let (width, value) = match reading {
            Ok(Reading::Number(value, width)) => (width, Some(value)),
            _ if self.field.has_one_width() || !given => (self.field.least_width(), None),
            _ => return Err(Error::Malformed("the given head has no length field to fill in")),
        };
        if given && head.len() != at + width + after {
            return Err(ANOTHER);
        }
        let width = if given { width } else { self.field.least_width() };
        Ok((at..at + width, value.filter(|_| given)))
    }

    /// What the length field says of this body, and how wide it is then.
    fn value_and_width(&self, body: u64, template: &[u8], old: &[u8]) -> Result<(u64, usize), Error> {
        let mut width = self.field.least_width();
        loop {
            let value = match self.layout.value(body, width, template) {
                // A wider field may be counted, too, and make up a whole unit.
                Err(NOT_IN_UNITS) if !self.field.has_one_width() && width < FIELD_MAX => {
                    width += 1;
                    continue;
                }
                value => value?,
            };
            match self.field.width_of(value, old) {
                Some(needed) if needed < width => return Err(NOT_IN_UNITS), // only the shortest form is sent
                Some(needed) if needed == width => {
                    self.layout.limit.admit(self.layout.frame(i128::from(value), width, template)?)?;
                    return Ok((value, width));
                }
                Some(needed) => width = needed,
                None => return Err(self.cannot_say(body, value, width, template)),
            }
        }
    }

    fn cannot_say(&self, body: u64, value: u64, width: usize, template: &[u8]) -> Error {
        match &self.field {
            Field::Fixed(fixed) if value < fixed.size => Error::Malformed("the body is shorter than the fixed size"),
            Field::Length(number) if value <= number.largest() => {
                Error::Malformed("the bits of the length field cannot say this length")
            }
            field => match self.layout.frame(i128::from(field.largest()), width, template) {
                Ok(largest) => Error::TooLong { len: body, max: largest.body.min(self.layout.limit.body) },
                Err(error) => error,
            },
        }
    }
}

fn copy_to(head: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    let out = out.get_mut(..head.len()).ok_or(Error::NoRoom { needed: head.len() as u64 })?;
    out.copy_from_slice(head);
    Ok(head.len())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Format, Frame, HEAD_MAX, Probe};
    use super::*;

    /// The head for a body of so many bytes.
    pub(in crate::format) fn head(format: &Format, given: Option<&[u8]>, body: u64) -> Result<Vec<u8>, Error> {
        let mut out = vec![0xff; HEAD_MAX];
        let len = format.write_head(given, Payload::of_len(body), &mut out)?;
        out.truncate(len);
        Ok(out)
    }

    pub(in crate::format) fn head_len(format: &Format, body: u64) -> Result<usize, Error> {
        head(format, None, body).map(|head| head.len())
    }

    #[test]
    fn a_length_that_the_field_cannot_say_is_refused() {
        let format = Format::parse("u16be").unwrap();
        assert_eq!(head_len(&format, 65535), Ok(2));
        assert_eq!(head_len(&format, 70000), Err(Error::TooLong { len: 70000, max: 65535 }));
        let format = Format::parse("u8 counts=frame").unwrap();
        assert_eq!(head_len(&format, 254), Ok(1));
        assert_eq!(head_len(&format, 255), Err(Error::TooLong { len: 255, max: 254 }));
        let format = Format::parse("u8 adjust=4").unwrap();
        assert_eq!(head_len(&format, 4), Ok(1));
        assert!(matches!(head_len(&format, 3), Err(Error::Malformed(_))));
    }

    #[test]
    fn a_given_head_keeps_its_other_bytes() {
        let format = Format::parse("u16le at=1 head=5 counts=body").unwrap();
        assert_eq!(head(&format, Some(&[1, 2, 3, 4, 5]), 0x1234).unwrap(), [1, 0x34, 0x12, 4, 5]);
        assert_eq!(head(&format, None, 7).unwrap(), [0, 7, 0, 0, 0]);
        assert!(matches!(head(&format, Some(&[1]), 7), Err(Error::Malformed(_))));
        let mut small = [0; 4];
        let written = format.write_head(None, Payload::of_len(7), &mut small);
        assert_eq!(written, Err(Error::NoRoom { needed: 5 }));
        let format = Format::parse("u32be mask=0x7fffffff init='\\x80'").unwrap();
        assert_eq!(head(&format, None, 7).unwrap(), [0x80, 0, 0, 7]);
        assert_eq!(head(&format, Some(&[0; 4]), 7).unwrap(), [0, 0, 0, 7]);
    }

    #[test]
    fn what_is_shifted_out_is_none_of_the_length() {
        let format = Format::parse("u16be shift=4 init='\\x0f'@1").unwrap();
        assert_eq!(format, Format::parse("u16be mask=0xffff shift=4 init='\\x0f'@1").unwrap());
        assert_eq!(head(&format, Some(b"\x00\x5f"), 6).unwrap(), b"\x00\x6f");
        assert_eq!(head(&format, None, 6).unwrap(), b"\x00\x6f");
        let signed = Format::parse("i16be shift=4 bodiless=-1").unwrap();
        assert_eq!(signed.probe(b"\xff\xff"), Ok(Probe::Frame(Frame { head: 2, body: 0, tail: 0 })));
        assert!(matches!(signed.probe(b"\xff\xe0"), Err(Error::Malformed(_))));
        assert!(matches!(head(&signed, Some(b"\xff\xf3"), 5), Ok(head) if head == b"\x00\x53"));
    }

    #[test]
    fn a_given_head_that_varies_in_width_is_filled_in() {
        let mqtt = Format::parse("varint at=1 digits=4").unwrap();
        assert_eq!(head(&mqtt, Some(&[0x30, 0]), 300).unwrap(), [0x30, 0xac, 2]);
        assert_eq!(head(&mqtt, Some(&[0x30, 0xac, 2]), 3).unwrap(), [0x30, 3]);
        assert!(matches!(head(&mqtt, Some(&[0x30]), 3), Err(Error::Malformed(_))));
        let ldap = Format::parse("ber").unwrap();
        assert_eq!(head(&ldap, None, 200).unwrap(), [0x30, 0x81, 200]);
        assert_eq!(head(&ldap, Some(&[0x1f, 0x81, 1, 0]), 200).unwrap(), [0x1f, 0x81, 1, 0x81, 200]);
        // What says the length already, in a form of its own, stays as it is.
        assert_eq!(head(&ldap, Some(&[0x30, 0x84, 0, 0, 0, 5]), 5).unwrap(), [0x30, 0x84, 0, 0, 0, 5]);
        assert_eq!(head(&ldap, Some(&[0x30, 0x84, 0, 0, 0, 5]), 6).unwrap(), [0x30, 6]);
    }
}
