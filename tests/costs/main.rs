//! What a message costs, in counts that are the same in every run: instructions, bytes copied, allocations, page faults, system
//! calls; and what the library weighs. Each is held against a ceiling of `ceilings.txt`, by noise neither crossed nor hidden.
//!
//! The library is the release build. `inside.c` has works without a peer, run plain and under callgrind; `calls.c` has works over
//! sockets, traced by strace. What was built and traced stays in `target/tmp/costs`, to be looked at.

mod ceilings;
mod growth;
mod held;
mod profile;
mod trace;
#[path = "../trials/mod.rs"]
mod trials;

use ceilings::{Figure, Manner, compare};
use libtest_mimic::{Arguments, Failed, Trial};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use trials::{RELEASE, WARNINGS, in_root, lack, output, run, test};

const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/costs");

fn main() {
    let mut tests = Vec::new();
    for group in ["encode", "decode", "send", "receive", "exchange"] {
        let lacking = of_another_machine().or_else(|| lack("valgrind", "--version"));
        tests.push(test(format!("instructions: {group}"), lacking, move || instructions(group)));
        tests.push(test(format!("memory: {group}"), of_another_system(), move || memory(group)));
    }
    for group in ["send", "receive", "exchange"] {
        let lacking = of_another_system().or_else(|| lack("strace", "--version"));
        tests.push(test(format!("system calls: {group}"), lacking, move || system_calls(group)));
    }
    tests.push(Trial::test("size: the stripped library", size));
    tests.extend(growth::tests());
    tests.extend(held::tests());
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

/// The system whose C library and calls are counted.
fn of_another_system() -> Option<String> {
    let known = cfg!(all(target_os = "linux", target_env = "gnu"));
    (!known).then(|| "Linux with glibc, which is what is counted".into())
}

/// Searches use what the processor has.
fn of_another_machine() -> Option<String> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return of_another_system();
    }
    Some("x86-64 processor with AVX2, for which the ceilings are".into())
}

/// Instructions inside the library, whatever the C library's cost: what of that is dear is counted for itself.
fn instructions(group: &str) -> Result<(), Failed> {
    let profile = Path::new(FOLDER).join(format!("callgrind.{group}"));
    let printed = output(
        Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind", "--zero-before=measured", "--dump-after=measured"])
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .arg(program("inside")?)
            .args([group, "once"]),
    )?;
    let mut figures = Vec::new();
    for (i, line) in printed.lines().enumerate() {
        let part = profile.with_extension(format!("{group}.{}", i + 1));
        let (name, counts) = Counts::parse(line)?;
        let value =
            profile::own_cost(&std::fs::read_to_string(&part)?, "/libfdwire.so")? as f64 / counts.of("messages")?;
        let hint = format!("callgrind_annotate --threshold=100 --auto=no {}", part.display());
        figures.push(Figure { name, value, hint });
    }
    compare(&format!("instructions: {group}"), figures, Manner::OfCompiler)
}

