//! The comment at the top of each program says how to run it, and that is how it is run here, alone with the server.

use crate::meeting::Server;
use crate::programs::{Language, Workshop, environment};
use crate::trials::{RELEASE, in_root, output};
use libtest_mimic::Failed;
use std::process::Stdio;

const ADDRESS: &str = "unix:target/hall";

/// What stands before the text of a line of a comment, and of a fence.
fn text_of(line: &str) -> &str {
    let text = line.trim_start_matches(['/', '#', ';', '-', '!']).trim();
    if text.starts_with("```") { "" } else { text }
}

/// The paragraph of the comment that is a command of the shell's.
fn command_in(source: &str, name: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().take(20).map(text_of).collect();
    let mut paragraphs = lines.split(|line| line.is_empty()).map(|paragraph| paragraph.join("\n"));
    paragraphs.find(|paragraph| paragraph.ends_with(&format!(" {ADDRESS} {name} 1")))
}

/// From the root of the source, with the library of the release.
pub(crate) fn runs_as_it_says(language: &Language, workshop: &Workshop) -> Result<(), Failed> {
    RELEASE.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let path = in_root(language.source);
    let source = std::fs::read_to_string(&path)?;
    let command = command_in(&source, language.name).ok_or_else(|| format!("{path:?} does not say how to run it"))?;
    let folder = tempfile::tempdir()?;
    let address = format!("unix:{}/hall", folder.path().display());
    let mut server = workshop.server(&address, "1", None).and_then(Server::start)?;
    let mut shell = environment("sh");
    shell.args(["-e", "-c", &command.replace(ADDRESS, &address)]).stdin(Stdio::null());
    let said = output(&mut shell);
    let served = server.end();
    match said?.starts_with(&format!("{0} met {0}; ", language.name)) && served.has_succeeded() {
        true => Ok(()),
        false => Err(format!("{command}\nthe server: {served}").into()),
    }
}
