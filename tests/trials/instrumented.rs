//! The static library as checkers want it, or why there is none.

use crate::trials::{ROOT, in_root};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The static library, built with AddressSanitizer, or why there is none.
pub(crate) static SANITIZED: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))) {
        return Err("sanitizers: set up for x86-64 Linux only".into());
    }
    if !super::knows("gcc", super::SANITIZERS) {
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
pub(crate) static RACES: LazyLock<Result<[PathBuf; 2], String>> = LazyLock::new(|| {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))) {
        return Err("sanitizers: set up for x86-64 Linux only".into());
    }
    sources()?;
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

/// The static library with locks that helgrind can see, those of pthreads: on Linux Rust's library makes its own of futexes. It
/// has both kinds, and here a copy of it takes the other one. The rest of it, and all of fdwire, is as it was.
pub(crate) static PTHREADS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))) {
        return Err("helgrind: set up for x86-64 Linux only".into());
    }
    let (target, sources) = (in_root("target/helgrind"), sources()?);
    let copy = target.join("rust");
    eprintln!("building the library with locks of pthreads");
    std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
    let copied = Command::new("cp").args(["-r", "-u"]).arg(&sources).arg(&copy).status();
    if !copied.is_ok_and(|status| status.success()) {
        return Err(format!("a copy of {}", sources.display()));
    }
    for file in ["sync/mutex/mod.rs", "sync/condvar/mod.rs", "pal/unix/sync/mod.rs"] {
        without_futexes(&sources, &copy, &format!("library/std/src/sys/{file}"))?;
    }
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--lib", "-Zbuild-std", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .current_dir(ROOT)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_TESTS_ONLY_SRC_ROOT", copy.join("library"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "1")
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(target.join(TARGET).join("release/libfdwire.a")),
        Ok(output) => Err(format!("a library with locks of pthreads: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("cargo: {error}")),
    }
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

/// Those of Rust's own library.
fn sources() -> Result<PathBuf, String> {
    let sources = folder("sysroot")?.join("lib/rustlib/src/rust");
    match sources.join("library").exists() {
        true => Ok(sources),
        false => Err("sources of Rust's library (rustup component add rust-src)".into()),
    }
}

fn folder(what: &str) -> Result<PathBuf, String> {
    let output = Command::new("rustc").args(["--print", what]).output().map_err(|error| format!("rustc: {error}"))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
