"""The service `tcp`: hellos cut in every way, what may be reached, peers that stall, and both ends of the wire by hand."""

import os
import socket
import struct
import threading
import time

import harness
from harness import echoes, frame, is_over, need_ipv6, read_exactly, read_frame, send_cut, until


def greet(sock, name=b"pong\n"):
    sock.sendall(name)
    assert read_exactly(sock, 2) == b"OK"
    return sock


def test_hello(world):
    world.pongd()
    tcpd = world.tcpd()
    assert echoes(greet(world.tcp(tcpd.port)))
    assert echoes(greet(world.tcp(tcpd.port), b"pong\r\n"))
    # Alone in its segment, without a newline, as older clients send it.
    assert echoes(greet(world.tcp(tcpd.port), b"pong"))


def is_silent(sock, seconds):
    """Whether nothing comes for so long."""
    sock.settimeout(seconds)
    try:
        return sock.recv(1, socket.MSG_PEEK) == b"never"
    except TimeoutError:
        return True
    finally:
        sock.settimeout(harness.PATIENCE)


def test_beginning_of_another_name_is_no_name(world):
    """`po` is allowed as well: without its newline it may become `pong`, however late the rest comes."""
    world.pongd()
    heard = world.listen(world.there / "po")
    tcpd = world.tcpd(allow=("po", "pong"))
    sock = world.tcp(tcpd.port)
    sock.sendall(b"po")
    assert is_silent(sock, 1.5)
    sock.sendall(b"ng\n")
    assert read_exactly(sock, 2) == b"OK" and echoes(sock)
    # With its newline it is a name, and so is the longer one without.
    sock = world.tcp(tcpd.port)
    sock.sendall(b"po\n")
    assert read_exactly(sock, 2) == b"OK"
    world.accept(heard)
    assert echoes(greet(world.tcp(tcpd.port), b"pong"))


def test_name_without_newline_is_refused_where_it_may_go_on(world):
    world.pongd()
    world.listen(world.there / "po")
    tcpd = world.tcpd("--hello-time", "1.5", allow=("po", "pong"))
    sock = world.tcp(tcpd.port)
    sock.sendall(b"po")
    assert b"no name of a service came in time" in is_over(sock)
    # Nothing more can come of the one, nothing more of the other makes it a name.
    for name, answer in ((b"pong", b"OK"), (b"po", b"")):
        sock = world.tcp(tcpd.port)
        sock.sendall(name)
        sock.shutdown(socket.SHUT_WR)
        assert is_over(sock) == answer


def test_name_in_pieces_is_one_name(world):
    """Pauses shorter than a second are part of no name."""
    world.pongd()
    tcpd = world.tcpd(allow=("pong",))
    sock = world.tcp(tcpd.port)
    for byte in b"pong\n":
        sock.sendall(bytes([byte]))
        time.sleep(0.4)
    assert read_exactly(sock, 2) == b"OK" and echoes(sock)


def test_open_relay_must_be_asked_for(world):
    """The services tcp and network reach any host: peers may have them only with --relay."""
    for name in ("tcp", "network", "/tcp", "tcp/", "//network//"):
        for daemon in ("ipc-tcpd", "ipc-websocketd"):
            refused = world.daemon(daemon, "--listen", "127.0.0.1:0", "--allow", "pong", "--allow", name, ready=False)
            assert refused.process.wait(10) == 2 and "add --relay" in refused.text(), refused.text()
    refused = world.daemon("ipc-tcpd", environment={"IPC_TCPD_ALLOW": "pong,tcp"}, ready=False)
    assert refused.process.wait(10) == 2 and "add --relay" in refused.text(), refused.text()
    world.pongd()
    far = world.tcpd("--relay", allow=("tcp", "pong", "tcpx", "x/tcp"))
    sock = greet(world.tcp(far.port), b"tcp\n")
    sock.sendall(frame(f"tcp://127.0.0.1:{far.port}/pong".encode(), 3, 3))
    assert read_frame(sock)[2] == b"OK" and echoes(sock)


def test_hello_cut_everywhere(world):
    world.pongd()
    tcpd = world.tcpd()
    whole = b"pong\n" + frame(b"hello", 2, 7) + frame(b"", 5, 6)
    for cut in range(1, len(whole)):
        sock = world.tcp(tcpd.port)
        send_cut(sock, whole, cut)
        assert read_exactly(sock, 2) == b"OK"
        assert read_frame(sock) == (2, 7, b"hello") and read_frame(sock) == (5, 6, b"")
        sock.close()


