//! The places of a byte among others, found in blocks: many messages end in one, and none of them has to be found before the
//! next is looked for.

/// Bytes in a block: as many as a word has bits.
const BLOCK: usize = 64;

/// Blocks that are looked at together.
const BLOCKS: usize = 2;

/// So far the byte is looked for in blocks.
const NEAR: usize = 384;

/// A bit for each byte of a block, the lowest for the first: set where the byte is.
type Hits = u64;

/// Where a byte is, the first place first.
#[derive(Debug)]
pub(super) struct Places<'b> {
    byte: u8,
    bytes: &'b [u8],
    /// What was not told yet of a block, and where that begins.
    hits: Hits,
    block: usize,
    /// What there is in the block behind it.
    later: Hits,
    /// Where those begin that were not looked at.
    from: usize,
    /// Whether the one before was far off.
    far: bool,
}

impl<'b> Places<'b> {
    #[inline(always)]
    pub(super) fn new(byte: u8, bytes: &'b [u8]) -> Places<'b> {
        Places { byte, bytes, hits: 0, block: 0, later: 0, from: 0, far: false }
    }

    /// Looks at the next blocks, until some have it. A place farther off, or behind the last whole blocks, it tells: that is looked
    /// for in the way that is fastest over long distances.
    #[inline(always)]
    fn look_on(&mut self) -> Option<Option<usize>> {
        let from = self.from;
        while !self.far
            && self.from - from < NEAR
            && let Some(blocks) = self.bytes.get(self.from..)?.first_chunk()
        {
            (self.hits, self.later) = look(blocks, self.byte);
            self.block = self.from;
            self.from += BLOCKS * BLOCK;
            if self.hits | self.later != 0 {
                return Some(None);
            }
        }
        let distance = memchr::memchr(self.byte, self.bytes.get(self.from..)?)?;
        let place = self.from + distance;
        (self.from, self.far) = (place + 1, distance >= NEAR);
        Some(Some(place))
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.hits == 0 {
            if self.later != 0 {
                (self.hits, self.later, self.block) = (self.later, 0, self.block.wrapping_add(BLOCK));
            } else if let Some(place) = self.look_on()? {
                return Some(place);
            }
        }
        let place = self.block.wrapping_add(self.hits.trailing_zeros() as usize);
        self.hits &= self.hits.wrapping_sub(1);
        Some(place)
    }
}

/// Where the byte is. A function of its own: the registers are needed.
#[inline(never)]
fn look(bytes: &[u8; BLOCKS * BLOCK], byte: u8) -> (Hits, Hits) {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let halves: [[u64; 2]; BLOCKS] = std::array::from_fn(|at| columns(&blocks[at], byte));
    let [first, second] = transposed(std::array::from_fn(|at| halves[at][0] | halves[at][1]));
    (first, second)
}

/// The byte at `8 * i + k` sets bit `i` of byte `k` where it is this one; those of even rows in one half, of odd rows in the other.
/// That needs nothing but comparing and joining, which processors do with many bytes at once; but it leaves what is to be rows of
/// bits in columns.
#[inline(always)]
fn columns(block: &[u8; BLOCK], byte: u8) -> [u64; 2] {
    let mark = |at: usize| if block[at] == byte { 1 << (at / 8) } else { 0 };
    let joined: [u8; 16] = std::array::from_fn(|k| mark(k) | mark(k + 16) | mark(k + 32) | mark(k + 48));
    [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|k| joined[at + k])))
}

/// Columns of 8 bits as rows.
#[inline(always)]
fn transposed(bits: [u64; BLOCKS]) -> [Hits; BLOCKS] {
    let bits = swapped(bits, 7, 0x00aa_00aa_00aa_00aa); // in squares of 2 by 2
    let bits = swapped(bits, 14, 0x0000_cccc_0000_cccc); // of 4 by 4
    swapped(bits, 28, 0x0000_0000_f0f0_f0f0)
}

/// Swaps bits that are so far apart.
#[inline(always)]
fn swapped(bits: [u64; BLOCKS], apart: u32, which: u64) -> [u64; BLOCKS] {
    let differ: [u64; BLOCKS] = std::array::from_fn(|at| (bits[at] ^ (bits[at] >> apart)) & which);
    std::array::from_fn(|at| bits[at] ^ differ[at] ^ (differ[at] << apart))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_become_columns() {
        for at in 0..64 {
            assert_eq!(transposed([1 << at, !0]), [1 << (at % 8 * 8 + at / 8), !0]);
        }
    }

    proptest! {
        #[test]
        fn every_place_is_told(
            bytes in prop::collection::vec(0..4u8, 0..200),
            far in 0..4 * NEAR,
            behind in prop::collection::vec(0..8u8, 0..200),
            byte in 0..4u8,
        ) {
            let bytes = [bytes, vec![9; far], behind].concat();
            let places: Vec<usize> = Places::new(byte, &bytes).collect();
            let plain: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == byte).collect();
            prop_assert_eq!(places, plain);
        }
    }
}
