"""NNG: a length of 8 bytes; over Unix sockets a byte of 1 before it."""

from needs import PYTHON, Pip
from wire import fixed, length, string

NEEDS = [Pip("pynng", "0.9.0")]
IN_CI = True

HANDSHAKE = fixed(8)
TCP = length(8, max=1 << 24, preset="nng-tcp")
IPC = length(8, at=1, max=1 << 24, preset="nng-ipc")

SERVER = """
import sys, pynng
socket = pynng.Rep0(listen="tcp://127.0.0.1:" + sys.argv[1], recv_max_size=1 << 20)
socket.listen("ipc://" + sys.argv[2])
while True:
    socket.send(socket.recv()[::-1])
"""


def start(peer):
    port = peer.port()
    peer.start(PYTHON, peer.write("server.py", SERVER), port, peer.path("socket"))
    return "127.0.0.1:%d" % port, "unix:" + peer.path("socket")


def shake_hands(peer, stream):
    stream.send(bytes.fromhex("0053500000300000"), HANDSHAKE)
    peer.check(stream.receive(HANDSHAKE) == bytes.fromhex("0053500000310000"), "it answers requests")


def talk(peer, tcp, ipc):
    for address, before, fmt in (tcp, b"", TCP), (ipc, b"\1", IPC):
        stream = peer.connect(address)
        shake_hands(peer, stream)
        for body in b"h", b"hello", b"q" * 100000:
            number = b"\x80\0\0\7"
            stream.send(before + string(8, number + body), fmt)
            peer.check(stream.receive(fmt) == before + string(8, number + body[::-1]), "%d bytes reversed" % len(body))
    stream = peer.connect(tcp)
    shake_hands(peer, stream)
    stream.send(bytes.fromhex("800000000000000480000001"))
    stream.expect_end()  # a length of over 2^63
