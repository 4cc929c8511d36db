"""Services of another machine through what others use for that: ssh -L of a Unix socket, stunnel with client certificates, HAProxy."""

import getpass
import os
import signal
import socket
import subprocess

import harness
from harness import accepts, echoes, expects, frame, free_port, is_over, need_command, read_exactly, until
from libipc import ClosedError, ConnectError, EventType


def is_served(path):
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


def quietly(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, **more)
    assert done.returncode == 0, (command, done.stdout, done.stderr)


def crosses(world, network):
    """A thousand messages by this route, through libipc and ipcd."""
    process = world.crossing("messages", 1000, network=network)
    assert process.process.wait(100) == 0, process.text()
    assert "done" in process.process.stdout.read().decode()


# MARK: ssh


class SSH:
    """An sshd of the test's own, at a free port of the loopback, that knows one key."""

    def __init__(self, world):
        sshd, keygen, self.ssh = need_command("sshd"), need_command("ssh-keygen"), need_command("ssh")
        self.world, self.directory, self.port = world, world.directory, free_port()
        for name in ("host", "user"):
            quietly(keygen, "-q", "-t", "ed25519", "-N", "", "-f", self.directory / name)
        (self.directory / "known").write_text(f"[127.0.0.1]:{self.port} " + (self.directory / "host.pub").read_text())
        config = self.directory / "sshd_config"
        config.write_text(f"""
            ListenAddress 127.0.0.1:{self.port}
            HostKey {self.directory}/host
            AuthorizedKeysFile {self.directory}/user.pub
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            AllowStreamLocalForwarding local
        """)
        # Debian's sshd wants its directory to be there.
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        world.start([sshd, "-D", "-e", "-f", config], world.there, ready=False)
        until(lambda: accepts(self.port), "sshd listens")

    def forward(self, near, far):
        """The man page's command: the socket `near` here leads to the socket `far` there."""
        client = self.world.start(
            [
                self.ssh,
                "-F",
                "none",
                "-N",
                "-i",
                self.directory / "user",
                "-p",
                self.port,
                "-o",
                f"UserKnownHostsFile={self.directory}/known",
                "-o",
                "ExitOnForwardFailure=yes",
                "-o",
                "StreamLocalBindUnlink=yes",
                "-L",
                f"{near}:{far}",
                f"{getpass.getuser()}@127.0.0.1",
            ],
            self.world.here,
            ready=False,
        )
        until(lambda: is_served(near), f"ssh listens at {near}: {client.text()}")
        return client


def test_service_through_ssh(world):
    ssh = SSH(world)
    world.pongd()
    world.daemon("ipcd")
    near = world.here / "far-pong"
    client = ssh.forward(near, world.there / "pong")
    network = f"pong unix://{near} !"
    crosses(world, network)
    # The tunnel is gone, and comes back.
    client.stop(signal.SIGTERM)
    with expects(ConnectError, "connect"):
        world.connect("pong", network)
    ssh.forward(near, world.there / "pong")
    assert echoes(world.connect("pong", network))


def test_service_that_is_not_there_through_ssh(world):
    """ssh takes the connection before it knows: the client has a connection that ends."""
    ssh = SSH(world)
    world.daemon("ipcd")
    near = world.here / "far-pong"
    ssh.forward(near, world.there / "pong")
    assert world.connect("pong", f"pong unix://{near}").wait(harness.PATIENCE).type is EventType.DISCONNECTION


# MARK: stunnel


class Certificates:
    """An authority of the test's own, with a certificate for each name; `stranger` has one of another authority."""

    def __init__(self, world):
        self.openssl, self.directory = need_command("openssl"), world.directory
        for authority in ("authority", "other"):
            self.run(
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
                "-subj",
                f"/CN={authority}",
                "-keyout",
                f"{authority}.key",
                "-out",
                f"{authority}.pem",
            )
        for name, authority in (("server", "authority"), ("client", "authority"), ("stranger", "other")):
            self.run(
                "req",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                f"/CN={name}",
                "-keyout",
                f"{name}.key",
                "-out",
                f"{name}.csr",
            )
            self.run(
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                f"{name}.csr",
                "-CA",
                f"{authority}.pem",
                "-CAkey",
                f"{authority}.key",
                "-CAcreateserial",
                "-out",
                f"{name}.pem",
            )

    def run(self, *arguments):
        quietly(self.openssl, *arguments, cwd=self.directory)


