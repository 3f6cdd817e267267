//! A frame without frills, as most formats have it: a binary length that counts bytes, and nothing else to look at.

use super::frame::Limit;
use super::layout::Layout;
use super::length::Length;
use super::quick::{HeadLength, Quick, QuickHead, QuickLength, QuickU32be, U32beAt};

/// Worked out once, so that a message costs a few instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) number: Length,
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) head: usize,
    /// How many bytes more than the body the field says.
    beyond_body: i64,
    /// The longest body that the limit allows and the field can say: what is over it is refused in one comparison.
    pub(super) max_body: u64,
}

impl Plain {
    /// A 4-byte big-endian length of what follows.
    pub(super) const DEFAULT: Plain =
        Plain { number: Length::DEFAULT, at: 0, end: 4, head: 4, beyond_body: 0, max_body: Limit::DEFAULT.body };

    pub(super) fn new(number: Length, layout: &Layout) -> Plain {
        let end = layout.at + number.width();
        let head = end + layout.after;
        let beyond_body = layout.after as i64 - layout.not_counted(number.width()) as i64;
        let longest = number.largest().saturating_add_signed(-beyond_body);
        let max_body = longest.min(layout.limit.body_beside(head, 0));
        Plain { number, at: layout.at, end, head, beyond_body, max_body }
    }

    pub(super) fn quick(&self) -> Option<Quick> {
        Some(match (self.number.is_u32be(), self.at, self.head, self.beyond_body) {
            (true, 0, 4, 0) => Quick::U32be(QuickU32be { max_body: self.max_body }),
            (true, at, ..) => Quick::U32beAt(self.quick_length(U32beAt(at))?),
            (false, at, ..) => Quick::Length(self.quick_length(self.number.wide(at))?),
        })
    }

    fn quick_length<N>(&self, number: N) -> Option<QuickLength<N>> {
        let least_body = self.beyond_body.min(0).unsigned_abs();
        let most_body = self.max_body.min(i64::MAX as u64); // there is no memory for more
        Some(QuickLength {
            number,
            least: self.beyond_body.max(0).unsigned_abs(),
            span: most_body.checked_sub(least_body)?,
            beside: (self.head as u64).wrapping_add_signed(-self.beyond_body),
            head: self.head,
        })
    }

    pub(super) fn quick_head(&self) -> Option<QuickHead> {
        let (order, shift) = self.number.place(self.at)?;
        let least = self.beyond_body.min(0).unsigned_abs();
        let span = self.max_body.checked_sub(least)?;
        let beyond = self.beyond_body as u64;
        let length = HeadLength::Number { beyond, order, shift, len: self.head };
        (self.head <= 8 && self.number.says_all()).then_some(QuickHead { least, span, length })
    }

    /// The body of a frame whose length field says `value`; `None` where something is wrong with it.
    #[inline(always)]
    pub(super) fn body(&self, value: u64) -> Option<u64> {
        value.checked_add_signed(-self.beyond_body).filter(|body| *body <= self.max_body)
    }

    /// What the length field says of a body: the inverse of [`Plain::body`].
    #[inline(always)]
    pub(super) fn value(&self, body: u64) -> Option<u64> {
        body.checked_add_signed(self.beyond_body).filter(|value| self.number.can_say(*value))
    }
}
