//! The programs of `tests/ffi`: what each language needs, and how its program is built and started.

use crate::meeting::Outcome;
use crate::trials::{WARNINGS, in_root, run};
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) struct Language {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    /// What has to be there, and a command that succeeds where it is.
    needs: &'static [(&'static str, &'static [&'static str])],
    way: Way,
    /// What it says of a receive that finds nothing, of a message over the limit, and of a wrong format.
    pub(crate) errors: &'static str,
}

/// How a program comes to run.
enum Way {
    /// By this command and the source.
    Script(&'static [&'static str]),
    /// By what this builds.
    Built(fn(&Tools, &Path) -> Result<Vec<String>, Failed>),
}

const NAMES: &str = "EAGAIN, FDWIRE_E_TOO_LONG; column 7, \"maxx=1M\": ";
const RUSTS: &str = "Resource temporarily unavailable (os error 11), \
                     2097152 bytes are too many: the limit is 1048576; column 7: ";
const JNA: &str = "/usr/share/java/jna.jar";

pub(crate) const LANGUAGES: [Language; 11] = [
    Language {
        name: "cpp",
        source: "tests/ffi/cpp/talk.cpp",
        needs: &[("g++", &["g++", "--version"])],
        way: Way::Built(build_cpp),
        errors: NAMES,
    },
    Language {
        name: "go",
        source: "tests/ffi/go/talk.go",
        needs: &[("go", &["go", "version"])],
        way: Way::Built(build_go),
        errors: NAMES,
    },
    Language {
        name: "guile",
        source: "tests/ffi/guile/talk.scm",
        needs: &[("guile", &["guile", "--version"])],
        way: Way::Script(&["guile", "-s"]),
        errors: NAMES,
    },
    Language {
        name: "java",
        source: "tests/ffi/java/Talk.java",
        needs: &[("javac", &["javac", "-version"]), ("jna.jar", &["test", "-e", JNA])],
        way: Way::Built(build_java),
        errors: NAMES,
    },
    Language {
        name: "luajit",
        source: "tests/ffi/luajit/talk.lua",
        needs: &[("luajit", &["luajit", "-v"])],
        way: Way::Script(&["luajit"]),
        errors: NAMES,
    },
    Language {
        name: "node",
        source: "tests/ffi/node/talk.js",
        needs: &[("node", &["node", "--version"]), ("koffi", &["node", "-e", "require('koffi')"])],
        way: Way::Script(&["node"]),
        errors: NAMES,
    },
    Language {
        name: "perl",
        source: "tests/ffi/perl/talk.pl",
        needs: &[("FFI::Platypus", &["perl", "-MFFI::Platypus", "-e", "1"])],
        way: Way::Script(&["perl"]),
        errors: NAMES,
    },
    Language {
        name: "php",
        source: "tests/ffi/php/talk.php",
        needs: &[
            ("php", &["php", "--version"]),
            ("PHP's FFI", &["php", "-r", "exit((int) !extension_loaded('FFI'));"]),
        ],
        way: Way::Script(&["php", "-d", "display_errors=stderr"]),
        errors: NAMES,
    },
    Language {
        name: "python",
        source: "tests/ffi/python/talk.py",
        needs: &[("python3", &["python3", "--version"])],
        way: Way::Script(&["python3"]),
        errors: NAMES,
    },
    Language {
        name: "ruby",
        source: "tests/ffi/ruby/talk.rb",
        needs: &[("ruby", &["ruby", "-rfiddle/import", "-e", ""])],
        way: Way::Script(&["ruby"]),
        errors: NAMES,
    },
    Language { name: "rust", source: "tests/ffi/rust/talk.rs", needs: &[], way: Way::Built(build_rust), errors: RUSTS },
];

impl Language {
    pub(crate) fn lacks(&self) -> Option<String> {
        let has = |command: &[&str]| {
            let mut probe = environment(command[0]);
            probe.args(&command[1..]).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
        };
        self.needs.iter().find(|(_, command)| !has(command)).map(|(what, _)| (*what).to_owned())
    }

    /// Its command, built where it has to be.
    fn prepare(&self, tools: &Tools) -> Result<Vec<String>, Failed> {
        match self.way {
            Way::Script(command) => Ok(command.iter().chain([&self.source]).map(|word| (*word).to_owned()).collect()),
            Way::Built(build) => {
                let folder = tools.folder.path().join(self.name);
                std::fs::create_dir(&folder)?;
                build(tools, &folder)
            }
        }
    }
}

/// A command from the root of the source, which finds in `target` what `.ci/run` has put there, and keeps its own there.
pub(crate) fn environment(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(in_root("")).env("NODE_PATH", in_root("target/koffi/node_modules"));
    command.env("GOCACHE", in_root("target/go-cache")).env("GO111MODULE", "off").env("GUILE_AUTO_COMPILE", "0");
    command
}

/// Where the library is, and where programs are built.
struct Tools {
    folder: tempfile::TempDir,
}

