#!/usr/bin/env python3
"""Runs the scale benchmark and writes docs/scale.md, docs/scale.csv and the charts docs/charts/scale-*.svg.

    report.py [short] [ROUNDS] [SECTION...]

Sections that are not named stay as docs/scale.csv has them. With `short` it shows the tables and writes nothing. Without gnuplot
there are no charts.
"""
import csv
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DOCS = ROOT / "docs"
PROGRAM = HERE.parent / "build" / "scale"
COLUMNS = ["section", "series", "x", "metric", "median", "low", "high", "ratio", "ratio_low", "ratio_high"]

INTRO = """\
# How cost grows

`make -C benches scale` measures this and writes it; [scale.csv](scale.csv) has all figures with their ranges. {machine}.

Every figure is a median of alternating rounds in one run (9, but 3 where it says so), each ratio the median of the ratios within
a round. On a small shared machine single figures are off by a tenth, now and then by more: what counts is whether they grow.
"""

# What each section is about, and how to read it.
TEXTS = {
    "idle": """\
## Idle connections

Bytes of heap that a connection takes when nothing waits in it, and the time that it takes to make one and to free it. The program
fails if an idle connection has more than 512 bytes. Those over functions have the functions' context in them; over sockets, making
one asks the kernel what its descriptor is, which is most of the time. `lives` is what is left behind after some traffic.
""",
    "active": """\
## Active connections

Requests of 64 bytes and answers in one epoll loop, over Unix socket pairs, by a peer with a process, a core and an epoll loop of its
own. In the first half all connections are busy; in the second 10 are, and the others idle. The C by hand has a buffer of 4 KiB for
each connection. Processor time of the server for each request: what grows for both is the kernel's and the caches'.
""",
    "stream": """\
## Messages on one connection

Vectors of 256 messages of 64 bytes over a Unix socket pair, sent and received by one thread: ns a message, of both sides together.
Up to 100 messages the system calls show, which few messages share.
""",
    "depth": """\
## Messages that wait to be sent

So many messages are accepted, and then sent to somebody who takes a few bytes at a time: ns a message. Above some thousand
messages they are more than the buffers that connections share, and the kernel's time to give fresh pages shows.
""",
    "formats": """\
## Formats of rising complexity

ns for a message of 64 bytes, without system calls: bytes come from memory and go there.
""",
    "pieces": """\
## Bytes in pieces

A decoder is fed with pieces of so many bytes, and asked for a message after each: ns a byte, of messages of so many bytes. If a
search began anew with each piece, a byte of a long message would cost more than one of a short message.
""",
}

# The charts: which section, metric and series, and the words on the axes.
CHARTS = {
    "active": ("active", "ns of the server's processor", "connections", "ns of processor time a request", True),
    "idle": ("idle", "bytes of heap a connection", "connections", "bytes of heap a connection", True),
    "stream": ("stream", "ns", "messages on the connection", "ns a message", True),
    "flush": ("depth", "ns to flush", "messages that wait", "ns to flush a message", True),
    "accept": ("depth", "ns to accept", "messages that wait", "ns to accept a message", True),
    "pieces": ("pieces", "ns a byte", "bytes a message", "ns a byte", True),
    "formats": ("formats", "ns", "", "ns a message of 64 bytes", False),
}
# One chart cannot show all; and those of 64 KiB would hide the others.
LEFT_OUT = {
    "flush": lambda series: series.startswith("64 KiB"),
    "accept": lambda series: not series.startswith("64 B"),
    "pieces": lambda series: not series.startswith(("line,", "crlf, full", "8 delimiters, full", "headers,")),
    "idle": lambda series: not series.startswith("over"),
}


def machine():
    model = "a processor that does not say what it is"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    return f"Here: {os.cpu_count()} cores, {model}, Linux {platform.release().split('-')[0]}"


def run(section, options):
    """The rows that the program prints; it fails where a figure is not as it has to be."""
    done = subprocess.run([PROGRAM, section, *options], stdout=subprocess.PIPE, text=True)
    rows = list(csv.DictReader(done.stdout.splitlines(), fieldnames=COLUMNS))
    return rows, done.returncode


def number(value):
    value = float(value)
    if value == 0:
        return "0"
    if abs(value) < 0.1:
        return f"{value:.3f}"
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def grouped(x):
    return f"{int(x):,}" if x.isdigit() else x


def table(columns, lines):
    text = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    text += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(text) + "\n"


def distinct(rows, column):
    return list(dict.fromkeys(row[column] for row in rows))


def across(rows, metric, first):
    """A table of one metric: a line for each series, a column for each x."""
    rows = [row for row in rows if row["metric"] == metric]
    xs = sorted(distinct(rows, "x"), key=lambda x: int(x))
    lines = []
    for series in distinct(rows, "series"):
        there = {row["x"]: row for row in rows if row["series"] == series}
        lines.append([series] + [number(there[x]["median"]) if x in there else "" for x in xs])
    return table([first] + [grouped(x) for x in xs], lines)


