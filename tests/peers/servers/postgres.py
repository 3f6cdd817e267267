"""PostgreSQL: a client's first messages are a length that counts itself; then a type stands before it. The answer to
SSLRequest is one byte without a frame."""

from needs import Debian
from wire import be, fixed, length

NEEDS = [Debian("postgresql", "/usr/lib/postgresql/*/bin/postgres")]
IN_CI = True

STARTUP = length(4, adjust=-4, max=10000, preset="postgres-startup")
MESSAGE = length(4, at=1, adjust=-4, max=1 << 30, preset="postgres")


def start(peer):
    peer.folder_in("sockets")
    for name in ".", "sockets":
        peer.own(name, "postgres")
    peer.run(
        "/usr/lib/postgresql/*/bin/initdb", "-D", "data", "-A", "trust", "-U", "postgres", "--no-sync", "-N",
        "--locale=C", user="postgres",
    )
    port = peer.port()
    peer.start(
        "/usr/lib/postgresql/*/bin/postgres", "-D", "data", "-p", port, "-c", "listen_addresses=127.0.0.1",
        "-c", "unix_socket_directories=" + peer.path("sockets"), "-c", "fsync=off", user="postgres",
    )
    peer.wait(lambda: b"ready" in peer.read("data/postmaster.pid"), "the server to be ready")
    return "127.0.0.1:%d" % port


def startup(body):
    return be(len(body) + 4, 4) + body


def message(kind, body=b""):
    return kind + startup(body)


def receive_until_ready(stream):
    """Messages up to the one that says that the server waits for the next query."""
    messages = []
    while not messages or messages[-1][:1] != b"Z":
        messages.append(stream.receive(MESSAGE))
    return messages


def kinds(messages):
    return b"".join(got[:1] for got in messages)


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(startup(be(80877103, 4)), STARTUP)
    peer.check(stream.receive(fixed(1)) == b"N", "no TLS")
    stream.send(startup(be(3 << 16, 4) + b"user\0postgres\0database\0postgres\0\0"), STARTUP)
    greeting = kinds(receive_until_ready(stream))
    peer.check(greeting[:1] == b"R" and b"S" in greeting and b"K" in greeting and b"E" not in greeting, "logged in")
    stream.send(message(b"Q", b"select repeat('x', 70000), 42\0"), MESSAGE)
    messages = receive_until_ready(stream)
    peer.check(kinds(messages) == b"TDCZ", "columns, a row, a count")
    peer.check(messages[1][5:] == be(2, 2) + be(70000, 4) + b"x" * 70000 + be(2, 4) + b"42", "the row")
    stream.send(message(b"Q", b"select nope\0"), MESSAGE)
    messages = receive_until_ready(stream)
    peer.check(kinds(messages) == b"EZ" and b"C42703" in messages[0], "an error")
    stream.send(message(b"X"), MESSAGE)
    stream.expect_end()
