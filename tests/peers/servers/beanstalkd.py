"""beanstalkd: a line, and behind some lines a job, as long as the line says."""

from needs import Debian
from wire import delimited, fixed

NEEDS = [Debian("beanstalkd")]
IN_CI = True

LINE = delimited(b"\r\n", strip=True, max=222, preset="beanstalkd")


def start(peer):
    port = peer.port()
    peer.start("beanstalkd", "-l", "127.0.0.1", "-p", port)
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    job = b"x\r\ny" * 500
    stream.send(b"put 1 0 60 %d\r\n%s\r\nreserve\r\nbogus\r\n" % (len(job), job))
    peer.check(stream.receive(LINE).startswith(b"INSERTED "), "a job is put")
    line = stream.receive(LINE)
    peer.check(line.startswith(b"RESERVED ") and line.endswith(b" %d" % len(job)), "and reserved")
    peer.check(stream.receive(fixed(len(job) + 2)) == job + b"\r\n", "as it was, line ends and all")
    peer.check(stream.receive(LINE) == b"UNKNOWN_COMMAND", "an unknown command")
    stream.send(b"k" * 230 + b"\r\n")
    peer.check(stream.receive(LINE) == b"BAD_FORMAT", "a line over 224 bytes")
