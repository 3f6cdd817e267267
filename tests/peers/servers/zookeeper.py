"""ZooKeeper: a length of 4 bytes; and on the same port commands of four letters, without a frame."""

from needs import Debian
from wire import fixed, length, string

NEEDS = [Debian("zookeeper", "/usr/share/java/zookeeper.jar"), Debian("default-jre-headless", "java")]
IN_CI = False

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
    address = "127.0.0.1:%d" % port
    peer.wait(lambda: serves(peer, address), "it to serve")
    return address


def serves(peer, address):
    """It listens some time before it does."""
    stream = peer.connect(address)
    stream.send(b"srvr")
    answer = b"".join(stream.receive_until_end(fixed(1)))
    stream.close()
    peer.streams.remove(stream)
    return b"Mode: standalone" in answer


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
    created, got, children, ping = stream.receive_many(4, PACKET)
    peer.check([answer[:4] for answer in (created, got, children, ping)] == list(map(number, (1, 2, 3, -2))), "in order")
    peer.check(created[12:16] == number(0) and string(4, b"d" * 50000) in got, "a node with its data")
    peer.check(string(4, b"n") in children, "among its siblings")
    stream.send(bytes.fromhex("7fffffff"))
    stream.expect_end()
