"""Descriptors that came from elsewhere, and what is passed where one is expected."""

from __future__ import annotations

import os
import socket
from types import TracebackType
from typing import IO, Any, Protocol, Union


class HasFileno(Protocol):
    """Sockets, files, `Descriptor`, and whatever else has a descriptor."""

    def fileno(self) -> int: ...


FileLike = Union[int, HasFileno]


def number_of(file: FileLike) -> int:
    """The descriptor of a file, a socket, or itself."""
    return file if isinstance(file, int) else file.fileno()


def surrender(file: FileLike) -> None:
    """A socket object gives its descriptor away: closing the object does not close it any more."""
    detach = getattr(file, "detach", None)
    if detach is not None:
        detach()


class Descriptor:
    """A descriptor that came with a message, or that leads to a process. It is closed with this object, unless `detach` takes it."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        if self._fd < 0:
            raise ValueError("the descriptor is closed, or was taken")
        return self._fd

    def detach(self) -> int:
        """The number, which is the caller's to close from now on."""
        fd, self._fd = self.fileno(), -1
        return fd

    def file(self, mode: str = "rb", **options: Any) -> IO[Any]:
        """A file object, which has the descriptor from now on."""
        return os.fdopen(self.detach(), mode, **options)

    def socket(self) -> socket.socket:
        """A socket object, which has the descriptor from now on."""
        return socket.socket(fileno=self.detach())

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self.detach())

    def __enter__(self) -> Descriptor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Descriptor {self._fd}>" if self._fd >= 0 else "<Descriptor, closed>"
