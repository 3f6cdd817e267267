"""rsyslog: a message behind its length in digits; or a line, if it does not begin with a digit."""

from needs import Debian
from wire import case, delimited, digits, select

NEEDS = [Debian("rsyslog", "rsyslogd")]
IN_CI = True

COUNTED = digits(10, term=b" ".hex(), leading_zero=False, max=20000)
MESSAGE = select(case(0x30, COUNTED, 0x39), default=delimited(b"\n", max=20000), preset="syslog")

CONFIGURATION = """
global(workDirectory="%(folder)s" maxMessageSize="20k")
module(load="imptcp")
input(type="imptcp" address="127.0.0.1" port="%(port)d")
template(name="raw" type="string" string="%%rawmsg:::json%%\\n")
*.* action(type="omfile" file="%(folder)s/received" template="raw")
"""


def start(peer):
    port = peer.port()
    conf = peer.write("conf", CONFIGURATION % {"folder": peer.folder, "port": port})
    peer.start("rsyslogd", "-n", "-f", conf, "-i", peer.path("pid"))
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)
    lines, long = b"<34>1 - h a - - - one\nwith a line end", b"<34>1 - h a - - - " + b"L" * 9000
    messages = b"%d %s%d %s<13>plain line\n%d %s" % (len(lines), lines, len(long), long, len(lines), lines)
    stream.send(messages, MESSAGE, 4)
    peer.wait(lambda: peer.read("received").count(b"\n") >= 4, "it to write four messages")
    escaped = lines.replace(b"\n", b"#012")
    received = peer.read("received").splitlines()
    peer.check(received == [escaped, long, b"<13>plain line", escaped], "as they were sent")
