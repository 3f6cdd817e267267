//! The header is what the source gives, and says what the libraries export, no more and no less.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/fdwire.h"));
const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/fdwire.h");

#[test]
fn the_committed_header_is_what_the_source_gives() {
    if std::env::var_os("FDWIRE_RENEW").is_some() {
        std::fs::write(HEADER, GENERATED).unwrap();
    }
    let committed = std::fs::read_to_string(HEADER).unwrap_or_default();
    assert!(
        committed == GENERATED,
        "include/fdwire.h is not what src/ffi gives; renew it with: FDWIRE_RENEW=1 cargo test --test header"
    );
}

#[test]
fn every_line_fits_in_a_hundred_columns() {
    for (i, line) in GENERATED.lines().enumerate() {
        assert!(line.chars().count() <= 100, "line {}: {line}", i + 1);
    }
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let code = GENERATED.lines().filter(|line| !line.trim_start().starts_with(['*', '/', '#']));
    let names = code.filter_map(|line| line.split_once('(')).filter_map(|(before, _)| before.rsplit([' ', '*']).next());
    names.filter(|name| name.starts_with("fdwire_")).map(String::from).collect()
}

/// The symbols that a library defines for others, by nm(1).
fn exported(library: &Path, options: &[&str]) -> BTreeSet<String> {
    let output = Command::new("nm").args(options).arg(library).output().expect("nm comes with the compiler");
    assert!(output.status.success(), "nm {}: {}", library.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().nth(2)).map(String::from).collect()
}

fn library(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

#[test]
fn the_shared_library_exports_what_is_declared_and_nothing_else() {
    let declared = declared();
    assert!(declared.len() > 70 && declared.contains("fdwire_recv"), "{declared:?}");
    assert_eq!(exported(&library("libfdwire.so"), &["-D", "--defined-only"]), declared);
}

#[test]
fn the_static_library_has_what_is_declared() {
    let ours: BTreeSet<String> = exported(&library("libfdwire.a"), &["-g", "--defined-only"])
        .into_iter()
        .filter(|name| name.starts_with("fdwire"))
        .collect();
    assert_eq!(ours, declared());
}

#[test]
fn the_shared_library_has_its_soname() {
    let output =
        Command::new("readelf").arg("-d").arg(library("libfdwire.so")).output().expect("readelf comes with nm");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(concat!("[", env!("FDWIRE_SONAME"), "]")), "{text}");
}
