//! The header as tools read it that make bindings of headers, in the ways of `docs/guide/bindings.md`: each makes one of it
//! as it is, and a program of the guide gets a message through that.

mod trials;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use trials::pages::Page;
use trials::{RELEASE, figure, in_root, lack, output, run, test};

/// Where `.ci/run` puts packages of Python.
const PYTHON: &str = "target/python/bin";

static GUIDE: LazyLock<Page> = LazyLock::new(|| Page::read(&in_root("docs/guide/bindings.md")));

fn main() {
    let tests = vec![
        of_header("cffi", lack_of_python("cffi"), by_cffi),
        of_header("ctypesgen", lack_of_python("ctypesgen").or_else(|| lack("cc", "--version")), by_ctypesgen),
        of_header("bindgen", lack("bindgen", "--version").or_else(|| lack("rustc", "--version")), by_bindgen),
    ];
    let tools = tests.len();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), tests);
    if conclusion.num_failed + conclusion.num_ignored + conclusion.num_filtered_out == 0 {
        figure("bindings.tools", tools, "tools that make bindings of the header as it is");
    }
    conclusion.exit();
}

fn lack_of_python(package: &str) -> Option<String> {
    let program = in_root(PYTHON).join("python3");
    let import = Command::new(program).args(["-c", &format!("import {package}")]).output();
    let there = import.is_ok_and(|output| output.status.success());
    (!there).then(|| format!("{package} (in {PYTHON})"))
}

/// A test in a folder of its own, with the shared library.
fn of_header(tool: &str, lacking: Option<String>, body: fn(&Path, &Path) -> Result<(), Failed>) -> Trial {
    test(format!("header: {tool}"), lacking, move || {
        let library = RELEASE.as_deref().map_err(|why| Failed::from(why.clone()))?;
        let folder = tempfile::tempdir()?;
        body(folder.path(), library)
    })
}

fn header() -> PathBuf {
    in_root("include/fdwire.h")
}

/// A command of the guide's, or a program that it is about.
fn command(program: impl AsRef<std::ffi::OsStr>, folder: &Path, library: &Path) -> Command {
    let mut command = Command::new(program);
    let libraries = library.parent().expect("it is in a folder");
    command.current_dir(folder).env("HEADER", header()).env("LD_LIBRARY_PATH", libraries);
    command
}

fn says_hello(program: &mut Command) -> Result<(), Failed> {
    match output(program)? {
        printed if printed == "hello\n" => Ok(()),
        printed => Err(format!("{program:?}: {printed}").into()),
    }
}

fn by_cffi(folder: &Path, library: &Path) -> Result<(), Failed> {
    let program = format!("HEADER = {:?}\nLIBRARY = {library:?}\n{}", header(), GUIDE.block("python cffi"));
    std::fs::write(folder.join("hello.py"), program)?;
    says_hello(command(in_root(PYTHON).join("python3"), folder, library).arg("hello.py"))
}

fn by_ctypesgen(folder: &Path, library: &Path) -> Result<(), Failed> {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", in_root(PYTHON).display());
    run(command("sh", folder, library).args(["-ec", GUIDE.block("sh run ctypesgen")]).env("PATH", path))?;
    std::fs::write(folder.join("hello.py"), GUIDE.block("python ctypesgen"))?;
    says_hello(command(in_root(PYTHON).join("python3"), folder, library).arg("hello.py"))
}

fn by_bindgen(folder: &Path, library: &Path) -> Result<(), Failed> {
    run(command("sh", folder, library).args(["-ec", GUIDE.block("sh run bindgen")]))?;
    std::fs::write(folder.join("hello.rs"), GUIDE.block("rust bindgen"))?;
    let search = format!("native={}", library.parent().expect("it is in a folder").display());
    run(command("rustc", folder, library).args(["--edition=2021", "hello.rs", "-L", &search, "-l", "dylib=fdwire"]))?;
    says_hello(&mut command(folder.join("hello"), folder, library))
}
