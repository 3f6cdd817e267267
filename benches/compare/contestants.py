"""Who is compared, in which works, at which sizes, and with whom."""

from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024

SIZES = {
    "16": 16,
    "64": 64,
    "256": 256,
    "1K": KIB,
    "4K": 4 * KIB,
    "16K": 16 * KIB,
    "64K": 64 * KIB,
    "1M": MIB,
    "16M": 16 * MIB,
}
SHORT_SIZES = ("16", "1K", "64K")
TRANSPORTS = ("tcp", "unix")

# A work: the smallest and the largest size for which it is worth while.
WORKS = {
    "stream": (16, 16 * MIB),  # as many messages as go, in one direction
    "each": (16, 16 * KIB),  # the same, but each is to arrive at once
    "echo": (16, KIB),  # there and back, 128 of them under way, so that all fit into the sockets' buffers
    "ping": (64, 64),  # there and back, one at a time
}

# Whom the others of a work are held against. They take part in every run.
REFERENCE = {"stream": "c-batch", "each": "c-now", "echo": "c-batch", "ping": "c-now"}
LIMITS = ("raw-64k", "raw-256k")


@dataclass(frozen=True)
class Contestant:
    """A peer's program in one of its ways."""

    name: str
    title: str
    peer: str
    way: str
    works: tuple = ("stream",)
    least: int = 0
    most: int = 16 * MIB
    transports: tuple = TRANSPORTS
    endpoint: str = "stream"  # a connected socket; or "packets", or "url"
    on_one_core: bool = False  # whether its latency is measured there too

    def takes_part(self, group):
        return (
            group.work in self.works
            and self.least <= group.size <= self.most
            and group.transport in self.transports
            and (group.cores == 2 or self.on_one_core)
        )


ALL_WORKS = tuple(WORKS)
COPIED = 2 * KIB  # above it, fdwire and the C refer to bodies where they are

CONTESTANTS = (
    Contestant("raw-64k", "raw bytes, 64 KiB a call", "by_hand", "bytes-64k"),
    Contestant("raw-256k", "raw bytes, 256 KiB a call", "by_hand", "bytes-256k"),
    Contestant("c-batch", "C: batches of 256 KiB, parsed in place", "by_hand", "batch", ("stream", "echo")),
    Contestant("c-batch-1m", "C: batches of 1 MiB, parsed in place", "by_hand", "batch-1m"),
    Contestant("c-gather", "C: bodies gathered, parsed in place", "by_hand", "gather", least=COPIED + 1),
    Contestant("c-straight", "C: bodies gathered, read straight to their place", "by_hand", "straight", least=64 * KIB),
    Contestant(
        "c-now", "C: one send, buffered recv", "by_hand", "now", ("each", "echo", "ping"), on_one_core=True
    ),
    Contestant("c-spin", "C: spinning for 50 µs", "by_hand", "spin", ("ping",), on_one_core=True),
    Contestant("c-writev", "C: writev, two recv", "by_hand", "writev", ("stream", "each", "ping")),
    Contestant("c-loop", "C: plain loop, two send, two recv", "by_hand", "loop", ("stream", "each", "ping")),
    Contestant("fdwire-many", "fdwire: 256 a call", "fdwire", "many"),
    Contestant("fdwire-many-1", "fdwire: 256 a call, one thread", "fdwire", "many-1"),
    Contestant("fdwire-queue", "fdwire: queued in vectors", "fdwire", "queue"),
    Contestant("fdwire-one", "fdwire: one a call", "fdwire", "one", ALL_WORKS, on_one_core=True),
    Contestant("fdwire-one-1", "fdwire: one a call, one thread", "fdwire", "one-1", ALL_WORKS, on_one_core=True),
    Contestant("fdwire-into", "fdwire: one a call, copied out", "fdwire", "into"),
    Contestant("fdwire-into-1", "fdwire: one a call, copied out, one thread", "fdwire", "into-1"),
    Contestant("fdwire-spin", "fdwire: spinning for 50 µs", "fdwire", "spin", ("ping",), on_one_core=True),
    Contestant("stdio", "C: stdio, 64 KiB", "stdio", "64k", ("stream", "each", "ping")),
    Contestant(
        "seqpacket",
        "Unix seqpacket",
        "seqpacket",
        "packets",
        ("stream", "each", "ping"),
        most=64 * KIB,
        transports=("unix",),
        endpoint="packets",
    ),
    Contestant("zmq", "ZeroMQ, PAIR", "zmq", "pair", ALL_WORKS, endpoint="url"),
    Contestant("nng", "nng, pair0", "nng", "pair", ALL_WORKS, endpoint="url"),
    Contestant("libevent", "libevent, bufferevent", "libevent", "bufferevent", ("stream", "echo", "ping")),
    Contestant("tokio", "tokio-util, its own buffers", "rust", "codec", ("stream", "each", "ping")),
    Contestant("tokio-big", "tokio-util, 256 KiB", "rust", "codec-big"),
    Contestant("rust-std", "Rust std, 64 KiB", "rust", "buffered", ALL_WORKS),
    Contestant("go", "Go bufio, 64 KiB", "go", "bufio", ALL_WORKS),
    Contestant("python", "Python, the HOWTO's loop", "python", "loop", ("stream", "each", "ping")),
)
BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}


@dataclass(frozen=True, order=True)
class Group:
    """What is measured together, in alternating rounds."""

    work: str
    transport: str
    size: int
    cores: int = 2

    def contestants(self):
        return [c for c in CONTESTANTS if c.takes_part(self)]

    def __str__(self):
        where = "" if self.cores == 2 else ", one core"
        return f"{self.work}, {self.transport}, {size_name(self.size)}{where}"


def size_name(size):
    return next((name for name, value in SIZES.items() if value == size), str(size))


def groups(works, transports, sizes):
    """In the order in which they are measured and shown."""
    for work in works:
        least, most = WORKS[work]
        for transport in transports:
            if work == "ping":
                yield Group(work, transport, least)
                yield Group(work, transport, least, cores=1)
                continue
            for size in sizes:
                if least <= size <= most:
                    yield Group(work, transport, size)
