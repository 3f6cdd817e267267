//! The library as the sanitizers want it: built with them, in folders of its own.

use super::{ROOT, in_root, knows};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// What a program needs besides a static libfdwire, as rustc says of it.
pub(crate) const NATIVE: [&str; 3] = ["-lpthread", "-ldl", "-lm"];
/// What gcc is told.
pub(crate) const FLAGS: &str = "-fsanitize=address,undefined";
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The static library, built with AddressSanitizer, or why there is none.
pub(crate) static ADDRESS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))) {
        return Err("sanitizers: set up for x86-64 Linux only".into());
    }
    if !knows("gcc", FLAGS) {
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
pub(crate) static THREADS: LazyLock<Result<[PathBuf; 2], String>> = LazyLock::new(|| {
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
