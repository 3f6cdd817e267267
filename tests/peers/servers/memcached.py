"""memcached, the text protocol: a line, and behind some lines a block of data, as long as the line says."""

from needs import Debian
from wire import delimited, fixed

NEEDS = [Debian("memcached")]
IN_CI = True

LINE = delimited(b"\r\n", strip=True, max=2048, preset="memcached")


def start(peer):
    port = peer.port()
    peer.start("memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", port, "-U", 0, "-m", 16, "-t", 1)
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    value = b"a\r\nEND\r\nb" * 100
    stream.send(b"set k 5 0 %d\r\n%s\r\nget k\r\n" % (len(value), value))
    peer.check(stream.receive(LINE) == b"STORED", "it is stored")
    peer.check(stream.receive(LINE) == b"VALUE k 5 %d" % len(value), "the line before the value")
    peer.check(stream.receive(fixed(len(value) + 2)) == value + b"\r\n", "the value, with lines in it")
    peer.check(stream.receive(LINE) == b"END", "the end of the values")
    stream.send(b"mn\r\n", LINE)
    peer.check(stream.receive(LINE) == b"MN", "a command that does nothing")
