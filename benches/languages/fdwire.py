"""fdwire from Python, by ctypes alone: a connection, and its messages in three ways.

One message a call, many by structs, and many packed: their bodies one behind another, their lengths in an array. Packed is
the way for Python: a struct to be filled in for each message costs as much as to call the kernel.
"""

import ctypes
import errno
import io
import os
from array import array
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_int64, c_size_t, c_void_p

SEND_LIMIT, BATCH, ONE_THREAD = 2, 4, 5  # options: enum fdwire_option
BOTH = 3  # enum fdwire_direction
KIB = 1024
MOST = 1024  # messages that one call receives


def layout(pointer):
    names, types = ("head", "body", "head_len", "body_len", "tail_len"), (pointer,) * 2 + (c_size_t,) * 3
    return list(zip(names, types))


class Msg(ctypes.Structure):
    """struct fdwire_msg, to be sent."""

    _fields_ = layout(c_char_p)


class LentMsg(ctypes.Structure):
    """The same as it is received: a c_char_p would end at the first NUL."""

    _fields_ = layout(c_void_p)


FIELDS = len(Msg._fields_)


def numbers(memory):
    """The same memory as numbers, of which many are set or read at a time: an object for each struct costs more."""
    return memoryview(memory).cast("B").cast("N")


library = ctypes.CDLL(os.environ.get("FDWIRE_LIBRARY", "libfdwire.so.0"))
library.fdwire_error_name.restype = c_char_p
for name, parameters in {
    "conn_new": [c_int, c_int, c_void_p, POINTER(c_void_p)],
    "conn_free": [c_void_p],
    "conn_set": [c_void_p, c_int, c_int64],
    "conn_flush": [c_void_p, c_int],
    "conn_send": [c_void_p, c_char_p, c_size_t, c_int],
    "conn_send_many": [c_void_p, POINTER(Msg), c_size_t, c_int],
    "conn_send_packed": [c_void_p, c_char_p, c_void_p, c_size_t, c_int],
    "conn_recv": [c_void_p, c_void_p, c_int],
    "conn_recv_many": [c_void_p, POINTER(LentMsg), c_size_t, c_void_p, c_int],
    "conn_recv_packed": [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_int],
}.items():
    getattr(library, "fdwire_" + name).argtypes = parameters
library.fdwire_conn_free.restype = None


class Error(OSError):
    def __init__(self, code):
        super().__init__(-code, library.fdwire_error_name(code).decode())


def check(result):
    if result < 0:
        raise Error(result)
    return result


class Connection:
    """Messages over a socket, which stays the caller's. Each receive returns bytes, or None at the end of the stream."""

    def __init__(self, sock, format=None):
        self.sock, self.conn = sock, c_void_p()
        check(library.fdwire_conn_new(sock.fileno(), sock.fileno(), format, byref(self.conn)))
        self.msg, self.count = LentMsg(), c_size_t()
        self.msgs, self.lens = (LentMsg * MOST)(), array("L", bytes(MOST * ctypes.sizeof(c_size_t)))
        self.fields = numbers(self.msgs)
        self.make_room(256 * KIB)

    def __del__(self):
        library.fdwire_conn_free(self.conn)

    def set(self, option, value):
        check(library.fdwire_conn_set(self.conn, option, value))

    def flush(self, timeout_ms=-1):
        check(library.fdwire_conn_flush(self.conn, timeout_ms))

    def send(self, body, timeout_ms=-1):
        check(library.fdwire_conn_send(self.conn, body, len(body), timeout_ms))

    def recv(self, timeout_ms=-1):
        if check(library.fdwire_conn_recv(self.conn, byref(self.msg), timeout_ms)) == 0:
            return None
        return ctypes.string_at(self.msg.body, self.msg.body_len)

    def send_many(self, bodies, timeout_ms=-1):
        msgs = (Msg * len(bodies))()
        if bodies:
            fields = numbers(msgs)
            fields[1::FIELDS] = numbers((c_char_p * len(bodies))(*bodies))
            fields[3::FIELDS] = numbers(array("L", map(len, bodies)))  # unsigned long is as wide as size_t
        check(library.fdwire_conn_send_many(self.conn, msgs, len(bodies), timeout_ms))

    def recv_many(self, timeout_ms=-1):
        if check(library.fdwire_conn_recv_many(self.conn, self.msgs, MOST, byref(self.count), timeout_ms)) == 0:
            return None
        fields = self.fields[: self.count.value * FIELDS]
        return list(map(ctypes.string_at, fields[1::FIELDS].tolist(), fields[3::FIELDS].tolist()))

    def send_packed(self, bodies, timeout_ms=-1):
        lens = array("L", map(len, bodies))  # unsigned long is as wide as size_t
        where = lens.buffer_info()[0]
        check(library.fdwire_conn_send_packed(self.conn, b"".join(bodies), where, len(bodies), timeout_ms))

    def recv_packed(self, timeout_ms=-1):
        result = self.receive_packed(timeout_ms)
        if result == -errno.ENOBUFS:
            self.make_room(self.lens[0])
            result = self.receive_packed(timeout_ms)
        if check(result) == 0:
            return None
        self.bodies.seek(0)
        return list(map(self.bodies.read, self.lens[: self.count.value]))

    def receive_packed(self, timeout_ms):
        where = self.lens.buffer_info()[0]
        return library.fdwire_conn_recv_packed(
            self.conn, self.room, len(self.room), where, MOST, byref(self.count), timeout_ms
        )

    def make_room(self, size):
        """Room for so many bytes of bodies, of which a BytesIO then reads one after the other: nothing in Python is faster."""
        self.bodies = io.BytesIO(bytes(size))
        self.room = (c_char * size).from_buffer(self.bodies.getbuffer())
