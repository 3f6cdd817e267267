//! Between two: what each says comes to the other as it is, and is shown.

use super::tool::{Listening, holds, program, run_with, same, sh, timed, wirecat_of};
use libtest_mimic::Failed;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// A client and a server of PostgreSQL, as far as formats go, and one between them who knows how a client begins.
pub(crate) fn a_conversation_is_passed_on_and_shown() -> Result<(), Failed> {
    let server = ["-f", "postgres", "-e", "-s", "head,body", "-l", "127.0.0.1:0", "-m", "R|\\0\\0\\0\\0"];
    let server = Listening::start(&server, b"")?;
    let tap = ["-f", "postgres", "-o", "json", "--stats", "-l", "127.0.0.1:0", "--to", &server.address];
    let tap = Listening::start(&tap, b"")?;
    let client = wirecat_of(&["-f", "postgres", "-e", "-m", "user\\0", "-m", "Q|SELECT 1\\0", &tap.address], b"")?;
    same("the client", client.text(0)?, "\\0\\0\\0\\0\n".into())?;
    same(
        "the server",
        server.end()?.text(0)?,
        "\\0\\0\\0\\r\\0\\x03\\0\\0|user\\0\nQ\\0\\0\\0\\r|SELECT 1\\0\n".into(),
    )?;
    let shown = tap.end()?.complains(0, "from the client: 2 messages, 27 bytes")?;
    let mut lines: Vec<String> = String::from_utf8(shown.out)?.lines().map(str::to_owned).collect();
    lines.sort();
    let expected = [
        r#"{"direction":"in","message":1,"offset":0,"head":"5200000008","body":"\u0000\u0000\u0000\u0000"}"#,
        r#"{"direction":"out","message":1,"offset":0,"head":"0000000d00030000","body":"user\u0000"}"#,
        r#"{"direction":"out","message":2,"offset":13,"head":"510000000d","body":"SELECT 1\u0000"}"#,
    ];
    same("between", lines, expected.map(str::to_owned).to_vec())
}

/// As an editor starts it instead of its language server: what is shown must not come between.
pub(crate) fn a_command_is_wrapped_in_pipes() -> Result<(), Failed> {
    let run = wirecat_of(&["-f", "line", "-", "--", "tr", "a-z", "A-Z"], b"one\ntwo\n")?;
    same("passed on", run.out, b"ONE\nTWO\n".to_vec())?;
    same("shown", run.err, "> one\n> two\n< ONE\n< TWO\n".to_owned())?;
    let failed = wirecat_of(&["-f", "line", "-", "--", "sh", "-c", "cat; exit 3"], b"x\n")?;
    same("passed on", failed.complains(6, "the command ended with 3")?.out, b"x\n".to_vec())?;
    wirecat_of(&["-", "--", "/nonexistent/command"], b"")?.complains(3, "/nonexistent/command: ")?;
    wirecat_of(&["-", "--to", "/nonexistent/socket"], b"")?.complains(3, "/nonexistent/socket: ")?;
    Ok(())
}

/// Nobody's stream is broken by somebody who looks at it.
pub(crate) fn what_is_no_message_is_passed_on() -> Result<(), Failed> {
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let stream = [b"1:a,", &bytes[..]].concat();
    let run = wirecat_of(&["-f", "netstring", "-", "--", "cat"], &stream)?;
    let run = run.complains(1, "from the client, message 2 at stream offset 4: ")?;
    holds("all of it", run.out == stream)?;
    holds("what was one", run.err.contains("> a\n") && run.err.contains("< a\n"))?;
    let long = b"short\nfar too long for ten\nend\n";
    let run = wirecat_of(&["-f", "line max=10", "-", "--", "cat"], long)?;
    let run = run.complains(0, "from the client, not shown: message 2 at stream offset 6: ")?;
    same("all of it", run.out, long.to_vec())?;
    holds("the others", run.err.contains("> end\n") && run.err.contains("< end\n"))?;
    let cut = wirecat_of(&["-f", "line", "-", "--", "cat"], b"whole\nhalf")?;
    let cut = cut.complains(1, "from the client, message 2 at stream offset 6: the stream ended inside it")?;
    same("all of it", cut.out, b"whole\nhalf".to_vec())
}

