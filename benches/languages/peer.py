"""One end of the streams of compare.py, in Python: peer.py send|receive, and orders on standard input.

A message is a 4-byte big-endian length and a body. An order is "FD CONTESTANT SIZE SECONDS": the sender sends bodies of that
size for so long, then an empty one; the receiver receives until that, and looks at each byte if SECONDS is 0, for which
each body is sent once. Both then say how many messages that were, when they began and ended, and their CPU time, in ns.
"""

import fdwire
import socket
import struct
import sys
import time

BATCH = 256 * fdwire.KIB
HEAD = struct.Struct("!I")


class Loop:
    """As the Socket HOWTO has it: a call to send a message, two or more to receive one."""

    def __init__(self, sock):
        self.sock = sock

    def send(self, bodies):
        for body in bodies:
            self.sock.sendall(HEAD.pack(len(body)) + body)

    def flush(self):
        pass

    def receive(self):
        (length,) = HEAD.unpack(self.exactly(4))
        return [self.exactly(length)]

    def exactly(self, length):
        first = self.sock.recv(length) if length > 0 else b""
        if len(first) == length:
            return first
        bytes = bytearray(length)
        bytes[: len(first)] = first
        rest = memoryview(bytes)[len(first) :]
        while rest:
            rest = rest[self.sock.recv_into(rest) :]
        return bytes


class File(Loop):
    """Python's own buffers."""

    def __init__(self, sock):
        self.input, self.output = sock.makefile("rb", BATCH), sock.makefile("wb", BATCH)
        self.exactly = self.input.read

    def send(self, bodies):
        write, pack = self.output.write, HEAD.pack
        for body in bodies:
            write(pack(len(body)))
            write(body)

    def flush(self):
        self.output.flush()


class Batch(Loop):
    """Many messages to a system call, taken apart by hand."""

    rest = b""

    def send(self, bodies):
        pack = HEAD.pack
        self.sock.sendall(b"".join([part for body in bodies for part in (pack(len(body)), body)]))

    def receive(self):
        bodies, head = [], HEAD.unpack_from
        while not bodies:
            bytes = self.rest + self.sock.recv(BATCH)
            at, last = 0, len(bytes) - 4
            while at <= last:
                end = at + 4 + head(bytes, at)[0]
                if end > last + 4:
                    break
                bodies.append(bytes[at + 4 : end])
                at = end
            self.rest = bytes[at:]
        return bodies


class One:
    """fdwire, a call a message."""

    def __init__(self, sock):
        self.conn = fdwire.Connection(sock)
        self.conn.set(fdwire.ONE_THREAD, fdwire.BOTH)
        self.conn.set(fdwire.BATCH, BATCH)

    def send(self, bodies):
        for body in bodies:
            self.conn.send(body)

    def flush(self):
        self.conn.flush()

    def receive(self):
        return [self.conn.recv()]


class Many(One):
    """fdwire, many messages a call, a struct for each."""

    def send(self, bodies):
        self.conn.send_many(bodies)

    def receive(self):
        return self.conn.recv_many()


class Packed(One):
    """fdwire, many messages a call, packed."""

    def send(self, bodies):
        self.conn.send_packed(bodies)

    def receive(self):
        return self.conn.recv_packed()


CONTESTANTS = {"loop": Loop, "file": File, "batch": Batch, "one": One, "many": Many, "packed": Packed}


def bodies_of(size):
    """As many as make a batch, of which no two neighbours are alike."""
    count = max(1, min(fdwire.MOST, BATCH // size))
    bytes = (b"%08x" * 2 % (size, count) * (size // 16 + 1 + count))[: size + count]
    return [bytes[at : at + size] for at in range(count)]


def send(contestant, size, seconds):
    bodies, messages, begin = bodies_of(size), 0, time.time_ns()
    end = time.monotonic() + seconds
    while True:
        contestant.send(bodies)
        messages += len(bodies)
        if time.monotonic() >= end:
            break
    contestant.send([b""])
    contestant.flush()
    return messages, begin, time.time_ns()


def receive(contestant, size, seconds):
    messages, bytes, begin, received = 0, 0, time.time_ns(), []
    while True:
        bodies = contestant.receive()
        messages += len(bodies)
        bytes += sum(map(len, bodies))
        if seconds == 0:
            received += bodies
        if not bodies[-1]:
            break
    if seconds == 0 and received != bodies_of(size) + [b""] or bytes != size * (messages - 1):
        raise ValueError("these are not the messages that were sent")
    return messages - 1, begin, time.time_ns()


def main(role):
    open_ends = {}
    for line in sys.stdin:
        fd, name, size, seconds = line.split()
        if fd not in open_ends:
            open_ends[fd] = CONTESTANTS[name](socket.socket(fileno=int(fd)))
        cpu = time.process_time_ns()
        did = role(open_ends[fd], int(size), float(seconds))
        print(*did, time.process_time_ns() - cpu, flush=True)


if __name__ == "__main__":
    main({"send": send, "receive": receive}[sys.argv[1]])
