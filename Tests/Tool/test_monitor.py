"""ipc monitor: what is said is shown, nothing of it is changed, and the service's socket is back whatever ends the monitor."""

import os
import random
import socket
import struct

import libipc
from frames import frame, read_exactly, read_frame
from harness import PATIENCE, until
from libipc import EventType
from tool import MOST


def raw_ends(world, *arguments):
    """A service and a client of it without the library, and a monitor between."""
    server = world.raw()
    monitor = world.monitor("raw", *arguments)
    client = world.local(world.here / "raw")
    return monitor, client, world.accept(server)


def test_both_ways_are_shown(world):
    world.pong()
    monitor = world.monitor("pong")
    for data in (b"hello", os.urandom(MOST), b""):
        world.ipc("call", "pong", "-", "--user-type", "7", stdin=data).is_(0, data)
    monitor.shows("#3 leaves: the client has closed the connection\n")
    lines = [line.split(" ", 1)[1] for line in monitor.shown.splitlines()]
    assert lines[0].startswith("#1 connects: uid ") and lines[1:4] == [
        "#1 > 2/7 5 hello",
        "#1 < 2/7 5 hello",
        "#1 leaves: the client has closed the connection",
    ]
    assert lines[5].startswith(f"#2 > 2/7 {MOST} ") and lines[10] == "#3 < 2/7 0 "


def test_json_lines(world):
    world.pong()
    monitor = world.monitor("pong", "--json")
    data = os.urandom(MOST)
    world.ipc("call", "pong", "-", stdin=data).is_(0, data)
    monitor.shows("leaves")
    connects, question, answer, leaves = monitor.objects()
    assert (question["from"], answer["from"], leaves["event"]) == ("client", "service", "leaves") and connects["uid"] == os.getuid()
    assert bytes.fromhex(question["payload_hex"]) == data == bytes.fromhex(answer["payload_hex"])


def test_descriptors_go_with_their_messages(world):
    _, client, service = raw_ends(world)
    ends = [os.pipe() for _ in range(2)]
    first = frame(b"plain") * 3
    client.sendall(first)
    socket.send_fds(client, [frame(b"with")], [ends[0][1]])
    client.sendall(frame(b"between"))
    socket.send_fds(client, [frame(b"y" * 100000)[:50000]], [ends[1][1], ends[1][0]])
    client.sendall(frame(b"y" * 100000)[50000:])
    stream, came = b"", []
    total = len(first) + len(frame(b"with")) + len(frame(b"between")) + 100006
    while len(stream) < total:
        data, descriptors, _, _ = socket.recv_fds(service, 10, 8)
        if descriptors:
            came.append((len(stream) + len(data), len(descriptors)))
            os.write(descriptors[0], b"!")
        for descriptor in descriptors:
            os.close(descriptor)
        stream += data
    # The last byte of the receive that brings a descriptor is one of its message.
    starts = (len(first), len(first) + 10 + 13)
    assert [number for _, number in came] == [1, 2]
    assert starts[0] < came[0][0] <= starts[0] + 10 and starts[1] < came[1][0] <= starts[1] + 10, (came, starts)
    assert os.read(ends[0][0], 1) == b"!"
    for end in [*ends[0], *ends[1]]:
        os.close(end)


def test_descriptors_through_the_library(world):
    with world.environment(world.here):
        service = libipc.Service("files", accept_descriptors=True)
    world.sockets.append(service)
    monitor = world.monitor("files")
    read, write = os.pipe()
    client = world.connect("files")
    client.tell(b"plain")
    client.tell(b"a pipe", descriptor=write)
    os.close(write)
    messages = []
    while len(messages) < 2:
        event = service.wait(PATIENCE)
        assert event.type is not EventType.TIMER
        if event.message:
            messages.append(event.message.payload)
            if event.message.descriptor is not None:
                os.write(event.message.descriptor.fileno(), event.message.payload)
    assert messages == [b"plain", b"a pipe"] and os.read(read, 100) == b"a pipe"
    monitor.shows("> 2/0 6 +1fd a pipe\n")
    os.close(read)


