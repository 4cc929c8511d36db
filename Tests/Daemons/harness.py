"""What the tests of the daemons share: a world of run directories and processes that is taken down after each test, frames, waits.

Clients and services that behave are libipc's, through its binding for Python: `World.connect` and `World.offer`. Those that do not, or that
look at how a stream is cut or ends, have a socket and write frames by hand.
Nothing sleeps for a fixed time where something can be waited for: `until` polls with a deadline.
"""

import contextlib
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import libipc
from frames import frame, is_over, read_exactly, read_frame, send_cut  # noqa: F401
from libipc import EventType

BINARIES = WORK = None
PATIENCE = 20  # seconds, for what happens at once


class Skipped(Exception):
    """Why this machine cannot have the test."""


def need_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError as error:
        raise Skipped(f"no IPv6 loopback: {error}") from error


def need_command(name):
    """The path of a program that the test needs."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise Skipped(f"{name} is not installed")
    return path


def until(condition, what="a condition", patience=PATIENCE):
    """Waits until `condition()` is true; returns it."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience} s")
        time.sleep(0.01)


@contextlib.contextmanager
def expects(kind, text):
    """What is done in it fails, with an exception of this kind that says so."""
    try:
        yield
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Service(libipc.Service):
    """A service of a test's own, step by step: each call waits for what it names, and keeps what comes before that. It sends from any
    thread."""

    def __init__(self, name):
        super().__init__(name)
        self.kept = []

    def expect(self, kind, fd=None):
        """The next event of this type, of any connection or of this one."""
        while True:
            for event in self.kept:
                if event.type is kind and fd in (None, event.fd):
                    self.kept.remove(event)
                    return event
            event = self.wait(PATIENCE)
            assert event.type is not EventType.TIMER, f"no {kind.name}; there was {self.kept}"
            self.kept.append(event)

    def accept(self):
        """The descriptor of the next client."""
        return self.expect(EventType.CONNECTION).fd

    def read(self, fd):
        """The next message of a client, as `read_frame` gives it."""
        message = self.expect(EventType.MESSAGE, fd).message
        return message.type, message.user_type, message.payload

    def tell(self, fd, payload, user=0):
        """Sends a message, and waits until the kernel has taken it."""
        self.send(fd, payload, user)
        self.flush(connection=fd)


class Process:
    def __init__(self, world, command, rundir, environment=None, descriptors=(), before=None, ready=True):
        self.log = tempfile.NamedTemporaryFile(dir=world.directory, prefix=pathlib.Path(command[0]).name + ".", delete=False)
        full = {**os.environ, "IPC_RUNDIR": str(rundir), **(environment or {})}
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=full,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            pass_fds=descriptors,
            preexec_fn=before,
        )
        self.pid, self.ready = self.process.pid, ""
        if ready:
            self.ready = self.process.stdout.readline().decode()
            assert self.ready.startswith("ready"), f"{command} did not get ready: {self.ready!r}"

    @property
    def port(self):
        return int(self.ready.rsplit(":", 1)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def processor_time(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def text(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def says(self, text):
        until(lambda: text in self.text(), f"the log says {text!r}")

    def stop(self, number=signal.SIGTERM):
        """Returns the exit status, and how long it took."""
        start = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), time.monotonic() - start

    def stop_ready(self):
        """Stops it; its ready line."""
        assert self.stop()[0] == 0
        return self.ready

    def kill(self):
        self.process.kill()
        self.process.wait()


class World:
    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=WORK, prefix="w"))
        self.here, self.there = self.directory / "here", self.directory / "there"
        self.here.mkdir()
        self.there.mkdir()
        self.processes, self.sockets = [], []
        return self

    def __exit__(self, kind, *_):
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
            process.process.stdout.close()
        for sock in self.sockets:
            sock.close()
        self._logs = [f"-- {process.log.name}\n{process.text()[-3000:]}" for process in self.processes] if kind else []
        shutil.rmtree(self.directory)

    def logs(self):
        return self._logs

    def start(self, command, rundir, **more):
        process = Process(self, command, rundir, **more)
        self.processes.append(process)
        return process

    def daemon(self, name, *options, rundir=None, **more):
        return self.start([BINARIES / name, "--log", "debug", *options], rundir or self.here, **more)

    def tcpd(self, *options, allow=("pong",), rundir=None, **more):
        names = [part for name in allow for part in ("--allow", name)]
        return self.daemon("ipc-tcpd", "--listen", "127.0.0.1:0", *names, *options, rundir=rundir or self.there, **more)

    def pongd(self, rundir=None):
        return self.start([WORK / "pongd", "--quiet"], rundir or self.there)

    def crossing(self, *arguments, network):
        """The C client, in `here`."""
        return self.start([WORK / "crossing", *arguments], self.here, environment={"IPC_NETWORK": network}, ready=False)

    def keep(self, sock):
        """Closes it with the world; nothing on it takes for ever."""
        sock.settimeout(PATIENCE)
        self.sockets.append(sock)
        return sock

    def tcp(self, port, host="127.0.0.1"):
        return self.keep(socket.create_connection((host, port), PATIENCE))

    def local(self, path):
        sock = self.keep(socket.socket(socket.AF_UNIX))
        sock.connect(str(path))
        return sock

    def listen(self, path):
        sock = self.keep(socket.socket(socket.AF_UNIX))
        sock.bind(str(path))
        sock.listen(128)
        return sock

    def accept(self, server):
        return self.keep(server.accept()[0])

    @contextlib.contextmanager
    def environment(self, rundir, network=None):
        """What a program's environment says to the library."""
        os.environ["IPC_RUNDIR"] = str(rundir)
        if network is not None:
            os.environ["IPC_NETWORK"] = network
        try:
            yield
        finally:
            del os.environ["IPC_RUNDIR"]
            os.environ.pop("IPC_NETWORK", None)

    def connect(self, name, network=None):
        """A client in `here`, as programs are: by the routes of `network`, if there are any. ConnectError says why it is refused."""
        with self.environment(self.here, network):
            client = libipc.Client(name)
        self.sockets.append(client)
        return client

    def offer(self, name, rundir=None):
        """A service of the test's own, in `here` or elsewhere."""
        with self.environment(rundir or self.here):
            service = Service(name)
        self.sockets.append(service)
        return service

    def look_up(self, service, routes, sock=None):
        """Asks ipcd by hand: the reason, or the connection."""
        sock = sock or self.local(self.here / "network")
        sock.sendall(frame(f"{service};{routes}".encode(), 3, 3))
        return self.answer(sock)

    def answer(self, sock):
        _, _, text = read_frame(sock)
        if text != b"OK":
            return text.decode()
        data, passed, _, _ = socket.recv_fds(sock, 1, 1)
        assert data == b"\0" and len(passed) == 1, (data, passed)
        connection = socket.socket(fileno=passed[0])
        connection.settimeout(PATIENCE)
        self.sockets.append(connection)
        return connection


def limited(descriptors):
    """For a process with few descriptors."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))


def echoes(sock, payload=b"hello", user=7):
    """Whether a message comes back through this connection, a client's or a socket."""
    if isinstance(sock, libipc.Client):
        return sock.request(payload, user, timeout=PATIENCE) == libipc.Message(payload, user)
    sock.sendall(frame(payload, 2, user))
    return read_frame(sock) == (2, user, payload)
