"""clamd: a command ends with a 0 if it begins with z, with a line end if with n; what is to be scanned comes in chunks
behind their lengths, of which the last is empty."""

import hashlib

from needs import Debian
from wire import delimited, length, string

NEEDS = [Debian("clamav-daemon", "clamd")]
IN_CI = True

COMMAND = delimited(b"\0", strip=True, preset="clamd")
ANSWER = delimited(b"\0", strip=True)
LINE = delimited(b"\n", strip=True)
CHUNK = length(4, max=1 << 20, preset="clamd-instream")
INFECTED = b"THIS-IS-NO-VIRUS-BUT-A-TEST" * 3


def start(peer):
    peer.write("database/t.hdb", "%s:%d:Wire.Test\n" % (hashlib.md5(INFECTED).hexdigest(), len(INFECTED)))
    settings = {
        "Foreground": "yes", "LocalSocket": peer.path("socket"), "DatabaseDirectory": peer.path("database"),
        "StreamMaxLength": "1M", "User": "root", "MaxThreads": "2", "TemporaryDirectory": peer.folder,
    }
    peer.start("clamd", "-c", peer.write("conf", "".join("%s %s\n" % setting for setting in settings.items())))
    return "unix:" + peer.path("socket")


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(b"zIDSESSION\0zPING\0zVERSION\0", COMMAND, 3)
    peer.check(stream.receive(ANSWER) == b"1: PONG", "a session")
    peer.check(stream.receive(ANSWER).startswith(b"2: ClamAV"), "its version")
    for number, body, verdict in (3, INFECTED, b"Wire.Test"), (4, b"clean" * 1000, b"OK"):
        stream.send(b"zINSTREAM\0", COMMAND)
        pieces = [body[at : at + 17] for at in range(0, len(body), 17)] + [b""]
        stream.send(b"".join(string(4, piece) for piece in pieces), CHUNK, len(pieces))
        peer.check(stream.receive(ANSWER).startswith(b"%d: stream: %s" % (number, verdict)), "the verdict %r" % verdict)
    other = peer.connect(address)
    other.send(b"nPING\n")
    peer.check(other.receive(LINE) == b"PONG", "commands that are lines")
