"""Frames and streams by hand, for peers that do what no library does."""

import socket
import struct
import time


def frame(payload=b"", kind=2, user=0):
    return struct.pack(">BIB", kind, len(payload), user) + payload


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError(f"the end after {len(data)} of {count} bytes")
        data += piece
    return data


def read_frame(sock):
    kind, length, user = struct.unpack(">BIB", read_exactly(sock, 6))
    return kind, user, read_exactly(sock, length)


def is_over(sock):
    """Reads to the end; what came."""
    data = b""
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                return data
            data += piece
    except (ConnectionResetError, BrokenPipeError):
        return data


def send_cut(sock, whole, cut):
    """In two segments, which arrive apart as far as anybody can tell."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(whole[:cut])
    time.sleep(0.001)
    sock.sendall(whole[cut:])
