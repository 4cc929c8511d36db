"""The service of scenarios.md, in Python."""

import collections
import gc
import os
import signal
import sys

import libipc
from libipc import EventType

COUNTED = {
    "connection": EventType.CONNECTION,
    "disconnection": EventType.DISCONNECTION,
    "error": EventType.ERROR,
    "external": EventType.EXTERNAL,
    "message": EventType.MESSAGE,
    "switch": EventType.SWITCH,
    "timer": EventType.TIMER,
    "tx": EventType.TX,
    "wake": EventType.WAKE,
}


def descriptors():
    return len(os.listdir("/proc/self/fd")) - 1


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


class Lines:
    """The end of a pair that speaks in lines."""

    def __init__(self):
        self.rest = b""

    def read(self, fd):
        came = os.read(fd, 65536)
        if not came:
            raise EOFError
        *lines, self.rest = (self.rest + came).split(b"\n")
        return [libipc.Message(line, ord("l")) for line in lines]

    def write(self, fd, message):
        rest = message.payload + b"\n"
        while rest:
            rest = rest[os.write(fd, rest) :]


class Service:
    def __init__(self):
        self.context = libipc.Context(quiet=libipc.Quiet.NOTHING, accept_descriptors=True)
        self.pipe = os.pipe()
        self.counts = collections.Counter()
        self.external = collections.deque()  # what went into the pipe
        self.timed = self.woken = self.quitting = self.killing = None

    def run(self):
        with self.context as context:
            for name in ("matrix", "matrix-2", "matrix-3"):
                context.listen(name)
            context.watch(self.pipe[0])
            print("ready", flush=True)
            for event in context:
                self.counts[event.type] += 1
                self.handle(event)
                if event.type is EventType.DISCONNECTION and event.fd == self.quitting:
                    break
        for end in self.pipe:
            os.close(end)

    def handle(self, event):
        if event.type is EventType.MESSAGE:
            command = getattr(self, "command_" + chr(event.message.user_type), None)
            if command is None:
                self.context.forward(event.message, event.fd)
            else:
                command(event.message)
        elif event.type is EventType.TIMER:
            self.timed.reply(self.timed.payload)
        elif event.type is EventType.WAKE:
            self.woken.reply()
        elif event.type is EventType.EXTERNAL:
            message = self.external.popleft()
            message.reply(os.read(self.pipe[0], len(message.payload)))
        elif event.type is EventType.TX and event.fd == self.killing:
            os.kill(os.getpid(), signal.SIGKILL)
        elif event.ends:
            for end in event.ends:
                os.close(end)

    def command_q(self, message):
        self.quitting = message.fd
        message.reply()

    def command_t(self, message):
        self.timed = message
        self.context.timer = int(message.payload) / 1000

    def command_x(self, message):
        self.external.append(message)
        os.write(self.pipe[1], message.payload)

    def command_w(self, message):
        self.woken = message
        self.context.wake()

    def command_d(self, message):
        if message.descriptor is None:
            message.reply(b"none")
            return
        with message.descriptor.file("wb") as file:
            file.write(message.payload)
        message.reply(b"written")

    def command_D(self, message):
        reading, writing = os.pipe()
        os.write(writing, message.payload)
        os.close(writing)
        message.reply(b"here", descriptor=reading)
        os.close(reading)

    def command_s(self, message):
        lines = Lines()
        self.context.connect_switched(message.payload, message.fd)
        self.context.set_callbacks(message.fd, lines.read, lines.write)

    def command_k(self, message):
        self.killing = message.fd
        message.reply(message.payload)

    def command_v(self, message):
        message.reply(" ".join(f"{name}={self.counts[kind]}" for name, kind in COUNTED.items()).encode())

    def command_m(self, message):
        gc.collect()
        message.reply(b"%d %d" % (descriptors(), resident()))


def main():
    before = descriptors()
    Service().run()
    gc.collect()
    print("left", descriptors() - before, flush=True)


if __name__ == "__main__":
    sys.exit(main())
