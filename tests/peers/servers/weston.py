"""weston, Wayland: an object, then a number in the machine's order whose upper half is the size of the message."""

import sys

from needs import Debian
from wire import length

NEEDS = [Debian("weston")]
IN_CI = False

if sys.byteorder == "little":
    MESSAGE = length(2, at=6, endian="le", adjust=-8, max=4096, preset="wayland")
else:
    MESSAGE = length(2, at=4, header=8, adjust=-6, max=4096, preset="wayland")
DISPLAY, REGISTRY, CALLBACK = 1, 2, 3


def start(peer):
    runtime = peer.folder_in("runtime", 0o700)
    peer.start(
        "weston", "--backend=headless-backend.so", "--socket=wayland", "--idle-time=0", "--no-config",
        "--shell=desktop-shell.so", "--width=64", "--height=64", environment={"XDG_RUNTIME_DIR": runtime},
    )
    return "unix:%s/wayland" % runtime


def word(number):
    return number.to_bytes(4, sys.byteorder)


def message(receiver, opcode, arguments):
    return word(receiver) + word(8 + len(arguments) << 16 | opcode) + arguments


def talk(peer, address):
    stream = peer.connect(address)
    get_registry, sync = message(DISPLAY, 1, word(REGISTRY)), message(DISPLAY, 0, word(CALLBACK))
    stream.send(get_registry + sync, MESSAGE, 2)
    events = [stream.receive(MESSAGE)]
    while events[-1][:4] != word(CALLBACK):
        events.append(stream.receive(MESSAGE))
    offered = [event for event in events if event[:4] == word(REGISTRY)]
    peer.check(len(offered) > 5 and any(b"wl_compositor\0" in event for event in offered), "what it offers")
    stream.send(word(DISPLAY) + word(4 << 16))
    stream.receive_until_end(MESSAGE)  # it hangs up on a message shorter than its head
