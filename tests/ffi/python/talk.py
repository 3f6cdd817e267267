#!/usr/bin/env python3
"""Messages from Python, with ctypes and nothing else.

    FDWIRE_LIBRARY=target/release/libfdwire.so python3 tests/ffi/python/talk.py unix:target/hall python 1

It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
back one by one and in batches, and meets some errors.
"""

import ctypes
import io
import os
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_int64, c_size_t, c_void_p

# The binding: what is used here of fdwire.h.

fdwire = ctypes.CDLL(os.environ.get("FDWIRE_LIBRARY", "libfdwire.so.0"))
for name, result, parameters in [
    ("error_name", c_char_p, [c_int]),
    ("format_new", c_int, [c_char_p, POINTER(c_void_p), c_char_p, c_size_t]),
    ("format_free", None, [c_void_p]),
    ("connect", c_int, [c_char_p, c_int]),
    ("close", c_int, [c_int]),
    ("conn_new", c_int, [c_int, c_int, c_void_p, POINTER(c_void_p)]),
    ("conn_set", c_int, [c_void_p, c_int, c_int64]),
    ("conn_send", c_int, [c_void_p, c_char_p, c_size_t, c_int]),
    ("conn_send_packed", c_int, [c_void_p, c_char_p, POINTER(c_size_t), c_size_t, c_int]),
    ("conn_recv_into", c_int, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t), c_int]),
    ("conn_recv_packed", c_int, [
        c_void_p, c_void_p, c_size_t, POINTER(c_size_t), c_size_t, POINTER(c_size_t), c_int,
    ]),
    ("conn_shutdown", c_int, [c_void_p, c_int, c_int]),
    ("conn_free", None, [c_void_p]),
]:
    function = getattr(fdwire, "fdwire_" + name)
    function.restype, function.argtypes = result, parameters

OWN, BOTH, SHUT_WR = 1, 3, 1
ROOM, MOST = 1 << 20, 256  # bytes, messages: what one call receives
TIMEOUT = 30_000


class Error(Exception):
    def __init__(self, code, why=None):
        self.name = fdwire.fdwire_error_name(code).decode()
        super().__init__(why or self.name)


def check(result):
    if result < 0:
        raise Error(result)
    return result


class Format:
    def __init__(self, text):
        self.pointer, why = c_void_p(), ctypes.create_string_buffer(200)
        result = fdwire.fdwire_format_new(text.encode(), byref(self.pointer), why, len(why))
        if result < 0:
            raise Error(result, why.value.decode())

    def __del__(self):
        fdwire.fdwire_format_free(self.pointer)


class Connection:
    """Messages to and from an address. To be closed, or used in a "with"."""

    def __init__(self, address, format):
        self.conn = c_void_p()
        fd = check(fdwire.fdwire_connect(address.encode(), TIMEOUT))
        result = fdwire.fdwire_conn_new(fd, fd, format.pointer, byref(self.conn))
        if result < 0:
            fdwire.fdwire_close(fd)
            raise Error(result)
        check(fdwire.fdwire_conn_set(self.conn, OWN, BOTH))  # it closes fd
        self.bodies = io.BytesIO(bytes(ROOM))
        self.room = (c_char * ROOM).from_buffer(self.bodies.getbuffer())
        self.lens, self.count = (c_size_t * MOST)(), c_size_t()

    def close(self):
        fdwire.fdwire_conn_free(self.conn)
        self.conn = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, body):
        check(fdwire.fdwire_conn_send(self.conn, body, len(body), TIMEOUT))

    def send_many(self, bodies):
        lens = (c_size_t * len(bodies))(*map(len, bodies))
        check(fdwire.fdwire_conn_send_packed(self.conn, b"".join(bodies), lens, len(bodies), TIMEOUT))

    def recv(self, timeout_ms=TIMEOUT):
        """The next message, or None at the end of the stream."""
        result = fdwire.fdwire_conn_recv_into(self.conn, self.room, ROOM, byref(self.count), timeout_ms)
        return self.room[: self.count.value] if check(result) == 1 else None

    def recv_many(self):
        """As many messages as are there, at least one; none at the end of the stream."""
        result = fdwire.fdwire_conn_recv_packed(
            self.conn, self.room, ROOM, self.lens, MOST, byref(self.count), TIMEOUT
        )
        self.bodies.seek(0)
        return list(map(self.bodies.read, self.lens[: self.count.value])) if check(result) == 1 else []

    def shutdown(self):
        check(fdwire.fdwire_conn_shutdown(self.conn, SHUT_WR, TIMEOUT))


# The program.


def expect(what, true):
    if not true:
        sys.exit(f"not as it should be: {what}")


def error_of(function, *arguments):
    try:
        function(*arguments)
    except Error as error:
        return error
    sys.exit("an error was expected")


def main(address, name, participants):
    wrong = error_of(Format, "u32le maxx=1M")
    format = Format("u32le max=1M")
    with Connection(address, format) as conn:
        nothing = error_of(conn.recv, 0)
        expect("nothing is there yet", nothing.name == "EAGAIN")

        conn.send(f"hello from {name}".encode())
        greetings = sorted(conn.recv().decode() for _ in range(participants))
        expect("greetings", all(greeting.startswith("hello from ") for greeting in greetings))

        echoes = [b"", bytes(range(256)), bytes(range(256)) * 400]
        for body in echoes:
            conn.send(body)
            expect("a message that comes back", conn.recv() == body)

        batch, received = [b"%d" % i * (i % 8) for i in range(1000)], []
        conn.send_many(batch)
        conn.shutdown()
        while some := conn.recv_many():  # until the end of the stream
            received += some
        expect("a batch that comes back", received == batch)

    with Connection(address, format) as conn:
        conn.send(b"too much, please")
        too_long = error_of(conn.recv)
        expect("more than the format allows", too_long.name == "FDWIRE_E_TOO_LONG")

    met = ", ".join(greeting.removeprefix("hello from ") for greeting in greetings)
    print(f"{name} met {met}; {len(echoes)} echoes, {len(received)} in batches; {nothing}, {too_long}; {wrong}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
