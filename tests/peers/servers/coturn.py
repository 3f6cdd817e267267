"""coturn, STUN and TURN over TCP: the first two bits tell a STUN message, whose length does not count its head, from
channel data, which are padded."""

import socket

from needs import Debian
from wire import be, case, length, select, string

NEEDS = [Debian("coturn", "turnserver")]
IN_CI = True

MESSAGE = select(
    case(0, length(2, at=2, adjust=16, max=65555)), case(0x40, length(2, at=2, align=4, max=65540)),
    mask=0xC0, preset="stun",
)
BINDING, ALLOCATE, BIND_CHANNEL, SUCCESS = 1, 3, 9, 0x100
COOKIE = bytes.fromhex("2112a442")


def start(peer):
    port = peer.port()
    peer.start(
        "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "-p", port, "--no-tls", "--no-dtls",
        "--no-auth", "--allow-loopback-peers", "--cli-password=x", "--no-cli", "--no-udp", "--log-file=stdout",
        "--pidfile=" + peer.path("pid"), "--userdb=" + peer.path("users"), "--realm=x", "--no-multicast-peers",
    )
    return "127.0.0.1:%d" % port


def stun(kind, transaction, **attributes):
    """Attributes are named by their numbers in hex."""
    parts = [be(int(name[1:], 16), 2) + string(2, value) + bytes(-len(value) % 4) for name, value in attributes.items()]
    body = b"".join(parts)
    return be(kind, 2) + be(len(body), 2) + COOKIE + transaction * 12 + body


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(stun(BINDING, b"a") + stun(BINDING, b"b"), MESSAGE, 2)
    for transaction in b"a", b"b":
        answer = stream.receive(MESSAGE)
        peer.check(answer[:2] == be(SUCCESS | BINDING, 2) and answer[8:20] == transaction * 12, "where we are")
    stream.send(stun(ALLOCATE, b"c", x19=b"\x11\0\0\0"), MESSAGE)
    peer.check(stream.receive(MESSAGE)[:2] == be(SUCCESS | ALLOCATE, 2), "a relay")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as remote:
        remote.bind(("127.0.0.1", 0))
        remote.settimeout(20)
        relay(peer, stream, remote)


def relay(peer, stream, remote):
    """Channel data become datagrams, and the other way round."""
    host = bytes(a ^ b for a, b in zip(b"\x7f\0\0\1", COOKIE))
    there = b"\0\1" + be(remote.getsockname()[1] ^ 0x2112, 2) + host
    stream.send(stun(BIND_CHANNEL, b"d", x0c=b"\x40\0\0\0", x12=there), MESSAGE)
    peer.check(stream.receive(MESSAGE)[:2] == be(SUCCESS | BIND_CHANNEL, 2), "a channel")
    for size in 1, 4, 7:
        data = b"payload!"[:size]
        stream.send(b"\x40\0" + string(2, data) + bytes(-size % 4), MESSAGE)
        got, relayed_from = remote.recvfrom(2000)
        peer.check(got == data, "%d bytes are relayed" % size)
        remote.sendto(got[::-1], relayed_from)
        back = stream.receive(MESSAGE)
        peer.check(back == b"\x40\0" + string(2, data[::-1]) + back[4 + size :] and len(back) % 4 == 0, "and back")
