//! Writes the C header and the manual pages to the build's own folder, and names the shared library.
//!
//! The header opens with the comment of `src/ffi/mod.rs` and has a chapter for each file of that folder: its heading is the
//! file's comment, the declarations under it are cbindgen's. A test compares it with `include/fdwire.h` and renews that.

#[path = "build/declared.rs"]
mod declared;
#[path = "build/man.rs"]
mod man;

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

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

const BEGIN: &str = "
#ifndef FDWIRE_H
#define FDWIRE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif
";

const END: &str = "
#ifdef __cplusplus
} /* extern \"C\" */
#endif

#endif /* FDWIRE_H */
";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/ffi");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    }
    println!("cargo::rustc-env=FDWIRE_SONAME={SONAME}");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    write(Path::new(&out)).expect("the build's folder can be written");
}

fn write(out: &Path) -> std::io::Result<()> {
    let header = header();
    fs::write(out.join("fdwire.h"), &header)?;
    let pages = out.join("man");
    if pages.exists() {
        fs::remove_dir_all(&pages)?;
    }
    fs::create_dir(&pages)?;
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets the version");
    man::pages(&header, &CHAPTERS, &version).iter().try_for_each(|(name, page)| fs::write(pages.join(name), page))
}

fn header() -> String {
    let opening = fs::read_to_string("src/ffi/mod.rs").expect("src/ffi/mod.rs can be read");
    let mut header = comment(&module_comment(&opening));
    header.push_str(BEGIN);
    for chapter in CHAPTERS {
        let path = format!("src/ffi/{chapter}.rs");
        let source = fs::read_to_string(&path).expect("each chapter is a file");
        header.push('\n');
        header.push_str(&comment(&heading(&module_comment(&source))));
        header.push('\n');
        header.push_str(&macros(chapter));
        header.push_str(declarations(&path, &source).trim());
        header.push('\n');
    }
    header.push_str(END);
    header
}

/// The lines of a file's `//!` comment.
fn module_comment(source: &str) -> Vec<String> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned()).collect()
}

/// A chapter's first line, set off.
fn heading(lines: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    lines[0] = format!("---- {} {}", lines[0], "-".repeat(88 - lines[0].len()));
    lines
}

fn comment(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!(" * {line}").trim_end().to_owned()).collect();
    let end = if lines.len() == 1 { " */" } else { "\n */" };
    format!("/*{}{end}\n", &lines.join("\n")[2..])
}

/// What cbindgen has no way to say: constants as the preprocessor wants them.
fn macros(chapter: &str) -> String {
    let version = |part: &str| env::var(format!("CARGO_PKG_VERSION{part}")).expect("cargo sets the version");
    match chapter {
        "errors" => format!(
            "/** The version of this header, which is also that of the library that it came with. */\n\
             #define FDWIRE_VERSION \"{}\"\n#define FDWIRE_VERSION_MAJOR {}\n#define FDWIRE_VERSION_MINOR {}\n\
             #define FDWIRE_VERSION_PATCH {}\n\n",
            version(""),
            version("_MAJOR"),
            version("_MINOR"),
            version("_PATCH")
        ),
        "address" => {
            "/** Room enough for any address as text, its NUL included. */\n#define FDWIRE_ADDRESS_MAX 128\n\n".into()
        }
        _ => String::new(),
    }
}

/// What cbindgen makes of a chapter, with the types called by the names that programs use, and short comments kept short.
fn declarations(path: &str, source: &str) -> String {
    let mut config = Config {
        language: Language::C,
        style: Style::Both,
        documentation_style: DocumentationStyle::Doxy,
        no_includes: true,
        usize_is_size_t: true,
        tab_width: 2,
        line_length: 100,
        ..Config::default()
    };
    // No function takes an enum, so that none is found by itself.
    let enums = source.lines().filter_map(|line| line.strip_prefix("pub enum ")?.strip_suffix(" {"));
    config.export.include = enums.map(String::from).collect();
    let bindings = Builder::new().with_config(config).with_src(path).generate();
    let mut text = Vec::new();
    bindings.expect("cbindgen can read the chapter").write(&mut text);
    let text = String::from_utf8(text).expect("cbindgen writes UTF-8");

    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = if line.starts_with("typedef") { line.into() } else { line.replace("struct fdwire_", "fdwire_") };
        match (line.trim(), lines.next_if(|next| next.trim().starts_with("* "))) {
            ("/**", Some(only)) if lines.next_if(|next| next.trim() == "*/").is_some() => {
                writeln!(out, "{} {} */", line.trim_end(), &only.trim()[2..])
            }
            (_, Some(next)) => writeln!(out, "{line}\n{next}"),
            (_, None) => writeln!(out, "{line}"),
        }
        .expect("a String takes all");
    }
    out
}
