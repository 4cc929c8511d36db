"""Exceptions, by family. Each is an `Error`, and where Python has an exception of its own for the case, also that: programs that
catch `ConnectionError`, `TimeoutError` or `ValueError` need not know this package.
"""

from __future__ import annotations

import builtins
from typing import Any

from . import _library


class Error(Exception):
    """What a call of the library failed with. `code` is of `enum ipc_error_code` in ipc.h; the text says what, on what, and why."""

    code: int

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code)


class InvalidNameError(Error, ValueError):
    """A service's name that is empty, holds a NUL, has a `.` or `..` component, or makes too long a path."""


class ConnectError(Error, ConnectionError):
    """No service of that name is there, its socket may not be connected to, or the network daemon refuses."""


class ListenError(Error, OSError):
    """The service cannot be offered: a live one has its name, or the directory, mode or group of its socket is refused."""


class ClosedError(Error, ConnectionError):
    """The peer has left, or the context is closed."""


class TimeoutError(Error, builtins.TimeoutError):
    """The time is up."""


class QueueFullError(Error, BufferError):
    """The queue of this receiver is full. Nothing was queued."""


class MessageTooLongError(Error, ValueError):
    """A payload of more than 1,999,994 bytes."""


class UnknownDescriptorError(Error, LookupError):
    """The context has no connection with this descriptor (any more)."""


class DescriptorError(Error, OSError):
    """A descriptor cannot be watched, passed or used for this, or the process has no free one."""


class LimitError(Error, ValueError):
    """No such limit or kind of event, or a value out of range."""


class OutOfMemoryError(Error, MemoryError):
    """The library could not allocate."""


CLOSED, POLL, FREED, NAME, UNKNOWN, TOO_LONG, NO_DESCRIPTOR, UNSENT, NO_MEMORY = 4, 106, 114, 111, 116, 67, 119, 125, 92

_FAMILIES: dict[type[Error], tuple[int, ...]] = {
    InvalidNameError: (5, 6, 8, 9, 15, 36, NAME),
    ConnectError: (44, 45, 46, 47),
    ListenError: (51, 52, 53, 54, 55, 81, 82, 83, 84, 85, 117, 124),
    ClosedError: (CLOSED, 12, 43, 60, 61, FREED),
    TimeoutError: (UNSENT,),
    QueueFullError: (110,),
    MessageTooLongError: (63, TOO_LONG, 68, 77, 79),
    UnknownDescriptorError: (35, 40, 104, 107, UNKNOWN),
    DescriptorError: (48, 64, 65, 66, 113, NO_DESCRIPTOR, 121, 122),
    LimitError: (120, 126),
    OutOfMemoryError: (3, 10, 25, 29, 31, 62, 71, 86, 87, 90, NO_MEMORY, 96, 97, 105),
}
_FAMILY_OF = {code: family for family, codes in _FAMILIES.items() for code in codes}


def make(code: int, text: bytes | None = None) -> Error:
    """The exception for a code of the library. Without a text: the one that the code has by itself."""
    known = text or _library.errors_get(code) or b"error %d" % code
    return _FAMILY_OF.get(code, Error)(known.decode("utf-8", "surrogateescape"), code)


def check(result: _library.Result) -> None:
    """For functions that return a struct ipc_error."""
    if result.code:
        raise make(result.code, result.text)


def check_code(code: int) -> None:
    """For functions since 1.2, which return the code alone."""
    if code:
        raise make(code, _library.last_error())
