"""System calls a message, counted in two more runs, of which the difference knows nothing of the start."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from run import run

EVENT = "raw_syscalls:sys_enter"


class Perf:
    """The kernel's own count, of all threads."""

    name = "perf stat"

    @staticmethod
    def under(file):
        return ("perf", "stat", "-x,", "-o", file, "-e", EVENT, "--")

    @staticmethod
    def count(text):
        return int(next(line for line in text.splitlines() if EVENT in line).split(",")[0])


class Strace:
    """The same, but slower."""

    name = "strace"

    @staticmethod
    def under(file):
        return ("strace", "-f", "-c", "-U", "calls,name", "-o", file)

    @staticmethod
    def count(text):
        return int(re.search(r"^\s*(\d+)\s+total$", text, re.MULTILINE).group(1))


def find_counter():
    """The first that is installed and may count here; None where there is none."""
    for counter in (Perf, Strace):
        if shutil.which(counter.under("")[0]) is None:
            continue
        with tempfile.NamedTemporaryFile("r") as file:
            try:
                subprocess.run([*counter.under(file.name), "true"], check=True, capture_output=True, timeout=10)
                counter.count(file.read())
            except (subprocess.SubprocessError, StopIteration, ValueError, AttributeError):
                continue
        return counter
    return None


def counted(counter, contestant, group, count):
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("sender", "receiver")]
        run(contestant, group, count, under=[counter.under(str(file)) for file in files])
        return [counter.count(file.read_text()) for file in files]


def calls_a_message(counter, contestant, group, count):
    """The sender's and the receiver's; None where the start of a run varies by more than what its messages take. Warming
    up counts as well: it is a tenth of either run. Who has threads to start makes some thousand calls for it, never
    quite as many, so that more messages are needed."""
    few = max(count // 5, 1)
    many = few * (10 if contestant.endpoint == "url" else 4)
    small, large = counted(counter, contestant, group, few), counted(counter, contestant, group, many)
    messages = (many + many // 10) - (few + few // 10)
    return [(b - a) / messages if b >= a else None for a, b in zip(small, large)]
