"""Twisted's receivers, six servers in a process: what they cut comes back reversed, and over a limit they hang up."""

import json
import os

from needs import PYTHON, Pip
from wire import be, delimited, digits, length, string

NEEDS = [Pip("Twisted", "26.10.0", "twisted")]
IN_CI = True

LONGEST, LONGEST_LINE = 99999, 16384
STRINGS = {width: length(width, strip=width, max=LONGEST, max_of="value") for width in (1, 2, 4)}
NETSTRING = digits(
    10, term=b":".hex(), trailer=b",".hex(), strip="header", leading_zero=False, max=LONGEST, max_of="value",
    preset="netstring",
)
LINE = delimited(b"\r\n", strip=True, max=LONGEST_LINE)
AMP = length(2, strip=2, preset="amp")

SERVER = """
import json, os
from twisted.internet import protocol, reactor
from twisted.protocols import amp, basic

def reversing(receiver):
    class Reversing(receiver):
        def stringReceived(self, string):
            self.sendString(string[::-1])
    return Reversing

class Lines(basic.LineReceiver):
    def lineReceived(self, line):
        if line.startswith(b"RAW "):
            self.count, self.got = int(line[4:]), b""
            self.setRawMode()
        else:
            self.sendLine(line[::-1])
    def rawDataReceived(self, data):
        self.got += data
        if len(self.got) >= self.count:
            self.sendLine(b"raw " + self.got[:self.count])
            self.setLineMode(self.got[self.count:])

class Sum(amp.Command):
    arguments = [(b"a", amp.Integer()), (b"b", amp.Integer())]
    response = [(b"total", amp.Integer())]

class Adding(amp.AMP):
    @Sum.responder
    def sum(self, a, b):
        return {"total": a + b}

servers = {
    "1": reversing(basic.Int8StringReceiver), "2": reversing(basic.Int16StringReceiver),
    "4": reversing(basic.Int32StringReceiver), "netstring": reversing(basic.NetstringReceiver),
    "line": Lines, "amp": Adding,
}
ports = {}
for name, receiver in servers.items():
    factory = protocol.ServerFactory()
    factory.protocol = receiver
    ports[name] = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
with open("ports.new", "w") as file:
    json.dump(ports, file)
os.rename("ports.new", "ports")
reactor.run()
"""


def start(peer):
    peer.start(PYTHON, peer.write("server.py", SERVER))
    return {name: "127.0.0.1:%d" % port for name, port in json.loads(peer.wait_for_file("ports")).items()}


def talk(peer, addresses):
    for width, sizes in (1, (0, 1, 255)), (2, (0, 255, 65535)), (4, (0, 65536, LONGEST)):
        stream = peer.connect(addresses[str(width)])
        strings = [os.urandom(size) for size in sizes]
        stream.send(b"".join(string(width, one) for one in strings), STRINGS[width], len(strings))
        peer.check(stream.receive_many(len(sizes), STRINGS[width]) == [one[::-1] for one in strings], "strings")
    stream.send(be(LONGEST + 1, 4))
    stream.expect_end()
    netstrings(peer, addresses["netstring"])
    lines(peer, peer.connect(addresses["line"]))
    amp(peer, peer.connect(addresses["amp"]))


def netstrings(peer, address):
    stream = peer.connect(address)
    strings = [b"", b"a", b"3:abc,", os.urandom(LONGEST)]
    stream.send(b"".join(b"%d:%s," % (len(one), one) for one in strings), NETSTRING, len(strings))
    peer.check(stream.receive_many(len(strings), NETSTRING) == [one[::-1] for one in strings], "netstrings")
    for bad in b"01:a,", b"1:ab", b"x", b":", b"100000:", b"999999", b"1;a,":
        stream = peer.connect(address)
        stream.send(bad)
        stream.expect_end()


def lines(peer, stream):
    longest = b"z" * LONGEST_LINE
    stream.send(b"abc\r\nd\ne\r\n\r\nRAW 7\r\n12\r\n567tail\r\n" + longest + b"\r\n")
    expected = [b"cba", b"e\nd", b"", b"raw 12", b"567", b"liat", longest]
    peer.check(stream.receive_many(7, LINE) == expected, "lines, and bytes without any between them")
    stream.send(longest + b"z\r\n")
    stream.expect_end()


def amp(peer, stream):
    """Keys and values by turns, until an empty key."""
    asked = [b"_ask", b"23", b"_command", b"Sum", b"a", b"13", b"b", b"81", b""]
    stream.send(b"".join(string(2, one) for one in asked), AMP, len(asked))
    box = list(iter(lambda: stream.receive(AMP), b""))
    peer.check(dict(zip(box[::2], box[1::2])) == {b"_answer": b"23", b"total": b"94"}, "13 and 81 are 94")
