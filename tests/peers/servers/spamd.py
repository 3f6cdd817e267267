"""spamd, SPAMC: header lines as in mail, of which one says how long the body is; a PING has a line for an answer."""

from needs import Debian
from wire import delimited, headers

NEEDS = [Debian("spamd")]
IN_CI = False

MESSAGE = headers("Content-length", missing="zero", max=1 << 20, preset="spamd")
LINE = delimited(b"\r\n", strip=True)

RULES = """
loadplugin Mail::SpamAssassin::Plugin::Check
body WIRE /wiretest/
score WIRE 9
required_score 5
use_bayes 0
"""


def start(peer):
    port = peer.port()
    peer.write("rules/rules.cf", RULES)
    rules = peer.path("rules")
    peer.start(
        "spamd", "-i", "127.0.0.1", "-p", port, "-m", 1, "--min-children=1", "-L", "-x", "-C", rules,
        "--siteconfigpath=" + rules, "-H", peer.folder, "-u", "nobody", "-s", "stderr", "-r", peer.path("pid"),
    )
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(b"PING SPAMC/1.5\r\n\r\n", MESSAGE)
    peer.check(stream.receive(LINE).endswith(b" 0 PONG"), "a ping is answered")
    stream = peer.connect(address)
    mail = b"Subject: x\r\n\r\nthis is wiretest\r\n" + b"l\r\n" * 2000
    stream.send(b"PROCESS SPAMC/1.5\r\nContent-length: %d\r\n\r\n%s" % (len(mail), mail), MESSAGE)
    head, _, body = stream.receive(MESSAGE).partition(b"\r\n\r\n")
    peer.check(b"Spam: True" in head and b"this is wiretest" in body, "the verdict, and the mail")
