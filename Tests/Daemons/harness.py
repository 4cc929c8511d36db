"""What the tests of the daemons share: a world of run directories and processes that is taken down after each test, frames, waits.

Nothing sleeps for a fixed time where something can be waited for: `until` polls with a deadline.
"""
import os
import pathlib
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

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


def send_cut(sock, whole, cut):
    """In two segments, which arrive apart as far as anybody can tell."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(whole[:cut])
    time.sleep(0.001)
    sock.sendall(whole[cut:])


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


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def frame(payload=b"", kind=2, user=0):
    return struct.pack(">BIB", kind, len(payload), user) + payload


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError(f"the end after {len(data)} of {count} bytes")
        data += piece
    return data


def read_frame(sock):
    kind, length, user = struct.unpack(">BIB", read_exactly(sock, 6))
    return kind, user, read_exactly(sock, length)


def is_over(sock):
    """Reads to the end; what came."""
    data = b""
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                return data
            data += piece
    except (ConnectionResetError, BrokenPipeError):
        return data


class Process:
    def __init__(self, world, command, rundir, environment=None, descriptors=(), before=None, ready=True):
        self.log = tempfile.NamedTemporaryFile(dir=world.directory, prefix=pathlib.Path(command[0]).name + ".", delete=False)
        full = {**os.environ, "IPC_RUNDIR": str(rundir), **(environment or {})}
        self.process = subprocess.Popen(
            [str(part) for part in command], env=full, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
            pass_fds=descriptors, preexec_fn=before)
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

    def look_up(self, service, routes, sock=None):
        """Asks ipcd: the reason, or the connection."""
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
    """Whether a message comes back through this connection."""
    sock.sendall(frame(payload, 2, user))
    return read_frame(sock) == (2, user, payload)
