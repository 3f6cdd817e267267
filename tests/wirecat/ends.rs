//! How it ends: streams that break, peers that go, time that runs out, readers that have enough; and what is said of it.

use super::tool::{Listening, holds, program, run_with, same, sh, signal_of, timed, wirecat, wirecat_of};
use libtest_mimic::Failed;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

pub(crate) fn a_broken_stream_is_explained() -> Result<(), Failed> {
    let http = b"\0\0\0\x02okHTTP/1.1 400 Bad Request\r\n";
    let run =
        wirecat("-", http)?.complains(1, "wirecat: message 2 at stream offset 6: the length field 48 54 54 50")?;
    same("before it", run.out, b"ok\n".to_vec())?;
    holds(&run.err, run.err.contains("is the peer speaking HTTP?"))?;
    wirecat("-f netstring -", b"1:a,1:b;")?.complains(1, "message 2 at stream offset 4")?;
    wirecat("-f postgres -", b"Z\0\0\0\x03")?.complains(1, "message 1 at stream offset 0")?;
    wirecat("-f line -", b"no end")?.complains(1, "the stream ended inside it, behind 6 bytes")?;
    wirecat("-", b"\0\0")?.complains(1, "the stream ended inside it, behind 2 bytes")?;
    Ok(())
}

pub(crate) fn what_came_of_a_message_is_shown() -> Result<(), Failed> {
    let cut = b"\0\0\0\x09half";
    let shows = |form: &str, expected: &str| -> Result<(), Failed> {
        let run = wirecat(&format!("-o {form} -"), cut)?.complains(1, "ended inside it, behind 8 bytes")?;
        same(form, String::from_utf8(run.out)?, expected.to_owned())
    };
    shows("text", "half (cut off)\n")?;
    shows("hex", "68616c66 (cut off)\n")?;
    shows("lines", "half\n")?;
    shows("raw", "half")?;
    let json =
        "{\"direction\":\"in\",\"message\":1,\"offset\":0,\"head\":\"00000009\",\"body\":\"half\",\"cut_off\":true}\n";
    shows("json", json)?;
    let dump = "< message 1 at 0: head 4, body 9, tail 0\n  head 00000000  00 00 00 09                                       |....|\n  body 00000000  68 61 6c 66                                       |half|\n  (cut off)\n";
    shows("dump", dump)
}

pub(crate) fn what_is_too_long_can_be_skipped() -> Result<(), Failed> {
    let stream = b"short\nfar too long for ten\nend\n";
    wirecat_of(&["-f", "line max=10", "-"], stream)?.complains(1, "it does not end within the limit of 10 bytes")?;
    let skipped = wirecat_of(&["-f", "line max=10", "--skip", "-o", "json", "-s", "body", "-"], stream)?;
    let skipped = skipped.complains(0, "wirecat: skipped: message 2 at stream offset 6: ")?;
    let expected = "\
{\"direction\":\"in\",\"message\":1,\"offset\":0,\"body\":\"short\"}
{\"direction\":\"in\",\"message\":3,\"offset\":27,\"body\":\"end\"}
";
    same("the others", String::from_utf8(skipped.out)?, expected.to_owned())?;
    let lengths =
        wirecat_of(&["-f", "u8 max=2", "--skip", "-"], b"\x03abc\x02ok")?.complains(0, "skipped: message 1")?;
    same("by lengths", lengths.out, b"ok\n".to_vec())
}

pub(crate) fn a_peer_that_is_not_there_is_named() -> Result<(), Failed> {
    let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    wirecat(&gone, b"")?.complains(3, &format!("wirecat: {gone}: Connection refused (ECONNREFUSED)"))?;
    wirecat("/nonexistent/socket", b"")?.complains(3, "/nonexistent/socket: No such file or directory (ENOENT)")?;
    wirecat("no-address", b"")?.complains(3, "no-address: No such file or directory (ENOENT)")?;
    wirecat("127.0.0.1:http", b"")?.complains(3, "127.0.0.1:http is no address: HOST:PORT,")?;
    wirecat("-l /nonexistent/socket", b"")?.complains(3, "/nonexistent/socket: ")?;
    wirecat(&format!("/{}", "x".repeat(200)), b"")?.complains(3, "ENAMETOOLONG")?;
    Ok(())
}

pub(crate) fn a_peer_that_breaks_off_is_no_end() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let peer = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.read_exact(&mut [0; 1])?;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)) // its close is a reset
    });
    wirecat_of(&["-m", "hello", "--hold", &address], b"")?.complains(5, "Connection reset by peer")?;
    Ok(peer.join().unwrap()?)
}

