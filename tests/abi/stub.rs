//! A library with the functions that a header declares, and nothing in them: what abidiff(1) compares are the types that C sees.

use crate::header::{declarations, enumeration, function, numbers};
use crate::trials::{output, run};
use libtest_mimic::Failed;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The header of the last release, without comments: what programs were built with.
const RELEASED: &str = "tests/abi/released.h";

/// Builds the library, in a folder, under a name.
fn build(header: &str, folder: &Path, name: &str) -> Result<PathBuf, Failed> {
    let (source, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
    let mut code = String::from("#include <stddef.h>\n#include <stdint.h>\n");
    for declaration in declarations(header) {
        match function(&declaration) {
            Some(_) => writeln!(code, "{declaration} {{ __builtin_trap(); }}")?,
            None => writeln!(code, "{declaration};")?,
        }
        // No function takes an enum, and macros are gone after the preprocessor: variables stand for them.
        if let Some(name) = enumeration(&declaration) {
            writeln!(code, "enum {name} values_of_{name};")?;
        }
    }
    for (name, value) in numbers(header) {
        writeln!(code, "char value_of_{name}[{value}];")?;
    }
    std::fs::write(&source, code)?;
    run(Command::new("gcc").args(["-std=c11", "-g", "-shared", "-fPIC", "-w"]).arg(&source).arg("-o").arg(&library))?;
    Ok(library)
}

/// Programs built with the released header run with the library of today: nothing was taken away or changed. What is new may
/// be added to the released header, at a release, with `FDWIRE_RENEW`.
pub(crate) fn is_compatible(header: &str) -> Result<(), Failed> {
    let path = crate::trials::in_root(RELEASED);
    let renew = std::env::var_os("FDWIRE_RENEW").is_some();
    if renew && !path.exists() {
        return Ok(std::fs::write(path, kept(header))?);
    }
    let released = std::fs::read_to_string(&path)?;
    let folder = tempfile::tempdir()?;
    let (old, new) = (build(&released, folder.path(), "released")?, build(header, folder.path(), "today")?);
    output(Command::new("abidiff").arg("--no-added-syms").args([&old, &new]))?;
    // What is the same to a linker need not be to a compiler: a const, for one.
    let today = declarations(header);
    let gone = |declaration: &String| function(declaration).is_some() && !today.contains(declaration);
    if let Some(declaration) = declarations(&released).into_iter().find(gone) {
        return Err(format!("no longer declared so: {declaration}").into());
    }
    if renew {
        std::fs::write(path, kept(header))?;
    } else if kept(header) != released {
        eprintln!(
            "the header declares more than {RELEASED}; to be renewed at a release: FDWIRE_RENEW=1 cargo test --test abi"
        );
    }
    Ok(())
}

/// What is kept of a header.
fn kept(header: &str) -> String {
    let macros = numbers(header).into_iter().map(|(name, value)| format!("#define {name} {value}\n"));
    macros.chain(declarations(header).into_iter().map(|declaration| format!("{declaration};\n"))).collect()
}

/// That abidiff sees what it has to: each of these is a header that breaks programs.
pub(crate) fn breaks_are_seen(header: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let whole = kept(header);
    let today = build(&whole, folder.path(), "today")?;
    for (what, old, new) in [
        ("a function that is gone", "int fdwire_close(int fd);\n", ""),
        ("another type of a parameter", "int fdwire_close(int fd)", "int fdwire_close(int64_t fd)"),
        ("another type of what is returned", "int fdwire_close(int fd)", "int64_t fdwire_close(int fd)"),
        ("one parameter more", "int fdwire_close(int fd)", "int fdwire_close(int fd, int timeout_ms)"),
        ("another value of a constant", "FDWIRE_E_MALFORMED = -5002", "FDWIRE_E_MALFORMED = -5012"),
        ("another value of a macro", "FDWIRE_ADDRESS_MAX 128", "FDWIRE_ADDRESS_MAX 64"),
        (
            "another type of a function that is called back",
            "(*fdwire_wait_fn)(void *ctx, int events",
            "(*fdwire_wait_fn)(void *ctx, size_t events",
        ),
        (
            "fields in another order",
            "const void *base; size_t len; } fdwire_slice",
            "size_t len; const void *base; } fdwire_slice",
        ),
    ] {
        let changed = whole.replacen(old, new, 1);
        if changed == whole {
            return Err(format!("{what}: there is no \"{old}\" in the header").into());
        }
        let broken = build(&changed, folder.path(), "broken")?;
        let seen = Command::new("abidiff").arg("--no-added-syms").args([&today, &broken]).output()?;
        if seen.status.success() {
            return Err(format!("{what}: abidiff sees nothing").into());
        }
    }
    Ok(())
}
