#!/usr/bin/env python3
"""Shows that each gate can fail: plants a fault, runs the gate, expects it to find the fault, and restores what was there.

    tests/plants/plants.py               all plants
    tests/plants/plants.py --short       those of CI
    tests/plants/plants.py GATE...       those of these gates
    tests/plants/plants.py --list        what there is

plants.toml has them: an edit of one file, the command that is the gate, and what it has to say then. They are planted in a copy of
the tree, in target/plants. First of all, each plant that there is has to fit the source as it is now. A gate that is red without its
fault shows nothing, so it runs without it before.
"""
import argparse
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
LIMIT_SECONDS = 900
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

from warm import seed  # noqa: E402


def copy_tree():
    """The files that git knows, as they are now, beside what was built in the copy before, or of what they stand on."""
    for folder, folders, files in os.walk(FIELD):
        folders[:] = [name for name in folders if name != "target"]
        for name in files:
            os.unlink(os.path.join(folder, name))
    for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).exists():
            (FIELD / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, FIELD / name)
    seed(ROOT / "target/debug", FIELD / "target/debug")


def run(command):
    """Whether the gate is green, and what it said."""
    environment = {key: value for key, value in os.environ.items() if key not in ("FDWIRE_FIGURES", "FDWIRE_RENEW")}
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


def show(plant, result, since):
    verdict = "caught" if result is None else result
    print(f"{plant['gate']:16} {time.monotonic() - since:5.0f} s  {plant['what']}: {verdict}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("gates", nargs="*", metavar="GATE")
    options.add_argument("--short", action="store_true", help="those of CI")
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
    copy_tree()
    failed = 0
    for command in dict.fromkeys(plant["command"] for plant in plants):
        since = time.monotonic()
        green, said = run(command)
        if not green:
            failed += 1
            print(f"red without any fault: {command}\n{said[-3000:]}")
        else:
            print(f"{'green':16} {time.monotonic() - since:5.0f} s  {command}", flush=True)
    for plant in plants:
        since = time.monotonic()
        result = try_out(plant)
        failed += result is not None
        show(plant, result, since)
    if failed:
        sys.exit(f"{failed} failed")
    if figures := os.environ.get("FDWIRE_FIGURES"):
        with open(figures, "a") as out:
            out.write(f"plants.caught\t{len(plants)} of {len(every)}\tplanted faults that their gates caught, of all there are\n")


if __name__ == "__main__":
    main()
