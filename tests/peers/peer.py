"""A program that is started for one conversation: in a session and a folder of its own, on loopback or Unix sockets,
and gone afterwards with all that it left."""

import ipaddress
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from needs import PATH, program
from stream import Failure, PipeEnds, Stream

LOOPBACK = "127.0.0.1"


class Peer:
    def __init__(self, name):
        self.folder = tempfile.mkdtemp(prefix="fdwire-%s-" % name)
        os.chmod(self.folder, 0o755)  # some programs go on as another user
        self.processes, self.sockets, self.streams, self.checks = [], [], [], 0

    def check(self, holds, what):
        self.checks += 1
        if not holds:
            raise Failure("not so: %s" % what)

    # Its folder and its ports

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        """A file in the folder."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, 0o644)
        return path

    def read(self, name):
        """What is in a file so far; nothing if it is not there yet."""
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def folder_in(self, name, mode=0o755):
        os.mkdir(self.path(name), mode)
        return self.path(name)

    def port(self):
        """A free port that even programs take which want none above 32767."""
        for _ in range(200):
            port = random.randrange(20000, 32000)
            with socket.socket() as probe:
                try:
                    probe.bind((LOOPBACK, port))
                    return port
                except OSError:
                    continue
        raise Failure("no free port")

    # Its processes

    def start(self, *argv, pipes=False, user=None, environment=None):
        """Starts a process, with pipes if it is spoken to over its input and output; as another user if we are root."""
        with open(self.path("log-%d" % len(self.processes)), "wb") as log:
            given, printed = (subprocess.PIPE, subprocess.PIPE) if pipes else (subprocess.DEVNULL, log)
            process = subprocess.Popen(
                resolved(argv), stdin=given, stdout=printed, stderr=log, bufsize=0, start_new_session=True,
                cwd=self.folder, env=environment_of(environment), **as_user(user),
            )
        self.processes.append(process)
        return process

    def run(self, *argv, user=None, environment=None):
        """Runs a command that has to succeed."""
        done = subprocess.run(
            resolved(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
            cwd=self.folder, env=environment_of(environment), **as_user(user),
        )
        if done.returncode != 0:
            raise Failure("%s: %d, %r" % (argv[0], done.returncode, done.stdout[-400:]))

    def own(self, name, user):
        """Gives a part of the folder to the user that a process runs as."""
        if os.geteuid() == 0:
            shutil.chown(self.path(name), user)

    @staticmethod
    def me():
        """For programs that leave root behind, and must be told that they need not."""
        return pwd.getpwuid(os.geteuid()).pw_name

    def still_runs(self):
        for process in self.processes:
            if process.poll() not in (None, 0):  # one that ends well has left another behind
                raise Failure("it ended with %d" % process.returncode)

    def wait(self, ready, what, seconds=40):
        """Until ready() is true."""
        end = time.monotonic() + seconds
        while not ready():
            self.still_runs()
            if time.monotonic() > end:
                raise Failure("in vain: waiting for %s" % what)
            time.sleep(0.02)

    def wait_for_file(self, name):
        self.wait(lambda: os.path.exists(self.path(name)), name)
        return self.read(name).decode()

    # Speaking with it. An address is one of fdwire's: host:port, unix:path; or the pipes of a process.

    def connect(self, address):
        """A connection, as soon as the program takes it."""
        if isinstance(address, subprocess.Popen):
            return self.stream(PipeEnds(address))
        connected = []

        def try_it():
            try:
                connected.append(open_socket(address))
                return True
            except OSError:
                return False

        self.wait(try_it, "it to take a connection at %s" % address)
        return self.stream(connected[0])

    def listen(self):
        """A listening socket, for a program that is the one to connect; and its port."""
        listener = socket.create_server((LOOPBACK, 0))
        self.sockets.append(listener)
        return listener, listener.getsockname()[1]

    def accept(self, listener):
        listener.settimeout(20)
        return self.stream(listener.accept()[0])

    def stream(self, ends):
        self.sockets.append(ends)
        self.streams.append(Stream(ends))
        return self.streams[-1]

    def wait_until_listening(self, address):
        """For who tries to connect only once. A port is not tried out: some programs take one connection alone."""
        if address.startswith("unix:"):
            self.connect(address).close()
        else:
            wanted = "tcp", int(address.rsplit(":", 1)[1])
            self.wait(lambda: wanted in {(kind, port) for kind, _, port, _ in listeners()}, "it to listen at " + address)

    # Its end

    def exposed(self):
        """Where its processes listen for anyone outside this machine."""
        ours = {inode for pid in self.pids() for inode in sockets_of(pid)}
        return [(kind, host, port) for kind, host, port, inode in listeners() if inode in ours and not is_local(host)]

    def pids(self):
        sessions = {process.pid for process in self.processes}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.getsid(int(name)) in sessions:
                    yield int(name)
            except OSError:
                pass

    def log(self):
        """The end of what its processes said."""
        texts = []
        for i in range(len(self.processes)):
            with open(self.path("log-%d" % i), "rb") as file:
                texts.append(file.read()[-1500:].decode("utf-8", "replace"))
        return "\n".join(texts)

    def stop(self):
        for one in self.sockets:
            one.close()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + 5
        for process in reversed(self.processes):
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)  # its session was made for it: nothing else is in this group
            except OSError:
                pass
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def resolved(argv):
    """The command with the whole path of its program."""
    path = program(argv[0])
    if path is None:
        raise Failure("no %s here" % argv[0])
    return [path, *map(str, argv[1:])]


def environment_of(more):
    return {**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", **(more or {})}


def as_user(user):
    if user is None or os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def open_socket(address):
    if not address.startswith("unix:"):
        host, port = address.rsplit(":", 1)
        return socket.create_connection((host, int(port)), 5)
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.connect(address[len("unix:"):])
    except OSError:
        connected.close()
        raise
    return connected


# What the kernel knows of who listens

def listeners():
    """Protocol, host, port and inode of every socket that listens; a host is in hex, as the kernel has it."""
    for name, listens in ("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07"):
        try:
            with open("/proc/self/net/" + name) as file:
                lines = file.readlines()[1:]
        except OSError:
            continue
        for words in map(str.split, lines):
            if words[3] == listens:
                host, port = words[1].split(":")
                yield name[:3], host, int(port, 16), words[9]


def is_local(host):
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    address = ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def sockets_of(pid):
    try:
        for fd in os.listdir("/proc/%d/fd" % pid):
            target = os.readlink("/proc/%d/fd/%s" % (pid, fd))
            if target.startswith("socket:["):
                yield target[8:-1]
    except OSError:
        return
