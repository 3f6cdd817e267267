#!/usr/bin/env python3
"""Messages a second from Python and Go through fdwire, beside the language's own ways.

    compare.py [--short] [--rounds N] [--to FOLDER]

Two processes of one language on two cores, over a Unix socket pair and over TCP loopback. All contestants run in alternating
rounds; each figure is a median with its range, each ratio the median of the ratios within a round. FOLDER gets languages.md,
languages.csv and charts/languages.svg. What is not to be had here is skipped by name.
"""

import argparse
import collections
import csv
import dataclasses
import os
import platform
import random
import shapes
import shutil
import socket
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "build")
SIZES = {16: "16 B", 64: "64 B", 1 << 10: "1 KiB", 16 << 10: "16 KiB", 1 << 20: "1 MiB"}
WAYS = {"unix": "Unix socket pair", "tcp": "TCP loopback"}


@dataclasses.dataclass(frozen=True, eq=False)
class Language:
    name: str
    peer: list  # the command
    lack: str  # what is not to be had here, or None
    own: dict  # its own ways, and what they are
    ours: dict


OURS = {
    "one": "fdwire, a call a message",
    "many": "fdwire, `recv_many` and `send_many`",
    "packed": "fdwire, `recv_packed` and `send_packed`",
}


def languages():
    python_own = {
        "loop": "plain loop: `sendall`, `recv`",
        "file": "`makefile`, 256 KiB buffers",
        "batch": "`join`, `recv` of 256 KiB, `unpack_from`",
    }
    go_own = {"loop": "plain loop: `Write`, `io.ReadFull`", "bufio": "`bufio`, 64 KiB buffers"}
    peer_go = os.path.join(BUILD, "peer-go")
    yield Language("Python", [sys.executable, "-B", os.path.join(HERE, "peer.py")], None, python_own, OURS)
    yield Language("Go", [peer_go], None if os.path.exists(peer_go) else "go", go_own, OURS)


# The streams

def congestion_of(sock):
    """A machine's default may pace loopback, so that all would be as slow: cubic does not."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    except OSError:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode()


def stream(way):
    if way == "unix":
        return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        congestion_of(listener)
        sender = socket.socket()
        congestion_of(sender)
        sender.connect(listener.getsockname())
        receiver = listener.accept()[0]
    for sock in sender, receiver:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sender, receiver


class Pair:
    """A sender and a receiver of one language, each on a core, and a stream for each contestant."""

    def __init__(self, language):
        names = [*language.own, *language.ours]
        self.streams = {(name, way): stream(way) for name in names for way in WAYS}
        cores = sorted(os.sched_getaffinity(0))
        self.ends = []
        for end, role in enumerate(["send", "receive"]):
            fds = [pair[end].fileno() for pair in self.streams.values()]
            core = cores[end % len(cores)]
            self.ends.append(subprocess.Popen(
                [*language.peer, role], pass_fds=fds, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}),
            ))

    def measure(self, name, way, size, seconds):
        for end, process in enumerate(self.ends):
            fd = self.streams[name, way][end].fileno()
            print(fd, name, size, seconds, file=process.stdin, flush=True)
        told = [process.stdout.readline().split() for process in self.ends]
        if not all(told):
            sys.exit(f"compare.py: {name}, {way}, {size}: it went wrong")
        (sent, begin, _, send_cpu), (received, _, end, receive_cpu) = [map(int, numbers) for numbers in told]
        if sent != received:
            sys.exit(f"compare.py: {name}, {way}, {size}: {sent} messages were sent, {received} received")
        return received / (end - begin) * 1e9, send_cpu / received, receive_cpu / received

    def close(self):
        for process in self.ends:
            process.stdin.close()
            process.wait()
        for pair in self.streams.values():
            for sock in pair:
                sock.close()


# The rounds

def run(known, rounds, seconds):
    """By language, way, size and contestant: what each round gave."""
    pairs = {language: Pair(language) for language in known}
    cells = [
        (language, way, size, name)
        for language in known for way in WAYS for size in SIZES for name in [*language.own, *language.ours]
    ]
    for language, way, size, name in cells:
        pairs[language].measure(name, way, size, 0)  # every byte is looked at
    results = {cell: [] for cell in cells}
    for _ in range(rounds):
        for cell in random.sample(cells, len(cells)):
            language, way, size, name = cell
            results[cell].append(pairs[language].measure(name, way, size, seconds))
    for pair in pairs.values():
        pair.close()
    return results


Row = collections.namedtuple("Row", "language way size name rate low high ratio ratio_low ratio_high send_cpu receive_cpu")


def rows_of(results):
    """Medians and ranges; each ratio is to the language's own way that is the fastest for these messages."""
    rows = []
    for (language, way, size, name), got in results.items():
        rates = [rate for rate, _, _ in got]
        own = [[rate for rate, _, _ in results[language, way, size, own]] for own in language.own]
        best = max(own, key=statistics.median)
        ratios = [mine / theirs for mine, theirs in zip(rates, best)]
        cpu = [statistics.median(cpu) for cpu in list(zip(*got))[1:]]
        rows.append(Row(
            language, way, size, name, statistics.median(rates), min(rates), max(rates),
            statistics.median(ratios), min(ratios), max(ratios), *cpu,
        ))
    return rows


