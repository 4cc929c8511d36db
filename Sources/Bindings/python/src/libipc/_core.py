"""A context's memory, and its end."""

from __future__ import annotations

import ctypes
import os
import warnings
import weakref
from typing import Any, Union

from . import _library, errors

Name = Union[str, bytes]


def _end(memory: Any) -> None:
    """Without the object, which may be collected: sockets of services go, also when the program ends without closing them."""
    _library.close_all(memory)
    _library.ctx_free(memory)


def encode(name: Name) -> bytes:
    """A name as the library takes it: the bytes of a path."""
    encoded = os.fsencode(name)
    if b"\0" in encoded:
        raise errors.make(errors.NAME, b"invalid service name: it holds a NUL")
    return encoded


def milliseconds_of(timeout: float | None) -> int:
    """Seconds for the library, rounded up: never early. None is for ever."""
    if timeout is None:
        return -1
    return max(0, min(-int(-timeout * 1000 // 1), 0x7FFFFFFF))


class Core:
    """A struct ipc_ctx. The library is thread-safe, and so is this; see `Context`."""

    def __init__(self) -> None:
        memory = ctypes.create_string_buffer(_library.CONTEXT_SIZE)
        self._handle: Any = ctypes.byref(memory)
        #: What functions get; None of a closed context, which they refuse.
        self._reference: Any = self._handle
        self._ended = False  # all that it had is closed, and it may be freed
        self._finalizer = weakref.finalize(self, _end, memory)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._reference is None

    def __del__(self) -> None:
        if getattr(self, "_reference", None) is not None:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=1, source=self)

    def _end(self) -> None:
        """Closes what is the context's, and ends waits: of this thread too, if a signal handler or a callback does this."""
        if self._reference is None:
            return
        self._reference = None
        _library.wake(self._handle)
        _library.close_all(self._handle)
        self._ended = True
        self._free()

    def _is_waited_on(self) -> bool:
        """Whether a thread is in a wait, or on its way to one: it would wait for ever on a context that is freed."""
        return False

    def _free(self) -> None:
        """Frees the context if nobody waits any more. Otherwise the next wait that ends does."""
        if self._is_waited_on():
            _library.wake(self._handle)
        elif self._ended and self._finalizer.detach() is not None:
            _library.ctx_free(self._handle)

    def _failure(self, code: int, text: bytes | None) -> errors.Error:
        """The exception of a call on this context."""
        return errors.make(errors.FREED, b"the context is closed") if self.closed else errors.make(code, text)

    def _check(self, result: _library.Result) -> None:
        """For functions that return a struct ipc_error."""
        if result.code:
            raise self._failure(result.code, result.text)

    def _check_code(self, code: int) -> None:
        """For functions since 1.2, which return the code alone."""
        if code:
            raise self._failure(code, _library.last_error())
