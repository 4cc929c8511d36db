"""The service `network`: routes, refusals, and what one client cannot do to another."""

import os
import socket
import struct
import time

from harness import echoes, expects, frame, is_over, read_exactly, read_frame, until
from libipc import ConnectError


def test_unix_route(world):
    world.pongd()
    ipcd = world.daemon("ipcd")
    before = ipcd.descriptors()
    client = world.connect("music", f" x tcp://y ;  music   unix://{world.there}/pong  ;z")
    until(lambda: ipcd.descriptors() == before, "the client has what it wanted")
    assert echoes(client)


def test_bare_route(world):
    world.pongd(world.here)
    world.daemon("ipcd")
    assert echoes(world.connect("music", "music pong"))


def test_mark_of_a_strict_route_is_no_part_of_it(world):
    world.pongd(world.here)
    world.daemon("ipcd")
    for routes in ("music pong !", "a b !; music  pong \t! ;b c"):
        assert echoes(world.connect("music", routes)), routes
    for routes, reason in ("music !", "the route of music leads nowhere"), ("music pong!", "connect to"):
        with expects(ConnectError, reason):
            world.connect("music", routes)


def test_route_is_matched_whole(world):
    world.pongd(world.here)
    world.daemon("ipcd")
    asking = world.local(world.here / "network")
    for routes in ("", "music pong", "pongo pong;pon pong", "a;b;;;", ";" * 1000):
        assert world.look_up("pong", routes, asking) == "no route names the service pong", routes
    assert echoes(world.look_up("pong", "pongo x;pong pong;pong nothing", asking))


def test_refusals_say_why(world):
    (world.here / "file").write_text("")
    world.daemon("ipcd")
    asking = world.local(world.here / "network")
    for uri, reason in {
        "nobody": "connect to",
        "unix:///no/such/path": "No such file or directory",
        "unix://relative": "begins with a slash",
        f"unix://{world.here}/file": "Connection refused",
        "unix:///" + "x" * 200: "too long",
        "../network": "the name of the service",
        "gopher://x/y": "gopher: No such file",
        "://x": "leads nowhere",
        "a/b://x": "leads nowhere",
        "": "leads nowhere",
        "x" * 5000: "leads nowhere",
        "bad\x01name": "leads nowhere",
    }.items():
        answer = world.look_up("pong", f"pong {uri}", asking)
        assert isinstance(answer, str) and reason in answer, (uri, answer)


def test_scheme_that_answers(world):
    world.daemon("ipcd")
    server = world.listen(world.here / "x-y")
    asking = world.local(world.here / "network")
    for answer, expected in (
        (frame(b"no such star", 1), "x-y: no such star"),
        (b"", "x-y left without an answer"),
        (frame(b"OK")[:7], "x-y left without"),
        (struct.pack(">BIB", 2, 4097, 0), "makes sense"),
        (b"\xff" * 6, "makes sense"),
        (frame(b""), "x-y: "),
    ):
        asking.sendall(frame(b"star;star x-y://moon?a=b", 3, 3))
        scheme = world.accept(server)
        assert read_frame(scheme) == (3, 3, b"x-y://moon?a=b")
        for byte in answer:
            scheme.sendall(bytes([byte]))
        scheme.close()
        result = world.answer(asking)
        assert isinstance(result, str) and expected in result, (answer, result)
    asking.sendall(frame(b"star;star x-y://moon", 3, 3))
    scheme = world.accept(server)
    read_frame(scheme)
    # Frames right behind the answer are the client's.
    scheme.sendall(frame(b"OK", 2) + frame(b"first") + frame(b"second")[:3])
    connection = world.answer(asking)
    assert read_frame(connection) == (2, 0, b"first")
    scheme.sendall(frame(b"second")[3:])
    assert read_frame(connection) == (2, 0, b"second")


def test_hanging_scheme_blocks_nobody(world):
    world.pongd(world.here)
    ipcd = world.daemon("ipcd", "--connect-time", "0.5")
    server = world.listen(world.here / "slow")
    hanging = []
    for _ in range(20):
        asking = world.local(world.here / "network")
        asking.sendall(frame(b"pong;pong slow://x", 3, 3))
        hanging.append(asking)
    world.accept(server)
    assert echoes(world.connect("pong", "pong pong"))
    for asking in hanging:
        assert read_frame(asking)[2] == b"slow did not answer in time"
    # Refused, they may ask again; and those who leave take what was opened for them along.
    idle = ipcd.descriptors()
    for asking in hanging:
        asking.sendall(frame(b"pong;pong slow://x", 3, 3))
    until(lambda: ipcd.descriptors() == idle + 20, "a connection for each")
    for asking in hanging:
        asking.close()
    until(lambda: ipcd.descriptors() == idle - 20, "all is released")


