"""hl7apy's server, HL7 over MLLP: a byte of 0b, the message, and 1c 0d, of which each alone may be in the message."""

from needs import PYTHON, Pip
from wire import delimited

NEEDS = [Pip("hl7apy", "1.3.5")]
IN_CI = True

MESSAGE = delimited(b"\x1c\r", start="0b", strip=True, max=1 << 20, preset="hl7-mllp")

SERVER = r"""
import sys
from hl7apy.mllp import AbstractHandler, MLLPServer

class Handler(AbstractHandler):
    def reply(self):
        return "\x0bMSA|AA|%d\rZZZ|%s\x1c\r" % (len(self.incoming_message), self.incoming_message[-3:])

MLLPServer("127.0.0.1", int(sys.argv[1]), {"ADT^A01": (Handler,)}).serve_forever()
"""


def start(peer):
    port = peer.port()
    peer.start(PYTHON, peer.write("server.py", SERVER), port)
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    message = b"MSH|^~\\&|A|B|C|D|20200101||ADT^A01|1|P|2.3\rPID|1||" + b"x" * 3000
    stream.send(b"\x0b" + message + b"\x1c\r", MESSAGE)
    answer = stream.receive(MESSAGE)
    peer.check(answer.startswith(b"MSA|AA|30") and answer.endswith(b"\rZZZ|xxx"), "acknowledged: %r" % answer)
