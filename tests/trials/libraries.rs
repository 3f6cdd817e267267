//! The static library in other builds than cargo's own: as checkers want it, for other systems, and without what only Linux has.
//! Each is there, or there is a reason why not.

use super::{ROOT, in_root, knows, lack};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// What a program needs besides a static libfdwire, as rustc says of it.
pub(crate) const NATIVE: [&str; 3] = ["-lpthread", "-ldl", "-lm"];

/// What gcc is told, beside [`ADDRESS`].
pub(crate) const FLAGS: &str = "-fsanitize=address,undefined";

const TARGET: &str = "x86_64-unknown-linux-gnu";
const MUSL_TARGET: &str = "x86_64-unknown-linux-musl";

/// For libraries on which little runs: optimised, they take three times as long to build.
const UNOPTIMISED: [&str; 2] = ["--config", "profile.dev.package.fdwire.opt-level=0"];

/// Has cargo build Rust's own library, too, without what only names the functions of a backtrace.
const RUSTS_LIBRARY: [&str; 2] = ["-Zbuild-std=std,panic_unwind", "-Zbuild-std-features=panic-unwind"];

/// With AddressSanitizer.
pub(crate) static ADDRESS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    set_up_here("sanitizers")?;
    if !knows("gcc", FLAGS) {
        return Err("gcc's sanitizers".into());
    }
    let folder = build("AddressSanitizer", TARGET, "target/sanitizers", "-Zsanitizer=address", &[])?;
    Ok(folder.join("debug/libfdwire.a"))
});

/// With ThreadSanitizer, and the runtime that goes with it. Rust's own library has to be built with it too: the locks are in there.
pub(crate) static THREADS: LazyLock<Result<[PathBuf; 2], String>> = LazyLock::new(|| {
    set_up_here("sanitizers")?;
    sources()?;
    let files = std::fs::read_dir(folder_of("target-libdir", TARGET)?).map_err(|error| error.to_string())?;
    let mut files = files.filter_map(|file| Some(file.ok()?.path()));
    let runtime = files.find(|file| file.to_string_lossy().ends_with("_rt.tsan.a")).ok_or("rustc's ThreadSanitizer")?;
    let options = [&["--release"], &RUSTS_LIBRARY[..]].concat();
    let folder = build("ThreadSanitizer", TARGET, "target/threads", "-Zsanitizer=thread", &options)?;
    Ok([folder.join("release/libfdwire.a"), runtime])
});

/// With locks that helgrind can see, those of pthreads: on Linux Rust's library makes its own of futexes. It has both kinds, and
/// here a copy of it takes the other one. The rest of it, and all of fdwire, is as it was.
pub(crate) static PTHREADS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    set_up_here("helgrind")?;
    let (target, sources) = (in_root("target/helgrind"), sources()?);
    let copy = target.join("rust");
    std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
    let copied = Command::new("cp").args(["-r", "-u"]).arg(&sources).arg(&copy).status();
    if !copied.is_ok_and(|status| status.success()) {
        return Err(format!("a copy of {}", sources.display()));
    }
    for file in ["sync/mutex/mod.rs", "sync/condvar/mod.rs", "pal/unix/sync/mod.rs"] {
        without_futexes(&sources, &copy, &format!("library/std/src/sys/{file}"))?;
    }
    start_warm(&target.join("release"));
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--lib", "--target", TARGET, "--target-dir"]).arg(&target).args(RUSTS_LIBRARY);
    // tests/c/helgrind.supp has names of functions that are inlined, which valgrind finds within one unit only.
    build.args(["--config", "profile.release.codegen-units=1"]);
    unstable(&mut build).map_err(|error| error.to_string())?;
    build.env("__CARGO_TESTS_ONLY_SRC_ROOT", copy.join("library"));
    run_build("locks of pthreads", &mut build)?;
    Ok(target.join(TARGET).join("release/libfdwire.a"))
});

/// Has a file of Rust's library choose as on systems that have no futexes.
fn without_futexes(sources: &Path, copy: &Path, file: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(sources.join(file)).map_err(|error| format!("{file}: {error}"))?;
    let changed = text.replace("target_os = \"linux\",", "target_os = \"none\",");
    if changed == text {
        return Err(format!("{file} of Rust's library as it used to be"));
    }
    let kept = std::fs::read_to_string(copy.join(file)).is_ok_and(|kept| kept == changed);
    if kept { Ok(()) } else { std::fs::write(copy.join(file), changed).map_err(|error| format!("{file}: {error}")) }
}

