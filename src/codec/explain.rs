//! Where and why a stream broke, for people; and the usual mistakes.

use crate::Error;
use crate::format::{Format, LengthField};
use std::fmt::{self, Display, Formatter};

/// Most bytes that are shown.
const SHOWN: usize = 16;

pub(super) struct Explanation<'d> {
    pub(super) format: &'d Format,
    /// Which message of the stream, from 1.
    pub(super) message: u64,
    /// Where it begins in the stream.
    pub(super) offset: u64,
    /// Its bytes, as far as they are there.
    pub(super) bytes: &'d [u8],
    /// So many before these are gone already.
    pub(super) gone: u64,
    pub(super) error: Option<Error>,
    pub(super) needed: usize,
}

impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "message {} at stream offset {}: ", self.message, self.offset)?;
        match self.error {
            None if self.came() == 0 => write!(f, "nothing of it has come"),
            None if self.needed == 0 => write!(f, "it has come"),
            None => write!(f, "{} of it came, and it has at least {} more", Bytes(self.came()), self.needed),
            Some(Error::Truncated) => {
                write!(f, "the stream ended inside it, behind {}", Bytes(self.came()))?;
                if self.gone > 0 { Ok(()) } else { self.shown(f) }
            }
            Some(error @ (Error::Os(_) | Error::Broken | Error::NoMemory)) => {
                write!(f, "receiving failed behind {} of it: {error}", Bytes(self.came()))
            }
            Some(error) => {
                self.why(error, f)?;
                self.mistake(f)
            }
        }
    }
}

impl Explanation<'_> {
    fn why(&self, error: Error, f: &mut Formatter<'_>) -> fmt::Result {
        match (error, self.length()) {
            (Error::TooLong { max, .. }, Some(length)) => {
                self.says(&length, f)?;
                self.makes(&length, f)?;
                write!(f, ", over the limit of {max}")
            }
            (Error::TooLong { max, .. }, None) => {
                write!(f, "it does not end within the limit of {max} bytes")?;
                self.shown(f)
            }
            (Error::Malformed(why), Some(length)) => {
                write!(f, "{why}; ")?;
                self.says(&length, f)?;
                self.shown(f)
            }
            (Error::Malformed(why), None) => {
                write!(f, "{why}")?;
                self.shown(f)
            }
            (error, _) => write!(f, "{error}"),
        }
    }

    fn says(&self, length: &LengthField, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "the length field {} says {}", Hex(&self.bytes[length.place.clone()]), length.value)
    }

    /// What is compared with the limit, where that is another number than the field's.
    fn makes(&self, length: &LengthField, f: &mut Formatter<'_>) -> fmt::Result {
        match length.over {
            _ if length.value > i128::from(u64::MAX) => Ok(()),
            Some(len) if i128::from(len) == length.value => Ok(()),
            Some(u64::MAX) => write!(f, ", which makes at least {}", Bytes(u64::MAX)),
            Some(len) => write!(f, ", which makes {}", Bytes(len)),
            None => Ok(()),
        }
    }

    fn came(&self) -> u64 {
        self.gone + self.bytes.len() as u64
    }

    fn length(&self) -> Option<LengthField> {
        if self.gone > 0 {
            return None; // its head is not among the bytes
        }
        self.format.locate_length(self.bytes)
    }

    fn shown(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.bytes {
            [] => Ok(()),
            bytes if bytes.len() <= SHOWN => write!(f, "; it is {}", Hex(bytes)),
            bytes => write!(f, "; it begins with {}", Hex(&bytes[..SHOWN])),
        }
    }

    /// What the peer may be doing instead.
    fn mistake(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let length = self.length();
        let protocol = PROTOCOLS.iter().find(|(beginnings, _)| beginnings.iter().any(|b| self.bytes.starts_with(b)));
        // What stands where the length should is the text that puzzles people.
        let field = length.as_ref().map(|length| length.place.clone()).filter(|place| place.start == 0);
        let puzzling = field.map_or(self.bytes, |place| &self.bytes[place]);
        let text = text(if puzzling.len() < 4 { self.bytes } else { puzzling });
        match (protocol, text) {
            (Some((_, name)), Some(text)) => {
                return write!(f, "; these bytes are the text '{}': is the peer speaking {name}?", text.escape_ascii());
            }
            (Some((_, name)), None) => return write!(f, "; is the peer speaking {name}?"),
            (None, Some(text)) if !self.format.is_text() => {
                return write!(f, "; these bytes are the text '{}': is the peer sending text?", text.escape_ascii());
            }
            (None, _) => {}
        }
        match length.and_then(|length| self.format.length_in_other_order(self.bytes, &length)) {
            Some(other) => {
                write!(f, "; in the other byte order it would be {other}: is the peer's order the other one?")
            }
            None => Ok(()),
        }
    }
}

