"""dnsmasq, DNS over TCP: a length of two bytes."""

from needs import Debian
from wire import be, length, string

NEEDS = [Debian("dnsmasq-base", "dnsmasq")]
IN_CI = True

MESSAGE = length(2, strip=2, preset="dns")
A, TXT = 1, 16


def start(peer):
    port = peer.port()
    peer.start(
        "dnsmasq", "-k", "-C", "/dev/null", "-p", port, "--listen-address=127.0.0.1", "--bind-interfaces", "-h", "-R",
        "-n", "-u", "root", "--local=/test/", "--address=/host.test/192.0.2.7",
        "--txt-record=text.test," + ",".join(["y" * 200] * 9), "--pid-file=" + peer.path("pid"),
    )
    return "127.0.0.1:%d" % port


def query(number, name, kind):
    labels = b"".join(string(1, label) for label in name.split(b"."))
    question = labels + b"\0" + be(kind, 2) + be(1, 2)
    return string(2, be(number, 2) + bytes.fromhex("01000001000000000000") + question)


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(query(1, b"host.test", A) + query(2, b"text.test", TXT) + query(3, b"none.test", A), MESSAGE, 3)
    answers = host, text, none = stream.receive_many(3, MESSAGE)
    peer.check([answer[:2] for answer in answers] == [be(1, 2), be(2, 2), be(3, 2)], "answers in their order")
    peer.check(host.endswith(bytes([192, 0, 2, 7])), "an address")
    peer.check(text.count(b"y" * 200) == 9, "a text of more than 512 bytes")
    peer.check(none[3] & 15 == 3, "no such name")
