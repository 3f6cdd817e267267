"""nghttpd, HTTP/2: a length of 3 bytes and 6 more of head; a payload has at most 16 KiB unless more was agreed on."""

from needs import Debian
from wire import be, fixed, length

NEEDS = [Debian("nghttp2-server", "nghttpd")]
IN_CI = True

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME = length(3, adjust=6, max=9 + 16384, preset="http2")
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
FRAME_SIZE_ERROR = 6


def start(peer):
    peer.write("www/big", b"B" * 40000)
    peer.write("www/huge", b"H" * 1000000)
    port = peer.port()
    peer.start("nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", peer.path("www"), port)
    return "127.0.0.1:%d" % port


def frame(kind, flags, number, payload=b""):
    return be(len(payload), 3) + bytes([kind, flags]) + be(number, 4) + payload


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(PREFACE, fixed(24))
    get_big = b"\x82\x86\x04\4/big\x01\1x"  # HPACK: method, scheme, path and authority
    stream.send(frame(SETTINGS, 0, 0) + frame(PING, 0, 0, b"12345678") + frame(HEADERS, 5, 1, get_big), FRAME, 3)
    frames = []
    while not frames or frames[-1][3] != DATA or not frames[-1][4] & 1:
        frames.append(stream.receive(FRAME))
    kinds = [got[3] for got in frames]
    peer.check({SETTINGS, HEADERS, PING} <= set(kinds), "settings, headers, a ping")
    peer.check(not {RESET, GOAWAY} & set(kinds), "no complaint")
    peer.check(frame(PING, 1, 0, b"12345678") in frames, "the ping is answered")
    peer.check(b"".join(got[9:] for got in frames if got[3] == DATA) == b"B" * 40000, "the file")
    peer.check(kinds.count(DATA) >= 3, "in several frames")
    stream.send(frame(DATA, 0, 3, bytes(16385)))
    *_, last = stream.receive_until_end(FRAME)
    peer.check(last[3] == GOAWAY and last[13:17] == be(FRAME_SIZE_ERROR, 4), "a frame over 16 KiB is refused")
