"""Kinds of connection of ipcd and ipc-tcpd, each many times (churn.py)."""

import socket
import threading

import churn
from churn import local, reset, tcp
from harness import frame, read_exactly, read_frame


def test_ipcd(world):
    world.pongd()
    counted = churn.Counted(world, "ipcd")
    counted.of(world.daemon("ipcd", environment=counted.environment))
    path = world.here / "network"
    found = frame(f"pong;pong unix://{world.there}/pong".encode(), 3, 3)

    def comes_and_goes(_):
        local(path).close()

    def half_a_frame(_):
        with local(path) as sock:
            sock.sendall(found[:9])

    def another_type(_):
        with local(path) as sock:
            sock.sendall(frame(b"x;y", 9, 9))

    def too_long(_):
        with local(path) as sock:
            sock.sendall(b"\3\xff\xff\xff\xff\3")

    def no_route(_):
        with local(path) as sock:
            sock.sendall(frame(b"pong;other unix:///x", 3, 3))
            assert b"no route" in read_frame(sock)[2]

    def no_service(_):
        with local(path) as sock:
            sock.sendall(frame(f"pong;pong unix://{world.there}/absent".encode(), 3, 3))
            assert read_frame(sock)[2] != b"OK"

    def take(sock):
        sock.sendall(found)
        assert read_frame(sock)[2] == b"OK"
        _, passed, _, _ = socket.recv_fds(sock, 1, 1)
        return socket.socket(fileno=passed[0])

    def two_look_ups(_):
        with local(path) as sock:
            take(sock).close()
            take(sock).close()

    def takes_no_answer(_):
        with local(path) as sock:
            sock.sendall(found)

    def goes_on_alone(_):
        """The connection that was looked up outlives the one that asked."""
        with local(path) as sock:
            connection = take(sock)
        with connection:
            connection.settimeout(20)
            connection.sendall(frame(b"hello"))
            assert read_frame(connection)[2] == b"hello"

    churn.churn(
        counted,
        lambda _: local(path),
        (comes_and_goes, half_a_frame, another_type, too_long, no_route, no_service, two_look_ups, takes_no_answer, goes_on_alone),
    )


def test_tcpd(world):
    world.pongd()
    counted = churn.Counted(world, "tcpd")
    options = ("--max-connections", "4000", "--max-per-peer", "4000")
    tcpd = world.tcpd(*options, allow=("pong", "absent"), environment=counted.environment)
    counted.of(tcpd)

    def comes_and_goes(number):
        tcp(tcpd.port, number).close()

    def is_reset(number):
        sock = tcp(tcpd.port, number)
        sock.sendall(b"po")
        reset(sock)

    def half_a_name(number):
        with tcp(tcpd.port, number) as sock:
            sock.sendall(b"po")

    def another_name(number):
        with tcp(tcpd.port, number) as sock:
            sock.sendall(b"secret\n")
            assert read_exactly(sock, 4) == b"no: "

    def service_does_not_run(number):
        with tcp(tcpd.port, number) as sock:
            sock.sendall(b"absent\n")
            assert read_exactly(sock, 4) == b"no: "

    def greeted(number):
        sock = tcp(tcpd.port, number)
        sock.sendall(b"pong\n")
        assert read_exactly(sock, 2) == b"OK"
        return sock

    def echo(number):
        with greeted(number) as sock:
            sock.sendall(frame(b"hello"))
            assert read_frame(sock)[2] == b"hello"

    def half_a_message(number):
        with greeted(number) as sock:
            sock.sendall(frame(bytes(1000))[:500])

    def reset_with_data_on_the_way(number):
        sock = greeted(number)
        sock.sendall(frame(bytes(20_000)) * 2)
        reset(sock)

    def nonsense(number):
        with greeted(number) as sock:
            sock.sendall(b"\xff" * 20)

    churn.churn(
        counted,
        lambda number: tcp(tcpd.port, number),
        (
            comes_and_goes,
            is_reset,
            half_a_name,
            another_name,
            service_does_not_run,
            echo,
            half_a_message,
            reset_with_data_on_the_way,
            nonsense,
        ),
    )


def test_tcpd_as_a_local_service(world):
    world.pongd()
    far = world.tcpd("--max-per-peer", "4000")
    counted = churn.Counted(world, "tcp")
    near = world.daemon("ipc-tcpd", environment=counted.environment)
    counted.of(near)
    path = world.here / "tcp"

    def asks(uri):
        sock = local(path)
        sock.sendall(frame(uri.encode(), 3, 3))
        return sock

    def no_uri(_):
        with asks("nonsense") as sock:
            assert b"is no tcp://" in read_frame(sock)[2]

    def nobody_listens(_):
        with asks("tcp://127.0.0.1:1/pong") as sock:
            assert b"refused" in read_frame(sock)[2]

    def refused_there(_):
        with asks(f"tcp://127.0.0.1:{far.port}/secret") as sock:
            assert b"no: " in read_frame(sock)[2]

    def leaves_while_it_connects(_):
        asks(f"tcp://127.0.0.1:{far.port}/pong").close()

    def looked_up_by_name(number):
        # A child for each, and all descriptors that go with it.
        if number < 100 or number % 10 == 0:
            with asks(f"tcp://localhost:{far.port}/pong") as sock:
                assert read_frame(sock)[2] == b"OK"

    def echo(_):
        with asks(f"tcp://127.0.0.1:{far.port}/pong") as sock:
            assert read_frame(sock)[2] == b"OK"
            sock.sendall(frame(b"hello"))
            assert read_frame(sock)[2] == b"hello"

    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        thread = threading.Thread(target=hang_up, args=(server,), daemon=True)
        thread.start()

        def far_side_hangs_up(_):
            with asks(f"tcp://127.0.0.1:{server.getsockname()[1]}/pong") as sock:
                assert read_frame(sock)[2] != b"OK"

        churn.churn(
            counted,
            lambda _: local(path),
            (no_uri, nobody_listens, refused_there, leaves_while_it_connects, looked_up_by_name, echo, far_side_hangs_up),
        )
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def hang_up(server):
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        pass
