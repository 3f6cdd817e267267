//! The header is what the source gives. Whether the libraries export what it declares is tested in `abi`.

use std::process::Command;

/// The feature `header` compares, and with `FDWIRE_RENEW` set renews.
#[test]
fn the_committed_header_is_what_the_source_gives() {
    let check = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--locked", "--lib", "--features", "header"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

#[test]
fn every_line_fits_in_a_hundred_columns() {
    for (i, line) in include_str!("../include/fdwire.h").lines().enumerate() {
        assert!(line.chars().count() <= 100, "line {}: {line}", i + 1);
    }
}
