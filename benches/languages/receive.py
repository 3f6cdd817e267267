#!/usr/bin/env python3
"""What receiving a message costs in Python, by the plain loop and through fdwire, and where the time goes.

    FDWIRE_LIBRARY=target/release/libfdwire.so receive.py [--rounds N] [--least TIMES]

Bodies of 64 bytes over a Unix socket pair, from a process that only writes. All contestants in alternating rounds:
medians, and each ratio is the median of those within a round. With --least it fails if packed messages are not received
so many times as fast as by the loop, or if more than a fifth of the time of many, where Python makes an object of each
message, is not Python's own: that differs from Python to Python, and makes many 2 to 5 times as fast as the loop.
"""

import argparse
import ctypes
import os
import peer
import random
import signal
import socket
import statistics
import sys
import time

SIZE, MESSAGES = 64, 1 << 15  # of a round
FRAME = 4 + SIZE


def bodies():
    """No two neighbours alike."""
    return [b"%08x" % i * (SIZE // 8) for i in range(MESSAGES)]


# The contestants: each receives some, and says how many


class Kernel:
    """Bytes as they come: less no one can do."""

    def __init__(self, sock):
        self.sock, self.room = sock, bytearray(peer.BATCH)
        self.bytes = 0

    def receive(self):
        before = self.bytes // FRAME
        self.bytes += self.sock.recv_into(self.room)
        return range(self.bytes // FRAME - before)


class CallMany(peer.Many):
    """recv_many, and the messages are left where they lie."""

    def receive(self):
        conn = self.conn
        peer.fdwire.check(peer.fdwire.library.fdwire_conn_recv_many(
            conn.conn, conn.msgs, peer.fdwire.MOST, ctypes.byref(conn.count), -1))
        return range(conn.count.value)


class CallPacked(peer.Packed):
    """recv_packed, and the bodies are left where they lie."""

    def receive(self):
        peer.fdwire.check(self.conn.receive_packed(-1))
        return range(self.conn.count.value)


CONTESTANTS = {
    "loop": (peer.Loop, "plain loop: recv of 4 bytes, struct, recv of the body"),
    "batch": (peer.Batch, "recv of 256 KiB, taken apart by unpack_from and slices"),
    "many": (peer.Many, "fdwire, recv_many and string_at"),
    "packed": (peer.Packed, "fdwire, recv_packed and BytesIO.read"),
    "kernel": (Kernel, "recv_into alone, of 256 KiB"),
    "call many": (CallMany, "recv_many alone"),
    "call packed": (CallPacked, "recv_packed alone"),
}
PARTS = {"many": "call many", "packed": "call packed"}  # what is taken apart, and the call alone


# The rounds


def write_all(orders, socks):
    """The sender: for each order the messages of a round, on the socket with that number."""
    frames = b"".join(peer.HEAD.pack(len(body)) + body for body in bodies())
    while order := orders.read(1):
        socks[order[0]].sendall(frames)


def start_sender(socks):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        try:
            write_all(open(read, "rb", buffering=0), socks)
        finally:
            os._exit(0)
    os.close(read)
    return child, write


def receive(contestant, keep):
    """How long it took, and the processor's time, in ns a message; and what came, if it is to be kept."""
    received, count = [], 0
    begin, cpu = time.perf_counter_ns(), time.process_time_ns()
    while count < MESSAGES:
        some = contestant.receive()
        count += len(some)
        if keep:
            received += some
    return (time.perf_counter_ns() - begin) / MESSAGES, (time.process_time_ns() - cpu) / MESSAGES, received


def run(rounds):
    pairs = [socket.socketpair() for _ in CONTESTANTS]
    child, orders = start_sender([theirs for _, theirs in pairs])
    signal.alarm(600)
    contestants = {name: make(ours) for (name, (make, _)), (ours, _) in zip(CONTESTANTS.items(), pairs)}
    expected, results = bodies(), {name: [] for name in CONTESTANTS}
    for turn in range(rounds + 1):  # the first, in which everything is looked at, does not count
        for number, name in random.sample(list(enumerate(CONTESTANTS)), len(CONTESTANTS)):
            os.write(orders, bytes([number]))
            *took, received = receive(contestants[name], turn == 0)
            if turn > 0:
                results[name].append(took)
            elif name in ("loop", "batch", "many", "packed") and received != expected:
                sys.exit(f"receive.py: {name}: these are not the messages that were sent")
    os.close(orders)
    os.waitpid(child, 0)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--least", type=float, default=0)
    options = parser.parse_args()
    results = run(options.rounds)
    cpu = {name: statistics.median(cpu for _, cpu in took) for name, took in results.items()}
    ratios = {
        name: sorted(loop / mine for (mine, _), (loop, _) in zip(took, results["loop"]))
        for name, took in results.items()
    }
    for name, (_, what) in CONTESTANTS.items():
        rate = 1e3 / statistics.median(wall for wall, _ in results[name])
        times, low, high = statistics.median(ratios[name]), ratios[name][0], ratios[name][-1]
        print(f"{what:55} {rate:6.2f} M/s  {times:5.1f} ({low:.1f}-{high:.1f}) times the loop  {cpu[name]:5.0f} ns")
    for name, call in PARTS.items():
        print(
            f"{name}: {cpu[name]:.0f} ns of the processor's time a message: {cpu['kernel']:.0f} in the kernel, "
            f"{cpu[call] - cpu['kernel']:.0f} for the call and fdwire, {cpu[name] - cpu[call]:.0f} in Python"
        )
    if statistics.median(ratios["packed"]) < options.least:
        sys.exit(f"receive.py: packed is not {options.least:g} times as fast as the loop")
    if options.least and cpu[PARTS["many"]] > cpu["many"] / 5:
        sys.exit("receive.py: many spends its time elsewhere than in Python")


if __name__ == "__main__":
    main()
