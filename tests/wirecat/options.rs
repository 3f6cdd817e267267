//! The command line, what it says of itself, and the man page beside it.

use super::tool::{holds, same, wirecat, wirecat_of};
use crate::trials::in_root;
use libtest_mimic::Failed;
use std::collections::BTreeSet;
use std::process::Command;

const MANUAL: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples-c/wirecat.1"));

/// An option by its names, with the value that it takes.
type Options = BTreeSet<(String, String, String)>;

/// Lines like `  -f, --format FORMAT  how messages are laid out`.
fn options_of_help(help: &str) -> Options {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    let options = lines.filter(|line| line.trim_start().starts_with('-') && line.contains("--"));
    let parts = options.map(|line| {
        let (letter, rest) = line.split_at(4);
        let mut words = rest[..rest.len().min(22)].split_whitespace();
        let name = words.next().unwrap_or_default();
        (letter.trim().trim_end_matches(',').to_owned(), name.to_owned(), words.next().unwrap_or_default().to_owned())
    });
    parts.collect()
}

/// Lines like `.It Fl f Ar FORMAT , Fl Fl format Ar FORMAT`.
fn options_of_manual() -> Options {
    let lines = MANUAL.lines().filter(|line| line.starts_with(".It Fl "));
    let options = lines.map(|line| {
        let (mut letter, mut name, mut value) = (String::new(), String::new(), String::new());
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            match (word, words.clone().next()) {
                ("Fl", Some("Fl")) => name = format!("--{}", words.nth(1).unwrap_or_default()),
                ("Fl", Some(short)) => letter = format!("-{short}"),
                ("Ar", Some(argument)) => value = argument.to_owned(),
                _ => {}
            }
        }
        (letter, name, value)
    });
    options.collect()
}

pub(crate) fn manual_and_help_agree() -> Result<(), Failed> {
    let help = wirecat("--help", b"")?.text(0)?;
    let options = options_of_help(&help);
    holds("more than twenty options", options.len() > 20)?;
    same("the man page's options", options_of_manual(), options)?;
    let wide = help.lines().find(|line| line.len() > 100);
    holds(&format!("{wide:?} is no longer than a terminal"), wide.is_none())
}

/// An option that no test gives is one that nobody has tried.
pub(crate) fn every_option_is_tried() -> Result<(), Failed> {
    let files = std::fs::read_dir(in_root("tests/wirecat"))?.map(|entry| std::fs::read_to_string(entry?.path()));
    let tests = files.collect::<Result<String, _>>()?;
    for (letter, name, _) in options_of_manual() {
        let ways = [
            format!("{name} "),
            format!("{name}\""),
            format!("{name}="),
            format!("\"{letter}\""),
            format!("{letter} "),
        ];
        let tried = ways.iter().any(|way| way.trim().len() > 1 && tests.contains(way.as_str()));
        holds(&format!("{name} is tried"), tried)?;
    }
    Ok(())
}

/// Every status of the man page is one of --help's.
pub(crate) fn statuses_are_documented() -> Result<(), Failed> {
    let section = MANUAL.split(".Sh EXIT STATUS").nth(1).unwrap().split(".Sh ").next().unwrap();
    let statuses: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix(".It ")).collect();
    same("statuses", statuses, vec!["0", "1", "2", "3", "4", "5", "6"])
}

pub(crate) fn manual_is_well_formed() -> Result<(), Failed> {
    let mut groff = Command::new("groff");
    let checked = groff.args(["-mandoc", "-Tutf8", "-ww", "-P-c"]).arg(in_root("examples-c/wirecat.1")).output()?;
    same("groff's complaints", String::from_utf8_lossy(&checked.stderr).into_owned(), String::new())?;
    let text = String::from_utf8_lossy(&checked.stdout);
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"] {
        holds(section, text.lines().any(|line| line.contains(section) || line.contains(&overstruck(section))))?;
    }
    Ok(())
}

/// How a terminal of paper has bold letters.
fn overstruck(text: &str) -> String {
    text.chars().flat_map(|c| if c == ' ' { vec![c] } else { vec![c, '\u{8}', c] }).collect()
}

pub(crate) fn version_is_the_library_s() -> Result<(), Failed> {
    let expected = format!("wirecat of fdwire {}\n", env!("CARGO_PKG_VERSION"));
    same("version", wirecat("-V", b"")?.text(0)?, expected.clone())?;
    same("version", wirecat("--version", b"")?.text(0)?, expected)
}

