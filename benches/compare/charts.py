"""Charts as SVG: throughput by size, processor time, and latency."""

import math

from contestants import BY_NAME, SIZES, TRANSPORTS, Group, size_name
from report import TRANSPORT_TITLES, plain
from svg import Drawing, spread_out

# Colours that people tell apart who see fewer of them (Okabe and Ito's), fdwire's alone in blue.
STYLES = {
    "fdwire-many": ("fdwire, 256 a call", "#0072b2", ""),
    "fdwire-one-1": ("fdwire, one a call, one thread", "#56b4e9", ""),
    "fdwire-one": ("fdwire, one a call", "#56b4e9", "6 4"),
    "raw-256k": ("raw bytes", "#999999", "2 4"),
    "c-batch": ("C, batches", "#222222", ""),
    "c-loop": ("C, plain loop", "#222222", "6 4"),
    "rust-std": ("Rust std", "#d55e00", ""),
    "tokio-big": ("tokio-util", "#d55e00", "6 4"),
    "go": ("Go bufio", "#009e73", ""),
    "stdio": ("C stdio", "#009e73", "6 4"),
    "zmq": ("ZeroMQ", "#cc79a7", ""),
    "nng": ("nng", "#cc79a7", "6 4"),
    "libevent": ("libevent", "#b8860b", ""),
    "python": ("Python loop", "#b8860b", "6 4"),
    "seqpacket": ("seqpacket", "#999999", ""),
}
LOWEST = 0.0005


OTHER_COLOUR = "#666666"


def colour_of(name):
    """Of one that is not among them: that of its program, but all C alike."""
    if name in STYLES:
        return STYLES[name][1]
    peer = BY_NAME[name].peer
    same = (style[1] for other, style in STYLES.items() if BY_NAME[other].peer == peer)
    return OTHER_COLOUR if peer == "by_hand" else next(same, OTHER_COLOUR)


