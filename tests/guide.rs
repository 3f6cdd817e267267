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
//! With `FDWIRE_RENEW` set, output and pictures are written anew. Blocks of other languages, and of `install.md` and
//! `bindings.md`, are run by `install`.

mod trials;

use fdwire::codec::{Decoder, encode};
use fdwire::format::Format;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
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
        tests.push(Trial::test(name, move || parameters_are_right(&page, heading, source)));
    }
    let page = find(&pages, "porting.md");
    tests.push(Trial::test("porting.md: names", move || names_are_right(&page)));
    let page = find(&pages, "formats.md");
    tests.push(Trial::test("formats.md: what a length counts", move || counts_are_right(&page)));
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
        let path = page.path.with_file_name(file);
        // Pages that others write may not be there yet.
        if !["languages.md", "wirecat.md"].contains(&file) && !path.exists() {
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

/// What a row of a table gives: a format, and what of its frames is handed on.
struct Row {
    cells: Vec<String>,
}

impl Row {
    fn text(&self) -> &str {
        self.cells[self.cells.len() - 2].trim_matches('`')
    }

    fn frames(&self, vector: &Value) -> Result<(), Failed> {
        let what = format!("{}, {}", self.text(), vector["name"]);
        let format = Format::parse(&(self.text().to_owned() + &limit(vector)))?;
        let stream: Vec<u8> = vector["feeds"].as_array().unwrap().iter().flat_map(hex).collect();
        let mut decoder = Decoder::new(&format);
        decoder.feed(&stream)?;
        let mut frames = Vec::new();
        let error = loop {
            match decoder.next_message() {
                Ok(Some(message)) => frames.push(match self.cells.last().unwrap().as_str() {
                    "body" => message.body.to_vec(),
                    "head and body" => [message.head, message.body].concat(),
                    "body and tail" => [message.body, message.tail].concat(),
                    other => return Err(format!("{what}: {other}?").into()),
                }),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let expected: Vec<Vec<u8>> = vector["frames"].as_array().unwrap().iter().map(hex).collect();
        // An end inside a frame is no error yet, where nobody said that the stream has ended.
        let fails = vector["error"].as_str().is_some_and(|error| error != "eof_in_frame");
        match frames == expected && error == fails {
            true => Ok(()),
            false => Err(format!("{what}: {frames:02x?}, {error}, and not {expected:02x?}, {fails}").into()),
        }
    }
}

/// The limit of a vector, as settings that override others.
fn limit(vector: &Value) -> String {
    let format = &vector["format"];
    match (format["max"].as_u64(), format["max_of"].as_str(), format["kind"].as_str()) {
        (None, ..) => " max=0x7fffffffffffffff".into(),
        (Some(max), Some("value"), _) | (Some(max), None, Some("delim")) => format!(" max={max}"),
        (Some(max), ..) => format!(" max=frame:{max}"),
    }
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn vectors(source: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(in_root(&format!("tests/vectors/{source}.json"))).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    // A limit inside of a select is none that a setting behind it overrides.
    let plain = |vector: &Value| vector["format"]["kind"] != "select" || !vector["format"].to_string().contains("max");
    all.into_iter().filter(plain).collect()
}

/// The rows of the tables under a heading.
fn rows(page: &Page, heading: &str) -> Vec<Row> {
    let section = page.text.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    // Titles have no format in them; a bar inside of a cell would be escaped, and there is none.
    let lines = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let lines = lines.filter(|line| line.contains('`'));
    lines.map(|line| Row { cells: line.split(" | ").map(|cell| cell.trim().to_owned()).collect() }).collect()
}

/// Rows of four numbers, each against all vectors that have these, and all vectors that have such.
fn parameters_are_right(page: &Page, heading: &str, source: &str) -> Result<(), Failed> {
    let vectors = vectors(source);
    let lengths = |vector: &&Value| {
        vector["format"]["kind"] == "len" && vector["format"]["endian"] == "be" && vector["op"] != "encode"
    };
    let mut tried = 0;
    for row in rows(page, heading) {
        let numbers: Vec<i64> = row.cells.iter().map_while(|cell| cell.parse().ok()).collect();
        let [offset, width, adjustment, skip] = numbers[..] else { continue };
        let adjust = if source == "netty" { adjustment } else { adjustment + skip - offset - width };
        let of = |format: &Value, key: &str| format[key].as_i64().unwrap_or(0);
        let fits = |format: &Value| {
            [of(format, "offset"), of(format, "width"), of(format, "adjust"), of(format, "strip")]
                == [offset, width, adjust, skip]
        };
        let of_row: Vec<&Value> = vectors.iter().filter(lengths).filter(|vector| fits(&vector["format"])).collect();
        if of_row.is_empty() {
            return Err(format!("no vector has {numbers:?}").into());
        }
        // What the page says of all others has to be right for these as well.
        let head = if skip > offset + width { format!(" head={skip}") } else { String::new() };
        let order = if width > 1 { "be" } else { "" };
        let text = format!("u{}{order} at={offset} adjust={adjust}{head}", 8 * width);
        let general = Row { cells: vec![text, row.cells.last().expect("it has cells").clone()] };
        of_row.iter().try_for_each(|vector| row.frames(vector).and(general.frames(vector)))?;
        tried += of_row.len();
    }
    match vectors.iter().filter(lengths).count() {
        all if all == tried => Ok(()),
        all => Err(format!("of {all} vectors, {tried} have a row").into()),
    }
}

/// The numbers that the page says are those in the heads that are made.
fn counts_are_right(page: &Page) -> Result<(), Failed> {
    let rows = page.text.lines().filter_map(|line| line.strip_prefix("| `counts=")?.strip_suffix(" |"));
    let mut counts = Vec::new();
    for row in rows {
        let (name, number) = (row.split('`').next().unwrap_or_default(), row.rsplit("| ").next().unwrap_or_default());
        let format = Format::parse(format!("u16be at=3 head=7 counts={name}"))?;
        let mut frame = Vec::new();
        encode(&format, None, &[0; 10], &mut frame)?;
        counts.push(name);
        let made = u16::from_be_bytes([frame[3], frame[4]]);
        if number.parse() != Ok(made) {
            return Err(format!("{name}: {made}, and not {number}").into());
        }
    }
    if counts == ["body", "rest", "field", "frame"] { Ok(()) } else { Err(format!("{counts:?}").into()) }
}

/// What rows are called, and the vectors that go with them, by source and what their names begin with.
const NAMED: [(&str, &str, &str); 12] = [
    ("LineBasedFrameDecoder(8192)", "netty", "testDecodeWithStrip"),
    ("LineBasedFrameDecoder(8192, false, …)", "netty", "testDecodeWithoutStrip"),
    ("ProtobufVarint32FrameDecoder", "netty", "testRegularDecode"),
    ("{packet, 1}", "erlang_decode_packet", "basic {packet,1}"),
    ("{packet, 2}", "erlang_decode_packet", "basic {packet,2}"),
    ("{packet, 4}", "erlang_decode_packet", "basic {packet,4}"),
    ("{packet, line}", "erlang_decode_packet", "line, line_length 0"),
    ("{packet, asn1}", "erlang_decode_packet", "asn1"),
    ("{packet, sunrm}", "erlang_decode_packet", "sunrm"),
    ("{packet, cdr}", "erlang_decode_packet", "cdr"),
    ("{packet, fcgi}", "erlang_decode_packet", "fcgi"),
    ("{packet, tpkt}", "erlang_decode_packet", "tpkt"),
];

/// Rows of names against their vectors; every format that a table names is one.
fn names_are_right(page: &Page) -> Result<(), Failed> {
    let headings = ["From Netty", "From Erlang"];
    let rows: Vec<Row> = headings.iter().flat_map(|heading| rows(page, heading)).collect();
    for row in rows.iter().filter(|row| !row.text().contains('…')) {
        Format::parse(row.text()).map_err(|error| format!("{}: {error}", row.text()))?;
    }
    for (name, source, start) in NAMED {
        let row = rows.iter().find(|row| row.cells[0].trim_matches('`') == name).ok_or(format!("no row {name}"))?;
        let vectors: Vec<Value> = vectors(source);
        let named = |vector: &&Value| vector["name"].as_str().unwrap().starts_with(start);
        let of_row: Vec<&Value> = vectors.iter().filter(named).collect();
        if of_row.is_empty() {
            return Err(format!("no vector of {source} is called {start}").into());
        }
        of_row.iter().try_for_each(|vector| row.frames(vector))?;
    }
    Ok(())
}
