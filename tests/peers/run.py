#!/usr/bin/env python3
"""Starts one of the peers, has a conversation with it, and stops it.

    run.py NAME                  its frames are cut by fdwire and by the reference framer, who must agree on each
    run.py NAME COMMAND...       a program speaks with it: COMMAND, with the peer's address behind it
    run.py --wrong NAME          the same, with a format that is wrong for fdwire, which has to be noticed
    run.py --list                a line for each peer: name, set ("ci" or "all", or "none" where it cannot run), what it
                                 lacks here
    run.py --packages KIND SET   the packages of KIND (debian, pip, npm) that the peers of a SET (ci, all) lack here

Without a COMMAND it takes fdwire as a shared library, the one that FDWIRE_LIBRARY names or target/release has.
Exit status 0: all that was to be checked holds. Python 3.9.
"""

import argparse
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback

import needs

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 240  # seconds for all of it, on a busy machine too


def names():
    files = sorted(os.listdir(os.path.join(HERE, "servers")))
    return [file[: -len(".py")] for file in files if file.endswith(".py")]


def load(name):
    return importlib.import_module("servers." + name)


def list_peers():
    for name in names():
        peer = load(name)
        lacking = [need for need in peer.NEEDS if need.missing()]
        of = "ci" if peer.IN_CI else "all"
        possible = all(need.installable for need in lacking)
        print(name, of if possible else "none", lacking[0].missing() if lacking else "", sep="\t")


def list_packages(kind, those):
    of_kind = {"debian": needs.Debian, "pip": needs.Pip, "npm": needs.Npm}[kind]
    peers = [peer for peer in map(load, names()) if those == "all" or peer.IN_CI]
    lacking = [need for peer in peers for need in peer.NEEDS if isinstance(need, of_kind) and need.missing()]
    print(*sorted({need.package for need in lacking}))


def by_program(peer, places, command):
    """The command speaks with the peer: over a socket, or over the peer's own pipes."""
    place, *others = places
    ends = {}
    if isinstance(place, subprocess.Popen):
        ends, place = {"stdin": place.stdout, "stdout": place.stdin}, "-"
    else:
        peer.wait_until_listening(place)
    program = subprocess.Popen([*command, place, *others], **ends)
    for end in ends.values():
        end.close()
    try:
        peer.check(program.wait() == 0, "%s ends well" % " ".join(command))
    finally:
        program.kill()
        program.wait()


def converse(name, command):
    """Says how it went, in one line."""
    from peer import Peer  # what it imports takes the library

    module, peer, began = load(name), Peer(name), time.monotonic()
    try:
        places = module.start(peer)
        places = places if isinstance(places, tuple) else (places,)
        if command:
            by_program(peer, places, command)
        else:
            module.talk(peer, *places)
            for stream in peer.streams:
                stream.cutter.cut_again()
        peer.check(not peer.exposed(), "it listens on loopback alone: %s" % peer.exposed())
        frames = sum(stream.sent + len(stream.cutter.frames) for stream in peer.streams)
        return "%s: %d checks, %d frames, %.1f s" % (name, peer.checks, frames, time.monotonic() - began)
    except BaseException:
        print(peer.log(), file=sys.stderr)
        raise
    finally:
        signal.alarm(10)
        peer.stop()


def give_up(number, _):
    raise TimeoutError("it took too long" if number == signal.SIGALRM else "stopped by a signal")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--packages", nargs=2, metavar=("KIND", "SET"))
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("name", nargs="?", choices=names(), metavar="NAME")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    arguments = parser.parse_args()
    if arguments.list:
        return list_peers()
    if arguments.packages:
        return list_packages(*arguments.packages)
    if arguments.name is None:
        parser.error("which one?")
    if arguments.wrong:
        import cutter

        cutter.WRONG = True
    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, give_up)
    signal.alarm(LIMIT)
    try:
        print(converse(arguments.name, arguments.command))
    except Exception:
        traceback.print_exc()
        sys.exit("%s: failed" % arguments.name)


if __name__ == "__main__":
    main()
