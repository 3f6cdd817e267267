"""slapd, LDAP: a SEQUENCE in BER, whose length is one byte, or the number of bytes that have it."""

from needs import Debian
from wire import be, case, length, select

NEEDS = [Debian("slapd")]
IN_CI = True

LONG = [case(0x80 + width, length(width, at=2, max=1 << 24)) for width in (1, 2, 3, 4)]
MESSAGE = select(case(0, length(1, at=1), 127), *LONG, at=1, preset="ldap")
BIND, ENTRY, DONE = 0x61, 0x64, 0x65

CONFIGURATION = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_null
database null
suffix "dc=x"
pidfile %s
"""


def start(peer):
    port = peer.port()
    conf = peer.write("conf", CONFIGURATION % peer.path("pid"))
    peer.start("slapd", "-f", conf, "-h", "ldap://127.0.0.1:%d" % port, "-d", 0)
    return "127.0.0.1:%d" % port


def short_length(body):
    return bytes([len(body)]) + body


def long_length(body):
    """A longer form than needed, as some clients send it."""
    return b"\x84" + be(len(body), 4) + body


def search(number, with_length):
    """What the server can do: an empty base, no limits, any object, its operational attributes."""
    operation = b"\4\0\x0a\1\0\x0a\1\0\2\1\0\2\1\0\1\1\0\x87\x0bobjectClass\x30\3\4\1+"
    return b"\x30" + with_length(b"\2\1" + bytes([number]) + b"\x63" + with_length(operation))


def body_of(message):
    return message[2:] if message[1] < 128 else message[2 + message[1] - 128 :]


def talk(peer, address):
    stream = peer.connect(address)
    bind = bytes.fromhex("300c020101600702010304008000")
    stream.send(bind + search(2, short_length) + search(3, long_length), MESSAGE, 3)
    peer.check(stream.receive(MESSAGE) == bytes.fromhex("300c02010161070a010004000400"), "bound")
    answers = {2: [], 3: []}  # different threads may answer
    for _ in range(4):
        message = stream.receive(MESSAGE)
        answers[body_of(message)[2]].append(message)
    for entry, done in answers.values():
        peer.check(body_of(entry)[3] == ENTRY and b"supportedLDAPVersion" in entry, "what the server can do")
        peer.check(entry[1] > 128, "behind a long length")
        peer.check(body_of(done)[3] == DONE, "and no more")
