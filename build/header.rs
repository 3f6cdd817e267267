//! The C header, made from the source: it opens with the comment of `src/ffi/mod.rs` and has a chapter for each file of that
//! folder. A chapter's heading is the file's comment, the declarations under it are cbindgen's.

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};
use std::fmt::Write;
use std::{env, fs};

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

/// `chapters` are the names of the files, in the order of the header.
pub(crate) fn header(chapters: &[&str]) -> String {
    let opening = fs::read_to_string("src/ffi/mod.rs").expect("src/ffi/mod.rs can be read");
    let mut header = comment(&module_comment(&opening));
    header.push_str(BEGIN);
    for chapter in chapters {
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
