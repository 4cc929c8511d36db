"""asyncio_context.py - a context in asyncio's loop: ctypes calls the library, and a reader of the loop watches the descriptor."""

import asyncio
import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint8, c_uint32, c_uint64

ERROR, CONNECTION, DISCONNECTION, MESSAGE, TIMER, TX = 1, 4, 5, 6, 8, 9
DATA, FD_NOT_FOUND = 2, 104


class Message(ctypes.Structure):
    _fields_ = [("type", c_uint8), ("user_type", c_uint8), ("fd", c_int), ("length", c_uint32), ("payload", POINTER(c_uint8))]


class Event(ctypes.Structure):
    _fields_ = [("type", c_int), ("index", c_uint32), ("origin", c_int), ("m", POINTER(Message))]


class Result(ctypes.Structure):
    _fields_ = [("code", c_int), ("text", ctypes.c_char * 8192)]


lib = ctypes.CDLL("libipc.so.1")
lib.ipc_last_error.restype = c_char_p
for function in lib.ipc_server_init, lib.ipc_connection, lib.ipc_write, lib.ipc_close_fd, lib.ipc_close_all:
    function.restype = Result


def check(result):
    """Raises the error that a call of either kind has returned."""
    code, text = (result.code, result.text) if isinstance(result, Result) else (result, lib.ipc_last_error())
    if code != 0:
        raise OSError(code, text.decode())


class Context:
    def __init__(self):
        self.ctx, self.events = (c_uint64 * 7)(), (Event * 64)()

    def start(self):
        self.fd = lib.ipc_ctx_fd(self.ctx)
        check(0 if self.fd >= 0 else -1)
        asyncio.get_running_loop().add_reader(self.fd, self.take)

    def stop(self):
        asyncio.get_running_loop().remove_reader(self.fd)

    def take(self):
        """Some events; if there are more, the loop calls again."""
        count, timer = c_size_t(), c_int(0)
        check(lib.ipc_wait_events(self.ctx, self.events, c_size_t(64), byref(count), byref(timer)))
        for event in self.events[: count.value]:
            self.handle(event)

    def write(self, fd, kind, payload):
        message = Message(DATA, kind, fd, len(payload), ctypes.cast(payload, POINTER(c_uint8)))
        check(lib.ipc_write(self.ctx, byref(message)))
