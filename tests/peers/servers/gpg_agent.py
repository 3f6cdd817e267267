"""gpg-agent, Assuan: lines of at most 1000 bytes."""

from needs import Debian
from wire import delimited

NEEDS = [Debian("gpg-agent")]
IN_CI = True

LINE = delimited(b"\n", strip=True, max=1000, preset="assuan")


def start(peer):
    home = peer.folder_in("home", 0o700)
    peer.start("gpg-agent", "--homedir", home, "--no-detach", "--daemon")
    return "unix:%s/S.gpg-agent" % home


def talk(peer, address):
    stream = peer.connect(address)
    peer.check(stream.receive(LINE).startswith(b"OK Pleased to meet you"), "it is pleased")
    stream.send(b"GETINFO version\nNOP\nBOGUS\nGETINFO pid\n", LINE, 4)
    for begins in b"D 2.", b"OK", b"OK", b"ERR ", b"D ", b"OK":
        peer.check(stream.receive(LINE).startswith(begins), "the answer begins with %r" % begins)
    stream.send(b"NOP " + b"x" * 980 + b"\n", LINE)
    peer.check(stream.receive(LINE).startswith((b"OK", b"ERR")), "a long line is one")
    stream.send(b"#" + b"x" * 1100 + b"\n")
    stream.expect_end()  # it hangs up on one that is too long