def test_client_that_stops_writing_gets_its_answers(world):
    world.pongd(world.here)
    ipcd = world.daemon("ipcd")
    idle = ipcd.descriptors()
    server = world.listen(world.here / "slow")
    asking = world.local(world.here / "network")
    asking.sendall(frame(b"pong;pong slow://x", 3, 3))
    asking.shutdown(socket.SHUT_WR)
    scheme = world.accept(server)
    read_frame(scheme)
    before = ipcd.processor_time()
    time.sleep(0.5)
    assert ipcd.processor_time() - before < 0.1, "it spins"
    scheme.sendall(frame(b"OK", 3, 3) + frame(b"hello"))
    assert read_frame(world.answer(asking)) == (2, 0, b"hello")
    assert is_over(asking) == b""
    # Two look-ups, of which the first is answered before the second is read.
    asking = world.local(world.here / "network")
    asking.sendall(frame(b"pong;pong pong", 3, 3) + frame(b"x;y z", 3, 3))
    asking.shutdown(socket.SHUT_WR)
    assert echoes(world.answer(asking))
    assert world.answer(asking) == "no route names the service x" and is_over(asking) == b""
    until(lambda: ipcd.descriptors() == idle, "all is released")


def test_full_backlog_blocks_nobody(world):
    """A service that does not accept: who wants it waits; it is tried again."""
    ipcd = world.daemon("ipcd", "--connect-time", "0.5")
    world.pongd(world.here)
    server = socket.socket(socket.AF_UNIX)
    world.sockets.append(server)
    server.bind(str(world.here / "full"))
    server.listen(0)
    world.local(world.here / "full")
    waiting = world.local(world.here / "network")
    waiting.sendall(frame(b"x;x full", 3, 3))
    assert echoes(world.connect("pong", "pong pong"))
    assert read_frame(waiting)[2] == b"nothing was free in time"
    waiting.sendall(frame(b"x;x full", 3, 3))
    until(lambda: ipcd.text().count("looks up x") == 2, "the second look-up")
    world.accept(server)
    assert isinstance(world.answer(waiting), socket.socket)


def test_bad_look_ups(world):
    world.daemon("ipcd")
    for bad in (frame(b"pong;pong x", 2), frame(b"", 3), frame(b";;;", 3), frame(b"\0", 3)):
        asking = world.local(world.here / "network")
        asking.sendall(bad)
        assert b"a look-up is a frame of type 3" in is_over(asking)
    server = world.listen(world.here / "slow")
    asking = world.local(world.here / "network")
    asking.sendall(frame(b"a;a slow://x", 3, 3) * 2)
    assert b"one look-up at a time" in is_over(asking)
    assert world.accept(server)
    for bad in (b"\x03\xff\xff\xff\xff\x03", frame(b"a;b", 3)[:-1], b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000)):
        asking = world.local(world.here / "network")
        asking.sendall(bad)
        asking.shutdown(socket.SHUT_WR)
        is_over(asking)
    largest = world.local(world.here / "network")
    assert "no route" in world.look_up("pong", "x" * 200_000, largest)
    largest.sendall(frame(b"a;" * 999_997, 3))
    assert b"a look-up is" in is_over(largest)


def test_who_does_not_read_is_dropped(world):
    world.pongd(world.here)
    ipcd = world.daemon("ipcd")
    idle = ipcd.descriptors()
    greedy = world.local(world.here / "network")
    greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    start = time.monotonic()
    try:
        while time.monotonic() < start + 20:
            greedy.sendall(frame(b"pong;pong pong", 3, 3))
            time.sleep(0.0005)
    except (BrokenPipeError, ConnectionResetError):
        pass
    until(lambda: ipcd.descriptors() == idle, "it is dropped")
    assert echoes(world.connect("pong", "pong pong"))


def test_impatient_client(world):
    """Who leaves before the answer, at each step."""
    world.pongd(world.here)
    ipcd = world.daemon("ipcd")
    idle = ipcd.descriptors()
    question = frame(b"pong;pong pong", 3, 3)
    for count in range(len(question) + 1):
        asking = world.local(world.here / "network")
        asking.sendall(question[:count])
        asking.close()
    until(lambda: ipcd.descriptors() == idle, "all is released")
    asking = world.local(world.here / "network")
    assert echoes(world.look_up("pong", "pong pong", asking))
    asking.sendall(question)
    assert read_exactly(asking, 8)[6:] == b"OK"