/// Command lines that are wrong, and what is said of them.
const WRONG: [(&str, &str); 34] = [
    ("", "ADDRESS: it is missing"),
    ("--nonesuch", "--nonesuch: no such option"),
    ("-Z", "-Z: no such option"),
    ("a:1 b:2", "b:2: there is an address already"),
    ("-f", "-f: a value is missing"),
    ("--format", "--format: a value is missing"),
    ("--list=x", "--list=x: it takes no value"),
    ("--", "the command is missing"),
    ("--listen -- cat", "ADDRESS: it is missing"),
    ("--to b:2", "ADDRESS: it is missing"),
    ("--to b:2 a:1 -- cat", "--to: the command is there already"),
    ("--to b:2 -m x a:1", "between two there is nothing to be said"),
    ("--to b:2 -t a:1", "between two there is nothing to be said"),
    ("-n 1 a:1 -- cat", "between two there is nothing to be said"),
    ("-o raw a:1 -- cat", "raw and lines do not tell the directions apart"),
    ("--keep a:1", "it belongs to --listen"),
    ("--send-only --recv-only a:1", "nothing is received with it"),
    ("--send-only -n 1 a:1", "nothing is received with it"),
    ("--send-only -t a:1", "nothing is received with it"),
    ("--recv-only -m x a:1", "nothing is sent with it"),
    ("--both -o raw a:1", "raw and lines do not tell the directions apart"),
    ("--time -o lines a:1", "raw and lines have no place for it"),
    ("--cut 1 -o json a:1", "only text, hex and dump can be cut"),
    ("--cut x a:1", "--cut x: no SIZE here"),
    ("--cut 1T a:1", "--cut 1T: no SIZE here"),
    ("--cut 99999999999 a:1", "--cut 99999999999: no SIZE here"),
    ("-n 0 a:1", "--count 0: no N here"),
    ("-n -1 a:1", "--count -1: no N here"),
    ("-w x a:1", "--timeout x: no SECONDS here"),
    ("-w -1 a:1", "--timeout -1: no SECONDS here"),
    ("-i morse a:1", "--in morse: no FORM here"),
    ("-o morse a:1", "--out morse: no FORM here"),
    ("-s heads a:1", "--show heads: no PARTS here"),
    ("--head \\x a:1", "--head \\x: no BYTES here"),
];

pub(crate) fn wrong_command_lines_are_explained() -> Result<(), Failed> {
    for (arguments, why) in WRONG {
        wirecat(arguments, b"")?.complains(2, why)?;
    }
    wirecat_of(&["-f", "u32be heads=8", "a:1"], b"")?.complains(2, "column 7, \"heads=8\"")?;
    wirecat("--send-first nonesuch a:1", b"")?.complains(2, "format nonesuch:")?;
    wirecat("--color blue a:1", b"")?.complains(2, "--color blue: no WHEN here")?;
    Ok(())
}

pub(crate) fn options_can_be_written_in_every_way() -> Result<(), Failed> {
    let stream = b"one\ntwo\n";
    for way in [
        &["-f", "line", "-n", "1", "-"][..],
        &["-fline", "-n1", "-"],
        &["-tqfline", "-n", "1", "-"],
        &["-", "--format", "line", "--count", "1"],
        &["--format=line", "--count=1", "-"],
    ] {
        same(&format!("{way:?}"), wirecat_of(way, stream)?.text(0)?, "one\n".into())?;
    }
    Ok(())
}

pub(crate) fn describe_draws_what_the_library_draws() -> Result<(), Failed> {
    let draw = |text: &str| fdwire::format::Format::parse(text).unwrap().describe().to_string();
    let text = "u32be at=1 counts=field";
    same("one", wirecat_of(&["--describe", "-f", text], b"")?.text(0)?, draw(text))?;
    same("the default", wirecat("--describe", b"")?.text(0)?, draw("u32be"))?;
    let (startup, postgres) = (draw("postgres-startup"), draw("postgres"));
    let opening = format!("sent first:\n\n{startup}then, in both directions:\n\n{postgres}");
    same("an opening", wirecat("--describe -f postgres", b"")?.text(0)?, opening)?;
    let differing = format!("sent:\n\n{}received:\n\n{}", draw("line"), draw("redis"));
    same("two", wirecat("--describe --send-format line --recv-format redis", b"")?.text(0)?, differing)
}

pub(crate) fn list_has_every_preset() -> Result<(), Failed> {
    let list = wirecat("--list", b"")?.text(0)?;
    let presets = fdwire::format::PRESETS;
    same("lines", list.lines().count(), 2 * presets.len())?;
    for preset in presets {
        let (name, source) = (preset.name().to_str()?, preset.source().to_str()?);
        let text = preset.text().to_str()?;
        holds(name, list.contains(&format!("{name:<24} {source}\n{:24} {text}\n", "")))?;
    }
    let git = wirecat("--list git", b"")?.text(0)?;
    holds("git alone", git.starts_with("git-pkt-line ") && git.lines().count() == 2)?;
    let by_source = wirecat("--list gitprotocol-common", b"")?.text(0)?;
    same("by its source", by_source, git)
}
