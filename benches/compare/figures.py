"""Every raw figure: a line a run, kept as CSV, and the medians that the document shows."""

import csv
import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

from contestants import BY_NAME, LIMITS, REFERENCE, Group

FIELDS = (
    "began",  # when the measuring began of which this was a part; ratios are taken within
    "work",
    "transport",
    "size",
    "cores",
    "contestant",
    "round",  # or "calls", for the runs in which system calls were counted
    "count",
    "seconds",
    "sender_cpu_ns",
    "receiver_cpu_ns",
    "sender_faults",
    "receiver_faults",
    "p50_us",
    "p99_us",
    "sender_calls",
    "receiver_calls",
)


def short(value):
    """As many digits as mean something."""
    return "" if value is None else f"{value:.5g}" if isinstance(value, float) else value


def timed_row(began, group, contestant, round_number, count, outcome):
    return {
        **key_of(began, group, contestant),
        "round": str(round_number),
        "count": count,
        "seconds": outcome.seconds,
        "sender_cpu_ns": outcome.sender_cpu / count * 1e9,
        "receiver_cpu_ns": outcome.receiver_cpu / count * 1e9,
        "sender_faults": outcome.sender_faults,
        "receiver_faults": outcome.receiver_faults,
        "p50_us": outcome.p50,
        "p99_us": outcome.p99,
    }


def calls_row(began, group, contestant, count, calls):
    row = {**key_of(began, group, contestant), "round": "calls", "count": count}
    return {**row, "sender_calls": calls[0], "receiver_calls": calls[1]}


def key_of(began, group, contestant):
    return {
        "began": began,
        "work": group.work,
        "transport": group.transport,
        "size": group.size,
        "cores": group.cores,
        "contestant": contestant.name,
    }


def group_of(row):
    return Group(row["work"], row["transport"], row["size"], row["cores"])


def load(path):
    numbers = {"size": int, "cores": int, "count": int, "sender_faults": int, "receiver_faults": int}
    texts = {"began", "work", "transport", "contestant", "round"}
    with open(path, newline="") as file:
        return [
            {k: v if k in texts else numbers.get(k, float)(v) for k, v in row.items() if v != ""}
            for row in csv.DictReader(file)
        ]


def save(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: short(v) for k, v in row.items()} for row in rows)


def merge(old, new):
    """The new figures instead of the old ones of the same contestants; a reference stays for those whose rounds it
    was in."""
    renewed = {(group_of(row), row["contestant"]) for row in new}
    needed = {
        (group_of(row), row["began"])
        for row in old
        if not always_runs(row) and (group_of(row), row["contestant"]) not in renewed
    }

    def stays(row):
        if (group_of(row), row["contestant"]) not in renewed:
            return True
        return always_runs(row) and (group_of(row), row["began"]) in needed

    return [row for row in old if stays(row)] + new


def always_runs(row):
    return row["contestant"] in (REFERENCE[row["work"]], *LIMITS)


@dataclass(frozen=True)
class Spread:
    """A median and its range."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        values = [v for v in values if v is not None]
        return cls(median(values), min(values), max(values)) if values else None


class Figures:
    """What the rows say, by group and contestant."""

    def __init__(self, rows):
        self.timed, self.calls = defaultdict(list), {}
        for row in rows:
            if row["contestant"] not in BY_NAME:
                continue
            key = group_of(row), row["contestant"]
            if row["round"] == "calls":
                self.calls[key] = row
            else:
                self.timed[key].append(row)

    def groups(self):
        return sorted({group for group, _ in self.timed})

    def names(self, group):
        return [name for name in BY_NAME if (group, name) in self.timed]

    def rate(self, group, name):
        return Spread.of([row["count"] / row["seconds"] for row in self.timed[group, name]])

    def of(self, group, name, field):
        """The spread of a field of the rows."""
        return Spread.of([row.get(field) for row in self.timed.get((group, name), ())])

    def cpu(self, group, name):
        """Nanoseconds a message, of the sender and of the receiver."""
        return [self.of(group, name, field).middle for field in ("sender_cpu_ns", "receiver_cpu_ns")]

    def calls_a_message(self, group, name):
        """Of the sender and of the receiver, and of how many messages; None where nobody counted."""
        row = self.calls.get((group, name))
        return row and (row.get("sender_calls"), row.get("receiver_calls"), row["count"])

    def ratio(self, group, name, other, of=lambda row: row["count"] / row["seconds"]):
        """How many times the other's, within rounds: of the rate, or of what `of` says."""
        others = {(row["began"], row["round"]): of(row) for row in self.timed.get((group, other), ())}
        pairs = [(of(row), others.get((row["began"], row["round"]))) for row in self.timed.get((group, name), ())]
        return Spread.of([mine / theirs for mine, theirs in pairs if theirs])

    def to_reference(self, group, name):
        return self.ratio(group, name, REFERENCE[group.work])

    def limit(self, group):
        """The faster of the ways to move raw bytes; None where there is none."""
        there = [name for name in LIMITS if (group, name) in self.timed]
        return max(there, key=lambda name: self.rate(group, name).middle, default=None)

    def to_limit(self, group, name):
        limit = self.limit(group)
        return self.ratio(group, name, limit) if limit else None


def mean_of(ratios):
    """The geometric mean, which is the one for ratios."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))
