"""memcached, the binary protocol: a head of 24 bytes, with the length of the body at 8."""

from needs import Debian
from wire import be, length

NEEDS = [Debian("memcached")]
IN_CI = True

MESSAGE = length(4, at=8, adjust=12, max=1 << 20, preset="memcached-binary")
GET, SET, QUIT = 0, 1, 7


def start(peer):
    port = peer.port()
    peer.start("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", port, "-U", 0, "-B", "binary", "-m", 16, "-t", 1)
    return "127.0.0.1:%d" % port


def request(opcode, number, key=b"", extras=b"", value=b""):
    lengths = be(len(key), 2) + bytes([len(extras), 0, 0, 0]) + be(len(extras + key + value), 4)
    return bytes([0x80, opcode]) + lengths + be(number, 4) + bytes(8) + extras + key + value


def talk(peer, address):
    stream = peer.connect(address)
    requests = request(SET, 7, b"k", bytes(8), b"v" * 5000) + request(GET, 8, b"k") + request(GET, 9, b"none")
    stream.send(requests, MESSAGE, 3)
    stored, got, missed = stream.receive_many(3, MESSAGE)
    peer.check(stored[:2] == bytes([0x81, SET]) and stored[6:8] == be(0, 2) and len(stored) == 24, "it is stored")
    peer.check(stored[12:16] + got[12:16] + missed[12:16] == be(7, 4) + be(8, 4) + be(9, 4), "answers in their order")
    peer.check(got[24:] == bytes(4) + b"v" * 5000, "the value")
    peer.check(missed[6:8] == be(1, 2) and missed[24:] == b"Not found", "no value")
    stream.send(request(QUIT, 10), MESSAGE)
    peer.check(stream.receive(MESSAGE)[1] == QUIT, "it ends")
    stream.expect_end()
