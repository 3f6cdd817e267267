//! What the built libraries are like, by nm(1) and readelf(1).

use crate::trials::output;
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The oldest glibc that has all that a library needs which was built on Debian 12.
pub(crate) const GLIBC: (u32, u32) = (2, 34);

pub(crate) fn exports_only(library: &Path, declared: &BTreeSet<String>) -> Result<(), Failed> {
    let symbols = output(Command::new("nm").args(["-D", "--defined-only"]).arg(library))?;
    let exported: BTreeSet<String> =
        symbols.lines().filter_map(|line| Some(line.split_whitespace().nth(2)?.into())).collect();
    same(&exported, declared)?;
    crate::trials::figure(
        "abi.symbols",
        exported.len(),
        "symbols that the shared library exports, all declared in the header",
    );
    Ok(())
}

/// In a static library names meet those of the program that it is linked with: beside fdwire's there may be only those that no
/// program has, mangled by Rust or kept for the compiler by C's rules.
pub(crate) fn has_no_strange_names(library: &Path, declared: &BTreeSet<String>) -> Result<(), Failed> {
    let symbols = output(Command::new("nm").args(["-g", "--defined-only", "--format=posix", "--quiet"]).arg(library))?;
    let names = symbols.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (name, kind) = (fields.next()?, fields.next()?);
        let reserved =
            ["__", "_ZN", "_R", "rust_eh_personality", "DW.ref."].iter().any(|start| name.starts_with(start));
        (kind.len() == 1 && !reserved).then(|| String::from(name))
    });
    same(&names.collect(), declared)
}

fn same(found: &BTreeSet<String>, declared: &BTreeSet<String>) -> Result<(), Failed> {
    if found == declared {
        return Ok(());
    }
    let [strange, missing] = [found - declared, declared - found].map(|names| names.into_iter().collect::<Vec<_>>());
    Err(format!("defined, not declared: {strange:?}; declared, not defined: {missing:?}").into())
}

/// What the linker has to have done.
pub(crate) fn is_hardened(library: &Path) -> Result<(), Failed> {
    let dynamic = output(Command::new("readelf").args(["-dW"]).arg(library))?;
    let segments = output(Command::new("readelf").args(["-lW"]).arg(library))?;
    let segments: Vec<(&str, String)> = segments.lines().filter_map(segment).collect();
    let flags = |kind: &str| segments.iter().find(|(found, _)| *found == kind).map(|(_, flags)| flags.as_str());
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    must(flags("GNU_RELRO").is_some(), "no RELRO");
    must(dynamic.contains("BIND_NOW"), "symbols are bound late (no BIND_NOW), so that RELRO is not full");
    must(flags("GNU_STACK") == Some("RW"), "the stack is executable, or nothing says that it is not");
    must(
        !segments.iter().any(|(_, flags)| flags.contains('W') && flags.contains('E')),
        "a segment is writable and executable",
    );
    must(!dynamic.contains("TEXTREL"), "relocations in the text");
    must(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH"), "a path of its own to look for libraries");
    must(dynamic.contains(concat!("soname: [", env!("FDWIRE_SONAME"), "]")), "not its SONAME");
    must(flags("LOAD").is_some(), "readelf told of no segment");
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Kind and flags of a line that tells of a segment: kind, offset, two addresses, two sizes, flags, alignment.
fn segment(line: &str) -> Option<(&str, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields[..] {
        [kind, offset, _, _, _, _, ref flags @ .., _] if offset.starts_with("0x") => Some((kind, flags.concat())),
        _ => None,
    }
}

/// Every object says that its stack need not be executable: one that does not makes the whole program's executable.
pub(crate) fn has_no_executable_stack(library: &Path) -> Result<(), Failed> {
    let sections = output(Command::new("readelf").args(["-SW"]).arg(library))?;
    let objects = sections.lines().filter(|line| line.starts_with("File: ")).count();
    let notes = sections.lines().filter(|line| line.contains(".note.GNU-stack"));
    let executable = notes.clone().filter(|line| line.split_whitespace().any(|field| field == "X")).count();
    match notes.count() {
        n if n == objects && n > 0 && executable == 0 => Ok(()),
        n => {
            Err(format!("{objects} objects: {n} with a note about the stack, {executable} with an executable one")
                .into())
        }
    }
}

/// The newest version of glibc that it needs a symbol of. Weak ones it can do without.
pub(crate) fn works_with_glibc(library: &Path) -> Result<(), Failed> {
    let symbols = output(Command::new("nm").args(["-D", "--undefined-only"]).arg(library))?;
    let needed = symbols.lines().filter_map(|line| {
        let (name, version) = line.trim().strip_prefix("U ")?.split_once("@GLIBC_")?;
        let (major, rest) = version.split_once('.')?;
        let minor = rest.split('.').next()?;
        Some(((major.parse().ok()?, minor.parse().ok()?), name))
    });
    let needed: Vec<((u32, u32), &str)> = needed.collect();
    let (newest, _) = *needed.iter().max().ok_or("no symbol of glibc was found")?;
    if newest > GLIBC {
        let newer: Vec<_> = needed.iter().filter(|(version, _)| *version > GLIBC).collect();
        return Err(format!("needs more than glibc {}.{}: {newer:?}", GLIBC.0, GLIBC.1).into());
    }
    crate::trials::figure(
        "abi.glibc",
        format_args!("{}.{}", newest.0, newest.1),
        "the oldest glibc that has all symbols it needs, built here",
    );
    Ok(())
}
