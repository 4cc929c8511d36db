"""Who may connect: real users (setpriv) and a proxy's workers, with the sockets' modes and groups that the options and the units give."""

import contextlib
import grp
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import harness
from harness import Skipped, until
from WebSocket.client import Client, request

# Users and groups are numbers: none of them has to be in the system's lists.
IPC, MEMBER, FRIEND, STRANGER = 61001, 61002, 61003, 61004
OFFERERS, ASKERS = 61100, 61200


@contextlib.contextmanager
def open_tree():
    """Programs and the run directory where every user finds them: the directory that the tests work in may be a private one."""
    if os.geteuid() != 0:
        raise Skipped("only root can become other users")
    if not shutil.which("setpriv"):
        raise Skipped("setpriv is not installed")
    with tempfile.TemporaryDirectory(prefix="libipc-") as name:
        tree = pathlib.Path(name)
        tree.chmod(0o755)
        for directory, files in (
            ("bin", [*harness.BINARIES.iterdir(), harness.WORK / "pongd", harness.WORK / "pong"]),
            ("lib", (harness.BINARIES.parent / "lib").glob("libipc.so*")),
        ):
            (tree / directory).mkdir()
            (tree / directory).chmod(0o755)
            for file in files:
                shutil.copy(file, tree / directory / file.name)
                (tree / directory / file.name).chmod(0o755)
        run = tree / "run"
        run.mkdir()
        # As tmpfiles.d has it: root:ipc 1775.
        os.chown(run, 0, OFFERERS)
        run.chmod(0o1775)
        yield tree


def account(user, *groups):
    """The first group is the user's own."""
    more = ["--groups", ",".join(str(group) for group in groups[1:])] if groups[1:] else ["--clear-groups"]
    return ["setpriv", "--reuid", str(user), "--regid", str(groups[0]), *more, "--no-new-privs", "--"]


MEMBERS, FRIENDS, STRANGERS = account(MEMBER, MEMBER, OFFERERS), account(FRIEND, FRIEND, ASKERS), account(STRANGER, STRANGER)


def environment(tree, **more):
    return {"LD_LIBRARY_PATH": str(tree / "lib"), "IPC_RUNDIR": str(tree / "run"), **more}


def offer(world, tree, command, **more):
    # The umask of a login: without an option a socket is open to its owner alone.
    return world.start(command, tree / "run", environment=environment(tree, **more), before=lambda: os.umask(0o022))


def ask(tree, who, *arguments, **more):
    """Runs pong as this user, with routes that count alone: what it said, or None after success."""
    done = subprocess.run(
        [*who, tree / "bin/pong", *arguments],
        env={**os.environ, **environment(tree, **more)},
        capture_output=True,
        text=True,
        cwd=tree,
        timeout=harness.PATIENCE,
    )
    return done.stderr + done.stdout if done.returncode else None


def test_three_users_share_the_services(world):
    """ipc runs the daemons, a member of its group offers a service, and one who is no member uses it in every way."""
    with open_tree() as tree:
        run, ipc = tree / "run", account(IPC, OFFERERS)
        offer(world, tree, [*ipc, tree / "bin/ipcd", "--log", "debug", "--socket-mode", "666"])
        tcpd = offer(
            world, tree, [*ipc, tree / "bin/ipc-tcpd", "--log", "debug", "--listen", "127.0.0.1:0", "--allow", "pong", "--socket-mode=600"]
        )
        offer(world, tree, [*MEMBERS, tree / "bin/pongd", "--quiet"], IPC_SOCKET_MODE="666")
        for socket_, owner, mode in (("network", IPC, 0o666), ("tcp", IPC, 0o600), ("pong", MEMBER, 0o666)):
            found = (run / socket_).stat()
            assert found.st_uid == owner and found.st_mode & 0o7777 == mode, (socket_, oct(found.st_mode))
        for route in ("", f"pong unix://{run}/pong !", "pong pong !", f"pong tcp://127.0.0.1:{tcpd.port}/pong !"):
            assert ask(tree, STRANGERS, IPC_NETWORK=route) is None, (route, ask(tree, STRANGERS, IPC_NETWORK=route))
        # What is not for them.
        assert "Permission denied" in ask(tree, STRANGERS, "tcp")
        refused = subprocess.run(
            [*STRANGERS, tree / "bin/pongd", "--quiet", "mine"],
            env={**os.environ, **environment(tree)},
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
        )
        assert refused.returncode != 0 and "Permission denied" in refused.stderr, refused
        assert subprocess.run([*MEMBERS, "rm", "-f", run / "network"], capture_output=True).returncode != 0, "the sticky bit is missing"
        assert (run / "network").exists() and not (run / "mine").exists()


