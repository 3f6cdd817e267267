//! Mutations that know what an input is. Without them nearly every input would stop at the parser, or at the first frame.

use crate::Input;
use crate::grammar::Text;
use arbitrary::{Arbitrary, Unstructured};
use fdwire::codec::encode;
use fdwire::format::Format;

/// Random bytes that one mutation may use up.
const DICE: usize = 256;

/// Another input, made from the first `size` bytes of `data`, at the start of `data`; says how long it is. Every other one is
/// made by `plain`, libFuzzer's own mutator.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    plain: impl Fn(&mut [u8], usize, usize) -> usize,
) -> usize {
    let dice = dice(seed);
    let mutated = knowing(&Input::read(&data[..size]), &mut Unstructured::new(&dice));
    match mutated.ok().flatten().filter(|input| input.len() <= max_size.min(data.len())) {
        Some(input) => {
            data[..input.len()].copy_from_slice(&input);
            input.len()
        }
        None => plain(data, size, max_size),
    }
}

/// `None` where another hand is to do it.
fn knowing(input: &Input<'_>, dice: &mut Unstructured<'_>) -> arbitrary::Result<Option<Vec<u8>>> {
    Ok(match dice.int_in_range(0..=11)? {
        0 => Some(Input { text: Text::arbitrary(dice)?.to_string().as_bytes(), ..*input }.write()),
        1 => Some(wrapped(input, &Text::arbitrary(dice)?)),
        2..=3 => with_frame(input, dice.arbitrary()?, dice.bytes(16)?),
        4 => Some(Input { aside: dice.arbitrary()?, ..*input }.write()),
        5 => Some(Input { aside: &input.bytes[..input.bytes.len().min(dice.int_in_range(0..=24)?)], ..*input }.write()),
        _ => None,
    })
}

/// The format as one case of a select, another as the rest.
fn wrapped(input: &Input<'_>, other: &Text) -> Vec<u8> {
    let (first, text) = (input.bytes.first().unwrap_or(&0), input.text);
    let text = [format!("select u8 {{ {first}: ").as_bytes(), text, format!("; else: {other} }}").as_bytes()].concat();
    Input { text: &text, ..*input }.write()
}

/// A whole frame behind the bytes or, to see what the damage does, before them.
fn with_frame(input: &Input<'_>, behind: bool, body: &[u8]) -> Option<Vec<u8>> {
    let format = Format::parse(input.text).ok()?;
    // Most formats have a body of some length; those of fixed size just one.
    (0..=body.len()).rev().find_map(|len| {
        let (mut before, mut bytes) = (Vec::new(), input.bytes.to_vec());
        encode(&format, None, &body[..len], if behind { &mut bytes } else { &mut before }).ok()?;
        Some(Input { bytes: &[before, bytes].concat(), ..*input }.write())
    })
}

/// Marsaglia's xorshift: libFuzzer gives a seed, and the same seed is to give the same mutation.
fn dice(seed: u32) -> [u8; DICE] {
    let mut state = u64::from(seed) << 1 | 1;
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}
