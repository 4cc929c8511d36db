"""What an administrator does with a running daemon: the file of --config and SIGHUP, SIGTERM with --drain, and what the service manager
is told."""

import os
import signal
import socket
import subprocess

import harness
from harness import echoes, frame, is_over, read_exactly, read_frame, until
from WebSocket.client import TEXT, Client, request, resident, status

ALL = ("ipcd", "ipc-tcpd", "ipc-websocketd")
PLACE = {"ipcd": (), "ipc-tcpd": ("--listen", "127.0.0.1:0"), "ipc-websocketd": ("--listen", "127.0.0.1:0")}


def config(world, text):
    path = world.directory / "config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def reread(world, daemon, text, says="was read anew"):
    """Another file, and SIGHUP."""
    config(world, text)
    before = daemon.text().count(says)
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.text().count(says) > before, f"the log says {says!r} again")


def named(world, daemon, name="pong"):
    sock = world.tcp(daemon.port)
    sock.sendall(name.encode() + b"\n")
    return sock


def tied(world, daemon, name="pong"):
    sock = named(world, daemon, name)
    assert read_exactly(sock, 2) == b"OK" and echoes(sock)
    return sock


# The file


def test_file_has_options_one_a_line(world):
    world.pongd(world.here)
    path = config(
        world,
        (
            "# A comment\n\n  # another\nlisten 127.0.0.2:0, 127.0.0.1:0\n--allow pong\r\nallow=other\tthird\npublic\nhello-time = 0.2  \n"
            "max-connections=7"
        ),
    )
    tcpd = world.daemon("ipc-tcpd", "--config", path)
    assert " 127.0.0.1:" in tcpd.ready and " 127.0.0.2:" in tcpd.ready
    assert echoes(tied(world, tcpd, "pong"))
    assert b"does not run" in is_over(named(world, tcpd, "third")) and b"not to be reached" in is_over(named(world, tcpd, "fourth"))
    assert b"in time" in is_over(world.tcp(tcpd.port))
    assert tcpd.stop()[0] == 0
    # Options win over the environment, and that over the file.
    again = world.daemon("ipc-tcpd", "--config", path, "--listen", "127.0.0.3:0", environment={"IPC_TCPD_ALLOW": "fifth"})
    assert "127.0.0.3:" in again.ready and "127.0.0.1" not in again.ready
    again.says("listen in")
    again.says("allow in")
    assert "does not count" in again.text()
    sock = world.tcp(again.port, "127.0.0.3")
    sock.sendall(b"pong\n")
    assert b"not to be reached" in is_over(sock)


def test_file_that_makes_no_sense_is_refused(world):
    path = world.directory / "config"
    for name in ALL:
        for text, status_, says in (
            (b"\nnonsense\n", 2, ":2: nonsense is no option"),
            (b"help", 2, ":1: help is no option"),
            (b"config x", 2, ":1: config is no option"),
            (b"log", 2, ":1: log needs a value"),
            (b"log loud", 2, "--log takes"),
            (b"log info\nhello-time 1\0 2", 2, ":2: a NUL"),
            (b"=", 2, ":1:  is no option"),
            (b"max-connections 0", 2, "1 to 100000"),
            (b"#" * (1 << 20) + b"\n", 1, "File too large"),
        ):
            config(world, text)
            done = subprocess.run(
                [harness.BINARIES / name, *PLACE[name], "--config", path],
                env={**os.environ, "IPC_RUNDIR": str(world.here)},
                capture_output=True,
                text=True,
                timeout=harness.PATIENCE,
            )
            assert done.returncode == status_ and says in done.stderr and done.stdout == "", (text[:40], done)
        path.unlink()
        os.mkfifo(path)
        for place in (path, world.directory, world.directory / "absent", "/dev/null"):
            done = subprocess.run([harness.BINARIES / name, "--config", place], capture_output=True, timeout=harness.PATIENCE)
            assert done.returncode == 1 and b"cannot read" in done.stderr, done
        path.unlink()
    for text in ("public maybe", "public =", "allow =", "allow ..", "listen 127.0.0.1:99999"):
        config(world, text)
        assert subprocess.run([harness.BINARIES / "ipc-tcpd", "--config", path], capture_output=True).returncode == 2, text


# SIGHUP


