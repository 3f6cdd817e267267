"""impacket's server, SMB2: a 0, and a length of 3 bytes."""

from needs import PYTHON, Pip
from wire import be, le, length

NEEDS = [Pip("impacket", "0.13.1")]
IN_CI = False

MESSAGE = length(3, at=1, max=1 << 17, preset="smb")
MAGIC = b"\xfeSMB"
DIALECT = le(0x0202, 2)

SERVER = """
import sys
from impacket import smbserver
server = smbserver.SimpleSMBServer(listenAddress="127.0.0.1", listenPort=int(sys.argv[1]))
server.addShare("share", sys.argv[2])
server.setSMB2Support(True)
server.start()
"""


def start(peer):
    port = peer.port()
    peer.start(PYTHON, peer.write("server.py", SERVER), port, peer.folder)
    return "127.0.0.1:%d" % port


def negotiate():
    """Of 64 bytes of head all but the sizes is 0; we speak one dialect."""
    head = MAGIC + le(64, 2) + bytes(8) + le(1, 2) + bytes(48)
    body = le(36, 2) + le(1, 2) + le(1, 2) + bytes(2) + bytes(4) + b"G" * 16 + bytes(8) + DIALECT
    return head + body


def talk(peer, address):
    stream = peer.connect(address)
    request = negotiate()
    stream.send(b"\0" + be(len(request), 3) + request, MESSAGE)
    answer = stream.receive(MESSAGE)
    peer.check(answer[4:8] == MAGIC and answer[16:18] == le(0, 2), "negotiated")
    peer.check(answer[72:74] == DIALECT, "the dialect")
