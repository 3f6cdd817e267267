//! The program as each kind of C and C++ that there is, under sanitizers and under valgrind.

use super::tool::{Listening, Run, build, holds, run_with, same, sources, timed};
use crate::trials::libraries::{ADDRESS, FLAGS, NATIVE};
use crate::trials::{WARNINGS, all, in_root, knows, lack, run, test};
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Ways to compile: the compiler, and options of which the first that it knows is used.
const DIALECTS: [(&str, &[&str]); 6] = [
    ("gcc", &["-std=c99"]),
    ("gcc", &["-std=c23", "-std=c2x"]),
    ("g++", &["-std=c++17"]),
    ("clang", &["-std=c99"]),
    ("clang", &["-std=c23", "-std=c2x"]),
    ("clang++", &["-std=c++17"]),
];

pub(crate) fn tests() -> Vec<Trial> {
    let dialects = DIALECTS.into_iter().map(|(compiler, standards)| {
        let name = format!("dialect: {compiler} {}", standards[0]);
        test(name, lack(compiler, "--version"), move || compiles(compiler, standards))
    });
    let sanitizers = ADDRESS.as_ref().err().cloned();
    let memcheck = lack("valgrind", "--version").or_else(|| lack("clang", "--version"));
    let checkers = [
        test("checkers: sanitizers".into(), sanitizers.clone(), || every_path(&sanitized()?)),
        test("checkers: sanitizers, at random".into(), sanitizers, || at_random(&sanitized()?)),
        test("checkers: valgrind".into(), memcheck, under_valgrind),
    ];
    dialects.chain(checkers).collect()
}

fn compiles(compiler: &str, standards: &[&str]) -> Result<(), Failed> {
    let Some(standard) = standards.iter().find(|standard| knows(compiler, standard)) else {
        return Err(format!("{compiler} knows none of {standards:?}").into());
    };
    let mut command = Command::new(compiler);
    command.arg(standard).args(WARNINGS).args(["-O1", "-fsyntax-only"]).arg("-I").arg(in_root("include"));
    if compiler.ends_with("++") {
        command.args(["-x", "c++"]);
    }
    run(command.args(sources()))
}

/// The program with sanitizers, which end it with a status that is none of its own.
fn sanitized() -> Result<impl Fn() -> Command, Failed> {
    static SANITIZED: LazyLock<Result<PathBuf, String>> =
        LazyLock::new(|| build_sanitized().map_err(|failed| failed.message().unwrap().to_owned()));
    let program = SANITIZED.as_ref().map_err(|why| Failed::from(why.clone()))?;
    Ok(move || {
        let mut command = Command::new(program);
        command.env("ASAN_OPTIONS", "exitcode=99").env("UBSAN_OPTIONS", "exitcode=99");
        command
    })
}

fn build_sanitized() -> Result<PathBuf, Failed> {
    let library = ADDRESS.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let link: Vec<String> = std::iter::once(library.display().to_string()).chain(NATIVE.map(String::from)).collect();
    let flags = ["-std=c99", "-O1", "-g", FLAGS, "-fno-sanitize-recover=all"];
    build("wirecat-sanitizers", "gcc", &flags, &link)
}

fn under_valgrind() -> Result<(), Failed> {
    let library = std::env::current_exe()?.with_file_name("libfdwire.a").display().to_string();
    let link: Vec<String> = std::iter::once(library).chain(NATIVE.map(String::from)).collect();
    // The debug information that any valgrind reads.
    let program = build("wirecat-valgrind", "clang", &["-std=c99", "-O1", "-gdwarf-4"], &link)?;
    few_paths(&|| {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--leak-check=full", "--show-leak-kinds=all", "--errors-for-leak-kinds=all"]);
        valgrind.args(["--error-exitcode=99"]).arg(&program);
        valgrind
    })
}

const POSTGRES: &[u8] = b"R\0\0\0\x08\xff\0|\\Z\0\0\0\x05I";

