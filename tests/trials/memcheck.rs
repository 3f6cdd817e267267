//! Memcheck, with descriptors tracked. Not every valgrind takes one that stays open for an error, so what it prints is read.

use super::run;
use libtest_mimic::Failed;
use std::path::Path;
use std::process::Command;

/// What is forked holds what its parent has open, and says nothing; its errors are in its exit status.
const OPTIONS: [&str; 7] = [
    "--leak-check=full",
    "--show-leak-kinds=all",
    "--errors-for-leak-kinds=all",
    "--track-fds=yes",
    "--child-silent-after-fork=yes",
    "--error-exitcode=99",
    "--fair-sched=yes",
];

/// Runs a program by a command that ends in `valgrind`: it makes no error, and nothing stays in memory or open.
pub(crate) fn run_clean(command: &mut Command, program: &Path) -> Result<(), Failed> {
    let log = program.with_extension("memcheck");
    let ran = run(command.args(OPTIONS).arg(format!("--log-file={}", log.display())).arg(program));
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    if let Err(failed) = ran {
        return Err(format!("{}\n{said}", failed.message().unwrap_or_default()).into());
    }
    match left_open(&said) {
        Some(left) if left.is_empty() => Ok(()),
        Some(left) => Err(format!("descriptors were left open: {left:#?}\n{said}").into()),
        None => Err(format!("descriptors were not tracked:\n{said}").into()),
    }
}

/// Descriptors that the program opened itself and never closed, if they were looked at.
fn left_open(log: &str) -> Option<Vec<&str>> {
    // Each line begins with ==PID==.
    let lines: Vec<&str> = log.lines().map(|line| line.splitn(3, "==").last().unwrap_or_default().trim()).collect();
    lines.iter().find(|line| line.starts_with("FILE DESCRIPTORS: "))?;
    let left = lines.windows(2).filter(|pair| pair[0].starts_with("Open ") && pair[1] != "<inherited from parent>");
    Some(left.map(|pair| pair[0]).collect())
}
