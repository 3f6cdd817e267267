//! Bodies of any size, through memory that does not grow with them: the system gives it no more than so much.

use super::tool::{Listening, Run, holds, program, same, sh};
use crate::trials::all;
use libtest_mimic::Failed;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Bytes in the body: more than all the memory that there is.
fn size() -> u64 {
    if all() { 1 << 30 } else { 64 << 20 }
}

/// Kilobytes of addresses. Some 10 MB are the program's own and libc's.
const MEMORY: u64 = 32 << 10;

/// A format with room for it.
const FORMAT: &str = "u64be max=4G";

/// The same in forms that take longer.
const SHOWN: u64 = 64 << 20;

/// Nothing in this file is the same as what lies elsewhere in it.
fn make_file(path: &Path) -> Result<(), Failed> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for i in 0..size() / 8 {
        file.write_all(&(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes())?;
    }
    Ok(file.flush()?)
}

fn limited(script: &str) -> String {
    format!("ulimit -v {MEMORY}; {script}")
}

pub(crate) fn a_body_passes_through_little_memory() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let [sent, received] = ["sent", "received"].map(|name| folder.path().join(name));
    make_file(&sent)?;
    let mut server = Command::new("bash");
    let show = format!("exec \"$W\" -l 127.0.0.1:0 -f '{FORMAT}' -o raw > {}", received.display());
    server.args(["-c", &limited(&show)]).env("W", program()?);
    let server = Listening::start_command(server, &[], b"")?;
    let send = format!("exec \"$W\" -f '{FORMAT}' --file {} {}", sent.display(), server.address);
    sh(&limited(&send), b"")?.shown(0)?;
    server.end()?.shown(0)?;
    let compared = Command::new("cmp").args([&sent, &received]).output()?;
    same("what cmp says", String::from_utf8_lossy(&compared.stdout).into_owned(), String::new())?;
    // A file on standard input is not held either.
    let raw =
        format!("\"$W\" -f '{FORMAT}' -i raw --send-only - < {} | cmp -i 8:0 - {}", sent.display(), sent.display());
    sh(&limited(&raw), b"")?.shown(0).map(drop)
}

/// One piped into another, whose output is only counted.
fn counted(options: &str, body: &Path) -> Result<u64, Failed> {
    let send = format!("\"$W\" -f '{FORMAT}' --send-only --file {} -", body.display());
    let count = format!("set -o pipefail; {send} | \"$W\" -f '{FORMAT}' {options} - | wc -c");
    Ok(sh(&limited(&count), b"")?.text(0)?.trim().parse()?)
}

pub(crate) fn every_form_shows_a_body_in_little_memory() -> Result<(), Failed> {
    let (folder, size) = (tempfile::tempdir()?, SHOWN);
    let body = folder.path().join("body");
    std::fs::File::create(&body)?.set_len(size)?;
    same("raw", counted("-o raw", &body)?, size)?;
    same("lines", counted("-o lines", &body)?, size + 1)?;
    same("hex", counted("-o hex", &body)?, 2 * size + 1)?;
    same("text", counted("-o text", &body)?, 2 * size + 1)?;
    let fields = "{\"direction\":\"in\",\"message\":1,\"offset\":0,\"body_base64\":\"\"}\n".len() as u64;
    same("json", counted("-o json -s body", &body)?, size.div_ceil(3) * 4 + fields)?;
    same(
        "cut",
        counted("-o text --cut 10", &body)?,
        "\\0".len() as u64 * 10 + format!("... ({size} bytes)\n").len() as u64,
    )
}

/// A length that is a lie costs nothing.
pub(crate) fn what_is_announced_takes_no_memory() -> Result<(), Failed> {
    let stream = [&(4u64 << 30).to_be_bytes()[..], b"little"].concat();
    let run: Run = sh(&limited(&format!("exec \"$W\" -f '{FORMAT}' -")), &stream)?;
    let run = run.complains(1, "the stream ended inside it, behind 14 bytes")?;
    same("what came", run.out, b"little (cut off)\n".to_vec())?;
    holds("the size is more than the memory", size() > MEMORY << 10)
}
