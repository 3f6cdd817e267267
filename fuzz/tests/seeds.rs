//! The checks over the seeds: they hold without a fuzzer too, and under Miri.

use fdwire_fuzz::{Input, calls, connection, cursor, decode, format, roundtrip};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Miri takes seconds for a seed: one of so many is enough for it.
const STEP: usize = if cfg!(miri) { 15 } else { 1 };

/// The seeds of all targets: an input means something to every one.
fn seeds() -> Vec<PathBuf> {
    let list = |folder: PathBuf| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let folders = list(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds"));
    let mut seeds: Vec<_> = folders.flat_map(list).collect();
    seeds.sort();
    assert!(seeds.len() > STEP);
    seeds
}

/// Some checks count the descriptors of the process.
static ALONE: Mutex<()> = Mutex::new(());

fn each(check: impl Fn(&[u8])) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for path in seeds().iter().step_by(STEP) {
        println!("{}", path.display()); // shown where the check fails
        check(&fs::read(path).expect("a seed can be read"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "nothing unsafe in it")]
fn formats() {
    each(format::check);
}

#[test]
#[cfg_attr(miri, ignore = "system calls that Miri has not")]
fn conversations() {
    each(connection::check);
}

#[test]
#[cfg_attr(miri, ignore = "system calls that Miri has not")]
fn single_messages() {
    each(calls::check);
}

#[test]
fn records() {
    each(cursor::check);
}

#[test]
fn streams() {
    each(decode::check);
}

#[test]
fn messages() {
    each(roundtrip::check);
}

#[test]
#[cfg_attr(miri, ignore = "nothing unsafe in it")]
fn inputs_are_read_as_they_are_written() {
    each(|bytes| assert_eq!(Input::read(bytes).write(), bytes));
    for short in [&b""[..], b"u8", b"u8\0", b"u8\0\x05ab"] {
        let input = Input::read(short);
        assert_eq!(Input::read(&input.write()), input);
    }
}
