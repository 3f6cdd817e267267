//! What the guide says works: `docs/guide`, page by page, block by block.
//!
//! What stands behind the language of a block says what becomes of it:
//!
//! | block | |
//! |---|---|
//! | `c program` | is compiled and run; `lib=ssl` names a library that it needs |
//! | `c part` | belongs before the next program of the page |
//! | `c fragment` | is compiled, with the headers of [`PRELUDE`] before it |
//! | `sh run` | is run |
//! | `text output` | is what the program or command before it prints |
//! | `text frame` | is how the format is drawn that its first line is |
//!
//! With `FDWIRE_RENEW` set, output and pictures are written anew. What `install.md` and `bindings.md` have is run by the tests
//! `install` and `bindings`.

mod tables;
#[path = "../trials/mod.rs"]
mod trials;

use fdwire::format::Format;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use trials::libraries::NATIVE;
use trials::pages::{Block, Page};
use trials::{WARNINGS, figure, in_root, knows, lack, output, run, test};

const PRELUDE: &str = "#include <arpa/inet.h>\n#include <errno.h>\n#include <fdwire.h>\n#include <poll.h>\n\
    #include <stdio.h>\n#include <string.h>\n#include <sys/socket.h>\n";

/// Pages whose commands are run in an installed tree.
const OF_INSTALL: [&str; 2] = ["install.md", "bindings.md"];

/// What is to be written anew: page, line, and text.
static RENEWED: Mutex<Vec<(PathBuf, usize, String)>> = Mutex::new(Vec::new());

fn main() {
    let arguments = Arguments::from_args();
    let pages = trials::pages::all(&in_root("docs/guide"));
    let mut tests: Vec<Trial> = pages.iter().flat_map(of_page).collect();
    let programs = tests.len();
    for (heading, source) in [("From Netty", "netty"), ("From tokio-util", "tokio_util")] {
        let name = format!("porting.md: {heading}, numbers");
        let page = find(&pages, "porting.md");
        tests.push(Trial::test(name, move || tables::parameters_are_right(&page, heading, source)));
    }
    let page = find(&pages, "porting.md");
    tests.push(Trial::test("porting.md: names", move || tables::names_are_right(&page)));
    let page = find(&pages, "formats.md");
    tests.push(Trial::test("formats.md: what a length counts", move || tables::counts_are_right(&page)));
    tests.push(Trial::test("links lead somewhere", move || pages.iter().try_for_each(links_lead_somewhere)));
    let conclusion = libtest_mimic::run(&arguments, tests);
    renew();
    if conclusion.num_failed + conclusion.num_ignored + conclusion.num_filtered_out == 0 {
        figure("guide.blocks", programs, "programs, fragments, commands and pictures of the guide that hold");
    }
    conclusion.exit();
}

fn find(pages: &[Page], name: &str) -> Page {
    pages.iter().find(|page| page.name() == name).unwrap_or_else(|| panic!("{name} is missing")).clone()
}

/// The tests of a page's blocks.
fn of_page(page: &Page) -> Vec<Trial> {
    let mut tests = Vec::new();
    let mut parts = String::new();
    for (at, block) in page.blocks.iter().enumerate() {
        let expected = page.blocks.get(at + 1).filter(|next| next.info == "text output").cloned();
        let name = format!("{}:{}: {}", page.name(), block.line, block.info);
        let (path, block) = (page.path.clone(), block.clone());
        let words: Vec<&str> = block.info.split(' ').collect();
        let libraries: Vec<String> =
            words.iter().filter_map(|word| word.strip_prefix("lib=")).map(|name| format!("-l{name}")).collect();
        let lack_of_c = || lack("cc", "--version").or_else(|| libraries.iter().find(|l| !knows("cc", l)).cloned());
        match words[..] {
            ["c", "part"] => parts.push_str(&block.text),
            ["c", "program", ..] => {
                let source = std::mem::take(&mut parts) + &block.text;
                tests.push(test(name, lack_of_c(), move || program(&path, &source, &libraries, expected)));
            }
            ["c", "fragment", ..] => tests.push(test(name, lack_of_c(), move || fragment(&block.text))),
            ["c", ..] => tests.push(Trial::test(name, || Err("a program, a part or a fragment?".into()))),
            ["sh", "run"] if !OF_INSTALL.contains(&page.name()) => {
                tests.push(test(name, lack("cc", "--version"), move || command(&path, &block.text, expected)));
            }
            ["text", "frame"] => tests.push(Trial::test(name, move || picture(&path, &block))),
            ["text", "output"] if at == 0 || !page.blocks[at - 1].is_run() => {
                tests.push(Trial::test(name, || Err("what prints this?".into())));
            }
            _ => {}
        }
    }
    if !parts.is_empty() {
        let name = format!("{}: parts", page.name());
        tests.push(Trial::test(name, || Err("no program has these parts".into())));
    }
    tests
}

