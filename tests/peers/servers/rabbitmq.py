"""RabbitMQ, AMQP 0-9-1: a type, a channel, a length at 3, the payload, and ce behind it; and its STOMP."""

from needs import Debian
from wire import be, delimited, fixed, length, string

NEEDS = [Debian("rabbitmq-server", "/usr/lib/rabbitmq/bin/rabbitmq-server", "epmd")]
IN_CI = False

PROTOCOL = fixed(8, preset="amqp")
FRAME = length(4, at=3, trailer="ce", max=131080, preset="amqp")
STOMP = delimited(b"\0", strip=True)
METHOD, HEADER, BODY = 1, 2, 3


def start(peer):
    """Its nodes find one another by a daemon of Erlang's: it gets one of its own."""
    daemon, port, among_nodes, stomp = (peer.port() for _ in range(4))
    peer.own(".", "rabbitmq")
    peer.write("rabbit.conf", "listeners.tcp.1 = 127.0.0.1:%d\nstomp.listeners.tcp.1 = 127.0.0.1:%d\n" % (port, stomp))
    peer.start("epmd", "-address", "127.0.0.1", "-port", daemon)
    settings = {
        "HOME": peer.folder, "ERL_EPMD_PORT": str(daemon), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "t@localhost", "RABBITMQ_MNESIA_BASE": peer.folder, "RABBITMQ_LOG_BASE": peer.folder,
        "RABBITMQ_CONFIG_FILE": peer.path("rabbit"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": peer.write("plugins", "[rabbitmq_stomp].\n"),
        "RABBITMQ_DIST_PORT": str(among_nodes), "RABBITMQ_PID_FILE": peer.path("pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    }
    peer.start("/usr/lib/rabbitmq/bin/rabbitmq-server", environment=settings, user="rabbitmq")
    peer.wait(lambda: b"completed with" in peer.read("log-1"), "the node to be up", 200)
    return "127.0.0.1:%d" % port, "127.0.0.1:%d" % stomp


def frame(kind, channel, payload):
    return bytes([kind]) + be(channel, 2) + string(4, payload) + b"\xce"


def method(channel, class_id, number, *arguments):
    return frame(METHOD, channel, be(class_id, 2) + be(number, 2) + b"".join(arguments))


def talk(peer, address, stomp):
    stream = peer.connect(address)

    def expect(class_id, number):
        got = stream.receive(FRAME)
        peer.check(got[0] == METHOD and got[7:11] == be(class_id, 2) + be(number, 2), "%d.%d" % (class_id, number))
        return got[11:-1]

    stream.send(b"AMQP\0\0\x09\1", PROTOCOL)
    expect(10, 10)
    login = be(0, 4) + string(1, b"PLAIN") + string(4, b"\0guest\0guest") + string(1, b"en_US")
    stream.send(method(0, 10, 11, login), FRAME)
    tune = expect(10, 30)
    stream.send(
        method(0, 10, 31, tune) + method(0, 10, 40, string(1, b"/"), be(0, 2)) + method(1, 20, 10, b"\0")
        + method(1, 50, 10, be(0, 2), string(1, b"q"), b"\x08", be(0, 4)),
        FRAME, 4,
    )
    for numbers in (10, 41), (20, 11), (50, 11):
        expect(*numbers)
    message(peer, stream, expect, int.from_bytes(tune[2:6], "big") - 8)
    other = peer.connect(stomp)
    other.send(b"CONNECT\nlogin:guest\npasscode:guest\n\n\0", STOMP)
    peer.check(other.receive(STOMP).startswith(b"CONNECTED\n"), "STOMP")
    stream.send(method(1, 20, 40)[:-1] + b"\xcd")
    peer.check(len(stream.receive_until_end(FRAME)) <= 1, "a frame with another end is refused")


def message(peer, stream, expect, longest):
    """A message of many frames: it goes into the queue and comes back out of it."""
    body = bytes(range(256)) * 800
    pieces = [body[at : at + longest] for at in range(0, len(body), longest)]
    frames = [
        method(1, 60, 40, be(0, 2), string(1, b""), string(1, b"q"), b"\0"),
        frame(HEADER, 1, be(60, 2) + be(0, 2) + be(len(body), 8) + be(0, 2)),
        *[frame(BODY, 1, piece) for piece in pieces],
        method(1, 60, 70, be(0, 2), string(1, b"q"), b"\1"),
    ]
    stream.send(b"".join(frames), FRAME, len(frames))
    expect(60, 71)
    peer.check(stream.receive(FRAME)[0] == HEADER, "a header")
    got = b""
    while len(got) < len(body):
        got += stream.receive(FRAME)[7:-1]
    peer.check(got == body, "the body, over several frames")
