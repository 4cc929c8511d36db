"""Clients that do not read, services that leave, many at once: each costs only itself."""

import threading

from client import BINARY, LARGEST, PING, PONG, TEXT, Client, request, resident, web_frame
from harness import frame, is_over, limited, until


def test_slow_client_beside_a_fast_one(world):
    """Ten times what may be held for it is sent to one that does not read; then it reads, slowly, and all is there."""
    service = world.offer("own")
    world.pong()
    web = world.web(allow=("own", "pong"))
    slow = world.client(web, name="own")
    end = service.accept()
    messages = [bytes([number]) * size for number, size in enumerate(25 * [LARGEST, 100_000, 100_000, LARGEST, 1])]
    sent = []

    def serve():
        for message in messages:
            service.tell(end, message, 2)
            sent.append(1)

    before = resident(web)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    fast = world.client(web)
    for size in (1, 1000, LARGEST):
        for _ in range(50):
            fast.echoes(BINARY, size * b"x")
    assert thread.is_alive() and len(sent) < len(messages) // 2, "nobody held the service back"
    assert resident(web) - before < 12 << 20, f"{resident(web) - before} bytes"
    busy = web.processor_time()
    threading.Event().wait(0.5)  # nothing is to happen
    assert web.processor_time() - busy < 0.1, "the daemon is busy with nothing"
    most = 0
    for number, message in enumerate(messages):
        assert slow.read(patience=0.001) == (BINARY, message), number
        most = max(most, resident(web) - before)
    assert most < 12 << 20, f"{most} bytes"
    slow.send(TEXT, b"still here")
    assert service.read(end) == (2, 1, b"still here")


def test_messages_queued_behind_a_cut_one(world):
    """A Unix socket takes less than one of these, and two wait in the library."""
    service = world.offer("own")
    path = world.directory / "web.sock"
    world.web(allow=("own",), listen=str(path))
    client = Client(world.local(path), name="own")
    end = service.accept()
    messages = [bytes([number]) * (250_000 + number) for number in range(60)]
    thread = threading.Thread(target=lambda: [service.tell(end, message, 2) for message in messages], daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "nobody held the service back"
    for number, message in enumerate(messages):
        assert client.read() == (BINARY, message), number
        client.send(TEXT, str(number).encode())
    thread.join()
    for number in range(len(messages)):
        assert service.read(end) == (2, 1, str(number).encode()), number


def test_echoes_of_one_who_reads_late(world):
    """Both directions are full; no message is lost."""
    world.pong()
    web = world.web()
    client = world.client(web)
    messages = [bytes([number]) * size for number, size in enumerate(6 * [LARGEST, 5, 40_000, 700_000])]
    thread = threading.Thread(target=lambda: [client.send(BINARY, message) for message in messages], daemon=True)
    thread.start()
    thread.join(0.5)
    for message in messages:
        assert client.read() == (BINARY, message)
    thread.join()
    client.echoes()


def test_flood_of_pings(world):
    """Their answers are not kept without bound, and all of them come."""
    world.pong()
    web = world.web()
    client = world.client(web)
    count = 200_000
    before = resident(web)
    pings = b"".join(web_frame(PING, number.to_bytes(4, "big") + 100 * b"x") for number in range(1000)) * (count // 1000)
    thread = threading.Thread(target=client.sock.sendall, args=(pings,), daemon=True)
    thread.start()
    thread.join(1)
    assert thread.is_alive(), "somebody took all pings"
    assert resident(web) - before < 8 << 20
    world.client(web).echoes()
    for number in range(count):
        assert client.read() == (PONG, (number % 1000).to_bytes(4, "big") + 100 * b"x"), number
    thread.join()
    client.echoes()


def test_slow_client_leaves(world):
    service = world.listen(world.here / "own")
    web = world.web(allow=("own",))
    before = web.descriptors()
    clients = [world.client(web, name="own") for _ in range(10)]
    ends = [world.accept(service) for _ in clients]
    for end in ends:
        threading.Thread(target=lambda end=end: swallow(end, 10 * frame(LARGEST * b"x")), daemon=True).start()
    assert web.descriptors() == before + 2 * len(clients)
    for client in clients:
        client.sock.close()
    until(lambda: web.descriptors() == before, "the descriptors are free again")


def test_service_leaves_slow_client(world):
    """What it said before comes first."""
    service = world.offer("own")
    client = world.client(world.web(allow=("own",)), name="own")
    end = service.accept()
    messages = [bytes([number]) * LARGEST for number in range(8)]

    def serve():
        for message in messages:
            service.tell(end, message, 2)
        service.disconnect(end)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    thread.join(0.3)
    for message in messages:
        assert client.read() == (BINARY, message)
    assert client.is_closed(1001) == []


def test_waiting_service(world):
    """A service whose backlog is full makes nobody else wait; its clients get their turn."""
    service = world.listen(world.here / "own")
    service.listen(0)
    world.pong()
    web = world.web("--connect-time", "1.5", allow=("own", "pong"))
    _first, others = world.client(web, name="own"), [world.tcp(web.port) for _ in range(3)]
    for sock in others:
        sock.sendall(request("own"))
    world.client(web).echoes()
    answers = [is_over(sock) if index else sock.recv(20) for index, sock in enumerate(others[::-1])]
    assert any(answer.startswith(b"HTTP/1.1 504") for answer in answers), answers


def test_few_descriptors(world):
    """Clients wait for a free one; nobody is turned away."""
    world.pong()
    web = world.web(before=limited(64))
    socks = [world.tcp(web.port) for _ in range(60)]
    for sock in socks:
        sock.sendall(request() + web_frame(TEXT, b"hello"))
    busy = web.processor_time()
    for sock in socks:
        answer = b""
        while not answer.endswith(b"\x81\x05hello"):
            piece = sock.recv(1000)
            assert piece, answer
            answer += piece
        sock.close()
    assert web.processor_time() - busy < 1


def swallow(end, data):
    try:
        end.sendall(data)
    except OSError:
        pass


def test_service_leaves(world):
    pong = world.pong()
    web = world.web()
    clients = [world.client(web) for _ in range(50)]
    for client in clients:
        client.echoes()
    pong.kill()
    for client in clients:
        client.is_closed(1001)
    world.pong()
    world.client(web).echoes()


def test_service_speaks_nonsense(world):
    service = world.listen(world.here / "own")
    client = world.client(world.web(allow=("own",)), name="own")
    end = world.accept(service)
    end.sendall(b"\xff" * 100)
    client.is_closed(1011)


def test_many_at_once(world):
    world.pong()
    web = world.web()
    before = web.descriptors()
    clients = [world.client(web) for _ in range(500)]
    for round in range(3):
        for number, client in enumerate(clients):
            client.send(TEXT, f"{round} {number}".encode())
        for number, client in enumerate(clients):
            assert client.read() == (TEXT, f"{round} {number}".encode())
    for client in clients:
        client.sock.close()
    until(lambda: web.descriptors() == before, "the descriptors are free again")


def test_idle_time(world):
    world.pong()
    web = world.web("--idle-time", "0.5")
    client = world.client(web)
    client.echoes()
    client.is_closed(1001)
