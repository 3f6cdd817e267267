"""A connection to a peer, whose frames are cut by a Cutter in both directions."""

import os
import select
import socket
import time

from cutter import Cutter

SECONDS = 20  # in which any peer answers, on a busy machine too


class Failure(Exception):
    """The peer is not what it should be, or does not do what it should."""


class Stream:
    def __init__(self, ends):
        self.ends, self.cutter, self.sent = ends, Cutter(), 0

    def send(self, data, fmt=None, count=1):
        """With a format: the bytes are so many whole frames of it, as all framers see it."""
        if fmt is not None:
            cutter = Cutter()
            cutter.feed(data)
            for _ in range(count):
                if cutter.next(fmt) is None:
                    raise Failure("what is to be sent is no whole frame: %s" % data[:64].hex())
            if cutter.rest():
                raise Failure("what is to be sent leaves bytes over: %s" % cutter.rest()[:64].hex())
            self.sent += count
        self.ends.settimeout(SECONDS)
        self.ends.sendall(data)

    def receive(self, fmt, seconds=SECONDS):
        """The next frame, without the parts that its format strips."""
        end = time.monotonic() + seconds
        while True:
            frame = self.cutter.next(fmt)
            if frame is not None:
                return frame
            data = self.read(end)
            if not data:
                raise Failure("the peer has closed, with %s left" % (self.cutter.rest()[:80].hex() or "nothing"))
            self.cutter.feed(data)

    def receive_many(self, count, fmt):
        return [self.receive(fmt) for _ in range(count)]

    def receive_until_end(self, fmt):
        """The frames that still come before the peer closes."""
        frames, end = [], time.monotonic() + SECONDS
        while True:
            frames.extend(iter(lambda: self.cutter.next(fmt), None))
            data = self.read(end)
            if not data:
                return frames
            self.cutter.feed(data)

    def expect_end(self):
        """The peer closes, and nothing comes before that."""
        data = self.cutter.rest() + self.read(time.monotonic() + SECONDS)
        if data:
            raise Failure("there should be no more, but there is %s" % data[:80].hex())

    def read(self, end):
        """Some bytes; none at the end of the stream, be it broken off."""
        left = end - time.monotonic()
        try:
            self.ends.settimeout(max(left, 0.001))
            return self.ends.recv(65536)
        except socket.timeout:
            raise Failure("nothing came in time; there is %s" % (self.cutter.rest()[:80].hex() or "nothing")) from None
        except ConnectionResetError:
            return b""

    def close(self):
        self.ends.close()


class PipeEnds:
    """The pipes of a process, with as much of a socket as a Stream needs."""

    def __init__(self, process):
        self.process, self.seconds = process, None

    def settimeout(self, seconds):
        self.seconds = seconds

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self.process.stdin.write(view):]

    def recv(self, size):
        if not select.select([self.process.stdout], [], [], self.seconds)[0]:
            raise socket.timeout()
        return os.read(self.process.stdout.fileno(), size)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