def test_hangup_changes_allowed_services_and_cuts_nobody(world):
    world.pongd(world.here)
    other = world.listen(world.here / "other")
    for name in ("ipc-tcpd", "ipc-websocketd"):
        daemon = world.daemon(name, *PLACE[name], "--config", config(world, "allow pong\n"))
        if name == "ipc-tcpd":
            first = tied(world, daemon)
            assert b"not to be reached" in is_over(named(world, daemon, "other"))
        else:
            first = Client(world.tcp(daemon.port))
            assert status(world, daemon, request("other"))[0] == 404
        reread(world, daemon, "allow other\n")
        if name == "ipc-tcpd":
            assert b"not to be reached" in is_over(named(world, daemon, "pong"))
            assert read_exactly(named(world, daemon, "other"), 2) == b"OK"
            assert echoes(first)
        else:
            assert status(world, daemon, request("pong"))[0] == 404
            assert b"<option>other<" in status(world, daemon, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")[2]
            Client(world.tcp(daemon.port), "other")
            first.echoes(TEXT, b"still here")
        world.accept(other)
        assert daemon.stop()[0] == 0


def test_hangup_changes_origins(world):
    world.pongd(world.here)
    web = world.daemon(
        "ipc-websocketd", "--listen", "127.0.0.1:0", "--allow", "pong", "--config", config(world, "origin https://a.example\n")
    )

    def gets_in(origin):
        sock = world.tcp(web.port)
        sock.sendall(request(fields=[f"Origin: {origin}"]))
        return read_exactly(sock, 12) == b"HTTP/1.1 101"

    assert gets_in("https://a.example") and not gets_in("https://b.example")
    reread(world, web, "origin https://b.example\n")
    assert gets_in("https://b.example") and not gets_in("https://a.example")


def test_hangup_changes_limits(world):
    world.pongd(world.here)
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--config", config(world, "max-connections 2\n"))
    held = [tied(world, tcpd) for _ in range(2)]
    assert b"too many connections" in is_over(world.tcp(tcpd.port))
    reread(world, tcpd, "max-connections 100\nmax-per-peer 3\n")
    held.append(tied(world, tcpd))
    assert b"from this peer" in is_over(world.tcp(tcpd.port))
    # Those who are one too many now keep what they have.
    reread(world, tcpd, "max-connections 1\n")
    assert b"too many connections" in is_over(world.tcp(tcpd.port)) and all(echoes(sock) for sock in held)
    # No line is the default, again.
    reread(world, tcpd, "")
    held += [tied(world, tcpd) for _ in range(20)]
    assert all(echoes(sock) for sock in held)


def test_hangup_changes_times_also_of_those_who_wait(world):
    world.pongd(world.here)
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--config", config(world, "hello-time 1000\n"))
    silent, still = world.tcp(tcpd.port), tied(world, tcpd)
    reread(world, tcpd, "hello-time 0.1\n")
    assert b"in time" in is_over(silent) and echoes(still)
    reread(world, tcpd, "hello-time 0\nidle-time 0.2\n")
    assert is_over(still) == b""
    silent, busy = world.tcp(tcpd.port), tied(world, tcpd)
    reread(world, tcpd, "idle-time 1000\nhello-time 0.1\n")
    assert b"in time" in is_over(silent) and echoes(busy)
    ipcd = world.daemon("ipcd", "--config", config(world, "hello-time 0\n"))
    waits = world.local(world.here / "network")
    assert "no route" in world.look_up("x", "", waits)
    reread(world, ipcd, "hello-time 0.1\n")
    assert b"no look-up came in time" in is_over(waits)


def test_hangup_with_a_wrong_file_changes_nothing(world):
    world.pongd(world.here)
    for name in ("ipc-tcpd", "ipc-websocketd"):
        path = config(world, "allow pong\nlog debug\n")
        daemon = world.start([harness.BINARIES / name, *PLACE[name], "--config", path], world.here)
        shown = subprocess.run([harness.BINARIES / name, "--help"], capture_output=True, text=True, timeout=harness.PATIENCE).stdout
        # What needs --relay at the start needs it here.
        relays = ("allow pong tcp\n", "allow network\n") if "--relay" in shown else ()
        for text in (
            *relays,
            "allow other\nnonsense\n",
            "allow ..\n",
            "hello-time x\nallow other\n",
            "log loud\nallow other\n",
            "allow other\0\n",
        ):
            reread(world, daemon, text, says="SIGHUP: all stays as it was")
        (world.directory / "config").unlink()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.says("all stays as it was: cannot read")
        if name == "ipc-tcpd":
            assert echoes(tied(world, daemon))
        else:
            Client(world.tcp(daemon.port)).echoes()
        assert daemon.stop()[0] == 0


def test_hangup_says_what_needs_a_restart(world):
    tcpd = world.daemon("ipc-tcpd", "--config", config(world, "listen 127.0.0.1:0\nlog info\n"))
    reread(world, tcpd, "listen 127.0.0.2:0\npublic\n")
    tcpd.says("listen in")
    tcpd.says("public in")
    assert tcpd.text().count("has changed: that counts after a restart") == 2
    assert b"not to be reached" in is_over(named(world, tcpd))


def test_hangup_without_a_file_does_nothing(world):
    for name in ALL:
        daemon = world.daemon(name, *PLACE[name])
        daemon.process.send_signal(signal.SIGHUP)
        daemon.says("SIGHUP: there is no file to read")
        assert daemon.stop()[0] == 0


def test_many_hangups_leave_nothing(world):
    world.pongd(world.here)
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--config", config(world, "allow pong\n" + "# filler\n" * 10_000))
    sock = tied(world, tcpd)

    def send(count):
        for _ in range(count):
            tcpd.process.send_signal(signal.SIGHUP)
            assert echoes(sock)

    send(200)
    before, descriptors = resident(tcpd), tcpd.descriptors()
    send(2000)
    # 100 KB each would be 200 MB.
    assert resident(tcpd) < before + (4 << 20) and tcpd.descriptors() == descriptors


# The service manager


def manager(world, name):
    """A socket as NOTIFY_SOCKET: a path, or with @ a name without a file."""
    sock = world.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    sock.bind("\0" + name[1:] if name[0] == "@" else name)
    return sock


def told(sock, text):
    """What was said until `text`, which is the beginning of a datagram."""
    said = []
    while not said or not said[-1].startswith(text):
        said.append(sock.recv(4096).decode())
    return said


def test_service_manager_is_told(world):
    for name in ALL:
        for place in (str(world.directory / f"notify-{name}"), f"@libipc-test-{os.getpid()}-{name}"):
            sock = manager(world, place)
            daemon = world.daemon(name, *PLACE[name], "--config", config(world, ""), environment={"NOTIFY_SOCKET": place}, ready=False)
            assert told(sock, "READY=1") == ["READY=1"]
            # It listens already.
            client = world.local(world.here / {"ipcd": "network", "ipc-tcpd": "tcp"}[name]) if name != "ipc-websocketd" else None
            assert told(sock, "STATUS=0 of 2048 connections") or client
            if client:
                told(sock, "STATUS=1 of 2048 connections")
                client.close()
                told(sock, "STATUS=0 of 2048 connections")
            daemon.process.send_signal(signal.SIGHUP)
            said = told(sock, "RELOADING=1")[-1]
            assert said.split("\n")[1].startswith("MONOTONIC_USEC=") and int(said.rsplit("=", 1)[1]) > 0
            told(sock, "READY=1")
            daemon.process.terminate()
            told(sock, "STOPPING=1")
            assert daemon.process.wait(harness.PATIENCE) == 0
            sock.close()


def test_service_manager_that_does_not_read_stops_nobody(world):
    world.pongd(world.here)
    place = str(world.directory / "notify")
    manager(world, place)
    tcpd = world.daemon(
        "ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--config", config(world, ""), environment={"NOTIFY_SOCKET": place}
    )
    sock = tied(world, tcpd)
    for _ in range(1000):
        tcpd.process.send_signal(signal.SIGHUP)
        assert echoes(sock)
    assert tcpd.stop()[0] == 0
    for wrong in ("", "x", "/absent/socket", "@", "/" + "x" * 200, "vsock:2:1234", str(world.directory)):
        assert world.daemon("ipcd", environment={"NOTIFY_SOCKET": wrong}).stop()[0] == 0, wrong


# SIGTERM


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), harness.PATIENCE).close()
        return False
    except ConnectionRefusedError:
        return True