def test_a_descriptor_by_itself(world):
    monitor, client, service = raw_ends(world)
    read, write = os.pipe()
    client.sendall(frame(b"look"))
    assert read_frame(service)[2] == b"look"
    socket.send_fds(service, [b"\0"], [write])
    data, descriptors, _, _ = socket.recv_fds(client, 100, 4)
    assert data == b"\0" and len(descriptors) == 1
    monitor.shows("note: the service passes a descriptor by itself\n")
    for descriptor in (read, write, *descriptors):
        os.close(descriptor)
    service.sendall(frame(b"and more"))
    monitor.shows("< 2/0 8 and more\n")


def test_broken_frames_are_passed_on(world):
    monitor, client, service = raw_ends(world)
    broken = frame(b"good") + struct.pack(">BIB", 2, MOST + 1, 0) + b"whatever"
    client.sendall(broken)
    assert read_exactly(service, len(broken)) == broken
    monitor.shows(f"note: the client announces {MOST + 1} bytes; a message has {MOST} at most; what follows is not shown\n")
    service.sendall(frame(b"answer"))
    assert read_frame(client)[2] == b"answer"


def test_a_half_closed_connection(world):
    monitor, client, service = raw_ends(world)
    client.sendall(frame(b"last"))
    client.shutdown(socket.SHUT_WR)
    assert read_frame(service)[2] == b"last" and service.recv(1) == b""
    service.sendall(frame(b"answer"))
    service.close()
    assert read_frame(client)[2] == b"answer" and client.recv(1) == b""
    monitor.shows("leaves")


def test_who_leaves_is_told(world):
    monitor, client, service = raw_ends(world)
    service.sendall(frame(b"bye"))
    service.close()
    assert read_frame(client)[2] == b"bye" and client.recv(1) == b""
    monitor.shows("#1 leaves: the service has closed the connection\n")


def test_a_slow_service_holds_its_client_up_and_nobody_else(world):
    monitor, client, service = raw_ends(world)
    client.settimeout(0.5)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += client.send(frame(b"z" * 65530))
    except TimeoutError:
        pass
    # What the monitor keeps, and two buffers of the kernel.
    assert sent < 8 << 20, sent
    other = world.local(world.here / "raw")
    other.sendall(frame(b"other"))
    monitor.shows("#2 > 2/0 5 other\n")
    # Whoever is held up may leave: what was said is passed on.
    client.close()
    received = 0
    while data := service.recv(1 << 20):
        received += len(data)
    assert received == sent


def test_many_clients_at_once(world):
    world.pong()
    monitor = world.monitor("pong")
    clients = [world.connect("pong") for _ in range(50)]
    for number, client in enumerate(clients):
        client.tell(b"%d" % number)
    for number, client in enumerate(clients):
        assert read_reply(client) == b"%d" % number
    for client in clients:
        client.close()
    until(lambda: monitor.shown.count("leaves") == 50, "all have left")
    assert len(os.listdir(f"/proc/{monitor.pid}/fd")) < 12


def read_reply(client):
    while True:
        event = client.wait(PATIENCE)
        if event.type is EventType.MESSAGE:
            return event.message.payload
        assert event.type is not EventType.TIMER


def test_frames_in_any_pieces(world):
    monitor, client, service = raw_ends(world, "--json")
    chosen = random.Random(7)
    payloads = [chosen.randbytes(chosen.choice((0, 1, 5, 300, 70000))) for _ in range(60)]
    stream = b"".join(frame(payload, 2, number) for number, payload in enumerate(payloads))
    received = bytearray()
    at = 0
    while at < len(stream):
        size = chosen.choice((1, 2, 5, 6, 7, 1000, 100000))
        client.sendall(stream[at : at + size])
        received += read_exactly(service, len(stream[at : at + size]))
        at += size
    assert received == stream
    until(lambda: len(monitor.objects()) == 61, "all messages are shown")
    shown = [row for row in monitor.objects() if row["event"] == "message"]
    assert [row["user_type"] for row in shown] == list(range(60))
    for row, payload in zip(shown, payloads):
        assert payload == (bytes.fromhex(row["payload_hex"]) if "payload_hex" in row else row["payload"].encode())
