#!/usr/bin/env python3
"""fdwire's decoder and encoder from Python, and the vectors in this folder run over them.

    python3 tests/vectors/framer.py [FILE.json ...]

runs every vector of the files, or of all files beside this one: the decoding ones at several cuts of their bytes. It
prints what fails, then "N passed, M failed", and exits with 1 if anything failed. With --texts it writes texts.json
instead, the texts of all formats, which other tests read. The library is the one that
FDWIRE_LIBRARY names, else target/release/libfdwire.so of this repository (cargo build --release); nothing else is
needed.

Framer is a class to build upon: bytes in, frames out, over ctypes. README.md says how the vectors describe a format;
translate() makes an fdwire format text of it.
"""

import ctypes
import functools
import glob
import json
import os
import random
import sys
from collections import namedtuple
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_void_p

HERE = os.path.dirname(os.path.abspath(__file__))


# The library

class Msg(ctypes.Structure):
    """struct fdwire_msg"""

    _fields_ = [
        ("head", c_void_p), ("body", c_void_p), ("head_len", c_size_t), ("body_len", c_size_t), ("tail_len", c_size_t),
    ]


PROTOTYPES = [
    # result, name, parameters
    (c_char_p, "error_name", c_int),
    (c_int, "format_new", c_char_p, POINTER(c_void_p), c_char_p, c_size_t),
    (c_int, "encode", c_void_p, POINTER(Msg), c_void_p, c_size_t, POINTER(c_size_t)),
    (c_int, "decoder_new", c_void_p, POINTER(c_void_p)),
    (None, "decoder_free", c_void_p),
    (c_int, "decoder_feed", c_void_p, c_char_p, c_size_t),
    (c_int, "decoder_next", c_void_p, POINTER(Msg)),
    (c_int, "decoder_finish", c_void_p),
    (c_int, "decoder_skip", c_void_p),
    (c_int, "decoder_set_format", c_void_p, c_void_p),
    (c_int, "decoder_unread", c_void_p, POINTER(c_void_p), POINTER(c_size_t)),
    (c_size_t, "decoder_needed", c_void_p),
    (c_size_t, "decoder_explain", c_void_p, c_char_p, c_size_t),
]


def load(path):
    """The library, with a prototype on every function used here: without one, ctypes cuts pointers down to int."""
    library = ctypes.CDLL(path)
    for result, name, *parameters in PROTOTYPES:
        function = getattr(library, "fdwire_" + name)
        function.restype, function.argtypes = result, parameters
    return library


fdwire = load(os.environ.get("FDWIRE_LIBRARY") or os.path.join(HERE, "../../target/release/libfdwire.so"))

TRUNCATED, MALFORMED, TOO_LONG = -5001, -5002, -5003
KINDS = {TRUNCATED: "eof_in_frame", MALFORMED: "corrupt", TOO_LONG: "too_long"}

if "FrameError" not in globals():  # whoever loads this file may bring an error class of their own

    class FrameError(Exception):
        """The stream is not what the format says; kind is one of KINDS."""

        def __init__(self, kind, msg=""):
            super().__init__(kind + (": " + msg if msg else ""))
            self.kind = kind


def check(result, why=lambda: ""):
    """The result, unless it is a failure."""
    if result in KINDS:
        raise FrameError(KINDS[result], why())
    if result < 0:
        raise OSError(fdwire.fdwire_error_name(result).decode())
    return result


@functools.lru_cache(maxsize=None)
def make_format(text):
    """fdwire_format_new, once for each text. Formats never change and are shared: these live as long as the process."""
    out, why = c_void_p(), ctypes.create_string_buffer(400)
    if fdwire.fdwire_format_new(text.encode(), byref(out), why, len(why)) < 0:
        raise ValueError("%s: %s" % (text, why.value.decode()))
    return out