def stunnel(world, section, cert, accept, connect, *lines):
    path = world.directory / f"{section}-{cert}.conf"
    text = f"""
        foreground = yes
        pid =
        [{section}]
        accept = 127.0.0.1:{accept}
        connect = 127.0.0.1:{connect}
        cert = {world.directory}/{cert}.pem
        key = {world.directory}/{cert}.key
        CAfile = {world.directory}/authority.pem
        verifyChain = yes
    """ + "\n".join(lines)
    path.write_text("\n".join(line.strip() for line in text.splitlines()) + "\n")
    process = world.start([need_command("stunnel"), path], world.there, ready=False)
    until(lambda: accepts(accept), f"stunnel listens: {process.text()}")
    return process


def test_tcpd_inside_stunnel(world):
    need_command("stunnel")
    Certificates(world)
    world.pongd()
    far = world.tcpd()
    world.daemon("ipc-tcpd")
    world.daemon("ipcd")
    tls, plain = free_port(), free_port()
    server = stunnel(world, "server", "server", tls, far.port)
    stunnel(world, "client", "client", plain, tls, "client = yes", "checkHost = server")
    crosses(world, f"pong tcp://127.0.0.1:{plain}/pong !")
    # A client without ipc-tcpd of its own.
    sock = world.tcp(plain)
    sock.sendall(b"pong\n" + frame(b"hello", 2, 7))
    assert read_exactly(sock, 2) == b"OK" and read_exactly(sock, 11) == frame(b"hello", 2, 7)
    sock.close()
    # Who has no certificate of the authority's gets no further than TLS.
    strange = free_port()
    stunnel(world, "client", "stranger", strange, tls, "client = yes")
    connections = far.text().count("is connected")
    sock = world.tcp(strange)
    sock.sendall(b"pong\n")
    assert is_over(sock) == b""
    server.says("certificate verify failed")
    assert far.text().count("is connected") == connections


# MARK: HAProxy


def haproxy(world, port, *servers):
    path = world.directory / "haproxy.cfg"
    path.write_text(
        f"""
global
    stats socket {world.directory}/haproxy.sock
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    retries 2
    option redispatch
frontend ipc
    bind 127.0.0.1:{port}
    default_backend machines
backend machines
    balance roundrobin
"""
        + "".join(f"    server machine{number} 127.0.0.1:{each} check inter 100ms\n" for number, each in enumerate(servers))
    )
    process = world.start([need_command("haproxy"), "-db", "-f", path], world.there, ready=False)
    until(lambda: accepts(port), f"haproxy listens: {process.text()}")
    return process


def test_haproxy_before_tcpd(world):
    """Two machines with the same service behind one address: both are used, and one is enough."""
    world.pongd()
    other = world.directory / "other"
    other.mkdir()
    world.pongd(other)
    first, second = world.tcpd(), world.tcpd(rundir=other)
    world.daemon("ipc-tcpd")
    world.daemon("ipcd")
    port = free_port()
    haproxy(world, port, first.port, second.port)
    network = f"pong tcp://127.0.0.1:{port}/pong !"
    crosses(world, network)
    clients = [world.connect("pong", network) for _ in range(6)]
    assert all(echoes(client) for client in clients)
    assert all("is connected to pong" in daemon.text() for daemon in (first, second))
    # One that stops writing gets its answer through it, too.
    sock = world.tcp(port)
    sock.sendall(b"pong\n" + frame(b"hello", 2, 7))
    sock.shutdown(socket.SHUT_WR)
    assert is_over(sock) == b"OK" + frame(b"hello", 2, 7)
    # HAProxy's health checks find out that a machine is gone.
    first.stop()

    def works():
        try:
            return echoes(world.connect("pong", network))
        except (ConnectError, ClosedError):
            return False

    until(lambda: all([works() for _ in range(4)]), "the other machine is enough")