# The pages

def short(rate):
    for unit, sign in (1e6, " M"), (1e3, " k"):
        if rate >= unit:
            return f"{rate / unit:.3g}{sign}"
    return f"{rate:.3g}"


def figure(value):
    return f"{value:.2f}" if value < 1 else f"{value:.3g}"


def table(rows, known):
    for language in known:
        for way, title in WAYS.items():
            yield f"### {language.name}, {title}\n"
            yield "| | " + " | ".join(SIZES.values()) + " |"
            yield "|---|" + "---|" * len(SIZES)
            for name, what in {**language.own, **language.ours}.items():
                mine = [row for row in rows if (row.language, row.way, row.name) == (language, way, name)]
                cells = [
                    f"{short(row.rate)}<br>{figure(row.ratio)} ({figure(row.ratio_low)}–{figure(row.ratio_high)})"
                    for row in mine
                ]
                yield f"| {what} | " + " | ".join(cells) + " |"
            yield ""


INTRODUCTION = """\
# From other languages

Messages a second from one process to another of the same language, each on a core of its own: a 4-byte big-endian
length and a body. Under each rate, how many times that of the language's own way which is the fastest for these
messages, with its range. Medians of {rounds} alternating rounds of {milliseconds:g} ms in one run; TCP with
{congestion}. {versions}, {system}, {cores} cores. `make -C benches languages` makes this page, and
[languages.csv](languages.csv), which also has the CPU time of each side.

The sender has bodies as the language has them (`bytes`, `[]byte`), as many at once as are 256 KiB, at most 1024; the
receiver ends up with bodies of that kind. In the plain loop each message is given to the kernel by itself; all others
may gather.
"""
CONCLUSION = """\
## What the calls cost, and what follows

- Python pays for each call into a library, and as much again for each struct to be filled in or read: with a call a
  message, or with `recv_many` and `send_many`, small messages come out behind what can be written in Python itself. So
  there are packed messages: `fdwire_conn_send_packed` takes `b"".join(bodies)` and an array of lengths,
  `fdwire_conn_recv_packed` gives the same, and Python takes it apart without a line of its own for each message.
  `benches/languages/fdwire.py` is a module to start from.
- Lengths, and not where the bodies end; copied, and not lent. To take messages of 64 bytes apart, 256 a call:
  {by_lengths:.0f} ns a message by their lengths (`map(io.BytesIO.read, lens)`), {by_ends:.0f} ns by where they end,
  {from_lent_memory:.0f} ns from lent memory in which heads lie between them. To make them: {to_lengths:.0f} ns with
  lengths, {to_ends:.0f} ns with a running sum. (The best of many runs of `benches/languages/shapes.py`.)
- Go pays some 60 ns a call. To receive, structs do as well as packed messages: they lend what lies in fdwire's
  buffer. To send, they may not point to Go's memory, so that the bodies have to be copied to C's; packed messages lie
  in a slice of Go's own.
- From 16 KiB on it is the kernel that takes the time, and a call a message is good enough: to gather large bodies
  only copies them. Of 1 MiB, `makefile` is ahead on Unix sockets: it reads straight into the `bytes` that it returns,
  and what fdwire received is copied once more to become such.
"""


