//! Who is talked to, and in which order.

use super::tool::{Listening, holds, program, run_with, same, sh, signal_of, timed, wirecat, wirecat_of};
use libtest_mimic::Failed;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// Two of them, over each sort of address, say a thing to one another; each ends where the other has said all.
pub(crate) fn two_talk_over_every_address() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let name = format!("unix:@fdwire-wirecat-{}", std::process::id());
    for address in ["127.0.0.1:0", "[::1]:0", "localhost:0", &format!("unix:{}", path("a")), &path("b"), &name] {
        if address.starts_with('[') && TcpListener::bind("[::1]:0").is_err() {
            continue; // this machine has no IPv6
        }
        let server = Listening::start(&["-f", "crlf", "--listen", address], b"from the server\nand more\n")?;
        let client = wirecat_of(&["-f", "crlf", &server.address], b"from the client\n")?;
        same(address, client.text(0)?, "from the server\nand more\n".into())?;
        same(address, server.end()?.text(0)?, "from the client\n".into())?;
    }
    holds("the files of the sockets are gone", std::fs::read_dir(folder.path())?.next().is_none())
}

/// What comes from one wirecat's input is in the other's output, byte for byte, both ways at once and more than fits between.
pub(crate) fn much_passes_both_ways_at_once() -> Result<(), Failed> {
    let lines: String = (0..200_000).map(|i| format!("line {i}\n")).collect();
    let server = Listening::start(&["-f", "line", "-l", "127.0.0.1:0"], lines.as_bytes())?;
    let address = server.address.clone();
    let client = std::thread::spawn(move || {
        let lines: String = (0..200_000).map(|i| format!("row {i}\n")).collect();
        let shown = wirecat_of(&["-f", "line", &address], lines.as_bytes()).and_then(|run| run.text(0));
        shown.map(|shown| (lines, shown))
    });
    let at_the_server = server.end()?.text(0)?;
    let (sent, at_the_client) = client.join().unwrap()?;
    holds("from the server", at_the_client == lines)?;
    holds("from the client", at_the_server == sent)
}

pub(crate) fn one_client_after_the_other_is_served() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket");
    let address = format!("unix:{}", socket.display());
    let server = Listening::start(&["-f", "line", "-lk", &address, "-m", "welcome"], b"")?;
    for i in 0..5 {
        let client = wirecat_of(&["-f", "line", "-m", &format!("client {i}"), &address], b"")?;
        same("welcome", client.text(0)?, "welcome\n".to_owned())?;
    }
    // A client that breaks off, or speaks something else, is not the end of it.
    let mut breaks = UnixStream::connect(&socket)?;
    breaks.write_all(b"half a li")?;
    breaks.shutdown(Shutdown::Write)?;
    breaks.read_to_end(&mut Vec::new())?;
    let last = wirecat_of(&["-f", "line", "-m", "last", &address], b"")?;
    same("welcome", last.text(0)?, "welcome\n".to_owned())?;
    holds("the socket has a file", socket.exists())?;
    server.signal("TERM")?;
    let run = server.end()?;
    same("the signal", signal_of(run.status), Some(15))?;
    holds("the file is gone", !socket.exists())?;
    same("said", run.err.contains("the stream ended inside it"), true)?;
    let shown = String::from_utf8(run.out)?;
    holds(&shown, shown.starts_with("client 0\nclient 1\nclient 2\nclient 3\nclient 4\n") && shown.ends_with("last\n"))
}

pub(crate) fn descriptors_are_taken_by_their_number() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::write(&from, b"\0\0\0\x02in")?;
    let files = format!("3< {} 4> {}", from.display(), to.display());
    same("in", sh(&format!("exec \"$W\" --recv-only fd:3,4 {files}"), b"not this\n")?.text(0)?, "in\n".into())?;
    same("nothing", std::fs::read(&to)?, b"".to_vec())?;
    same("both", sh(&format!("exec \"$W\" fd:3,4 {files}"), b"out\n")?.text(0)?, "in\n".into())?;
    same("out", std::fs::read(&to)?, b"\0\0\0\x03out".to_vec())?;
    // A socket, which is one descriptor: bash opens it.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let peer = std::thread::spawn(move || -> std::io::Result<Vec<u8>> {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"hello\n")?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        Ok(all)
    });
    let run = sh(&format!("exec 5<> /dev/tcp/127.0.0.1/{port}; exec \"$W\" -f line fd:5"), b"question\n")?;
    same("over a socket", run.text(0)?, "hello\n".into())?;
    same("at the peer", peer.join().unwrap()?, b"question\n".to_vec())?;
    for wrong in ["fd:x", "fd:", "fd:3,", "fd:,3", "fd:-1", "fd:3,4,5", "fd:99999999999"] {
        wirecat(wrong, b"")?.complains(3, &format!("{wrong} is no address"))?;
    }
    wirecat("--recv-only fd:99", b"")?.complains(5, "EBADF")?;
    Ok(())
}

/// Standard input and output are the peer: what is shown goes to standard error.
pub(crate) fn standard_input_and_output_may_be_the_peer() -> Result<(), Failed> {
    let run = wirecat("-f line -m answer -", b"question\n")?;
    same("sent", run.out, b"answer\n".to_vec())?;
    same("shown", run.err, "question\n".to_owned())
}

