//! The guide, `docs/guide/wirecat.md`, is run: a reader who types what it says sees what it says.
//!
//! In a `console` block a line that begins with `$ ` is a command, with the lines behind it for as long as they end with `\`, or
//! up to `END` where it has `<< END`; what follows, up to the next one, is what it prints, to standard output and standard
//! error. An `…` there stands for anything that varies: within its line, or, alone on a line, for lines, however many. An `sh`
//! block starts the section's server, in the background. All of a section is run in one empty folder, by a user who may do
//! nothing; a port that is named is another one.

use super::tool::{holds, program, same};
use crate::trials::{lack, test};
use libtest_mimic::{Failed, Trial};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Child, Command, Stdio};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/wirecat.md"));

/// A user who owns nothing: servers like PostgreSQL do not run as root.
const NOBODY: u32 = 65534;

/// The programs of a section that not every machine has, and a command that succeeds when its server is ready.
struct Section {
    heading: &'static str,
    needs: &'static [&'static str],
    ready: &'static str,
}

const SECTIONS: [Section; 8] = [
    Section { heading: "A recorded stream", needs: &[], ready: "" },
    Section { heading: "Redis", needs: &["redis-server", "redis-cli"], ready: "redis-cli -s redis.sock ping" },
    Section { heading: "PostgreSQL", needs: &["postgres"], ready: "pg_isready -q -h \"$PWD\"" },
    Section { heading: "git", needs: &["git"], ready: "git ls-remote git://127.0.0.1:9418/repo.git" },
    Section {
        heading: "An SSH agent",
        needs: &["ssh-agent"],
        ready: "SSH_AUTH_SOCK=agent.sock ssh-add -l; test $? = 1",
    },
    Section { heading: "A language server", needs: &["pylsp"], ready: "" },
    Section { heading: "Both ends", needs: &[], ready: "" },
    Section { heading: "When it breaks", needs: &["redis-server", "redis-cli"], ready: "redis-cli -s redis.sock ping" },
];

/// Sections of the guide: the heading, and what is under it.
fn sections() -> Vec<(&'static str, &'static str)> {
    GUIDE.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect()
}

/// Blocks of a section, in order: the language and the lines.
fn blocks(section: &'static str) -> Vec<(&'static str, &'static str)> {
    let fenced = section.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap_or((block, ""))).collect()
}

pub(crate) fn tests() -> Vec<Trial> {
    let tests = SECTIONS.iter().map(|section| {
        let missing = section.needs.iter().find(|program| lack_in_path(program));
        let missing = missing.map(|program| (*program).to_owned()).or_else(|| lack("cc", "--version"));
        test(format!("guide: {}", section.heading), missing, || follow(section))
    });
    tests.collect()
}

fn lack_in_path(program: &str) -> bool {
    let found = Command::new("sh").arg("-c").arg(format!("command -v {program}")).env("PATH", path()).output();
    !found.is_ok_and(|output| output.status.success())
}

/// Where commands are looked for: wirecat in the folder that is at hand, and Debian has those of PostgreSQL's servers in one of
/// their own.
fn path() -> String {
    let mut folders = vec![".bin".to_owned()];
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin").display().to_string()));
    }
    format!("{}:/usr/local/bin:/usr/bin:/bin", folders.join(":"))
}

pub(crate) fn every_block_is_run() -> Result<(), Failed> {
    let headings: Vec<&str> = sections().iter().map(|(heading, _)| *heading).collect();
    same("sections", headings, SECTIONS.iter().map(|section| section.heading).collect())?;
    for (heading, text) in sections() {
        let unknown = blocks(text).into_iter().find(|(language, _)| !["console", "sh"].contains(language));
        holds(&format!("{heading}: {unknown:?}"), unknown.is_none())?;
        let commands: usize = blocks(text).iter().map(|(_, lines)| commands(lines).len()).sum();
        holds(&format!("{heading}: a command"), commands > 0)?;
    }
    Ok(())
}

/// The commands of a block, each with what it prints.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (None, Some((command, _))) if goes_on => *command += &format!("\n{line}"),
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
            (None, None) => {}
        }
        goes_on = commands.last().is_some_and(|(command, output)| output.is_empty() && goes_on_behind(command, line));
    }
    commands
}

fn goes_on_behind(command: &str, line: &str) -> bool {
    line.ends_with('\\') || (command.contains("<< END") && line != "END")
}

/// Where a section is followed.
struct Place {
    folder: tempfile::TempDir,
    port: u16,
}