impl Tools {
    /// With the shared library of these tests, where programs find it by its name and its SONAME.
    fn new() -> Tools {
        let tools = Tools { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(tools.lib()).unwrap();
        let library = std::env::current_exe().unwrap().with_file_name("libfdwire.so");
        for name in ["libfdwire.so", env!("FDWIRE_SONAME")] {
            std::os::unix::fs::symlink(&library, tools.lib().join(name)).unwrap();
        }
        tools
    }

    fn lib(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    /// Where to find it when linking, and when running.
    fn link(&self) -> [String; 2] {
        let lib = self.lib().display().to_string();
        [format!("-L{lib}"), format!("-Wl,-rpath,{lib}")]
    }

    fn compile(&self, compiler: &str, standard: &str, source: &str, out: &Path) -> Result<Vec<String>, Failed> {
        let mut command = environment(compiler);
        command.args([standard, "-g", "-O1", "-Iinclude"]).args(WARNINGS).arg(source).arg("-o").arg(out);
        run(command.args(self.link()).arg("-lfdwire"))?;
        Ok(vec![out.display().to_string()])
    }
}

fn build_cpp(tools: &Tools, folder: &Path) -> Result<Vec<String>, Failed> {
    tools.compile("g++", "-std=c++17", "tests/ffi/cpp/talk.cpp", &folder.join("talk"))
}

fn build_go(tools: &Tools, folder: &Path) -> Result<Vec<String>, Failed> {
    let out = folder.join("talk");
    let mut go = environment("go");
    go.args(["build", "-o"]).arg(&out).arg("tests/ffi/go/talk.go");
    go.env("CGO_CFLAGS", format!("-I{}", in_root("include").display())).env("CGO_LDFLAGS", tools.link().join(" "));
    run(&mut go)?;
    Ok(vec![out.display().to_string()])
}

fn build_java(_: &Tools, folder: &Path) -> Result<Vec<String>, Failed> {
    run(environment("javac")
        .args(["-Xlint:all", "-Werror", "-cp", JNA, "-d"])
        .arg(folder)
        .arg("tests/ffi/java/Talk.java"))?;
    let path = format!("{JNA}:{}", folder.display());
    Ok(["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", &path, "Talk"].map(String::from).into())
}

/// An example of the crate, as cargo builds it for whoever depends on it.
fn build_rust(_: &Tools, _: &Path) -> Result<Vec<String>, Failed> {
    let executable = std::env::current_exe()?;
    let target = executable.ancestors().nth(3).ok_or("this is no test of cargo's")?;
    let mut cargo = environment(env!("CARGO"));
    run(cargo.args(["build", "--quiet", "--locked", "--example", "talk", "--target-dir"]).arg(target))?;
    Ok(vec![target.join("debug/examples/talk").display().to_string()])
}

/// The programs, each ready to be started, or why it is not.
pub(crate) struct Workshop {
    tools: Tools,
    server: Result<Vec<String>, String>,
    programs: BTreeMap<&'static str, Result<Vec<String>, String>>,
}

impl Workshop {
    pub(crate) fn build(languages: Vec<&'static Language>) -> Workshop {
        let tools = Tools::new();
        let told = |result: Result<Vec<String>, Failed>| {
            result.map_err(|failed| failed.message().unwrap_or("it failed").to_owned())
        };
        let server = tools.folder.path().join("server");
        let server = told(tools.compile("gcc", "-std=c99", "tests/ffi/server.c", &server));
        let programs = std::thread::scope(|scope| {
            let prepare = |language: &'static Language| told(language.prepare(&tools));
            let begun: Vec<_> =
                languages.into_iter().map(|language| (language.name, scope.spawn(move || prepare(language)))).collect();
            begun.into_iter().map(|(name, thread)| (name, thread.join().unwrap())).collect()
        });
        Workshop { tools, server, programs }
    }

    /// Of those that can be started.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.programs.iter().filter(|(_, program)| program.is_ok()).map(|(name, _)| *name).collect()
    }

    pub(crate) fn commands(&self) -> impl Iterator<Item = (&'static str, Command)> {
        let ready = |(name, program): (&&'static str, &Result<Vec<String>, String>)| match program {
            Ok(words) => Some((*name, self.command(words))),
            Err(_) => None,
        };
        self.programs.iter().filter_map(ready)
    }

    pub(crate) fn server(&self, address: &str, count: &str, lie: Option<&str>) -> Result<Command, String> {
        let mut command = self.command(self.server.as_ref().map_err(String::clone)?);
        command.args([address, count]).args(lie);
        Ok(command)
    }

    /// Those that could not be built.
    pub(crate) fn failures(&self) -> BTreeMap<&'static str, Outcome> {
        let failure = |(name, program): (&&'static str, &Result<Vec<String>, String>)| match program {
            Ok(_) => None,
            Err(why) => Some((*name, Outcome::failed(why.clone()))),
        };
        self.programs.iter().filter_map(failure).collect()
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = environment(&words[0]);
        command.args(&words[1..]).env("FDWIRE_LIBRARY", self.tools.lib().join("libfdwire.so"));
        command
    }
}