/// A peer that takes no more while there is more to be said.
pub(crate) fn what_was_not_sent_is_told() -> Result<(), Failed> {
    let run = wirecat_of(&["-f", "line", "--", "sh", "-c", "read line"], &b"many lines\n".repeat(1_000_000))?;
    let run = run.complains(5, "sending: Broken pipe (EPIPE)")?;
    holds(&run.err, run.err.lines().count() <= 3)
}

pub(crate) fn time_runs_out() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let begin = Instant::now();
    wirecat(&format!("-w 0.3 --hold {address}"), b"")?.complains(4, "nothing has moved for 0.3 seconds")?;
    holds("no sooner", begin.elapsed() >= Duration::from_millis(300))?;
    let listens = wirecat("-w 0.2 -l 127.0.0.1:0", b"")?.complains(4, "127.0.0.1:0: ")?;
    holds(&listens.err, listens.err.starts_with("listening on 127.0.0.1:"))?;
    let quiet = wirecat("-q -w 0.2 -l 127.0.0.1:0", b"")?.complains(4, "127.0.0.1:0: ")?;
    holds(&quiet.err, !quiet.err.contains("listening"))?;
    // While something moves, it goes on, however long that takes.
    let slowly = "(for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done) | \"$W\" -f line -w 0.8 -";
    same("slowly", sh(slowly, b"")?.text(0)?, "1\n2\n3\n4\n5\n6\n".into())
}

/// As other programs do: without a word, by the signal, or with a failure where the signal is ignored.
pub(crate) fn a_reader_that_has_enough_ends_it() -> Result<(), Failed> {
    let stream = b"line\n".repeat(1_000_000);
    let mut command = timed(program()?);
    command.args(["-f", "line", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&stream)));
    child.stdout.take().unwrap().read_exact(&mut [0; 5])?;
    let output = child.wait_with_output()?;
    writer.join().unwrap();
    same("the signal", signal_of(output.status), Some(13))?;
    same("said", String::from_utf8_lossy(&output.stderr).into_owned(), String::new())?;
    let ignored = "trap '' PIPE; \"$W\" -f line - 2> >(cat >&2) | head -n 1; echo ${PIPESTATUS[0]}";
    let run = sh(ignored, &b"line\n".repeat(100_000))?;
    same("without the signal", run.text(0)?, "line\n5\n".into())?;
    let full = sh("exec \"$W\" -f line - > /dev/full", b"line\n")?;
    full.complains(5, "standard output: No space left on device (ENOSPC)")?;
    let much = sh("exec \"$W\" -f eof -o raw - > /dev/full", &[0; 1_000_000])?;
    much.complains(5, "standard output: No space left on device (ENOSPC)")?;
    sh("exec \"$W\" --help > /dev/full", b"")?.complains(5, "")?;
    sh("exec \"$W\" --list > /dev/full", b"")?.complains(5, "")?;
    Ok(())
}

pub(crate) fn statistics_are_told() -> Result<(), Failed> {
    let run = wirecat_of(&["--stats", "-f", "line", "--", "cat"], b"one\ntwo\n")?;
    let run = run.complains(0, "received 2 messages, 8 bytes in ")?;
    holds(&run.err, run.err.contains(" reads; sent 2 messages, 8 bytes in 1 write; ") && run.err.ends_with(" s\n"))
}

