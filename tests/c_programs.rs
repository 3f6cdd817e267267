//! The C tests: every program of `tests/c`, compiled as each kind of C and C++ that there is and run plain, under sanitizers
//! and under valgrind; and from Python the first call, packed messages and the conformance vectors.
//!
//! What the machine lacks is skipped by name. With `FDWIRE_NO_SKIP` set, as in CI, it fails instead. With
//! `FDWIRE_TEST_ONLY=plain` each program is compiled by gcc alone and run plain, and in the ways of its own that take no
//! checker: what coverage is measured on.

mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use trials::{ROOT, WARNINGS, in_root, lack, run, test};

/// What a program needs besides a static libfdwire, as rustc says of it.
const NATIVE: [&str; 3] = ["-lpthread", "-ldl", "-lm"];
const SANITIZERS: &str = "-fsanitize=address,undefined";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Ways to compile: what they are called, the compiler, its options, and options of which the first that it knows is used.
type Dialect = (&'static str, &'static str, &'static [&'static str]);
const DIALECTS: [Dialect; 8] = [
    ("gcc-c99", "gcc", &["-std=c99"]),
    ("gcc-c11", "gcc", &["-std=c11"]),
    ("gcc-c23", "gcc", &["-std=c23", "-std=c2x"]),
    ("g++", "g++", &["-std=c++17"]),
    ("clang-c99", "clang", &["-std=c99"]),
    ("clang-c11", "clang", &["-std=c11"]),
    ("clang-c23", "clang", &["-std=c23", "-std=c2x"]),
    ("clang++", "clang++", &["-std=c++17"]),
];

