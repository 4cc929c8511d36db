"""What a wait returns: an `Event`, with the `Message` that came."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

from ._descriptors import Descriptor, FileLike

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from ._base import BaseContext
    from .errors import Error


class EventType(enum.IntEnum):
    """What happened. ipc.h says more, at ipc_wait_event."""

    ERROR = 1  #: a peer broke the protocol, or its socket failed: `event.error` says why
    EXTERNAL = 2  #: a file that the context watches is readable
    SWITCH = 3  #: a message went from one end of a pair to the other
    CONNECTION = 4  #: a client was accepted
    DISCONNECTION = 5  #: a peer left
    MESSAGE = 6  #: a message came: `event.message`
    TIMER = 8  #: the time is up
    TX = 9  #: a queued message was handed to the kernel
    WAKE = 10  #: `wake` was called


class MessageType(enum.IntEnum):
    """The type of a message. Other values travel as given."""

    SERVER_CLOSE = 0
    ERR = 1
    DATA = 2
    NETWORK_LOOKUP = 3


class Message:
    """A message: its own bytes, a user type (0 to 255) for what the program makes of it, and a type."""

    __slots__ = ("_context", "descriptor", "fd", "payload", "type", "user_type")

    payload: bytes
    user_type: int
    type: int
    #: The connection that it came from; -1 of one that the program has made.
    fd: int
    #: What came with it. Closed with the message, unless somebody keeps it.
    descriptor: Descriptor | None

    def __init__(self, payload: bytes = b"", user_type: int = 0, type: int = 2, fd: int = -1, context: BaseContext | None = None) -> None:
        self.payload = payload
        self.user_type = user_type
        self.type = type
        self.fd = fd
        self._context = context
        self.descriptor = None

    def reply(self, payload: ReadableBuffer = b"", user_type: int | None = None, *, descriptor: FileLike | None = None) -> None:
        """Queues an answer to the sender, by default with the user type of this message."""
        if self._context is None:
            raise ValueError("this message did not come from a connection")
        self._context._queue(self.fd, payload, self.user_type if user_type is None else user_type, 2, descriptor)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return (self.payload, self.user_type, self.type) == (other.payload, other.user_type, other.type)

    __hash__ = None  # type: ignore[assignment]

    def __bytes__(self) -> bytes:
        return self.payload

    def __repr__(self) -> str:
        shown = repr(self.payload) if len(self.payload) <= 40 else f"{self.payload[:40]!r}... ({len(self.payload)} bytes)"
        return f"Message({shown}, user_type={self.user_type}, type={self.type}, fd={self.fd})"


class Event(NamedTuple):
    """What happened, and on which connection."""

    type: EventType
    #: The connection, or the watched file: the client's of CONNECTION; 0 of TIMER and WAKE.
    fd: int
    #: Of MESSAGE.
    message: Message | None = None
    #: Of ERROR, also that of a pair. What a callback raised is its `__cause__`.
    error: Error | None = None
    #: Of the end of a pair: its descriptors that are open, for the program to close.
    ends: tuple[int, ...] = ()
