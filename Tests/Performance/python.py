"""Round trips of the Python binding beside a plain socket in Python, with the same frames: a row of the benchmark of its own.

    python.py LIBRARY SOURCES [REPEATS]

LIBRARY is libipc.so, SOURCES the folder with the package `libipc`. Client and service are a process each, on one core where the system
allows that. Both kinds run in turns; the ratio is taken within a repeat. What is printed: microseconds for a round trip, median and spread,
and how fast the binding is, 1.00 being as fast as the plain socket. By the clock, and by the time that both processes were computing, which
a busy machine does not change as much. `plain` is what a careful program does by hand: one recv takes what is there, and the rest is kept.
"""

import os
import resource
import socket
import statistics
import struct
import sys
import tempfile
import time

HEADER = struct.Struct("!BIB")
SIZES = {16: 10000, 1024: 10000, 65536: 2000}  # bytes, round trips
GOAL = 0.60


class Plain:
    """Frames over a socket, by hand."""

    def __init__(self, sock):
        self.sock = sock
        self.rest = b""

    def send(self, payload, user_type):
        self.sock.sendall(HEADER.pack(2, len(payload), user_type) + payload)

    def fill(self, data, size):
        while len(data) < size:
            more = self.sock.recv(65536)  # more would be a mapping of its own each time (mallopt(3), M_MMAP_THRESHOLD)
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        data = self.fill(self.rest, HEADER.size)
        _, length, user_type = HEADER.unpack_from(data)
        end = HEADER.size + length
        data = self.fill(data, end)
        self.rest = data[end:]
        return data[HEADER.size : end], user_type


def serve_plain(listener):
    connection = Plain(listener.accept()[0])
    try:
        while True:
            payload, user_type = connection.receive()
            connection.send(payload, user_type)
    except EOFError:
        pass


def serve_ours(service):
    with service:
        for event in service:
            if event.message:
                event.message.reply(event.message.payload)
            elif event.type is libipc.EventType.DISCONNECTION:
                break


def in_child(serve, argument):
    child = os.fork()
    if child == 0:
        try:
            serve(argument)
        finally:
            os._exit(0)
    return child


def computing():
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def measure(child, round_trip, close, size, count):
    """Microseconds for a round trip, by the clock."""
    payload = bytes(size)
    for _ in range(count // 10):
        round_trip(payload)
    begin = time.perf_counter()
    for _ in range(count):
        round_trip(payload)
    clock = time.perf_counter() - begin
    close()
    os.waitpid(child, 0)
    return clock / count * 1e6


def plain(size, count):
    path = os.path.join(os.environ["IPC_RUNDIR"], "plain")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        child = in_child(serve_plain, listener)
    connection = Plain(socket.socket(socket.AF_UNIX))
    connection.sock.connect(path)
    os.unlink(path)

    def round_trip(payload):
        connection.send(payload, 7)
        connection.receive()

    return measure(child, round_trip, connection.sock.close, size, count)


def ours(size, count):
    service = libipc.Service("ours")
    child = in_child(serve_ours, service)
    client = libipc.Client("ours")

    def round_trip(payload):
        client.request(payload, 7)

    result = measure(child, round_trip, client.close, size, count)
    service.close()
    return result


def both(kind, size, count):
    """Microseconds for a round trip: by the clock, and of computing, with what the beginning and the end take."""
    before = computing()
    clock = kind(size, count)
    return clock, (computing() - before) / (count * 1.1) * 1e6


def row(values):
    return f"{statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})"


def main(repeats):
    reached = True
    print("| round trip in Python | plain socket, µs | libipc, µs | as fast, by the clock | by computing time |")
    print("|---|---|---|---|---|")
    for size, count in SIZES.items():
        pairs = [(both(plain, size, count), both(ours, size, count)) for _ in range(repeats)]
        ratios = [[one[which] / two[which] for one, two in pairs] for which in (0, 1)]
        loops = [row([one[0] for one, _ in pairs]), row([two[0] for _, two in pairs])]
        print(f"| {size} B | {loops[0]} | {loops[1]} | {row(ratios[0])} | {row(ratios[1])} |")
        reached = reached and statistics.median(ratios[0]) >= GOAL
    print(f"\nTo reach: {GOAL:.2f} by the clock: {'met' if reached else 'missed'}")


if __name__ == "__main__":
    os.environ["LIBIPC"] = os.path.abspath(sys.argv[1])
    sys.path.insert(0, sys.argv[2])
    import libipc

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as run_directory:
        os.environ["IPC_RUNDIR"] = run_directory
        main(int((sys.argv[3:] or [""])[0] or 9))
