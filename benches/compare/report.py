"""The document: what was measured, how, and tables that are sorted by what they show."""

import math

from contestants import BY_NAME, LIMITS, REFERENCE, TRANSPORTS, Group, size_name
from figures import mean_of
from machine import facts

OWN = "fdwire-many"
TRANSPORT_TITLES = {"tcp": "TCP", "unix": "Unix sockets"}
WORK_TITLES = {
    "stream": "A stream of messages",
    "each": "Each message sent at once",
    "echo": "There and back, 128 messages under way",
    "ping": "Latency",
}
WORK_TEXTS = {
    "stream": """\
Messages go in one direction, as many at a time as each contestant can send together: the way in which most bytes move.""",
    "each": """\
Messages go in one direction, and none waits for the next. Libraries with threads of their own (ZeroMQ, nng) hand each to
their thread, which sends several together all the same.""",
    "echo": """\
A program sends and receives on one connection, each message by a call of its own; the other side sends all back. Who can
batch does so until it has to wait: a receive that finds nothing sends first what waits.""",
    "ping": """\
A message of 64 bytes there and back, one at a time, in µs. On two cores most of it is the time that the kernel takes to
wake an idle core, which only spinning avoids; on one core, both sides take turns.""",
}


def number(value):
    """Three digits that mean something."""
    for limit, unit, divisor in ((1e9, "G", 1e9), (1e6, "M", 1e6), (1e4, "k", 1e3)):
        if value >= limit:
            return plain(value / divisor) + " " + unit
    return plain(value)


def plain(value):
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.{max(2, 1 - math.floor(math.log10(value)))}f}"


def decimals(value):
    return 1 if value >= 10 else 2 if value >= 0.1 else 3 if value >= 0.01 else 4


def ratio(spread):
    if spread is None:
        return ""
    places = decimals(spread.middle)
    return f"{spread.middle:.{places}f} ({spread.low:.{places}f}–{spread.high:.{places}f})"


def pair(values):
    return " + ".join(plain(value) for value in values)


def calls(counted):
    """None at all is less than one in as many messages as there were; ? is more noise than calls."""
    if counted is None:
        return "-"
    *sides, count = counted
    return " + ".join("?" if side is None else plain(side) if side else f"<{plain(1 / count)}" for side in sides)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def title(name):
    text = BY_NAME[name].title
    return f"**{text}**" if BY_NAME[name].peer == "fdwire" else text


class Part:
    """A work on a transport: the groups that differ in their size."""

    def __init__(self, figures, work, transport):
        self.figures, self.work, self.transport = figures, work, transport
        self.groups = [g for g in figures.groups() if (g.work, g.transport, g.cores) == (work, transport, 2)]

    def names(self):
        """The fastest first."""
        names = dict.fromkeys(name for group in self.groups for name in self.figures.names(group))
        return sorted(names, key=self.mean, reverse=True)

    def mean(self, name):
        ratios = [self.figures.to_reference(g, name) for g in self.groups if name in self.figures.names(g)]
        return mean_of([r.middle for r in ratios if r] or [1e-9])

    def rows(self, cell, names=None):
        for name in names or self.names():
            cells = [cell(g, name) if name in self.figures.names(g) else "" for g in self.groups]
            if any(cells):
                yield [title(name), *cells]

    def table(self, cell, names=None):
        return table(["", *(size_name(g.size) for g in self.groups)], self.rows(cell, names))

    def ratios(self):
        return self.table(lambda g, name: ratio(self.figures.to_reference(g, name)))

    def cpu_ratios(self):
        """By the processor time of both sides together."""

        def both(row):
            return 1 / (row["sender_cpu_ns"] + row["receiver_cpu_ns"])

        return self.table(lambda g, name: ratio(self.figures.ratio(g, name, REFERENCE[g.work], both)))

    def rates(self):
        return self.table(lambda g, name: number(self.figures.rate(g, name).middle))

    def to_limit(self):
        names = [name for name in self.names() if name not in LIMITS]
        return self.table(lambda g, name: ratio(self.figures.to_limit(g, name)), names)

    def times_as_fast(self):
        """How fast fdwire is beside each of the others; those first that come nearest."""

        def cell(group, name):
            times = self.figures.ratio(group, OWN, name)
            return plain(times.middle) if times else ""

        others = [name for name in self.names() if name not in LIMITS and BY_NAME[name].peer != "fdwire"]
        return self.table(cell, others)

    def cpu(self):
        return self.table(lambda g, name: pair(self.figures.cpu(g, name)))

    def calls(self):
        return self.table(lambda g, name: calls(self.figures.calls_a_message(g, name)))


def latency(figures, transport):
    names = {}
    for cores in (2, 1):
        group = Group("ping", transport, 64, cores)
        for name in figures.names(group):
            names.setdefault(name, figures.of(group, name, "p50_us").middle)
    rows = [[title(name), *latency_cells(figures, transport, name)] for name in sorted(names, key=names.get)]
    head = ["", "two cores: median", "× C", "99 %", "CPU ns", "calls", "one core: median", "× C", "99 %"]
    return table(head, rows)


