#!/usr/bin/env python3
"""Makes the seeds anew, from the vectors of tests/vectors and the recorded frames of tests/presets.

    cargo build --release && python3 fuzz/make_seeds.py

One seed for each shape of a format, which is its kinds and its less common keys, without their values: what else there
is, the fuzzer finds. The same files make the same seeds. Those whose names begin with "found" are none of these, but
inputs that once broke a promise: they stay.

    calls       only what was found: it begins with the seeds of decode
    connection  the format of a vector, calls, a stream to take bodies from
    decode      the format of a vector, sizes of pieces, a stream
    format      the format of a vector, nothing, a stream with an error
    roundtrip   the name of a preset or the format of a vector, a head, a body
"""

import glob
import json
import os
import re
import sys
from ctypes import c_char_p, c_size_t

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.join(HERE, "../tests")
sys.path.insert(0, os.path.join(TESTS, "vectors"))
sys.dont_write_bytecode = True

from framer import fdwire  # noqa: E402

LONGEST = 160  # bytes of a stream: the fuzzer, and Miri, are to get through quickly
COMMON = {"at", "head", "max"}
PIECES = [3, 1, 0, 2]  # where a vector does not say how it comes; 0 is a pause


def shape(text):
    """The kinds and keys of a format's text, each once."""
    text = re.sub(r"'(\\.|[^'\\])*'", "", text)
    text = re.sub(r"=\S*", "=", text)
    text = re.sub(r"\b[ui](8|\d\d[bln]e)\b", "int", text)
    return "-".join(word for word in dict.fromkeys(re.findall(r"[a-z]+", text)) if word not in COMMON)


def write(target, seeds):
    folder = os.path.join(HERE, "seeds", target)
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        if not old.startswith("found"):
            os.remove(os.path.join(folder, old))
    for name, (text, aside, stream) in seeds.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(text.encode() + bytes([0, len(aside)]) + bytes(aside) + stream)
    print("%3d %s" % (len(seeds), target))


# The vectors

def vectors():
    """Each with the text of its format; those with most frames, and of these the shortest, come first."""
    texts = {}
    for known in read("texts.json"):
        texts[json.dumps(known["format"], sort_keys=True)] = known["text"]
    files = sorted(glob.glob(os.path.join(TESTS, "vectors/*.json")))
    found = [vector for file in files if not file.endswith("texts.json") for vector in read(file)]
    found.sort(key=lambda vector: (-min(len(vector.get("frames", [])), 3), len("".join(vector.get("feeds", [])))))
    for vector in found:
        yield vector, texts[json.dumps(vector["format"], sort_keys=True)]


def read(name):
    with open(os.path.join(TESTS, "vectors", name)) as file:
        return json.load(file)


def streams(wanted):
    seeds = {}
    for vector, text in filter(wanted, vectors()):
        pieces = [bytes.fromhex(feed) for feed in vector.get("feeds", [])]
        stream = b"".join(pieces)
        if 0 < len(stream) <= LONGEST:
            sizes = [len(piece) for piece in pieces] if len(pieces) > 1 else PIECES
            seeds.setdefault(shape(text), (text, sizes, stream))
    return seeds


def payloads():
    return {shape(text): (text, b"", bytes.fromhex(vector["payload"]))
            for vector, text in vectors() if vector.get("op") == "encode"}


def talks():
    """One of each kind alone, with calls that send and receive in every way; fuzz/src/connection says what they mean."""
    seeds = {}
    for name, (text, _, stream) in streams(lambda found: not found[0]["error"]).items():
        kind = name.split("-")[0]
        if kind not in seeds:
            way = len(seeds)
            calls = [call for n in range(32) for call in (n + 128 * (n * way % 2), 0x40 + n * 5, 128 + 14 + n % 6, 255 * n % 99)]
            seeds[kind] = (text, [way, way * 9] + calls, stream)
    return seeds


# The presets

def presets():
    """A seed for one of each shape, with its first frame that is short enough."""
    seeds = {}
    for name, text in listed():
        frames = [parts for parts in recorded(name) if len(b"".join(parts)) <= LONGEST]
        if frames:
            head, body, _ = frames[0]
            seeds.setdefault(shape(text), (name, head, body))
    return {name: (name, head, body) for name, head, body in seeds.values()}


def listed():
    for function in fdwire.fdwire_preset_name, fdwire.fdwire_preset_text:
        function.restype, function.argtypes = c_char_p, [c_size_t]
    number = 0
    while name := fdwire.fdwire_preset_name(number):
        yield name.decode(), fdwire.fdwire_preset_text(number).decode()
        number += 1


def recorded(name):
    """Head, body and tail of each frame in tests/presets/NAME.txt; tests/presets.rs says how they are written."""
    frames = []
    with open(os.path.join(TESTS, "presets", name + ".txt")) as file:
        for line in file:
            if line[0] in "=+<":
                frames.append([b"", b"", b""])
                part = 0
            if line[0] in "=+< ":
                for bar, digits, quoted, times in re.findall(r"(\|)|(?:([0-9a-f]+)|'([^']*)')(?:\*(\d+))?", line[1:]):
                    part += bool(bar)
                    frames[-1][part] += (bytes.fromhex(digits) or quoted.encode()) * int(times or 1)
    return frames


def main():
    write("connection", talks())
    write("decode", streams(lambda found: not found[0]["error"]))
    write("format", streams(lambda found: found[0]["error"]))
    write("roundtrip", {**payloads(), **presets()})


main()
