//! What goes in and what is shown, in every form.

use super::tool::{Listening, Run, holds, same, wirecat, wirecat_of};
use libtest_mimic::Failed;
use serde_json::Value;

/// Two messages as PostgreSQL sends them.
const POSTGRES: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

fn shows(arguments: &str, stream: &[u8], expected: &str) -> Result<(), Failed> {
    same(arguments, wirecat(arguments, stream)?.text(0)?, expected.to_owned())
}

pub(crate) fn each_form_shows_head_and_body_apart() -> Result<(), Failed> {
    shows("-f postgres -", POSTGRES, "\\0\\0\\0\\0\nI\n")?;
    shows("-f postgres -s head -", POSTGRES, "R\\0\\0\\0\\x08\nZ\\0\\0\\0\\x05\n")?;
    shows("-f postgres -s head,body -", POSTGRES, "R\\0\\0\\0\\x08|\\0\\0\\0\\0\nZ\\0\\0\\0\\x05|I\n")?;
    shows("-f postgres -s body -o hex -", POSTGRES, "00000000\n49\n")?;
    shows("-f postgres -s frame -o hex -", POSTGRES, "5200000008|00000000|\n5a00000005|49|\n")?;
    shows("-f line -s body,tail -", b"unix\ndos\r\n", "unix|\\n\ndos|\\r\\n\n")?;
    shows("-f line -s tail -o hex -", b"unix\ndos\r\n", "0a\n0d0a\n")?;
    shows("-f netstring -o lines -", b"1:a,2:bc,", "a\nbc\n")?;
    shows("-f netstring -o raw -", b"1:a,2:bc,", "abc")?;
    shows("-f netstring -o raw -s frame -", b"1:a,2:bc,", "1:a,2:bc,")?;
    let dump = "\
< message 1 at 0: head 5, body 4, tail 0
  head 00000000  52 00 00 00 08                                    |R....|
  body 00000000  00 00 00 00                                       |....|
< message 2 at 9: head 5, body 1, tail 0
  head 00000000  5a 00 00 00 05                                    |Z....|
  body 00000000  49                                                |I|
";
    shows("-f postgres -o dump -", POSTGRES, dump)?;
    let json = "\
{\"direction\":\"in\",\"message\":1,\"offset\":0,\"head\":\"5200000008\",\"body\":\"\\u0000\\u0000\\u0000\\u0000\"}
{\"direction\":\"in\",\"message\":2,\"offset\":9,\"head\":\"5a00000005\",\"body\":\"I\"}
";
    shows("-f postgres -o json -", POSTGRES, json)
}

/// What a dump has of more than a row is the same as `od` has.
pub(crate) fn a_dump_has_rows_of_sixteen() -> Result<(), Failed> {
    let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let shown = wirecat("-f eof -o dump -", &body)?.text(0)?;
    let rows = shown.lines().filter_map(|line| line.strip_prefix("  body "));
    let mut bytes = Vec::new();
    for (i, row) in rows.enumerate() {
        same("offset", &row[..8], format!("{:08x}", 16 * i).as_str())?;
        let digits = row[8..].split('|').next().unwrap_or_default().split_whitespace();
        bytes.extend(digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    same("bytes", bytes, body)
}

pub(crate) fn text_is_utf_8_and_nothing_that_moves_the_cursor() -> Result<(), Failed> {
    let text = "ä € 🦀 \u{7f}\u{1b}[2J\u{85}\u{202e}\u{2066}\u{feff}\\ \t|";
    let expected = "ä € 🦀 \\x7f\\x1b[2J\\xc2\\x85\\xe2\\x80\\xae\\xe2\\x81\\xa6\u{feff}\\\\ \\t\\|\n";
    shows("-f eof -", text.as_bytes(), expected)?;
    // Overlong, a surrogate, over U+10FFFF, cut off, and a byte that begins nothing.
    let wrong = b"\xc0\xaf \xe0\x80\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82 \xff \xf0\x9f";
    let expected = "\\xc0\\xaf \\xe0\\x80\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x82 \\xff \\xf0\\x9f\n";
    shows("-f eof -", wrong, expected)?;
    // Characters that lie over the end of a part.
    let many = "🦀€".repeat(150_000);
    shows("-f eof -", many.as_bytes(), &format!("{many}\n"))?;
    let moved = format!("a{many}");
    let length = u32::try_from(moved.len())?.to_be_bytes();
    shows("-", &[&length[..], moved.as_bytes()].concat(), &format!("{moved}\n"))
}

/// `\0` before a digit would look like an octal number.
pub(crate) fn a_zero_before_a_digit_is_no_octal_number() -> Result<(), Failed> {
    shows("-f eof -", b"\0\x001\0\0a9\0", "\\0\\x001\\0\\0a9\\0\n")?;
    shows("-f u8 -s head,body -", b"\0\x02\x000\x01\0", "\\0|\n\\x02|\\x000\n\\x01|\\0\n")
}

pub(crate) fn a_body_is_cut_where_asked() -> Result<(), Failed> {
    let stream = b"\0\0\0\x0a0123456789\0\0\0\x02ok\0\0\0\0";
    shows("--cut 2 -", stream, "01... (10 bytes)\nok\n\n")?;
    shows("--cut 0 -o hex -", stream, "... (10 bytes)\n... (2 bytes)\n\n")?;
    let dump = wirecat("--cut 2 -o dump -", stream)?.text(0)?;
    holds(
        &dump,
        dump.contains("body 10,") && dump.contains("  body 00000000  30 31   ") && dump.contains("  body ...\n"),
    )
}

fn parse(line: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_str(line)?)
}

pub(crate) fn json_is_json_whatever_the_body() -> Result<(), Failed> {
    let body = |stream: &[u8]| -> Result<Value, Failed> { parse(&wirecat("-f eof -o json -", stream)?.text(0)?) };
    for text in ["plain", "\"\\/\u{8}\u{c}\n\r\t\0\u{1}\u{7f}", "ä€🦀\u{2028}", ""] {
        let stream = format!("x{text}");
        same("body", body(stream.as_bytes())?["body"].as_str(), Some(stream.as_str()))?;
    }
    for (bytes, base64) in
        [(&b"\xff"[..], "/w=="), (b"\xff\xfe", "//4="), (b"\xff\xfe\xfd", "//79"), (b"a\xc3", "YcM=")]
    {
        let object = body(bytes)?;
        same("base64", object["body_base64"].as_str(), Some(base64))?;
        same("no text", object.get("body"), None)?;
    }
    let all = parse(&wirecat("-f line -o json -s frame --time -", b"a\r\n")?.text(0)?)?;
    same("tail", all["tail"].as_str(), Some("0d0a"))?;
    let timed = wirecat("-f line --time -", b"a\n")?.text(0)?;
    let (seconds, body) = timed.trim_end().split_once(' ').unwrap_or_default();
    holds(&timed, body == "a" && seconds.parse::<f64>().is_ok_and(|time| (0.0..60.0).contains(&time)))?;
    holds("a time", all["time"].as_f64().is_some_and(|time| (0.0..60.0).contains(&time)))
}

/// All bytes that there are, and more than one part of them.
fn binary() -> Vec<u8> {
    (0..=255).cycle().take(70_000).chain(*b"\r\n\0\\|'\"\xff").collect()
}

/// Frames for a body, made by one wirecat, are shown by another one, and made again of what that has shown.
pub(crate) fn binary_comes_through_every_form() -> Result<(), Failed> {
    let body = binary();
    let frame = wirecat("-i raw --send-only -", &body)?.shown(0)?;
    same("the frame", &frame[4..], &body[..])?;
    for (out, input) in [("text", "text"), ("hex", "hex"), ("raw", "raw")] {
        let shown = wirecat(&format!("-o {out} -"), &frame)?.shown(0)?;
        let again = wirecat(&format!("-i {input} --send-only -"), &shown)?.shown(0)?;
        holds(&format!("{out} is read by {input}"), again == frame)?;
    }
    for form in ["text", "hex"] {
        let shown = wirecat(&format!("-f postgres -s head,body -o {form} -"), POSTGRES)?.shown(0)?;
        let again = wirecat(&format!("-f postgres --send-first postgres -i {form} --send-only -"), &shown)?.shown(0)?;
        same(form, again, POSTGRES.to_vec())?;
    }
    let lines = wirecat("-o lines -", &frame)?.shown(0)?;
    same("lines", &lines[..], &[&body[..], b"\n"].concat())?;
    let dump = wirecat("-o dump -s body -", &frame)?.text(0)?;
    let rows = dump.lines().filter_map(|line| line.strip_prefix("  body ")).flat_map(|row| {
        row[8..]
            .split('|')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
    });
    holds("dump", rows.collect::<Vec<u8>>() == body)?;
    let json = parse(&wirecat("-o json -", &frame)?.text(0)?)?;
    holds("json", base64(json["body_base64"].as_str().unwrap()) == body)
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let digits = four.iter().filter(|c| **c != b'=').count();
        let bits = four.iter().fold(0u32, |bits, c| bits << 6 | u32::from(if *c == b'=' { 0 } else { value(*c) }));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..digits]);
    }
    bytes
}