def write(folder, figures):
    """Writes those for which there are figures; gives each file's work and what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for transport in TRANSPORTS:
        where = TRANSPORT_TITLES[transport]
        for kind, work, draw, text in (
            ("stream", "stream", throughput, f"Throughput beside C, {where}"),
            ("cpu", "stream", processor_time, f"Processor time a message of 64 bytes, {where}"),
            ("latency", "ping", latency, f"Round trip of 64 bytes, {where}"),
        ):
            drawing = draw(figures, transport, text)
            if drawing is not None:
                (folder / f"{kind}-{transport}.svg").write_text(drawing.text())
                drawn[f"{kind}-{transport}.svg"] = (work, text)
    return drawn


def throughput(figures, transport, text):
    groups = [g for g in figures.groups() if (g.work, g.transport) == ("stream", transport)]
    if len(groups) < 2:
        return None
    left, right, top, bottom = 260, 840, 70, 520
    drawing = Drawing(900, 570)
    drawing.heading(text, "messages a second, as a multiple of those of C that batches 256 KiB; by bytes in a message")
    first, last = groups[0].size, groups[-1].size

    def x(size):
        return left + (right - left) * math.log(size / first) / math.log(last / first)

    def y(value):
        return bottom - (bottom - top) * math.log(max(value, LOWEST) / LOWEST) / math.log(3 / LOWEST)

    for value in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2):
        drawing.line(left, y(value), right, y(value), "#222222" if value == 1 else "#e4e4e4")
        drawing.text_at(right + 10, y(value) + 4, f"{value:g}×")
    for group in groups:
        drawing.line(x(group.size), top, x(group.size), bottom, "#f0f0f0")
        drawing.text_at(x(group.size), bottom + 20, size_name(group.size), anchor="middle")

    # The labels are where the lines are apart: in front of the small messages.
    labels = []
    for name, (label, colour, dashes) in reversed(STYLES.items()):
        points = [(x(g.size), y(r.middle)) for g in groups if (r := figures.to_reference(g, name))]
        if points:
            drawing.path(points, colour, 3 if is_own(name) else 1.6, dashes)
            labels.append((points[0], label, colour, is_own(name)))
    places = spread_out([point[1] for point, *_ in labels], 16, top, bottom)
    for (point, label, colour, bold), place in zip(labels, places):
        drawing.line(point[0] - 4, point[1], left - 26, place, colour, 0.7)
        drawing.text_at(left - 30, place + 4, label, anchor="end", colour=colour, bold=bold)
    return drawing


def processor_time(figures, transport, text):
    group = Group("stream", transport, SIZES["64"])
    names = [name for name in STYLES if name in figures.names(group)]
    if not names:
        return None
    sides = {name: figures.cpu(group, name) for name in names}
    names.sort(key=lambda name: sum(sides[name]))
    drawing = rows_of(text, "nanoseconds a message, on a logarithmic scale: ● sender, ○ receiver", names)
    values = [value for both in sides.values() for value in both]
    low, high = min(values) / 1.5, max(values) * 1.1

    def x(value):
        return ROW_LEFT + (ROW_RIGHT - ROW_LEFT) * math.log(value / low) / math.log(high / low)

    steps = [digit * 10**exponent for exponent in range(7) for digit in (1, 2, 5)]
    grid(drawing, x, [step for step in steps if low <= step <= high], names)
    for row, name in enumerate(names):
        sender, receiver = (x(value) for value in sides[name])
        y, (label, colour, _) = row_at(row), STYLES[name]
        label_row(drawing, y, label, colour, name)
        drawing.line(sender, y, receiver, y, colour, 2)
        drawing.dot(sender, y, colour, filled=True)
        drawing.dot(receiver, y, colour, filled=False)
        drawing.text_at(max(sender, receiver) + 12, y + 4, " + ".join(plain(value) for value in sides[name]))
    return drawing


def latency(figures, transport, text):
    group = Group("ping", transport, 64)
    names = figures.names(group)
    if not names:
        return None
    times = {n: [figures.of(group, n, f).middle for f in ("p50_us", "p99_us")] for n in names}
    names.sort(key=lambda name: times[name][0])
    drawing = rows_of(text, "microseconds on two cores: bar to the median, line to the 99th percentile", names)
    high = max(late for _, late in times.values())

    def x(value):
        return ROW_LEFT + (ROW_RIGHT - ROW_LEFT) * value / high

    step = next(step for step in (5, 10, 20, 50, 100, 200, 500, 1000) if high / step <= 8 or step == 1000)
    grid(drawing, x, range(0, int(high) + 1, step), names)
    for row, name in enumerate(names):
        middle, late = times[name]
        y, colour = row_at(row), colour_of(name)
        label_row(drawing, y, BY_NAME[name].title, colour, name)
        drawing.box(ROW_LEFT, y - 7, x(middle) - ROW_LEFT, 14, colour)
        drawing.line(x(middle), y, x(late), y, colour, 2)
        drawing.line(x(late), y - 5, x(late), y + 5, colour, 2)
        drawing.text_at(x(late) + 8, y + 4, f"{plain(middle)}, {plain(late)}")
    return drawing


ROW_LEFT, ROW_RIGHT, ROW_TOP, ROW = 240, 780, 80, 26


def row_at(row):
    return ROW_TOP + ROW * row + ROW / 2


def rows_of(text, note, names):
    """A drawing with room for a row a name."""
    drawing = Drawing(900, ROW_TOP + ROW * len(names) + 40)
    drawing.heading(text, note)
    return drawing


def grid(drawing, x, values, names):
    bottom = ROW_TOP + ROW * len(names)
    for value in values:
        drawing.line(x(value), ROW_TOP, x(value), bottom, "#e4e4e4")
        drawing.text_at(x(value), bottom + 20, f"{value:,}", anchor="middle")


def label_row(drawing, y, label, colour, name):
    drawing.text_at(ROW_LEFT - 12, y + 4, label, anchor="end", colour=colour, bold=is_own(name))


def is_own(name):
    return BY_NAME[name].peer == "fdwire"