class Framer:
    """Bytes in, frames out. Formats are those of the vectors, and may change between frames."""

    def __init__(self, fmt=None):
        self.fmt = fmt
        self.decoder = self.in_use = None
        self.undelivered = bytearray()
        self.last_raw = b""
        if fmt:
            self._use(fmt)

    def __del__(self):
        if self.decoder:
            fdwire.fdwire_decoder_free(self.decoder)

    def set_format(self, fmt):
        """The format of the frames to come."""
        self.fmt = fmt

    def feed(self, data):
        """More bytes of the stream."""
        self.undelivered += data
        if self.decoder:
            check(fdwire.fdwire_decoder_feed(self.decoder, bytes(data), len(data)))

    def next(self, fmt=None):
        """The next frame, without the parts that its format strips; None until it is there. last_raw has all of it."""
        self._use(fmt or self.fmt)
        msg = Msg()
        if check(fdwire.fdwire_decoder_next(self.decoder, byref(msg)), self.explain) == 0:
            return None
        # Head, body and tail lie one after the other. They are lent, so they are copied.
        self.last_raw = ctypes.string_at(msg.head, msg.head_len + msg.body_len + msg.tail_len)
        del self.undelivered[: len(self.last_raw)]
        start = msg.head_len if self.strip.head else 0
        end = len(self.last_raw) - (msg.tail_len if self.strip.tail else 0)
        return self.last_raw[start:end]

    def eof(self):
        """The stream ends here: an error inside a frame. Where the end makes a last frame, next has it."""
        self._use(self.fmt)
        check(fdwire.fdwire_decoder_finish(self.decoder), self.explain)

    def rest(self):
        """A copy of the bytes not delivered; after an error, from the bad frame on. What skip drops stays in it."""
        return bytes(self.undelivered)

    def skip(self):
        """After too_long: go on behind that frame."""
        check(fdwire.fdwire_decoder_skip(self.decoder))

    def needed(self):
        """How many bytes the next frame lacks at least."""
        return fdwire.fdwire_decoder_needed(self.decoder)

    def unread(self):
        """The bytes not delivered, as the decoder has them; it forgets them."""
        at, count = c_void_p(), c_size_t()
        check(fdwire.fdwire_decoder_unread(self.decoder, byref(at), byref(count)))
        return ctypes.string_at(at, count.value)

    def explain(self):
        """Where and why the stream broke."""
        text = ctypes.create_string_buffer(1000)
        fdwire.fdwire_decoder_explain(self.decoder, text, len(text))
        return text.value.decode("utf-8", "replace")

    def _use(self, fmt):
        if fmt == self.in_use:
            return
        text, self.strip = translate(fmt)
        if self.decoder:
            check(fdwire.fdwire_decoder_set_format(self.decoder, make_format(text)))
        else:
            decoder = c_void_p()
            check(fdwire.fdwire_decoder_new(make_format(text), byref(decoder)))
            self.decoder = decoder
            check(fdwire.fdwire_decoder_feed(decoder, bytes(self.undelivered), len(self.undelivered)))
        self.in_use = fmt


def encode(fmt, body):
    """The frame with this body and nothing of one's own in its head."""
    lent = ctypes.create_string_buffer(body, len(body) + 1)  # held here for as long as msg points to it
    msg = Msg(body=ctypes.addressof(lent), body_len=len(body))
    out, frame_len = ctypes.create_string_buffer(len(body) + 65536), c_size_t()
    check(fdwire.fdwire_encode(make_format(translate(fmt)[0]), byref(msg), out, len(out), byref(frame_len)))
    return out.raw[: frame_len.value]


# From a format of the vectors to a format text

Strip = namedtuple("Strip", "head tail")  # which parts of a frame are left out of what is delivered

UNLIMITED = "max=0x7fffffffffffffff"  # the vectors limit only what they say; fdwire would stop at 16M


def translate(fmt):
    """The text of a format, and the Strip of its frames."""
    return {
        "fixed": fixed, "len": binary, "text": digits, "varint": varint, "ber": ber,
        "delim": delimited, "headers": headers, "select": select, "fdwire": fdwire_text,
    }[fmt["kind"]](fmt)


def words(*settings):
    """One text of the settings that are not empty."""
    return " ".join(setting for setting in settings if setting)


def setting(key, value, default=0):
    return "" if value == default else "%s=%s" % (key, value)


def integer(value):
    return int(value, 0) if isinstance(value, str) else value


def literal(hexadecimal):
    def one(byte):
        named = {0x0D: r"\r", 0x0A: r"\n", 0x09: r"\t", 0x5C: r"\\", 0x27: r"\'"}
        return named.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else r"\x%02x" % byte)

    return "'%s'" % "".join(map(one, bytes.fromhex(hexadecimal)))


