//! The tables of formats: those of other programs' parameters against vectors of these programs' own suites.

use crate::trials::in_root;
use crate::trials::pages::Page;
use fdwire::codec::{Decoder, encode};
use fdwire::format::Format;
use libtest_mimic::Failed;
use serde_json::Value;

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
pub(crate) fn parameters_are_right(page: &Page, heading: &str, source: &str) -> Result<(), Failed> {
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
pub(crate) fn counts_are_right(page: &Page) -> Result<(), Failed> {
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
pub(crate) fn names_are_right(page: &Page) -> Result<(), Failed> {
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
