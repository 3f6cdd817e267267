//! Makes the manual pages of the C header, in the build's own folder, and names the shared library.
//!
//! The header is the committed one. The feature `header` says whether it is what the source gives, and with `FDWIRE_RENEW` set
//! writes it anew; nothing else needs cbindgen.

#[path = "build/declared.rs"]
mod declared;
#[cfg(feature = "header")]
#[path = "build/header.rs"]
mod header;
#[path = "build/man.rs"]
mod man;

use std::path::Path;
use std::{env, fs, io};

const HEADER: &str = "include/fdwire.h";

/// The files of `src/ffi` whose functions are exported, in the order in which to read about them.
const CHAPTERS: [&str; 14] = [
    "errors",
    "format",
    "message",
    "decoder",
    "connection",
    "options",
    "receive",
    "transmit",
    "packed",
    "address",
    "exact",
    "end",
    "byte_order",
    "cursor",
];

/// Counts changes that break programs linked before; has nothing to do with the version.
const SONAME: &str = "libfdwire.so.0";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={HEADER}");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    }
    println!("cargo::rustc-env=FDWIRE_SONAME={SONAME}");
    #[cfg(feature = "header")]
    hold();
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    write_pages(&Path::new(&out).join("man")).expect("the header can be read and the build's folder be written");
}

/// Holds the committed header to the source.
#[cfg(feature = "header")]
fn hold() {
    println!("cargo::rerun-if-changed=src/ffi");
    println!("cargo::rerun-if-env-changed=FDWIRE_RENEW");
    let header = header::header(&CHAPTERS);
    if env::var_os("FDWIRE_RENEW").is_some() {
        fs::write(HEADER, &header).expect("the header can be written");
    }
    if fs::read_to_string(HEADER).unwrap_or_default() != header {
        println!(
            "cargo::error={HEADER} is not what src/ffi gives; renew it with: FDWIRE_RENEW=1 cargo check --features header"
        );
    }
}

fn write_pages(pages: &Path) -> io::Result<()> {
    let header = fs::read_to_string(HEADER)?;
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets the version");
    if pages.exists() {
        fs::remove_dir_all(pages)?;
    }
    fs::create_dir(pages)?;
    man::pages(&header, &CHAPTERS, &version).iter().try_for_each(|(name, page)| fs::write(pages.join(name), page))
}
