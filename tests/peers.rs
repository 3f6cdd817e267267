//! Programs that we did not write, spoken to for real: databases, brokers, name servers, agents. Each is started on loopback or a
//! Unix socket by `tests/peers/run.py`, and stopped again.
//!
//! What each of them sends is cut by fdwire and by a reference framer, who must agree on every frame. With those for which
//! `tests/peers/c` has a program, that program speaks over a connection of fdwire's.
//!
//! What is not installed is skipped by name. Those that CI does not install are left out by name, but with `FDWIRE_PEERS=all`;
//! `tests/peers/setup.sh` installs the ones or all.

mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use trials::libraries::{ADDRESS, FLAGS, NATIVE};
use trials::{WARNINGS, figure_of_some, in_root, knows, lack, memcheck, output, run, test};

/// What each program is compiled as, beside C99 by gcc, which is what runs.
const DIALECTS: [(&str, &str, &[&str]); 5] = [
    ("gcc-c23", "gcc", &["-std=c23", "-std=c2x"]),
    ("g++", "g++", &["-std=c++17"]),
    ("clang-c99", "clang", &["-std=c99"]),
    ("clang-c23", "clang", &["-std=c23", "-std=c2x"]),
    ("clang++", "clang++", &["-std=c++17"]),
];

/// The programs that run under checkers, too: over TCP, Unix sockets and pipes, with changes of format and descriptors.
const CHECKED: [&str; 5] = ["git", "memcached", "redis", "ssh_agent", "weston"];

fn main() {
    let mut arguments = Arguments::from_args();
    // A server that starts waits more than it works.
    let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get());
    arguments.test_threads.get_or_insert(2 * processors);
    let build = Arc::new(Build::new());
    let mut tests: Vec<Trial> = DIALECTS.into_iter().map(warnings).collect();
    match peers() {
        Ok(peers) => tests.extend(peers.iter().flat_map(|peer| tests_of(peer, &build))),
        Err(lacking) => tests.push(test("peers".into(), Some(lacking), || Ok(()))),
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    drop(build);
    figures();
    conclusion.exit();
}

static PROGRAMS: AtomicUsize = AtomicUsize::new(0);
static PEERS: AtomicUsize = AtomicUsize::new(0);
static FRAMES: AtomicUsize = AtomicUsize::new(0);

fn figures() {
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    figure_of_some(
        "peers.programs",
        count(&PROGRAMS),
        "programs of others that C programs spoke with over a connection",
    );
    figure_of_some(
        "peers.cut",
        count(&PEERS),
        "programs of others whose frames fdwire and a reference framer cut alike",
    );
    figure_of_some("peers.frames", count(&FRAMES), "frames of theirs, each the same for both");
}

/// One line of `run.py --list`.
struct Peer {
    name: String,
    /// Those who install it: `ci`, `all`, or `none` where it cannot run.
    set: String,
    lack: Option<String>,
}

fn peers() -> Result<Vec<Peer>, String> {
    if let Some(lacking) = lack("python3", "--version") {
        return Err(lacking);
    }
    let listed = output(driver().arg("--list")).map_err(|failed| failed.message().unwrap_or_default().to_owned())?;
    let peer = |line: &str| {
        let mut words = line.split('\t').map(str::to_owned);
        let mut next = || words.next().unwrap_or_else(|| panic!("three words, and not {line}"));
        Peer { name: next(), set: next(), lack: Some(next()).filter(|lack| !lack.is_empty()) }
    };
    Ok(listed.lines().map(peer).collect())
}

