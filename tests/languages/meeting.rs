//! One round: the server and all programs, started together, with a deadline.

use crate::programs::Workshop;
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longer than the programs themselves wait, for machines that are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a program ended, or that it had to be ended, and what it printed.
pub(crate) struct Outcome {
    status: Option<ExitStatus>,
    pub(crate) said: String,
    complained: String,
}

impl Outcome {
    pub(crate) fn failed(why: String) -> Outcome {
        Outcome { status: None, said: String::new(), complained: why }
    }

    pub(crate) fn has_succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// It ended by itself, of no signal, said why and nothing else.
    pub(crate) fn has_complained(&self) -> bool {
        let code = self.status.and_then(|status| status.code());
        code.is_some_and(|code| code != 0) && self.said.is_empty() && !self.complained.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => write!(f, "not to be waited for")?,
        }
        write!(f, "\nit said: {}\nit complained: {}", self.said, self.complained)
    }
}

/// What all did.
pub(crate) struct Round {
    pub(crate) server: Outcome,
    programs: BTreeMap<&'static str, Outcome>,
}

impl Round {
    pub(crate) fn of(&self, name: &str) -> Result<&Outcome, Failed> {
        self.programs.get(name).ok_or_else(|| Failed::from(format!("{name} took no part")))
    }
}

/// Starts a server and all programs that could be built, and waits until they have ended.
pub(crate) fn meet(workshop: &Workshop, lie: Option<&str>) -> Round {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/hall", folder.path().display());
    let present = workshop.names().len().to_string();
    let mut programs = workshop.failures();
    let mut server = match workshop.server(&address, &present, lie).and_then(Server::start) {
        Ok(server) => server,
        Err(why) => return Round { server: Outcome::failed(why), programs },
    };
    let started = workshop.commands().map(|(name, mut command)| {
        command.args([&address, name, &present]);
        (name, Running::start(&mut command, folder.path(), name))
    });
    let started: Vec<_> = started.collect();
    let deadline = Instant::now() + PATIENCE;
    programs.extend(started.into_iter().map(|(name, running)| (name, running.wait(deadline))));
    Round { server: server.end(), programs }
}

/// A program on its way, whose output goes to files.
struct Running {
    child: Result<Child, String>,
    said: std::path::PathBuf,
    complained: std::path::PathBuf,
}

impl Running {
    fn start(command: &mut Command, folder: &Path, name: &str) -> Running {
        let (said, complained) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.err")));
        command.stdin(Stdio::null()).stdout(File::create(&said).unwrap()).stderr(File::create(&complained).unwrap());
        let child = command.spawn().map_err(|error| format!("{command:?}: {error}"));
        Running { child, said, complained }
    }

    fn wait(self, deadline: Instant) -> Outcome {
        let status = match self.child {
            Ok(mut child) => wait(&mut child, deadline),
            Err(why) => return Outcome::failed(why),
        };
        let read = |path| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap();
        Outcome { status, said: read(self.said), complained: read(self.complained) }
    }
}

/// How it ended; `None` if it had to be ended.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// It serves until its standard input ends.
pub(crate) struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(mut command: Command) -> Result<Server, String> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        output.read_line(&mut first).map_err(|error| error.to_string())?;
        match first.as_str() {
            "listening\n" => Ok(Server { child, output }),
            _ => Err(format!("the server ended: {}", child.wait().unwrap())),
        }
    }

    pub(crate) fn end(&mut self) -> Outcome {
        drop(self.child.stdin.take());
        let status = wait(&mut self.child, Instant::now() + PATIENCE);
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        Outcome { status, said, complained: String::new() }
    }
}
