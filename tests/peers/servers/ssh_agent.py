"""ssh-agent: a length of 4 bytes, at most 256 KiB, over a Unix socket."""

from needs import Debian
from wire import length, string

NEEDS = [Debian("openssh-client", "ssh-agent", "ssh-add", "ssh-keygen")]
IN_CI = True

MESSAGE = length(4, strip=4, max=262148, preset="ssh-agent")
FAILURE, SUCCESS, LIST, KEYS, REMOVE_ALL = b"\x05", b"\x06", b"\x0b", b"\x0c", b"\x13"


def start(peer):
    """With one key."""
    address = peer.path("socket")
    peer.start("ssh-agent", "-D", "-a", address)
    peer.wait_until_listening("unix:" + address)
    peer.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", peer.path("key"))
    peer.run("ssh-add", "-q", peer.path("key"), environment={"SSH_AUTH_SOCK": address})
    return "unix:" + address


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(string(4, LIST) * 3, MESSAGE, 3)
    for answer in stream.receive_many(3, MESSAGE):
        peer.check(answer.startswith(KEYS + b"\0\0\0\1") and b"ssh-ed25519" in answer, "one key")
    stream.send(string(4, REMOVE_ALL) + string(4, LIST) + string(4, b"\xff"), MESSAGE, 3)
    peer.check(stream.receive_many(3, MESSAGE) == [SUCCESS, KEYS + bytes(4), FAILURE], "none any more, and an error")
    stream.send(b"\0\4\0\1\x0b")
    stream.expect_end()  # 262145 bytes are too long for it