fn driver() -> Command {
    let mut command = Command::new("python3");
    command.arg(in_root("tests/peers/run.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What a trial does with a peer.
type Body = fn(&str, &Build) -> Result<(), Failed>;

fn tests_of(peer: &Peer, build: &Arc<Build>) -> Vec<Trial> {
    let mut bodies: Vec<(&str, Option<String>, Body)> = vec![("frames", None, cut)];
    if source(&peer.name).exists() {
        bodies.push(("C", lack("gcc", "--version"), speak));
    }
    if peer.name == "dnsmasq" {
        bodies.push(("a disagreement is noticed", None, |_, build| disagreement(build)));
    }
    if CHECKED.contains(&peer.name.as_str()) {
        bodies.push(("sanitizers", ADDRESS.as_ref().err().cloned(), speak_under_sanitizers));
        bodies.push(("valgrind", lack("valgrind", "--version"), speak_under_valgrind));
    }
    let trial = |(kind, lack, body): (&str, Option<String>, Body)| {
        let (name, build) = (peer.name.clone(), build.clone());
        trial_of(peer, format!("{kind}: {name}"), lack, move || body(&name, &build))
    };
    bodies.into_iter().map(trial).collect()
}

fn trial_of(
    peer: &Peer,
    name: String,
    tool: Option<String>,
    body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let all = std::env::var("FDWIRE_PEERS").is_ok_and(|those| those == "all");
    match (peer.set.as_str(), &peer.lack) {
        ("none", Some(lacking)) => Trial::test(format!("{name} (skipped: no {lacking})"), body).with_ignored_flag(true),
        ("all", _) if !all => Trial::test(format!("{name} (left to FDWIRE_PEERS=all)"), body).with_ignored_flag(true),
        (_, lacking) => test(name, lacking.clone().or(tool), body),
    }
}

/// fdwire is given a format with frames that are a byte too long: that the reference framer sees others has to be noticed.
fn disagreement(build: &Build) -> Result<(), Failed> {
    let output = build.driver().args(["--wrong", "dnsmasq"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    match !output.status.success() && said.contains("Disagreement: by preset, fdwire says ") {
        true => Ok(()),
        false => Err(format!("{}: {said}", output.status).into()),
    }
}

/// Its frames are cut by fdwire and by the reference framer.
fn cut(name: &str, build: &Build) -> Result<(), Failed> {
    let printed = output(build.driver().arg(name))?;
    let said = printed.trim().strip_prefix(name).ok_or_else(|| format!("{name} says {printed}"))?;
    let frames = said.split(' ').zip(said.split(' ').skip(1)).find(|(_, what)| *what == "frames,");
    let frames: usize =
        frames.and_then(|(count, _)| count.parse().ok()).ok_or_else(|| format!("{name} says {said}"))?;
    if frames == 0 {
        return Err(format!("{name}: no frames").into());
    }
    PEERS.fetch_add(1, Ordering::Relaxed);
    FRAMES.fetch_add(frames, Ordering::Relaxed);
    Ok(())
}

fn speak(name: &str, build: &Build) -> Result<(), Failed> {
    let program = build.compile(name, "plain", &["-std=c99"], &build.link_shared())?;
    run(build.driver().arg(name).arg(program))?;
    PROGRAMS.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn speak_under_sanitizers(name: &str, build: &Build) -> Result<(), Failed> {
    let library = ADDRESS.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let mut link = vec![FLAGS.to_owned(), "-fno-sanitize-recover=all".into(), library.display().to_string()];
    link.extend(NATIVE.map(String::from));
    let program = build.compile(name, "sanitizers", &["-std=c11"], &link)?;
    run(build.driver().arg(name).arg(program))
}

fn speak_under_valgrind(name: &str, build: &Build) -> Result<(), Failed> {
    // The debug information that any valgrind reads.
    let program = build.compile(name, "valgrind", &["-std=c11", "-gdwarf-4"], &build.link_shared())?;
    memcheck::run_clean(build.driver().arg(name).arg("valgrind"), &program)
}

/// All programs at once, in one more kind of C or C++.
fn warnings((name, compiler, standards): (&'static str, &'static str, &'static [&'static str])) -> Trial {
    test(format!("{name}: every program"), lack(compiler, "--version"), move || {
        let standard = standards.iter().find(|standard| knows(compiler, standard));
        let standard = standard.ok_or_else(|| format!("{compiler} knows none of {standards:?}"))?;
        let mut command = Command::new(compiler);
        command.arg(standard).args(WARNINGS).args(["-O1", "-fsyntax-only", "-I"]).arg(in_root("include"));
        if compiler.ends_with("++") {
            command.args(["-x", "c++"]);
        }
        run(command.args(programs()?))
    })
}

fn programs() -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(in_root("tests/peers/c"))? {
        found.push(file?.path());
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    if found.len() < 15 { Err("the programs are missing".into()) } else { Ok(found) }
}

fn source(name: &str) -> PathBuf {
    in_root(&format!("tests/peers/c/{name}.c"))
}

/// Where programs are built, and the library is found by its name and its SONAME.
struct Build(tempfile::TempDir);

impl Build {
    fn new() -> Build {
        let folder = tempfile::tempdir().expect("a folder for what is built");
        let library = std::env::current_exe().unwrap().with_file_name("libfdwire.so");
        for name in ["libfdwire.so", env!("FDWIRE_SONAME")] {
            symlink(&library, folder.path().join(name)).unwrap();
        }
        Build(folder)
    }

    fn driver(&self) -> Command {
        let mut command = driver();
        command.env("FDWIRE_LIBRARY", self.0.path().join("libfdwire.so"));
        command
    }

    fn link_shared(&self) -> Vec<String> {
        let folder = self.0.path().display();
        vec![format!("-L{folder}"), "-lfdwire".into(), format!("-Wl,-rpath,{folder}")]
    }

    fn compile(&self, name: &str, kind: &str, options: &[&str], link: &[String]) -> Result<PathBuf, Failed> {
        let out = self.0.path().join(format!("{name}-{kind}"));
        let mut gcc = Command::new("gcc");
        gcc.args(options).args(WARNINGS).args(["-g", "-O1", "-I"]).arg(in_root("include"));
        run(gcc.arg(source(name)).args(link).arg("-o").arg(&out))?;
        Ok(out)
    }
}
