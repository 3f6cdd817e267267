"""Compares fdwire with its peers, and writes what came out: figures (CSV), a document (Markdown) and charts (SVG).

    python3 compare [--rounds N] [--short] [--peers NAMES] [--sizes SIZES] [--transports NAMES] [--work NAMES]
                    [--append] [--out FOLDER]
    python3 compare --report [--out FOLDER]
    python3 compare --cell CONTESTANT TRANSPORT SIZE WORK [--seconds S] [--sender-under CMD] [--receiver-under CMD]
"""

import argparse
import shlex
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import charts
import figures
import report
from calls import find_counter
from contestants import BY_NAME, CONTESTANTS, LIMITS, REFERENCE, SHORT_SIZES, SIZES, TRANSPORTS, WORKS, Group, groups
from machine import not_built
from rounds import Measuring, calibrate
from run import BENCHES, CONGESTION, Failed, Skipped, command, run

SECONDS, SHORT_SECONDS = 0.1, 0.02
LONGEST = 20  # of a cell: peers end themselves after two minutes, whatever happens


def tell(text):
    print(text, flush=True)


def some_of(known):
    """An argument: names with blanks or commas between them."""

    def parse(text):
        names = text.replace(",", " ").split()
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return names

    return parse


def arguments():
    peers = list(dict.fromkeys([c.peer for c in CONTESTANTS] + list(BY_NAME)))
    parser = argparse.ArgumentParser(prog="compare", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=None, help="alternating rounds (9; short: 1)")
    parser.add_argument("--short", action="store_true", help="little time for each, three sizes, into build/docs")
    parser.add_argument("--peers", type=some_of(peers), help="programs, or contestants; what they are held against too")
    parser.add_argument("--sizes", type=some_of(SIZES))
    parser.add_argument("--transports", type=some_of(TRANSPORTS), default=list(TRANSPORTS))
    parser.add_argument("--work", type=some_of(WORKS), default=list(WORKS))
    parser.add_argument("--append", action="store_true", help="keep the figures that are not measured anew")
    parser.add_argument("--out", type=Path, help="where to (../docs; build/docs if only a part is measured)")
    parser.add_argument("--report", action="store_true", help="only write the document and the charts again")
    parser.add_argument("--cell", nargs=4, metavar=("CONTESTANT", "TRANSPORT", "SIZE", "WORK"), help="one run")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a --cell takes")
    parser.add_argument("--sender-under", type=shlex.split, default=[], help="a command to run a --cell's sender with")
    parser.add_argument("--receiver-under", type=shlex.split, default=[])
    asked = parser.parse_args()
    if asked.rounds is not None and asked.rounds < 1:
        parser.error("--rounds is at least 1")
    if not 0 < asked.seconds <= LONGEST:
        parser.error(f"--seconds is at most {LONGEST}")
    return asked


def folder_for(asked):
    """A part of the figures does not take the place of all of them."""
    whole = not (asked.short or asked.peers or asked.sizes) and (asked.transports, asked.work) == (
        list(TRANSPORTS),
        list(WORKS),
    )
    if asked.out:
        return asked.out
    return BENCHES.parent / "docs" if whole or asked.append or asked.report else BENCHES / "build" / "docs"


def chosen(group, peers):
    """Those who are asked for and were built, and whom they are held against."""
    always = (REFERENCE[group.work], *LIMITS)
    built = [c for c in group.contestants() if command(c.peer) is not None]
    return [c for c in built if peers is None or {c.name, c.peer} & set(peers) or c.name in always]


def show(group, rows):
    seen = figures.Figures(rows)
    for name in seen.names(group):
        ratio, rate, cpu = seen.to_reference(group, name), seen.rate(group, name), seen.cpu(group, name)
        text = f"  {name:14} "
        if ratio is not None:
            text += f"{report.ratio(ratio):>20} × {REFERENCE[group.work]}  "
        text += f"{report.number(rate.middle):>8}/s  cpu {report.pair(cpu)} ns"
        if group.work == "ping":
            middle, late = (seen.of(group, name, field).middle for field in ("p50_us", "p99_us"))
            text += f"  {middle:.1f} µs, p99 {late:.1f}"
        if (group, name) in seen.calls:
            text += f"  calls {report.calls(seen.calls_a_message(group, name))}"
        tell(text)


def measure(asked):
    """All that was asked for: the rows, and who failed."""
    began = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    rounds = asked.rounds or (1 if asked.short else 9)
    seconds = SHORT_SECONDS if asked.short else SECONDS
    sizes = [SIZES[name] for name in asked.sizes or (SHORT_SIZES if asked.short else SIZES)]
    counter, start = find_counter(), time.monotonic()
    for peer in not_built():
        tell(f"{peer}: skipped: not installed, so not built")
    by = counter.name if counter else "nobody: neither perf nor strace may"
    tell(f"{rounds} rounds of {seconds} s a run; TCP with {CONGESTION}; system calls are counted by {by}")
    rows, failed = [], set()
    for group in groups(asked.work, asked.transports, sizes):
        tell(f"{group} ({time.monotonic() - start:.0f} s)")
        measuring = Measuring(group, chosen(group, asked.peers), began, tell)
        measuring.measure(rounds, seconds, counter)
        show(group, measuring.rows)
        rows += measuring.rows
        failed |= {f"{name} ({group})" for name in measuring.failed}
    return rows, failed


def run_cell(asked):
    name, transport, size, work = asked.cell
    if name not in BY_NAME or transport not in TRANSPORTS or size not in SIZES or work not in WORKS:
        sys.exit("no such contestant, transport, size or work")
    contestant, group = BY_NAME[name], Group(work, transport, SIZES[size])
    if not contestant.takes_part(group):
        sys.exit(f"{name} does not take part in {group}")
    try:
        count = int(calibrate(contestant, group, SECONDS) * asked.seconds / SECONDS)
        outcome = run(contestant, group, count, under=(asked.sender_under, asked.receiver_under))
    except (Failed, Skipped) as why:
        sys.exit(f"{name}: {why}")
    show(group, [figures.timed_row("", group, contestant, 0, count, outcome)])


def write(asked, folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    figures.save(folder / "benchmarks.csv", rows)
    seen = figures.Figures(rows)
    drawn = charts.write(folder / "charts", seen)
    (folder / "benchmarks.md").write_text(report.document(seen, rows, drawn))
    tell(f"written: {folder / 'benchmarks.md'}, its figures and charts")


def main():
    asked = arguments()
    if asked.cell:
        run_cell(asked)
        return
    folder = folder_for(asked)
    kept = folder / "benchmarks.csv"
    old = figures.load(kept) if (asked.append or asked.report) and kept.exists() else []
    rows, failed = ([], set()) if asked.report else measure(asked)
    rows = figures.merge(old, rows)
    if not rows:
        sys.exit("there are no figures")
    write(asked, folder, rows)
    if failed:
        sys.exit(f"failed: {', '.join(sorted(failed))}")


main()
