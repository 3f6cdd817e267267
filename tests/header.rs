//! The header is what the source gives. Whether the libraries export what it declares is tested in `abi`.

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
