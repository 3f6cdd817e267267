//! `fixed`: every frame has the same size and is all body.

use super::frame::{Frame, Limit, Probe};
use super::settings::Settings;
use crate::Error;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fixed {
    pub(super) size: u64,
}

impl Fixed {
    pub(super) fn parse(text: &[u8]) -> Result<Fixed, Error> {
        let settings = Settings::new(text, &["size", "max"], "no such key here; fixed takes size and max")?;
        let Some((size, word)) = settings.size("size")? else {
            return settings.refuse(None, "fixed needs a size, like fixed size=128");
        };
        if size == 0 {
            return word.refuse("a frame has at least one byte");
        }
        // Whoever writes the size has set the limit; max is there to be held against it.
        let (Limit::Body(max) | Limit::Frame(max)) = settings.limit()?;
        match settings.value("max") {
            Some(_) if size > max => word.refuse("the size is over the max"),
            _ => Ok(Fixed { size }),
        }
    }

    pub(super) fn probe(&self) -> Probe {
        Probe::Frame(Frame { head: 0, body: self.size, tail: 0 })
    }

    pub(super) fn check(&self, body: u64) -> Result<(), Error> {
        match body {
            _ if body > self.size => Err(Error::TooLong { len: body, max: self.size }),
            _ if body < self.size => Err(Error::Malformed("the body is shorter than the fixed size")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fixed size={}", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    #[test]
    fn the_frame_is_known_before_its_first_byte() {
        let format = Format::parse("fixed size=3").unwrap();
        let frame = Probe::Frame(Frame { head: 0, body: 3, tail: 0 });
        assert_eq!(format.probe(b""), Ok(frame));
        assert_eq!(format.probe(b"abcdef"), Ok(frame));
    }

    #[test]
    fn a_body_of_another_size_is_refused() {
        let format = Format::parse("fixed size=3").unwrap();
        assert_eq!(format.write_head(None, 3, &mut []), Ok(0));
        assert!(matches!(format.head_len(2), Err(Error::Malformed(_))));
        assert_eq!(format.head_len(4), Err(Error::TooLong { len: 4, max: 3 }));
    }

    #[test]
    fn contradictions_are_refused_at_their_column() {
        let cases = [
            ("fixed", 1),
            ("  fixed max=4", 3),
            ("fixed size=0", 12),
            ("fixed size=", 12),
            ("fixed size=8 max=4", 12),
            ("fixed size=8 max=frame:7", 12),
            ("fixed size=8 max=frame:x", 24),
            ("fixed size=8 at=1", 14),
            ("fixed size=8 size=8", 14),
            ("fixed 8", 7),
        ];
        for (text, column) in cases {
            match Format::parse(text) {
                Err(Error::Format { column: at, .. }) => assert_eq!(at, column, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in ["fixed size=8 max=8", "fixed max=frame:8 size=8", "fixed size=1G", "fixed size=0xffffffffffffffff"]
        {
            assert!(Format::parse(text).is_ok(), "{text}");
        }
    }
}
