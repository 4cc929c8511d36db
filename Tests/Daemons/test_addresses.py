"""A host with more than one address (RFC 8305): the next one after 250 ms, the first that answers wins, the families in turn."""

import socket

import harness
from harness import echoes, frame, is_over, need_ipv6, read_exactly, read_frame, until

ALL = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


def dialler(world, addresses, *options):
    """The near daemon, for which the host `many` has these addresses."""
    return world.daemon(
        "ipc-tcpd",
        *(options or ("--connect-time", "60")),
        environment={"LD_PRELOAD": str(harness.WORK / "slow_lookup.so"), "LOOKUP_ADDRESSES": " ".join(addresses)},
    )


def silent(world, host, port):
    """A listener that answers no SYN, because its backlog is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = world.keep(socket.create_server((host, port), family=family, backlog=0))
    for _ in range(2):
        sock = world.keep(socket.socket(family))
        sock.setblocking(False)
        sock.connect_ex((host, port))
    return server


def ask(world, port):
    sock = world.local(world.here / "tcp")
    sock.sendall(frame(f"tcp://many:{port}/pong".encode(), 3, 3))
    return sock


def tried(daemon):
    return [line.rsplit(" ", 1)[1].rsplit(":", 1)[0] for line in daemon.text().splitlines() if ": trying " in line]


def test_silent_addresses_are_passed_over(world):
    world.pongd()
    far = world.tcpd()
    for host in ALL:
        silent(world, host, far.port)
    near = dialler(world, [*ALL, "127.0.0.1"])
    idle = near.descriptors()
    sock = ask(world, far.port)
    assert read_frame(sock)[2] == b"OK" and echoes(sock)
    assert tried(near) == [*ALL, "127.0.0.1"]
    # The other attempts are over, all but the connection's two descriptors.
    assert near.descriptors() == idle + 2
    sock.close()
    until(lambda: near.descriptors() == idle, "all is released")


def test_refusing_addresses_are_passed_over_at_once(world):
    world.pongd()
    far = world.tcpd()
    near = dialler(world, [*ALL, "127.0.0.1"])
    sock = ask(world, far.port)
    assert read_frame(sock)[2] == b"OK" and echoes(sock)
    assert tried(near) == [*ALL, "127.0.0.1"]


def test_families_take_turns(world):
    need_ipv6()
    world.pongd()
    far = world.tcpd()
    silent(world, "::1", far.port)
    silent(world, "127.0.0.2", far.port)
    near = dialler(world, ["::1", "::1", "::1", "127.0.0.2", "127.0.0.1"])
    sock = ask(world, far.port)
    assert read_frame(sock)[2] == b"OK" and echoes(sock)
    assert tried(near) == ["[::1]", "127.0.0.2", "[::1]", "127.0.0.1"]


def test_families_take_turns_where_one_has_many_addresses(world):
    """More addresses of one family than are tried do not push the other one out."""
    need_ipv6()
    world.pongd()
    far = world.tcpd()
    dialler(world, ["::1"] * 20 + ["127.0.0.1"])
    sock = ask(world, far.port)
    assert read_frame(sock)[2] == b"OK" and echoes(sock)


def test_first_address_that_answers_late_wins(world):
    """An address that has had its 250 ms goes on: when it answers before the others it is taken."""
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        port = any_port.getsockname()[1]
    first = silent(world, "127.0.0.2", port)
    silent(world, "127.0.0.3", port)
    near = dialler(world, ["127.0.0.2", "127.0.0.3"])
    idle = near.descriptors()
    sock = ask(world, port)
    near.says("trying 127.0.0.3")
    world.accept(first)
    connection = world.accept(first)
    while True:  # which of them is the daemon's
        connection.settimeout(2)
        try:
            assert read_exactly(connection, 5) == b"pong\n"
            break
        except TimeoutError:
            connection = world.accept(first)
    connection.sendall(b"OK")
    assert read_frame(sock)[2] == b"OK"
    assert near.descriptors() == idle + 2
    sock.close()
    until(lambda: near.descriptors() == idle, "all is released")


def test_nobody_answers(world):
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        port = any_port.getsockname()[1]
    near = dialler(world, ALL, "--connect-time", "1.5")
    idle = near.descriptors()
    assert read_frame(ask(world, port))[2] == f"connect to 127.0.0.4:{port}: Connection refused".encode()
    for host in ALL:
        silent(world, host, port)
    socks = [ask(world, port) for _ in range(20)]
    for sock in socks:
        assert read_frame(sock)[2] == b"nobody answered in time"
    until(lambda: near.descriptors() == idle, "all is released")


def test_client_that_leaves_ends_its_attempts(world):
    with socket.create_server(("127.0.0.1", 0)) as any_port:
        port = any_port.getsockname()[1]
    for host in ALL:
        silent(world, host, port)
    near = dialler(world, ALL)
    idle = near.descriptors()
    sock = ask(world, port)
    near.says("trying 127.0.0.3")
    sock.close()
    until(lambda: near.descriptors() == idle, "all is released")
    hasty = ask(world, port)
    until(lambda: near.text().count("trying") >= 4, "addresses are tried")
    hasty.sendall(b"x")
    assert b"nothing may be said" in is_over(hasty)
    until(lambda: near.descriptors() == idle, "all is released")


def test_few_descriptors_are_enough(world):
    """Without room for a second attempt the first one has all the time there is; nobody else is kept from connecting."""
    world.pongd()
    far = world.tcpd()
    silent(world, "127.0.0.2", far.port)
    dialler(world, ["127.0.0.1", "127.0.0.2"], "--max-connections", "4")
    socks = [ask(world, far.port) for _ in range(4)]
    for sock in socks:
        assert read_frame(sock)[2] == b"OK" and echoes(sock)
