"""Pairs of descriptors whose messages go from one to the other, and callbacks in Python that read and write them."""

from __future__ import annotations

import collections
import ctypes
import os
import sys
from collections.abc import Iterable
from typing import Any, Callable, Optional, Union

from . import _library, errors
from ._core import Name, encode
from ._descriptors import FileLike, number_of
from ._receiving import Receiving
from .events import Event, EventType, Message

#: Gets the descriptor, which is readable. Returns the messages for the other end (none: nothing to pass on). EOFError: it hung up.
ReadCallback = Callable[[int], Iterable[Union[Message, bytes]]]
#: Gets the descriptor and a message, which it writes.
WriteCallback = Callable[[int, Message], Any]

_NO_ERROR, _CLOSING, _ERROR, _IGNORE = 0, 1, 2, 4
_SWITCHED = 3  # IPC_CONNECTION_TYPE_SWITCHED


class _End:
    """The callbacks of one end. The library calls them in a wait; what they raise cannot go through it, and is kept."""

    def __init__(self, read: ReadCallback | None, write: WriteCallback | None) -> None:
        self.read, self.write = read, write
        self.held: collections.deque[Message | bytes] = collections.deque()
        self.closing = False
        self.failure: BaseException | None = None
        self.reader = _library.Reader(self.call_read) if read else _library.Reader()
        self.writer = _library.Writer(self.call_write) if write else _library.Writer()

    def call_read(self, fd: int, message: Any, more: Any) -> int:
        try:
            assert self.read is not None
            if not self.held:
                self.held.extend(self.read(fd))
            if not self.held:
                return _IGNORE
            following = self.held.popleft()
            if isinstance(following, bytes):
                following = Message(following)
            more[0] = bool(self.held)
            payload = following.payload
            _library.message_copy(message, fd, following.type, following.user_type, payload, len(payload))
            return _NO_ERROR
        except EOFError:
            return _CLOSING
        except BaseException as failure:  # noqa: BLE001
            self.failure = failure
            return _ERROR

    def call_write(self, fd: int, message: Any) -> int:
        try:
            assert self.write is not None
            raw = message[0]
            payload = ctypes.string_at(raw.payload, raw.length)
            self.write(fd, Message(payload, raw.user_type, raw.type, fd))
            return _NO_ERROR
        except BaseException as failure:  # noqa: BLE001
            self.failure = failure
            return _ERROR


def _identity(fd: int) -> tuple[int, int] | None:
    """The same number may mean another file later."""
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class Switching(Receiving):
    """The part of a context that ties descriptors together."""

    def __init__(self) -> None:
        super().__init__()
        self._pairs: dict[int, tuple[int, Any]] = {}  # the other end, and the identity of this one
        self._ends: dict[int, _End] = {}

    def switch(self, first: FileLike, second: FileLike) -> None:
        """Ties two descriptors: messages of one go to the other. Both are the context's until the pair ends, with a DISCONNECTION or
        ERROR event, whose `ends` are for the program to close. What is no entry of the context becomes one."""
        ends = number_of(first), number_of(second)
        for fd in ends:
            if _library.ctx_fd_type(self._reference, fd, _SWITCHED) != 0:
                self._check(_library.add_fd_switched(self._reference, fd))
        _library.switching_add(self._reference, *ends)
        self._remember(*ends)

    def connect_switched(self, name: Name, client: FileLike) -> int:
        """Connects to the service, and ties that connection to `client`, as `switch` does. Returns the connection's descriptor."""
        fd, other = ctypes.c_int(), number_of(client)
        self._check(_library.connection_switched(self._reference, encode(name), other, ctypes.byref(fd)))
        self._remember(other, fd.value)
        return fd.value

    def unswitch(self, end: FileLike) -> int:
        """Unties the pair of this end. Both stay entries of the context. Returns the other end."""
        fd = number_of(end)
        if fd not in self._pairs:
            raise errors.make(errors.UNKNOWN, b"the descriptor %d is in no pair" % fd)
        other = int(_library.switching_del(self._reference, fd))
        self._forget(fd)
        return other

    def set_callbacks(self, end: FileLike, read: Optional[ReadCallback] = None, write: Optional[WriteCallback] = None) -> None:
        """How one end of a pair is read and written when it does not speak in messages of this library. None: it does, in that
        direction. Callbacks run in a wait. They may send, but not wait. What they raise ends the pair, and is the `__cause__` of the
        event's error. A ValueError or OSError is taken for the peer's fault, anything else is also reported by `sys.excepthook`."""
        fd = number_of(end)
        if fd not in self._pairs:
            raise errors.make(errors.UNKNOWN, b"the descriptor %d is in no pair" % fd)
        self._ends[fd] = following = _End(read, write)
        _library.switching_callbacks(self._reference, fd, following.reader, following.writer)

    def _remember(self, first: int, second: int) -> None:
        self._pairs[first] = second, _identity(first)
        self._pairs[second] = first, _identity(second)

    def _forget(self, fd: int) -> list[tuple[int, Any]]:
        """The two ends with their identities."""
        other, identity = self._pairs.pop(fd)
        _, other_identity = self._pairs.pop(other, (fd, None))
        return [(fd, identity), (other, other_identity)]

    def _explain(self, event: Event, code: int, reason: bytes) -> Event:
        if code != errors.CLOSED or event.fd not in self._pairs:
            return super()._explain(event, code, reason)
        # The library may have closed both, or does so when the event is done with.
        _library.ctx_release(self._reference)
        pair = self._forget(event.fd)
        open_ends = tuple(fd for fd, identity in pair if identity is not None and _identity(fd) == identity)
        callbacks = [end for fd, _ in pair if (end := self._ends.pop(fd, None)) is not None]
        failure = next((end.failure for end in callbacks if end.failure is not None), None)
        if failure is not None and not isinstance(failure, (OSError, ValueError)):
            sys.excepthook(type(failure), failure, failure.__traceback__)
        if failure is None and event.type is not EventType.ERROR:
            return event._replace(ends=open_ends)
        error = errors.make(code, reason)
        error.__cause__ = failure
        return event._replace(error=error, ends=open_ends)