/// What frames `wirecat --send-only -` makes.
fn makes(arguments: &[&str], input: &[u8], expected: &[u8]) -> Result<(), Failed> {
    let arguments = [arguments, &["--send-only", "-"]].concat();
    same(&format!("{arguments:?}"), wirecat_of(&arguments, input)?.shown(0)?, expected.to_vec())
}

pub(crate) fn every_form_of_input_makes_frames() -> Result<(), Failed> {
    makes(&["-f", "netstring"], b"a\\n|b\n\nlast", b"5:a\\n|b,0:,4:last,")?;
    makes(&["-f", "netstring"], b"", b"")?;
    makes(&["-f", "netstring", "-e"], b"\\r\\n\\t\\0\\\\\\|\\'\\xfF\n", b"8:\r\n\t\0\\|'\xff,")?;
    makes(&["-f", "netstring", "-i", "hex"], b"00 ff\n 0A\t0b\n", b"2:\0\xff,2:\n\x0b,")?;
    makes(&["-f", "netstring", "-i", "raw"], b"a\nb\n", b"4:a\nb\n,")?;
    makes(&["-f", "netstring", "-i", "raw"], b"", b"0:,")?;
    makes(&["-f", "netstring", "-i", "frames"], b"1:a,2:bc,", b"1:a,2:bc,")?;
    makes(&["-f", "postgres", "-i", "frames", "--send-first", "line"], b"hi\nZ\0\0\0\x05I", b"hi\nZ\0\0\0\x05I")?;
    // Other sources than standard input, in their order, and it among them.
    makes(&["-f", "line", "-m", "one", "--file", "-", "-m", "three"], b"two\nand\n", b"one\ntwo\nand\nthree\n")
}

