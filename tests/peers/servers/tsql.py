"""FreeTDS's tsql speaks TDS to us: a type, a status, a length at 2 that counts all of the packet."""

from needs import Debian
from wire import be, le, length, string

NEEDS = [Debian("freetds-bin", "tsql")]
IN_CI = True

PACKET = length(2, at=2, adjust=-4, max=32767, preset="tds")
ANSWER, LOGIN, PRELOGIN = 4, 0x10, 0x12
LAST = 1
LOGIN_FAILED = 18456


def start(peer):
    listener, port = peer.listen()
    peer.start("tsql", "-H", "127.0.0.1", "-p", port, "-U", "sa", "-P", "secret", environment={"TDSVER": "7.4"})
    return listener


def packet(status, number, payload):
    return bytes([ANSWER, status]) + be(8 + len(payload), 2) + bytes([0, 0, number, 0]) + payload


def talk(peer, listener):
    stream = peer.accept(listener)
    asked = stream.receive(PACKET)
    peer.check(asked[0] == PRELOGIN and asked[1] == LAST, "what we can do")
    options = bytes.fromhex("00000b0006" "0100110001" "ff") + bytes.fromhex("0f0000000000") + b"\2"  # no encryption
    stream.send(packet(LAST, 1, options), PACKET)
    login = stream.receive(PACKET)
    peer.check(login[0] == LOGIN and "sa".encode("utf-16le") in login, "a login")
    text = le(2, 2) + "no".encode("utf-16le")
    error = le(LOGIN_FAILED, 4) + b"\1\x0e" + text + b"\0\0" + le(1, 4)
    tokens = b"\xaa" + string(2, error, "little") + b"\xfd\2\0\0\0" + bytes(8)
    # A message in two packets, cut in the middle of a token.
    stream.send(packet(0, 1, tokens[:9]) + packet(LAST, 2, tokens[9:]), PACKET, 2)
    peer.wait(lambda: b"18456" in peer.read("log-0"), "it to understand the error")
