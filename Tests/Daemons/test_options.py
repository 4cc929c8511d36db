"""Values of options: what each means, and that a value that makes no sense is refused with status 2 and a text that says what to write."""

import os
import socket
import subprocess

import harness
from harness import Skipped, frame, is_over, need_ipv6, read_exactly, read_frame

ALL = ("ipcd", "ipc-tcpd", "ipc-websocketd")
NETWORK = ALL[1:]
SWITCHES = [("ipc-tcpd", "public"), ("ipc-websocketd", "public"), ("ipc-websocketd", "no-page")]


def variable(name, option):
    return f"{name}-{option}".replace("-", "_").upper()


def refused(world, name, *options, **environment):
    """With status 2, before anything was left behind: what it said."""
    done = subprocess.run(
        [harness.BINARIES / name, *options],
        env={**os.environ, "IPC_RUNDIR": str(world.here), **environment},
        capture_output=True,
        text=True,
        timeout=harness.PATIENCE,
    )
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and done.stdout == "" and last.startswith(f"{name}: error: "), (name, options, environment, done)
    assert not list(world.here.iterdir()), list(world.here.iterdir())
    return last


def test_switch_takes_eight_words(world):
    for name in NETWORK:
        for words, listens in ((("1", "yes", "true", "on"), True), (("0", "no", "false", "off", ""), False)):
            for word in words:
                for where in ("argument", "environment"):
                    if word == "" and where == "argument":
                        continue
                    options, environment = ["--listen", "0.0.0.0:0"], {}
                    if where == "argument":
                        options.append(f"--public={word}")
                    else:
                        environment[variable(name, "public")] = word
                    if listens:
                        assert "0.0.0.0:" in world.daemon(name, *options, environment=environment).stop_ready()
                    else:
                        assert "needs --public" in refused(world, name, *options, **environment)


def test_switch_with_another_word_is_refused(world):
    for name, switch in SWITCHES:
        for word in ("maybe", "YES", "No", "2", "y", "enabled", "yes ", "-1", "00"):
            for said in (refused(world, name, f"--{switch}={word}"), refused(world, name, **{variable(name, switch): word})):
                assert f"--{switch} takes 1, yes, true or on, or 0, no, false or off" in said, said
        assert "takes 1, yes" in refused(world, name, f"--{switch}=")
    for name in ALL:
        assert "takes no value" in refused(world, name, "--version=yes")


def test_last_switch_counts(world):
    tcpd = world.daemon("ipc-tcpd", "--listen", "0.0.0.0:0", "--public=no", "--public")
    assert "0.0.0.0:" in tcpd.stop_ready()
    assert "needs --public" in refused(world, "ipc-tcpd", "--listen", "0.0.0.0:0", "--public", "--public=off")
    assert "needs --public" in refused(world, "ipc-tcpd", "--listen", "0.0.0.0:0", "--public=off", IPC_TCPD_PUBLIC="yes")


def test_port_above_65535_is_refused(world):
    for name in NETWORK:
        for port in ("65536", "74616", "99999", "165536", "-1", "+80", "0x50", "http", ""):
            for host in ("127.0.0.1", "[::1]", "localhost"):
                assert "a port from 0 to 65535" in refused(world, name, "--listen", f"{host}:{port}"), port
    assert world.daemon("ipc-tcpd", "--listen", "127.0.0.1:65535").port == 65535


def test_port_above_65535_in_a_uri_is_refused(world):
    """98931 is 33395 modulo 65536."""
    server = world.keep(socket.create_server(("127.0.0.1", 0)))
    port = server.getsockname()[1]
    tcpd = world.daemon("ipc-tcpd")
    for wrong in (port + 65536, 65536, 98931, 99999):
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(f"tcp://127.0.0.1:{wrong}/pong".encode(), 3, 3))
        assert b"is no tcp://HOST:PORT/SERVICE" in read_frame(sock)[2]
    for wrong in ("*", "[*]"):
        sock = world.local(world.here / "tcp")
        sock.sendall(frame(f"tcp://{wrong}:{port}/pong".encode(), 3, 3))
        assert b"is no tcp://HOST:PORT/SERVICE" in read_frame(sock)[2]
    sock = world.local(world.here / "tcp")
    sock.sendall(frame(f"tcp://127.0.0.1:{port}/pong".encode(), 3, 3))
    assert read_exactly(world.accept(server), 5) == b"pong\n" and tcpd.process.poll() is None


def test_place_that_is_none_is_refused(world):
    for name in NETWORK:
        for place in (
            "",
            "..",
            ".",
            "*:0",
            "[*]:0",
            "*",
            ":0",
            "127.0.0.1",
            "::1:0",
            "[]:0",
            "[localhost]:0",
            "[[::1]]:0",
            "a" * 256 + ":0",
        ):
            assert "write HOST:PORT or [IPv6]:PORT" in refused(world, name, "--listen", place, "--public"), place
    assert "a path with a slash" in refused(world, "ipc-websocketd", "--listen", "socket")