def test_group_of_a_socket_says_who_may_ask(world):
    with open_tree() as tree:
        offer(world, tree, [*MEMBERS, tree / "bin/pongd", "--quiet", "far"], IPC_SOCKET_MODE="666")
        route = f"pong unix://{tree}/run/far !"
        for options, more in (
            (["--socket-mode", "660", "--socket-group", str(ASKERS)], {}),
            ([], {"IPCD_SOCKET_MODE": "660", "IPCD_SOCKET_GROUP": str(ASKERS)}),
            ([], {"IPC_SOCKET_MODE": "660", "IPC_SOCKET_GROUP": str(ASKERS)}),
            (["--socket-mode", "660", "--socket-group", str(ASKERS)], {"IPCD_SOCKET_MODE": "600", "IPC_SOCKET_MODE": "600"}),
        ):
            ipcd = offer(world, tree, [*account(IPC, OFFERERS, ASKERS), tree / "bin/ipcd", "--log", "debug", *options], **more)
            found = (tree / "run/network").stat()
            assert found.st_gid == ASKERS and found.st_mode & 0o7777 == 0o660, (options, more, oct(found.st_mode))
            assert ask(tree, FRIENDS, IPC_NETWORK=route) is None
            for who in (STRANGERS, MEMBERS):
                assert "it takes write permission on the socket" in ask(tree, who, IPC_NETWORK=route)
            assert ipcd.stop()[0] == 0
        # Without any option the umask says it.
        offer(world, tree, [*account(IPC, OFFERERS), tree / "bin/ipcd"])
        assert (tree / "run/network").stat().st_mode & 0o7777 == 0o755
        assert "Permission denied" in ask(tree, FRIENDS, IPC_NETWORK=route)


def test_group_that_the_daemon_may_not_give_is_an_error(world):
    with open_tree() as tree:
        for name, options in (("ipcd", []), ("ipc-tcpd", []), ("ipc-websocketd", ["--listen", tree / "run/web"])):
            done = subprocess.run(
                [*account(IPC, OFFERERS), tree / "bin" / name, *options, "--socket-group", str(ASKERS)],
                env={**os.environ, **environment(tree)},
                capture_output=True,
                text=True,
                timeout=harness.PATIENCE,
            )
            assert done.returncode == 1 and f"to the group {ASKERS}" in done.stderr and done.stdout == "", done
            assert not list((tree / "run").iterdir())


def test_group_and_mode_of_every_unix_socket_of_the_daemons(world):
    """Also of sockets that --listen names, and of each of them."""
    with open_tree() as tree:
        run = tree / "run"
        access = ["--socket-mode", "640", "--socket-group", str(ASKERS)]
        offer(world, tree, [tree / "bin/ipcd", *access])
        offer(world, tree, [tree / "bin/ipc-tcpd", *access])
        offer(world, tree, [tree / "bin/ipc-websocketd", *access, "--listen", run / "one", "--listen", run / "two"])
        for name in ("network", "tcp", "one", "two"):
            found = (run / name).stat()
            assert found.st_gid == ASKERS and found.st_mode & 0o7777 == 0o640, (name, oct(found.st_mode))


# The proxy

NGINX = """daemon off; user www-data; worker_processes 2; pid {tree}/nginx.pid; error_log {tree}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; {temporary}
    server {{
        listen unix:{tree}/front;
        location /ipc/ {{
            proxy_pass http://unix:{tree}/web/socket:/;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host $host;
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(world, tree):
    """The master is root, its workers are www-data."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        raise Skipped("nginx is not installed")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {tree}/temporary-{kind};" for kind in kinds)
    (tree / "nginx.conf").write_text(NGINX.format(tree=tree, temporary=temporary))
    master = subprocess.Popen([program, "-p", tree, "-c", tree / "nginx.conf"], stderr=subprocess.PIPE)
    try:
        until(lambda: (tree / "nginx.pid").exists() and (tree / "front").exists() or master.poll() is not None, "nginx is ready")
        assert master.poll() is None, master.stderr.read()
        yield tree / "front"
    finally:
        # SIGQUIT would leave workers with open connections.
        master.terminate()
        master.wait(harness.PATIENCE)
        master.stderr.close()


def answer(world, front):
    sock = world.local(front)
    sock.sendall(request("ipc/pong"))
    return sock.recv(12)


def test_workers_of_nginx_connect_through_the_socket_of_their_group(world):
    with open_tree() as tree:
        try:
            workers = grp.getgrnam("www-data").gr_gid
        except KeyError as error:
            raise Skipped("no group www-data, which nginx's workers are to have") from error
        offer(world, tree, [*MEMBERS, tree / "bin/pongd", "--quiet"], IPC_SOCKET_MODE="666")
        (tree / "web").mkdir()
        os.chown(tree / "web", IPC, OFFERERS)
        (tree / "web").chmod(0o755)
        ipc = account(IPC, OFFERERS, workers)
        web = [*ipc, tree / "bin/ipc-websocketd", "--log", "debug", "--listen", tree / "web/socket", "--allow", "pong"]
        with nginx(world, tree) as front:
            # Without the options: the fault.
            closed = offer(world, tree, web)
            assert answer(world, front) == b"HTTP/1.1 502"
            assert closed.stop()[0] == 0
            daemon = offer(world, tree, [*web, "--socket-mode", "660", "--socket-group", "www-data"])
            page = Client(world.local(front), "ipc/pong")
            page.echoes()
            assert daemon.stop()[0] == 0
            # As ipc-websocketd.socket has it: the service manager, root, has made the socket.
            server = world.keep(socket.socket(socket.AF_UNIX))
            server.bind(str(tree / "web/socket"))
            os.chown(tree / "web/socket", 0, workers)
            os.chmod(tree / "web/socket", 0o660)
            server.listen()
            script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
            command = [*account(IPC, OFFERERS), "/bin/sh", "-c", script, tree / "bin/ipc-websocketd", "--allow", "pong"]
            given = world.start(
                command, tree / "run", environment=environment(tree), descriptors=(3,), before=lambda: os.dup2(server.fileno(), 3)
            )
            Client(world.local(front), "ipc/pong").echoes()
            assert given.stop()[0] == 0 and (tree / "web/socket").exists()