def test_drain_lets_clients_end_and_nobody_in(world):
    world.pongd(world.here)
    place = str(world.directory / "notify")
    sock = manager(world, place)
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--drain", "1000", environment={"NOTIFY_SOCKET": place})
    first, second = tied(world, tcpd), tied(world, tcpd)
    tcpd.process.terminate()
    told(sock, "STOPPING=1")
    until(lambda: is_refused(tcpd.port), "nobody is let in")
    assert not (world.here / "tcp").exists() and echoes(first) and echoes(second)
    # The next one can take its places while it ends.
    world.daemon("ipc-tcpd", "--listen", f"127.0.0.1:{tcpd.port}")
    first.close()
    assert echoes(second) and tcpd.process.poll() is None
    assert told(sock, "STATUS=1 of 2048 connections, which may end")
    second.close()
    assert tcpd.process.wait(harness.PATIENCE) == 0 and (world.here / "tcp").exists()


def test_drain_leaves_the_socket_of_another_alone(world):
    world.pongd(world.here)
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--drain", "1000")
    stays = tied(world, tcpd)
    (world.here / "tcp").unlink()
    world.daemon("ipc-tcpd")
    tcpd.process.terminate()
    tcpd.says("may end within")
    until(lambda: is_refused(tcpd.port), "nobody is let in")
    assert (world.here / "tcp").exists()
    stays.close()
    assert tcpd.process.wait(harness.PATIENCE) == 0 and (world.here / "tcp").exists()


