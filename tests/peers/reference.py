"""The other opinion on where frames end: a framer that is slow and plain, and shares no line with fdwire.

It measures the frame at the start of all bytes that it has, anew each time it is asked.
"""

from collections import namedtuple

from framer import FrameError

# A frame: its bytes in all, and how many of them at either end are not delivered.
Extent = namedtuple("Extent", "total lead trail")


class Reference:
    """Bytes in, frames out. The format may change between frames."""

    def __init__(self):
        self.buffer = bytearray()
        self.last_raw = b""

    def feed(self, data):
        self.buffer += data

    def rest(self):
        return bytes(self.buffer)

    def next(self, fmt):
        """The next frame, without the parts that its format strips; None until it is there. last_raw has all of it."""
        extent = MEASURES[fmt["kind"]](self.buffer, fmt)
        if extent is None or len(self.buffer) < extent.total:
            return None
        self.last_raw = bytes(self.buffer[: extent.total])
        del self.buffer[: extent.total]
        return self.last_raw[extent.lead : extent.total - extent.trail]


# A measure for each kind: None while it takes more bytes to tell.

def measure_fixed(_, fmt):
    return limited(fmt, Extent(fmt["size"], 0, 0), fmt["size"])


def measure_select(buffer, fmt):
    at, width = fmt["offset"], fmt.get("width", 1)
    if len(buffer) < at + width:
        return None
    number = read_number(buffer, {"offset": at, "width": width, "mask": fmt.get("mask", 2 ** (8 * width) - 1)})
    for case in fmt["cases"]:
        if case["value"] <= number <= case["to"]:
            return MEASURES[case["format"]["kind"]](buffer, case["format"])
    if "default" not in fmt:
        raise FrameError("corrupt", "no case for %#x" % number)
    return MEASURES[fmt["default"]["kind"]](buffer, fmt["default"])


def measure_delimited(buffer, fmt):
    start = bytes.fromhex(fmt.get("start", ""))
    if buffer[: len(start)] != start[: len(buffer)]:
        raise FrameError("corrupt", "it does not begin as it must")
    found = [(buffer.find(by, len(start)), -len(by)) for by in map(bytes.fromhex, fmt["delims"])]
    end, negative = min((place for place in found if place[0] >= 0), default=(None, 0))
    most = fmt.get("max")
    if end is None:
        longest = max(len(by) // 2 for by in fmt["delims"])
        if most is not None and len(buffer) > most + longest - 1:  # its last bytes may begin a delimiter
            raise FrameError("too_long")
        return None
    if most is not None and end > most:
        raise FrameError("too_long")
    by = -negative
    return Extent(end + by, len(start), by) if fmt.get("strip") else Extent(end + by, 0, 0)


def measure_headers(buffer, fmt):
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    value = 0 if fmt.get("missing") == "zero" else None
    for line in bytes(buffer[:end]).split(b"\r\n"):
        name, colon, text = line.partition(b":")
        if colon and name.strip().lower() == fmt["name"].lower().encode():
            value = decimal(text.strip(), 10)
    if value is None:
        raise FrameError("corrupt", "no length among the headers")
    head = end + 4
    return limited(fmt, Extent(head + value, head if fmt.get("strip") else 0, 0), value)


def measure_varint(buffer, fmt):
    at, value, width = fmt["offset"], 0, 0
    while True:
        if width == fmt["max_bytes"]:
            raise FrameError("corrupt", "the length goes on")
        if len(buffer) <= at + width:
            return None
        byte = buffer[at + width]
        value |= (byte & 127) << 7 * width
        width += 1
        if byte < 128:
            break
    head = at + width
    return limited(fmt, Extent(head + value, head if fmt.get("strip") == "header" else 0, 0), value)


def measure_digits(buffer, fmt):
    at, columns, base, until = fmt.get("offset", 0), fmt.get("digits"), fmt["base"], bytes.fromhex(fmt.get("term", ""))
    if columns:
        end = at + columns
    else:
        end = at
        while end < len(buffer) and buffer[end] in b"0123456789":
            end += 1
    head = end + len(until)
    if len(buffer) < head or end == len(buffer) and not columns:
        return None
    text = bytes(buffer[at:end])
    if buffer[end:head] != until:
        raise FrameError("corrupt", "the length does not end as it must")
    if fmt.get("leading_zero") is False and len(text) > 1 and text[:1] == b"0":
        raise FrameError("corrupt", "a leading zero")
    value = decimal(text, base)
    for special in fmt.get("specials", []):
        if special["value"] == value:
            return Extent(special["total"], 0, 0)
    lead = head if fmt.get("strip") == "header" else 0
    return with_trailer(buffer, fmt, Extent(head + value + fmt.get("adjust", 0), lead, 0), value)


def measure_length(buffer, fmt):
    fields = [fmt] + fmt.get("add", [])
    head = max([field["offset"] + field["width"] for field in fields] + [fmt.get("header", 0)])
    if len(buffer) < head:
        return None
    value = read_number(buffer, fmt)
    if fmt.get("signed") and value >> 8 * fmt["width"] - 1:
        raise FrameError("corrupt", "a negative length")
    total = fmt["offset"] + fmt["width"] + fmt.get("adjust", 0) + sum(read_number(buffer, field) for field in fields)
    total += -total % fmt.get("align", 1)
    if total < head:
        raise FrameError("corrupt", "shorter than its head")
    return with_trailer(buffer, fmt, Extent(total, fmt.get("strip", 0), 0), value)


MEASURES = {
    "fixed": measure_fixed, "select": measure_select, "delim": measure_delimited, "headers": measure_headers,
    "varint": measure_varint, "text": measure_digits, "len": measure_length,
}


# What several of them do

def read_number(buffer, field):
    at = field["offset"]
    order = "little" if field.get("endian") == "le" else "big"
    number = int.from_bytes(buffer[at : at + field["width"]], order)
    return number & field["mask"] if "mask" in field else number


def decimal(text, base):
    """The number that digits say, and nothing but digits."""
    if not text or text.strip(b"0123456789abcdefABCDEF"[: 10 if base == 10 else 22]):
        raise FrameError("corrupt", "no number: %r" % text)
    return int(text, base)


def with_trailer(buffer, fmt, extent, value):
    """The literal behind the frame, which the length does not count."""
    trailer = bytes.fromhex(fmt.get("trailer", ""))
    total = extent.total + len(trailer)
    limited(fmt, Extent(total, *extent[1:]), value)
    there = buffer[extent.total : total]
    if there != trailer[: len(there)]:
        raise FrameError("corrupt", "it does not end as it must")
    return Extent(total, extent.lead, len(trailer) if fmt.get("strip") == "header" else 0)


def limited(fmt, extent, value):
    """The extent, unless it is over the format's max: of the frame, or of the number that says its length."""
    if fmt.get("max") is not None and (value if fmt.get("max_of") == "value" else extent.total) > fmt["max"]:
        raise FrameError("too_long")
    return extent
