"""mosquitto, MQTT 3.1.1: a byte of kind and flags, then a length in 1 to 4 bytes of 7 bits."""

from needs import Debian
from wire import string, varint, varint_length

NEEDS = [Debian("mosquitto")]
IN_CI = True

PACKET = varint_length(at=1, max_bytes=4, max=268435460, preset="mqtt")


def start(peer):
    port = peer.port()
    settings = "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n" % port
    peer.start("mosquitto", "-c", peer.write("conf", settings))
    return "127.0.0.1:%d" % port


def packet(first, rest):
    return bytes([first]) + varint(len(rest)) + rest


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(packet(0x10, string(2, b"MQTT") + b"\x04\x02\x00\x3c" + string(2, b"wire")), PACKET)
    peer.check(stream.receive(PACKET) == bytes.fromhex("20020000"), "connected")
    stream.send(packet(0x82, b"\0\1" + string(2, b"a/#") + b"\0"), PACKET)
    peer.check(stream.receive(PACKET) == bytes.fromhex("9003000100"), "subscribed")
    for size in 0, 122, 123, 16378, 16379, 300000:  # where the length grows, and beside it
        message = packet(0x30, string(2, b"a/b") + bytes(size))
        stream.send(message, PACKET)
        peer.check(stream.receive(PACKET) == message, "a message of %d bytes comes back" % size)
    stream.send(bytes.fromhex("c000e000"), PACKET, 2)  # a ping, and good-bye
    peer.check(stream.receive(PACKET) == b"\xd0\0", "the ping is answered")
    stream.expect_end()