def latency_cells(figures, transport, name):
    for cores in (2, 1):
        group = Group("ping", transport, 64, cores)
        middle = figures.of(group, name, "p50_us")
        if middle is None:
            yield from [""] * (5 if cores == 2 else 3)
            continue
        yield f"{middle.middle:.1f}"
        yield ratio(figures.ratio(group, name, REFERENCE["ping"], lambda row: row["p50_us"]))
        yield f"{figures.of(group, name, 'p99_us').middle:.1f}"
        if cores == 2:
            yield pair(figures.cpu(group, name))
            yield calls(figures.calls_a_message(group, name))


def stream_section(figures):
    for transport in TRANSPORTS:
        part = Part(figures, "stream", transport)
        if not part.groups:
            continue
        yield f"### {TRANSPORT_TITLES[transport]}"
        yield f"So many times as fast as these is “{BY_NAME[OWN].title}”, by the bytes in a body:"
        yield part.times_as_fast()
        yield "Rate beside C that batches 256 KiB and parses in place, with the range:"
        yield part.ratios()
        yield "Messages a second:"
        yield part.rates()
        yield "Rate beside that of the same bytes without messages, in the better of the two pieces:"
        yield part.to_limit()
        yield from costs(part)


def costs(part):
    yield "Processor time a message, in ns: the sender's + the receiver's."
    yield part.cpu()
    if part.figures.calls:
        yield (
            "System calls a message: the sender's + the receiver's (?: lost in those that the threads of a library make to "
            "start)."
        )
        yield part.calls()


def other_section(figures, work):
    for transport in TRANSPORTS:
        part = Part(figures, work, transport)
        if not part.groups:
            continue
        reference = BY_NAME[REFERENCE[work]].title
        yield f"### {TRANSPORT_TITLES[transport]}"
        yield f"Rate beside “{reference}”:"
        yield part.ratios()
        yield "The same by processor time of both sides together: how many times less each takes."
        yield part.cpu_ratios()
        yield from costs(part)


def latency_section(figures):
    for transport in TRANSPORTS:
        if any(figures.names(Group("ping", transport, 64, cores)) for cores in (1, 2)):
            yield f"### {TRANSPORT_TITLES[transport]}"
            yield latency(figures, transport)


def machine_section(figures, rows):
    days = sorted({row["began"].split()[0] for row in rows})
    rounds = [len(timed) for timed in figures.timed.values()]
    lines = [f"| {name} | {text} |" for name, text in facts()]
    lines += [f"| Measured | {days[0]}{' to ' + days[-1] if len(days) > 1 else ''} |"]
    lines += [f"| Rounds | {min(rounds)}{f' to {max(rounds)}' if max(rounds) > min(rounds) else ''} |"]
    if missing := list(without_figures(figures)):
        lines += [f"| Without figures | {'; '.join(missing)} |"]
    return "\n".join(["| | |", "|---|---|", *lines])


def without_figures(figures):
    """Who was not installed, or could not run, in something that was measured."""
    for name, contestant in BY_NAME.items():
        if any(contestant.takes_part(g) and name not in figures.names(g) for g in figures.groups()):
            yield contestant.title


METHOD = """\
Two processes on a core each; all threads of a side share its core. A message is 4 bytes of length, big-endian, and a
body; the sender's bodies differ and lie in its cache. Every receiver adds up the length and the first and the last byte
of each message, and the sums of both sides are compared. Each run is warmed up by a tenth of its messages, and takes
about 0.1 s. The contestants run in alternating rounds; **every ratio is the median of the ratios within a round, with
its range**. Such a machine is noisy: what lies within a few percent is equal. System calls are counted in runs of their
own. The tables are sorted by the mean of their rows. Every run is a line of [benchmarks.csv](benchmarks.csv).

“One thread” is `FDWIRE_ONE_THREAD`; the other rows of fdwire are with the locks of the default. Messages that may go
together do so by `FDWIRE_BATCH`, of 1 MiB over TCP and of 256 KiB over Unix sockets.
[`benches/README.md`](../benches/README.md) says who does what, and how to run it."""


def document(figures, rows, drawn):
    """The whole text. `drawn` are the charts that there are: a file's name, and what is on it."""
    parts = [
        "# Benchmarks",
        "fdwire beside hand-written C, and beside what its users would have used instead. Written by "
        "`make -C benches compare`.",
    ]
    works = {group.work for group in figures.groups()}
    for work, section in (
        ("stream", stream_section(figures)),
        ("each", other_section(figures, "each")),
        ("echo", other_section(figures, "echo")),
        ("ping", latency_section(figures)),
    ):
        if work not in works:
            continue
        parts += [f"## {WORK_TITLES[work]}", WORK_TEXTS[work]]
        parts += [f"![{text}](charts/{file})" for file, (of, text) in drawn.items() if of == work]
        parts += section
    parts[2:2] = ["## How", METHOD, machine_section(figures, rows)]
    return "\n\n".join(parts) + "\n"
