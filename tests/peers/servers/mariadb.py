"""MariaDB: a little-endian length of 3 bytes, then the packet's number; a full packet goes on in the next one."""

from needs import Debian
from wire import le, length

NEEDS = [Debian("mariadb-server", "mariadbd")]
IN_CI = True

PACKET = length(3, endian="le", adjust=1, max=(1 << 24) + 3, preset="mysql")
FULL = 0xFFFFFF
# Long passwords, protocol 4.1, transactions, authentication, a plug-in for it.
CAPABILITIES = 0x1 | 0x200 | 0x2000 | 0x8000 | 0x80000


def start(peer):
    folder = peer.folder_in("data")
    peer.start(
        "mariadbd", "--no-defaults", "--datadir=" + folder, "--socket=" + peer.path("socket"),
        "--pid-file=" + peer.path("pid"), "--skip-networking", "--skip-grant-tables", "--user=root", "--innodb=OFF",
        "--default-storage-engine=MyISAM", "--skip-log-bin", "--key-buffer-size=1M", "--aria-log-dir-path=" + folder,
        "--max-allowed-packet=64M", "--lc-messages-dir=/usr/share/mysql",
    )
    return "unix:" + peer.path("socket")


def packet(number, payload):
    return le(len(payload), 3) + bytes([number]) + payload


def query(sql):
    return packet(0, b"\3" + sql)


def is_end(frame):
    return len(frame) < 13 and frame[4:5] == b"\xfe"


def talk(peer, address):
    stream = peer.connect(address)
    greeting = stream.receive(PACKET)
    peer.check(greeting[3] == 0 and greeting[4] == 10 and b"MariaDB" in greeting, "a greeting of protocol 10")
    login = le(CAPABILITIES, 4) + le(1 << 24, 4) + bytes([45]) + bytes(23) + b"root\0\0mysql_native_password\0"
    stream.send(packet(1, login), PACKET)
    peer.check(stream.receive(PACKET)[4] == 0, "logged in")

    stream.send(query(b"select repeat('x', 70000), 42"), PACKET)
    frames = stream.receive_many(6, PACKET)
    peer.check([frame[3] for frame in frames] == [1, 2, 3, 4, 5, 6], "packets are numbered")
    peer.check(frames[4][4:] == b"\xfd" + le(70000, 3) + b"x" * 70000 + b"\x0242", "a row")

    stream.send(query(b"select repeat('y', 16777215)"), PACKET)
    frames = []
    while sum(map(is_end, frames)) < 2:
        frames.append(stream.receive(PACKET))
    row = frames[3:-1]
    peer.check([len(frame) - 4 for frame in row] == [FULL, 4], "a full packet, and its rest in the next one")
    peer.check(b"".join(frame[4:] for frame in row) == b"\xfd" + le(FULL, 3) + b"y" * FULL, "one row in both")

    stream.send(query(b"select nope"), PACKET)
    error = stream.receive(PACKET)
    peer.check(error[4] == 0xFF and b"#42S22" in error, "an error")
    stream.send(packet(0, b"\1"), PACKET)
    stream.expect_end()