def test_refusals_say_why(world):
    world.pongd()
    tcpd = world.tcpd(allow=("pong", "absent"))
    for name, reason in {
        b"secret\n": b"secret is not to be reached",
        b"../there/pong\n": b"not to be reached",
        b"\n": b"not to be reached",
        b"pon\n": b"not to be reached",
        b"pong \n": b"not to be reached",
        b"absent\n": b"absent does not run",
        b"x" * 5000: b"not that long",
        b"\0\n": b"not to be reached",
        b"tcp\n": b"not to be reached",
    }.items():
        sock = world.tcp(tcpd.port)
        sock.sendall(name)
        answer = is_over(sock)
        assert answer.startswith(b"no: ") and reason in answer, (name, answer)
    none = world.tcpd(allow=(), rundir=world.here)
    none.says("no service is allowed")
    sock = world.tcp(none.port)
    sock.sendall(b"pong\n")
    assert b"not to be reached" in is_over(sock)


def test_ipv6(world):
    need_ipv6()
    world.pongd()
    far = world.daemon("ipc-tcpd", "--listen", "[::1]:0", "--listen", "127.0.0.1:0", "--allow", "pong", rundir=world.there)
    ports = [word.rsplit(":", 1)[1] for word in far.ready.split()[2:]]
    assert len(ports) == 2, far.ready
    world.daemon("ipc-tcpd")
    world.daemon("ipcd")
    assert echoes(world.connect("pong", f"pong tcp://[::1]:{ports[0]}/pong"))
    assert echoes(world.connect("pong", f"pong tcp://127.0.0.1:{ports[1]}/pong"))


def test_public_must_be_asked_for(world):
    for place in ("0.0.0.0:0", "[::]:0"):
        refused = world.daemon("ipc-tcpd", "--listen", place, ready=False)
        assert refused.process.wait(10) == 2 and "needs --public" in refused.text(), refused.text()
    assert not (world.here / "tcp").exists()
    assert world.daemon("ipc-tcpd", "--listen", "0.0.0.0:0", "--public").port > 0


def test_uris(world):
    world.daemon("ipc-tcpd")
    for uri, reason in {
        b"tcp://127.0.0.1:1/pong": "Connection refused",
        b"tcp://127.0.0.1/pong": "is no tcp://",
        b"tcp://127.0.0.1:9000": "is no tcp://",
        b"tcp://127.0.0.1:9000/": "is no tcp://",
        b"tcp://::1:9000/x": "is no tcp://",
        b"udp://127.0.0.1:9/x": "is no tcp://",
        b"tcp://127.0.0.1:99999/x": "",
        b"tcp://127.0.0.1:x/x": "is no tcp://",
        b"tcp://[::1:9/x": "is no tcp://",
        b"": "is no tcp://",
        b"tcp://:9/x": "is no tcp://",
        b"tcp://h:9/a\nb": "is no tcp://",
        b"tcp://h:9/" + b"x" * 300: "is no tcp://",
        b"tcp://no-such-host.invalid:9/x": "no address is known",
        b"\xff" * 100_000: "is no tcp://",
        b"tcp://" + b"a" * 300 + b":9/x": "is no tcp://",
    }.items():
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(uri, 3, 3))
        answer = read_frame(sock)[2].decode(errors="replace")
        assert reason in answer and answer != "OK", (uri, answer)
        assert is_over(sock) == b""


def far_side(world, port):
    """A server by hand that a local tcpd connects to; the client's end there."""
    sock = world.local(world.here / "tcp")
    sock.sendall(frame(f"tcp://127.0.0.1:{port}/some service".encode(), 3, 3))
    return sock


def test_answers_from_far(world):
    tcpd = world.daemon("ipc-tcpd", "--connect-time", "1")
    idle = tcpd.descriptors()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for answer, reason in (
            (b"no: too dark\n", "no: too dark"),
            (b"", "left without an answer"),
            (b"O", "answered O"),
            (b"no end", "answered no end"),
            (b"x" * 5000, "answered xxx"),
            (b"OK" + frame(b"one", 9, 8) + frame(b"two")[:4], "OK"),
        ):
            client = far_side(world, port)
            far = world.accept(server)
            assert read_exactly(far, 13) == b"some service\n"
            for byte in answer[:40]:
                far.sendall(bytes([byte]))
            far.sendall(answer[40:])
            if reason == "OK":
                break
            far.shutdown(socket.SHUT_WR)
            text = read_frame(client)[2].decode()
            assert reason in text, (answer, text)
        assert read_frame(client) == (3, 3, b"OK") and read_frame(client) == (9, 8, b"one")
        far.sendall(frame(b"two")[4:])
        assert read_frame(client) == (2, 0, b"two")
        client.sendall(frame(b"back" * 100_000))
        assert read_frame(far)[2] == b"back" * 100_000
        far.close()
        assert is_over(client) == b""
        # Nobody answers.
        client = far_side(world, port)
        assert read_frame(client)[2] == b"nobody answered in time"
        # Nothing may be said before the answer.
        client = far_side(world, port)
        client.sendall(frame(b"hurry"))
        assert b"nothing may be said" in is_over(client)
    until(lambda: tcpd.descriptors() == idle, "all is released")


