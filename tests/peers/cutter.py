"""Frames out of a stream, cut by fdwire and by the reference framer, who must agree on every one of them."""

import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../vectors"))

from framer import FrameError, Framer  # noqa: E402
from reference import Reference  # noqa: E402


WRONG = False  # to see that it is noticed: instead of the preset, a format whose frames are a byte too long


class Disagreement(Exception):
    """fdwire and the reference framer see other frames in the same bytes: one of them is wrong."""


def own(fmt):
    """The format by the preset that fdwire has for it, if it has one."""
    if WRONG:
        return {**fmt, "adjust": fmt.get("adjust", 0) + 1}
    return {"kind": "fdwire", "text": fmt["preset"]} if "preset" in fmt else fmt


class Cutter:
    """One stream, whose format may change between frames. Each is cut by the reference framer, by fdwire from the same
    description, and by fdwire's preset."""

    def __init__(self):
        self.reference, self.described, self.preset = Reference(), Framer(), Framer()
        self.stream, self.frames = bytearray(), []

    def feed(self, data):
        self.stream += data
        for framer in self.reference, self.described, self.preset:
            framer.feed(data)

    def rest(self):
        return self.reference.rest()

    def next(self, fmt):
        """The next frame, without the parts that its format strips; None until it is there."""
        expected = attempt(self.reference, fmt)
        for what, framer, given in ("as described", self.described, fmt), ("by preset", self.preset, own(fmt)):
            got = attempt(framer, given)
            # What a preset delivers is all of the frame.
            if got[0] != expected[0] or framer is self.described and got != expected:
                raise Disagreement(
                    "%s, fdwire says %s, the reference %s, of %s" % (what, show(got), show(expected), fmt)
                )
        raw, frame = expected
        if isinstance(raw, str):
            raise FrameError(raw)
        if frame is not None:
            self.frames.append((fmt, raw))
        return frame

    def cut_again(self):
        """No cut of the stream may change a frame: byte by byte, as far as that does not take long; at random."""
        dice = random.Random(len(self.stream))
        for size_at in (lambda at: 1 if at < 65536 else 1 << 20), (lambda at: dice.randint(1, 3000 + at // 4)):
            framer, pieces = Framer(), self.pieces(size_at)
            for fmt, expected in self.frames:
                while framer.next(own(fmt)) is None:
                    piece = next(pieces, None)
                    if piece is None:
                        raise Disagreement("cut elsewhere, this frame is not there: %s" % expected[:80].hex())
                    framer.feed(piece)
                if framer.last_raw != expected:
                    got = framer.last_raw
                    raise Disagreement("cut elsewhere, %s is %s" % (expected[:80].hex(), got[:80].hex()))

    def pieces(self, size_at):
        at = 0
        while at < len(self.stream):
            size = size_at(at)
            yield self.stream[at : at + size]
            at += size


def attempt(framer, fmt):
    """The whole frame, and what is delivered of it; None and None; or what kind of error it is, and None."""
    try:
        frame = framer.next(fmt)
    except FrameError as error:
        return error.kind, None
    return (None, None) if frame is None else (framer.last_raw, frame)


def show(outcome):
    raw, frame = outcome
    if frame is None:
        return raw or "nothing yet"
    return "%d bytes, %s" % (len(raw), frame[:60].hex())