def page(rows, known, lacking, rounds, seconds):
    with socket.socket() as sock:
        congestion = congestion_of(sock)
    versions = ", ".join([f"Python {platform.python_version()}", *go_version(known)])
    yield INTRODUCTION.format(
        rounds=rounds, milliseconds=seconds * 1000, congestion=congestion, cores=os.cpu_count(),
        versions=versions, system=f"{platform.system()} {platform.release()}",
    )
    yield from (f"Skipped, because it is not to be had here: {what}.\n" for what in lacking)
    if shutil.which("gnuplot"):
        yield "![Messages a second by the size of a message](charts/languages.svg)\n"
    yield from table(rows, known)
    yield CONCLUSION.format(**shapes.measure()).rstrip()


def go_version(known):
    if any(language.name == "Go" for language in known):
        told = subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout
        yield told.split()[2].replace("go", "Go ")


COLUMNS = "language way bytes contestant rate rate_low rate_high ratio ratio_low ratio_high send_cpu_ns receive_cpu_ns"


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS.split())
        for row in rows:
            figures = [f"{value:.0f}" for value in row[4:7]] + [f"{value:.3f}" for value in row[7:10]]
            out.writerow([row.language.name, *row[1:4], *figures, *(f"{value:.0f}" for value in row[10:])])


CHART = """\
set terminal svg size 1000,{height} font "sans-serif,13" background "white"
set output "{out}"
set multiplot layout {lines},2
set logscale y
set format y "%.0s %c"
set grid ytics linecolor "#dddddd"
set key bottom left reverse Left samplen 2
set xtics ({tics})
set xrange [-0.3:{last}.3]
set ylabel "messages a second"
"""
COLOURS = {
    "loop": "#999999", "file": "#6f7f95", "batch": "#30435c", "bufio": "#30435c",
    "one": "#e0a030", "many": "#2f9e8f", "packed": "#c8372d",
}


def chart(path, rows, known):
    """One panel a language and way, by gnuplot."""
    tics = ", ".join(f'"{title}" {i}' for i, title in enumerate(SIZES.values()))
    script = CHART.format(out=path, height=420 * len(known), lines=len(known), tics=tics, last=len(SIZES) - 1)
    for language in known:
        for way, title in WAYS.items():
            lines, data = [], ""
            for name, what in {**language.own, **language.ours}.items():
                mine = [row.rate for row in rows if (row.language, row.way, row.name) == (language, way, name)]
                what = what.replace("`", "").replace("_", "\\\\_")
                lines.append(f'"-" title "{what}" with linespoints pointtype 7 pointsize 0.6 linewidth 2 '
                             f'linecolor "{COLOURS[name]}"')
                data += "".join(f"{i} {rate}\n" for i, rate in enumerate(mine)) + "e\n"
            script += f'set title "{language.name}, {title}"\nplot {", ".join(lines)}\n{data}'
    subprocess.run(["gnuplot"], input=script + "unset multiplot\n", text=True, check=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--short", action="store_true", help="a look: little time for each")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--to", default=BUILD, help="the folder for what is written")
    options = options.parse_args()
    seconds = 0.004 if options.short else 0.04
    every = list(languages())
    known = [language for language in every if language.lack is None]
    lacking = [language.lack for language in every if language.lack is not None]
    rows = rows_of(run(known, options.rounds, seconds))
    os.makedirs(os.path.join(options.to, "charts"), exist_ok=True)
    write_csv(os.path.join(options.to, "languages.csv"), rows)
    if shutil.which("gnuplot"):
        chart(os.path.join(options.to, "charts", "languages.svg"), rows, known)
    else:
        print("skipped, because it is not to be had here: gnuplot, and so the chart")
    text = "\n".join(page(rows, known, lacking, options.rounds, seconds)) + "\n"
    with open(os.path.join(options.to, "languages.md"), "w") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
