//! What the tests share that bring a harness of their own: tests that are skipped by name where a tool is lacking, or that fail
//! then with `FDWIRE_NO_SKIP` set, as in CI.

use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub(crate) const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

pub(crate) fn in_root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

/// The name of a program that is not to be had here.
pub(crate) fn lack(program: &str, probe: &str) -> Option<String> {
    match Command::new(program).arg(probe).output() {
        Ok(output) if output.status.success() => None,
        _ => Some(program.to_owned()),
    }
}

/// A test, or, where something is lacking, one that is skipped by its name, or that fails where nothing may be skipped.
pub(crate) fn test(
    name: String,
    lack: Option<String>,
    body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match lack {
        None => Trial::test(name, body),
        Some(what) if std::env::var_os("FDWIRE_NO_SKIP").is_some() && !may_be_lacking(&what) => {
            Trial::test(name, move || Err(format!("not to be had here: {what}").into()))
        }
        Some(what) => {
            let what = what.lines().next().unwrap_or_default().to_owned();
            Trial::test(format!("{name} (skipped: no {what})"), body).with_ignored_flag(true)
        }
    }
}

/// What even CI may do without, by the name in `FDWIRE_MAY_SKIP`.
fn may_be_lacking(what: &str) -> bool {
    std::env::var("FDWIRE_MAY_SKIP").is_ok_and(|named| !named.is_empty() && what.contains(&named))
}

/// Notes down a figure of a gate, `KEY`, value and what it counts, in the file that `FDWIRE_FIGURES` names, if any.
#[allow(dead_code)] // not all tests have any
pub(crate) fn figure(key: &str, value: impl std::fmt::Display, counts: &str) -> Result<(), Failed> {
    let Some(path) = std::env::var_os("FDWIRE_FIGURES") else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    // In one piece: gates run side by side.
    Ok(std::io::Write::write_all(&mut file, format!("{key}\t{value}\t{counts}\n").as_bytes())?)
}

/// Runs a command that has to succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    output(command).map(drop)
}

/// The same; gives what it printed.
#[allow(dead_code)] // not all tests ask
pub(crate) fn output(command: &mut Command) -> Result<String, Failed> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let out = String::from_utf8_lossy(&output.stdout);
    match output.status.success() {
        true => Ok(out.into_owned()),
        false => {
            Err(format!("{command:?}: {}\n{out}{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
        }
    }
}