def int_kind(field, sign="u"):
    """u8, u16be, i32le, ..."""
    width = field.get("width", 1)
    return "%s%d%s" % (sign, 8 * width, "" if width == 1 else field.get("endian", "be"))


def limit(fmt, unit=1, beyond=0):
    """max: of the frame; or of the body, where the vector limits the number in a length field that counts in `unit`,
    and the body has `beyond` bytes more than it says."""
    if "max" not in fmt:
        return UNLIMITED
    of = fmt.get("max_of", "total")
    if of == "total":
        return "max=frame:%d" % fmt["max"]
    if of == "value":
        return "max=%d" % (fmt["max"] * unit + beyond)
    raise ValueError("max_of %s" % of)


def strip_head(fmt, head):
    """Whether the head is stripped. The vectors give a count of bytes, which must be all of the head."""
    strip = fmt.get("strip", 0)
    if strip not in (0, "header", head):
        raise ValueError("strip %s of a head of %d" % (strip, head))
    return strip != 0


def bodiless(fmt, head):
    """The lengths that mean a frame of the head alone."""
    specials = fmt.get("specials", [])
    if any(special["total"] != head for special in specials):
        raise ValueError("a special frame that is not its head")
    return setting("bodiless", ",".join(str(integer(special["value"])) for special in specials), "")


def fdwire_text(fmt):
    """Already one of fdwire's own, as tests/peers has them."""
    return fmt["text"], Strip(False, False)


def fixed(fmt):
    head = fmt.get("strip", 0)
    return words("fixed size=%d" % fmt["size"], setting("head", head)), Strip(head != 0, False)


def binary(fmt):
    at, unit, adjust, sums = fmt.get("offset", 0), fmt.get("scale", 1), fmt.get("adjust", 0), fmt.get("add", [])
    field_end, trailer = at + fmt["width"], fmt.get("trailer", "")
    head = max([field_end, fmt.get("header", 0)] + [field["offset"] + field["width"] for field in sums])
    if isinstance(fmt.get("strip"), int):
        head = max(head, fmt["strip"])
    tail = setting("tail", literal(trailer), "''")
    if fmt.get("strip_add"):  # what the second length counts is not delivered: it is tail, not body
        padding, *sums = sums
        tail = "tail=%s@%d" % (int_kind(padding), padding["offset"])
    text = words(
        int_kind(fmt, "i" if fmt.get("signed") else "u"),
        setting("at", at),
        setting("head", head, field_end),
        setting("adjust", adjust),
        setting("unit", unit, 1),
        setting("mask", fmt.get("mask"), None),
        setting("shift", fmt.get("shift", 0)),
        setting("plus", ",".join(map(plus, sums)), ""),
        setting("pad", fmt.get("align", 1), 1),
        tail,
        bodiless(fmt, head),
        limit(fmt, unit, field_end + adjust - head),
    )
    bare = fmt.get("strip") == "header" or fmt.get("strip_trailer") or fmt.get("strip_add")
    return text, Strip(strip_head(fmt, head), bool(bare))


def plus(field):
    """A further field of the sum, as u8@4*4 or u32le@12~8."""
    scale, align = field.get("scale", 1), field.get("align", 1)
    if scale > 1 and align > 1:
        raise ValueError("both scaled and aligned")
    return "%s@%d%s%s" % (
        int_kind(field), field["offset"], "*%d" % scale if scale > 1 else "", "~%d" % align if align > 1 else "",
    )