/// What is asked of the C library and of the system for memory.
fn memory(group: &str) -> Result<(), Failed> {
    let inside = program("inside")?;
    let printed = output(Command::new(&inside).arg(group))?;
    let mut wrong = Vec::new();
    let shown_by = |tool: &str| format!("{tool} {} {group}", inside.display());
    for (what, hint, manner) in [
        ("copied", shown_by("gdb -ex 'break memcpy if counts' -ex run --args"), Manner::Exact),
        ("allocations", shown_by("gdb -ex 'break malloc if counts' -ex run --args"), Manner::Promised),
        ("faults", shown_by("perf record -e page-faults -c 1 -g"), Manner::Promised),
    ] {
        let mut figures = Vec::new();
        for line in printed.lines() {
            let (name, counts) = Counts::parse(line)?;
            figures.push(Figure { name, value: counts.of(what)? / counts.of("messages")?, hint: hint.clone() });
        }
        if let Err(failed) = compare(&format!("{what}: {group}"), figures, manner) {
            wrong.extend(failed.message().map(str::to_owned));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// As the system sees them, and as the connection's own statistics have them.
fn system_calls(group: &str) -> Result<(), Failed> {
    let traced = Path::new(FOLDER).join(format!("strace.{group}"));
    let printed = output(
        Command::new("strace").args(["-f", "-qq", "-s", "200", "-o"]).arg(&traced).arg(program("calls")?).arg(group),
    )?;
    let calls = trace::calls(&std::fs::read_to_string(&traced)?);
    let mut figures = Vec::new();
    for line in printed.lines() {
        let (name, counts) = Counts::parse(line)?;
        let made = calls.get(&name).ok_or(format!("{name} is not in {}", traced.display()))?;
        for (what, kinds) in [("reads", ["recvfrom", "recvmsg"]), ("writes", ["sendto", "sendmsg"])] {
            let seen: u64 = kinds.iter().filter_map(|kind| made.get(*kind)).sum();
            if counts.of(what).is_ok_and(|told| told != seen as f64) {
                return Err(format!("{name}: strace saw {seen} {what}, fdwire_conn_stats says {line}").into());
            }
        }
        let hint = format!("grep -A9 'count/{name}' {}   # made: {made:?}", traced.display());
        figures.push(Figure { name, value: made.values().sum::<u64>() as f64 / counts.of("messages")?, hint });
    }
    compare(&format!("system calls: {group}"), figures, Manner::Exact)
}

fn size() -> Result<(), Failed> {
    let stripped = Path::new(FOLDER).join("stripped.so");
    std::fs::create_dir_all(FOLDER)?;
    run(Command::new("strip").arg("-o").arg(&stripped).arg(library()?))?;
    let value = std::fs::metadata(&stripped)?.len() as f64 / 1024.0;
    let hint = format!("nm -C --size-sort {}", library()?.display());
    compare("size in KiB", vec![Figure { name: "libfdwire.so".into(), value, hint }], Manner::OfCompiler)
}

/// What a program prints of a work: `NAME: 512 messages, 3 allocations, ...`.
struct Counts<'t>(Vec<(&'t str, f64)>);

impl<'t> Counts<'t> {
    fn parse(line: &'t str) -> Result<(String, Counts<'t>), String> {
        let parse = || {
            let (name, counts) = line.rsplit_once(": ")?;
            let counts = counts.split(", ").map(|count| count.split_once(' '));
            let counts = counts.map(|count| count.and_then(|(count, what)| Some((what, count.parse().ok()?))));
            Some((name.to_owned(), Counts(counts.collect::<Option<_>>()?)))
        };
        parse().ok_or_else(|| format!("no counts: {line}"))
    }

    fn of(&self, what: &str) -> Result<f64, String> {
        let found = self.0.iter().find(|(name, _)| *name == what);
        found.map(|(_, count)| *count).ok_or_else(|| format!("nothing is said of {what}"))
    }
}

/// The shared library as programs get it, built like by the README's first command.
fn library() -> Result<&'static Path, Failed> {
    RELEASE.as_deref().map_err(|why| why.clone().into())
}

static PROGRAMS: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let build = || {
        let folder = Path::new(FOLDER);
        std::fs::create_dir_all(folder)?;
        let soname = folder.join(env!("FDWIRE_SONAME"));
        let _ = std::fs::remove_file(&soname);
        symlink(library()?, &soname)?;
        for name in ["inside", "calls", "growth", "held"] {
            run(Command::new("gcc")
                .args(["-std=c11", "-g", "-O1"])
                .args(WARNINGS)
                .arg("-I")
                .arg(in_root("include"))
                .arg(in_root(&format!("tests/costs/{name}.c")))
                .arg(library()?)
                .args(["-lpthread", "-Wl,-z,now", "-Wl,-rpath"])
                .arg(format!("-Wl,{FOLDER}"))
                .arg("-o")
                .arg(folder.join(name)))?;
        }
        Ok(())
    };
    build().map_err(|failed: Failed| failed.message().unwrap_or("gcc failed").to_owned())
});

fn program(name: &str) -> Result<PathBuf, Failed> {
    PROGRAMS.clone()?;
    Ok(Path::new(FOLDER).join(name))
}
