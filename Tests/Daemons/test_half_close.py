"""Half-closed connections through ipc-tcpd (RFC 9293 3.6): the end of one direction does not end the other."""

import os
import socket
import struct
import subprocess
import threading
import time

import harness
from harness import frame, is_over, need_command, read_exactly, read_frame, until


def service(world, body, name="slow"):
    """A local service by hand: `body(connection)` runs in a thread for each client."""
    server = world.listen(world.there / name)

    def serve():
        while True:
            try:
                connection = world.accept(server)
            except OSError:
                return
            threading.Thread(target=run, args=(connection,), daemon=True).start()

    def run(connection):
        try:
            body(connection)
        except (OSError, EOFError, struct.error):
            pass
        finally:
            connection.close()

    threading.Thread(target=serve, daemon=True).start()


def greet(world, port, name=b"slow\n"):
    sock = world.tcp(port)
    sock.sendall(name)
    assert read_exactly(sock, 2) == b"OK"
    return sock


def answer_at_the_end(connection):
    """Answers only when the client has stopped writing."""
    requests = is_over(connection)
    connection.sendall(frame(b"%d" % len(requests)))


def test_client_that_stops_writing_gets_its_answer(world):
    service(world, answer_at_the_end)
    tcpd = world.tcpd(allow=("slow",))
    idle = tcpd.descriptors()
    for _ in range(200):
        sock = world.tcp(tcpd.port)
        sock.sendall(b"slow\n" + frame(b"x" * 50))
        sock.shutdown(socket.SHUT_WR)
        assert is_over(sock) == b"OK" + frame(b"56")
        sock.close()
    until(lambda: tcpd.descriptors() == idle, "all is released")


def test_socat_that_stops_writing_gets_its_answer(world):
    need_command("socat")

    def answer_late(connection):
        _, _, payload = read_frame(connection)
        time.sleep(0.5)
        connection.sendall(frame(b"late " + payload))

    service(world, answer_late)
    tcpd = world.tcpd(allow=("slow",))
    shown = subprocess.run(
        ["socat", "-t5", "-", f"TCP:127.0.0.1:{tcpd.port}"], input=b"slow\n" + frame(b"question"), capture_output=True, timeout=60
    )
    assert shown.stdout == b"OK" + frame(b"late question"), shown


def test_socat_gets_the_answer_of_a_libipc_service(world):
    need_command("socat")
    world.pongd()
    tcpd = world.tcpd()
    for _ in range(20):
        shown = subprocess.run(
            ["socat", "-t5", "-", f"TCP:127.0.0.1:{tcpd.port}"],
            input=b"pong\n" + frame(b"hello", 2, 7) * 3,
            capture_output=True,
            timeout=60,
        )
        assert shown.stdout == b"OK" + frame(b"hello", 2, 7) * 3, shown


def test_service_that_stops_writing_still_hears(world):
    heard = []

    def say_and_listen(connection):
        connection.sendall(frame(b"all I say"))
        connection.shutdown(socket.SHUT_WR)
        heard.append(is_over(connection))

    service(world, say_and_listen)
    tcpd = world.tcpd(allow=("slow",))
    sock = greet(world, tcpd.port)
    assert is_over(sock) == frame(b"all I say")
    sock.sendall(frame(b"y" * 1_500_000))
    sock.sendall(frame(b"last"))
    sock.close()
    until(lambda: heard, "the service has heard all")
    assert heard[0] == frame(b"y" * 1_500_000) + frame(b"last")


def test_both_machines_pass_a_half_close_on(world):
    """local client -> ipc-tcpd -> TCP -> ipc-tcpd -> service, and back."""
    service(world, answer_at_the_end)
    far = world.tcpd(allow=("slow",))
    near = world.daemon("ipc-tcpd")
    idle = [daemon.descriptors() for daemon in (near, far)]
    for _ in range(20):
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(f"tcp://127.0.0.1:{far.port}/slow".encode(), 3, 3))
        assert read_frame(sock)[2] == b"OK"
        sock.sendall(frame(b"z" * 500_000) + frame(b""))
        sock.shutdown(socket.SHUT_WR)
        assert is_over(sock) == frame(b"500012")
        sock.close()
    until(lambda: [daemon.descriptors() for daemon in (near, far)] == idle, "all is released")


def test_local_client_that_stops_writing_before_the_answer_still_hears(world):
    service(world, answer_at_the_end)
    far = world.tcpd(allow=("slow",))
    world.daemon("ipc-tcpd")
    sock = world.local(world.here / "tcp")
    sock.sendall(frame(f"tcp://127.0.0.1:{far.port}/slow".encode(), 3, 3))
    sock.shutdown(socket.SHUT_WR)
    assert is_over(sock) == frame(b"OK", 3, 3) + frame(b"0")


def test_client_that_reads_late_loses_nothing(world):
    """More than any buffer holds is on its way when the client stops writing, and it reads only later than the library's 5 seconds."""

    def flood(connection):
        is_over(connection)
        for number in range(60):
            connection.sendall(frame(bytes([number]) * 300_000))

    service(world, flood)
    tcpd = world.tcpd("--half-closed-time", "15", allow=("slow",))
    sock = greet(world, tcpd.port)
    sock.shutdown(socket.SHUT_WR)
    time.sleep(6)
    for number in range(60):
        assert read_frame(sock) == (2, 0, bytes([number]) * 300_000)
    assert is_over(sock) == b""


