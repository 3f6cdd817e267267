//! Messages from Rust, with the crate itself: no C in between.
//!
//! ```sh
//! cargo run --example talk unix:target/hall rust 1
//! ```
//!
//! It talks to `tests/ffi/server.c`, started as "server unix:target/hall 1": greets all who take part, has messages
//! sent back one by one and in batches, and meets some errors.

use fdwire::Error;
use fdwire::connection::{Connection, Outgoing};
use fdwire::fd::{self, Deadline, errno};
use fdwire::format::Format;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// The connection borrows the descriptor, which is closed when its owner is dropped, after it.
fn connect<'c>(fd: &'c OwnedFd, format: &'c Format) -> Result<Connection<'c, &'c Format>, Error> {
    Connection::new(Some(fd.as_fd()), Some(fd.as_fd()), format)
}

fn send(conn: &Connection<&Format>, body: &[u8]) -> Result<(), Error> {
    conn.send(Outgoing { head: None, body }, soon()).map(drop)
}

/// The next message, or `None` at the end of the stream; a copy, since it is lent to the closure only.
fn recv(conn: &Connection<&Format>, deadline: Deadline) -> Result<Option<Vec<u8>>, Error> {
    conn.recv(deadline, |message| message.body.to_vec())
}

fn greet(conn: &Connection<&Format>, name: &str, participants: usize) -> Result<Vec<String>, Failure> {
    send(conn, format!("hello from {name}").as_bytes())?;
    let mut met = Vec::new();
    while met.len() < participants {
        let greeting = String::from_utf8(recv(conn, soon())?.ok_or("the end, before all had greeted")?)?;
        met.push(greeting.strip_prefix("hello from ").ok_or("this is no greeting")?.to_owned());
    }
    met.sort();
    Ok(met)
}

fn receive_all(conn: &Connection<&Format>) -> Result<Vec<Vec<u8>>, Error> {
    let (mut received, mut some) = (Vec::new(), vec![Vec::new(); 256]);
    while let Some(count) = conn.recv_many(&mut some, soon(), |message| message.body.to_vec())? {
        received.extend_from_slice(&some[..count]);
    }
    Ok(received)
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, address, name, participants] = &arguments[..] else { return Err("talk ADDRESS NAME PARTICIPANTS".into()) };
    let wrong = Format::parse("u32le maxx=1M").err().ok_or("this is no format")?;
    let format = Format::parse("u32le max=1M")?;

    let fd = fd::connect(address, soon())?;
    let conn = connect(&fd, &format)?;
    let nothing = recv(&conn, Deadline::Now).err().ok_or("nothing is there yet")?;
    assert_eq!(nothing, Error::Os(errno::EAGAIN));
    let met = greet(&conn, name, participants.parse()?)?;

    let binary: Vec<u8> = (0..=255).collect();
    let echoes = [vec![], binary.clone(), binary.repeat(400)];
    for body in &echoes {
        send(&conn, body)?;
        assert!(recv(&conn, soon())?.as_ref() == Some(body), "a message that comes back");
    }

    let batch: Vec<Vec<u8>> = (0..1000).map(|i| i.to_string().repeat(i % 8).into_bytes()).collect();
    conn.send_all(batch.iter().map(|body| Ok(Outgoing { head: None, body })), soon())?;
    conn.shutdown_output(soon())?;
    let received = receive_all(&conn)?;
    assert!(received == batch, "a batch that comes back");

    let fd = fd::connect(address, soon())?;
    let conn = connect(&fd, &format)?;
    send(&conn, b"too much, please")?;
    let too_long = recv(&conn, soon()).err().ok_or("more than the format allows")?;
    assert!(matches!(too_long, Error::TooLong { max: 0x10_0000, .. }), "{too_long}");

    let (met, echoes, received) = (met.join(", "), echoes.len(), received.len());
    println!("{name} met {met}; {echoes} echoes, {received} in batches; {nothing}, {too_long}; {wrong}");
    Ok(())
}
