"""git upload-pack over pipes, protocol version 2: four hex digits that count themselves."""

import random

from needs import Debian
from wire import digits

NEEDS = [Debian("git")]
IN_CI = True

EMPTY = [{"value": value, "total": 4} for value in (0, 1, 2)]  # flush, delimiter, end of the response
PACKET = digits(16, digits=4, adjust=-4, specials=EMPTY, max=65520, preset="git-pkt-line")
FLUSH, DELIMITER = b"0000", b"0001"

NOBODY = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
}


def start(peer):
    """One branch with one commit of one file, which does not compress."""
    peer.run("git", "init", "-q", "repository", environment=NOBODY)
    peer.run("git", "-C", "repository", "symbolic-ref", "HEAD", "refs/heads/main", environment=NOBODY)
    peer.write("repository/file", random.Random(1).randbytes(320000))
    peer.run("git", "-C", "repository", "add", "file", environment=NOBODY)
    peer.run("git", "-C", "repository", "commit", "-q", "-m", "one", environment=NOBODY)
    return peer.start(
        "git", "upload-pack", "repository", pipes=True, environment={**NOBODY, "GIT_PROTOCOL": "version=2"}
    )


def packet(body):
    return b"%04x%s" % (len(body) + 4, body)


def receive_until_flush(stream):
    return list(iter(lambda: stream.receive(PACKET), FLUSH))


def talk(peer, pipes):
    stream = peer.connect(pipes)
    capabilities = receive_until_flush(stream)
    peer.check(capabilities[0] == packet(b"version 2\n"), "version 2")
    peer.check(any(b"ls-refs" in line for line in capabilities), "it lists refs")
    stream.send(packet(b"command=ls-refs\n") + DELIMITER + packet(b"peel\n") + packet(b"symrefs\n") + FLUSH, PACKET, 5)
    refs = receive_until_flush(stream)
    named = [b" HEAD symref-target:refs/heads/main\n", b" refs/heads/main\n"]
    peer.check([ref[44:] for ref in refs] == named, "one branch")
    wanted = packet(b"no-progress\n") + packet(b"want %s\n" % refs[1][4:44]) + packet(b"done\n")
    stream.send(packet(b"command=fetch\n") + DELIMITER + wanted + FLUSH, PACKET, 6)
    title, *pieces = receive_until_flush(stream)
    pack = b"".join(piece[5:] for piece in pieces)
    peer.check(title == packet(b"packfile\n") and pack[:12] == b"PACK\0\0\0\2\0\0\0\3", "a pack of three objects")
    peer.check(len(pack) > 320000, "the file is in it")
    peer.check(len(pieces) > 3, "in several packets")
    stream.send(FLUSH, PACKET)
