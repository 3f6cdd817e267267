"""Charts as SVG: throughput by size, processor time, and latency."""

import math

from contestants import BY_NAME, SIZES, TRANSPORTS, Group, size_name
from report import TRANSPORT_TITLES, plain
from svg import Drawing, spread_out

# Colours that people tell apart who see fewer of them (Okabe and Ito's), fdwire's alone in blue.
STYLES = {
    "fdwire-many-1": ("fdwire, 256 a call", "#0072b2", ""),
    "fdwire-one-1": ("fdwire, one a call", "#56b4e9", ""),
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


def colour_of(name):
    peer = BY_NAME[name].peer
    same = next((style for other, style in STYLES.items() if BY_NAME[other].peer == peer), None)
    return STYLES.get(name, same or ("", "#222222", ""))[1]


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
    left, right, top, bottom = 70, 740, 70, 520
    drawing = Drawing(900, 570)
    drawing.text_at(left, 30, text, size=18, bold=True)
    drawing.text_at(left, 50, "messages a second, as a multiple of C that batches 256 KiB; bytes in a message", size=12)
    first, last = groups[0].size, groups[-1].size

    def x(size):
        return left + (right - left) * math.log(size / first) / math.log(last / first)

    def y(value):
        return bottom - (bottom - top) * math.log(max(value, LOWEST) / LOWEST) / math.log(3 / LOWEST)

    for value in (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2):
        drawing.line(left, y(value), right, y(value), "#222222" if value == 1 else "#e4e4e4")
        drawing.text_at(left - 8, y(value) + 4, f"{value:g}×", anchor="end")
    for group in groups:
        drawing.line(x(group.size), top, x(group.size), bottom, "#f0f0f0")
        drawing.text_at(x(group.size), bottom + 20, size_name(group.size), anchor="middle")

    labels = []
    for name, (label, colour, dashes) in reversed(STYLES.items()):
        points = [(x(g.size), y(r.middle)) for g in groups if (r := figures.to_reference(g, name))]
        if points:
            drawing.path(points, colour, 3 if name.startswith("fdwire") else 1.6, dashes)
            labels.append((points[-1], label, colour, name.startswith("fdwire")))
    places = spread_out([point[1] for point, *_ in labels], 16, top, bottom)
    for (point, label, colour, bold), place in zip(labels, places):
        drawing.line(point[0] + 4, point[1], right + 16, place, colour, 0.7)
        drawing.text_at(right + 20, place + 4, label, colour=colour, bold=bold)
    return drawing


def processor_time(figures, transport, text):
    group = Group("stream", transport, SIZES["64"])
    names = [name for name in STYLES if name in figures.names(group)]
    if not names:
        return None
    sides = {name: figures.cpu(group, name) for name in names}
    names.sort(key=lambda name: sum(sides[name]))
    note = "nanoseconds a message: ● sender, ○ receiver"
    drawing, x = bars(text, note, names, [v for both in sides.values() for v in both])
    for row, name in enumerate(names):
        sender, receiver = (x(value) for value in sides[name])
        y, colour = row_at(row), STYLES[name][1]
        label_row(drawing, y, STYLES[name][0], colour, name.startswith("fdwire"))
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
    note = "microseconds: bar to the median, line to the 99th percentile"
    drawing, x = bars(text, note, names, [v for both in times.values() for v in both])
    for row, name in enumerate(names):
        middle, late = times[name]
        y, colour = row_at(row), colour_of(name)
        label_row(drawing, y, BY_NAME[name].title, colour, name.startswith("fdwire"))
        drawing.box(BAR_LEFT, y - 7, x(middle) - BAR_LEFT, 14, colour)
        drawing.line(x(middle), y, x(late), y, colour, 2)
        drawing.line(x(late), y - 5, x(late), y + 5, colour, 2)
        drawing.text_at(max(x(late), x(middle)) + 8, y + 4, f"{plain(middle)}, {plain(late)}")
    return drawing


BAR_LEFT, BAR_RIGHT, BAR_TOP, ROW = 300, 770, 80, 26


def row_at(row):
    return BAR_TOP + ROW * row + ROW / 2


def label_row(drawing, y, label, colour, bold):
    drawing.text_at(BAR_LEFT - 12, y + 4, label, anchor="end", colour=colour, bold=bold)


def bars(text, note, names, values):
    """A drawing with a row a name and a logarithmic scale for the values, and that scale."""
    bottom = BAR_TOP + ROW * len(names)
    drawing = Drawing(900, bottom + 40)
    drawing.text_at(20, 30, text, size=18, bold=True)
    drawing.text_at(20, 50, note, size=12)
    low, high = min(values) / 1.5, max(values) * 1.1

    def x(value):
        return BAR_LEFT + (BAR_RIGHT - BAR_LEFT) * math.log(value / low) / math.log(high / low)

    for exponent in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for digit in (1, 2, 5):
            value = digit * 10**exponent
            if low <= value <= high:
                drawing.line(x(value), BAR_TOP, x(value), bottom, "#e4e4e4")
                drawing.text_at(x(value), bottom + 20, f"{value:,.10g}", anchor="middle")
    return drawing, x
