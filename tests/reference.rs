//! The reference that is made of the header: manual pages, by the build script, and HTML, by Doxygen.

#[path = "abi/header.rs"]
#[allow(dead_code)]
mod header;
mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use trials::{figure, in_root, lack, output, run, test};

const HEADER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/include/fdwire.h"));

fn main() {
    let tests = vec![
        Trial::test("manual: all that the header declares is in it", all_is_in_the_manual),
        Trial::test("manual: what the header says, it says", nothing_is_left_out),
        test("manual: groff has no warning".into(), lack("groff", "--version"), groff_is_content),
        test("manual: mandoc has no warning".into(), lack_of_mandoc(), mandoc_is_content),
        test("HTML: doxygen has no warning, and all is in it".into(), lack_of_doxygen(), doxygen_is_content),
    ];
    let conclusion = libtest_mimic::run(&Arguments::from_args(), tests);
    if conclusion.num_failed + conclusion.num_ignored + conclusion.num_filtered_out == 0 {
        figure(
            "manual.pages",
            pages().len(),
            "manual pages without a warning, those that only lead to another left out",
        );
    }
    conclusion.exit();
}

fn folder() -> PathBuf {
    Path::new(env!("OUT_DIR")).join("man")
}

/// Pages that have something to say, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<(PathBuf, String)> =
        files.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect();
    pages.retain(|(_, text)| !text.starts_with(".so "));
    pages.sort();
    pages
}

/// The names of types that the header declares.
fn types() -> BTreeSet<String> {
    let declarations = header::declarations(HEADER);
    let typedefs = declarations.iter().filter_map(|declaration| declaration.strip_prefix("typedef "));
    let name = |typedef: &str| match typedef.split_once("(*") {
        Some((before, after)) if !before.contains('{') => after.split(')').next().map(String::from),
        _ => typedef.rsplit([' ', '*']).next().map(String::from),
    };
    typedefs.filter_map(name).collect()
}

/// Each function and type has a page, or one that leads to a page where it is; each constant is on some page.
fn all_is_in_the_manual() -> Result<(), Failed> {
    let names: BTreeSet<String> = header::functions(HEADER).into_iter().chain(types()).collect();
    assert!(names.len() > 140, "{} names", names.len());
    for name in &names {
        let path = folder().join(format!("{name}.3"));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = match text.strip_prefix(".so man3/") {
            Some(other) => std::fs::read_to_string(folder().join(other.trim()))?,
            None => text,
        };
        let heading = text.lines().any(|line| line == format!(".SS {name}()") || line == format!(".SS {name}"));
        if !heading {
            return Err(format!("{name} has no section on its page").into());
        }
    }
    let words = HEADER.split(|c: char| !c.is_alphanumeric() && c != '_');
    let constants = words.filter(|word| word.starts_with("FDWIRE_") && !["FDWIRE_H", "FDWIRE_E_"].contains(word));
    let all: String = pages().into_iter().map(|(_, text)| text).collect();
    match constants.into_iter().find(|constant| !all.contains(constant)) {
        None => Ok(()),
        Some(constant) => Err(format!("{constant} is nowhere").into()),
    }
}

/// The words of the comments, in their order, are the words of the pages.
fn nothing_is_left_out() -> Result<(), Failed> {
    let mut all: String = pages().into_iter().map(|(_, text)| text).collect();
    for escape in ["fB", "fP", "(aq", "(ha", "(ti", "-", "e"] {
        all = all.replace(&format!("\\{escape}"), if escape.starts_with('f') { "" } else { " " });
    }
    let all = words(&all);
    let (mut sentences, mut missing) = (0, Vec::new());
    for comment in HEADER.split("/*").skip(1).filter_map(|rest| rest.split("*/").next()) {
        let plain: Vec<&str> = comment.lines().map(|line| line.trim().trim_start_matches('*')).collect();
        for paragraph in plain.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()) {
            let text = paragraph.join(" ");
            if text.contains("----")
                || text.contains("fdwire: messages")
                || text.contains("extern")
                || text.trim() == "FDWIRE_H"
            {
                continue;
            }
            sentences += 1;
            if !all.contains(words(&text).trim()) {
                missing.push(text);
            }
        }
    }
    match missing.is_empty() && sentences > 300 {
        true => Ok(()),
        false => Err(format!("of {sentences} paragraphs, these are missing: {missing:#?}").into()),
    }
}

/// Letters and digits, with one blank between words.
fn words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    format!(" {} ", words.collect::<Vec<_>>().join(" "))
}

fn groff_is_content() -> Result<(), Failed> {
    for (path, _) in pages() {
        // A terminal's width; lines that are not filled may be longer.
        let groff = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z", "-rLL=100n"]).arg(&path).output()?;
        if !groff.status.success() || !groff.stderr.is_empty() {
            return Err(format!("{}: {}", path.display(), String::from_utf8_lossy(&groff.stderr)).into());
        }
    }
    Ok(())
}

/// It has no option that says its version, and 0 for a page without a fault.
fn lack_of_mandoc() -> Option<String> {
    let there = Command::new("mandoc").arg("-Tlint").arg("/dev/null").output().is_ok();
    (!there).then(|| "mandoc".to_owned())
}

fn mandoc_is_content() -> Result<(), Failed> {
    let paths: Vec<PathBuf> = pages().into_iter().map(|(path, _)| path).collect();
    let mandoc = Command::new("mandoc").args(["-Tlint", "-Wwarning"]).args(&paths).output()?;
    let said = String::from_utf8_lossy(&mandoc.stdout).into_owned();
    // There is none, so that a build is the same on every day.
    let faults: Vec<&str> = said.lines().filter(|line| !line.contains("missing date")).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

fn lack_of_doxygen() -> Option<String> {
    lack("doxygen", "--version").or_else(|| lack("python3", "--version"))
}

/// A function without a comment is a warning, and a warning a failure; without, there is none.
fn doxygen_is_content() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let bare = folder.path().join("fdwire.h");
    std::fs::write(&bare, HEADER.replace("/** A 16-bit number from host to network order. */", ""))?;
    let input = format!(
        "(cat docs/Doxyfile; echo INPUT={0}/fdwire.h; echo OUTPUT_DIRECTORY={0}) | doxygen -",
        folder.path().display()
    );
    if run(Command::new("sh").args(["-c", &input]).current_dir(in_root(""))).is_ok() {
        return Err("a function without a comment was not noticed".into());
    }
    run(Command::new("doxygen").arg("docs/Doxyfile").current_dir(in_root("")))?;
    let pages = output(Command::new("cat").args(html()?))?;
    let names: BTreeSet<String> = header::functions(HEADER).into_iter().chain(types()).collect();
    match names.iter().find(|name| !pages.contains(&format!(">{name}<"))) {
        None => Ok(()),
        Some(name) => Err(format!("{name} is not in the HTML").into()),
    }
}

fn html() -> Result<Vec<PathBuf>, Failed> {
    let files = std::fs::read_dir(in_root("target/doxygen"))?.collect::<Result<Vec<_>, _>>()?;
    Ok(files.into_iter().map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "html")).collect())
}
