"""asyncio_echo.py - an echo service and its client in loops of asyncio; and the tests' processes, as echo.h and harness.h have them."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from ctypes import byref, c_int, string_at

from asyncio_context import CONNECTION, DISCONNECTION, ERROR, FD_NOT_FOUND, MESSAGE, TIMER, TX, Context, check, lib

WINDOW, LARGEST = 64, 1_999_994
filling = bytes(i * 31 + (i >> 8) & 0xFF for i in range(LARGEST + 256))


def make(number, size):
    start = number % 256
    return number.to_bytes(4, "little") + filling[start : start + size - 4]


def is_message(event, number, size):
    assert event.type == MESSAGE, event.type
    assert string_at(event.m.contents.payload, event.m.contents.length) == make(number, size), f"message {number}"


class Peer(Context):
    """One side: counts what happens in its loop, and ends the loop with the first exception."""

    def __init__(self):
        super().__init__()
        self.wakeups = self.happened = self.ticks = 0
        self.on_tick = lambda: None

    def take(self):
        self.wakeups += 1
        self.guarded(super().take)

    def handle(self, event):
        if event.type != TIMER:
            self.happened += 1
            self.on_event(event)

    def guarded(self, call):
        try:
            call()
        except BaseException as problem:
            if not self.end.done():
                self.end.set_exception(problem)

    async def tick(self, interval):
        while True:
            await asyncio.sleep(interval)
            self.ticks += 1
            self.guarded(self.on_tick)

    async def run(self, interval):
        self.end = asyncio.get_running_loop().create_future()
        self.start()
        self.begin()
        ticker = asyncio.create_task(self.tick(interval))
        try:
            await self.end
        finally:
            ticker.cancel()
            self.stop()

    def begin(self):
        pass

    def leave(self):
        if not self.end.done():
            self.end.set_result(None)

    def connect(self):
        fd = c_int()
        check(lib.ipc_connection(self.ctx, b"echo", byref(fd)))
        return fd.value

    def close(self, fd):
        check(lib.ipc_close_fd(self.ctx, fd))

    def free(self):
        check(lib.ipc_close_all(self.ctx))
        lib.ipc_ctx_free(self.ctx)


class Service(Peer):
    def __init__(self, clients):
        super().__init__()
        self.expected, self.arrived, self.left, self.answered, self.sent = clients, 0, 0, 0, 0
        self.all_stay = True
        check(lib.ipc_server_init(self.ctx, b"echo"))

    def answer(self, event):
        code = lib.ipc_write_take(self.ctx, event.m)
        if self.all_stay or code != FD_NOT_FOUND:
            check(code)
            self.answered += 1

    def on_event(self, event):
        if event.type == CONNECTION:
            self.arrived += 1
        elif event.type == MESSAGE:
            self.answer(event)
        elif event.type == TX:
            self.sent += 1
        else:
            assert event.type in ((DISCONNECTION,) if self.all_stay else (DISCONNECTION, ERROR)), event.type
            assert not self.all_stay or self.sent == self.answered
            self.left += 1
            if self.left == self.expected:
                self.leave()


def meet(gate):
    gate.send(b".")
    assert gate.recv(1) == b"."


def live(make_peer, gate, interval):
    """The life of one side, from its context to its last descriptor."""
    before = len(os.listdir("/proc/self/fd"))
    peer = make_peer()
    peer.gate = gate
    meet(gate)
    asyncio.run(peer.run(interval))
    peer.free()
    assert len(os.listdir("/proc/self/fd")) == before, "descriptors are left"
    return peer


def in_child(body):
    """Runs `body` in a process of its own, which ends after a minute."""
    sys.stdout.flush()
    child = os.fork()
    if child > 0:
        return child
    status = 1
    try:
        signal.alarm(60 * int(os.environ.get("TEST_PATIENCE", "1")))
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def exchange(make_service, make_client, interval=0.005):
    """The client in this process, the service in a child: one gives the other time to start, and waits for its end."""
    here, there = socket.socketpair()
    child = in_child(lambda: (here.close(), live(make_service, there, interval)))
    there.close()
    live(make_client, here, interval)
    assert os.waitpid(child, 0)[1] == 0, "the service has failed"


def run_tests(tests):
    failed = 0
    for test in tests:
        os.environ["IPC_RUNDIR"] = tempfile.mkdtemp(prefix="ipc-loops-")
        ok = os.waitpid(in_child(test), 0)[1] == 0
        shutil.rmtree(os.environ["IPC_RUNDIR"])
        print("ok" if ok else "not ok", test.__name__, flush=True)
        failed |= not ok
    return failed
