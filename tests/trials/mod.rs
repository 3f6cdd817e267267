//! What the tests share that bring a harness of their own: tests that are skipped by name where a tool is lacking, or that fail
//! then with `FDWIRE_NO_SKIP` set, as in CI.

#[allow(dead_code)] // not all tests ask
pub(crate) mod libraries;

use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");
#[allow(dead_code)] // not all tests ask
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

/// The shared library of the release build, with the static one beside it, or why there is none.
#[allow(dead_code)] // not all tests ask
pub(crate) static RELEASE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    eprintln!("building the release library");
    let target = in_root("target");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--lib", "--target-dir"]).arg(&target).current_dir(ROOT);
    // Code for this very processor, or with checks of its own, has other counts.
    build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut build).map_err(|failed| failed.message().unwrap_or("cargo failed").to_owned())?;
    Ok(target.join("release/libfdwire.so"))
});

/// Whether a compiler takes an option, and can link with it.
#[allow(dead_code)] // not all tests ask
pub(crate) fn knows(compiler: &str, option: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut command = Command::new(compiler);
    command.arg(option).args(["-x", if compiler.ends_with("++") { "c++" } else { "c" }]).arg(&source);
    command.arg("-o").arg(folder.path().join("empty")).output().is_ok_and(|output| output.status.success())
}
