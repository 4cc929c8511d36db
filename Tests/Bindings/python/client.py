"""The client of scenarios.md, in Python."""

import contextlib
import gc
import os
import socket
import sys
import time

import libipc
from libipc import EventType

from service import descriptors, resident

COMMANDS = b"qtxwdDskvm"
PATIENCE = 20.0
PATTERN = bytes((i * 31 + (i >> 8)) & 255 for i in range(libipc.MAX_MESSAGE_SIZE))


def expect(context, kind, fd=None):
    event = context.wait(PATIENCE)
    assert event.type is kind, f"{event} came, not {kind.name}"
    assert fd is None or event.fd == fd, event
    return event


def refused(code, call, *arguments):
    """The call raises this. Returns its text."""
    try:
        call(*arguments)
    except libipc.Error as error:
        assert error.code == code, f"code {error.code}, not {code}: {error}"
        return str(error)
    raise AssertionError(f"{call} is not refused with {code}")


def raw_connection():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.path.join(os.environ["IPC_RUNDIR"], "matrix"))
    return connection


class Scenarios:
    def __init__(self, client):
        self.client = client

    def round_trip(self, user_type, payload=b"", reply=None, fd=None):
        fd = self.client.fd if fd is None else fd
        self.client.send(fd, payload, ord(user_type))
        expect(self.client, EventType.TX, fd)
        message = expect(self.client, EventType.MESSAGE, fd).message
        assert message.payload == (payload if reply is None else reply), (user_type, message)
        assert (message.type, message.user_type, message.fd) == (2, ord(user_type), fd), message
        return message

    def echo(self):
        for payload in (b"hello", b"", b"\0in the\0middle\0", bytes(range(256))):
            self.round_trip("e", payload)
        for user_type in range(256):
            if user_type not in COMMANDS:
                self.round_trip(chr(user_type), b"x")

    def sizes(self):
        for size in (0, 1, 5, 6, 7, 255, 256, 65535, 65536, 262144, 1000000, 1999993, 1999994):
            self.round_trip("e", PATTERN[:size])
        refused(67, self.client.send, self.client.fd, PATTERN + b"x", ord("e"))
        refused(67, self.client.send, self.client.fd, bytearray(PATTERN + b"x"), ord("e"))
        self.round_trip("e", b"small")

    def events(self):
        self.round_trip("x", PATTERN[:4096])
        self.round_trip("w")
        self.round_trip("t", b"1")
        second = self.client.connect("matrix")
        self.round_trip("e", b"second", fd=second)
        self.client.disconnect(second)
        with raw_connection() as raw:
            raw.sendall(b"\2\xff\xff\xff\xffe")
            with contextlib.suppress(ConnectionResetError):
                assert raw.recv(1) == b""
        for _ in range(10000):
            self.client.send(self.client.fd, b"", ord("v"))
            expect(self.client, EventType.TX)
            counts = dict(pair.split(b"=") for pair in expect(self.client, EventType.MESSAGE).message.payload.split())
            wanted = {b"connection": b"3", b"disconnection": b"1", b"error": b"1", b"external": b"1", b"timer": b"1", b"wake": b"1"}
            if wanted.items() <= counts.items() and int(counts[b"tx"]) >= 4:
                return
        raise AssertionError(f"the service counts other events: {counts}")

    def timer(self):
        for milliseconds in (b"0", b"1", b"30"):
            self.round_trip("t", milliseconds)
        begin = time.monotonic()
        assert self.client.wait(0.02).type is EventType.TIMER
        assert time.monotonic() - begin >= 0.02
        self.client.send(self.client.fd, b"for ever", ord("e"))
        assert self.client.wait().type is EventType.TX
        assert self.client.wait().type is EventType.MESSAGE

    def services(self):
        connections = [self.client.fd, self.client.connect("matrix-2"), self.client.connect("matrix-3")]
        for _ in range(3):
            for number, fd in enumerate(connections):
                self.round_trip("e", b"%d" % number, fd=fd)

    def descriptor(self):
        reading, writing = os.pipe()
        self.client.send(self.client.fd, PATTERN[:1000], ord("d"), descriptor=writing)
        os.close(writing)
        expect(self.client, EventType.TX)
        assert expect(self.client, EventType.MESSAGE).message.payload == b"written"
        with os.fdopen(reading, "rb") as file:
            assert file.read() == PATTERN[:1000]
        self.round_trip("d", b"x", b"none")
        self.client.accept_descriptors(self.client.fd)
        message = self.round_trip("D", PATTERN[:4096], b"here")
        with message.descriptor.file() as file:
            assert file.read() == PATTERN[:4096]

    def switch(self):
        with libipc.Service("matrix-back", quiet=libipc.Quiet.NOTHING) as back, raw_connection() as raw:
            raw.sendall(b"\2\0\0\0\x0bsmatrix-back")
            end = expect(back, EventType.CONNECTION).fd
            for part in (b"one\ntw", b"o\n\n", b"end\n"):
                raw.sendall(part)
            for line in (b"one", b"two", b"", b"end"):
                message = expect(back, EventType.MESSAGE, end).message
                assert (message.payload, message.user_type) == (line, ord("l"))
            lines = b"back", b"", PATTERN[:5000].replace(b"\n", b"\v")
            for line in lines:
                back.send(end, line, ord("l"))
            for _ in lines:
                expect(back, EventType.TX, end)
            whole = b"".join(line + b"\n" for line in lines)
            with raw.makefile("rb") as file:
                assert file.read(len(whole)) == whole
            raw.close()
            expect(back, EventType.DISCONNECTION, end)

    def killed(self):
        fd = self.client.fd
        self.round_trip("k", b"last words")
        expect(self.client, EventType.DISCONNECTION, fd)
        refused(104, self.client.send, fd, b"x", ord("e"))
        self.wait_until_refused()

    def wait_until_refused(self):
        """The kernel closes a killed program's descriptors one after the other: the listener may be there a little longer."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                self.client.disconnect(self.client.connect("matrix"))
            except libipc.ConnectError as error:
                assert error.code == 47, error.code
                assert str(error).endswith("Connection refused"), error
                return
        raise AssertionError("a killed service accepts connections")

    def names(self):
        text = refused(47, self.client.connect, "nobody")
        assert text.endswith(os.environ["IPC_RUNDIR"] + "/nobody: No such file or directory"), text
        for name in ("", ".", "..", "a/../b", "x" * 200, "matrix\0x"):
            refused(111, self.client.connect, name)
            refused(111, libipc.Service, name)
        refused(54, libipc.Service, "matrix")
        with libipc.Service(b"\xff\xfe-1") as own:
            fd = self.client.connect(b"\xff\xfe-1")
            expect(own, EventType.CONNECTION)
            self.client.disconnect(fd)

    def flight(self):
        total, queued, sent, received = 10000, 0, 0, 0
        while received < total:
            while queued < total and queued - received < 64:
                self.client.send(self.client.fd, b"%d" % queued, ord("e"))
                queued += 1
            event = self.client.wait(PATIENCE)
            if event.type is EventType.TX:
                sent += 1
            else:
                assert event.message.payload == b"%d" % received, event
                received += 1
        while sent < total:
            expect(self.client, EventType.TX)
            sent += 1

    def measure(self):
        self.client.send(self.client.fd, b"", ord("m"))
        expect(self.client, EventType.TX)
        there = [int(number) for number in expect(self.client, EventType.MESSAGE).message.payload.split()]
        gc.collect()
        return *there, descriptors(), resident()

    def leaks(self):
        count = int(os.environ.get("MATRIX_LEAKS", "100000"))
        other = self.client.connect("matrix")
        for _ in range(2000):
            self.round_trip("e", PATTERN[:100], fd=other)
        before = self.measure()
        for number in range(1, count + 1):
            self.round_trip("e", PATTERN[:100], fd=other)
            if number % 1000 == 0 and number != count:
                self.client.disconnect(other)
                other = self.client.connect("matrix")
        after = self.measure()
        assert before[0] == after[0] and before[2] == after[2], (before, after)
        assert after[1] < before[1] + 8192 and after[3] < before[3] + 8192, (before, after)


def main(scenario):
    with libipc.Client("matrix", quiet=libipc.Quiet.NOTHING) as client:
        scenarios = Scenarios(client)
        getattr(scenarios, scenario)()
        if scenario != "killed":
            scenarios.round_trip("q")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