/// How streams begin that end up at the wrong port.
const PROTOCOLS: &[(&[&[u8]], &str)] = &[
    (&[b"PRI * HTTP/2"], "HTTP/2"),
    (
        &[b"GET ", b"POST ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ", b"CONNECT ", b"TRACE ", b"HTTP/"],
        "HTTP",
    ),
    (&[b"\x16\x03\x00", b"\x16\x03\x01", b"\x16\x03\x02", b"\x16\x03\x03", b"\x15\x03"], "TLS"),
    (&[b"SSH-"], "SSH"),
    (&[b"220 ", b"220-", b"EHLO ", b"HELO "], "SMTP or FTP"),
    (&[b"* OK "], "IMAP"),
    (&[b"+OK "], "POP3"),
    (&[b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"], "the PROXY protocol before its own"),
    (&[b"AMQP\0"], "AMQP"),
    (&[b"RFB 00"], "VNC"),
    (&[b"*1\r\n$", b"*2\r\n$", b"*3\r\n$", b"-ERR "], "Redis"),
    (&[b"\0\0\0\x08\x04\xd2\x16\x2f"], "PostgreSQL, and asking for TLS"),
    (&[b"\x1f\x8b"], "through gzip"),
];

/// The text that bytes begin with, if it is enough to be one.
fn text(bytes: &[u8]) -> Option<&[u8]> {
    let is_text = |b: &u8| b.is_ascii_graphic() || matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let len = bytes.iter().take(SHOWN).take_while(|b| is_text(b)).count();
    (len >= 4).then(|| &bytes[..len])
}

/// How many bytes.
struct Bytes(u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// Bytes as people write them.
struct Hex<'b>(&'b [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::*;

    /// Why a stream that begins like this broke.
    fn why(text: &str, stream: &[u8]) -> String {
        let format = Format::parse(text).unwrap();
        let mut decoder = Decoder::new(&format);
        decoder.feed(stream).unwrap();
        assert!(decoder.next_message().is_err(), "{text}");
        decoder.explain().to_string().replace("message 1 at stream offset 0: ", "")
    }

    #[test]
    fn a_length_is_compared_with_the_limit_by_what_it_makes() {
        for (text, stream, expected) in [
            ("u8 max=6", &b"\x07"[..], "07 says 7, over the limit of 6"),
            ("u8 at=3 max=frame:10", b"\0\0\0\x07", "07 says 7, which makes 11 bytes, over the limit of 10"),
            ("u8 unit=4 max=10", b"\x03", "03 says 3, which makes 12 bytes, over the limit of 10"),
            ("u8 adjust=8 max=10", b"\x07", "07 says 7, which makes 15 bytes, over the limit of 10"),
            ("u8 plus=u8@1 head=2 max=10", b"\x03\x14", "03 says 3, which makes 22 bytes, over the limit of 10"),
            ("decimal until=':' max=10", b"123:", "31 32 33 3a says 123, over the limit of 10"),
            ("decimal digits=20 max=10", b"99999999999999999999", "says 99999999999999999999, over the limit of 10"),
            (
                "u64be unit=16 max=0x7fffffffffffffff",
                b"\x7f\xff\xff\xff\xff\xff\xff\xff",
                "7f ff ff ff ff ff ff ff says 9223372036854775807, which makes at least 18446744073709551615 bytes, \
                 over the limit of 9223372036854775807",
            ),
        ] {
            let why = why(text, stream);
            assert!(why.starts_with("the length field ") && why.ends_with(expected), "{text}: {why}");
        }
    }

    #[test]
    fn a_length_that_is_no_number_is_not_said_to_be_one() {
        assert_eq!(why("ber", b"\x30\x80"), "the length is indefinite; it is 30 80");
        assert_eq!(
            why("ber bodiless=indefinite max=frame:3", b"\x1f\x81\x01\x80"),
            "it does not end within the limit of 3 bytes; it is 1f 81 01 80"
        );
        assert_eq!(
            why("i16be shift=4 bodiless=-1", b"\xff\xe0"),
            "the length is negative; the length field ff e0 says -2; it is ff e0"
        );
    }
}
