//! The C tests: every program of `tests/c` runs plain, under sanitizers and under valgrind, those that have threads under
//! ThreadSanitizer and, with `FDWIRE_CHECKERS=all`, under helgrind. Some, or all then, are compiled as each kind of C and C++
//! that there is. From Python run the first call, packed messages and the conformance vectors.
//!
//! What the machine lacks is skipped by name. With `FDWIRE_NO_SKIP` set, as in CI, it fails instead. With
//! `FDWIRE_TEST_ONLY=plain` each program is compiled by gcc alone and run plain, and in the ways of its own that take no
//! checker: what coverage is measured on. With `FDWIRE_TEST_ONLY=worlds` it is these ways alone.

mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use trials::libraries::{ADDRESS, FLAGS, MUSL, NATIVE, PORTABLE, PTHREADS, THREADS};
use trials::{
    WARNINGS, all, c_programs, figure, figure_of_some, golden, in_root, knows, lack, left_out, memcheck,
    needs_its_shim, output, outputs, run, test,
};

/// Ways to compile: what they are called, the compiler, its options, and options of which the first that it knows is used.
type Dialect = (&'static str, &'static str, &'static [&'static str]);
const DIALECTS: [Dialect; 6] = [
    ("gcc-c99", "gcc", &["-std=c99"]),
    ("gcc-c23", "gcc", &["-std=c23", "-std=c2x"]),
    ("g++", "g++", &["-std=c++17"]),
    ("clang-c99", "clang", &["-std=c99"]),
    ("clang-c23", "clang", &["-std=c23", "-std=c2x"]),
    ("clang++", "clang++", &["-std=c++17"]),
];

/// Programs that between them use all of the header.
const DIVERSE: [&str; 4] = ["byte_order", "conn_end", "custom", "out_of_memory"];

/// They would take a quarter of memcheck's time, so it sees them in the long form.
const LONG: [&str; 2] = ["sweep_between", "sweep_conn"];

/// Programs that hold times to bounds which nothing keeps to under helgrind.
const HURRIED: [&str; 3] = ["conn_spin", "conn_timeouts", "deadlines"];

fn main() {
    let mut arguments = Arguments::from_args();
    // Many wait on purpose: twice as many as there are processors keep these busy.
    let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get());
    arguments.test_threads.get_or_insert(2 * processors);
    let build = Arc::new(tempfile::tempdir().expect("a folder for what is built"));
    // The shared library, where programs find it by its name and its SONAME.
    let shared = build.path().join("lib");
    std::fs::create_dir(&shared).unwrap();
    for name in ["libfdwire.so", env!("FDWIRE_SONAME")] {
        std::os::unix::fs::symlink(library("libfdwire.so"), shared.join(name)).unwrap();
    }
    if std::env::var_os("FDWIRE_TEST_ONLY").is_none() {
        look_for_all(&arguments);
    }
    let mut tests = Vec::new();
    for program in c_programs() {
        tests.extend(tests_of(&program, &build, &arguments));
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
    if conclusion.num_failed == 0 {
        figures();
    }
    conclusion.exit();
}

