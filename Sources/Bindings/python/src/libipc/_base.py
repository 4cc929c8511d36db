"""What contexts can do with and without asyncio: all but waiting."""

from __future__ import annotations

import ctypes
import enum
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _buffers, _library, errors
from ._core import Name, encode, milliseconds_of
from ._descriptors import Descriptor, FileLike, number_of, surrender
from ._switching import Switching
from .events import Message

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MAX = _library.MAX_MESSAGE_SIZE
_copy = _library.copy_payload
_take = _library.write_take


class Quiet(enum.IntFlag):
    """Events that a context leaves out."""

    NOTHING = 0
    SWITCH = 1 << 3
    TX = 1 << 9


class Limit(enum.IntEnum):
    """What `set_limit` limits."""

    FRAME = 0  #: payload of a received message, in bytes
    QUEUE_BYTES = 1  #: what may be queued for one receiver
    QUEUE_MESSAGES = 2
    CONNECTIONS = 3  #: more wait until others leave
    CONNECTIONS_OF_USER = 4  #: more are closed at once
    CONNECT_TIME = 5  #: milliseconds that connecting may take, for a look-up and for a full backlog each


class EntryType(enum.IntEnum):
    """What an entry of a context is."""

    IPC = 0
    EXTERNAL = 1
    SERVER = 2
    SWITCHED = 3


class Entry(NamedTuple):
    """An entry of a context."""

    fd: int
    type: EntryType
    pending: int  # messages that are queued for it
    path: bytes  # of a service's socket


class Peer(NamedTuple):
    """Who is at the other end, as the kernel noted it when they connected or listened. `pid` is 0 if this process cannot see it."""

    uid: int
    gid: int
    pid: int
    pidfd: Descriptor | None