/// Who interrupts it sees what there was, whole, and the socket's file goes.
pub(crate) fn an_interrupt_is_an_end_in_good_order() -> Result<(), Failed> {
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("socket");
        let server = Listening::start(&["-f", "u8", "--stats", "-lk", socket.to_str().unwrap()], b"hi\n")?;
        let mut client = UnixStream::connect(&socket)?;
        client.write_all(b"\x03one\x09ha")?;
        client.read_exact(&mut [0; 3])?;
        std::thread::sleep(Duration::from_millis(200)); // it has shown what came
        server.signal(signal)?;
        let run = server.end()?;
        same("the signal", signal_of(run.status), Some(number))?;
        same("shown", String::from_utf8(run.out)?, "one\nha (cut off)\n".to_owned())?;
        holds(
            &run.err,
            run.err.contains("received 1 message, 7 bytes in ") || run.err.contains("received 2 messages, 7 bytes in "),
        )?;
        holds("the file is gone", !socket.exists())?;
    }
    Ok(())
}

/// A terminal, as far as a program can see.
fn on_a_terminal(script: &str, input: &[u8]) -> Result<String, Failed> {
    let mut command = timed("script");
    command.args(["-qec", script, "/dev/null"]).env("W", program()?);
    Ok(run_with(command, input)?.text(0)?.replace("\r\n", "\n"))
}

pub(crate) fn colours_are_for_terminals() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let stream = folder.path().join("stream");
    std::fs::write(&stream, b"\0\0\0\x01a")?;
    let show = format!("\"$W\" -b -s head,body - < {}", stream.display());
    let coloured = "\u{1b}[1m< \u{1b}[0m\u{1b}[36m\\0\\0\\0\\x01\u{1b}[0m|a\n";
    let plain = "< \\0\\0\\0\\x01|a\n";
    same("a terminal", on_a_terminal(&show, b"")?, coloured.into())?;
    same("NO_COLOR", on_a_terminal(&format!("NO_COLOR=1 {show}"), b"")?, plain.into())?;
    same("an empty NO_COLOR", on_a_terminal(&format!("NO_COLOR= {show}"), b"")?, coloured.into())?;
    same("a dumb terminal", on_a_terminal(&format!("TERM=dumb {show}"), b"")?, plain.into())?;
    same("never", on_a_terminal(&format!("{show} --color never"), b"")?, plain.into())?;
    same("a pipe", sh(&show, b"")?.text(0)?, plain.into())?;
    same("always", sh(&format!("{show} --color=always"), b"")?.text(0)?, coloured.into())
}

pub(crate) fn large_messages_have_a_progress_line_on_terminals() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let body = folder.path().join("body");
    std::fs::File::create(&body)?.set_len(8 << 20)?;
    // It takes longer than the time between two looks.
    let slow = "(head -c 4000000; sleep 0.5; cat)";
    let frame = format!("\"$W\" --send-only --file {} -", body.display());
    let show =
        |options: &str| format!("{frame} | {slow} | \"$W\" -o raw {options} - > {}/out", folder.path().display());
    let shown = on_a_terminal(&show(""), b"")?;
    holds(&shown, shown.contains("\rreceived ") && shown.contains("% of 8.4 MB, ") && shown.ends_with("\r\u{1b}[K"))?;
    holds("all of it", std::fs::metadata(folder.path().join("out"))?.len() == 8 << 20)?;
    let quiet = on_a_terminal(&format!("{frame} 2> /dev/null | {slow} | \"$W\" -q -o raw - > /dev/null"), b"")?;
    same("quiet", quiet, String::new())?;
    same("no terminal", sh(&show(""), b"")?.shown(0)?, vec![])
}

/// At a terminal nobody has to end the input when the peer is gone; a mistake is not the end.
pub(crate) fn a_terminal_is_for_people() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let peer = std::thread::spawn(move || -> std::io::Result<Vec<u8>> {
        let (mut stream, _) = listener.accept()?;
        let mut line = vec![0; 3];
        stream.read_exact(&mut line)?;
        Ok(line)
    });
    let mut command = timed("script");
    command.args(["-qec", &format!("\"$W\" -f line -e {address}"), "/dev/null"]).env("W", program()?);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"bad \\q escape\nhi\n")?;
    let begin = Instant::now();
    let output = child.wait_with_output()?; // the input is still open
    drop(stdin);
    same("the line after the mistake", peer.join().unwrap()?, b"hi\n".to_vec())?;
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    holds(&shown, shown.contains("line 1: no such escape"))?;
    same("the end", output.status.code(), Some(0))?;
    holds("it does not wait", begin.elapsed() < Duration::from_secs(30))
}
