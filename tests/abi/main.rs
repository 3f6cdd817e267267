//! What linked programs, and those who package the library, rely on: its symbols and types, how it is linked, the glibc and the
//! crates that it needs, and that it compiles for other systems.
//!
//! The library is the release build.

mod elf;
mod header;
mod stub;
#[path = "../trials/mod.rs"]
mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use trials::{RELEASE, ROOT, figure, in_root, lack, output, run, test};

const HEADER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/include/fdwire.h"));

/// The crates that are in the library.
const CRATES: [&str; 5] = ["fdwire", "libc", "memchr", "socket2", "thiserror"];

/// What the library compiles for, beside the system that it is built on.
const TARGETS: [&str; 5] = [
    "aarch64-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-apple-darwin",
    "x86_64-unknown-freebsd",
];

fn main() {
    let mut tests = Vec::new();
    tests.push(Trial::test("header: all is documented", || header::is_documented(HEADER)));
    tests.push(of_library("symbols: the shared library", "so", |so| elf::exports_only(so, &header::functions(HEADER))));
    tests.push(of_library("symbols: the static library", "a", |a| {
        elf::has_no_strange_names(a, &header::functions(HEADER))
    }));
    tests.push(of_library("linking: the shared library", "so", elf::is_hardened));
    tests.push(of_library("linking: the static library", "a", elf::has_no_executable_stack));
    tests.push(of_library("glibc: the oldest that works", "so", elf::works_with_glibc));
    let abidiff = || lack("abidiff", "--version").or_else(|| lack("gcc", "--version"));
    tests.push(test("types: as in the last release".into(), abidiff(), || stub::is_compatible(HEADER)));
    tests.push(test("types: breaks are seen".into(), abidiff(), || stub::breaks_are_seen(HEADER)));
    for target in TARGETS {
        tests.push(test(format!("portability: {target}"), lack_of_target(target), move || compiles_for(target)));
    }
    tests.push(Trial::test("dependencies: what is in the library", is_lean));
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let name = format!("dependencies: licences, bans and sources of {manifest}");
        tests.push(test(name, lack("cargo-deny", "--version"), move || keeps_to_policy(manifest)));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), tests);
    if conclusion.num_failed + conclusion.num_ignored + conclusion.num_filtered_out == 0 {
        figure("portability.targets", TARGETS.len(), "other targets that the library compiles for without a warning");
    }
    conclusion.exit();
}

/// A test of a library that was built, for the system whose libraries are known here.
fn of_library(name: &str, kind: &'static str, body: fn(&Path) -> Result<(), Failed>) -> Trial {
    let known = cfg!(all(target_os = "linux", target_env = "gnu"));
    let lacking = (!known).then(|| "Linux with glibc".into()).or_else(|| lack("readelf", "--version"));
    test(name.into(), lacking, move || {
        let library = RELEASE.as_deref().map_err(|why| Failed::from(why.clone()))?;
        body(&library.with_extension(kind))
    })
}

fn lack_of_target(target: &str) -> Option<String> {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]));
    let there = libraries.is_ok_and(|path| Path::new(path.trim()).exists());
    (!there).then(|| format!("Rust's library for {target} (rustup target add {target})"))
}

fn compiles_for(target: &str) -> Result<(), Failed> {
    run(Command::new(env!("CARGO"))
        .args(["check", "--locked", "--lib", "--target", target, "--target-dir"])
        .arg(in_root("target"))
        .current_dir(ROOT)
        .env("RUSTFLAGS", "-D warnings"))
}

fn is_lean() -> Result<(), Failed> {
    let tree = output(
        Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--edges", "normal,no-proc-macro", "--prefix", "none"])
            .current_dir(ROOT),
    )?;
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    if crates != BTreeSet::from(CRATES) {
        return Err(format!("in the library are {crates:?}").into());
    }
    figure("deny.linked", crates.len() - 1, "crates that are in the library beside its own");
    Ok(())
}

/// What deny.toml says.
fn keeps_to_policy(manifest: &str) -> Result<(), Failed> {
    let deny = ["deny", "--manifest-path", manifest, "check", "licenses", "bans", "sources"];
    run(Command::new(env!("CARGO")).args(deny).current_dir(ROOT))?;
    let lock = std::fs::read_to_string(in_root(manifest).with_extension("lock"))?;
    let key = if manifest.starts_with("fuzz") { "deny.fuzz_crates" } else { "deny.crates" };
    let crates = lock.matches("[[package]]").count();
    figure(key, crates, "crates held against deny.toml's licences, bans and sources");
    Ok(())
}