pub(crate) fn heads_are_given_whole_or_in_part() -> Result<(), Failed> {
    let postgres: &[&str] = &["-f", "postgres", "--send-first", "postgres"];
    makes(&[postgres, &["-e", "-m", "Q|SELECT 1\\0"][..]].concat(), b"", b"Q\0\0\0\x0dSELECT 1\0")?;
    makes(&[postgres, &["-e", "-m", "X|"][..]].concat(), b"", b"X\0\0\0\x04")?;
    makes(&[postgres, &["-i", "hex", "-m", "5a|49"][..]].concat(), b"", b"Z\0\0\0\x05I")?;
    makes(&[postgres, &["--head", "Q", "-m", "a", "-m", "b"][..]].concat(), b"", b"Q\0\0\0\x05aQ\0\0\0\x05b")?;
    makes(&[postgres, &["--head", "Q", "-e", "-m", "S|"][..]].concat(), b"", b"S\0\0\0\x04")?;
    makes(&["-f", "git-pkt-line", "-e", "-m", "hello\\n", "-m", "0001|", "-m", "0000|"], b"", b"000ahello\n00010000")?;
    makes(&["-f", "mqtt", "-e", "-m", "\\xc0|"], b"", b"\xc0\0")?;
    makes(&["-f", "mysql", "-e", "-m", "\\0\\0\\0\\x02|ab"], b"", b"\x02\0\0\x02ab")?;
    let lsp = &["-f", "lsp", "-e", "-m", "Content-Length: 0\\r\\nContent-Type: x\\r\\n\\r\\n|{}"];
    makes(lsp, b"", b"Content-Length: 2\r\nContent-Type: x\r\n\r\n{}")
}

fn refuses(arguments: &[&str], input: &[u8], code: i32, why: &str) -> Result<Run, Failed> {
    wirecat_of(&[arguments, &["--send-only", "-"]].concat(), input)?.complains(code, why)
}