pub(crate) fn a_command_is_talked_to_through_pipes() -> Result<(), Failed> {
    let echo = wirecat_of(&["-f", "line", "--", "cat"], b"one\ntwo\n")?;
    same("cat", echo.text(0)?, "one\ntwo\n".to_owned())?;
    let run = wirecat_of(&["-f", "line", "--", "sh", "-c", "cat; echo why >&2; exit 3"], b"x\n")?;
    let run = run.complains(6, "the command ended with 3")?;
    holds(&run.err, run.err.contains("why\n") && run.out == b"x\n")?;
    wirecat_of(&["-f", "line", "--", "sh", "-c", "kill -9 $$"], b"x\n")?.complains(6, "ended by signal 9")?;
    wirecat("-- /nonexistent/command", b"")?.complains(3, "/nonexistent/command: ")?;
    // Options behind the two dashes are the command's.
    same("options", wirecat_of(&["-f", "line", "--", "echo", "-f", "--help"], b"")?.text(0)?, "-f --help\n".into())?;
    // One that would go on for ever is ended when enough was heard, and so is one that does not end by itself.
    same("yes", wirecat_of(&["-f", "line", "-n", "2", "--", "yes"], b"")?.text(0)?, "y\ny\n".into())?;
    let begin = Instant::now();
    let stubborn = wirecat_of(&["-f", "line", "--", "sh", "-c", "exec >&-; exec sleep 50"], b"")?;
    same("stubborn", stubborn.complains(0, "the command did not end by itself")?.out, vec![])?;
    holds("not waited for", begin.elapsed() < Duration::from_secs(20))
}

/// A server over lines that answers `answer` to each line, and says what it saw: where the input ended.
fn server_of_lines(path: &Path) -> Result<std::thread::JoinHandle<std::io::Result<Vec<String>>>, Failed> {
    let listener = UnixListener::bind(path)?;
    Ok(std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let (mut seen, mut bytes) = (Vec::new(), [0; 1000]);
        loop {
            // Long enough for whoever does not wait for an answer to have sent more.
            std::thread::sleep(Duration::from_millis(50));
            let n = stream.read(&mut bytes)?;
            seen.push(String::from_utf8_lossy(&bytes[..n]).into_owned());
            // It sees the end, and drops what it was about to say.
            if n == 0 || seen.last().is_some_and(|last| last == "bye\n") {
                return Ok(seen);
            }
            stream.write_all(b"answer\n")?;
        }
    }))
}

pub(crate) fn turns_are_taken() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("turns");
    let server = server_of_lines(&path)?;
    let client = wirecat_of(&["-f", "line", "--turns", path.to_str().unwrap()], b"one\ntwo\nthree\n")?;
    same("answers", client.text(0)?, "answer\nanswer\nanswer\n".into())?;
    let seen = server.join().unwrap()?;
    same("one at a time", seen, ["one\n", "two\n", "three\n", ""].map(str::to_owned).to_vec())
}

/// Without an end the server goes on, and answers; it is the server that ends.
pub(crate) fn sending_is_ended_with_the_input_or_held() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("hold");
    let server = server_of_lines(&path)?;
    let script = format!("(echo one; sleep 0.3; echo bye) | \"$W\" -f line --hold {}", path.display());
    same("held", sh(&script, b"")?.text(0)?, "answer\n".into())?;
    same("to the end", server.join().unwrap()?, vec!["one\n".to_owned(), "bye\n".into()])?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let peer = std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.read_to_end(&mut Vec::new())?; // only a half-close ends this
        stream.write_all(b"after the end\n")
    });
    same("ended", wirecat_of(&["-f", "line", &address], b"a\n")?.text(0)?, "after the end\n".into())?;
    Ok(peer.join().unwrap()?)
}

pub(crate) fn one_direction_alone_can_be_had() -> Result<(), Failed> {
    let server = Listening::start(&["-f", "line", "-l", "127.0.0.1:0", "--recv-only"], b"")?;
    let client = wirecat_of(&["-f", "line", "--send-only", &server.address], b"a\nb\n")?;
    same("the client", client.text(0)?, String::new())?;
    same("the server", server.end()?.text(0)?, "a\nb\n".into())
}

/// It goes on sending when the peer has ended, until its input ends, as for a peer that has ended one direction alone.
pub(crate) fn the_peer_s_end_is_not_ours() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let peer = std::thread::spawn(move || -> std::io::Result<Vec<u8>> {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"bye\n")?;
        stream.shutdown(Shutdown::Write)?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all)?;
        Ok(all)
    });
    let script = format!("(echo one; sleep 0.2; echo two) | \"$W\" -f line {address}");
    same("shown", sh(&script, b"")?.text(0)?, "bye\n".into())?;
    same("sent", peer.join().unwrap()?, b"one\ntwo\n".to_vec())
}

pub(crate) fn a_count_is_enough() -> Result<(), Failed> {
    let server = Listening::start(&["-f", "line", "-l", "127.0.0.1:0"], b"1\n2\n3\n4\n")?;
    let begin = Instant::now();
    let mut client = timed(program()?);
    client.args(["-f", "line", "-n", "2", &server.address]);
    same("two", run_with(client, b"")?.text(0)?, "1\n2\n".into())?;
    holds("it does not wait", begin.elapsed() < Duration::from_secs(20))?;
    server.end()?;
    let few = wirecat("-f line -n 3 -", b"1\n2\n")?.complains(1, "the stream ended after 2 of 3 messages")?;
    same("few", few.out, b"1\n2\n".to_vec())
}

pub(crate) fn messages_that_come_slowly_are_shown_at_once() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    // The peer sends its second message when the first was shown, so that a buffer in between would be for ever.
    let mut command = timed(program()?);
    command.args(["-f", "line", "--recv-only", &address]).stdout(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    let mut out = child.stdout.take().unwrap();
    let (mut stream, _): (TcpStream, _) = listener.accept()?;
    for _ in 0..3 {
        stream.write_all(b"now\n")?;
        let mut shown = [0; 4];
        out.read_exact(&mut shown)?;
        same("shown", &shown, b"now\n")?;
    }
    drop(stream);
    holds("it ends", child.wait()?.success())
}
