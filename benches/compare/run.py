"""One run: two processes on two cores, each with its end of a connection, and what they report."""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
BUILT = BENCHES / "build" / "peers"
PATIENCE = 60  # seconds for a run; none takes more than a few
GRACE = 2  # and for one side, when the other has failed


class Failed(Exception):
    """A peer did not do what it should."""


class Skipped(Exception):
    """A peer cannot run here."""


@dataclass(frozen=True)
class Outcome:
    """What a run has shown; processor time in seconds, latency in µs."""

    seconds: float
    sender_cpu: float
    receiver_cpu: float
    sender_faults: int
    receiver_faults: int
    p50: float | None
    p99: float | None


def command(peer):
    """How a peer is called, or None if it was not built."""
    if peer == "python":
        return [sys.executable, str(BENCHES / "peers" / "python" / "loop.py")]
    program = BUILT / peer
    return [str(program)] if program.exists() else None


def choose_congestion():
    """A machine's default may pace loopback, so that all would be as slow: one that does not, by name."""
    with socket.socket() as probe:
        for name in ("cubic", "reno"):
            try:
                probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
            except OSError:
                continue
            return name
        raw = probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        return raw.rstrip(b"\0").decode()


CONGESTION = choose_congestion()


def tcp_pair():
    listener, client = socket.socket(), socket.socket()
    with listener:
        for s in (listener, client):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION.encode())
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    for s in (client, server):
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server


def free_url(transport, folder):
    if transport == "unix":
        return f"ipc://{folder}/socket"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def core_for(side, cores):
    """The first two cores that there are: one for each side, or one for both."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[min(side, len(allowed) - 1, cores - 1)]


class Side:
    """A process, with its end of the connection."""

    def __init__(self, arguments, fds, core):
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=fds,
            start_new_session=True,
            env=dict(os.environ, CONGESTION=CONGESTION),
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self.said = b""

    def kill(self):
        """With what it was run under."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ended(self):
        """Hears what it says; whether that was all."""
        chunk = os.read(self.process.stdout.fileno(), 65536)
        self.said += chunk
        return chunk == b""

    def result(self, name):
        said_wrong = self.process.stderr.read().decode(errors="replace").strip()
        self.process.stdout.close()
        self.process.stderr.close()
        if self.process.returncode != 0:
            raise Failed(f"the {name} ended with {self.process.returncode}: {said_wrong or 'no word'}")
        try:
            report = json.loads(self.said)
        except ValueError:
            raise Failed(f"the {name} reports {self.said!r}: {said_wrong}") from None
        if "skipped" in report:
            raise Skipped(report["skipped"])
        return report


def wait_for(sides):
    """Until both have ended; where one fails, the other does not wait for it without end."""
    deadline = time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as selector:
        for side in sides:
            selector.register(side.process.stdout, selectors.EVENT_READ, side)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.data.ended():
                    selector.unregister(key.fileobj)
                    if key.data.process.wait() != 0:
                        deadline = min(deadline, time.monotonic() + GRACE)


def both(sides):
    """Both reports. Of two that fail, the one that was not killed for the other's sake tells why."""
    results, failures = [], []
    for side, name in zip(sides, ("sender", "receiver")):
        try:
            results.append(side.result(name))
        except Failed as failure:
            failures.append((side.process.returncode == -signal.SIGKILL, str(failure)))
    if failures:
        raise Failed("; ".join(text for _, text in sorted(failures)))
    return results


def run(contestant, group, count, under=((), ())):
    """Runs a contestant; each side may run under a command (sender's, receiver's)."""
    program = command(contestant.peer)
    if program is None:
        raise Skipped("not built")
    pipes = [os.pipe() for _ in range(2)]  # go, done: read by the sender, written by the receiver
    ends, sides = [], []
    with tempfile.TemporaryDirectory() as folder:
        try:
            if contestant.endpoint == "url":
                endpoints = [free_url(group.transport, folder)] * 2
            else:
                ends = open_pair(contestant, group)
                endpoints = [str(end.fileno()) for end in ends]
            for side in (1, 0):  # who connects by itself wants to be awaited
                fds = [pipe[side] for pipe in pipes]
                arguments = [*under[side], *program, contestant.way, ("send", "recv")[side], group.transport]
                arguments += [endpoints[side], *map(str, fds), str(group.size), str(count), str(warm_up(count))]
                own = [ends[side].fileno()] if ends else []
                sides.insert(0, Side([*arguments, group.work], fds + own, core_for(side, group.cores)))
            close(pipes, ends)
            wait_for(sides)
        except OSError as failure:
            raise Failed(str(failure)) from None
        finally:
            close(pipes, ends)
            for side in sides:
                side.kill()
    sender, receiver = both(sides)
    if sender["sent"] != receiver["received"] or receiver["sent"] != sender["received"]:
        raise Failed(f"what was received is not what was sent: {sender}, {receiver}")
    return Outcome(
        sender["seconds"],
        sender["cpu"],
        receiver["cpu"],
        sender["faults"],
        receiver["faults"],
        sender.get("p50"),
        sender.get("p99"),
    )


def warm_up(count):
    return count // 10 + 2


def open_pair(contestant, group):
    if contestant.endpoint == "packets":
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return tcp_pair() if group.transport == "tcp" else socket.socketpair()


def close(pipes, ends):
    """The runner's copies, so that a side sees the other's end."""
    for pipe in pipes:
        for fd in pipe:
            os.close(fd)
    pipes.clear()
    for end in ends:
        end.close()