fn main() {
    let arguments = Arguments::from_args();
    let build = Arc::new(tempfile::tempdir().expect("a folder for what is built"));
    // The shared library, where programs find it by its name and its SONAME.
    let shared = build.path().join("lib");
    std::fs::create_dir(&shared).unwrap();
    for name in ["libfdwire.so", env!("FDWIRE_SONAME")] {
        std::os::unix::fs::symlink(library("libfdwire.so"), shared.join(name)).unwrap();
    }
    let mut tests = Vec::new();
    for program in programs() {
        tests.extend(tests_of(&program, &build));
    }
    for (name, script) in [
        ("first call", "tests/ffi/python/first_call.py"),
        ("packed messages", "tests/ffi/python/packed.py"),
        ("vectors", "tests/vectors/framer.py"),
    ] {
        let (python, out) = (lack("python3", "--version"), build.clone());
        tests.push(test(format!("python: {name}"), python, move || {
            let library = out.path().join("lib/libfdwire.so");
            run(Command::new("python3").arg(in_root(script)).env("FDWIRE_LIBRARY", library))
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    drop(build);
    conclusion.exit();
}

/// A library that cargo has built for these tests.
fn library(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

fn programs() -> Vec<String> {
    let files = std::fs::read_dir(in_root("tests/c")).unwrap().map(|entry| entry.unwrap().path());
    let programs = files.filter(|path| path.extension().is_some_and(|ext| ext == "c"));
    let mut names: Vec<String> = programs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.len() > 5, "the C tests are missing");
    names
}

type Build = Arc<tempfile::TempDir>;

/// All that is done with one program.
fn tests_of(program: &str, build: &Build) -> Vec<Trial> {
    let mut tests = Vec::new();
    let plain = std::env::var("FDWIRE_TEST_ONLY").is_ok_and(|only| only == "plain");
    for dialect @ (name, compiler, _) in DIALECTS.into_iter().take(if plain { 1 } else { DIALECTS.len() }) {
        let (program, build) = (program.to_owned(), build.clone());
        tests.push(test(format!("{name}: {program}"), lack(compiler, "--version"), move || {
            let linked: Vec<String> = if compiler.starts_with("clang") { link_static() } else { link_shared(&build) };
            let program = compile(&program, dialect, &linked, &build)?;
            // Each compiler's first dialect runs against one form of the library, which is enough.
            if matches!(name, "gcc-c99" | "clang-c99" | "g++" | "clang++") {
                run(&mut Command::new(program))
            } else {
                Ok(())
            }
        }));
    }
    let make = |kind: &str, lack: Option<String>, body: fn(&str, &Build) -> Result<(), Failed>| {
        let (program, build) = (program.to_owned(), build.clone());
        test(format!("{kind}: {program}"), lack, move || body(&program, &build))
    };
    if !plain {
        tests.push(make("sanitizers", SANITIZED.as_ref().err().cloned(), under_sanitizers));
        tests.push(make("valgrind", lack("valgrind", "--version"), under_valgrind));
        if ["conn_threads", "conn_fds", "conn_packed", "conn_spin"].contains(&program) {
            tests.push(make("thread sanitizer", RACES.as_ref().err().cloned(), under_thread_sanitizer));
        }
    }
    if cfg!(all(target_os = "linux", target_env = "gnu")) && ["manners", "deadlines", "messages"].contains(&program) {
        tests.push(make("old kernel", None, on_an_old_kernel));
    }
    if program == "conn_storm" {
        tests.push(make("faults", None, with_faults));
    }
    if program == "conn_limits" && !plain {
        tests.push(make("5 GiB", None, at_full_length));
    }
    if program == "conn_ktls" {
        tests.push(make("kernel TLS", None, with_kernel_tls));
    }
    if program == "addresses" {
        tests.push(make("several addresses", None, with_a_name_of_several_addresses));
    }
    tests
}

fn under_sanitizers(program: &str, build: &Build) -> Result<(), Failed> {
    let library = SANITIZED.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mut options = vec![SANITIZERS.into(), "-fno-sanitize-recover=all".into(), library.display().to_string()];
    options.extend(NATIVE.map(String::from));
    let program = compile(program, ("sanitizers", "gcc", &["-std=c11"]), &options, build)?;
    run(&mut Command::new(program))
}

fn under_valgrind(program: &str, build: &Build) -> Result<(), Failed> {
    let program = compile(program, ("valgrind", "gcc", &["-std=c11"]), &link_static(), build)?;
    run(Command::new("valgrind")
        .args(["--quiet", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all"])
        .args(["--track-fds=yes", "--error-exitcode=99", "--fair-sched=yes"])
        .arg(program))
}

/// gcc compiles for it, but rustc's runtime is linked: gcc's has not all that rustc's code calls.
fn under_thread_sanitizer(program: &str, build: &Build) -> Result<(), Failed> {
    let [library, runtime] = RACES.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let object = build.path().join(format!("{program}-threads.o"));
    run(Command::new("gcc")
        .args(["-std=c11", "-g", "-O1", "-fsanitize=thread", "-c"])
        .args(WARNINGS)
        .arg("-I")
        .arg(in_root("include"))
        .arg(in_root(&format!("tests/c/{program}.c")))
        .arg("-o")
        .arg(&object))?;
    let out = object.with_extension("");
    run(Command::new("gcc")
        .args([&object, library])
        .arg("-Wl,--whole-archive")
        .arg(runtime)
        .args(["-Wl,--no-whole-archive", "-Wl,--export-dynamic", "-lrt"])
        .args(NATIVE)
        .arg("-o")
        .arg(&out))?;
    run(&mut Command::new(out))
}

fn on_an_old_kernel(program: &str, build: &Build) -> Result<(), Failed> {
    let shim = compile_shim("old_kernel", build)?;
    let program = compile(program, ("old-kernel", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    run(Command::new(program).env("LD_PRELOAD", shim))
}

/// Every read and write is short, interrupted or refused, in turn and at random.
fn with_faults(program: &str, build: &Build) -> Result<(), Failed> {
    let shim = compile_shim("faults", build)?;
    let program = compile(program, ("faults", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    for faults in ["short", "eintr", "again", "rand:1"] {
        let mut storm = Command::new(&program);
        run(storm.args(["7", "30"]).env("LD_PRELOAD", &shim).env("FDWIRE_TEST_FAULTS", faults))?;
    }
    Ok(())
}

/// What is cut short elsewhere, for valgrind's sake.
fn at_full_length(program: &str, build: &Build) -> Result<(), Failed> {
    let program = compile(program, ("full-length", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    run(Command::new(program).env("FDWIRE_TEST_SCALE", "80"))
}

fn with_kernel_tls(program: &str, build: &Build) -> Result<(), Failed> {
    let shim = compile_shim("ktls", build)?;
    let program = compile(program, ("ktls", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    run(Command::new(program).env("LD_PRELOAD", shim).env("FDWIRE_TEST_KTLS", "1"))
}

fn with_a_name_of_several_addresses(program: &str, build: &Build) -> Result<(), Failed> {
    let shim = compile_shim("names", build)?;
    let program = compile(program, ("names", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    run(Command::new(program).env("LD_PRELOAD", shim).env("FDWIRE_TEST_NAMES", "1"))
}

fn link_shared(build: &Build) -> Vec<String> {
    let lib = build.path().join("lib").display().to_string();
    vec![format!("-L{lib}"), "-lfdwire".into(), "-lpthread".into(), format!("-Wl,--disable-new-dtags,-rpath,{lib}")]
}

fn link_static() -> Vec<String> {
    std::iter::once(library("libfdwire.a").display().to_string()).chain(NATIVE.map(String::from)).collect()
}

fn compile(program: &str, dialect: Dialect, link: &[String], build: &Build) -> Result<PathBuf, Failed> {
    let (name, compiler, standards) = dialect;
    let Some(standard) = standards.iter().find(|standard| knows(compiler, standard)) else {
        return Err(format!("{compiler} knows none of {standards:?}").into());
    };
    let out = build.path().join(format!("{program}-{name}"));
    let mut command = Command::new(compiler);
    command.arg(standard).args(WARNINGS).args(["-g", "-O1"]);
    if compiler.ends_with("++") {
        command.args(["-x", "c++"]);
    }
    command.arg("-I").arg(in_root("include")).arg(in_root(&format!("tests/c/{program}.c"))).args(["-x", "none"]);
    run(command.args(link).arg("-o").arg(&out))?;
    Ok(out)
}

fn compile_shim(name: &str, build: &Build) -> Result<PathBuf, Failed> {
    let out = tempfile::Builder::new().suffix(".so").tempfile_in(build.path())?.into_temp_path().keep()?;
    let source = in_root(&format!("tests/c/shims/{name}.c"));
    run(Command::new("gcc")
        .args(["-shared", "-fPIC", "-O1"])
        .args(WARNINGS)
        .arg(source)
        .arg("-o")
        .arg(&out)
        .arg("-ldl"))?;
    Ok(out)
}

/// The static library, built with AddressSanitizer, or why there is none.
static SANITIZED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))) {
        return Err("sanitizers: set up for x86-64 Linux only".into());
    }
    if !knows("gcc", SANITIZERS) {
        return Err("gcc's sanitizers".into());
    }
    eprintln!("building the library with AddressSanitizer");
    let folder = in_root("target/sanitizers");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--lib", "--target", TARGET, "--target-dir"])
        .arg(&folder)
        .current_dir(ROOT)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(folder.join(TARGET).join("debug/libfdwire.a")),
        Ok(output) => Err(format!("a library with AddressSanitizer: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("cargo: {error}")),
    }
});

/// The static library, built with ThreadSanitizer, and the runtime that goes with it, or why there is none. Rust's own library
/// has to be built with it too: the locks are in there.
static RACES: LazyLock<Result<[PathBuf; 2], String>> = LazyLock::new(|| {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))) {
        return Err("sanitizers: set up for x86-64 Linux only".into());
    }
    let folder = |what: &str| {
        let output =
            Command::new("rustc").args(["--print", what]).output().map_err(|error| format!("rustc: {error}"))?;
        Ok::<_, String>(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
    };
    if !folder("sysroot")?.join("lib/rustlib/src/rust/library").exists() {
        return Err("sources of Rust's library (rustup component add rust-src)".into());
    }
    let files = std::fs::read_dir(folder("target-libdir")?).map_err(|error| error.to_string())?;
    let mut files = files.filter_map(|file| Some(file.ok()?.path()));
    let runtime = files.find(|file| file.to_string_lossy().ends_with("_rt.tsan.a")).ok_or("rustc's ThreadSanitizer")?;
    eprintln!("building the library with ThreadSanitizer");
    let target = in_root("target/threads");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--lib", "-Zbuild-std", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .current_dir(ROOT)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=thread")
        .output();
    match output {
        Ok(output) if output.status.success() => Ok([target.join(TARGET).join("release/libfdwire.a"), runtime]),
        Ok(output) => Err(format!("a library with ThreadSanitizer: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("cargo: {error}")),
    }
});

/// Whether a compiler takes an option, and can link with it.
fn knows(compiler: &str, option: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n").unwrap();
    let mut command = Command::new(compiler);
    command.arg(option).args(["-x", if compiler.ends_with("++") { "c++" } else { "c" }]).arg(&source);
    command.arg("-o").arg(folder.path().join("empty")).output().is_ok_and(|output| output.status.success())
}
