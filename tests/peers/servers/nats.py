"""NATS: a line, and behind MSG and PUB a payload, as long as the line says."""

from needs import Debian
from wire import delimited, fixed

NEEDS = [Debian("nats-server")]
IN_CI = True

LINE = delimited(b"\r\n", strip=True, max=65536, preset="nats")


def start(peer):
    port = peer.port()
    peer.start("nats-server", "-a", "127.0.0.1", "-p", port)
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    peer.check(stream.receive(LINE).startswith(b"INFO {"), "it introduces itself")
    payload = b"\r\nMSG fake 1 3\r\n" * 900
    stream.send(
        b'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a %d\r\n%s\r\nPUB a 0\r\n\r\nPING\r\n' % (len(payload), payload)
    )
    peer.check(stream.receive(LINE) == b"MSG a 1 %d" % len(payload), "a message")
    peer.check(stream.receive(fixed(len(payload) + 2)) == payload + b"\r\n", "its payload, with lines in it")
    peer.check(stream.receive(LINE) == b"MSG a 1 0" and stream.receive(fixed(2)) == b"\r\n", "an empty payload")
    peer.check(stream.receive(LINE) == b"PONG", "a ping is answered")
