"""BIRD, BGP-4: a marker of 16 bytes, a length at 16 that counts all of the message, a type at 18."""

from needs import Debian
from wire import be, length

NEEDS = [Debian("bird2", "bird")]
IN_CI = True

MESSAGE = length(2, at=16, adjust=-18, max=4096, preset="bgp")
OPEN, UPDATE, NOTIFICATION, KEEPALIVE = 1, 2, 3, 4

CONFIGURATION = """router id 10.0.0.1;
protocol device {}
protocol static { ipv4; %s }
protocol bgp b {
  local 127.0.0.1 port %d as 65001; neighbor 127.0.0.1 as 65002; passive; multihop; strict bind;
  ipv4 { import all; export all; next hop address 10.0.0.1; };
}
"""


def start(peer):
    port = peer.port()
    routes = " ".join("route 10.0.%d.0/24 blackhole;" % i for i in range(256))
    configuration = peer.write("bird.conf", CONFIGURATION % (routes, port))
    peer.start("bird", "-f", "-c", configuration, "-s", peer.path("control"), "-P", peer.path("pid"))
    return "127.0.0.1:%d" % port


def message(kind, body):
    return b"\xff" * 16 + be(19 + len(body), 2) + bytes([kind]) + body


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(message(OPEN, bytes.fromhex("04fdea00b40a00000200")), MESSAGE)
    opened = stream.receive(MESSAGE)
    peer.check(opened[18] == OPEN and opened[20:22] == be(65001, 2), "OPEN of AS 65001")
    peer.check(stream.receive(MESSAGE) == message(KEEPALIVE, b""), "KEEPALIVE")
    stream.send(message(KEEPALIVE, b""), MESSAGE)
    announced = set()
    while len(announced) < 256:
        update = stream.receive(MESSAGE)
        peer.check(update[18] in (UPDATE, KEEPALIVE) and update[19:21] in (be(0, 2), b""), "nothing is withdrawn")
        announced |= {update[at : at + 4] for at in range(len(update) - 3) if update[at : at + 3] == b"\x18\x0a\0"}
    stream.send(b"\xff" * 16 + be(18, 2) + bytes([KEEPALIVE]))  # a length below that of the head
    *_, last = stream.receive_until_end(MESSAGE)
    peer.check(last[18:] == bytes([NOTIFICATION, 1, 2]) + be(18, 2), "NOTIFICATION: bad message length, 18")
