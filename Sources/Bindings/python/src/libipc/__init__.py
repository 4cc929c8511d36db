"""libipc: messages between programs of one machine.

A service has a name; clients connect to it by that name; both loop over events. `libipc.asyncio` has the same for asyncio.
"""

from ._base import Entry, EntryType, Limit, Peer, Quiet
from ._descriptors import Descriptor
from ._library import MAX_MESSAGE_SIZE
from .activation import listen_fds
from .context import Client, Context, Service
from .errors import (
    ClosedError,
    ConnectError,
    DescriptorError,
    Error,
    InvalidNameError,
    LimitError,
    ListenError,
    MessageTooLongError,
    OutOfMemoryError,
    QueueFullError,
    TimeoutError,
    UnknownDescriptorError,
)
from .events import Event, EventType, Message, MessageType

__version__ = "1.2.0"
__all__ = [
    "MAX_MESSAGE_SIZE",
    "Client",
    "ClosedError",
    "ConnectError",
    "Context",
    "Descriptor",
    "DescriptorError",
    "Entry",
    "EntryType",
    "Error",
    "Event",
    "EventType",
    "InvalidNameError",
    "Limit",
    "LimitError",
    "ListenError",
    "Message",
    "MessageTooLongError",
    "MessageType",
    "OutOfMemoryError",
    "Peer",
    "QueueFullError",
    "Quiet",
    "Service",
    "TimeoutError",
    "UnknownDescriptorError",
    "listen_fds",
]
