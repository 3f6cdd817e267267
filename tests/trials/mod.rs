//! What the tests share that bring a harness of their own: tests that are skipped by name where a tool is lacking, or that fail
//! then with `FDWIRE_NO_SKIP` set, as in CI.

#![allow(dead_code)] // each test wants other things

pub(crate) mod golden;
pub(crate) mod libraries;
pub(crate) mod memcheck;
pub(crate) mod pages;

use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub(crate) const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

pub(crate) fn in_root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

/// The programs of `tests/c`, by name.
pub(crate) fn c_programs() -> Vec<String> {
    let files = std::fs::read_dir(in_root("tests/c")).unwrap().map(|entry| entry.unwrap().path());
    let programs = files.filter(|path| path.extension().is_some_and(|ext| ext == "c"));
    let mut names: Vec<String> = programs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.len() > 5, "the C tests are missing");
    names
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
        None => Trial::test(name.clone(), move || timed(&name, body)),
        Some(what) if std::env::var_os("FDWIRE_NO_SKIP").is_some() && !may_be_lacking(&what) => {
            Trial::test(name, move || Err(format!("not to be had here: {what}").into()))
        }
        Some(what) => {
            let what = what.lines().next().unwrap_or_default().to_owned();
            Trial::test(format!("{name} (skipped: no {what})"), body).with_ignored_flag(true)
        }
    }
}

/// What takes longest, every fault of a sweep, takes some ten minutes.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Runs a test, which is not to hang, and appends how many seconds it took to the file that `FDWIRE_TIMES` names, if it does.
fn timed(name: &str, body: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
    let began = Instant::now();
    let (running, ended) = channel::<()>();
    let overdue = format!("{name}: no end within {} s", LIMIT.as_secs());
    thread::spawn(move || {
        if ended.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{overdue}");
            std::process::exit(1);
        }
    });
    let result = body();
    drop(running);
    append("FDWIRE_TIMES", format_args!("{:.1}\t{name}\n", began.elapsed().as_secs_f64()));
    result
}

/// A test that the short form leaves out by name.
pub(crate) fn left_out(name: String) -> Trial {
    Trial::test(format!("{name} (left to FDWIRE_CHECKERS=all)"), || Ok(())).with_ignored_flag(true)
}

/// Whether all is to be run that the checkers can do, however long it takes.
pub(crate) fn all() -> bool {
    std::env::var("FDWIRE_CHECKERS").is_ok_and(|what| what == "all")
}

/// Appends a figure to the file that `FDWIRE_FIGURES` names, if it does.
pub(crate) fn figure(key: &str, value: impl Display, what: &str) {
    append("FDWIRE_FIGURES", format_args!("{key}\t{value}\t{what}\n"));
}

fn append(variable: &str, line: impl Display) {
    let Some(path) = std::env::var_os(variable) else { return };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(line.to_string().as_bytes()))
        .unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

/// The same of what was counted, unless a filter left it out.
pub(crate) fn figure_of_some(key: &str, count: usize, what: &str) {
    if count > 0 {
        figure(key, count, what);
    }
}

/// What even CI may do without: names in `FDWIRE_MAY_SKIP`, with commas between.
fn may_be_lacking(what: &str) -> bool {
    let named = std::env::var("FDWIRE_MAY_SKIP").unwrap_or_default();
    named.split(',').any(|name| !name.is_empty() && what.contains(name))
}

/// Runs a command that has to succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    output(command).map(drop)
}

/// The same; gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String, Failed> {
    Ok(outputs(command)?.0)
}

/// The same, and what it said on stderr.
pub(crate) fn outputs(command: &mut Command) -> Result<(String, String), Failed> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    match output.status.success() {
        true => Ok((out, err)),
        false => Err(format!("{command:?}: {}\n{out}{err}", output.status).into()),
    }
}

/// A program that has nothing to see without the shim of its name.
pub(crate) fn needs_its_shim(program: &str) -> bool {
    program == "conn_ktls"
}

/// The shared library of the release build, with its SONAME and the static one beside it, or why there is none.
pub(crate) static RELEASE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    eprintln!("building the release library");
    let target = in_root("target");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--lib", "--target-dir"]).arg(&target).current_dir(ROOT);
    // Code for this very processor, or with checks of its own, has other counts.
    build.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut build).map_err(|failed| failed.message().unwrap_or("cargo failed").to_owned())?;
    let library = target.join("release/libfdwire.so");
    match symlink("libfdwire.so", library.with_file_name(env!("FDWIRE_SONAME"))) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.to_string()),
        _ => Ok(library),
    }
});

/// Whether a compiler takes an option, and can link with it; asked once.
pub(crate) fn knows(compiler: &str, option: &str) -> bool {
    static KNOWN: Mutex<BTreeMap<String, bool>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    *known.entry(format!("{compiler} {option}")).or_insert_with(|| links(compiler, option))
}

fn links(compiler: &str, option: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut command = Command::new(compiler);
    command.arg(option).args(["-x", if compiler.ends_with("++") { "c++" } else { "c" }]).arg(&source);
    command.arg("-o").arg(folder.path().join("empty")).output().is_ok_and(|output| output.status.success())
}
