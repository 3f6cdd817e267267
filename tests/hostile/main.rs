//! Hostile callers: every exported function with every value of every parameter that a program may come to give it, each alone,
//! each two and all at once; calls in any order on one object; and on one connection from two threads. The table is made from
//! the header: a new function is in it by itself, and a type that is not known here fails.
//!
//! What holds in each case: no signal, no hang, a code that the function's comment names, what is refused refused as the header
//! says, nothing written that was not to be, no descriptor lost. A case that fails is printed as the call that it is, in the
//! words of `scene.h`. What was made stays in `target/tmp/hostile`, to be run by hand.

mod header;
mod program;
#[path = "../trials/mod.rs"]
mod trials;
mod values;

use libtest_mimic::{Arguments, Failed};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use trials::libraries::{ADDRESS, FLAGS, NATIVE, THREADS};
use trials::{WARNINGS, figure, in_root, lack, run, test};

const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/hostile");

/// Processes side by side: they wait much of the time.
const SIDE_BY_SIDE: usize = 6;

fn main() {
    // What is random goes on for longer in the long form.
    let times = if trials::all() { 20 } else { 1 };
    let of_address = || ADDRESS.as_ref().err().cloned();
    let tests = vec![
        test("table".into(), lack("gcc", "--version"), || all("plain", "table", table_len()?, true)),
        test("table: address sanitizer".into(), of_address(), || all("address", "table", table_len()?, false)),
        test("sequences".into(), lack("gcc", "--version"), move || all("plain", "sequences", 2000 * times, true)),
        test("sequences: address sanitizer".into(), of_address(), move || {
            all("address", "sequences", 400 * times, false)
        }),
        test("threads".into(), lack("gcc", "--version"), move || all("plain", "threads", 150 * times, true)),
        test("threads: thread sanitizer".into(), THREADS.as_ref().err().cloned(), move || {
            all("threads", "threads", 60 * times, false)
        }),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}

fn functions() -> Result<Vec<header::Function>, String> {
    let text = std::fs::read_to_string(in_root("include/fdwire.h")).map_err(|error| error.to_string())?;
    header::functions(&text)
}

fn table_len() -> Result<usize, Failed> {
    Ok(functions()?.len())
}

/// Runs all there is of a sort, in several processes.
fn all(build: &str, sort: &str, count: usize, figures: bool) -> Result<(), Failed> {
    let program = program(build)?;
    let share = count.div_ceil(SIDE_BY_SIDE * 4).max(1);
    let mut runs = (0..count).step_by(share);
    let (mut totals, mut wrong) = ([0u64; 5], String::new());
    loop {
        let started = runs.by_ref().take(SIDE_BY_SIDE).map(|from| {
            let to = (from + share).min(count);
            Command::new(&program)
                .args([sort, &from.to_string(), &to.to_string()])
                .env("ASAN_OPTIONS", "detect_leaks=1:allocator_may_return_null=1")
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        });
        let started = started.collect::<Result<Vec<_>, _>>()?;
        if started.is_empty() {
            break;
        }
        for process in started {
            let output = process.wait_with_output()?;
            let out = String::from_utf8_lossy(&output.stdout);
            match counts(&out) {
                Some(counts) => totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count),
                None => wrong.push_str("it did not come to its end\n"),
            }
            if !output.status.success() {
                wrong +=
                    &format!("{program:?} {sort}: {}\n{out}{}", output.status, String::from_utf8_lossy(&output.stderr));
            }
        }
    }
    println!("{sort} ({build}): {totals:?} cases, calls, signals, hangs, failures");
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    if figures {
        tell(sort, totals);
    }
    Ok(())
}

/// `12 cases, 34 calls, ...`, on the last line.
fn counts(out: &str) -> Option<Vec<u64>> {
    let last = out.lines().last()?;
    last.split(", ")
        .map(|part| part.split(' ').next()?.parse().ok())
        .collect::<Option<Vec<_>>>()
        .filter(|all| all.len() == 5)
}

fn tell(sort: &str, [cases, calls, signals, ..]: [u64; 5]) {
    let (key, what) = match sort {
        "table" => ("hostile".to_owned(), "cases of the table of hostile calls"),
        _ => (format!("hostile.{sort}"), "random sequences of calls on one object"),
    };
    figure(&format!("{key}.cases"), cases, what);
    figure(&format!("{key}.calls"), calls, "calls made in them");
    figure(&format!("{key}.signals"), signals, "of them ended by a signal");
}

/// The table as C.
static TABLE: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let table = Path::new(FOLDER).join("table.c");
    let text = program::program(&functions()?)?;
    std::fs::create_dir_all(FOLDER)
        .and_then(|()| std::fs::write(&table, text))
        .map_err(|error| error.to_string())
        .map(|()| table)
});

/// Compiles it against a build of the library.
fn program(build: &str) -> Result<PathBuf, Failed> {
    let table = TABLE.clone()?;
    let out = Path::new(FOLDER).join(build);
    let objects = [(table, "table"), (in_root("tests/hostile/run.c"), "run")].map(|(source, name)| {
        let object = out.with_extension(format!("{name}.o"));
        let mut compile = Command::new("gcc");
        compile.args(["-std=c11", "-g", "-c"]).args(WARNINGS).arg("-Wno-unused-function");
        match build {
            "address" => drop(compile.arg(FLAGS)),
            "threads" => drop(compile.arg("-fsanitize=thread")),
            _ => {}
        }
        compile.arg("-I").arg(in_root("include")).arg("-I").arg(in_root("tests/hostile")).arg(source);
        run(compile.arg("-o").arg(&object)).map(|()| object)
    });
    let mut link = Command::new("gcc");
    for object in objects {
        link.arg(object?);
    }
    match build {
        "address" => drop(link.arg(FLAGS).arg(ADDRESS.as_ref().map_err(Clone::clone)?)),
        "threads" => {
            let [library, runtime] = THREADS.as_ref().map_err(Clone::clone)?;
            link.arg(library).arg("-Wl,--whole-archive").arg(runtime);
            link.args(["-Wl,--no-whole-archive", "-Wl,--export-dynamic", "-lrt"]);
        }
        _ => drop(link.arg(std::env::current_exe()?.with_file_name("libfdwire.a"))),
    }
    run(link.args(NATIVE).arg("-o").arg(&out))?;
    Ok(out)
}
