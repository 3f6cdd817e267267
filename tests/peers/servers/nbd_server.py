"""nbd-server: four formats on one connection, and data whose length only the one knows who asked for them."""

from needs import Debian
from wire import be, fixed, length, string

NEEDS = [Debian("nbd-server")]
IN_CI = True

OPTION = length(4, at=12, preset="nbd-option")
OPTION_REPLY = length(4, at=16, max=1 << 16, preset="nbd-option-reply")
REQUEST = fixed(28, preset="nbd-request")
REPLY = fixed(16, preset="nbd-reply")
REPLY_MAGIC = bytes.fromhex("0003e889045565a9")
LIST, GO = 3, 7
ACK, SERVER, INFO, UNSUPPORTED = 1, 2, 3, 0x80000001


def start(peer):
    image = peer.write("image", bytes(range(256)) * 4096)
    port = peer.port()
    settings = (
        "[generic]\n listenaddr = 127.0.0.1\n port = %d\n allowlist = true\n"
        "[x]\n exportname = %s\n readonly = true\n" % (port, image)
    )
    peer.start("nbd-server", "-d", "-C", peer.write("conf", settings))
    return "127.0.0.1:%d" % port


def option(number, data=b""):
    return b"IHAVEOPT" + be(number, 4) + string(4, data)


def read(cookie, start, size):
    return bytes.fromhex("2560951300000000") + be(cookie, 8) + be(start, 8) + be(size, 4)


def talk(peer, address):
    stream = peer.connect(address)
    peer.check(stream.receive(fixed(18))[:16] == b"NBDMAGICIHAVEOPT", "a greeting")
    stream.send(be(3, 4))
    stream.send(option(LIST) + option(12345, b"zz"), OPTION, 2)

    def reply(kind):
        got = stream.receive(OPTION_REPLY)
        peer.check(got[:8] == REPLY_MAGIC and got[12:16] == be(kind, 4), "a reply of kind %d" % kind)
        return got[20:]

    peer.check(reply(SERVER) == string(4, b"x"), "the export x")
    peer.check(reply(ACK) == b"", "no other")
    reply(UNSUPPORTED)
    stream.send(option(GO, string(4, b"x") + be(0, 2)), OPTION)
    while stream.receive(OPTION_REPLY)[12:16] != be(ACK, 4):
        pass
    stream.send(read(1, 256, 70000) + read(2, 0, 3), REQUEST, 2)
    sizes = {be(1, 8): 70000, be(2, 8): 3}
    while sizes:
        reply = stream.receive(REPLY)  # they may come in any order
        peer.check(reply[:8] == bytes.fromhex("6744669800000000"), "a reply without an error")
        size = sizes.pop(reply[8:])
        peer.check(stream.receive(fixed(size)) == (bytes(range(256)) * 300)[:size], "what was read")
