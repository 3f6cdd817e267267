//! Memory follows the bytes that came: for every kind of format and every announced length, what is held is at most twice those and
//! 64 KiB, and while a connection reads, the buffer of that read.

use crate::growth::check_kinds;
use crate::trials::{figure, output, test};
use crate::{FOLDER, of_another_system, program};
use libtest_mimic::{Failed, Trial};
use std::process::Command;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("bounds: memory: what came, not what was announced".into(), of_another_system(), held),
        test("bounds: memory: every kind".into(), of_another_system(), || {
            check_kinds(&program("held")?, "kinds", &["u64be"])
        }),
    ]
}

/// The program bounds its own address space, and fails where more is held than may be.
fn held() -> Result<(), Failed> {
    let printed = output(Command::new(program("held")?).current_dir(FOLDER))?;
    let (mut cases, mut worst, mut what) = (0, 0.0, "");
    for line in printed.lines() {
        // `recv: 12 cases, 0.500 worst: line, 100 bytes came`
        let parse = || {
            let (_, counts) = line.split_once(": ")?;
            let (count, rest) = counts.split_once(" cases, ")?;
            let (share, what) = rest.split_once(" worst: ")?;
            Some((count.parse::<u64>().ok()?, share.parse::<f64>().ok()?, what))
        };
        let (count, share, of) = parse().ok_or_else(|| format!("no counts: {line}"))?;
        cases += count;
        if share > worst {
            (worst, what) = (share, of);
        }
    }
    if cases == 0 {
        return Err("nothing was tried".into());
    }
    figure(
        "memory.cases",
        cases,
        "streams that broke off, of every kind, announced length and way in, whose memory was held to its bound",
    );
    figure(
        "memory.worst",
        format_args!("{worst:.3}"),
        &format!("of twice the bytes that came and 64 KiB were held at most ({what})"),
    );
    Ok(())
}
