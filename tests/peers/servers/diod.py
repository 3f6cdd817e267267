"""diod, 9P2000.L: a little-endian length that counts itself, a type, a tag."""

from needs import Debian
from wire import le, length, string

NEEDS = [Debian("diod")]
IN_CI = True

MESSAGE = length(4, endian="le", adjust=-4, max=65536, preset="9p")
OPEN, VERSION, ATTACH, WALK, READ, CLUNK = 12, 100, 104, 110, 116, 120
NOBODY = 0xFFFFFFFF


def start(peer):
    peer.write("export/file", b"h" * 9000)
    port = peer.port()
    peer.start(
        "diod", "-f", "-n", "-N", "-U", "root", "-L", "stderr", "-c", "/dev/null", "-l", "127.0.0.1:%d" % port,
        "-e", peer.path("export"),
    )
    return "127.0.0.1:%d" % port


def message(kind, tag, body):
    return le(7 + len(body), 4) + bytes([kind]) + le(tag, 2) + body


def talk(peer, address):
    stream = peer.connect(address)

    def ask(kind, tag, *parts):
        stream.send(message(kind, tag, b"".join(parts)), MESSAGE)
        answer = stream.receive(MESSAGE)
        peer.check(answer[4] == kind + 1, "the answer to %d" % kind)
        return answer

    version = ask(VERSION, 0xFFFF, le(8192, 4), string(2, b"9P2000.L", "little"))
    peer.check(version.endswith(b"9P2000.L"), "the version")
    names = string(2, b"root", "little") + string(2, peer.path("export").encode(), "little")
    attached = ask(ATTACH, 1, le(0, 4), le(NOBODY, 4), names, le(0, 4))
    peer.check(len(attached) == 20, "the root of the tree")
    ask(WALK, 2, le(0, 4), le(1, 4), le(1, 2), string(2, b"file", "little"))
    ask(OPEN, 3, le(1, 4), le(0, 4))
    reads = [message(READ, tag, le(1, 4) + le(at, 8) + le(8000, 4)) for tag, at in ((4, 0), (5, 8000))]
    stream.send(b"".join(reads), MESSAGE, 2)
    answers = {answer[5]: answer for answer in stream.receive_many(2, MESSAGE)}  # they may come in any order
    peer.check(answers[4][4] == READ + 1 and answers[4][7:] == le(8000, 4) + b"h" * 8000, "the file")
    peer.check(answers[5][7:] == le(1000, 4) + b"h" * 1000, "its end")
    ask(CLUNK, 6, le(1, 4))
