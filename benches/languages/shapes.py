"""Which shape packed messages should have for Python: nanoseconds a message to take it apart, and to make it.

Bodies of 64 bytes, 256 a call. Beside lengths: where each body ends; and memory that is lent instead of copied to, in which
heads lie between the bodies, so that it takes where each begins and ends.
"""

import ctypes
import io
import itertools
import time
from array import array

COUNT, SIZE, HEAD = 256, 64, 4


def best(work, runs=100, times=20):
    """Of some runs, as nothing but this slows it down."""
    took = []
    for _ in range(runs):
        begin = time.perf_counter()
        for _ in range(times):
            work()
        took.append(time.perf_counter() - begin)
    return min(took) / times / COUNT * 1e9


def measure():
    bodies = [b"%0*d" % (SIZE, i) for i in range(COUNT)]
    lens = array("L", map(len, bodies))
    ends = array("L", itertools.accumulate(lens))
    frames = b"".join(b"head" + body for body in bodies)
    lent = ctypes.create_string_buffer(frames, len(frames))
    starts = [i * (HEAD + SIZE) + HEAD for i in range(COUNT)]
    bounds = array("L", itertools.chain.from_iterable((start, start + SIZE) for start in starts))
    copied = io.BytesIO(b"".join(bodies))
    view = copied.getbuffer()

    def by_lengths():
        copied.seek(0)
        return list(map(copied.read, lens[:COUNT]))

    def by_ends():
        all, start, taken = bytes(view), 0, []
        for end in ends[:COUNT]:
            taken.append(all[start:end])
            start = end
        return taken

    def from_lent_memory():
        all, both = ctypes.string_at(lent, len(frames)), bounds[: 2 * COUNT].tolist()
        return [all[start:end] for start, end in zip(both[::2], both[1::2])]

    def to_lengths():
        return b"".join(bodies), array("L", map(len, bodies))

    def to_ends():
        return b"".join(bodies), array("L", itertools.accumulate(map(len, bodies)))

    for apart in by_lengths, by_ends, from_lent_memory:
        if apart() != bodies:
            raise ValueError(f"{apart.__name__}: these are not the bodies")
    return {work.__name__: best(work) for work in (by_lengths, by_ends, from_lent_memory, to_lengths, to_ends)}


if __name__ == "__main__":
    for name, nanoseconds in measure().items():
        print(f"{name:20} {nanoseconds:5.0f} ns a message")