def beside(rows, metric):
    """A table of one metric: a line for each x, and the second series of two beside the first."""
    rows = [row for row in rows if row["metric"] == metric]
    lines = []
    for few in (False, True):
        for x in sorted(distinct(rows, "x"), key=lambda x: int(x)):
            there = [row for row in rows if row["x"] == x and ("10 of them" in row["series"]) == few]
            if there:
                c, fdwire = there
                ratio = f"{number(fdwire['ratio'])} ({number(fdwire['ratio_low'])}-{number(fdwire['ratio_high'])})"
                busy = "10" if few else "all"
                lines.append([f"{grouped(x)}, {busy} of them busy", number(c["median"]), number(fdwire["median"]), ratio])
    return table(["connections", "C by hand", "fdwire", "fdwire / C"], lines)


def formats_table(rows):
    ways = distinct(rows, "series")
    there = {(row["x"], row["series"]): row for row in rows}
    lines = [[x] + [number(there[x, way]["median"]) for way in ways] for x in distinct(rows, "x")]
    return table(["format"] + ways, lines)


def lives_table(rows):
    lines = [[row["x"], row["metric"], number(row["median"])] for row in rows]
    return table(["when", "what", "how much"], lines)


def section_text(section, rows):
    text = [TEXTS[section]]
    if section == "idle":
        growing = [row for row in rows if row["series"].startswith("over")]
        for metric in distinct(growing, "metric"):
            text += [f"{metric.capitalize()}:\n", across(growing, metric, "connections")]
        text += ["`lives`:\n", lives_table([row for row in rows if row not in growing])]
    elif section == "active":
        text += [beside(rows, "ns of the server's processor"), "Bytes of heap that the server has for each connection then:\n"]
        text.append(beside(rows, "bytes of heap a connection"))
    elif section == "stream":
        text += [across(rows, metric, metric) for metric in distinct(rows, "metric")]
        text.append("The last column is of 3 rounds.\n")
    elif section == "formats":
        text.append(formats_table(rows))
    else:
        for metric in distinct(rows, "metric"):
            text += [f"{metric.capitalize()}:\n", across(rows, metric, "series")]
    return "\n".join(text)


def limits(rows):
    """Says by name where there are fewer connections than were wanted."""
    counts = [int(row["x"]) for row in rows if row["section"] == "active"]
    if counts and max(counts) < 50000:
        return f"\nThe limit of descriptors of this machine (RLIMIT_NOFILE) ends the table at {max(counts):,} connections over sockets.\n"
    return ""


def plot(name, rows):
    section, metric, x_label, y_label, is_growth = CHARTS[name]
    rows = [row for row in rows if row["section"] == section and row["metric"] == metric]
    rows = [row for row in rows if not LEFT_OUT.get(name, lambda series: False)(row["series"])]
    all_series = distinct(rows, "series")
    data, plots = [], []
    for i, series in enumerate(all_series):
        points = [row for row in rows if row["series"] == series]
        data.append(f"$data{i} << EOD")
        data += [f'"{row["x"]}" {row["median"]} {row["low"]} {row["high"]}' for row in points] + ["EOD"]
        style = f'using (real(strcol(1))):2 with linespoints lw 2 pt 7 ps 0.5' if is_growth else "using 2:xtic(1) with histogram"
        plots.append(f'$data{i} {style} title "{series}"')
    axes = [
        'set logscale x; set xtics format "10^{%L}"; set logscale y' if is_growth else "set style data histogram; set logscale y; set xtics rotate by -40",
        f'set xlabel "{x_label}"; set ylabel "{y_label}"; set grid ytics; set key outside bottom center horizontal maxcols 2',
        "" if is_growth else "set style fill solid; set boxwidth 0.9; set style histogram clustered gap 1",
    ]
    chart = DOCS / "charts" / f"scale-{name}.svg"
    script = [f'set terminal svg size 900,560 font "sans,13" background "white"; set output "{chart}"', *axes, *data, "plot " + ", ".join(plots)]
    subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, check=True)


def write(rows):
    (DOCS / "charts").mkdir(parents=True, exist_ok=True)
    with open(DOCS / "scale.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    text = [INTRO.format(machine=machine()) + limits(rows)]
    for section in TEXTS:
        of_section = [row for row in rows if row["section"] == section]
        if of_section:
            text.append(section_text(section, of_section))
            charts = [name for name in CHARTS if CHARTS[name][0] == section]
            text.append("\n".join(f"![{CHARTS[name][3]}](charts/scale-{name}.svg)\n" for name in charts))
    (DOCS / "scale.md").write_text("\n".join(text))
    if shutil.which("gnuplot") is None:
        print("skipped: the charts, for want of gnuplot")
        return
    for name, (section, *_) in CHARTS.items():
        if any(row["section"] == section for row in rows):
            plot(name, rows)


def main():
    options = [word for word in sys.argv[1:] if word == "short" or word.isdigit()]
    wanted = [word for word in sys.argv[1:] if word in TEXTS] or list(TEXTS)
    rows, failed = [], False
    if wanted != list(TEXTS) and (DOCS / "scale.csv").exists():
        with open(DOCS / "scale.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["section"] not in wanted]
    for section in wanted:
        print(f"{section} ...", file=sys.stderr, flush=True)
        of_section, status = run(section, options)
        rows += of_section
        failed |= status != 0
    rows.sort(key=lambda row: list(TEXTS).index(row["section"]))
    if "short" in options:
        print("\n".join(section_text(section, [row for row in rows if row["section"] == section]) for section in wanted))
    else:
        write(rows)
    return failed


sys.exit(main())