def test_name_that_no_service_has_is_refused(world):
    for name in NETWORK:
        for service in ("", ".", "..", "a/../b", "./a", "pong/", "/", "a\nb", "a\x7fb", "x" * 5000):
            assert "no service can have this name" in refused(world, name, "--listen", "127.0.0.1:0", "--allow", service), service
        assert "--allow '..'" in refused(world, name, **{variable(name, "allow"): "pong .."})
        # A name with a directory is one.
        assert "127.0.0.1:" in world.daemon(name, "--listen", "127.0.0.1:0", "--allow", "music/pong").stop_ready()


def test_mode_and_group_that_are_none_are_refused(world):
    for name in ALL:
        for mode in ("888", "1777", "rw", "", "-1", "0x1ff", "00660"):
            assert "write up to 777 in octal digits" in refused(world, name, "--socket-mode", mode), mode
        assert "octal digits" in refused(world, name, **{variable(name, "socket-mode"): "9"})
        assert "octal digits" in refused(world, name, IPC_SOCKET_MODE="9")
        for group in ("no-such-group", "", "-1", "4294967295", "99999999999999999999", "0x0"):
            assert "no group of this machine" in refused(world, name, "--socket-group", group), group


def test_name_with_an_absent_address_listens_at_the_other(world):
    """In namespaces of its own: localhost has two addresses, and IPv6 is switched off."""
    hosts = world.directory / "hosts"
    hosts.write_text("127.0.0.1 localhost both\n::1 localhost both\n::1 neither\n")
    begin = (
        f"mount --bind {hosts} /etc/hosts && ip link set lo up && "
        "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6 && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
    )
    unshare = ["unshare", "-mn"] if os.geteuid() == 0 else ["unshare", "-rmn"]
    try:
        able = subprocess.run([*unshare, "/bin/sh", "-c", begin], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Skipped("unshare is not installed") from error
    if able.returncode != 0:
        raise Skipped(f"no namespaces: {able.stderr.strip()}")
    command = [*unshare, "/bin/sh", "-c", begin + ' && exec "$0" "$@"']
    for name in NETWORK:
        daemon = world.start([*command, harness.BINARIES / name, "--listen", "localhost:0"], world.here)
        assert " 127.0.0.1:" in daemon.ready and "[::1]" not in daemon.ready, daemon.ready
        daemon.says("--listen 'localhost:0': cannot listen at [::1]:0: Cannot assign requested address; it listens at its other addresses")
        assert daemon.stop()[0] == 0
        none = world.start([*command, harness.BINARIES / name, "--listen", "neither:0"], world.here, ready=False)
        assert none.process.wait(harness.PATIENCE) == 1 and "cannot listen at [::1]:0" in none.text(), none.text()


def test_name_with_two_addresses_listens_at_both(world):
    need_ipv6()
    hosts = world.directory / "hosts"
    # An address that is there twice is no error.
    hosts.write_text("127.0.0.1 localhost\n127.0.0.1 localhost\n::1 localhost\n")
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    begin = f"mount --bind {hosts} /etc/hosts"
    try:
        able = subprocess.run([*unshare, "/bin/sh", "-c", begin], capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Skipped("unshare is not installed") from error
    if able.returncode != 0:
        raise Skipped(f"no namespaces: {able.stderr.strip()}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        # A live server at one of them is no reason to listen at the other alone.
        taken = world.start(
            [*unshare, "/bin/sh", "-c", begin + ' && exec "$0" "$@"', harness.BINARIES / "ipc-tcpd", "--listen", f"localhost:{port}"],
            world.there,
            ready=False,
        )
        assert taken.process.wait(harness.PATIENCE) == 1 and "Address already in use" in taken.text(), taken.text()
    daemon = world.start(
        [*unshare, "/bin/sh", "-c", begin + ' && exec "$0" "$@"', harness.BINARIES / "ipc-tcpd", "--listen", f"localhost:{port}"],
        world.there,
    )
    assert f" 127.0.0.1:{port}" in daemon.ready and f" [::1]:{port}" in daemon.ready, daemon.ready
    for host in ("127.0.0.1", "::1"):
        sock = world.tcp(port, host)
        sock.sendall(b"pong\n")
        assert b"not to be reached" in is_over(sock)


def test_environment_of_each_option(world):
    """Every option that --help shows can be set in the environment, where a wrong value is refused as well."""
    numbers = ("drain", "max-connections", "max-per-peer", "hello-time", "connect-time", "idle-time", "ready-fd")
    for name in ALL:
        shown = subprocess.run([harness.BINARIES / name, "--help"], capture_output=True, text=True, timeout=harness.PATIENCE).stdout
        for option in numbers:
            assert f"  --{option} " in shown, option
            assert f"--{option} " in refused(world, name, **{variable(name, option): "x"})
