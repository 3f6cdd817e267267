"""Node's inspector, WebSocket: a length of 7 bits, or of 16 or 64 behind them; and 4 bytes more where a bit says so."""

import base64
import json
import os
import re

from needs import Debian
from wire import be, case, delimited, headers, length, select

NEEDS = [Debian("nodejs", "node")]
IN_CI = True


def cases(masked):
    """A client masks what it sends, with a key behind the length."""
    key, bit = (4, 0x80) if masked else (0, 0)
    return [
        case(bit, length(1, at=1, mask=0x7F, adjust=key), bit | 125),
        case(bit | 126, length(2, at=2, adjust=key)),
        case(bit | 127, length(8, at=2, adjust=key, max=1 << 27)),
    ]


FRAME = select(*cases(False), *cases(True), at=1, preset="websocket")
HTTP = delimited(b"\r\n\r\n", max=8192)


def start(peer):
    port = peer.port()
    script = peer.write("idle.js", "setTimeout(() => {}, 90000)")
    peer.start("node", "--inspect=127.0.0.1:%d" % port, script)
    return "127.0.0.1:%d" % port


def masked(opcode, body):
    key, size = os.urandom(4), len(body)
    if size < 126:
        said = bytes([0x80 | size])
    elif size < 65536:
        said = bytes([0x80 | 126]) + be(size, 2)
    else:
        said = bytes([0x80 | 127]) + be(size, 8)
    return bytes([0x80 | opcode]) + said + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(body))


def payload(frame):
    return frame[{126: 4, 127: 10}.get(frame[1], 2):]


def upgrade(peer, address):
    asking = peer.connect(address)
    asking.send(b"GET /json/list HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    number = re.search(rb'"id": "([^"]+)"', asking.receive(headers())).group(1)
    stream = peer.connect(address)
    request = (
        b"GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (number, base64.b64encode(os.urandom(16)))
    )
    stream.send(request, HTTP)
    peer.check(stream.receive(HTTP).startswith(b"HTTP/1.1 101"), "from now on it is a WebSocket")
    return stream


def talk(peer, address):
    stream = upgrade(peer, address)
    for number, size in (1, 5), (2, 300), (3, 70000):
        expression = "'y'.repeat(%d) /* %s */" % (size, "z" * (size // 2))
        request = {"id": number, "method": "Runtime.evaluate", "params": {"expression": expression}}
        stream.send(masked(1, json.dumps(request).encode()), FRAME)
        frame = stream.receive(FRAME)
        answer = json.loads(payload(frame))
        peer.check(answer["id"] == number and answer["result"]["result"]["value"] == "y" * size, "%d times y" % size)
    peer.check(frame[1] == 127, "behind a length of 64 bits")
    stream.send(masked(8, be(1000, 2)), FRAME)