pub(crate) fn what_cannot_be_sent_is_refused() -> Result<(), Failed> {
    same(
        "before it",
        refuses(&["-f", "line", "-e"], b"good\nbad\\n\nnever\n", 1, "message 2 cannot be sent")?.out,
        b"good\n".to_vec(),
    )?;
    refuses(&["-f", "u8", "-m", &"x".repeat(256)], b"", 1, "FDWIRE_E_TOO_LONG")?;
    refuses(&["-e"], b"ok\n\\q\n", 1, "line 2: no such escape")?;
    refuses(&["-e", "-m", "a|b|c"], b"", 1, "a|b|c: a second bar")?;
    refuses(&["-i", "hex", "-m", "0g"], b"", 1, "0g: no pair of hex digits")?;
    refuses(&["-i", "hex", "-m", "123"], b"", 1, "123: no pair of hex digits")?;
    refuses(&["-f", "netstring", "-i", "frames"], b"1:a,x", 5, "standard input: message 2 at stream offset 4")?;
    refuses(&["-f", "netstring", "-i", "frames"], b"1:a,9:b", 5, "the stream ended inside it")?;
    refuses(&["--file", "/nonexistent/file"], b"", 5, "/nonexistent/file: ")?;
    refuses(&["--file", "/"], b"", 5, "EISDIR")?;
    Ok(())
}

/// What is sent is shown beside what is received, each with its mark.
pub(crate) fn both_directions_are_shown() -> Result<(), Failed> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "of a file")?;
    let path = file.path().to_str().unwrap();
    let run = wirecat_of(&["-b", "-t", "-s", "head,body", "-m", "hello", "--file", path, "--", "cat"], b"")?.text(0)?;
    let expected =
        "> \\0\\0\\0\\x05|hello\n< \\0\\0\\0\\x05|hello\n> \\0\\0\\0\\t|of a file\n< \\0\\0\\0\\t|of a file\n";
    same("marks", run, expected.to_owned())?;
    let json = wirecat_of(&["-b", "-t", "-o", "json", "-m", "a", "-m", "b", "--", "cat"], b"")?.text(0)?;
    let objects: Vec<Value> = json.lines().map(parse).collect::<Result<_, _>>()?;
    let marks: Vec<_> =
        objects.iter().map(|o| (o["direction"].as_str().unwrap(), o["offset"].as_u64().unwrap())).collect();
    same("offsets", marks, vec![("out", 0), ("in", 0), ("out", 5), ("in", 5)])?;
    let dump = wirecat_of(&["-b", "-f", "line", "-o", "dump", "-s", "frame", "-m", "a", "--", "cat"], b"")?.text(0)?;
    holds(&dump, dump.starts_with("> message 1 at 0: head 0, body 1, tail 1\n") && dump.contains("\n< message 1 at 0:"))
}

pub(crate) fn directions_may_have_formats_of_their_own() -> Result<(), Failed> {
    let server = ["-l", "127.0.0.1:0", "--recv-format", "line", "--send-format", "netstring", "-m", "answer"];
    let server = Listening::start(&server, b"")?;
    let client = ["--recv-format", "netstring", "--send-format", "line", "-m", "question", &server.address];
    same("the answer", wirecat_of(&client, b"")?.text(0)?, "answer\n".into())?;
    same("the question", server.end()?.text(0)?, "question\n".into())
}

/// The first message of a client of PostgreSQL is of another format, on both sides, without a word about it.
pub(crate) fn the_first_message_may_have_a_format_of_its_own() -> Result<(), Failed> {
    let server = ["-l", "127.0.0.1:0", "-f", "postgres", "-s", "head,body", "-e", "-m", "R|\\0\\0\\0\\0"];
    let server = Listening::start(&server, b"")?;
    let client =
        ["-f", "postgres", "-e", "-s", "head,body", "-m", "user\\0joe\\0\\0", "-m", "Q|SELECT 1\\0", &server.address];
    same("client", wirecat_of(&client, b"")?.text(0)?, "R\\0\\0\\0\\x08|\\0\\0\\0\\0\n".into())?;
    let expected = "\\0\\0\\0\\x12\\0\\x03\\0\\0|user\\0joe\\0\\0\nQ\\0\\0\\0\\r|SELECT 1\\0\n";
    same("server", server.end()?.text(0)?, expected.into())?;
    shows("-f netstring --recv-first line -", b"hello\n1:a,", "hello\na\n")?;
    let empty = tempfile::NamedTempFile::new()?;
    let path = empty.path().to_str().unwrap();
    makes(&["-f", "netstring", "--send-first", "u8", "--file", path, "--file", path], b"", b"\x000:,")
}
