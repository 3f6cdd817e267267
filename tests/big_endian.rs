//! A machine of the other byte order, in emulation: the Rust tests and the C programs, built for s390x, and the bytes that
//! they put on the wire there.
//!
//! What this needs (`rustup target add s390x-unknown-linux-gnu`; on Debian gcc-s390x-linux-gnu, libc6-dev-s390x-cross and
//! qemu-user) and is lacking is named, and skips the tests; with `FDWIRE_NO_SKIP` set, as in CI, they fail instead. All
//! programs run with `FDWIRE_CHECKERS=all`, else those that have to do with the order of bytes.

mod trials;

use libtest_mimic::{Arguments, Failed};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use trials::{
    ROOT, WARNINGS, all, c_programs, figure_of_some, golden, in_root, lack, left_out, needs_its_shim, output, test,
};

const TARGET: &str = "s390x-unknown-linux-gnu";
const GCC: &str = "s390x-linux-gnu-gcc";
const EMULATOR: &str = "qemu-s390x";
const LIBRARIES: &str = "/usr/s390x-linux-gnu";

/// The Rust tests that run without the host's tools.
const RUST: [&str; 3] = ["kinds", "presets", "vectors"];

/// Unit tests, in the long form: in short, Miri has those that look at bytes, on a big-endian machine as well.
const UNITS: &str = "lib";

/// What takes half a minute in emulation.
const SLOW: &str = "every_vector_decodes_however_it_is_cut";

/// C programs of the short form.
const SHORT: [&str; 9] =
    ["byte_order", "conn_packed", "conn_short", "custom", "decoder", "every_kind", "exact", "formats", "golden"];

/// Tests that passed in emulation: Rust's, and C programs.
static PASSED: AtomicUsize = AtomicUsize::new(0);

fn main() {
    let arguments = Arguments::from_args();
    let out = Arc::new(tempfile::tempdir().expect("a folder for what is built"));
    let lacking = lacking();
    let mut tests = Vec::new();
    for name in RUST {
        tests.push(test(format!("rust: {name}"), lacking.clone(), move || rust(name, &["--skip", SLOW])));
    }
    let units = format!("rust: {UNITS}");
    tests.push(if all() { test(units, lacking.clone(), || rust(UNITS, &[])) } else { left_out(units) });
    let slow = format!("rust: {SLOW}");
    tests.push(if all() { test(slow, lacking.clone(), || rust("vectors", &[SLOW])) } else { left_out(slow) });
    for program in c_programs().into_iter().filter(|program| !needs_its_shim(program)) {
        let (out, name) = (out.clone(), format!("c: {program}"));
        tests.push(match all() || SHORT.contains(&program.as_str()) {
            true => test(name, lacking.clone(), move || c(&program, &out)),
            false => left_out(name),
        });
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    drop(out);
    figure_of_some(
        "bigendian.tests",
        PASSED.load(Ordering::Relaxed),
        "Rust tests and C programs on a big-endian machine",
    );
    conclusion.exit();
}

/// What is not to be had here.
fn lacking() -> Option<String> {
    let libraries = Command::new("rustc").args(["--target", TARGET, "--print", "target-libdir"]).output();
    let folder = libraries.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let std = (!folder.is_ok_and(|folder| folder.exists())).then(|| format!("Rust's library for {TARGET}"));
    std.or_else(|| lack(GCC, "--version")).or_else(|| lack(EMULATOR, "--version"))
}

/// A Rust test, with arguments for its harness.
fn rust(name: &str, arguments: &[&str]) -> Result<(), Failed> {
    let tests = &BUILT.as_ref().map_err(|why| Failed::from(why.clone()))?.tests;
    let (_, program) = tests.iter().find(|(test, _)| test == name).ok_or("cargo did not build it")?;
    let mut program = emulated(program);
    if !all() {
        program.env("PROPTEST_CASES", "50");
    }
    let printed = output(program.args(arguments))?;
    let passed = printed.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ... ok")).count();
    PASSED.fetch_add(passed, Ordering::Relaxed);
    if passed > 0 { Ok(()) } else { Err(format!("no test ran:\n{printed}").into()) }
}

fn c(program: &str, out: &tempfile::TempDir) -> Result<(), Failed> {
    let library = &BUILT.as_ref().map_err(|why| Failed::from(why.clone()))?.library;
    let built = out.path().join(program);
    let mut gcc = Command::new(GCC);
    gcc.args(["-std=c11", "-g"]).args(WARNINGS).arg("-I").arg(in_root("include"));
    gcc.arg(in_root(&format!("tests/c/{program}.c"))).arg(library).args(["-lpthread", "-ldl", "-lm"]);
    output(gcc.arg("-o").arg(&built))?;
    let printed = output(emulated(&built).env("FDWIRE_TEST_EMULATED", "1"))?;
    if program == "golden" {
        golden::compare(&printed, "big-endian")?;
    }
    PASSED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn emulated(program: &PathBuf) -> Command {
    let mut command = Command::new(EMULATOR);
    // What a program counts, it counts on this machine.
    command.env_remove("FDWIRE_FIGURES");
    command.args(["-L", LIBRARIES]).arg(program).current_dir(ROOT);
    command
}

/// What cargo has built for that machine.
struct Built {
    library: PathBuf,
    tests: Vec<(String, PathBuf)>,
}

static BUILT: LazyLock<Result<Built, String>> = LazyLock::new(|| {
    eprintln!("building for {TARGET}");
    let cargo = Command::new(env!("CARGO"))
        .args(["test", "--locked", "--no-run", "--message-format=json-render-diagnostics", "--target", TARGET])
        .args(RUST.iter().flat_map(|name| ["--test", name]))
        .args(all().then_some("--lib"))
        .arg("--target-dir")
        .arg(in_root("target"))
        .current_dir(ROOT)
        .env("CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER", GCC)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !cargo.status.success() {
        return Err(String::from_utf8_lossy(&cargo.stderr).into_owned());
    }
    built(&String::from_utf8_lossy(&cargo.stdout))
});

/// What cargo's messages say that it has built.
fn built(messages: &str) -> Result<Built, String> {
    let mut built = Built { library: PathBuf::new(), tests: Vec::new() };
    for message in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(message).map_err(|error| error.to_string())?;
        if message["target"]["name"].is_null()
            || !message["manifest_path"].as_str().is_some_and(|path| path.starts_with(ROOT))
        {
            continue;
        }
        let files = message["filenames"].as_array().into_iter().flatten().filter_map(|file| file.as_str());
        if let Some(library) = files.into_iter().find(|file| file.ends_with("libfdwire.a")) {
            built.library = library.into();
        }
        if let (Some(name), Some(program)) = (message["target"]["name"].as_str(), message["executable"].as_str()) {
            let name = if name == "fdwire" { "lib" } else { name };
            built.tests.push((name.into(), program.into()));
        }
    }
    if built.library.exists() { Ok(built) } else { Err("cargo built no libfdwire.a".into()) }
}