def test_silent_network_blocks_nobody(world):
    """Connecting to where nobody answers, not even a refusal: a listener whose backlog is full drops what comes."""
    world.pongd()
    far = world.tcpd()
    near = world.daemon("ipc-tcpd", "--connect-time", "1")
    idle = near.descriptors()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        for _ in range(2):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            world.sockets.append(sock)
        hanging = [far_side(world, port) for _ in range(10)]
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(f"tcp://127.0.0.1:{far.port}/pong".encode(), 3, 3))
        assert read_frame(sock)[2] == b"OK" and echoes(sock)
        for client in hanging:
            assert b"in time" in read_frame(client)[2]
        sock.close()
    until(lambda: near.descriptors() == idle, "all is released")


def test_slow_name_server_blocks_nobody(world):
    """Forty clients with a host that cannot be looked up: others go on, no more than 16 children are there, and they go."""
    world.pongd()
    far = world.tcpd()
    near = world.daemon("ipc-tcpd", "--connect-time", "1", environment={"LD_PRELOAD": str(harness.WORK / "slow_lookup.so")})
    idle = near.descriptors()

    def children():
        return open(f"/proc/{near.pid}/task/{near.pid}/children").read().split()

    hanging = []
    for number in range(40):
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(f"tcp://slow{number}:9/x".encode(), 3, 3))
        hanging.append(sock)
    until(lambda: len(children()) == 16, "children look the first ones up")
    sock = world.local(world.here / "tcp")
    sock.sendall(frame(f"tcp://127.0.0.1:{far.port}/pong".encode(), 3, 3))
    assert read_frame(sock)[2] == b"OK" and echoes(sock)
    assert len(children()) <= 16
    answers = [read_frame(client)[2] for client in hanging]
    assert len(children()) <= 16 and all(b"took too long" in text or text == b"nothing was free in time" for text in answers), answers
    sock.close()
    until(lambda: near.descriptors() == idle and not children(), "all is released")


def test_stalled_peer_costs_only_itself(world):
    """One that floods the echo and never reads: it is stopped, the daemon's memory stays small, others go on."""
    world.pongd()
    tcpd = world.tcpd()
    sock = greet(world.tcp(tcpd.port))
    large = frame(b"z" * 1_999_994)

    def flood():
        try:
            for _ in range(200):
                sock.sendall(large)
        except OSError:
            pass

    thread = threading.Thread(target=flood, daemon=True)
    sock.settimeout(3)
    thread.start()
    others = [greet(world.tcp(tcpd.port)) for _ in range(20)]
    for _ in range(20):
        assert all(echoes(other, os.urandom(10_000)) for other in others)
    thread.join(15)
    assert not thread.is_alive()
    pages = int(open(f"/proc/{tcpd.pid}/statm").read().split()[1])
    assert pages * 4096 < 40_000_000, pages * 4096
    assert all(echoes(other) for other in others)


def test_liars(world):
    """Frames that are none end their connection, and no other."""
    world.pongd()
    tcpd = world.tcpd()
    idle = tcpd.descriptors()
    honest = greet(world.tcp(tcpd.port))
    for lie in (struct.pack(">BIB", 2, 1_999_995, 0), b"\xff" * 100, os.urandom(3) + b"\xff" * 3000):
        sock = greet(world.tcp(tcpd.port))
        sock.sendall(lie)
        assert is_over(sock) == b""
        assert echoes(honest)
    for cut in (1, 5, 6, 9):
        greet(world.tcp(tcpd.port)).sendall(frame(b"part")[:cut])
    for sock in world.sockets:
        sock.close()
    until(lambda: tcpd.descriptors() == idle, "all is released")


def test_resets(world):
    """RST in each state."""
    world.pongd()
    tcpd = world.tcpd()
    idle = tcpd.descriptors()
    for said in (b"", b"po", b"pong", b"pong\n", b"pong\n" + frame(b"x")[:4], b"pong\n" + frame(b"x" * 1000) * 50, b"nope\n"):
        for pause in (0, 0.01):
            sock = world.tcp(tcpd.port)
            sock.sendall(said)
            time.sleep(pause)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
    until(lambda: tcpd.descriptors() == idle, "all is released")
    assert echoes(greet(world.tcp(tcpd.port)))
