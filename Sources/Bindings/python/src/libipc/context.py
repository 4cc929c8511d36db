"""Contexts that wait by themselves, for programs without asyncio; `Service` and `Client` are such."""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from . import _library, errors
from ._base import BaseContext, Quiet
from ._core import Name, milliseconds_of
from ._descriptors import FileLike
from .events import Event, EventType, Message

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Self = TypeVar("Self", bound="Context")


class _Waiter(threading.local):
    """Of each thread that waits: the events that its last wait has found. It has a claim on their connections, so they are its own."""

    def __init__(self) -> None:
        self.events: collections.deque[Event] = collections.deque()
        self.remaining = -1  # of the timer, in milliseconds


class Context(BaseContext):
    """What a program listens to and talks with: any number of services and connections.

    Any thread may call anything at any time. Each event goes to one of the threads that wait, and no other gets the next event of that
    connection until this thread waits again.
    """

    def __init__(self, *, quiet: Quiet = Quiet.TX, accept_descriptors: bool = False, linger: float | None = 1.0) -> None:
        super().__init__(quiet=quiet, accept_descriptors=accept_descriptors, linger=linger)
        self._waiter = _Waiter()

    @property
    def timer(self) -> float | None:
        """Seconds until the calling thread's wait without a timeout gives a TIMER event, once. It runs while the thread waits or
        handles events. None: no such event."""
        remaining = self._waiter.remaining
        return None if remaining < 0 else remaining / 1000

    @timer.setter
    def timer(self, seconds: float | None) -> None:
        self._waiter.remaining = milliseconds_of(seconds)

    def wait(self, timeout: float | None = None) -> Event:
        """The next event. After so many seconds, never earlier, a TIMER event. Without a timeout `timer` counts."""
        waiter = self._waiter
        events = waiter.events
        if not events:
            if timeout is not None:
                self._collect(events, milliseconds_of(timeout))
            else:
                remaining = self._collect(events, waiter.remaining)
                if waiter.remaining >= 0:
                    waiter.remaining = remaining if events[-1].type is not EventType.TIMER else -1
        return events.popleft()

    def __iter__(self) -> Iterator[Event]:
        """Events, until the context is closed. Of the thread that begins with it."""
        waiter = self._waiter
        events = waiter.events
        take = events.popleft
        while not self.closed:
            if waiter.remaining < 0:
                try:
                    events or self._collect(events, -1)
                except errors.ClosedError:
                    if self.closed:
                        return
                    raise
                while events:
                    yield take()
            else:
                yield self.wait()

    def flush(self, timeout: float | None = None, connection: int = -1) -> None:
        """Sends what is queued, for one connection or for all, and waits for that, at most so many seconds: TimeoutError."""
        self._check_code(self._flush(timeout, connection))

    def close(self) -> None:
        """Sends what is queued, for at most `linger` seconds, and closes all connections and services. Watched files stay open."""
        self._flush_and_end(self._linger)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._flush_and_end(self._linger if error is None else 0)


class Service(Context):
    """A context that offers a service.

    with Service("echo") as service:
        for event in service:
            if event.message:
                event.message.reply(event.message.payload)
    """

    def __init__(
        self,
        name: Name,
        socket: FileLike | None = None,
        *,
        quiet: Quiet = Quiet.TX,
        accept_descriptors: bool = False,
        linger: float | None = 1.0,
    ) -> None:
        """`socket`: see `listen`."""
        super().__init__(quiet=quiet, accept_descriptors=accept_descriptors, linger=linger)
        self.name = name
        try:
            self.listen(name, socket)
        except BaseException:
            self._end()
            raise


class Client(Context):
    """A context with one connection, to the service of that name.

    with Client("echo") as client:
        print(client.request(b"hello").payload)
    """

    def __init__(
        self,
        name: Name,
        *,
        quiet: Quiet = Quiet.TX,
        accept_descriptors: bool = False,
        linger: float | None = 1.0,
    ) -> None:
        super().__init__(quiet=quiet, linger=linger)
        self.name = name
        self._late = 0  # replies that will still come to requests that were given up
        try:
            self.fd = self.connect(name)
            if accept_descriptors:
                self.accept_descriptors(self.fd)
        except BaseException:
            self._end()
            raise

    def tell(self, payload: ReadableBuffer = b"", user_type: int = 0, *, type: int = 2, descriptor: FileLike | None = None) -> None:
        """Sends a message to the service; nothing waits for it. What the kernel does not take at once is sent by the next wait."""
        self._queue(self.fd, payload, user_type, type, descriptor)
        _library.flush(self._reference, self.fd, 0)

    def request(
        self,
        payload: ReadableBuffer = b"",
        user_type: int = 0,
        *,
        type: int = 2,
        descriptor: FileLike | None = None,
        timeout: float | None = None,
    ) -> Message:
        """Sends a message and waits for the next one from the service, which is the reply. Other events stay for `wait`. TimeoutError
        after so many seconds: a reply that comes late is dropped."""
        self._queue(self.fd, payload, user_type, type, descriptor)
        events = self._waiter.events
        if timeout is None and not events and not self._late:
            self._collect(events, -1)
            if len(events) == 1 and events[0].message is not None and events[0].fd == self.fd:
                return events.popleft().message  # type: ignore[return-value]
        return self._reply(events, timeout)

    def _reply(self, events: collections.deque[Event], timeout: float | None) -> Message:
        """The first message from the service. What came before it stays, in its order."""
        end = None if timeout is None else time.monotonic() + timeout
        others: list[Event] = []
        try:
            while True:
                if not events:
                    self._collect(events, milliseconds_of(None if end is None else max(0.0, end - time.monotonic())))
                event = events.popleft()
                if event.message is not None and event.fd == self.fd:
                    if not self._late:
                        return event.message
                    self._late -= 1
                elif event.type is EventType.TIMER:
                    self._late += 1
                    raise errors.TimeoutError(f"no reply within {timeout:g} seconds", errors.UNSENT)
                else:
                    others.append(event)
                    if event.fd == self.fd and event.type in (EventType.DISCONNECTION, EventType.ERROR):
                        raise event.error or errors.make(errors.CLOSED, b"the service has left")
        finally:
            events.extendleft(reversed(others))
