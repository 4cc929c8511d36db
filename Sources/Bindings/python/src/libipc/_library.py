"""The shared library: where it is, its structures, and the prototypes of the functions that this package calls.

Prototypes are set once, here. What each message passes, `copy_payload`, `write_take` and `wait_events`, has none: the arguments are ctypes
objects that are made once, bytes and small integers, and need no conversion, which would take as long as the call.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, Structure, c_char, c_char_p, c_int, c_short, c_size_t, c_ubyte, c_uint32, c_void_p
from typing import TYPE_CHECKING, Any

MAX_MESSAGE_SIZE = 1_999_994  # bytes of payload


class Result(Structure):
    """struct ipc_error. glibc's BUFSIZ; where that is smaller the library fills less of it."""

    _fields_ = [("code", c_int), ("text", c_char * 8192)]
    if TYPE_CHECKING:
        code: int
        text: bytes


class RawMessage(Structure):
    """struct ipc_message. The payload is an address."""

    _fields_ = [("type", c_ubyte), ("user_type", c_ubyte), ("fd", c_int), ("length", c_uint32), ("payload", c_void_p)]
    if TYPE_CHECKING:
        type: int
        user_type: int
        fd: int
        length: int
        payload: int | None


class RawEvent(Structure):
    """struct ipc_event."""

    _fields_ = [("type", c_int), ("index", c_uint32), ("origin", c_int), ("m", c_void_p)]


class RawEntry(Structure):
    """struct ipc_entry."""

    _fields_ = [("fd", c_int), ("type", c_int), ("pending", c_uint32), ("path", c_char * 108)]
    if TYPE_CHECKING:
        fd: int
        type: int
        pending: int
        path: bytes


class RawPeer(Structure):
    """struct ipc_peer_info."""

    _fields_ = [("uid", c_uint32), ("gid", c_uint32), ("pid", c_int), ("pidfd", c_int)]
    if TYPE_CHECKING:
        uid: int
        gid: int
        pid: int
        pidfd: int


# All memory: a slice, or what `struct` unpacks at an index, touches these addresses alone. `ctypes.string_at` takes three times as long.
MEMORY = (c_char * sys.maxsize).from_address(0)
CONTEXT_SIZE = 7 * ctypes.sizeof(c_void_p)  # struct ipc_ctx: pointers and sizes
Reader = ctypes.CFUNCTYPE(c_int, c_int, POINTER(RawMessage), POINTER(c_short))
Writer = ctypes.CFUNCTYPE(c_int, c_int, POINTER(RawMessage))


def _load() -> ctypes.CDLL:
    """LIBIPC is a path, or a name for the loader. Without it: what the loader finds, then what ldconfig or the compiler knows."""
    named = os.environ.get("LIBIPC")
    if named:
        return ctypes.CDLL(named)
    try:
        return ctypes.CDLL("libipc.so.1")
    except OSError as error:
        found = ctypes.util.find_library("ipc")
        if found is None:
            raise ImportError(f"cannot find libipc.so.1; the environment variable LIBIPC may name it ({error})") from error
        return ctypes.CDLL(found)


try:
    _library = _load()
    _library.ipc_ctx_limit  # noqa: B018
except (OSError, AttributeError) as error:
    raise ImportError(f"libipc of version 1.2 or later is needed: {error}") from error

_libc = ctypes.CDLL(None)


def _function(name: str, result: Any, *arguments: Any, library: ctypes.CDLL = _library) -> Any:
    function = library[name]  # one of its own: `library.NAME` is always the same
    function.restype = result
    if arguments:
        function.argtypes = arguments
    return function


server_init = _function("ipc_server_init", Result, c_void_p, c_char_p)
connection = _function("ipc_connection", Result, c_void_p, c_char_p, c_void_p)
connection_switched = _function("ipc_connection_switched", Result, c_void_p, c_char_p, c_int, c_void_p)
service_path = _function("service_path", Result, c_char_p, c_char_p)
close_all = _function("ipc_close_all", Result, c_void_p)
close_fd = _function("ipc_close_fd", Result, c_void_p, c_int)
ctx_free = _function("ipc_ctx_free", None, c_void_p)
add_fd = _function("ipc_add_fd", Result, c_void_p, c_int)
add_fd_switched = _function("ipc_add_fd_switched", Result, c_void_p, c_int)
del_fd = _function("ipc_del_fd", Result, c_void_p, c_int)
ctx_fd_type = _function("ipc_ctx_fd_type", c_int, c_void_p, c_int, c_int)
write = _function("ipc_write", Result, c_void_p, c_void_p)
ctx_entries = _function("ipc_ctx_entries", Result, c_void_p, c_void_p, c_void_p)
ctx_release = _function("ipc_ctx_release", Result, c_void_p)
message_copy = _function("ipc_message_copy", None, c_void_p, c_uint32, c_ubyte, c_ubyte, c_char_p, c_uint32)
switching_add = _function("ipc_ctx_switching_add", None, c_void_p, c_int, c_int)
switching_del = _function("ipc_ctx_switching_del", c_int, c_void_p, c_int)
switching_callbacks = _function("ipc_switching_callbacks", None, c_void_p, c_int, Reader, Writer)

last_error = _function("ipc_last_error", c_char_p)
errors_get = _function("ipc_errors_get", c_char_p, c_int)
ctx_fd = _function("ipc_ctx_fd", c_int, c_void_p)
write_take = _function("ipc_write_take", c_int)
wait_events = _function("ipc_wait_events", c_int)
ctx_quiet = _function("ipc_ctx_quiet", c_int, c_void_p, c_uint32)
wake = _function("ipc_wake", c_int, c_void_p)
write_with_fd = _function("ipc_write_with_fd", c_int, c_void_p, c_void_p, c_int)
ctx_accept_fds = _function("ipc_ctx_accept_fds", c_int, c_void_p, c_int, c_int)
event_take_fd = _function("ipc_event_take_fd", c_int, c_void_p)
peer = _function("ipc_peer", c_int, c_void_p, c_int, c_void_p)
ctx_add = _function("ipc_ctx_add", c_int, c_void_p, c_char_p, c_int)
flush = _function("ipc_flush", c_int, c_void_p, c_int, c_int)
ctx_limit = _function("ipc_ctx_limit", c_int, c_void_p, c_int, c_size_t)
# With the lock of the interpreter: it only allocates and copies, and never waits.
copy_payload = _function("ipc_message_copy", None, library=ctypes.PyDLL(_library._name))
free = _function("free", None, c_void_p, library=_libc)