/// A library that cargo has built for these tests.
fn library(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

type Build = Arc<tempfile::TempDir>;

/// What a trial does with a program.
type Body = fn(&str, &Build) -> Result<(), Failed>;

/// A kind of trial of a program, what says whether anything for it is lacking, and the trial.
type Check = (&'static str, fn() -> Option<String>, Body);

/// Libraries that checks stand on are built by looking for them: side by side, and only those that filters leave.
fn look_for_all(arguments: &Arguments) {
    let checks = c_programs().into_iter().flat_map(|program| checks_of(&program, arguments));
    let lacks: BTreeMap<_, _> = checks.map(|(kind, lack, _)| (kind, lack)).collect();
    std::thread::scope(|scope| {
        for lack in lacks.into_values() {
            scope.spawn(lack);
        }
    });
}

/// All that is done with one program; with `FDWIRE_TEST_ONLY=plain` it only runs, in one dialect and in the worlds that shims make.
fn tests_of(program: &str, build: &Build, arguments: &Arguments) -> Vec<Trial> {
    let only = std::env::var("FDWIRE_TEST_ONLY").ok();
    let dialects = match only.as_deref() {
        Some("plain") => 1,
        Some("worlds") => 0,
        Some(other) => panic!("FDWIRE_TEST_ONLY is plain or worlds, not {other}"),
        None if all() || DIVERSE.contains(&program) => DIALECTS.len(),
        None => 1,
    };
    let make = |kind: &str, lack: Option<String>, body: Body| {
        let (program, build) = (program.to_owned(), build.clone());
        test(format!("{kind}: {program}"), lack, move || body(&program, &build))
    };
    let mut tests = dialects_of(program, build, dialects);
    tests.extend(worlds_of(program).into_iter().map(|(kind, body)| make(kind, None, body)));
    if only.is_none() {
        tests.extend(checks_of(program, arguments).into_iter().map(|(kind, lack, body)| make(kind, lack(), body)));
        tests.extend((LONG.contains(&program) && !all()).then(|| left_out(format!("valgrind: {program}"))));
        tests.extend(left_out_by_helgrind(program));
    }
    tests
}

fn dialects_of(program: &str, build: &Build, most: usize) -> Vec<Trial> {
    let mut tests = Vec::new();
    for dialect @ (name, compiler, _) in DIALECTS.into_iter().take(most) {
        let (program, build) = (program.to_owned(), build.clone());
        tests.push(test(format!("{name}: {program}"), lack(compiler, "--version"), move || {
            // gcc's first runs, with the shared library; what clang compiles runs under valgrind.
            if name != "gcc-c99" || needs_its_shim(&program) {
                return check_syntax(&program, dialect);
            }
            run(&mut Command::new(compile(&program, dialect, &link_shared(&build), &build)?))
        }));
    }
    tests
}

/// Worlds in which something is otherwise than usual, and what is held against files.
fn worlds_of(program: &str) -> Vec<(&'static str, Body)> {
    let mut tests: Vec<(&str, Body)> = Vec::new();
    if cfg!(all(target_os = "linux", target_env = "gnu")) && ["manners", "deadlines", "messages"].contains(&program) {
        tests.push(("old kernel", on_an_old_kernel));
    }
    match program {
        "addresses" => tests.push(("several addresses", with_a_name_of_several_addresses)),
        "conn_ktls" => tests.push(("kernel TLS", with_kernel_tls)),
        "conn_storm" => tests.push(("faults", with_faults)),
        "golden" => tests.push(("golden bytes", golden_bytes)),
        "out_of_memory" => tests.push(("every function", calls_every_function)),
        "sweep_between" => tests.push(("every fault", with_every_fault)),
        "sweep_calls" | "sweep_conn" => {
            tests.push(("every fault", with_every_fault));
            tests.push(("a lie is noticed", with_lies));
        }
        _ => {}
    }
    tests
}

/// Checkers, other builds of the library, and what takes long; what filters leave of them.
fn checks_of(program: &str, arguments: &Arguments) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    if bears_checkers(program) {
        checks.push(("sanitizers", || ADDRESS.as_ref().err().cloned(), under_sanitizers));
    }
    if bears_checkers(program) && (all() || !LONG.contains(&program)) {
        checks.push((
            "valgrind",
            || lack("valgrind", "--version").or_else(|| lack("clang", "--version")),
            under_valgrind,
        ));
    }
    if has_threads(program) {
        checks.push(("thread sanitizer", || THREADS.as_ref().err().cloned(), under_thread_sanitizer));
    }
    if has_threads(program) && all() && !HURRIED.contains(&program) {
        let lacking = || lack("valgrind", "--version").or_else(|| PTHREADS.as_ref().err().cloned());
        checks.push(("helgrind", lacking, under_helgrind));
    }
    if ["addresses", "conn_end", "conn_fds", "conn_threads", "manners", "messages", "small_buffer"].contains(&program) {
        checks.push(("portable", || PORTABLE.as_ref().err().cloned(), in_portable_ways));
    }
    if ["addresses", "conn_fds", "conn_limits", "manners", "messages"].contains(&program) {
        checks.push(("musl", || MUSL.as_ref().err().cloned(), with_musl));
    }
    if program == "conn_limits" {
        checks.push(("5 GiB", || None, at_full_length));
    }
    checks.retain(|(kind, ..)| !arguments.is_filtered_out(&Trial::test(format!("{kind}: {program}"), || Ok(()))));
    checks
}

fn left_out_by_helgrind(program: &str) -> Option<Trial> {
    if !has_threads(program) {
        None
    } else if HURRIED.contains(&program) {
        let name = format!("helgrind: {program} (left out: it measures time, which helgrind stretches)");
        Some(Trial::test(name, || Ok(())).with_ignored_flag(true))
    } else {
        (!all()).then(|| left_out(format!("helgrind: {program}")))
    }
}

/// What stands before malloc stands before the checkers, too; it sees leaks by itself.
fn bears_checkers(program: &str) -> bool {
    program != "out_of_memory"
}

/// Whether more than one thread takes part, by itself or as a peer that `check.h` has.
fn has_threads(program: &str) -> bool {
    let source = std::fs::read_to_string(in_root(&format!("tests/c/{program}.c"))).unwrap();
    bears_checkers(program) && (source.contains("pthread_create(") || source.contains("peer_writes"))
}

/// Trials of a checker that found nothing.
struct Clean(AtomicUsize);

impl Clean {
    fn count(&self, result: Result<(), Failed>) -> Result<(), Failed> {
        self.0.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
        result
    }

    fn figure(&self, key: &str, what: &str) {
        figure_of_some(key, self.0.load(Ordering::Relaxed), what);
    }
}

static ADDRESSES_CLEAN: Clean = Clean(AtomicUsize::new(0));
static MEMORY_CLEAN: Clean = Clean(AtomicUsize::new(0));
static THREADS_CLEAN: Clean = Clean(AtomicUsize::new(0));
static LOCKS_CLEAN: Clean = Clean(AtomicUsize::new(0));
static GOLDEN_BYTES: AtomicUsize = AtomicUsize::new(0);

fn figures() {
    ADDRESSES_CLEAN.figure("checkers.asan.programs", "C programs without an error under ASan and UBSan");
    MEMORY_CLEAN.figure(
        "checkers.memcheck.programs",
        "C programs without an error, a leak or an open descriptor under memcheck",
    );
    THREADS_CLEAN.figure("checkers.tsan.programs", "C programs with threads, without a race under ThreadSanitizer");
    let clean = LOCKS_CLEAN.0.load(Ordering::Relaxed);
    if clean > 0 {
        let threaded = c_programs().iter().filter(|program| has_threads(program)).count();
        let what = "C programs with threads, without an error under helgrind; the others measure time";
        figure("checkers.helgrind.programs", format_args!("{clean} of {threaded}"), what);
    }
    figure_of_some("golden.bytes", GOLDEN_BYTES.load(Ordering::Relaxed), "bytes on the wire that are the same as ever");
}

fn golden_bytes(program: &str, build: &Build) -> Result<(), Failed> {
    let program = compile(program, ("golden-bytes", "gcc", &["-std=c99"]), &link_static(), build)?;
    let order = if cfg!(target_endian = "big") { "big-endian" } else { "little-endian" };
    let bytes = golden::compare(&output(&mut Command::new(program))?, order)?;
    GOLDEN_BYTES.store(bytes, Ordering::Relaxed);
    Ok(())
}

/// Whatever the header declares is called, be it to see that it allocates nothing.
fn calls_every_function(program: &str, _: &Build) -> Result<(), Failed> {
    let source = std::fs::read_to_string(in_root(&format!("tests/c/{program}.c")))?;
    let header = std::fs::read_to_string(in_root("include/fdwire.h"))?;
    let functions = called(header.lines().filter(|line| !line.trim_start().starts_with(['/', '*'])));
    let called = called(source.lines());
    let missing: Vec<_> = functions.difference(&called).collect();
    if functions.len() < 100 || !missing.is_empty() {
        return Err(format!("of {} functions, these are not called: {missing:?}", functions.len()).into());
    }
    figure(
        "allocations.functions",
        functions.len(),
        "functions called while allocations fail or are counted, all there are",
    );
    Ok(())
}

/// Names of the library's that an opening parenthesis follows.
fn called<'l>(lines: impl Iterator<Item = &'l str>) -> BTreeSet<&'l str> {
    let words = |line: &'l str| {
        let before = line.match_indices('(').map(|(at, _)| &line[..at]);
        before.map(|before| before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
    };
    lines.flat_map(words).filter(|word| word.starts_with("fdwire_")).collect()
}

