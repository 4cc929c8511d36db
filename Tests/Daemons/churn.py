"""Connections that come and go by the hundred: afterwards a daemon has as many descriptors and allocations as before.

Allocations are counted by counting.c, preloaded into the daemon. Nothing is measured in time or in pages: a connection that leaves one
allocation behind makes the number grow by as many as there were connections. CHURN says how many of each kind: 500, or 5,000 in
`make soak`.
"""

import os
import socket
import struct
import subprocess

import harness
from harness import PATIENCE, until

COUNT = int(os.environ.get("CHURN", "500"))
WARM = 60
# What a daemon keeps for the next one who comes, a buffer of the library's say, may differ by a few.
SLACK = 4


class Counted:
    """What is preloaded, and the counts of one daemon."""

    def __init__(self, world, name):
        library = harness.WORK / "counting.so"
        if not library.exists():
            source = harness.pathlib.Path(__file__).with_name("counting.c")
            subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", source, "-o", library], check=True)
        self.file = world.directory / f"{name}.count"
        self.environment = {"LD_PRELOAD": str(library), "COUNTING_FILE": str(self.file)}
        self.process = None

    def of(self, process):
        self.process = process
        return self

    def now(self):
        return self.process.descriptors(), struct.unpack("=q", self.file.read_bytes())[0]


def churn(counted, connect, kinds):
    """`kinds`: functions; each gets the number of a connection, makes it, and ends it. `connect` makes one that stays."""
    idle = counted.process.descriptors()
    hold(counted, connect, (idle, 0))
    for kind in kinds:
        for number in range(WARM):
            kind(number)
    until(lambda: counted.process.descriptors() == idle, "the descriptors of the first ones are closed")
    before = settled(counted)
    # What would be left of a few can be seen.
    hold(counted, connect, before)
    for kind in kinds:
        for number in range(COUNT):
            kind(number)
        try:
            until(lambda: is_as_before(counted, before))
        except AssertionError as error:
            raise AssertionError(f"{kind.__name__}: {counted.now()} after {before}, descriptors and allocations") from error
        assert counted.process.process.poll() is None


def hold(counted, connect, before):
    """Connections that stay count while they are there."""
    held = [connect(number) for number in range(4 * SLACK)]
    until(lambda: all(now >= then + len(held) for now, then in zip(counted.now(), before)), "connections are counted")
    for sock in held:
        sock.close()
    until(lambda: counted.process.descriptors() == before[0], "those who were held have left")


def settled(counted):
    """The counts, when two looks at them agree: what is freed is freed right behind the descriptors."""
    last = None
    while last != counted.now():
        last = counted.now()
        harness.time.sleep(0.05)
    return last


def is_as_before(counted, before):
    descriptors, allocations = counted.now()
    return descriptors == before[0] and allocations <= before[1] + SLACK


def tcp(port, number):
    """From an address of its own, so that neither ports nor the limit of one peer run out."""
    source = f"127.1.{number >> 7 & 127}.{(number & 127) + 1}"
    return patient(socket.create_connection(("127.0.0.1", port), PATIENCE, source_address=(source, 0)))


def local(path):
    sock = patient(socket.socket(socket.AF_UNIX))
    sock.connect(str(path))
    return sock


def patient(sock):
    sock.settimeout(PATIENCE)
    return sock


def reset(sock):
    """Ends a TCP connection without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