impl Place {
    fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let bin = folder.path().join(".bin");
        std::fs::create_dir(&bin)?;
        std::fs::copy(program()?, bin.join("wirecat"))?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        // Free just now, and taken again at once.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Place { folder, port })
    }

    /// What the reader's shell would be told.
    fn sh(&self, script: &str) -> Command {
        let script = script.replace("9418", &self.port.to_string());
        let mut command = Command::new(if is_root() { "setpriv" } else { "env" });
        if is_root() {
            command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".into()]);
        }
        command.args(["timeout", "--foreground", "60", "bash", "-c", &script]);
        command.current_dir(self.folder.path()).env_clear().envs([("PATH", path()), ("LC_ALL", "C.UTF-8".into())]);
        command.env("HOME", self.folder.path()).stdin(Stdio::null());
        command
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0)
}

/// A server in the background, which is asked to end by its number.
struct Server<'p> {
    place: &'p Place,
    shell: Child,
}

impl<'p> Server<'p> {
    fn start(place: &'p Place, script: &str, ready: &str) -> Result<Self, Failed> {
        holds("the server is started in the background", script.trim_end().ends_with('&'))?;
        let script = format!("({script}echo $! > .server; wait) > .log 2>&1");
        let server = Server { place, shell: place.sh(&script).spawn()? };
        for _ in 0..200 {
            if place.sh(ready).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
                return Ok(server);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(place.folder.path().join(".log")).unwrap_or_default();
        Err(format!("the server is not ready:\n{log}").into())
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.place.sh("kill \"$(cat .server)\"").status();
        let _ = self.shell.wait(); // which waits for the server, and not for ever
    }
}

fn follow(section: &Section) -> Result<(), Failed> {
    let place = Place::new()?;
    let text = sections().into_iter().find(|(heading, _)| *heading == section.heading).map_or("", |(_, text)| text);
    let mut server = None;
    for (language, block) in blocks(text) {
        if language == "sh" {
            server = Some(Server::start(&place, block, section.ready)?);
        }
        for (command, expected) in commands(block) {
            let output = place.sh(&format!("exec 2>&1; {command}")).output()?;
            let printed = String::from_utf8(output.stdout)?.replace(&place.port.to_string(), "9418");
            if !fits(&expected, &printed) {
                return Err(format!("$ {command}\n{printed}\nand not\n\n{expected}").into());
            }
        }
    }
    drop(server);
    Ok(())
}

/// Whether what was printed is what the guide has.
fn fits(expected: &str, printed: &str) -> bool {
    match expected.split_once('\n') {
        None => printed.is_empty(),
        Some(("…", rest)) => {
            let ends = std::iter::once(0).chain(printed.match_indices('\n').map(|(at, _)| at + 1));
            ends.into_iter().any(|end| fits(rest, &printed[end..]))
        }
        Some((line, rest)) => match printed.split_once('\n') {
            Some((got, left)) => line_fits(line, got) && fits(rest, left),
            None => false,
        },
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    let Some((before, after)) = expected.split_once('…') else { return expected == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    let places = rest.char_indices().map(|(at, _)| at).chain(std::iter::once(rest.len()));
    places.into_iter().any(|at| line_fits(after, &rest[at..]))
}

pub(crate) fn the_comparison_notices() -> Result<(), Failed> {
    for (expected, printed) in [
        ("a\n", "a\n"),
        ("a…c\n", "abbc\n"),
        ("a…c…\n", "abcdcd\n"),
        ("…\n", ""),
        ("…\n", "a\nb\n"),
        ("a\n…\nb\n", "a\nb\n"),
        ("a\n…\nb\n", "a\nx\ny\nb\n"),
        ("", ""),
    ] {
        holds(&format!("{expected:?} fits {printed:?}"), fits(expected, printed))?;
    }
    for (expected, printed) in [
        ("a\n", "b\n"),
        ("a\n", "a\nb\n"),
        ("a\nb\n", "a\n"),
        ("a…c\n", "ab\n"),
        ("a…c\n", "a\nc\n"),
        ("…\nb\n", "a\n"),
        ("", "a\n"),
    ] {
        holds(&format!("{expected:?} does not fit {printed:?}"), !fits(expected, printed))?;
    }
    let block = "$ one \\\n  more\nout\n$ cat << END\nx\nEND\nx\n$ two\n$ three\nlast\\\nend\n";
    let expected =
        [("one \\\n  more", "out\n"), ("cat << END\nx\nEND", "x\n"), ("two", ""), ("three", "last\\\nend\n")];
    same("commands", commands(block), expected.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec())
}
