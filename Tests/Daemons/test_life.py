"""What the daemons have in common: options, signals, readiness, inherited sockets, limits."""

import os
import signal
import socket
import subprocess
import time

import harness
from harness import echoes, frame, is_over, limited, read_exactly, read_frame, until

DAEMONS = ("ipcd", "ipc-tcpd")


def run(name, *options, **environment):
    return subprocess.run(
        [harness.BINARIES / name, *options], env={**os.environ, **environment}, capture_output=True, text=True, timeout=10
    )


def test_help_and_version(world):
    for name in DAEMONS:
        shown = run(name, "--help")
        assert shown.returncode == 0 and shown.stderr == "" and f"usage: {name} [OPTION]" in shown.stdout, shown
        assert "--hello-time SECONDS" in shown.stdout
        shown = run(name, "--version")
        assert shown.returncode == 0 and shown.stdout.startswith(f"{name} (libipc) 1."), shown


def test_wrong_options(world):
    for name in DAEMONS:
        for options in (
            ["--nonsense"],
            ["stray"],
            ["--log"],
            ["--log", "loud"],
            ["--hello-time", "x"],
            ["--max-connections", "0"],
            ["--hello-time", "1.2345"],
            ["--max-connections", "99999999999999999999999"],
            ["--help=yes"],
            ["--ready-fd", "-1"],
            ["--max-per-peer", "1.5"],
            ["--hello-time="],
            ["--=x"],
            ["--"],
        ):
            refused = run(name, *options, IPC_RUNDIR=str(world.here))
            assert refused.returncode == 2 and refused.stdout == "" and refused.stderr.startswith(f"{name}: error: "), (options, refused)
    assert not list(world.here.iterdir())
    assert run("ipc-tcpd", "--listen", "nonsense", IPC_RUNDIR=str(world.here)).returncode == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run("ipc-tcpd", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", IPC_RUNDIR=str(world.here))
        assert refused.returncode == 1 and "Address already in use" in refused.stderr, refused


def test_environment_then_options(world):
    world.pongd()
    tcpd = world.daemon(
        "ipc-tcpd",
        rundir=world.there,
        environment={"IPC_TCPD_LISTEN": " 127.0.0.1:0,127.0.0.2:0 ", "IPC_TCPD_ALLOW": "other pong", "IPC_TCPD_HELLO_TIME": "0.1"},
    )
    assert "127.0.0.1:" in tcpd.ready and "127.0.0.2:" in tcpd.ready, tcpd.ready
    port = int(tcpd.ready.split()[2].rsplit(":", 1)[1])
    sock = world.tcp(port)
    sock.sendall(b"pong\n")
    assert read_exactly(sock, 2) == b"OK" and echoes(sock)
    assert b"in time" in is_over(world.tcp(port))
    patient = world.daemon("ipcd", "--hello-time=30", environment={"IPCD_HELLO_TIME": "0.1", "IPCD_LOG": "error"})
    asking = world.local(world.here / "network")
    asking.settimeout(0.4)
    try:
        asking.recv(1)
        raise AssertionError("the option did not win")
    except TimeoutError:
        pass
    assert patient.process.poll() is None


def test_second_one_is_refused(world):
    for name in DAEMONS:
        first = world.daemon(name)
        second = world.daemon(name, ready=False)
        assert second.process.wait(10) == 1 and "a live service is there" in second.text(), second.text()
        first.kill()
        assert world.daemon(name).stop()[0] == 0


def test_signals(world):
    for name in DAEMONS:
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = world.daemon(name)
            daemon.process.send_signal(signal.SIGHUP)
            status, seconds = daemon.stop(number)
            assert status == 0 and seconds < 1 and "stopped" in daemon.text(), (status, seconds)
            assert not list(world.here.iterdir()), "its socket is left"


def test_ready_descriptor(world):
    for name in DAEMONS:
        reading, writing = os.pipe()
        daemon = world.daemon(name, "--ready-fd", str(writing), descriptors=(writing,), ready=False)
        os.close(writing)
        assert os.read(reading, 10) == b"\n"
        os.close(reading)
        assert daemon.stop()[0] == 0
        assert daemon.process.stdout.read() == b""


def pass_on(sockets):
    """What a service manager does between fork and exec: sockets from descriptor 3 on, and this process's number."""
    numbers = [sock.fileno() for sock in sockets]

    def prepare():
        high = [os.dup2(number, 100 + index) for index, number in enumerate(numbers)]
        for index, number in enumerate(high):
            os.dup2(number, 3 + index)

    return prepare


def inherit(world, name, sockets, *options, rundir, pid="$$"):
    script = f'LISTEN_PID={pid} LISTEN_FDS={len(sockets)} exec "$0" "$@"'
    return world.start(
        ["/bin/sh", "-c", script, harness.BINARIES / name, "--log", "debug", *options],
        rundir,
        before=pass_on(sockets),
        descriptors=tuple(range(3, 3 + len(sockets))),
    )


def test_inherited_sockets(world):
    world.pongd()
    network = world.listen(world.here / "network")
    ipcd = inherit(world, "ipcd", [network], rundir=world.here)
    assert echoes(world.connect("pong", f"pong unix://{world.there}/pong"))
    assert ipcd.stop()[0] == 0
    assert (world.here / "network").exists(), "the socket's file is not the daemon's"
    with socket.create_server(("127.0.0.1", 0)) as server:
        tcpd = inherit(world, "ipc-tcpd", [server], "--allow", "pong", rundir=world.there)
        sock = world.tcp(server.getsockname()[1])
        sock.sendall(b"pong\n")
        assert read_exactly(sock, 2) == b"OK" and echoes(sock)
        assert (world.there / "tcp").exists()
        assert tcpd.stop()[0] == 0 and not (world.there / "tcp").exists()
    # For another process: not ours.
    other = inherit(world, "ipc-tcpd", [network], rundir=world.there, pid="1")
    assert (world.there / "tcp").exists() and other.stop()[0] == 0
    with socket.socket() as idle:
        refused = inherit_refused(world, idle)
        assert refused.process.wait(10) == 1 and "does not listen" in refused.text(), refused.text()


def inherit_refused(world, sock):
    script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0"'
    return world.start(
        ["/bin/sh", "-c", script, harness.BINARIES / "ipcd"], world.here, before=pass_on([sock]), descriptors=(3,), ready=False
    )


def test_hello_time(world):
    world.pongd()
    world.daemon("ipcd", "--hello-time", "0.2")
    tcpd = world.tcpd("--hello-time", "0.2")
    for said in (b"", b"\x03", frame(b"a;b", 3)[:-1]):
        asking = world.local(world.here / "network")
        asking.sendall(said)
        assert b"no look-up came in time" in is_over(asking)
        local = world.local(world.there / "tcp")
        local.sendall(said)
        assert b"no URI came in time" in is_over(local)
    for said in (b"", b"po", b"secret"):
        sock = world.tcp(tcpd.port)
        sock.sendall(said)
        assert b"no name of a service came in time" in is_over(sock)
    # Who has said it stays.
    sock = world.tcp(tcpd.port)
    sock.sendall(b"pong\n")
    assert read_exactly(sock, 2) == b"OK"
    time.sleep(0.3)
    assert echoes(sock)


def test_idle_time(world):
    world.pongd()
    tcpd = world.tcpd("--idle-time", "0.4")
    idle = tcpd.descriptors()
    busy, still = world.tcp(tcpd.port), world.tcp(tcpd.port)
    for sock in (busy, still):
        sock.sendall(b"pong\n")
        assert read_exactly(sock, 2) == b"OK"
    start = time.monotonic()
    while time.monotonic() < start + 0.8:
        assert echoes(busy)
        time.sleep(0.05)
    assert is_over(still) == b"" and is_over(busy) == b""
    until(lambda: tcpd.descriptors() == idle, "all is released")


def test_limits_on_connections(world):
    world.pongd()
    for options, reason in ((("--max-connections", "3"), b"too many connections"), (("--max-per-peer", "3"), b"from this peer")):
        tcpd = world.tcpd(*options)
        first = [world.tcp(tcpd.port) for _ in range(3)]
        first[0].sendall(b"pong\n")
        assert read_exactly(first[0], 2) == b"OK"
        assert reason in is_over(world.tcp(tcpd.port))
        if reason == b"from this peer":
            # Another address, and local users, are others.
            other = socket.create_connection(("127.0.0.1", tcpd.port), 5, source_address=("127.0.0.2", 0))
            world.sockets.append(other)
            other.sendall(b"pong\n")
            assert read_exactly(other, 2) == b"OK"
            local = world.local(world.there / "tcp")
            local.sendall(frame(b"nonsense", 3, 3))
            assert b"is no tcp://" in read_frame(local)[2]
        first[1].close()
        tcpd.says("left before it named a service")
        sock = world.tcp(tcpd.port)
        sock.sendall(b"pong\n")
        assert read_exactly(sock, 2) == b"OK" and echoes(first[0])
        assert tcpd.stop()[0] == 0
    world.daemon("ipcd", "--max-connections", "2")
    held = [world.local(world.here / "network") for _ in range(2)]
    assert b"too many connections" in is_over(world.local(world.here / "network"))
    assert "no route" in world.look_up("x", "y z", held[0])


def test_out_of_descriptors(world):
    """Further clients wait until others leave; nobody is refused, and waiting costs nothing."""
    world.pongd()
    tcpd = world.tcpd(before=limited(40))
    tcpd.says("descriptors for")
    socks = [world.tcp(tcpd.port) for _ in range(60)]
    for sock in socks:
        sock.sendall(b"pong\n")
    served = 0
    tcpd.says("no descriptors for more")
    before = tcpd.processor_time()
    time.sleep(0.5)
    assert tcpd.processor_time() - before < 0.1, "it spins"
    for sock in socks:
        assert read_exactly(sock, 2) == b"OK" and echoes(sock)
        sock.close()
        served += 1
    assert served == 60
    world.daemon("ipcd", before=limited(40))
    asking = [world.local(world.here / "network") for _ in range(60)]
    for sock in asking:
        assert echoes(world.look_up("pong", f"pong unix://{world.there}/pong", sock))
        sock.close()


def test_log(world):
    quiet = world.start([harness.BINARIES / "ipcd", "--log", "error"], world.here)
    asking = world.local(world.here / "network")
    world.look_up("x\x1b[31m\ny", "z unix:///", asking)
    assert quiet.stop()[0] == 0 and quiet.text() == ""
    loud = world.daemon("ipcd")
    asking = world.local(world.here / "network")
    world.look_up("x\x1b[31m\ny", "z unix:///", asking)
    loud.says("no route names the service x\\x1b[31m\\x0ay")
    assert loud.stop()[0] == 0


def test_nobody_reads_the_log(world):
    """A full pipe at stderr stops no daemon."""
    world.pongd()
    reading, writing = os.pipe()
    daemon = subprocess.Popen(
        [harness.BINARIES / "ipcd", "--log", "debug"],
        env={**os.environ, "IPC_RUNDIR": str(world.here)},
        stderr=writing,
        stdout=subprocess.PIPE,
    )
    try:
        assert daemon.stdout.readline().startswith(b"ready")
        asking = world.local(world.here / "network")
        for _ in range(2000):
            assert "no route" in world.look_up("x" * 100, "", asking)
        assert echoes(world.look_up("pong", f"pong unix://{world.there}/pong", asking))
        daemon.terminate()
        assert daemon.wait(5) == 0
    finally:
        daemon.kill()
        daemon.stdout.close()
        os.close(reading)
        os.close(writing)
