//! `docs/guide/languages.md`: code that names a file stands in that file, whatever its indentation.

use crate::meeting::Server;
use crate::programs::LANGUAGES;
use crate::trials::pages::Page;
use crate::trials::{in_root, output, run};
use libtest_mimic::Failed;
use std::process::{Command, Stdio};

const GUIDE: &str = "docs/guide/languages.md";

fn guide() -> Page {
    Page::read(&in_root(GUIDE))
}

/// Without the indentation that all lines share, and blank lines empty.
fn flush_left(lines: &[&str]) -> Vec<String> {
    let indentation = |line: &&&str| line.len() - line.trim_start().len();
    let least = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| indentation(&line)).min().unwrap_or(0);
    lines.iter().map(|line| line.get(least..).unwrap_or_default().to_owned()).collect()
}

fn stands_in(excerpt: &[&str], file: &str) -> bool {
    let (excerpt, lines) = (flush_left(excerpt), file.lines().collect::<Vec<_>>());
    lines.windows(excerpt.len()).any(|window| flush_left(window) == excerpt)
}

/// Each excerpt is literally there, and each language has some of its program.
pub(crate) fn quotes_what_is_there() -> Result<(), Failed> {
    let mut quoted = Vec::new();
    for block in guide().blocks {
        let Some((_, path)) = block.info.split_once(' ') else { continue };
        let file = std::fs::read_to_string(in_root(path)).map_err(|error| format!("{path}: {error}"))?;
        let lines: Vec<&str> = block.text.lines().collect();
        if lines.is_empty() || !stands_in(&lines, &file) {
            return Err(format!("this does not stand in {path}:\n{}", block.text).into());
        }
        quoted.push(path.to_owned());
    }
    for language in &LANGUAGES {
        if !quoted.iter().any(|path| path == language.source) {
            return Err(format!("{GUIDE} quotes nothing of {}", language.source).into());
        }
    }
    Ok(())
}

/// What the guide has people install is what these programs were tried with.
pub(crate) fn installs_what_ci_does() -> Result<(), Failed> {
    let page = guide();
    let ci = [".ci/packages", ".ci/tools"].map(|file| std::fs::read_to_string(in_root(file)));
    let ci = ci.into_iter().collect::<Result<String, _>>()?;
    let mut installed = 0;
    let in_text = page.text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    for code in in_text.chain(page.blocks.iter().flat_map(|block| block.text.lines())) {
        let Some((_, packages)) = code.split_once(" install ") else { continue };
        for package in packages.split_whitespace() {
            if !ci.split(|c: char| !c.is_alphanumeric() && !"-.+".contains(c)).any(|word| word == package) {
                return Err(format!("CI does not install {package}").into());
            }
            installed += 1;
        }
    }
    match installed {
        0 => Err(format!("{GUIDE} installs nothing").into()),
        _ => Ok(()),
    }
}

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script]).current_dir(in_root("")).stdin(Stdio::null());
    shell
}

/// Of its scripts, one builds, one serves until standard input ends, and one talks.
pub(crate) fn shows_what_works() -> Result<(), Failed> {
    let blocks = guide().blocks;
    let scripts: Vec<&str> =
        blocks.iter().filter(|block| block.info == "sh").map(|block| block.text.trim_end()).collect();
    let [_install, build, serve, talk] = &scripts[..] else { return Err("these are not four scripts".into()) };
    run(&mut shell(build))?;
    std::fs::remove_file(in_root("target/hall")).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()), // unless an earlier run was cut short
        _ => Err(error),
    })?;
    let mut server = Server::start(shell(&format!("exec {serve}")))?;
    let said = output(&mut shell(talk));
    let served = server.end();
    match said?.starts_with("python met python; ") && served.said.starts_with("1 came, 1 ended, ") {
        true => Ok(()),
        false => Err(format!("the server: {served}").into()),
    }
}
