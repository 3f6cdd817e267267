"""ZooKeeper: a length of 4 bytes; and on the same port commands of four letters, without a frame."""

import socket

from needs import Debian
from wire import fixed, length, string

NEEDS = [Debian("zookeeper", "/usr/share/java/zookeeper.jar"), Debian("default-jre-headless", "java")]
IN_CI = True

PACKET = length(4, strip=4, signed=True, max=1 << 20, preset="zookeeper")
CREATE, GET, CHILDREN, PING = 1, 4, 8, 11

CONFIGURATION = """
tickTime=2000
dataDir=%s
clientPortAddress=127.0.0.1
clientPort=%d
admin.enableServer=false
4lw.commands.whitelist=ruok,srvr
"""


def start(peer):
    port = peer.port()
    conf = peer.write("zoo.cfg", CONFIGURATION % (peer.folder, port))
    peer.start(
        "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", "-Dzookeeper.log.threshold=ERROR",
        "-cp", "/etc/zookeeper/conf:/usr/share/java/*", "org.apache.zookeeper.server.quorum.QuorumPeerMain", conf,
    )
    peer.wait(lambda: serves(port), "it to serve")
    return "127.0.0.1:%d" % port


def serves(port):
    """It takes connections for some time before it answers any."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as asking:
            asking.sendall(b"srvr")
            return b"Mode: standalone" in b"".join(iter(lambda: asking.recv(4096), b""))
    except OSError:
        return False


def number(value, width=4):
    return value.to_bytes(width, "big", signed=True)


def request(about, operation, arguments=b""):
    return string(4, number(about) + number(operation) + arguments)


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(b"ruok")
    peer.check(stream.receive(fixed(4)) == b"imok", "four letters")
    stream = peer.connect(address)
    session = number(0) + number(0, 8) + number(10000) + number(0, 8) + string(4, bytes(16)) + b"\0"
    stream.send(string(4, session), PACKET)
    peer.check(len(stream.receive(PACKET)) in (36, 37), "a session")
    anyone = number(1) + number(31) + string(4, b"world") + string(4, b"anyone")
    requests = [
        request(1, CREATE, string(4, b"/n") + string(4, b"d" * 50000) + anyone + number(0)),
        request(2, GET, string(4, b"/n") + b"\0"),
        request(3, CHILDREN, string(4, b"/") + b"\0"),
        request(-2, PING),
    ]
    stream.send(b"".join(requests), PACKET, len(requests))
    answers = created, got, children, _ = stream.receive_many(4, PACKET)
    numbers = [answer[:4] for answer in answers]
    peer.check(numbers == [number(about) for about in (1, 2, 3, -2)], "answers in their order")
    peer.check(created[12:16] == number(0) and string(4, b"d" * 50000) in got, "a node with its data")
    peer.check(string(4, b"n") in children, "among its siblings")
    stream.send(bytes.fromhex("7fffffff"))
    stream.expect_end()
