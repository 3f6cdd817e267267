"""What the figures were measured on and with, for the document."""

import os
import platform
import re
import subprocess
from pathlib import Path

from contestants import CONTESTANTS
from run import CONGESTION, command


OWN = ("by_hand", "stdio", "seqpacket", "fdwire")  # what the compiler and the system say covers these


def first_line(*arguments):
    try:
        return subprocess.run(arguments, capture_output=True, text=True, timeout=10).stdout.splitlines()[0].strip()
    except (OSError, IndexError, subprocess.SubprocessError):
        return None


def processor():
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    flags = Path("/proc/cpuinfo").read_text()
    virtual = ", a virtual machine" if re.search(r"^flags.*\bhypervisor\b", flags, re.MULTILINE) else ""
    return f"{found.group(1) if found else platform.machine()}, {os.cpu_count()} cores{virtual}"


PEERS = tuple(dict.fromkeys(contestant.peer for contestant in CONTESTANTS))


def not_built():
    return [peer for peer in PEERS if command(peer) is None]


def versions():
    """Of the libraries and languages that were built, as they say it themselves."""
    there = [peer for peer in PEERS if command(peer) is not None and peer not in OWN]
    return ", ".join(first_line(*command(peer), "version") or peer for peer in there)


def facts():
    """Pairs of a name and a text."""
    compiler = first_line("cc", "--version")
    return [
        ("Processor", processor()),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("TCP", f"over loopback, congestion control {CONGESTION}, TCP_NODELAY"),
        ("Compilers", f"{compiler} (-O2); {first_line('rustc', '--version')}"),
        ("Peers", versions()),
    ]
