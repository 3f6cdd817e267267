"""Formats and numbers as the peers have them on the wire.

A format here is one of tests/vectors: an object that says how frames lie, in words of its own and not in fdwire's, so
that the reference framer can read it as well. tests/vectors/README.md has the keys. One more is known here: preset=
names the format that fdwire brings for the protocol, by which the same frames are cut once more.
"""


def be(number, width):
    """A big-endian number of so many bytes."""
    return number.to_bytes(width, "big")


def le(number, width):
    """A little-endian one."""
    return number.to_bytes(width, "little")


def varint(number):
    """Groups of 7 bits, the low ones first."""
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def string(width, body, order="big"):
    """A string behind its length."""
    return len(body).to_bytes(width, order) + body


def fixed(size, **more):
    return {"kind": "fixed", "size": size, **more}


def length(width, at=0, **more):
    """A binary length of so many bytes, big-endian unless endian="le"."""
    return {"kind": "len", "offset": at, "width": width, "endian": "be", **more}


def varint_length(at=0, **more):
    return {"kind": "varint", "offset": at, **more}


def digits(base, **more):
    """A length in ASCII."""
    return {"kind": "text", "base": base, **more}


def delimited(*by, **more):
    return {"kind": "delim", "delims": [one.hex() for one in by], **more}


def headers(name="Content-Length", **more):
    return {"kind": "headers", "name": name, **more}


def case(low, fmt, high=None):
    return {"value": low, "to": low if high is None else high, "format": fmt}


def select(*cases, at=0, default=None, **more):
    chosen = {"kind": "select", "offset": at, "cases": list(cases), **more}
    return chosen if default is None else {**chosen, "default": default}
