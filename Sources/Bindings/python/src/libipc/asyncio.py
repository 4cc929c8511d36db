"""The same with asyncio: `async for event in service`, `await client.request(...)`.

One reader of the loop watches the context's descriptor (`fileno`), which is readable as long as there are events. It takes a batch of them
each time, and stops watching while the program is behind: what comes meanwhile waits in the library and in the kernel, and its senders do.
"""

from __future__ import annotations

import asyncio
import collections
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from . import _library, errors
from ._base import BaseContext, Quiet
from ._core import Name
from ._descriptors import FileLike
from .events import Event, EventType, Message

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Self = TypeVar("Self", bound="Context")

_NO_FD = -2  # in place of the descriptor that the loop watches
BEHIND = 256  # events that the program has not taken yet: from then on the loop does not watch


class Context(BaseContext):
    """A context in an asyncio loop, the one that runs at its first wait. Its other calls are those of `libipc.Context`; none of them
    waits, but for `connect`: see `open`."""

    def __init__(self, *, quiet: Quiet = Quiet.TX, accept_descriptors: bool = False, linger: float | None = 1.0) -> None:
        super().__init__(quiet=quiet, accept_descriptors=accept_descriptors, linger=linger)
        self._events: collections.deque[Event] = collections.deque()
        self._waiting: collections.deque[asyncio.Future[None]] = collections.deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = -1
        self._broken: Exception | None = None
        self._timer: asyncio.Handle
        self._delay = 0.0005

    def _watch_loop(self) -> None:
        """Has the running loop tell of events, if it does not yet."""
        if self._watched != -1:
            return
        if self.closed:
            raise self._failure(0, None)
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise RuntimeError(f"{self!r} is used by another loop")
        self._loop = loop
        try:
            self._watched = self.fileno()
        except errors.DescriptorError as error:
            if error.code != errors.NO_DESCRIPTOR:
                raise
            self._watched = _NO_FD
            self._timer = loop.call_soon(self._look_again)
            return
        loop.add_reader(self._watched, self._on_readable)
        loop.call_soon(self._on_readable)  # what was there before, a WAKE too

    def _unwatch_loop(self) -> None:
        if self._watched != -1 and self._loop is not None:
            if self._watched == _NO_FD:
                self._timer.cancel()
            else:
                self._loop.remove_reader(self._watched)
        self._watched = -1

    def _look_again(self) -> None:
        """In place of a reader, where the library was built for poll(2), which has no descriptor: soon after there was something,
        else every 10 milliseconds."""
        assert self._loop is not None
        self._delay = 0.0005 if self._on_readable() else min(self._delay * 2, 0.01)
        if self._watched == _NO_FD:
            self._timer = self._loop.call_later(self._delay, self._look_again)

    def _on_readable(self) -> bool:
        """Takes what is there. Returns whether that was something."""
        if self._watched == -1:
            return False
        found: collections.deque[Event] = collections.deque()
        try:
            self._collect(found, 0)
        except Exception as error:  # noqa: BLE001
            self._break(error)
            return False
        for event in found:
            if event.type is not EventType.TIMER:
                self._dispatch(event)
        if len(self._events) >= BEHIND and not self._expects_more():
            self._unwatch_loop()
        return found[0].type is not EventType.TIMER

    def _expects_more(self) -> bool:
        """Whether somebody waits for an event of which there may be no other before it."""
        return False

    def _dispatch(self, event: Event) -> None:
        """Gives an event to the first that waits for it."""
        self._events.append(event)
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return

    def _break(self, error: Exception) -> None:
        """No more events come. Those that wait get the error, and so does the next that waits."""
        self._unwatch_loop()
        self._broken = error
        while self._waiting:
            self._wake_one()

    async def wait(self) -> Event:
        """The next event. Give it a limit with `asyncio.wait_for`, or `asyncio.timeout`: no event is lost."""
        while not self._events:
            if self._broken is not None:
                error, self._broken = self._broken, None
                raise error
            self._watch_loop()
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            try:
                await waiting
            except asyncio.CancelledError:
                if self._events and waiting.done() and not waiting.cancelled():
                    self._wake_one()
                raise
        event = self._events.popleft()
        if self._watched == -1 and len(self._events) < BEHIND // 2 and not self.closed and self._broken is None:
            self._watch_loop()
        return event

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events, until the context is closed."""
        while not self.closed:
            try:
                event = await self.wait()
            except errors.ClosedError:
                if self.closed:
                    return
                raise
            yield event

    async def open(self, name: Name) -> int:
        """`connect`, in another thread: a look-up, or a service that is busy, may take seconds."""
        return await asyncio.get_running_loop().run_in_executor(None, self.connect, name)

    async def flush(self, timeout: float | None = None, connection: int = -1) -> None:
        """Sends what is queued, for one connection or for all, and waits for that, at most so many seconds: TimeoutError."""
        code = self._flush(0, connection)
        if code == errors.UNSENT and timeout != 0:
            code, text = await asyncio.get_running_loop().run_in_executor(None, self._flush_there, timeout, connection)
            if code:
                raise self._failure(code, text)
        self._check_code(code)

    def _flush_there(self, timeout: float | None, connection: int) -> tuple[int, bytes]:
        return self._flush(timeout, connection), _library.last_error()

    def close(self) -> None:
        """Closes all connections and services at once. What is queued is offered to the kernel once; `async with` waits for it."""
        self._unwatch_loop()
        self._flush_and_end(0)
        self._break(errors.make(errors.FREED, b"the context is closed"))

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None and not self.closed and self._linger != 0:
                await self.flush(self._linger)
        except errors.Error:
            pass  # a peer has left, or does not read: as a socket's close
        finally:
            self.close()


class Service(Context):
    """A context that offers a service.

    async with Service("echo") as service:
        async for event in service:
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
    """A context with one connection, to the service of that name, which `async with` makes.

    async with Client("echo") as client:
        reply = await client.request(b"hello")
    """

    def __init__(self, name: Name, *, quiet: Quiet = Quiet.TX, accept_descriptors: bool = False, linger: float | None = 1.0) -> None:
        super().__init__(quiet=quiet, linger=linger)
        self.name = name
        self.fd = -1
        self._accepts = accept_descriptors
        self._requests: collections.deque[asyncio.Future[Message]] = collections.deque()

    async def __aenter__(self: SelfClient) -> SelfClient:
        try:
            self.fd = await self.open(self.name)
            if self._accepts:
                self.accept_descriptors(self.fd)
            self._watch_loop()
        except BaseException:
            self.close()
            raise
        return self

    def _dispatch(self, event: Event) -> None:
        if event.fd == self.fd and event.type is EventType.MESSAGE and self._requests:
            request = self._requests.popleft()
            if not request.done():  # otherwise given up: the reply came too late
                request.set_result(event.message)  # type: ignore[arg-type]
            return
        if event.fd == self.fd and event.type in (EventType.DISCONNECTION, EventType.ERROR):
            self._give_up(event.error or errors.make(errors.CLOSED, b"the service has left"))
        super()._dispatch(event)

    def _expects_more(self) -> bool:
        return bool(self._requests)

    def _give_up(self, error: Exception) -> None:
        while self._requests:
            request = self._requests.popleft()
            if not request.done():
                request.set_exception(error)

    def _break(self, error: Exception) -> None:
        super()._break(error)
        self._give_up(error)

    def tell(self, payload: ReadableBuffer = b"", user_type: int = 0, *, type: int = 2, descriptor: FileLike | None = None) -> None:
        """Sends a message to the service; nothing waits for it."""
        self._queue(self.fd, payload, user_type, type, descriptor)

    async def request(
        self, payload: ReadableBuffer = b"", user_type: int = 0, *, type: int = 2, descriptor: FileLike | None = None
    ) -> Message:
        """Sends a message and waits for the reply. Any number of tasks may do so at once: replies belong to requests in their order.
        Give it a limit with `asyncio.wait_for`; a reply that comes late is dropped."""
        self._watch_loop()
        self._queue(self.fd, payload, user_type, type, descriptor)
        reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._requests.append(reply)
        return await reply


SelfClient = TypeVar("SelfClient", bound=Client)
