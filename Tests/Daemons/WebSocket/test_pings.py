"""Pings of the server's, and the time without a message."""

import socket
import threading
import time

from client import BINARY, CLOSE, CONTINUATION, LARGEST, PING, PONG, TEXT, request, web_frame
from harness import frame, read_exactly, read_frame, until


def test_answered_pings_keep_a_client(world):
    world.pong()
    client = world.client(world.web("--ping", "0.1", "--pong-time", "10"))
    for _ in range(20):
        opcode, payload = client.read()
        assert opcode == PING
        client.send(PONG, payload)
    client.send(TEXT, b"hello")
    while (got := client.read())[0] == PING:
        client.send(PONG, got[1])
    assert got == (TEXT, b"hello")


def test_client_without_pong_is_closed_with_1011(world):
    world.pong()
    web = world.web("--ping", "0.1", "--pong-time", "0.3")
    client = world.client(web)
    client.send(TEXT, b"hello")
    before = client.is_closed(1011)
    # One ping is on the way at a time, whatever the client says otherwise.
    assert sorted(before) == sorted([(PING, b""), (TEXT, b"hello")]), before
    web.says("no pong came in time")


def test_vanished_client_costs_no_descriptor(world):
    world.pong()
    web = world.web("--ping", "0.1", "--pong-time", "0.1")
    before = web.descriptors()
    silent = [world.client(web) for _ in range(20)]
    until(lambda: web.descriptors() == before, "the descriptors are free again")
    for client in silent:
        assert client.is_closed(1011) in ([(PING, b"")], [(PING, b""), (PING, b"")])


def test_no_pings_when_they_are_off(world):
    world.pong()
    web = world.web("--ping", "0", "--pong-time", "0.1", "--idle-time", "1")
    assert world.client(web).is_closed(1001) == []
    default = world.client(world.web("--idle-time", "0.5"))
    assert default.is_closed(1001) == []


def test_pong_behind_a_service_that_does_not_read_is_waited_for(world):
    """It is not the client's fault: the pong stands behind what the service does not take."""
    service = world.listen(world.here / "own")
    web = world.web("--ping", "0.2", "--pong-time", "1", allow=("own",))
    client = world.client(web, name="own")
    end = world.accept(service)
    messages, turn, heard = [bytes([number]) * LARGEST for number in range(12)], threading.Lock(), []

    def send(*what):
        with turn:
            client.send(*what)

    def answer():
        while (got := client.read())[0] == PING:
            send(PONG, got[1])
        heard.append(got)

    threads = [
        threading.Thread(target=lambda: [send(BINARY, message) for message in messages], daemon=True),
        threading.Thread(target=answer, daemon=True),
    ]
    for thread in threads:
        thread.start()
    threads[0].join(2.5)
    assert threads[0].is_alive(), "nobody held the client back"
    for message in messages:
        assert read_frame(end) == (2, 2, message)
    end.sendall(frame(b"still here"))
    for thread in threads:
        thread.join()
    assert heard == [(TEXT, b"still here")]


def test_slow_client_is_not_pinged_into_a_message(world):
    """What the socket did not take is sent before a ping."""
    service = world.offer("own")
    path = world.directory / "web.sock"
    world.web("--ping", "0.05", "--pong-time", "10", allow=("own",), listen=str(path))
    sock = world.local(path)
    sock.sendall(request("own"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(sock, 1)
    end = service.accept()
    messages = [bytes([number]) * 500_000 for number in range(20)]
    thread = threading.Thread(target=lambda: [service.tell(end, message, 2) for message in messages], daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "nobody held the service back"
    from client import Client

    client = Client.__new__(Client)
    client.sock = sock
    for message in messages:
        while (got := client.read(patience=0.01))[0] == PING:
            client.send(PONG)
        assert got == (BINARY, message)
    thread.join()


def keeps_talking(client, pieces):
    """Sends one piece after another until the server ends it; what it said."""

    def send():
        try:
            for piece in pieces:
                client.sock.sendall(piece)
                time.sleep(0.1)
        except OSError:
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        return client.is_closed(1001)
    finally:
        thread.join()


def test_pings_do_not_keep_an_idle_client(world):
    world.pong()
    web = world.web("--idle-time", "0.5")
    for piece in (web_frame(PING, b"x"), web_frame(PONG, b"")):
        said = keeps_talking(world.client(web), 100 * [piece])
        assert all(each == (PONG, b"x") for each in said) and len(said) < 90, said


def test_own_pings_do_not_keep_an_idle_client(world):
    world.pong()
    client = world.client(world.web("--idle-time", "0.6", "--ping", "0.1"))
    while (got := client.read())[0] == PING:
        client.send(PONG, got[1])
    assert got[0] == CLOSE and got[1][:2] == b"\x03\xe9", got


def test_bytes_of_a_frame_do_not_keep_an_idle_client(world):
    world.pong()
    web = world.web("--idle-time", "0.5")
    whole = web_frame(TEXT, 100 * b"x")
    assert keeps_talking(world.client(web), [whole[index : index + 1] for index in range(len(whole) - 1)]) == []
    # Nor do fragments of a message that does not end.
    pieces = [web_frame(TEXT, b"x", final=False)] + 100 * [web_frame(CONTINUATION, b"x", final=False)]
    assert keeps_talking(world.client(web), pieces) == []


def test_pings_of_one_who_does_not_read_do_not_keep_it(world):
    """Their answers are kept for it, and going on with those is no message either."""
    world.pong()
    web = world.web("--idle-time", "0.7")
    before = web.descriptors()
    client = world.client(web)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    pings = web_frame(PING, 125 * b"x") * 1000

    def send():
        try:
            while True:
                client.sock.sendall(pings)
        except OSError:
            pass

    threading.Thread(target=send, daemon=True).start()
    until(lambda: web.descriptors() == before, "its end")


def test_messages_in_each_direction_keep_a_client(world):
    """For longer than the idle time, which would have ended it."""
    service = world.offer("own")
    web = world.web("--idle-time", "1.5", allow=("own",))
    upwards = world.client(web, name="own")
    up = service.accept()
    downwards = world.client(web, name="own")
    down = service.accept()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        upwards.send(TEXT, b"up")
        assert service.read(up) == (2, 1, b"up")
        service.tell(down, b"down")
        assert downwards.read() == (TEXT, b"down")
        time.sleep(0.1)
    assert upwards.is_closed(1001) == [] and downwards.is_closed(1001) == []
