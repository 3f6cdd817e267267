//! The C tests: every program of `tests/c`, compiled as each kind of C and C++ that there is and run plain, under sanitizers
//! and under valgrind; and from Python the first call, packed messages and the conformance vectors.
//!
//! What the machine lacks is skipped by name. With `FDWIRE_NO_SKIP` set, as in CI, it fails instead.

mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use trials::libraries::{ADDRESS, FLAGS, MUSL, NATIVE, PORTABLE, THREADS};
use trials::{WARNINGS, in_root, knows, lack, run, test};

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
    for dialect @ (name, compiler, _) in DIALECTS {
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
    tests.push(make("sanitizers", ADDRESS.as_ref().err().cloned(), under_sanitizers));
    tests.push(make("valgrind", lack("valgrind", "--version"), under_valgrind));
    if ["conn_threads", "conn_fds", "conn_packed", "conn_spin"].contains(&program) {
        tests.push(make("thread sanitizer", THREADS.as_ref().err().cloned(), under_thread_sanitizer));
    }
    if ["addresses", "conn_end", "conn_fds", "conn_threads", "manners", "messages", "small_buffer"].contains(&program) {
        tests.push(make("portable", PORTABLE.as_ref().err().cloned(), in_portable_ways));
    }
    if ["addresses", "conn_fds", "conn_limits", "manners", "messages"].contains(&program) {
        tests.push(make("musl", MUSL.as_ref().err().cloned(), with_musl));
    }
    if cfg!(all(target_os = "linux", target_env = "gnu")) && ["manners", "deadlines", "messages"].contains(&program) {
        tests.push(make("old kernel", None, on_an_old_kernel));
    }
    if program == "conn_storm" {
        tests.push(make("faults", None, with_faults));
    }
    if program == "conn_limits" {
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
    let library = ADDRESS.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mut options = vec![FLAGS.into(), "-fno-sanitize-recover=all".into(), library.display().to_string()];
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
    let [library, runtime] = THREADS.as_ref().map_err(|why| Failed::from(why.clone()))?;
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

/// System calls are made in the ways of systems that lack what Linux has.
fn in_portable_ways(program: &str, build: &Build) -> Result<(), Failed> {
    let library = PORTABLE.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let link: Vec<String> = std::iter::once(library.display().to_string()).chain(NATIVE.map(String::from)).collect();
    let program = compile(program, ("portable", "gcc", &["-std=c11"]), &link, build)?;
    run(&mut Command::new(program))
}

fn with_musl(program: &str, build: &Build) -> Result<(), Failed> {
    let libraries = MUSL.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mut link = vec!["-static".to_owned()];
    link.extend(libraries.iter().map(|library| library.display().to_string()));
    let program = compile(program, ("musl", "musl-gcc", &["-std=c11"]), &link, build)?;
    run(&mut Command::new(program))
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
