//! The file of ceilings: figures in sections, each a line of a name, its ceiling, what was measured when that was set, and, where
//! something was promised, the most that the ceiling may ever be. A figure without a line has to be 0. Comments stay where they
//! are when the file is renewed.

use crate::trials::in_root;
use libtest_mimic::Failed;
use std::fmt::Write;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

const FILE: &str = "tests/costs/ceilings.txt";
const RENEW: &str = "FDWIRE_RENEW=1 cargo test --test costs";

/// One that is so far below its ceiling would hide what comes after it.
const LOOSE: f64 = 0.9;

/// What was measured.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// How to see where it comes from.
    pub(crate) hint: String,
}

/// How a section is held against its figures.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    /// The same with every compiler.
    Exact,
    /// The same with the compiler that is named in the file; with another, the ceilings are half as high again, and nothing is
    /// too low.
    OfCompiler,
    /// Exact, and a promise to users: ceilings are only lowered by renewing. Who has to break it writes them by hand, and why.
    Promised,
}

impl Manner {
    /// What a figure is given as its ceiling. The two hundredths are for what is none of the code: another linker's order.
    fn ceiling(self, value: f64) -> f64 {
        match self {
            Manner::OfCompiler => (value * 1.02 * 10.0).ceil() / 10.0,
            Manner::Exact | Manner::Promised => rounded_up(value),
        }
    }
}

/// Holds figures against the ceilings of a section, or renews that.
pub(crate) fn compare(section: &str, figures: Vec<Figure>, manner: Manner) -> Result<(), Failed> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let text = std::fs::read_to_string(in_root(FILE))?;
    let text = match std::env::var_os("FDWIRE_RENEW") {
        Some(_) => renew(&text, section, &figures, manner)?,
        None => text,
    };
    let ours = rustc()? == lines_of(&text, "compiler").next().unwrap_or_default();
    let looser = if manner == Manner::OfCompiler && !ours { 1.5 } else { 1.0 };
    let ceilings: Vec<Ceiling> = lines_of(&text, section).map(Ceiling::parse).collect::<Result<_, _>>()?;
    let (mut wrong, mut shown) = (String::new(), "");
    for Figure { name, value, hint } in &figures {
        let zero = Ceiling { name, ceiling: 0.0, measured: 0.0, most: None };
        let Ceiling { ceiling, measured, most, .. } = *ceilings.iter().find(|it| it.name == name).unwrap_or(&zero);
        let value = rounded_up(*value);
        if value > looser * ceiling || most.is_some_and(|most| ceiling > most) {
            let promised = most.map_or(String::new(), |most| format!(", and {most} is promised"));
            writeln!(wrong, "{name}: {value}, over the ceiling of {ceiling}; it was {measured}{promised}")?;
            if hint != shown {
                writeln!(wrong, "    {hint}")?;
                shown = hint;
            }
        } else if value < LOOSE * ceiling && looser == 1.0 {
            writeln!(wrong, "{name}: {value}, far below the ceiling of {ceiling}: renew that by {RENEW}")?;
        }
    }
    for stale in ceilings.iter().filter(|ceiling| figures.iter().all(|figure| figure.name != ceiling.name)) {
        writeln!(wrong, "{}: has a ceiling and is not measured", stale.name)?;
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{section}, a message ({FILE})\n{wrong}").into()),
    }
}

struct Ceiling<'t> {
    name: &'t str,
    ceiling: f64,
    measured: f64,
    most: Option<f64>,
}

impl<'t> Ceiling<'t> {
    /// A name ends where two blanks are.
    fn parse(line: &'t str) -> Result<Ceiling<'t>, String> {
        let wrong = || format!("{FILE}: no ceiling: {line}");
        let (name, numbers) = line.split_once("  ").ok_or_else(wrong)?;
        let numbers =
            numbers.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>().map_err(|_| wrong())?;
        match numbers[..] {
            [ceiling, measured] => Ok(Ceiling { name, ceiling, measured, most: None }),
            [ceiling, measured, most] => Ok(Ceiling { name, ceiling, measured, most: Some(most) }),
            _ => Err(wrong()),
        }
    }
}

/// The lines of a section that are no comment.
fn lines_of<'t>(text: &'t str, section: &str) -> impl Iterator<Item = &'t str> {
    let heading = format!("[{section}]");
    let lines = text.lines().skip_while(move |line| *line != heading).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Writes the file with new ceilings in a section, in the lines that are there and new ones behind them.
fn renew(text: &str, section: &str, figures: &[Figure], manner: Manner) -> Result<String, Failed> {
    let mut out = String::new();
    let (mut current, mut seen) = ("", false);
    let mut left: Vec<&Figure> = figures.iter().filter(|figure| figure.value > 0.0).collect();
    if manner == Manner::Promised {
        left.retain(|figure| lines_of(text, section).any(|line| line.starts_with(&format!("{}  ", figure.name))));
    }
    for line in text.lines() {
        if let Some(next) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            current = next;
            seen |= current == section;
        }
        let is_figure = !line.is_empty() && !line.starts_with(['#', '[']);
        if current == "compiler" && manner == Manner::OfCompiler && is_figure {
            writeln!(out, "{}", rustc()?)?;
        } else if current == section && is_figure {
            let old = Ceiling::parse(line)?;
            let Some(i) = left.iter().position(|figure| figure.name == old.name) else { continue };
            match left.remove(i) {
                figure if manner == Manner::Promised && figure.value > old.ceiling => writeln!(out, "{line}")?,
                figure => write_line(&mut out, figure, old.most, manner)?,
            }
        } else if current == section && line.is_empty() {
            left.drain(..).try_for_each(|figure| write_line(&mut out, figure, None, manner))?;
            writeln!(out)?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    if !seen && !left.is_empty() {
        writeln!(out, "\n[{section}]")?;
    }
    left.drain(..).try_for_each(|figure| write_line(&mut out, figure, None, manner))?;
    std::fs::write(in_root(FILE), &out)?;
    Ok(out)
}

fn write_line(out: &mut String, figure: &Figure, most: Option<f64>, manner: Manner) -> std::fmt::Result {
    let (ceiling, measured) = (manner.ceiling(figure.value), rounded_up(figure.value));
    let most = most.map_or(String::new(), |most| format!("{most:>12}"));
    writeln!(out, "{:<28}{:>12}{measured:>14}{most}", figure.name, ceiling)
}

/// As it is written in the file.
fn rounded_up(value: f64) -> f64 {
    (value * 1e6).ceil() / 1e6
}

fn rustc() -> Result<String, Failed> {
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    Ok(crate::trials::output(Command::new(rustc).arg("--version"))?.trim().to_owned())
}
