"""What the figures were measured on and with, for the document."""

import os
import platform
import re
import subprocess
from pathlib import Path

from contestants import CONTESTANTS
from run import CONGESTION, command


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


def versions():
    """Of each peer that was built, and the names of those that were not."""
    there, missing = {}, []
    for peer in dict.fromkeys(c.peer for c in CONTESTANTS):
        program = command(peer)
        if program is None:
            missing.append(peer)
        else:
            there[peer] = first_line(*program, "version")
    return there, missing


def facts():
    """Pairs of a name and a text."""
    there, _ = versions()
    compiler = first_line("cc", "--version")
    others = [there[peer] for peer in ("zmq", "nng", "libevent", "rust", "go", "python") if there.get(peer)]
    return [
        ("Processor", processor()),
        ("Kernel", f"{platform.system()} {platform.release()}"),
        ("TCP", f"over loopback, congestion control {CONGESTION}, TCP_NODELAY"),
        ("Compilers", f"{compiler} (-O2); {first_line('rustc', '--version')}"),
        ("Peers", ", ".join(others)),
    ]
