"""qemu-storage-daemon, QMP: a line of JSON. What we send has no frames: a request ends where its JSON does."""

import json

from needs import Debian
from wire import delimited

NEEDS = [Debian("qemu-utils", "qemu-storage-daemon")]
IN_CI = True

LINE = delimited(b"\r\n", b"\n", strip=True, max=1 << 20, preset="qmp")


def start(peer):
    socket = "socket,path=%s,server=on,wait=off,id=c" % peer.path("socket")
    peer.start("qemu-storage-daemon", "--chardev", socket, "--monitor", "chardev=c")
    return "unix:" + peer.path("socket")


def talk(peer, address):
    stream = peer.connect(address)
    peer.check("QMP" in json.loads(stream.receive(LINE)), "a greeting")
    stream.send(b'{"execute":"qmp_capabilities"}\n')
    accepted = reply(stream)
    peer.check(accepted == {"return": {}}, "it goes on: %s" % accepted)
    stream.send(b'{"execute":"query-block-jobs"}{"execute":"nope"}\n')
    jobs, error = reply(stream), reply(stream)
    peer.check(jobs == {"return": []}, "it has no jobs: %s" % jobs)
    peer.check(error["error"]["class"] == "CommandNotFound", "an error: %s" % error)


def reply(stream):
    """What answers a command; events come between as they happen."""
    while True:
        message = json.loads(stream.receive(LINE))
        if "event" not in message:
            return message