class BaseContext(Switching):
    """Listens, connects, sends and watches."""

    def __init__(self, *, quiet: Quiet = Quiet.TX, accept_descriptors: bool = False, linger: float | None = 1.0) -> None:
        """`quiet`: events that are left out; TX has to be asked for. `accept_descriptors`: messages of accepted connections may bring
        descriptors; see also the method. `linger`: how many seconds closing waits until queued messages are sent."""
        super().__init__()
        self._messages: list[tuple[_library.RawMessage, Any]] = []
        self._linger = linger
        self._check_code(_library.ctx_quiet(self._reference, quiet))
        if accept_descriptors:
            # A batch would have a message before the connection that brings it accepts descriptors.
            self._accepts_all, self._room = True, 1

    # Services and connections

    def listen(self, name: Name, socket: FileLike | None = None) -> None:
        """Offers the service. `socket`: a listening one that somebody else has made, such as `listen_fds` has; it is the context's from
        now on."""
        if socket is None:
            self._check(_library.server_init(self._reference, encode(name)))
        else:
            self._check_code(_library.ctx_add(self._reference, encode(name), number_of(socket)))
            surrender(socket)

    def connect(self, name: Name) -> int:
        """Connects to the service. Returns the connection's descriptor, by which other calls name it."""
        fd = ctypes.c_int()
        result = _library.connection(self._reference, encode(name), ctypes.byref(fd))
        if result.code == errors.CLOSED:  # not a peer that has left: the network daemon says no, to a strict route
            raise errors.ConnectError(result.text.decode("utf-8", "surrogateescape"), result.code)
        self._check(result)
        return fd.value

    def disconnect(self, connection: int) -> None:
        """Closes the connection. What is queued for it is offered to the kernel once."""
        self._check(_library.close_fd(self._reference, connection))
        self._accepting.discard(connection)

    def watch(self, file: FileLike) -> None:
        """EXTERNAL events tell when the file is readable; the program reads it."""
        self._check(_library.add_fd(self._reference, number_of(file)))

    def unwatch(self, file: FileLike) -> None:
        self._check(_library.del_fd(self._reference, number_of(file)))

    def accept_descriptors(self, connection: int, on: bool = True) -> None:
        """Whether messages of this connection may bring descriptors: `message.descriptor`. Otherwise the library closes them."""
        self._check_code(_library.ctx_accept_fds(self._reference, connection, on))
        (self._accepting.add if on else self._accepting.discard)(connection)

    def peer(self, connection: int) -> Peer:
        """Who is at the other end."""
        raw = _library.RawPeer()
        self._check_code(_library.peer(self._reference, connection, ctypes.byref(raw)))
        return Peer(raw.uid, raw.gid, raw.pid, Descriptor(raw.pidfd) if raw.pidfd >= 0 else None)

    def entries(self) -> list[Entry]:
        """All that the context has, at one moment."""
        entries, count = ctypes.POINTER(_library.RawEntry)(), ctypes.c_size_t()
        self._check(_library.ctx_entries(self._reference, ctypes.byref(entries), ctypes.byref(count)))
        try:
            return [Entry(raw.fd, EntryType(raw.type), raw.pending, raw.path) for raw in entries[: count.value]]
        finally:
            _library.free(entries)

    # Sending

    def send(
        self, to: int, payload: ReadableBuffer = b"", user_type: int = 0, *, type: int = 2, descriptor: FileLike | None = None
    ) -> None:
        """Queues a message for a connection. The next wait sends it, or `flush`. The payload may change afterwards, and the descriptor
        may be closed: the library has a copy."""
        self._queue(to, payload, user_type, type, descriptor)

    def _queue(self, to: int, payload: ReadableBuffer, user_type: int, type: int, descriptor: FileLike | None) -> None:
        if not (0 <= type <= 255 and 0 <= user_type <= 255):
            raise ValueError(f"types are 0 to 255, not {type} and {user_type}")
        if payload.__class__ is not bytes or descriptor is not None:
            self._queue_other(to, payload, user_type, type, descriptor)
            return
        length = len(payload)
        if length > _MAX:
            raise errors.make(errors.TOO_LONG, b"a payload of %d bytes is too long" % length)
        try:
            slot = self._messages.pop()  # see _batches
        except IndexError:
            message = _library.RawMessage()
            slot = message, ctypes.byref(message)
        message, reference = slot
        try:
            # The library's memory, filled here, and then taken: ipc_write would return 8 KiB.
            _copy(reference, to, type, user_type, payload, length)
            if message.length != length:
                raise errors.make(errors.NO_MEMORY)
            code = _take(self._reference, reference)
            if code:
                failure = self._failure(code, _library.last_error())
                _copy(reference, 0, 0, 0, None, 0)  # frees the payload
                raise failure
        finally:
            self._messages.append(slot)

    def _queue_other(self, to: int, payload: ReadableBuffer, user_type: int, type: int, descriptor: FileLike | None) -> None:
        with _buffers.address(payload) as (address, length):
            if length > _MAX:
                raise errors.make(errors.TOO_LONG, b"a payload of %d bytes is too long" % length)
            message = _library.RawMessage(type, user_type, to, length, address)
            if descriptor is None:
                self._check(_library.write(self._reference, ctypes.byref(message)))
            else:
                self._check_code(_library.write_with_fd(self._reference, ctypes.byref(message), number_of(descriptor)))

    def forward(self, message: Message, to: int) -> None:
        """Queues a message, with its types, and the descriptor that came with it."""
        self.send(to, message.payload, message.user_type, type=message.type, descriptor=message.descriptor)

    def _flush(self, timeout: float | None, connection: int) -> int:
        """ipc_flush, which goes on after signals."""
        end = None if timeout is None else time.monotonic() + timeout
        code = errors.POLL
        while code == errors.POLL:
            remaining = None if end is None else max(0.0, end - time.monotonic())
            code = _library.flush(self._reference, connection, milliseconds_of(remaining))
        return code

    # Other

    def wake(self) -> None:
        """Makes one wait return with a WAKE event: the one that waits now, or the next. For other threads and signal handlers."""
        code = _library.wake(self._reference)
        if code:
            raise self._failure(code, None)

    def fileno(self) -> int:
        """A descriptor for other loops: readable whenever a wait with timeout 0 has an event. Only watch it."""
        fd = int(_library.ctx_fd(self._reference))
        if fd < 0:
            raise self._failure(errors.NO_DESCRIPTOR, _library.last_error())
        return fd

    def set_quiet(self, quiet: Quiet) -> None:
        """Which events are left out from now on."""
        self._check_code(_library.ctx_quiet(self._reference, quiet))

    def set_limit(self, limit: Limit, value: int | None) -> None:
        """None: the default."""
        self._check_code(_library.ctx_limit(self._reference, limit, ctypes.c_size_t(-1 if value is None else value)))

    def release(self) -> None:
        """Ends this thread's claim on the connections of its last events, before its next wait does: other threads get theirs."""
        self._check(_library.ctx_release(self._reference))

    def _flush_and_end(self, linger: float | None) -> None:
        if self.closed:
            return
        if linger is None or linger > 0:
            self._flush(linger, -1)
        self._end()
        self._accepting.clear()
        self._pairs.clear()
        self._ends.clear()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__}{', closed' if self.closed else ''}>"
