#!/usr/bin/env python3
"""Mutation testing: small faults are planted in the library one by one, and the tests must notice each.

    tests/mutants/run.py all [--minutes N] [--missed]   every mutant that results.txt lacks (or those that it has as missed);
                                                        75 where some are left
    tests/mutants/run.py sample                         makes sample.diff: a mutant of each layer that C programs caught
    tests/mutants/run.py short                          has those programs catch them again, then does what check does
    tests/mutants/run.py check                          the score of results.txt, and whether survivors.txt explains all

cargo-mutants (27 or later) lists the mutants; only `all` and `sample` need it. Each mutant is built in a copy of the tree,
one copy a worker, as a shared library. The C programs of tests/c, compiled once, and the conformance vectors run on it, the
quick ones first; then, if nothing was noticed, the unit tests, the slow programs, side by side, the other Rust tests, the
programs where something is otherwise than usual, and what a message costs. What fails has to fail twice, so that a busy
machine catches no mutant.

results.txt has one line a mutant: what became of it, what noticed it, and its name, which line numbers are no part of.
"""

import argparse
import concurrent.futures
import difflib
import itertools
import json
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

from warm import seed  # noqa: E402

WORK = ROOT / "target/mutants"
RESULTS, SURVIVORS, SAMPLE = HERE / "results.txt", HERE / "survivors.txt", HERE / "sample.diff"

LAYERS = ["format", "codec", "connection", "message", "fd"]
WORKERS = os.cpu_count() or 1
SAMPLES_PER_LAYER = 1
SCORE = 95.0
# What tests count on a mutant is no figure.
FIGURES = os.environ.pop("FDWIRE_FIGURES", None)
# Each mutant is a build with one line changed, so cargo is to keep what it needs for the next, as it does by itself. Were it told
# to, it would do so with optimised builds, too, which cost more then than tests/costs allows.
os.environ.pop("CARGO_INCREMENTAL", None)

# The library alone is built for speed of building; what it stands on stays as the other tests have it.
PROFILE = ["--config", "profile.dev.package.fdwire.opt-level=0", "--config", "profile.dev.package.fdwire.debug=0"]
# Seconds: programs that take longer wait on purpose, or do very much. They come late, side by side.
QUICK = 3.0


def main():
    global WORKERS
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=["all", "sample", "short", "check"])
    arguments.add_argument("--minutes", type=float, default=80)
    arguments.add_argument("--missed", action="store_true")
    arguments.add_argument("--workers", type=int, default=WORKERS, help="mutants that are tried at once")
    arguments = arguments.parse_args()
    WORKERS = arguments.workers
    if arguments.what == "all":
        sys.exit(try_all(arguments.minutes * 60, arguments.missed))
    elif arguments.what == "sample":
        make_sample()
    elif arguments.what == "short":
        try_sample()
    if arguments.what in ("short", "check"):
        check()


# The mutants

class Mutant:
    """A fault to plant: a file, where in it, and what stands there instead."""

    def __init__(self, entry, seen):
        self.file = entry["file"]
        self.layer = self.file.split("/")[1].removesuffix(".rs")
        name = f"{self.file}: {entry['name'].split(': ', 1)[1]}"
        seen[name] += 1
        self.key = name if seen[name] == 1 else f"{name} (no. {seen[name]})"
        self.span, self.replacement = entry["span"], entry["replacement"]

    def mutated(self):
        source = (ROOT / self.file).read_text()
        lines = source.splitlines(keepends=True)

        def offset(place):
            return sum(map(len, lines[: place["line"] - 1])) + place["column"] - 1

        start, end = offset(self.span["start"]), offset(self.span["end"])
        return source, source[:start] + self.replacement + source[end:]

    def plant(self, tree):
        (tree / self.file).write_text(self.mutated()[1])

    def restore(self, tree):
        (tree / self.file).write_text((ROOT / self.file).read_text())

    def diff(self):
        parts = (text.splitlines(keepends=True) for text in self.mutated())
        return "".join(difflib.unified_diff(*parts, f"a/{self.file}", f"b/{self.file}"))