/// What a checker is to see: each form, each source, a connection, a command, and the ways to go wrong.
fn every_path(program: &dyn Fn() -> Command) -> Result<(), Failed> {
    for form in ["text", "lines", "hex", "dump", "json", "raw"] {
        ends(program, &["-f", "postgres", "-s", "frame", "-o", form, "-"], POSTGRES, 0)?;
        ends(program, &["-f", "postgres", "-o", form, "-"], &POSTGRES[..7], 1)?;
    }
    ends(program, &["-f", "postgres", "--cut", "1", "--stats", "-"], POSTGRES, 0)?;
    for (form, code) in [("lines", 0), ("text", 0), ("hex", 1), ("raw", 0)] {
        ends(program, &["-f", "netstring", "-i", form, "--send-only", "-"], b"2:ab,", code)?;
    }
    ends(program, &["-f", "line", "--", "sh", "-c", "exit 3"], b"", 6)?;
    ends(program, &["-f", "line max=2", "--skip", "-"], b"a\nlong\nb\n", 0)?;
    ends(program, &["--list", "git"], b"", 0)?;
    ends(program, &["-f", "nonesuch", "-"], b"", 2)?;
    ends(program, &["/nonexistent/socket"], b"", 3)?;
    few_paths(program)
}

/// Those that have most to allocate and to free.
fn few_paths(program: &dyn Fn() -> Command) -> Result<(), Failed> {
    ends(program, &["-f", "postgres", "-o", "json", "-"], &POSTGRES[..7], 1)?;
    ends(program, &["-f", "netstring", "-i", "frames", "--send-only", "-"], b"2:ab,0:,", 0)?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), vec![b'x'; 600_000])?;
    let path = file.path().to_str().unwrap();
    ends(program, &["-b", "-t", "-e", "-m", "a", "--file", path, "--head", "\\0", "--", "cat"], b"", 0)?;
    ends(program, &["-f", "line", "--file", path, "--", "cat"], b"", 0)?;
    ends(program, &["-f", "netstring", "-", "--", "cat"], b"2:ab,x", 1)?;
    ends(program, &["-e", "--send-only", "-"], b"\\q", 1)?;
    ends(program, &["--describe", "-f", "postgres"], b"", 0)?;
    two_talk(program)
}

fn ends(program: &dyn Fn() -> Command, arguments: &[&str], input: &[u8], code: i32) -> Result<(), Failed> {
    let mut command = program();
    let run = run_to_its_end(&mut command, arguments, input)?;
    match run.status.code() == Some(code) {
        true => Ok(()),
        false => Err(format!("{arguments:?}: not {code}: {run:?}").into()),
    }
}

fn run_to_its_end(command: &mut Command, arguments: &[&str], input: &[u8]) -> Result<Run, Failed> {
    let mut whole = timed(command.get_program());
    whole.args(command.args(arguments).get_args());
    whole.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    run_with(whole, input)
}

/// Numbers that are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Whatever comes, in whatever format: it ends with a status of its own.
fn at_random(program: &dyn Fn() -> Command) -> Result<(), Failed> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..if all() { 5_000 } else { 200 } {
        let preset = random.one(fdwire::format::PRESETS).name().to_str()?;
        let out = random.one(&["text", "hex", "dump", "json"]);
        let parts = random.one(&["body", "head", "tail", "frame", "head,body"]);
        let input = random.one(&["lines", "text", "hex", "raw", "frames"]);
        let mut arguments = vec!["-f", preset, "-o", out, "-s", parts, "-i", input, "-w", "5"];
        arguments.extend(random.one(&[&["--skip"][..], &["--stats"], &["--time"], &["-b"], &["-q"]]));
        arguments.extend(random.one(&[&["-"][..], &["--send-only", "-"], &["--", "cat"], &["-", "--", "cat"]]));
        let usual = [0, 1, 2, 4, b'\n', b'\r', b'0', b'1', b'A', b'|', b'\\', 255];
        let len = random.below(60);
        let bytes: Vec<u8> = (0..len).map(|_| random.one(&usual) ^ random.one(&[0, 0, 0, 0, 0, 0, 1, 64])).collect();
        let run = run_to_its_end(&mut program(), &arguments, &bytes);
        let ended = matches!(&run, Ok(run) if run.status.code().is_some_and(|code| [0, 1, 5].contains(&code)));
        if !ended {
            return Err(format!("{arguments:?} {:?}: {run:?}", bytes.escape_ascii().to_string()).into());
        }
    }
    Ok(())
}

fn two_talk(program: &dyn Fn() -> Command) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let socket: &Path = &folder.path().join("socket");
    let listen = ["-f", "postgres", "-l", socket.to_str().unwrap(), "-e", "-m", "R|\\0"];
    let server = Listening::start_command(program(), &listen, b"")?;
    ends(program, &["-f", "postgres", "-e", "-m", "user\\0", "-m", "Q|x", &server.address], b"", 0)?;
    let run = server.end()?;
    same("the server", run.status.code(), Some(0))?;
    holds("what it shows", run.out == b"user\\0\nx\n")
}
