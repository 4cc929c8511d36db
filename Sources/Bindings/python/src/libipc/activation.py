"""Sockets that a service manager has made (systemd's socket units: sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket

from ._descriptors import FileLike

_FIRST = 3


def listen_fds(name: str | None = None) -> list[FileLike]:
    """The sockets that this process was started with, once: those of `FileDescriptorName=name`, or all. None where it was started
    otherwise.

    Service("echo", next(iter(listen_fds()), None))
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    chosen = [number for number in range(count) if name is None or names[number : number + 1] == [name]]
    if name is None:
        for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
            os.environ.pop(variable, None)
    sockets: list[FileLike] = []
    for number in chosen:
        os.set_inheritable(_FIRST + number, False)
        sockets.append(socket.socket(fileno=_FIRST + number))
    return sockets
