"""MongoDB's wire protocol, with mockupdb for a server: a little-endian length that counts the head of 16 bytes, too."""

from needs import PYTHON, Pip
from wire import le, length

NEEDS = [Pip("mockupdb", "1.8.1")]
IN_CI = True

MESSAGE = length(4, endian="le", adjust=-4, max=48000000, preset="mongodb")
OP_MSG = 2013

SERVER = """
import sys, time, mockupdb
server = mockupdb.MockupDB(port=int(sys.argv[1]), auto_ismaster=True, verbose=False)
server.run()
server.autoresponds("ping")
time.sleep(90)
"""


def start(peer):
    port = peer.port()
    peer.start(PYTHON, peer.write("server.py", SERVER), port)
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    elements = b"\x10ping\0" + le(1, 4) + b"\x02$db\0" + le(6, 4) + b"admin\0"
    document = le(len(elements) + 5, 4) + elements + b"\0"
    message = le(7, 4) + le(0, 4) + le(OP_MSG, 4) + le(0, 4) + b"\0" + document
    stream.send(le(len(message) + 4, 4) + message, MESSAGE)
    answer = stream.receive(MESSAGE)
    peer.check(answer[8:12] == le(7, 4) and b"\x10ok\0\1" in answer, "a ping is answered: %r" % answer)
