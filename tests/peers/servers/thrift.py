"""Apache Thrift's framed transport, with thriftpy2 for a server: a length of 4 bytes."""

from needs import PYTHON, Pip
from wire import be, length, string

NEEDS = [Pip("thriftpy2", "0.7.1")]
IN_CI = True

FRAME = length(4, strip=4, max=16384000, preset="thrift-framed")
CALL, REPLY = b"\x80\1\0\1", b"\x80\1\0\2"

SERVER = """
import sys, thriftpy2
from thriftpy2.rpc import make_server
from thriftpy2.transport import TFramedTransportFactory

class Handler:
    def reverse(self, text):
        return text[::-1]

service = thriftpy2.load("service.thrift", module_name="service_thrift").Service
make_server(service, Handler(), "127.0.0.1", int(sys.argv[1]), trans_factory=TFramedTransportFactory()).serve()
"""


def start(peer):
    port = peer.port()
    peer.write("service.thrift", "service Service { string reverse(1: string text), }\n")
    peer.start(PYTHON, peer.write("server.py", SERVER), port)
    return "127.0.0.1:%d" % port


def call(number, text):
    """A method's name, the number of the call, and a struct with one string."""
    return string(4, CALL + string(4, b"reverse") + be(number, 4) + b"\x0b\0\1" + string(4, text) + b"\0")


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(call(1, b"abc") + call(2, b"x" * 70000 + b"y"), FRAME, 2)
    for number, text in (1, b"cba"), (2, b"y" + b"x" * 70000):
        expected = REPLY + string(4, b"reverse") + be(number, 4) + b"\x0b\0\0" + string(4, text) + b"\0"
        peer.check(stream.receive(FRAME) == expected, "%d bytes come back reversed" % len(text))