def test_half_closed_connection_ends_in_time(world):
    """Nothing is said, and the service does not care that its client has stopped writing."""
    service(world, lambda connection: (is_over(connection), threading.Event().wait(60)))
    tcpd = world.tcpd("--half-closed-time", "0.5", allow=("slow",))
    idle = tcpd.descriptors()
    whole = greet(world, tcpd.port)
    half = greet(world, tcpd.port)
    half.shutdown(socket.SHUT_WR)
    assert is_over(half) == b""
    tcpd.says("half-closed")
    # Those that are open both ways have no such limit.
    until(lambda: tcpd.descriptors() == idle + 2, "what was half-closed is released")
    whole.close()


def test_half_closed_connection_that_is_used_stays(world):
    def tick(connection):
        is_over(connection)
        for _ in range(10):
            time.sleep(0.15)
            connection.sendall(frame(b"tick"))

    service(world, tick)
    tcpd = world.tcpd("--half-closed-time", "1", allow=("slow",))
    sock = greet(world, tcpd.port)
    sock.shutdown(socket.SHUT_WR)
    assert is_over(sock) == frame(b"tick") * 10


def test_last_words_reach_a_service_that_talks(world):
    """A client that writes and leaves at once, while the service sends to it: what it has written arrives."""
    heard = []

    def talk(connection):
        connection.sendall(frame(b"noise" * 1000) * 20)
        heard.append(is_over(connection))

    service(world, talk)
    far = world.tcpd(allow=("slow",))
    world.daemon("ipc-tcpd")
    for number in range(20):
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(f"tcp://127.0.0.1:{far.port}/slow".encode(), 3, 3))
        assert read_frame(sock)[2] == b"OK"
        read_exactly(sock, 1)
        sock.sendall(frame(b"last words" * 10_000))
        sock.close()
        until(lambda number=number: len(heard) > number, "the service has heard all")
        assert heard[number] == frame(b"last words" * 10_000), len(heard[number])


def test_answer_of_a_service_that_leaves_reaches_a_client_that_writes(world):
    """The service answers and goes while more requests are on their way: no reset destroys the answer."""

    def answer_once(connection):
        read_frame(connection)
        connection.sendall(frame(b"answer" * 20_000))

    service(world, answer_once)
    tcpd = world.tcpd(allow=("slow",))
    for _ in range(20):
        sock = greet(world, tcpd.port)
        sock.sendall(frame(b"question") + frame(b"more" * 10_000))
        time.sleep(0.05)
        assert read_frame(sock)[2] == b"answer" * 20_000
        assert is_over(sock) == b""


def test_client_that_floods_nobody_is_ended(world):
    """The service has left, the client does not read what there is for it, and sends on and on."""
    service(world, lambda connection: (connection.settimeout(0.5), connection.sendall(frame(b"x" * 1_000_000) * 20)))
    tcpd = world.tcpd("--half-closed-time", "0.5", allow=("slow",))
    idle = tcpd.descriptors()
    sock = greet(world, tcpd.port)
    end = time.monotonic() + harness.PATIENCE
    try:
        while time.monotonic() < end:
            sock.sendall(frame(b"y" * 100_000))
        raise AssertionError("nothing ends it")
    except OSError:
        pass
    until(lambda: tcpd.descriptors() == idle, "all is released")


def test_reset_ends_both_directions(world):
    """A peer that is gone for good: the service is told, also when it only writes."""
    ended = threading.Event()

    def stream(connection):
        try:
            while True:
                connection.sendall(frame(b"news" * 10_000))
        finally:
            ended.set()

    service(world, stream)
    tcpd = world.tcpd(allow=("slow",))
    idle = tcpd.descriptors()
    for reset in (True, False):
        ended.clear()
        sock = greet(world, tcpd.port)
        read_frame(sock)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        assert ended.wait(harness.PATIENCE), "the service writes to nobody"
        until(lambda: tcpd.descriptors() == idle, "all is released")


def test_half_closed_connections_do_not_spin(world):
    service(world, lambda connection: (is_over(connection), threading.Event().wait(60)))
    tcpd = world.tcpd("--half-closed-time", "30", allow=("slow",))
    socks = [greet(world, tcpd.port) for _ in range(20)]
    for sock in socks:
        sock.shutdown(socket.SHUT_WR)
    whole = greet(world, tcpd.port)
    before = tcpd.processor_time()
    time.sleep(1)
    assert tcpd.processor_time() - before < 0.1, "it spins"
    whole.close()


def test_what_stalls_one_direction_stalls_not_the_other(world):
    """The client reads nothing while the service floods it; what the client sends goes through all the same."""
    heard = []

    def flood_and_listen(connection):
        def flood():
            try:
                for _ in range(200):
                    connection.sendall(frame(os.urandom(1000) * 200))
            except OSError:
                pass

        threading.Thread(target=flood, daemon=True).start()
        for _ in range(50):
            heard.append(read_frame(connection)[2])

    service(world, flood_and_listen)
    tcpd = world.tcpd(allow=("slow",))
    sock = greet(world, tcpd.port)
    time.sleep(0.2)
    for number in range(50):
        sock.sendall(frame(b"%d" % number * 10_000))
    until(lambda: len(heard) == 50, "the service hears the client")
    sock.close()