fn under_sanitizers(program: &str, build: &Build) -> Result<(), Failed> {
    let library = ADDRESS.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mut options = vec![FLAGS.into(), "-fno-sanitize-recover=all".into(), library.display().to_string()];
    options.extend(NATIVE.map(String::from));
    let out = compile(program, ("sanitizers", "gcc", &["-std=c11"]), &options, build)?;
    let mut command = Command::new(&out);
    sample(program, &mut command);
    if needs_its_shim(program) {
        // Which then comes before the sanitizer's own library.
        load_ktls(command.env("ASAN_OPTIONS", "verify_asan_link_order=0"), build)?;
    }
    ADDRESSES_CLEAN.count(run(&mut command))
}

fn under_valgrind(program: &str, build: &Build) -> Result<(), Failed> {
    // The debug information that any valgrind reads.
    let linked = [link_shared(build), vec!["-gdwarf-4".into()]].concat();
    let out = compile(program, ("valgrind", "clang", &["-std=c11"]), &linked, build)?;
    let mut valgrind = Command::new("valgrind");
    sample(program, &mut valgrind);
    if needs_its_shim(program) {
        load_ktls(&mut valgrind, build)?;
    }
    MEMORY_CLEAN.count(memcheck::run_clean(&mut valgrind, &out))
}