/// Each side ends when the other one has, and not before; and much is on its way in both directions at once.
pub(crate) fn ends_are_passed_on_one_by_one() -> Result<(), Failed> {
    let much: Vec<u8> = b"some line or other\n".repeat(200_000);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?.to_string();
    let mut tap = std::process::Command::new("bash");
    let script = "exec \"$W\" -f line -o hex --cut 0 -l 127.0.0.1:0 --to \"$0\" > /dev/null";
    tap.args(["-c", script, &to]).env("W", program()?);
    let tap = Listening::start_command(tap, &[], b"")?;
    let server = std::thread::spawn({
        let much = much.clone();
        move || -> std::io::Result<Vec<u8>> {
            let (mut stream, _) = listener.accept()?;
            let mut all = Vec::new();
            let mut reader = stream.try_clone()?;
            let writer = std::thread::spawn(move || stream.write_all(&much).and(Ok(stream)));
            reader.read_to_end(&mut all)?;
            writer.join().unwrap()?.write_all(b"after your end\n")?;
            Ok(all)
        }
    });
    let mut client = TcpStream::connect(&tap.address)?;
    let mut reader = client.try_clone()?;
    let writer = std::thread::spawn({
        let much = much.clone();
        move || client.write_all(&much).and_then(|()| client.shutdown(Shutdown::Write))
    });
    let mut all = Vec::new();
    reader.read_to_end(&mut all)?;
    writer.join().unwrap()?;
    holds("to the server", server.join().unwrap()? == much)?;
    holds("to the client", all == [&much[..], b"after your end\n"].concat())?;
    tap.end()?.shown(0).map(drop)
}

pub(crate) fn one_client_after_the_other_is_passed_on() -> Result<(), Failed> {
    let tap = Listening::start(&["-f", "line", "-lk", "127.0.0.1:0", "--time", "--", "cat"], b"")?;
    for line in ["one\n", "two\n"] {
        same("echo", wirecat_of(&["-f", "line", &tap.address], line.as_bytes())?.text(0)?, line.to_owned())?;
    }
    tap.signal("TERM")?;
    let shown = String::from_utf8(tap.end()?.out)?;
    let marks: Vec<&str> = shown.lines().filter_map(|line| line.split_once(' ')).map(|(_, rest)| rest).collect();
    same("shown", marks, vec!["> one", "< one", "> two", "< two"])
}

/// What cannot be shown is said once.
pub(crate) fn nobody_looks_any_more() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket").display().to_string();
    let mut tap = std::process::Command::new("bash");
    tap.args(["-c", &format!("exec \"$W\" -f line -l {socket} -- cat > /dev/full")]).env("W", program()?);
    let tap = Listening::start_command(tap, &[], b"")?;
    wirecat_of(&["-f", "line", &socket], b"hello\n")?;
    let run = tap.end()?.complains(5, "standard output: No space left on device (ENOSPC)")?;
    same("lines", run.err.lines().count(), 1)
}

pub(crate) fn nothing_moves_and_it_gives_up() -> Result<(), Failed> {
    let script = "sleep 5 | \"$W\" -f line -w 0.2 - -- cat";
    sh(script, b"")?.complains(4, "nothing has moved for 0.2 seconds")?;
    let mut closed = timed(program()?);
    closed.args(["-f", "line", "-", "--", "sh", "-c", "exec <&-; sleep 0.2; echo bye"]);
    let run = run_with(closed, &b"nobody hears this\n".repeat(10_000))?;
    let run = run.complains(5, "from the client: Broken pipe (EPIPE)")?;
    same("the other direction", run.out, b"bye\n".to_vec())
}
