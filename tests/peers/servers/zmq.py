"""libzmq, ZMTP 3: a greeting of 64 bytes, then a bit of the first byte tells a length of 1 byte from one of 8."""

from needs import PYTHON, Pip
from wire import case, fixed, length, select, string

NEEDS = [Pip("pyzmq", "27.3.0", "zmq")]
IN_CI = True

GREETING = fixed(64, preset="zmtp")
FRAME = select(case(0, length(1, at=1)), case(2, length(8, at=1, max=1 << 24)), mask=2, preset="zmtp")
MORE, LONG, COMMAND = 1, 2, 4

SERVER = """
import sys, zmq
socket = zmq.Context(1).socket(zmq.ROUTER)
socket.bind("tcp://127.0.0.1:" + sys.argv[1])
while True:
    sender, *parts = socket.recv_multipart()
    socket.send_multipart([sender] + [part[::-1] for part in parts])
"""


def start(peer):
    port = peer.port()
    peer.start(PYTHON, peer.write("server.py", SERVER), port)
    return "127.0.0.1:%d" % port


def frame(flags, body):
    return bytes([flags]) + string(1, body) if len(body) < 256 else bytes([flags | LONG]) + string(8, body)


def parts_of(bodies):
    return [frame(MORE, body) for body in bodies[:-1]] + [frame(0, bodies[-1])]


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(b"\xff" + bytes(8) + b"\x7f\3\0" + b"NULL".ljust(20, b"\0") + bytes(32), GREETING)
    greeting = stream.receive(GREETING)
    peer.check(greeting[0] == 0xFF and greeting[9:11] == b"\x7f\3" and greeting[12:16] == b"NULL", "a greeting")
    ready = string(1, b"READY") + string(1, b"Socket-Type") + string(4, b"DEALER")
    stream.send(frame(COMMAND, ready), FRAME)
    answer = stream.receive(FRAME)
    peer.check(answer[0] == COMMAND and b"READY" in answer and b"ROUTER" in answer, "it is ready")
    bodies = [b"", b"abc", b"x" * 255, b"y" * 255 + b"z", bytes(range(256)) * 300]
    stream.send(b"".join(parts_of(bodies)), FRAME, len(bodies))
    expected = parts_of([body[::-1] for body in bodies])
    peer.check(stream.receive_many(len(bodies), FRAME) == expected, "a message of parts comes back reversed")
