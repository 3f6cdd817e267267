"""The loop of Python's Socket HOWTO: a struct for the length, sendall, and recv until all is there.

The command line is that of every peer (../peer.h).
"""

import json
import os
import platform
import resource
import socket
import struct
import sys
import time

HEAD = struct.Struct("!I")
SLOTS = 256


def make_bodies(size):
    """Bodies that differ, of which the sum of ../peer.h is known."""
    slots = max(1, min(SLOTS, 64 * 1024 // size))
    bodies = []
    for i in range(slots):
        body = bytearray(b"\x01") * size
        body[0], body[-1] = i % 256, ~i % 256
        bodies.append(bytes(body))
    return bodies


def sum_of(body):
    return len(body) << 16 | body[0] << 8 | body[-1]


class Stream:
    """Messages on a socket."""

    def __init__(self, fd, size):
        self.socket = socket.socket(fileno=fd)
        self.bodies = make_bodies(size)
        self.next = 0
        self.sent = self.received = 0

    def say(self, body):
        self.socket.sendall(HEAD.pack(len(body)))
        self.socket.sendall(body)

    def say_next(self):
        self.say(self.bodies[self.next])
        self.next = (self.next + 1) % len(self.bodies)

    def read(self, length):
        chunks = []
        while length > 0:
            chunk = self.socket.recv(min(length, 65536))
            if chunk == b"":
                raise RuntimeError("the stream ended early")
            chunks.append(chunk)
            length -= len(chunk)
        return b"".join(chunks)

    def hear(self):
        (length,) = HEAD.unpack(self.read(HEAD.size))
        body = self.read(length)
        self.received += sum_of(body)
        return body


def send(stream, count, took):
    for _ in range(count):
        stream.say_next()


def receive(stream, count, took):
    for _ in range(count):
        stream.hear()


def ping(stream, count, took):
    for _ in range(count):
        start = time.perf_counter()
        stream.say_next()
        stream.hear()
        took.append(time.perf_counter() - start)


def answer(stream, count, took):
    for _ in range(count):
        body = stream.hear()
        stream.sent += sum_of(body)
        stream.say(body)


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_minflt


def await_byte(pipe):
    if os.read(pipe, 1) == b"":
        raise RuntimeError("the receiver has failed")


def main(arguments):
    if arguments == ["version"]:
        print("Python", platform.python_version())
        return
    way, role, _, *numbers, work = arguments
    fd, go, done, size, count, warm = map(int, numbers)
    sends = role == "send"
    works = {"stream": (send, receive), "each": (send, receive), "ping": (ping, answer)}
    if way != "loop" or work not in works:
        sys.exit("no such way, or not for this work")
    do_work = works[work][0 if sends else 1]
    stream, took = Stream(fd, size), []

    do_work(stream, warm, took)
    took.clear()
    if sends:
        await_byte(go)
    cpu, faults = used()
    if not sends:
        os.write(go, b"x")
    start = time.perf_counter()
    do_work(stream, count, took)
    if sends:
        await_byte(done)
    seconds = time.perf_counter() - start
    after_cpu, after_faults = used()
    if not sends:
        os.write(done, b"x")

    if sends:
        all_of_them = warm + count
        sums = [sum_of(body) for body in stream.bodies]
        stream.sent = all_of_them // len(sums) * sum(sums) + sum(sums[: all_of_them % len(sums)])
    report = {
        "seconds": seconds,
        "cpu": after_cpu - cpu,
        "faults": after_faults - faults,
        "sent": stream.sent,
        "received": stream.received,
    }
    if took:
        took.sort()
        report.update(p50=took[count // 2] * 1e6, p99=took[count * 99 // 100] * 1e6)
    print(json.dumps(report))


main(sys.argv[1:])
