"""Protocol Buffers behind their lengths, as Python's protobuf reads and writes them, over pipes."""

import os

from needs import PYTHON, Pip
from wire import varint, varint_length

NEEDS = [Pip("protobuf", "7.36.2", "google/protobuf")]
IN_CI = True

MESSAGE = varint_length(max_bytes=5, strip="header", max=1 << 24, max_of="value", preset="protobuf-delimited")

SERVER = """
import sys
from google.protobuf import proto, wrappers_pb2
while (message := proto.parse_length_prefixed(wrappers_pb2.BytesValue, sys.stdin.buffer)) is not None:
    message.value = message.value[::-1]
    proto.serialize_length_prefixed(message, sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""


def start(peer):
    return peer.start(PYTHON, peer.write("server.py", SERVER), pipes=True)


def bytes_value(value):
    """An empty one has no bytes at all."""
    return b"\x0a" + varint(len(value)) + value if value else b""


def talk(peer, pipes):
    stream = peer.connect(pipes)
    for value in b"", b"abc", b"q" * 125, b"q" * 126, os.urandom(70000):
        body = bytes_value(value)
        stream.send(varint(len(body)) + body, MESSAGE)
        peer.check(stream.receive(MESSAGE) == bytes_value(value[::-1]), "%d bytes come back reversed" % len(value))
