//! What fdwire promises, held against whatever a fuzzer comes up with.
//!
//! Each target is a function of an input's bytes that panics where a promise is broken: [`format`], [`decode`],
//! [`roundtrip`], [`connection`], [`calls`], [`cursor`]. `fuzz/run.sh` runs them under libFuzzer and AddressSanitizer,
//! `tests/seeds.rs` over the seeds alone. All read the same kind of [`Input`], and share a [`mutator`](mutate) that knows
//! what a format's text looks like.

pub mod c;
pub mod calls;
pub mod conn;
pub mod connection;
pub mod cursor;
pub mod decode;
pub mod format;
pub mod grammar;
pub mod input;
pub mod model;
pub mod mutate;
pub mod roundtrip;

mod fds;
mod stream;

pub use input::Input;

/// A libFuzzer target that runs a check of this crate.
#[macro_export]
macro_rules! target {
    ($check:path) => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            $crate::mutate::mutate(data, size, max_size, seed, libfuzzer_sys::fuzzer_mutate)
        });
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $check(bytes));
    };
}
