#!/usr/bin/env python3
"""Shows that each gate can fail: plants a fault, runs the gate, expects it to find the fault, and restores what was there.

    tests/plants/plants.py               all plants
    tests/plants/plants.py --short       those of CI
    tests/plants/plants.py GATE...       those of these gates
    tests/plants/plants.py --minutes N   a part of so long; the next call goes on from there, or begins anew where the tree is
                                         another; ends with 75 while some are left
    tests/plants/plants.py --list        what there is

plants.toml has them: an edit of one file, the command that is the gate, and what it has to say then. They are planted in a copy of
the tree, in target/plants. First of all, each plant that there is has to fit the source as it is now. A gate that is red without its
fault shows nothing, so it runs without it before.
"""
import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIELD = ROOT / "target/plants"
# What was green, and what was caught, in a run of several parts, below the tree that it was.
DONE = ROOT / "target/plants.done"
LIMIT_SECONDS = 900
# Each plant is a build with one line changed, so cargo is to keep what it needs for the next, as it does by itself. Were it told to,
# it would do so with optimised builds, too, which cost more then than tests/costs allows.
LEFT_OUT = ["FDWIRE_FIGURES", "FDWIRE_RENEW", "CARGO_INCREMENTAL"]
GOES_ON = 75  # EX_TEMPFAIL of sysexits.h
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

from warm import seed  # noqa: E402


def tree():
    """The files that git knows and that are there."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    return [name for name in names if name and (ROOT / name).exists()]


def copy_tree():
    """These files, as they are now, beside what was built in the copy before, or of what they stand on."""
    for folder, folders, files in os.walk(FIELD):
        folders[:] = [name for name in folders if name != "target"]
        for name in files:
            os.unlink(os.path.join(folder, name))
    for name in tree():
        (FIELD / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, FIELD / name)
    seed(ROOT / "target/debug", FIELD / "target/debug")


def run(command):
    """Whether the gate is green, and what it said."""
    environment = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
    environment["FDWIRE_NO_SKIP"] = "1"  # what is skipped finds nothing
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=FIELD, env=environment, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        said, _ = process.communicate()
        return False, f"{said}\nno end within {LIMIT_SECONDS} s"
    return process.returncode == 0, said


def misfit(plant):
    """Why the fault cannot be planted; None if it can."""
    file = ROOT / plant["file"]
    times = file.read_text().count(plant["old"]) if file.exists() else 0
    return None if times == 1 else f"{plant['gate']}: {plant['what']}: {plant['file']} has its place {times} times"


def try_out(plant):
    """None if the gate caught the fault, else what is wrong."""
    file = FIELD / plant["file"]
    before = file.read_text()
    file.write_text(before.replace(plant["old"], plant["new"]))
    try:
        green, said = run(plant["command"])
    finally:
        file.write_text(before)
    if green:
        return "NOT CAUGHT: the gate stays green"
    if not re.search(plant["says"], said):
        return f"red, but without saying {plant['says']!r}:\n{said[-3000:]}"
    return None


def try_green(command):
    """None if the gate is green without any fault, else what it said."""
    green, said = run(command)
    return None if green else f"red without any fault:\n{said[-3000:]}"


class Progress:
    """What a run of several parts has done, and when a part is to end."""

    def __init__(self, minutes):
        self.kept = minutes is not None
        self.until = time.monotonic() + 60 * minutes if self.kept else float("inf")
        files = hashlib.sha256()
        for name in tree():
            files.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
        tried = files.hexdigest()
        lines = DONE.read_text().splitlines() if self.kept and DONE.exists() else []
        self.done = set(lines[1:]) if lines[:1] == [tried] else set()
        if self.kept and not self.done:
            DONE.parent.mkdir(exist_ok=True)
            DONE.write_text(tried + "\n")

    def is_over(self):
        return time.monotonic() > self.until

    def note(self, step):
        if self.kept:
            with open(DONE, "a") as out:
                out.write(step + "\n")


def steps_of(plants):
    """Each with its name, what is said if all is well, of what, and what it does: first the gates without a fault, built once."""
    for command in dict.fromkeys(plant["command"] for plant in plants):
        yield f"green: {command}", "green", command, lambda command=command: try_green(command)
    for plant in plants:
        yield f"{plant['gate']}: {plant['what']}", "caught", plant["what"], lambda plant=plant: try_out(plant)


def go_through(plants, progress):
    """How many failed, and how many are left."""
    failed = left = 0
    for name, well, what, step in steps_of(plants):
        if name in progress.done:
            continue
        if progress.is_over():
            left += 1
            continue
        since = time.monotonic()
        wrong = step()
        failed += wrong is not None
        if wrong is None:
            progress.note(name)
        print(f"{name.split(': ')[0]:16} {time.monotonic() - since:5.0f} s  {what}: {wrong or well}", flush=True)
    return failed, left


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("gates", nargs="*", metavar="GATE")
    options.add_argument("--short", action="store_true", help="those of CI")
    options.add_argument("--minutes", type=float, help="a part of so long, which goes on the next time")
    options.add_argument("--list", action="store_true", help="what there is")
    asked = options.parse_args()
    every = tomllib.loads((HERE / "plants.toml").read_text())["plant"]
    unknown = set(asked.gates) - {plant["gate"] for plant in every}
    if unknown:
        sys.exit(f"no such gate: {', '.join(sorted(unknown))}")
    plants = [p for p in every if (p["gate"] in asked.gates or not asked.gates) and (p.get("short") or not asked.short)]
    if asked.list:
        for plant in plants:
            print(f"{plant['gate']:16} {plant['what']}")
        return
    if misfits := list(filter(None, map(misfit, every))):
        sys.exit("these do not fit:\n" + "\n".join(misfits))
    progress = Progress(asked.minutes)
    copy_tree()
    failed, left = go_through(plants, progress)
    if failed:
        sys.exit(f"{failed} failed")
    if left:
        print(f"{left} steps are left for the next part")
        sys.exit(GOES_ON)
    if figures := os.environ.get("FDWIRE_FIGURES"):
        with open(figures, "a") as out:
            out.write(f"plants.caught\t{len(plants)} of {len(every)}\tplanted faults that their gates caught, of all there are\n")


if __name__ == "__main__":
    main()
