"""openssl s_server, TLS records: a length at 3. All else is done in memory, by Python's ssl: only records are sent."""

import os
import ssl

from needs import Debian
from wire import length

NEEDS = [Debian("openssl")]
IN_CI = True

RECORD = length(2, at=3, max=5 + 16384 + 256, preset="tls-record")
HANDSHAKE, APPLICATION = 22, 23


def start(peer):
    key, certificate = peer.path("key"), peer.path("certificate")
    peer.run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
        "-out", certificate, "-subj", "/CN=x", "-days", 2,
    )
    port = peer.port()
    peer.start(
        "openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-key", key, "-cert", certificate, "-rev", "-quiet"
    )
    return "127.0.0.1:%d" % port


class Session:
    def __init__(self, stream):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.stream, self.kinds = stream, []
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing)

    def flush(self):
        records = self.outgoing.read()
        while records:
            size = 5 + int.from_bytes(records[3:5], "big")
            self.stream.send(records[:size], RECORD)
            records = records[size:]

    def step(self, action):
        """Does what the action takes: sends what it wrote, and receives records until it has all."""
        while True:
            try:
                result = action()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                record = self.stream.receive(RECORD)
                self.kinds.append(record[0])
                self.incoming.write(record)


def talk(peer, address):
    session = Session(peer.connect(address))
    session.step(session.tls.do_handshake)
    peer.check(session.kinds[0] == HANDSHAKE and APPLICATION in session.kinds, "a handshake")
    for size in 1, 4000, 15000:
        text = os.urandom(size).hex().encode()[:size]
        session.step(lambda: session.tls.write(text + b"\n"))
        answer = b""
        while len(answer) < size + 1:
            answer += session.step(lambda: session.tls.read(40000))
        peer.check(answer == text[::-1] + b"\n", "a line of %d bytes comes back reversed" % size)
