"""Messages from Python, with nothing but the shared library: ctypes and the header's prototypes."""

import ctypes
import os
import socket
import sys

fdwire = ctypes.CDLL(os.environ.get("FDWIRE_LIBRARY", "libfdwire.so.0"))
fdwire.fdwire_version.restype = ctypes.c_char_p
fdwire.fdwire_error_name.restype = ctypes.c_char_p
fdwire.fdwire_format_new.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_size_t]
fdwire.fdwire_format_free.argtypes = [ctypes.c_void_p]
fdwire.fdwire_format_free.restype = None
fdwire.fdwire_send.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
fdwire.fdwire_recv.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t), ctypes.c_int,
]


def check(result):
    if result < 0:
        raise OSError(fdwire.fdwire_error_name(result).decode())
    return result


def make_format(text):
    out, why = ctypes.c_void_p(), ctypes.create_string_buffer(200)
    if fdwire.fdwire_format_new(text.encode(), ctypes.byref(out), why, len(why)) < 0:
        raise ValueError(why.value.decode())
    return out


def send(sock, body, format=None, timeout_ms=-1):
    check(fdwire.fdwire_send(sock.fileno(), format, body, len(body), timeout_ms))


def recv(sock, format=None, room=65536, timeout_ms=-1):
    """The next message, or None at the end of the stream."""
    body, length = ctypes.create_string_buffer(room), ctypes.c_size_t()
    if check(fdwire.fdwire_recv(sock.fileno(), format, body, room, ctypes.byref(length), timeout_ms)) == 0:
        return None
    return body.raw[: length.value]


def main():
    ours, theirs = socket.socketpair()
    send(ours, b"hello")
    send(ours, b"")
    send(ours, b"\0embedded\0")
    assert theirs.recv(9, socket.MSG_PEEK) == b"\0\0\0\5hello", "the wire is not what it should be"
    assert [recv(theirs) for _ in range(3)] == [b"hello", b"", b"\0embedded\0"]

    postgres = make_format("u32be at=1 counts=field")
    theirs.sendall(b"Z\0\0\0\5I" + b"next")
    assert recv(ours, postgres) == b"I"
    assert ours.recv(4) == b"next", "it read past the message"
    fdwire.fdwire_format_free(postgres)

    try:
        recv(ours, timeout_ms=10)
        raise AssertionError("nothing came, and yet it says so")
    except OSError as error:
        assert str(error) == "ETIMEDOUT", error
    try:
        make_format("u32be heads=8")
        raise AssertionError("this is no format")
    except ValueError as error:
        assert str(error).startswith('column 7, "heads=8"'), error

    ours.close()
    assert recv(theirs) is None
    theirs.close()
    print("fdwire", fdwire.fdwire_version().decode(), "speaks with Python", sys.version.split()[0])


if __name__ == "__main__":
    main()
