//! How cost grows with what comes: twice the bytes, or the messages, take at most 2.2 times the instructions and the calls: in a decoder
//! for every kind of format, over connections and descriptors for some that stand for the others, and every way in.

use crate::trials::{figure, in_root, output};
use crate::{Counts, FOLDER, of_another_system, program};
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// What a doubling may cost at most. A little more than twice, for buffers that grow by doubling, too.
const MOST: f64 = 2.2;

/// Fewer instructions than that are none of the work's, and may jump as they like.
const FEW: f64 = 20_000.0;

/// System calls that are needed once.
const FEW_CALLS: f64 = 8.0;

const GROUPS: [&str; 5] = ["decode", "skip", "receive", "send", "text"];

pub(crate) fn tests() -> Vec<Trial> {
    let lacking = || of_another_system().or_else(|| crate::trials::lack("valgrind", "--version"));
    let trial =
        |group: &'static str| crate::trials::test(format!("bounds: growth: {group}"), lacking(), move || grows(group));
    let mut tests: Vec<_> = GROUPS.into_iter().map(trial).collect();
    tests.push(crate::trials::test("bounds: growth: every kind".into(), of_another_system(), every_kind));
    tests
}

/// One work, done with n, 2n and 4n.
struct Case {
    name: String,
    instructions: Vec<f64>,
    calls: Vec<f64>,
}

impl Case {
    /// The worst of the doublings.
    fn worst(&self) -> f64 {
        let ratios = |counts: &[f64], few: f64| {
            let ratio = |pair: &[f64]| if pair[1] < few { 0.0 } else { pair[1] / pair[0].max(1.0) };
            counts.windows(2).map(ratio).fold(0.0, f64::max)
        };
        ratios(&self.instructions, FEW).max(ratios(&self.calls, FEW_CALLS))
    }
}

fn grows(group: &str) -> Result<(), Failed> {
    let profile = Path::new(FOLDER).join(format!("callgrind.growth-{group}"));
    let printed = output(
        Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind", "--zero-before=measured", "--dump-after=measured"])
            .arg("--combine-dumps=yes")
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .args([program("growth")?.as_os_str(), group.as_ref()]),
    )?;
    let profile = std::fs::read_to_string(&profile)?;
    let mut totals = profile.lines().filter_map(|line| line.strip_prefix("totals: ")?.trim().parse::<f64>().ok());
    let mut cases: Vec<Case> = Vec::new();
    for line in printed.lines() {
        let (name, counts) = Counts::parse(line)?;
        let total = totals.next().ok_or("callgrind has not counted all works")?;
        if cases.last().is_none_or(|case| case.name != name || case.calls.len() == 3) {
            cases.push(Case { name, instructions: Vec::new(), calls: Vec::new() });
        }
        let Some(case) = cases.last_mut() else { continue };
        case.instructions.push(total);
        case.calls.push(counts.of("calls")?);
    }
    judge(group, &cases)
}

fn judge(group: &str, cases: &[Case]) -> Result<(), Failed> {
    let mut wrong = String::new();
    for case in cases {
        let (worst, counts) = (case.worst(), &case.instructions);
        if counts.len() != 3 {
            writeln!(wrong, "{}: done {} times, not three", case.name, counts.len())?;
        } else if worst > MOST {
            writeln!(
                wrong,
                "{}: {worst:.2} times a doubling: instructions {counts:?}, calls {:?}",
                case.name, case.calls
            )?;
        }
    }
    if !wrong.is_empty() {
        return Err(format!("a doubling costs more than {MOST} times as much\n{wrong}").into());
    }
    let worst = cases.iter().max_by(|a, b| a.worst().total_cmp(&b.worst())).ok_or("no work was done")?;
    figure(&format!("growth.cases.{group}"), cases.len(), "works whose cost was counted at 1, 2 and 4 times the input");
    figure(
        &format!("growth.worst.{group}"),
        format_args!("{:.2}", worst.worst()),
        &format!("times the cost at twice the input, at most ({})", worst.name),
    );
    Ok(())
}

fn every_kind() -> Result<(), Failed> {
    let numbers = ["u8", "u16be", "u16le", "u24be", "u32be", "u32ne", "u64le", "i32be"];
    check_kinds(&program("growth")?, "shapes", &[&numbers[..], &["fixed", "custom"]].concat())
}

/// A kind of format that a program does not try would cost what it likes: each that a text may begin with has to be among those that
/// it lists, and `more`.
pub(crate) fn check_kinds(program: &Path, list: &str, more: &[&str]) -> Result<(), Failed> {
    let printed = output(Command::new(program).arg(list))?;
    let done: BTreeSet<&str> = printed.lines().filter_map(|text| text.split(' ').next()).collect();
    let source = std::fs::read_to_string(in_root("src/format/parse.rs"))?;
    let named = source.lines().filter_map(|line| line.trim().strip_prefix("b\"")?.split_once("\" => "));
    let mut kinds: Vec<&str> = named.map(|(name, _)| name).collect();
    if !["fixed", "line", "select"].iter().all(|kind| kinds.contains(kind)) {
        return Err(format!("src/format/parse.rs is not read any more as it was: only {kinds:?} are found").into());
    }
    kinds.extend(more);
    match kinds.iter().filter(|kind| !done.contains(*kind)).collect::<Vec<_>>()[..] {
        [] => Ok(()),
        ref lacking => Err(format!("{}: nothing is tried of these kinds: {lacking:?}", program.display()).into()),
    }
}