/// gcc compiles for it, but rustc's runtime is linked: gcc's has not all that rustc's code calls.
fn under_thread_sanitizer(program: &str, build: &Build) -> Result<(), Failed> {
    let [library, runtime] = THREADS.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let object = build.path().join(format!("{program}-threads.o"));
    run(Command::new("gcc")
        .args(["-std=c11", "-g", "-fsanitize=thread", "-c"])
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
    THREADS_CLEAN.count(run(&mut Command::new(out)))
}

/// Helgrind knows the locks of pthreads alone, so the library is built with these. It sees locks that are taken in two orders
/// and misuse of threads, too; what atomics put in order is left to ThreadSanitizer.
fn under_helgrind(program: &str, build: &Build) -> Result<(), Failed> {
    let library = PTHREADS.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mut options = vec![library.display().to_string()];
    options.extend(NATIVE.map(String::from));
    let program = compile(program, ("helgrind", "gcc", &["-std=c11"]), &options, build)?;
    let suppressed = format!("--suppressions={}", in_root("tests/c/helgrind.supp").display());
    let mut helgrind = Command::new("valgrind");
    helgrind
        .env("FDWIRE_TEST_SCALE", "0.1")
        .args(["--tool=helgrind", "--quiet", "--error-exitcode=99", "--fair-sched=yes"])
        .arg(suppressed);
    LOCKS_CLEAN.count(run(helgrind.arg(program)))
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
    run_shimmed(Command::new(program).env("LD_PRELOAD", shim), "refusals", 1)
}

/// Runs a program with a shim, which says at the end how often it was in the way.
fn run_shimmed(command: &mut Command, what: &str, least: u64) -> Result<(), Failed> {
    let (_, said) = outputs(command)?;
    let count = said.lines().find_map(|line| line.strip_suffix(what)?.trim().parse::<u64>().ok());
    match count {
        Some(count) if count >= least => Ok(()),
        _ => Err(format!("{command:?}: not {least} {what}: {said}").into()),
    }
}

/// Every read and write is short, interrupted or refused, in turn and at random.
fn with_faults(program: &str, build: &Build) -> Result<(), Failed> {
    let shim = compile_shim("faults", build)?;
    let program = compile(program, ("faults", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    for faults in ["short", "eintr", "again", "rand:1"] {
        let mut storm = Command::new(&program);
        storm.args(["7", "30"]).env("LD_PRELOAD", &shim).env("FDWIRE_TEST_FAULTS", faults);
        run_shimmed(&mut storm, "faults", 10_000)?;
    }
    Ok(())
}

/// How much of a sweep's runs is run here; 256 is all of them.
const SWEEP: &str = "10";
const WHOLE: u64 = 256;
/// So many faults at least have to have happened then, or the sweep has shown nothing.
const FAULTS: [(&str, u64); 3] = [("sweep_between", 300_000), ("sweep_calls", 100_000), ("sweep_conn", 200_000)];

/// Checkers take long: a sweep under them runs the least that it has, and in the long form a little more.
fn sample(program: &str, command: &mut Command) {
    if all() && FAULTS.iter().any(|(sweep, _)| *sweep == program) {
        command.env("FDWIRE_TEST_SCALE", "4");
    }
}

/// Every fault at every system call, or many of them.
fn with_every_fault(program: &str, build: &Build) -> Result<(), Failed> {
    let scale = std::env::var("FDWIRE_TEST_SCALE").unwrap_or(SWEEP.into());
    let sweep = compile(program, ("every-fault", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    let printed = output(Command::new(sweep).env("FDWIRE_TEST_SCALE", &scale))?;
    let scale: u64 = scale.parse()?;
    let injected: Option<u64> =
        printed.split(" faults in ").next().and_then(|text| text.rsplit('\n').next()?.parse().ok());
    let least = FAULTS.iter().find(|(name, _)| *name == program).map_or(0, |(_, least)| least * scale / WHOLE);
    match injected {
        Some(injected) if injected >= least => {
            let (part, what) = match scale {
                WHOLE => ("", "faults injected, one a run: all that there are"),
                _ => (".sample", "faults injected, one a run: a part of all"),
            };
            figure(&format!("faults.{program}{part}"), injected, what);
            Ok(())
        }
        _ => Err(format!("not {least} faults: {printed}").into()),
    }
}

/// A call that says that bytes moved that did not makes each of these runs fail.
fn with_lies(program: &str, build: &Build) -> Result<(), Failed> {
    let sweep = compile(program, ("lies", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    let printed = output(Command::new(sweep).arg("lies").env("FDWIRE_TEST_SCALE", SWEEP))?;
    match printed.contains(" 0 of them lies") {
        false => Ok(()),
        true => Err(format!("nothing was made up: {printed}").into()),
    }
}

/// What is cut short elsewhere, for valgrind's sake.
fn at_full_length(program: &str, build: &Build) -> Result<(), Failed> {
    let program = compile(program, ("full-length", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    run(Command::new(program).env("FDWIRE_TEST_SCALE", "80"))
}

fn with_kernel_tls(program: &str, build: &Build) -> Result<(), Failed> {
    let program = compile(program, ("ktls", "gcc", &["-std=c11"]), &link_shared(build), build)?;
    let mut command = Command::new(program);
    load_ktls(&mut command, build)?;
    run(&mut command)
}

fn load_ktls(command: &mut Command, build: &Build) -> Result<(), Failed> {
    command.env("LD_PRELOAD", compile_shim("ktls", build)?).env("FDWIRE_TEST_KTLS", "1");
    Ok(())
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
    let out = build.path().join(format!("{program}-{}", dialect.0));
    run(compiler_of(program, dialect)?.args(link).arg("-o").arg(&out))?;
    Ok(out)
}

/// For dialects in which nothing runs: the warnings are all that is new.
fn check_syntax(program: &str, dialect: Dialect) -> Result<(), Failed> {
    run(compiler_of(program, dialect)?.arg("-fsyntax-only"))
}

fn compiler_of(program: &str, dialect: Dialect) -> Result<Command, Failed> {
    let (_, compiler, standards) = dialect;
    let Some(standard) = standards.iter().find(|standard| knows(compiler, standard)) else {
        return Err(format!("{compiler} knows none of {standards:?}").into());
    };
    let mut command = Command::new(compiler);
    command.arg(standard).args(WARNINGS).arg("-g");
    // Once: what is optimised has more warnings, but takes three times as long to compile.
    if dialect == DIALECTS[0] && std::env::var_os("FDWIRE_TEST_ONLY").is_none() {
        command.arg("-O1");
    }
    if compiler.ends_with("++") {
        command.args(["-x", "c++"]);
    }
    command.arg("-I").arg(in_root("include")).arg(in_root(&format!("tests/c/{program}.c"))).args(["-x", "none"]);
    Ok(command)
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
