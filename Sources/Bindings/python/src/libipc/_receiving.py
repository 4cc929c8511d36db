"""Waits: batches of the library's events become `Event` objects.

One call of the library takes all events that are there. Structures are read with `struct` from the memory where the library has them,
which is several times faster than field by field; a payload is copied once, into its `bytes`.
"""

from __future__ import annotations

import collections
import ctypes
import struct
from typing import Any

from . import _library, errors
from ._core import Core
from ._descriptors import Descriptor
from .events import Event, EventType, Message

BATCH = 32  # events that one call of the library takes

_MEMORY = _library.MEMORY
_unpack_event = struct.Struct("@IIiP").unpack_from
_EVENT_SIZE = struct.calcsize("@IIiP")
_unpack_message = struct.Struct("@BBiIP").unpack_from

_TYPES = {int(member): member for member in EventType}
_MESSAGE = EventType.MESSAGE
_ENDS_AND_BEGINNINGS = frozenset((int(EventType.CONNECTION), int(EventType.DISCONNECTION), int(EventType.ERROR)))
_wait = _library.wait_events
_new = tuple.__new__


class _Batch:
    """The arguments of a wait. The library frees the messages in it at the next wait with it."""

    __slots__ = ("events", "parts", "size")

    def __init__(self, reference: Any, room: int) -> None:
        self.events = (_library.RawEvent * room)()
        self.size = room * _EVENT_SIZE
        count, timer = ctypes.c_size_t(), ctypes.c_int()
        arguments = reference, ctypes.byref(self.events), ctypes.c_size_t(room), ctypes.byref(count), ctypes.byref(timer)
        self.parts = ctypes.addressof(self.events), count, timer, arguments

    def __del__(self, free: Any = _library.free) -> None:
        for position in range(0, self.size, _EVENT_SIZE):
            message = _unpack_event(self.events, position)[3]
            if message:
                free(_unpack_message(_MEMORY, message)[4])
                free(message)


class Receiving(Core):
    """The part of a context that waits."""

    def __init__(self) -> None:
        super().__init__()
        # A wait takes one out, so that threads, and signal handlers between two steps of a wait, do not meet in it.
        self._batches: list[_Batch] = []
        self._made: list[None] = []  # one for each batch: appending is a single step
        self._room = BATCH
        self._accepting: set[int] = set()
        self._accepts_all = False

    def _is_waited_on(self) -> bool:
        return len(self._batches) < len(self._made)

    def _collect(self, events: collections.deque[Event], milliseconds: int) -> int:
        """Waits, and appends what there is, at least one event. Returns what remains of the time."""
        try:
            batch = self._batches.pop()
        except IndexError:
            self._made.append(None)
            batch = _Batch(self._handle, self._room)
        address, count, timer, arguments = batch.parts
        try:
            timer.value = milliseconds
            code = 106
            while code == 106 and self._reference is not None:  # a signal: Python's handlers run between two waits, and may raise
                code = _wait(*arguments)
            end = address + count.value * _EVENT_SIZE
            if end == address or self._reference is None:
                raise self._failure(code, _library.last_error())
            kind = 0
            for position in range(address, end, _EVENT_SIZE):
                kind, _, fd, raw = _unpack_event(_MEMORY, position)
                if kind == 6:
                    type, user_type, _, length, payload = _unpack_message(_MEMORY, raw)
                    message = Message(_MEMORY[payload : payload + length], user_type, type, fd, self)  # type: ignore[arg-type]
                    if fd in self._accepting:
                        self._take_descriptor(message, position)
                    events.append(_new(Event, (_MESSAGE, fd, message, None, ())))  # Event(...) takes three times as long
                else:
                    if kind in _ENDS_AND_BEGINNINGS:
                        self._notice(kind, fd)
                    events.append(Event(_TYPES[kind], fd))
            if code or kind == 1:
                events.append(self._explain(events.pop(), code, _library.last_error()))
            return timer.value
        finally:
            self._batches.append(batch)
            if self._reference is None:
                self._free()

    def _take_descriptor(self, message: Message, event: int) -> None:
        fd = _library.event_take_fd(event)
        if fd >= 0:
            message.descriptor = Descriptor(fd)

    def _notice(self, kind: int, fd: int) -> None:
        """Connections that come and go."""
        if kind != EventType.CONNECTION:
            self._accepting.discard(fd)
        elif self._accepts_all and _library.ctx_accept_fds(self._reference, fd, 1) == 0:
            self._accepting.add(fd)

    def _explain(self, event: Event, code: int, reason: bytes) -> Event:
        """The last event of a batch has a reason."""
        return event._replace(error=errors.make(code, reason))