def test_drain_ends_those_who_stay(world):
    world.pongd(world.here)
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--drain", "0.3")
    web = world.daemon("ipc-websocketd", *PLACE["ipc-websocketd"], "--allow", "pong", environment={"IPC_WEBSOCKETD_DRAIN": "0.3"})
    stays, page = tied(world, tcpd), Client(world.tcp(web.port))
    for daemon in (tcpd, web):
        daemon.process.terminate()
        daemon.says("may end within 300 ms")
    assert is_over(stays) == b"" and page.is_closed(1001) == []
    assert tcpd.process.wait(harness.PATIENCE) == 0 and web.process.wait(harness.PATIENCE) == 0


def test_drain_of_websocketd_lets_a_page_go_on(world):
    world.pongd(world.here)
    path = world.directory / "web.sock"
    web = world.daemon("ipc-websocketd", "--listen", path, "--allow", "pong", "--drain", "1000")
    page = Client(world.local(path))
    web.process.terminate()
    until(lambda: not path.exists(), "the socket's file goes")
    page.echoes()
    page.send(8, b"\x03\xe8")
    page.is_closed(1000)
    assert web.process.wait(harness.PATIENCE) == 0


def test_drain_of_ipcd_answers_those_who_are_here(world):
    world.pongd(world.there)
    ipcd = world.daemon("ipcd", "--drain", "1000")
    asking = world.local(world.here / "network")
    assert "no route" in world.look_up("x", "", asking)
    ipcd.process.terminate()
    until(lambda: not (world.here / "network").exists(), "the socket's file goes")
    assert echoes(world.look_up("pong", f"pong unix://{world.there}/pong", asking))
    asking.close()
    assert ipcd.process.wait(harness.PATIENCE) == 0


def test_drain_without_clients_ends_at_once(world):
    for name in ALL:
        daemon = world.daemon(name, *PLACE[name], "--drain", "1000")
        assert daemon.stop()[0] == 0 and not list(world.here.iterdir())


def test_second_signal_ends_a_drain(world):
    world.pongd(world.here)
    for number in (signal.SIGTERM, signal.SIGINT):
        tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--drain", "1000")
        stays = tied(world, tcpd)
        tcpd.process.terminate()
        tcpd.says("may end within")
        assert echoes(stays) and tcpd.stop(number)[0] == 0 and is_over(stays) == b""
    tcpd = world.daemon("ipc-tcpd", *PLACE["ipc-tcpd"], "--allow", "pong", "--drain", "1000")
    stays = tied(world, tcpd)
    assert tcpd.stop(signal.SIGINT)[0] == 0 and is_over(stays) == b""


def test_drain_with_an_inherited_socket_leaves_its_file(world):
    network = world.listen(world.here / "network")
    script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
    ipcd = world.start(
        ["/bin/sh", "-c", script, harness.BINARIES / "ipcd", "--drain", "1000"],
        world.here,
        descriptors=(3,),
        before=lambda: os.dup2(network.fileno(), 3),
    )
    asking = world.local(world.here / "network")
    asking.sendall(frame(b"x;", 3, 3))
    assert b"no route" in read_frame(asking)[2]
    ipcd.process.terminate()
    ipcd.says("may end within")
    # Whoever comes now waits for the next one that serves.
    late = world.local(world.here / "network")
    asking.close()
    assert ipcd.process.wait(harness.PATIENCE) == 0 and (world.here / "network").exists()
    late.close()