/// With the portable ways of system calls.
pub(crate) static PORTABLE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    set_up_here("portable ways")?;
    let folder = build("portable system calls", TARGET, "target", "--cfg fdwire_portable", &UNOPTIMISED)?;
    Ok(folder.join("debug/libfdwire.a"))
});

/// For musl, and Rust's own unwinder: gcc's is for glibc.
pub(crate) static MUSL: LazyLock<Result<[PathBuf; 2], String>> = LazyLock::new(|| {
    if let Some(lacking) = lack("musl-gcc", "--version") {
        return Err(lacking);
    }
    let unwinder = folder_of("target-libdir", MUSL_TARGET)?.join("self-contained/libunwind.a");
    if !unwinder.exists() {
        return Err(format!("Rust's library for {MUSL_TARGET} (rustup target add {MUSL_TARGET})"));
    }
    let folder = build("musl", MUSL_TARGET, "target", "", &UNOPTIMISED)?;
    Ok([folder.join("debug/libfdwire.a"), unwinder])
});

fn set_up_here(what: &str) -> Result<(), String> {
    match cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        true => Ok(()),
        false => Err(format!("{what}: set up for x86-64 Linux only")),
    }
}

/// Builds a library, and says in which folder it is.
fn build(kind: &str, target: &str, folder: &str, flags: &str, options: &[&str]) -> Result<PathBuf, String> {
    let folder = in_root(folder);
    start_warm(&folder.join(if options.contains(&"--release") { "release" } else { "debug" }));
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--lib", "--target", target, "--target-dir"]).arg(&folder).args(options);
    build.env("RUSTFLAGS", flags);
    if flags.starts_with("-Z") {
        unstable(&mut build).map_err(|error| format!("{kind}: {error}"))?;
    }
    run_build(kind, &mut build)?;
    Ok(folder.join(target))
}

/// What the build script needs is the same for all builds: a new folder starts with what is there already.
fn start_warm(folder: &Path) {
    let built = in_root("target").join(folder.file_name().unwrap());
    for (part, how) in [("deps", "-al"), ("build", "-a"), (".fingerprint", "-a")] {
        if built.join(part).exists() && !folder.join(part).exists() && std::fs::create_dir_all(folder).is_ok() {
            // Where it fails, all is built.
            let _ = Command::new("cp").arg(how).args([built.join(part), folder.join(part)]).status();
        }
    }
}

/// Lets the stable compiler take unstable options. In cargo's own environment this would have the build script's crates
/// built once more.
fn unstable(build: &mut Command) -> io::Result<()> {
    let wrapper = in_root("target/unstable-rustc");
    let fresh = wrapper.with_extension(format!("{:?}", std::thread::current().id()));
    std::fs::write(&fresh, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec \"$@\"\n")?;
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755))?;
    std::fs::rename(&fresh, &wrapper)?;
    build.env("RUSTC_WRAPPER", wrapper).env("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly");
    Ok(())
}

fn run_build(kind: &str, build: &mut Command) -> Result<(), String> {
    eprintln!("building the library with {kind}");
    // Of release builds, those with Rust's own library: in parts, and optimised a little, they take a third of the time.
    for (key, value) in [("OPT_LEVEL", "1"), ("DEBUG", "line-tables-only"), ("CODEGEN_UNITS", "16"), ("LTO", "off")] {
        build.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
    }
    match build.current_dir(ROOT).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("a library with {kind}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("cargo: {error}")),
    }
}

/// The sources of Rust's own library.
fn sources() -> Result<PathBuf, String> {
    let sources = folder_of("sysroot", TARGET)?.join("lib/rustlib/src/rust");
    match sources.join("library").exists() {
        true => Ok(sources),
        false => Err("sources of Rust's library (rustup component add rust-src)".into()),
    }
}

fn folder_of(what: &str, target: &str) -> Result<PathBuf, String> {
    let output = Command::new("rustc").args(["--print", what, "--target", target]).output();
    let output = output.map_err(|error| format!("rustc: {error}"))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