def listed():
    files = [argument for layer in LAYERS for argument in ("--file", f"src/{layer}/**/*.rs")]
    # Where there is Linux it is not compiled: the tests for it (`portable:` of c_programs) have a library of their own.
    files += ["--exclude", "src/fd/syscall/portable.rs"]
    output = subprocess.run(
        ["cargo", "mutants", "--list", "--json", *files], cwd=ROOT, check=True, capture_output=True, text=True)
    seen = Counter()
    return [Mutant(entry, seen) for entry in json.loads(output.stdout)]


class Patch:
    """A mutant of sample.diff, which lines may have moved around, and the program that caught it."""

    def __init__(self, by, key, text):
        self.by, self.key, self.text = by, key, text
        self.file = text.splitlines()[0].removeprefix("--- a/")

    def apply(self, tree, *options):
        # Outside any repository, so that paths are those of the copy.
        return subprocess.run(["git", "apply", *options, "-"], cwd=tree, input=self.text, text=True,
                              env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)}).returncode == 0

    def fits(self):
        return self.apply(ROOT, "--check")

    def plant(self, tree):
        if not self.apply(tree):
            raise ValueError(f"does not fit: {self.key}")

    restore = Mutant.restore


# Trying one

def prepare(only=None):
    """The copies of the tree, and the C programs, or those of some names. Returns what to run."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    for worker in range(WORKERS):
        tree = WORK / f"tree{worker}"
        for file in filter(lambda file: (ROOT / file).is_file(), files):
            to = tree / file
            if not to.exists() or to.read_bytes() != (ROOT / file).read_bytes():
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, to)
        seed(ROOT / "target/debug", tree / "target/debug")
        build(tree, subprocess.check_call)
    programs = sorted(only or {path.stem for path in (ROOT / "tests/c").glob("*.c")} - SHIMMED)
    steps = compile_programs(programs)
    return steps if only else [*steps, Step("vectors", ["python3", ROOT / "tests/vectors/framer.py"])]


def compile_programs(programs):
    out, library = WORK / "c", WORK / "tree0/target/debug"
    out.mkdir(exist_ok=True)
    for program in programs:
        subprocess.check_call(["gcc", "-O1", f"-I{ROOT}/include", f"{ROOT}/tests/c/{program}.c", "-o", out / program,
                               f"-L{library}", "-lfdwire", "-lpthread"])
    return [Step(program, [out / program]) for program in programs]


class Step:
    """Something that runs on the shared library, and how long it may take."""

    least = 4.0

    def __init__(self, name, command):
        self.name, self.command, self.took, self.limit = name, command, None, 600.0

    def run(self, tree):
        """What the library did to it: nothing, a failure, or a timeout."""
        library = tree / "lib"
        environment = os.environ | {"LD_LIBRARY_PATH": str(library), "FDWIRE_LIBRARY": str(library / "libfdwire.so")}
        return run(self.command, tree, self.limit, environment)


class RustTests(Step):
    """Tests that are built with the mutant, which is no part of what they took without one."""

    least = 240.0

    def __init__(self, name, which):
        super().__init__(name, ["cargo", "test", "--quiet", "--locked", *which, *PROFILE])

    def run(self, tree):
        return run(self.command, tree, self.limit)


UNITS, KINDS = RustTests("lib", ["--lib"]), RustTests("kinds", ["--test", "kinds"])
# The C programs again, where something is otherwise than usual; these have nothing to see elsewhere.
SHIMMED = {"conn_ktls"}
WORLDS = RustTests("worlds", ["--test", "c_programs"])
# What a message costs: a short way that is never taken is noticed by its instructions alone.
COSTS = RustTests("costs", ["--test", "costs"])


def run(command, folder, limit, environment=None):
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return "caught" if process.wait(limit) else None
    except subprocess.TimeoutExpired:
        return "timeout"
    finally:
        # Its children too: programs fork.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def build(tree, call):
    call(["cargo", "build", "--quiet", "--locked", "--lib", *PROFILE], cwd=tree, stderr=subprocess.DEVNULL)
    library = tree / "lib"
    library.mkdir(exist_ok=True)
    for name in ("libfdwire.so", "libfdwire.so.0"):
        (library / name).unlink(missing_ok=True)
        (library / name).symlink_to(tree / "target/debug/libfdwire.so")


def measure(steps):
    """The unchanged library must pass; what it takes sets the order, and deadlines with room for a busy machine."""
    for step in steps:
        began = time.monotonic()
        if step.run(WORK / "tree0") is not None:
            sys.exit(f"{step.name} fails without a mutant")
        step.took = time.monotonic() - began
        step.limit = step.least + 5 * step.took
    steps.sort(key=lambda step: step.took)


def attempt(mutant, tree, steps, short):
    """What became of a mutant, and what noticed it."""
    mutant.plant(tree)
    try:
        build(tree, subprocess.check_call)
        return judge(tree, steps, short)
    except subprocess.CalledProcessError:
        return "unviable", "rustc"
    finally:
        mutant.restore(tree)


def judge(tree, steps, short):
    def tried(step):
        fate = step.run(tree)
        # Once more: it was this mutant, not the machine.
        return (fate, step.name) if fate and step.run(tree) else None

    def waiting():
        slow = [step for step in steps if step.took > QUICK]
        with concurrent.futures.ThreadPoolExecutor(len(slow)) as pool:
            return next(filter(None, pool.map(tried, slow)), None)

    quick = (tried(step) for step in steps if short or step.took <= QUICK)
    noticed = next(filter(None, quick), None)
    if not noticed and not short:
        noticed = tried(UNITS) or waiting() or tried(KINDS) or tried(WORLDS) or tried(COSTS)
    return noticed or ("missed", "-")


def try_each(mutants, steps_of, short, tell, until=float("inf")):
    trees = queue.Queue()
    for worker in range(WORKERS):
        trees.put(WORK / f"tree{worker}")
    lock = threading.Lock()

    def one(mutant):
        if time.monotonic() > until:
            return
        tree = trees.get()
        try:
            fate = attempt(mutant, tree, steps_of(mutant), short)
        finally:
            trees.put(tree)
        with lock:
            tell(mutant, *fate)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, mutants))


# What is done with many

def read_results():
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    entries = (line.split("\t") for line in lines if not line.startswith("#"))
    return {key: (fate, by) for fate, by, key in entries}


def write_results(results, total):
    lines = [f"{fate}\t{by}\t{key}" for key, (fate, by) in sorted(results.items())]
    RESULTS.write_text("\n".join([f"# {total} mutants, of which tried: {len(results)}", *lines]) + "\n")


def try_all(seconds, missed):
    until = time.monotonic() + seconds
    mutants = listed()
    # In an order that any part of is a fair sample of the whole.
    random.Random(1).shuffle(mutants)
    keys = {mutant.key for mutant in mutants}
    # Those that are no mutants any more say nothing of this source.
    results = {key: fate for key, fate in read_results().items() if key in keys}
    write_results(results, len(mutants))
    fresh = [mutant for mutant in mutants if results.get(mutant.key, ("missed",))[0] == "missed"
             and (missed or mutant.key not in results) and (not missed or mutant.key in results)]
    steps = prepare()
    os.environ["FDWIRE_TEST_ONLY"] = "worlds"
    measure([UNITS, KINDS, WORLDS, COSTS])
    measure(steps)

    def tell(mutant, fate, by):
        results[mutant.key] = (fate, by)
        write_results(results, len(mutants))
        print(f"{time.strftime('%H:%M:%S')} {fate}\t{by}\t{mutant.key}", flush=True)

    try_each(fresh, lambda _: steps, False, tell, until)
    print(f"{len(mutants)} mutants, {len(results)} tried: {dict(Counter(fate for fate, _ in results.values()))}")
    return os.EX_TEMPFAIL if len(results) < len(mutants) else os.EX_OK


def make_sample():
    """Of the mutants that C programs caught, the same number from each layer."""
    results, mutants = read_results(), listed()
    random.Random(1).shuffle(mutants)
    chosen = []
    for layer in LAYERS:
        caught = (mutant for mutant in mutants if mutant.layer == layer and results.get(mutant.key, [""])[0] == "caught")
        by_c = (mutant for mutant in caught if (ROOT / f"tests/c/{results[mutant.key][1]}.c").exists())
        chosen += itertools.islice(by_c, SAMPLES_PER_LAYER)
    SAMPLE.write_text("".join(f"# {results[mutant.key][1]}\t{mutant.key}\n{mutant.diff()}" for mutant in chosen))


def try_sample():
    patches = []
    for part in ("\n" + SAMPLE.read_text()).split("\n# ")[1:]:
        title, text = part.split("\n", 1)
        patches.append(Patch(*title.split("\t"), text.rstrip("\n") + "\n"))
    if stale := [patch.key for patch in patches if not patch.fits()]:
        sys.exit("the source has changed where these were, so make sample.diff anew:\n" + "\n".join(stale))
    steps = prepare({patch.by for patch in patches})
    measure(steps)
    missed = []

    def tell(mutant, fate, by):
        print(f"{fate}\t{by}\t{mutant.key}", flush=True)
        if fate not in ("caught", "timeout"):
            missed.append(mutant.key)

    try_each(patches, lambda patch: [step for step in steps if step.name == patch.by], True, tell)
    if missed or not patches:
        sys.exit(f"of the sample's {len(patches)} mutants not caught: {missed}")


def check():
    results = read_results()
    counts = Counter(fate for fate, _ in results.values())
    noticed = counts["caught"] + counts["timeout"]
    score = 100.0 * noticed / max(noticed + counts["missed"], 1)
    total = int(RESULTS.read_text().split()[1])
    explained = {}
    for line in SURVIVORS.read_text().splitlines():
        if line and not line.startswith("#"):
            key, why = line.split("\t")
            explained[key] = why
    survived = {key for key, (fate, _) in results.items() if fate == "missed"}
    print(f"mutants: {total}, tried: {len(results)}, caught: {counts['caught']}, timeouts: {counts['timeout']}, "
          f"survived: {counts['missed']}, unviable: {counts['unviable']}, score: {score:.1f} %")
    problems = [f"survived, and survivors.txt does not say why: {key}" for key in sorted(survived - explained.keys())]
    problems += [f"explained as a survivor, but it is none: {key}" for key in sorted(explained.keys() - survived)]
    if score < SCORE:
        problems.append(f"the score is {score:.1f} %, which is under {SCORE} %")
    if problems:
        sys.exit("\n".join(problems))
    figures(total, results, counts, score)


def figures(total, results, counts, score):
    if FIGURES is None:
        return
    with open(FIGURES, "a") as file:
        for name, value, what in [
            ("total", total, "mutants that there are of format, codec, connection, message and fd"),
            ("tried", len(results), "mutants tried, in an order that is spread over all layers"),
            ("caught", counts["caught"], "mutants on which a test failed"),
            ("timeouts", counts["timeout"], "mutants on which a test did not end"),
            ("survived", counts["missed"], "mutants that no test noticed, each explained"),
            ("score", f"{score:.1f}", "percent of the mutants tried that build, noticed by tests of which some were written for what the same mutants had shown"),
        ]:
            file.write(f"mutants.{name}\t{value}\t{what}\n")


if __name__ == "__main__":
    main()
