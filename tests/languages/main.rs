//! From other languages: the programs of `tests/ffi`, each in a language of its own, and a server in C meet at one
//! Unix socket. All are started at the same time, greet one another through the server, have messages sent back, and
//! say what they did. Then they meet a server that lies, once for each of its lies, which all of them have to notice.
//!
//! What the machine lacks is skipped by name, and the others meet without it; with `FDWIRE_NO_SKIP` set, as in CI,
//! that fails. And what `docs/guide/languages.md` quotes has to be in the files that it names, and its commands have
//! to work.

mod comments;
mod guide;
mod meeting;
mod programs;
#[path = "../trials/mod.rs"]
mod trials;

use libtest_mimic::{Arguments, Failed};
use meeting::{Outcome, Round};
use programs::{LANGUAGES, Language, Workshop};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use trials::{RELEASE, figure_of_some, in_root, lack, run, test};

/// What `tests/ffi/server.c` can be told to lie about.
const LIES: [&str; 6] = ["greeting", "byte", "lost", "order", "end", "limit"];

/// What the programs have sent back: three one by one, and a batch.
const ECHOES: usize = 3;
const BATCH: usize = 1000;

fn main() {
    let arguments = Arguments::from_args();
    let meetings = Arc::new(Meetings::new());
    let mut tests = Vec::new();
    for (language, lack) in meetings.invited.clone() {
        let (meeting, lying) = (meetings.clone(), meetings.clone());
        tests.push(test(language.name.into(), lack.clone(), move || meeting.talks(language)));
        let name = format!("{}: lies are noticed", language.name);
        tests.push(test(name, lack.clone(), move || lying.notices_lies(language)));
        let (name, alone) = (format!("{}: runs as its comment says", language.name), meetings.clone());
        tests.push(test(name, lack, move || comments::runs_as_it_says(language, alone.workshop())));
    }
    let server = meetings.clone();
    tests.push(test("the server in C".into(), lack("gcc", "--version"), move || server.serves_all()));
    tests.push(test("the guide quotes what is there".into(), None, guide::quotes_what_is_there));
    tests.push(test("the guide's commands work".into(), lack("python3", "--version"), guide::shows_what_works));
    tests.push(test("the guide installs what CI does".into(), None, guide::installs_what_ci_does));
    let conclusion = libtest_mimic::run(&arguments, tests);
    if conclusion.num_failed == 0 {
        meetings.figures();
    }
    drop(meetings);
    // What measures time has the machine for itself.
    let name = "python: packed messages are received at three times the rate of a loop";
    let measured = vec![test(name.into(), lack("python3", "--version"), receives_fast)];
    libtest_mimic::run(&arguments, measured).exit_if_failed();
    conclusion.exit();
}

/// Busy machines may spoil a run, and more than one.
fn receives_fast() -> Result<(), Failed> {
    let library = RELEASE.as_ref().map_err(|why| Failed::from(why.clone()))?;
    let receive = || {
        let mut python = Command::new("python3");
        python.arg("-B").arg(in_root("benches/languages/receive.py")).args(["--rounds", "9", "--least", "3"]);
        run(python.env("FDWIRE_LIBRARY", library))
    };
    receive().or_else(|_| receive()).or_else(|_| receive())
}

/// The languages, each with what is lacking for it, and the rounds, which are run when the first trial asks for them.
#[derive(Default)]
struct Meetings {
    invited: Vec<(&'static Language, Option<String>)>,
    workshop: OnceLock<Workshop>,
    honest: OnceLock<Round>,
    lying: OnceLock<Vec<(&'static str, Round)>>,
    /// Languages that talk and notice all lies, and how many these were.
    talking: AtomicUsize,
    noticed: AtomicUsize,
}

impl Meetings {
    fn new() -> Meetings {
        let lack = |language: &Language| lack("gcc", "--version").or_else(|| language.lacks()); // gcc for the server
        let invited = LANGUAGES.iter().map(|language| (language, lack(language))).collect();
        Meetings { invited, ..Meetings::default() }
    }

    fn figures(&self) {
        for (key, count, what) in [
            ("languages.programs", &self.talking, "languages that talk to one another and to a server in C"),
            ("languages.lies", &self.noticed, "lies of a server that programs in other languages noticed"),
        ] {
            figure_of_some(key, count.load(Ordering::Relaxed), what);
        }
    }

    fn workshop(&self) -> &Workshop {
        let able = || self.invited.iter().filter(|(_, lack)| lack.is_none()).map(|(language, _)| *language);
        self.workshop.get_or_init(|| Workshop::build(able().collect()))
    }

    fn honest(&self) -> &Round {
        self.honest.get_or_init(|| meeting::meet(self.workshop(), None))
    }

    fn lying(&self) -> &[(&'static str, Round)] {
        self.lying.get_or_init(|| LIES.map(|lie| (lie, meeting::meet(self.workshop(), Some(lie)))).into())
    }

    /// It has met all, has all its messages back, and knows each error by its name.
    fn talks(&self, language: &Language) -> Result<(), Failed> {
        let names = self.workshop().names();
        let expected = format!(
            "{} met {}; {ECHOES} echoes, {BATCH} in batches; {}",
            language.name,
            names.join(", "),
            language.errors
        );
        let outcome = self.honest().of(language.name)?;
        match outcome.said.strip_suffix('\n') {
            Some(line) if outcome.has_succeeded() && line.starts_with(&expected) && !line.contains('\n') => Ok(()),
            _ => Err(format!("{outcome}\nexpected: {expected}").into()),
        }
    }

    /// An honest server is what it has no fault to find with; each lie alone makes it fail, by itself and in time.
    fn notices_lies(&self, language: &Language) -> Result<(), Failed> {
        self.talks(language)?;
        for (lie, round) in self.lying() {
            let outcome: &Outcome = round.of(language.name)?;
            if !outcome.has_complained() {
                return Err(format!("of this lie: {lie}: {outcome}").into());
            }
            self.noticed.fetch_add(1, Ordering::Relaxed);
        }
        self.talking.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn serves_all(&self) -> Result<(), Failed> {
        let count = self.workshop().names().len();
        let expected = format!(
            "{count} came, {count} ended, {} messages came back, {count} got too much, 0 broke off\n",
            count * (ECHOES + BATCH)
        );
        let server = &self.honest().server;
        if !server.has_succeeded() || server.said != expected {
            return Err(format!("{server}\nexpected: {expected}").into());
        }
        for (lie, round) in self.lying() {
            if !round.server.has_succeeded() || !round.server.said.starts_with(&format!("{count} came, ")) {
                return Err(format!("when it lied, {lie}: {}", round.server).into());
            }
        }
        Ok(())
    }
}
