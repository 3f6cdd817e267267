"""gearmand: packets with a head of 12 bytes; and, on the same port, lines of text for administrators."""

from needs import Debian
from wire import be, case, delimited, length, select, string

NEEDS = [Debian("gearman-job-server", "gearmand")]
IN_CI = True

PACKET = length(4, at=8, max=1 << 24, preset="gearman")
EITHER = select(case(0, PACKET), default=delimited(b"\n"), preset="gearman")
CAN_DO, SUBMIT, CREATED, GRAB, NO_JOB, ASSIGN, COMPLETE, ECHO, ECHOED = 1, 7, 8, 9, 10, 11, 13, 16, 17


def start(peer):
    port = peer.port()
    peer.start("gearmand", "-L", "127.0.0.1", "-p", port, "-l", "stderr", "-P", peer.path("pid"), "-u", peer.me())
    return "127.0.0.1:%d" % port


def request(kind, arguments=b""):
    return b"\0REQ" + be(kind, 4) + string(4, arguments)


def talk(peer, address):
    client, worker = peer.connect(address), peer.connect(address)
    client.send(request(ECHO, b"hello\0there"), PACKET)
    peer.check(client.receive(EITHER) == b"\0RES" + be(ECHOED, 4) + string(4, b"hello\0there"), "an echo")
    client.send(b"version\n", EITHER)
    peer.check(client.receive(EITHER).startswith(b"OK "), "a line on the same connection")
    worker.send(request(CAN_DO, b"reverse") + request(GRAB), PACKET, 2)
    peer.check(worker.receive(PACKET)[7] == NO_JOB, "no job yet")
    client.send(request(SUBMIT, b"reverse\0\0" + b"p" * 100000), PACKET)
    created = client.receive(EITHER)
    peer.check(created[7] == CREATED, "a job")
    handle = created[12:]
    worker.send(request(GRAB), PACKET)
    assigned = worker.receive(PACKET)
    peer.check(assigned[7] == ASSIGN and assigned[12:] == handle + b"\0reverse\0" + b"p" * 100000, "the worker gets it")
    worker.send(request(COMPLETE, handle + b"\0" + b"q" * 100000), PACKET)
    done = client.receive(EITHER)
    peer.check(done[7] == COMPLETE and done[12:] == handle + b"\0" + b"q" * 100000, "it is done")