/// A library that the tests were built with.
fn built(name: &str) -> PathBuf {
    std::env::current_exe().expect("this program has a path").with_file_name(name)
}

/// Compiles a program as it is to be pasted, but for warnings, and for checkers where there are any.
fn compile(source: &Path, libraries: &[String], out: &Path) -> Result<(), Failed> {
    let mut cc = Command::new("cc");
    cc.args(WARNINGS).arg("-g");
    if knows("cc", "-fsanitize=address,undefined") {
        cc.arg("-fsanitize=address,undefined");
    }
    let examples = in_root("examples-c");
    cc.arg("-I").arg(in_root("include")).arg("-I").arg(examples).arg(source);
    run(cc.arg(built("libfdwire.a")).args(libraries).args(NATIVE).arg("-o").arg(out))
}

fn program(page: &Path, source: &str, libraries: &[String], expected: Option<Block>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("program.c");
    std::fs::write(&file, source)?;
    let out = folder.path().join("program");
    compile(&file, libraries, &out)?;
    let printed = output(Command::new("timeout").arg("30").arg(out).current_dir(folder.path()))?;
    prints(page, &printed, expected)
}

fn fragment(text: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("fragment.c");
    std::fs::write(&file, format!("{PRELUDE}{text}"))?;
    let mut cc = Command::new("cc");
    cc.args(WARNINGS).args(["-Wno-unused-function", "-fsyntax-only", "-I"]).arg(in_root("include"));
    run(cc.arg(file))
}

/// In a folder that looks like the project after `make -C examples-c`, as far as the guide needs that.
fn command(page: &Path, text: &str, expected: Option<Block>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let build = folder.path().join("examples-c/build");
    std::fs::create_dir_all(&build)?;
    compile(&in_root("examples-c/decode_stdin.c"), &[], &build.join("decode_stdin"))?;
    let printed = output(Command::new("timeout").args(["30", "sh", "-c", text]).current_dir(folder.path()))?;
    prints(page, &printed, expected)
}

fn prints(page: &Path, printed: &str, expected: Option<Block>) -> Result<(), Failed> {
    match expected {
        Some(expected) => same(page, &expected, printed),
        None if printed.is_empty() => Ok(()),
        None => Err(format!("it prints what the page does not show: {printed}").into()),
    }
}

fn picture(page: &Path, block: &Block) -> Result<(), Failed> {
    let text = block.text.lines().next().unwrap_or_default();
    let format = Format::parse(text).map_err(|error| format!("{text}: {error}"))?;
    // The first line of a picture has the settings that were not said, too.
    same(page, block, &format.describe().to_string())
}

fn same(page: &Path, block: &Block, now: &str) -> Result<(), Failed> {
    if block.text == now {
        return Ok(());
    }
    if std::env::var_os("FDWIRE_RENEW").is_some() {
        RENEWED.lock().unwrap().push((page.to_owned(), block.line, now.to_owned()));
        return Ok(());
    }
    Err(format!("renew it with: FDWIRE_RENEW=1 cargo test --test guide\nit is\n{now}\nand not\n{}", block.text).into())
}

/// From the last block to the first, so that lines stay where they are.
fn renew() {
    let mut renewed = RENEWED.lock().unwrap();
    renewed.sort_by_key(|(_, line, _)| std::cmp::Reverse(*line));
    for (path, line, text) in renewed.drain(..) {
        let page = std::fs::read_to_string(&path).expect("it was read before");
        let mut lines: Vec<&str> = page.lines().collect();
        let end = line + lines[line..].iter().position(|line| *line == "```").expect("a block ends");
        lines.splice(line..end, text.lines());
        std::fs::write(&path, lines.join("\n") + "\n").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Links within the project.
fn links_lead_somewhere(page: &Page) -> Result<(), Failed> {
    let links = page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = if file.is_empty() { page.path.clone() } else { page.path.with_file_name(file) };
        if !path.exists() {
            return Err(format!("{}: {link}", page.name()).into());
        }
        if !anchor.is_empty() && !anchors(&std::fs::read_to_string(&path)?).contains(&anchor.to_owned()) {
            return Err(format!("{}: {link}: no such heading", page.name()).into());
        }
    }
    Ok(())
}

fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("##"));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}
