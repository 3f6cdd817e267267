//! wirecat, built and run.

use libtest_mimic::Failed;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::trials::libraries::NATIVE;
use crate::trials::{WARNINGS, in_root, run};

/// Where it is built.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wirecat");
    std::fs::create_dir_all(&folder).expect("a folder for what is built");
    folder
});

/// The program, linked with the library that cargo built for the tests.
static WIRECAT: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let library = std::env::current_exe().unwrap().with_file_name("libfdwire.a");
    let link: Vec<String> = std::iter::once(library.display().to_string()).chain(NATIVE.map(String::from)).collect();
    build("wirecat", "cc", &["-std=c99", "-O2", "-g"], &link).map_err(|failed| failed.message().unwrap().to_owned())
});

/// The files that it is made of.
pub(crate) fn sources() -> Vec<PathBuf> {
    let files = std::fs::read_dir(in_root("examples-c/wirecat")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ext| ext == "c")).collect();
    files.sort();
    files
}

/// Builds it in some way.
pub(crate) fn build(name: &str, compiler: &str, options: &[&str], link: &[String]) -> Result<PathBuf, Failed> {
    let out = FOLDER.join(name);
    let mut command = Command::new(compiler);
    command.args(options).args(WARNINGS).arg("-I").arg(in_root("include")).args(sources());
    run(command.args(link).arg("-o").arg(&out))?;
    Ok(out)
}

pub(crate) fn program() -> Result<&'static Path, Failed> {
    WIRECAT.as_deref().map_err(|why| why.clone().into())
}

/// A command that is ended when it takes too long, which nothing here does.
pub(crate) fn timed(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.arg("--foreground").arg("60").arg(program);
    command.env_remove("NO_COLOR").env("TERM", "xterm");
    command
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Run {
    /// What was shown, for a run that ended like this and said nothing else.
    pub(crate) fn shown(self, code: i32) -> Result<Vec<u8>, Failed> {
        if self.status.code() != Some(code) || (code == 0 && !self.err.is_empty()) {
            return Err(format!("not {code}: {self:?}\n{}", String::from_utf8_lossy(&self.out)).into());
        }
        Ok(self.out)
    }

    pub(crate) fn text(self, code: i32) -> Result<String, Failed> {
        Ok(String::from_utf8(self.shown(code)?)?)
    }

    /// For a run that ended like this and complained of something.
    pub(crate) fn complains(self, code: i32, of: &str) -> Result<Run, Failed> {
        if self.status.code() != Some(code) || !self.err.contains(of) {
            return Err(format!("not {code}, {of:?}: {self:?}\n{}", String::from_utf8_lossy(&self.out)).into());
        }
        Ok(self)
    }
}

/// Runs a command to its end with this as its standard input.
pub(crate) fn run_with(mut command: Command, input: &[u8]) -> Result<Run, Failed> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Whoever does not read it to its end does not want it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output()?;
    writer.join().unwrap();
    Ok(Run { status: output.status, out: output.stdout, err: String::from_utf8(output.stderr)? })
}

/// wirecat with these arguments, one after the other, and blanks in none of them.
pub(crate) fn wirecat(arguments: &str, input: &[u8]) -> Result<Run, Failed> {
    wirecat_of(&arguments.split_whitespace().collect::<Vec<_>>(), input)
}

pub(crate) fn wirecat_of(arguments: &[&str], input: &[u8]) -> Result<Run, Failed> {
    let mut command = timed(program()?);
    command.args(arguments);
    run_with(command, input)
}

/// The same with a shell around it, which knows the program as `$W`.
pub(crate) fn sh(script: &str, input: &[u8]) -> Result<Run, Failed> {
    let mut command = timed("bash");
    command.arg("-c").arg(script).env("W", program()?);
    run_with(command, input)
}

/// A wirecat that listens.
pub(crate) struct Listening {
    child: Option<Child>,
    pub(crate) address: String,
    err: Option<JoinHandle<String>>,
}

impl Listening {
    pub(crate) fn start(arguments: &[&str], input: &[u8]) -> Result<Self, Failed> {
        // Whoever runs tests in the background has them ignore SIGINT, and so would it.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(program()?);
        Self::start_command(command, arguments, input)
    }

    pub(crate) fn start_command(mut command: Command, arguments: &[&str], input: &[u8]) -> Result<Self, Failed> {
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        err.read_line(&mut line)?;
        let Some(address) = line.trim_end().strip_prefix("listening on ") else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("it does not listen: {line}").into());
        };
        let address = address.to_owned();
        let err = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        Ok(Listening { child: Some(child), address, err: Some(err) })
    }

    /// Asks it to end, as a user does who ends a server.
    pub(crate) fn signal(&self, name: &str) -> Result<(), Failed> {
        let id = self.child.as_ref().unwrap().id();
        run(Command::new("kill").arg("-s").arg(name).arg(id.to_string()))
    }

    /// Waits until it ends by itself, or is ended since it does not.
    pub(crate) fn end(mut self) -> Result<Run, Failed> {
        let child = self.child.take().unwrap();
        let (id, (ended, end)) = (child.id(), mpsc::channel::<()>());
        std::thread::spawn(move || {
            if end.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").arg("-s").arg("KILL").arg(id.to_string()).status();
            }
        });
        let output = child.wait_with_output()?;
        drop(ended);
        let err = self.err.take().unwrap().join().unwrap();
        Ok(Run { status: output.status, out: output.stdout, err })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The signal that ended it, also where `timeout` stood between.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal().or_else(|| status.code().filter(|code| *code > 128).map(|code| code - 128))
}

pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), Failed> {
    match got == expected {
        true => Ok(()),
        false => Err(format!("{what}:\n{got:?}\nand not\n{expected:?}").into()),
    }
}

pub(crate) fn holds(what: &str, holds: bool) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(what.to_owned().into()) }
}
