"""Python's multiprocessing.connection: a length of 4 bytes, or, where that is -1, of 8 behind it."""

import hmac
import re

from needs import Debian
from wire import be, case, length, select, string

NEEDS = [Debian("python3")]
IN_CI = True

MESSAGE = select(
    case(0xFFFFFFFF, length(8, at=4, strip=12, max=1 << 34)),
    width=4, default=length(4, signed=True, strip=4, max=1 << 34), preset="python-multiprocessing",
)

SERVER = """
import sys
from multiprocessing.connection import Listener

listener = Listener(("127.0.0.1", int(sys.argv[1])), authkey=b"key")
while True:
    try:
        with listener.accept() as connection:
            while True:
                connection.send_bytes(connection.recv_bytes(1 << 20)[::-1])
    except Exception as error:
        print(repr(error), flush=True)
"""


def start(peer):
    port = peer.port()
    peer.start("python3", peer.write("server.py", SERVER), port)
    return "127.0.0.1:%d" % port


def authenticate(peer, stream):
    """Both sides show that they know the key. Newer Pythons name the digest before the challenge."""
    challenge = stream.receive(MESSAGE)
    peer.check(challenge.startswith(b"#CHALLENGE#"), "a challenge")
    challenge = challenge[len(b"#CHALLENGE#"):]
    named = re.match(rb"{([a-z0-9]+)}", challenge)
    digest = named[1].decode() if named else "md5"
    ours = (named[0] if named else b"") + hmac.new(b"key", challenge, digest).digest()
    stream.send(string(4, ours), MESSAGE)
    peer.check(stream.receive(MESSAGE) == b"#WELCOME#", "welcome")
    ours = b"q" * 20
    stream.send(string(4, b"#CHALLENGE#" + ours), MESSAGE)
    peer.check(stream.receive(MESSAGE).endswith(hmac.new(b"key", ours, "md5").digest()), "it knows the key as well")
    stream.send(string(4, b"#WELCOME#"), MESSAGE)


def talk(peer, address):
    stream = peer.connect(address)
    authenticate(peer, stream)
    stream.send(string(4, b"") + string(4, b"abc") + string(4, b"x" * 20000 + b"y"), MESSAGE, 3)
    peer.check(stream.receive_many(3, MESSAGE) == [b"", b"cba", b"y" + b"x" * 20000], "they come back reversed")
    stream.send(b"\xff" * 4 + string(8, b"hello"), MESSAGE)
    peer.check(stream.receive(MESSAGE) == b"olleh", "a short message behind a long length")
    stream.send(be((1 << 20) + 1, 4))
    stream.expect_end()  # over what it wants to receive
