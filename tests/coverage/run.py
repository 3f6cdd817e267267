#!/usr/bin/env python3
"""Line and branch coverage of src, by the Rust tests and by the C programs of tests/c together.

    tests/coverage/run.py [--missed]    (--missed: also the lines and branches that nothing reaches)
    tests/coverage/run.py --build       builds what that runs, and no more

Prints both by file and in all, and fails under the least that is set below. What counts:

- A line or a side of a branch that any test reaches, in any instantiation of a generic function, is covered; in the totals
  it counts once, however many instantiations there are. (llvm-cov's own totals count each.)
- The code of unit tests, `#[cfg(test)] mod tests` at the end of a file, is left out.
- What is compiled for other systems is not in the build, so it is neither covered nor missed.

The counters lie in a mapped file, so that programs that end by a signal or by _exit count too. Needs llvm-tools
(rustup component add llvm-tools).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

from warm import seed  # noqa: E402

WORK = ROOT / "target/coverage"
PROFILES = WORK / "profiles"
LINES, BRANCHES = 97.0, 93.0
# What the tests count here, they count in gates of their own.
FIGURES = os.environ.pop("FDWIRE_FIGURES", None)

# For other systems.
ELSEWHERE = {"fd/syscall/portable.rs"}

CARGO = ["cargo", "test", "--locked", "--lib"]
CARGO += [f"--test={name}" for name in ("vectors", "kinds", "presets", "c_programs")]

# Branches are counted by an unstable option. Only the library and its tests are instrumented: cargo calls this for those.
RUSTC = """#!/bin/sh
RUSTC_BOOTSTRAP=1 exec "$@" -Cinstrument-coverage -Zcoverage-options=branch -Cllvm-args=-runtime-counter-relocation
"""


def main():
    environment = prepare()
    tests = build(environment)
    if "--build" in sys.argv:
        return
    subprocess.run([*CARGO, "--quiet"], cwd=ROOT, env=environment, check=True)
    # Of a function that several have, llvm-cov takes what the first says.
    lines, branches = counts([WORK / "debug/deps/libfdwire.so", *tests])
    sys.exit(report(lines, branches, "--missed" in sys.argv))


def prepare():
    """The environment that cargo needs."""
    shutil.rmtree(PROFILES, ignore_errors=True)
    PROFILES.mkdir(parents=True)
    seed(ROOT / "target/debug", WORK / "debug")
    wrapper = WORK / "rustc"
    wrapper.write_text(RUSTC)
    wrapper.chmod(0o755)
    return os.environ | {
        "RUSTC_WORKSPACE_WRAPPER": str(wrapper),
        "LLVM_PROFILE_FILE": str(PROFILES / "%p%c.profraw"),
        "CARGO_TARGET_DIR": str(WORK),
        "FDWIRE_TEST_ONLY": "plain",
        "FDWIRE_TEST_SCALE": "1",  # what many faults reach, some of each kind do
    }


def build(environment):
    """The tests' executables."""
    built = subprocess.run([*CARGO, "--no-run", "--message-format=json"], cwd=ROOT, env=environment, check=True,
                           stdout=subprocess.PIPE, text=True)
    messages = map(json.loads, filter(lambda line: line.startswith("{"), built.stdout.splitlines()))
    return [Path(message["executable"]) for message in messages if message.get("executable")]


def llvm(tool, *arguments):
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    program = next(Path(sysroot).glob(f"lib/rustlib/*/bin/{tool}"), None)
    if program is None:
        sys.exit("llvm-tools are needed: rustup component add llvm-tools")
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def counts(objects):
    """How often each line ran, and each side of each branch, by file."""
    merged = WORK / "all.profdata"
    listing = WORK / "profiles.txt"
    listing.write_text("".join(f"{path}\n" for path in PROFILES.glob("*.profraw") if path.stat().st_size))
    llvm("llvm-profdata", "merge", "--sparse", "--failure-mode=all", f"--input-files={listing}", "-o", merged)
    export = ["export", f"--instr-profile={merged}", objects[0], *(f"--object={path}" for path in objects[1:])]
    lines, branches = defaultdict(dict), defaultdict(dict)
    file = None
    for line in llvm("llvm-cov", *export, "--format=lcov").splitlines():
        if line.startswith("SF:"):
            file = ours(line[3:])
        elif line.startswith("DA:") and file and not unit_test(file, int(line[3:].split(",")[0])):
            at, count = map(int, line[3:].split(",")[:2])
            lines[file][at] = lines[file].get(at, 0) + count
    for entry in json.loads(llvm("llvm-cov", *export, "--format=text"))["data"][0]["files"]:
        file = ours(entry["filename"])
        for line, column, _, end, taken, not_taken, *_ in entry["branches"] if file else []:
            if not unit_test(file, line):
                for side, count in (("true", taken), ("false", not_taken)):
                    place = (line, column, end, side)
                    branches[file][place] = branches[file].get(place, 0) + count
    return lines, branches


def ours(path):
    inside = ROOT / "src"
    return str(Path(path).relative_to(inside)) if Path(path).is_relative_to(inside) else None


@cache
def parts(file):
    """Its code, and its unit tests, which are its last item."""
    code, _, tests = (ROOT / "src" / file).read_text().partition("#[cfg(test)]\nmod tests {\n")
    assert tests == "" or tests.index("\n}\n") + 3 == len(tests), f"{file}: something comes after the unit tests"
    return code, tests


def unit_test(file, line):
    code, tests = parts(file)
    return tests != "" and line > code.count("\n")


def unseen(lines):
    """The files with functions of which no line was counted."""
    files = {ours(path) for path in (ROOT / "src").rglob("*.rs")} - ELSEWHERE
    return sorted(file for file in files if re.search(r"\bfn \w+", parts(file)[0]) and not lines.get(file))


def report(lines, branches, missed):
    total = [0, 0, 0, 0]
    print(f"{'file':34} {'lines':>12} {'':7} {'branches':>12}")
    for file in sorted(lines):
        row = [sum(map(bool, lines[file].values())), len(lines[file]),
               sum(map(bool, branches[file].values())), len(branches[file])]
        total = [sum(pair) for pair in zip(total, row)]
        show(file, row)
    show("all", total)
    if missed:
        for file in sorted(lines):
            where = [str(at) for at, count in sorted(lines[file].items()) if not count]
            sides = [f"{line}:{column} never {side}" for (line, column, _, side), count in sorted(branches[file].items())
                     if not count]
            print("".join(f"src/{file}: {text}\n" for text in ["lines " + " ".join(where)] * bool(where) + sides), end="")
    if unseen(lines) or total[3] == 0:
        return "nothing was counted of " + ", ".join(unseen(lines) or ["branches"])
    of_lines, of_branches = percent(*total[:2]), percent(*total[2:])
    if of_lines < LINES or of_branches < BRANCHES:
        return f"too little: {LINES} % of lines and {BRANCHES} % of branches is the least"
    if FIGURES:
        with open(FIGURES, "a") as figures:
            figures.write(f"coverage.lines\t{of_lines:.1f}\tpercent of the lines of src that tests reach, C programs included\n"
                          f"coverage.branches\t{of_branches:.1f}\tpercent of the sides of branches that they reach\n")
    return 0


def show(name, row):
    print(f"{name:34} {row[0]:5}/{row[1]:<5} {percent(*row[:2]):6.1f} % {row[2]:5}/{row[3]:<5} {percent(*row[2:]):6.1f} %")


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


if __name__ == "__main__":
    main()
