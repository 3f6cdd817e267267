"""php-fpm, FastCGI: a length at 4, and one of padding at 6; a head of 8 bytes."""

from needs import Debian
from wire import be, length

NEEDS = [Debian("php-fpm", "/usr/sbin/php-fpm*")]
IN_CI = True

RECORD = length(2, at=4, header=8, adjust=2, add=[{"offset": 6, "width": 1}], max=65798, preset="fastcgi")
BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6

SCRIPT = "<?php echo strlen(file_get_contents('php://input')), ' ', str_repeat('z', 400000);"
CONFIGURATION = """[global]
error_log=%(folder)s/log
pid=%(folder)s/pid
daemonize=no
[pool]
user=root
group=root
listen=%(folder)s/socket
pm=static
pm.max_children=1
"""


def start(peer):
    script = peer.write("script.php", SCRIPT)
    conf = peer.write("conf", CONFIGURATION % {"folder": peer.folder})
    peer.start("/usr/sbin/php-fpm*", "-F", "-R", "-y", conf)
    return "unix:" + peer.path("socket"), script


def record(kind, content, padding=0):
    return bytes([1, kind, 0, 1]) + be(len(content), 2) + bytes([padding, 0]) + content + b"\xee" * padding


def param(name, value):
    return bytes([len(name), len(value)]) + name + value


def talk(peer, address, script):
    stream = peer.connect(address)
    params = (
        param(b"SCRIPT_FILENAME", script.encode()) + param(b"REQUEST_METHOD", b"POST")
        + param(b"CONTENT_LENGTH", b"70000") + param(b"CONTENT_TYPE", b"text/plain")
    )
    request = (
        record(BEGIN, be(1, 2) + bytes(6)) + record(PARAMS, params, -len(params) % 8) + record(PARAMS, b"")
        + record(STDIN, b"q" * 65535, 1) + record(STDIN, b"q" * 4465, 255) + record(STDIN, b"")
    )
    stream.send(request, RECORD, 6)
    records = []
    while not records or records[-1][1] != END:
        records.append(stream.receive(RECORD))
    content = [got[8 : 8 + int.from_bytes(got[4:6], "big")] for got in records if got[1] == STDOUT]
    peer.check(b"".join(content).endswith(b"\r\n\r\n70000 " + b"z" * 400000), "what the script says")
    peer.check(any(got[6] for got in records), "it pads its records, too")
    stream.expect_end()
