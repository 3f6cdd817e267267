"""Open vSwitch's test controller, OpenFlow: a length at 2 that counts all of the message."""

from needs import Debian
from wire import be, length

NEEDS = [Debian("openvswitch-testcontroller", "ovs-testcontroller")]
IN_CI = True

MESSAGE = length(2, at=2, adjust=-4, preset="openflow")
HELLO, ECHO, ECHOED, FEATURES, OUR_FEATURES = 0, 2, 3, 5, 6


def start(peer):
    port = peer.port()
    peer.start(
        "ovs-testcontroller", "ptcp:%d:127.0.0.1" % port, "--pidfile=" + peer.path("pid"),
        "--unixctl=" + peer.path("control"), "--log-file=" + peer.path("log"), environment={"OVS_RUNDIR": peer.folder},
    )
    return "127.0.0.1:%d" % port


def message(kind, number, body=b""):
    return bytes([1, kind]) + be(8 + len(body), 2) + be(number, 4) + body


def talk(peer, address):
    stream = peer.connect(address)
    peer.check(stream.receive(MESSAGE)[1] == HELLO, "it says hello")
    stream.send(message(HELLO, 1), MESSAGE)
    asked = stream.receive(MESSAGE)
    peer.check(asked[1] == FEATURES, "it asks what we can do")
    features = be(0xABC, 8) + be(256, 4) + b"\1\0\0\0" + be(0, 4) + be(0xFFF, 4)
    longest = b"e" * 65527
    answer = message(OUR_FEATURES, int.from_bytes(asked[4:8], "big"), features)
    stream.send(answer + message(ECHO, 77, longest), MESSAGE, 2)
    while (answer := stream.receive(MESSAGE))[1] != ECHOED:
        pass
    peer.check(answer == message(ECHOED, 77, longest), "an echo of 65535 bytes")