def digits(fmt):
    # max_digits has no counterpart: a number with more digits is over the max that goes with it.
    at, unit, adjust, columns = fmt.get("offset", 0), fmt.get("scale", 1), fmt.get("adjust", 0), fmt.get("digits", 0)
    term, trailer = fmt.get("term", ""), fmt.get("trailer", "")
    if fmt.get("counts_self") and adjust:
        raise ValueError("counts_self with adjust")
    text = words(
        {10: "decimal", 16: "hex"}[fmt.get("base", 10)],
        setting("at", at),
        setting("digits", columns),
        setting("fill", literal(fmt.get("pad", "")), "''"),
        setting("until", literal(term), "''"),
        "overlong=refuse" if fmt.get("leading_zero") is False else "",
        "counts=field" if fmt.get("counts_self") else setting("adjust", adjust),
        setting("unit", unit, 1),
        setting("tail", literal(trailer), "''"),
        bodiless(fmt, at + columns + len(term) // 2),
        limit(fmt, unit, adjust),
    )
    strip = fmt.get("strip") == "header"
    return text, Strip(strip, bool(strip or fmt.get("strip_trailer")))


def varint(fmt):
    unit, adjust = fmt.get("scale", 1), fmt.get("adjust", 0)
    text = words(
        "varintbe" if fmt.get("endian") == "be" else "varint",
        setting("at", fmt.get("offset", 0)),
        "digits=%d" % fmt.get("max_bytes", 5),
        "" if fmt.get("minimal") else "overlong=allow",
        setting("adjust", adjust),
        setting("unit", unit, 1),
        limit(fmt, unit, adjust),
    )
    return text, Strip(fmt.get("strip") == "header", False)


def ber(fmt):
    text = words(
        "ber",
        setting("digits", fmt.get("max_width", 4), 4),
        "bodiless=indefinite" if fmt.get("indefinite") == "zero" else "",
        limit(fmt),
    )
    return text, Strip(False, False)


def delimited(fmt):
    start, trail = fmt.get("start", ""), fmt.get("trail", 0)
    short = {("0d0a", "0a"): "line", ("0d0a",): "crlf", ("00",): "nul"}
    kind = short.get(tuple(fmt["delims"])) if not start and not trail else None
    if "split_at" in fmt:
        most = "max=frame:%d over=split" % fmt["split_at"]
    elif "max" not in fmt:
        most = UNLIMITED
    elif fmt.get("max_of") == "total":
        most = "max=frame:%d" % (fmt["max"] + trail)
    else:  # the vectors count the start as payload
        most = "max=%d" % (fmt["max"] - len(start) // 2)
    text = words(
        kind or "delimited by=%s" % ",".join(map(literal, fmt["delims"])),
        setting("start", literal(start), "''"),
        setting("trail", trail),
        most,
        "eof=allow" if fmt.get("eof_deliver") else "",
    )
    return text, Strip(bool(fmt.get("strip")), bool(fmt.get("strip")))


def headers(fmt):
    line = fmt.get("end", "0d0a0d0a")
    line = line[: len(line) // 2]  # the block ends with an empty line
    text = words(
        "headers length='%s'" % fmt.get("name", "Content-Length"),
        setting("by", literal(line), r"'\r\n'"),
        "missing=empty" if fmt.get("missing") == "zero" else "",
        limit(fmt),
    )
    return text, Strip(bool(fmt.get("strip")), False)


def select(fmt):
    cases = [(case_label(case), translate(case["format"])) for case in fmt["cases"]]
    if "default" in fmt:
        cases.append(("else", translate(fmt["default"])))
    text = words(
        "select",
        int_kind(fmt),
        setting("at", fmt.get("offset", 0)),
        setting("mask", fmt.get("mask"), None),
        "{ %s }" % "; ".join("%s: %s" % (label, inner) for label, (inner, _) in cases),
    )
    strips = {strip for _, (_, strip) in cases}
    if len(strips) > 1:
        raise ValueError("the cases strip different parts")
    return text, strips.pop()


def case_label(case):
    low = integer(case["value"])
    high = integer(case.get("to", low))
    return "%d" % low if low == high else "%d..%d" % (low, high)


# The vectors

TEXTS = os.path.join(HERE, "texts.json")


def cuts(vector):
    """The bytes of a vector as given, whole, byte by byte, and in random pieces that are the same in every run."""
    feeds = [bytes.fromhex(feed) for feed in vector["feeds"]]
    whole = b"".join(feeds)
    yield "as given", feeds
    yield "whole", [whole]
    yield "bytes", [whole[i : i + 1] for i in range(len(whole))]
    dice = random.Random(len(whole))
    for most in 3, 17, 300:
        pieces, at = [], 0
        while at < len(whole):
            pieces.append(whole[at : at + dice.randint(1, most)])
            at += len(pieces[-1])
        yield "pieces of up to %d" % most, pieces


def decode(vector, pieces):
    """What comes of the pieces up to the first error: frames, error, rest; and need, where the vector says it."""
    framer = Framer({**vector["format"], "eof_deliver": True} if vector.get("eof_deliver") else vector["format"])
    frames, error, got = [], None, {}
    try:
        for piece in pieces:
            framer.feed(piece)
            frames.extend(iter(framer.next, None))  # up to None, or to an error, which leaves those before it
        if "need" in vector:
            got["need"] = len(framer.rest()) + framer.needed()
        if vector["eof"]:
            framer.eof()
            frames.extend(iter(framer.next, None))
    except FrameError as broken:
        error = broken.kind
    rest = framer.rest()
    if framer.unread() != rest:
        raise AssertionError("unread is not what was fed and not delivered")
    return {"frames": [frame.hex() for frame in frames], "error": error, "rest": rest.hex(), **got}


def events(vector, pieces):
    """Frames and errors in the order in which they come, where what is too long is skipped."""
    framer, seen = Framer(vector["format"]), []
    for piece in pieces:
        framer.feed(piece)
        while True:
            try:
                frame = framer.next()
                if frame is None:
                    break
                seen.append({"frame": frame.hex()})
            except FrameError as broken:
                seen.append({"error": broken.kind})
                framer.skip()
    return seen


def check_decode(vector):
    """Each difference from what the vector says, as a text."""
    for cut, pieces in cuts(vector):
        got = decode(vector, pieces)
        if vector["error"] and cut != "as given":
            del got["rest"]  # it ends where the bytes end that had come when the error was seen
        if "events" in vector:
            got["events"] = events(vector, pieces)
        for key, value in got.items():
            if value != vector[key]:
                yield "%s: %s should be %s, is %s" % (cut, key, vector[key], value)


def check_encode(vector):
    """The difference from what the vector says, as a text, if there is one."""
    wire, error = None, None
    try:
        wire = encode(vector["format"], bytes.fromhex(vector["payload"])).hex()
    except FrameError as refused:
        error = refused.kind
    if (wire, error) != (vector["wire"], vector["error"]):
        yield "should be %s or %s, is %s or %s" % (vector["wire"], vector["error"], wire, error)


def run(path):
    """How many vectors of a file passed, and how many failed."""
    passed = failed = 0
    file_name = os.path.basename(path)
    with open(path) as file:
        vectors = json.load(file)
    for vector in vectors:
        text = ""
        try:
            text, _ = translate(vector["format"])
            differences = check_encode(vector) if vector.get("op") == "encode" else check_decode(vector)
            wrong = next(differences, None)
        except Exception as surprise:
            wrong = "%s: %s" % (type(surprise).__name__, surprise)
        if wrong is None:
            passed += 1
        else:
            failed += 1
            print("%s: %s" % (file_name, vector["name"]), json.dumps(vector["format"]), text, wrong, sep="\n    ")
    return passed, failed


def texts(paths):
    """The text of every format of these files, for tests that cannot ask translate(): what texts.json holds."""
    formats = {}
    for path in paths:
        with open(path) as file:
            for vector in json.load(file):
                formats.setdefault(json.dumps(vector["format"], sort_keys=True), vector["format"])
    entries = []
    for fmt in formats.values():
        text, strip = translate(fmt)
        entries.append(json.dumps({"format": fmt, "text": text, "strip_head": strip.head, "strip_tail": strip.tail}))
    return "[\n%s\n]\n" % ",\n".join(entries)


def main():
    files = [path for path in sorted(glob.glob(os.path.join(HERE, "*.json"))) if path != TEXTS]
    if sys.argv[1:] == ["--texts"]:
        with open(TEXTS, "w") as file:
            file.write(texts(files))
        return
    passed, failed = (sum(column) for column in zip(*map(run, sys.argv[1:] or files)))
    print("%d passed, %d failed" % (passed, failed))
    with open(TEXTS) as file:
        stale = file.read() != texts(files)
    if stale:
        print("texts.json is not what translate() makes of the formats: renew it with --texts")
    sys.exit(failed > 0 or stale)


if __name__ == "__main__":
    main()
