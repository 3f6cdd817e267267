"""netstrings, cut and made by the npm package netstring, over pipes."""

from needs import NODE_MODULES, Debian, Npm
from wire import digits

NEEDS = [Debian("nodejs", "node"), Npm("netstring", "0.3.0")]
IN_CI = True

NETSTRING = digits(
    10, term=b":".hex(), trailer=b",".hex(), leading_zero=False, max=99999, max_of="value", strip="header",
    preset="netstring",
)

SERVER = """
const netstring = require(process.argv[2] + '/netstring');
let bytes = Buffer.alloc(0);
process.stdin.on('data', more => {
  bytes = Buffer.concat([bytes, more]);
  for (;;) {
    const length = netstring.nsLength(bytes);
    if (length < 0 || bytes.length < length) break;
    const payload = netstring.nsPayload(bytes.slice(0, length));
    process.stdout.write(netstring.nsWrite(Buffer.from(payload).reverse()));
    bytes = bytes.slice(length);
  }
});
"""


def start(peer):
    return peer.start("node", peer.write("server.js", SERVER), NODE_MODULES, pipes=True)


def talk(peer, pipes):
    stream = peer.connect(pipes)
    bodies = [b"a", b"3:abc,", b"x" * 99998 + b"y"]
    stream.send(b"".join(b"%d:%s," % (len(body), body) for body in bodies), NETSTRING, len(bodies))
    for body in bodies:
        peer.check(stream.receive(NETSTRING) == body[::-1], "%d bytes come back reversed" % len(body))
