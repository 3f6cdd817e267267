"""rpcbind, ONC RPC: a record in fragments, with 31 bits of length behind one that is set in the last fragment."""

import os

from needs import Debian, Namespaces
from wire import be, length

NEEDS = [Debian("rpcbind"), Namespaces()]
IN_CI = True

FRAGMENT = length(4, mask=0x7FFFFFFF, max=1 << 20, preset="sunrpc")
LAST = 1 << 31
PORTMAPPER = 100000


def start(peer):
    """It knows no other port than 111 and no other socket than one in /run: it gets a network and a /run of its own."""
    run = peer.folder_in("run")
    peer.start("unshare", "-n", "-m", "sh", "-c", 'mount --bind "$1" /run && exec rpcbind -f -w', "sh", run)
    peer.wait(lambda: os.path.exists(run + "/rpcbind.sock"), "its socket")
    return "unix:%s/rpcbind.sock" % run


def call(number, procedure):
    words = number, 0, 2, PORTMAPPER, 2, procedure, 0, 0, 0, 0
    body = b"".join(be(word, 4) for word in words)
    return be(LAST | len(body), 4) + body


def talk(peer, address):
    stream = peer.connect(address)

    def receive():
        """A record, of however many fragments."""
        record, last = b"", False
        while not last:
            fragment = stream.receive(FRAGMENT)
            record, last = record + fragment[4:], fragment[0] & 0x80
        return record

    stream.send(call(1, 0) + call(2, 4) + call(3, 99), FRAGMENT, 3)
    accepted = be(1, 4) + bytes(12)
    peer.check(receive() == be(1, 4) + accepted + be(0, 4), "an answer of nothing")
    listed = receive()
    peer.check(listed[:20] == be(2, 4) + accepted and be(1, 4) + be(PORTMAPPER, 4) in listed, "it lists itself")
    peer.check(receive() == be(3, 4) + accepted + be(3, 4), "no such procedure")
