"""Redis, RESP: a line; or a string behind its length, if the first byte is $. An array is a line that counts these."""

from needs import Debian
from wire import case, delimited, digits, select

NEEDS = [Debian("redis-server")]
IN_CI = True

BULK = digits(10, offset=1, term=b"\r\n".hex(), trailer=b"\r\n".hex(), max=1 << 29)
ANSWER = select(case(ord("$"), BULK), default=delimited(b"\r\n", max=65536), preset="redis")
COMMAND = delimited(b"\r\n", strip=True, max=65536)


def start(peer):
    port = peer.port()
    peer.start(
        "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no",
        "--dir", peer.folder,
    )
    return "127.0.0.1:%d" % port


def command(*words):
    """An array of strings: a line, and a frame for each of them."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(b"PING\r\n", COMMAND)
    peer.check(stream.receive(ANSWER) == b"+PONG\r\n", "a ping, as a line")
    value = bytes(range(256)) * 300 + b"\r\n"
    stream.send(command(b"SET", b"k", value) + command(b"GET", b"k") + command(b"STRLEN", b"k"), ANSWER, 10)
    peer.check(stream.receive(ANSWER) == b"+OK\r\n", "it is set")
    peer.check(stream.receive(ANSWER) == b"$%d\r\n%s\r\n" % (len(value), value), "and got, with lines in it")
    peer.check(stream.receive(ANSWER) == b":%d\r\n" % len(value), "a number")
    stream.send(command(b"RPUSH", b"l", b"one", b"two") + command(b"LRANGE", b"l", b"0", b"-1"), ANSWER, 10)
    array = [b":2\r\n", b"*2\r\n", b"$3\r\none\r\n", b"$3\r\ntwo\r\n"]
    peer.check(stream.receive_many(4, ANSWER) == array, "an array")
    stream.send(b"NOPE\r\n", COMMAND)
    peer.check(stream.receive(ANSWER).startswith(b"-ERR unknown command"), "an error")
