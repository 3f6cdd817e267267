"""Packed messages from Python: many a call, their bodies one behind another and their lengths in an array."""

import ctypes
import io
import os
import random
import socket
import threading
from array import array

fdwire = ctypes.CDLL(os.environ.get("FDWIRE_LIBRARY", "libfdwire.so.0"))
fdwire.fdwire_error_name.restype = ctypes.c_char_p
fdwire.fdwire_conn_new.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)]
fdwire.fdwire_conn_send_packed.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
]
fdwire.fdwire_conn_recv_packed.argtypes = [
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int,
]
fdwire.fdwire_conn_free.argtypes = [ctypes.c_void_p]
fdwire.fdwire_conn_free.restype = None


def check(result):
    if result < 0:
        raise OSError(-result, fdwire.fdwire_error_name(result).decode())
    return result


def connect(sock):
    conn = ctypes.c_void_p()
    check(fdwire.fdwire_conn_new(sock.fileno(), sock.fileno(), None, ctypes.byref(conn)))
    return conn


def send(conn, bodies, timeout_ms=-1):
    lens = array("L", map(len, bodies))  # unsigned long is as wide as size_t
    where = lens.buffer_info()[0]
    return check(fdwire.fdwire_conn_send_packed(conn, b"".join(bodies), where, len(bodies), timeout_ms))


def receive(conn, room=1 << 16, most=64, timeout_ms=-1):
    """Some messages, an empty list at the end of the stream; or how much room the next one needs."""
    bodies, lens, count = io.BytesIO(bytes(room)), (ctypes.c_size_t * most)(), ctypes.c_size_t()
    where = (ctypes.c_char * room).from_buffer(bodies.getbuffer()) if room > 0 else None
    result = fdwire.fdwire_conn_recv_packed(conn, where, room, lens, most, ctypes.byref(count), timeout_ms)
    if result < 0 and fdwire.fdwire_error_name(result) == b"ENOBUFS":
        return lens[0]
    return list(map(bodies.read, lens[: count.value])) if check(result) == 1 else []


def main():
    ours, theirs = socket.socketpair()
    us, them = connect(ours), connect(theirs)

    assert send(us, [b"hello", b"", b"\0embedded\0"]) == 0
    assert theirs.recv(9, socket.MSG_PEEK) == b"\0\0\0\5hello", "the wire is not what it should be"
    assert receive(them, most=2) == [b"hello", b""]
    assert receive(them, room=9) == 10, "it says what room the message needs"
    assert receive(them, room=10) == [b"\0embedded\0"]
    assert send(us, []) == 0
    assert send(us, [b"", b""]) == 0
    assert receive(them, room=0) == [b"", b""]
    try:
        receive(them, timeout_ms=10)
        raise AssertionError("nothing came, and yet it says so")
    except OSError as error:
        assert error.strerror == "ETIMEDOUT", error

    dice = random.Random(7)
    bodies = [dice.randbytes(dice.choice([dice.randrange(100), dice.randrange(70000)])) for _ in range(1000)]

    def send_all():
        for at in range(0, len(bodies), 100):
            send(us, bodies[at : at + 100])
        ours.shutdown(socket.SHUT_WR)

    sender, received = threading.Thread(target=send_all), []
    sender.start()
    while some := receive(them, room=70000):
        received += some
    sender.join()
    assert received == bodies
    for conn in us, them:
        fdwire.fdwire_conn_free(conn)
    print("packed messages came as they were sent")


if __name__ == "__main__":
    main()
