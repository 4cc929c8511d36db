"""Two machines (machines.py) with a delay of 20 ms between them, a daemon of each kind on both."""

import time

import harness
from harness import echoes, frame, until
from libipc import EventType, Message
from machines import Link

DELAY = 0.02


class Pair:
    """ipcd and ipc-tcpd on the first machine, ipc-tcpd with pong on the second."""

    def __init__(self, world, link, *options):
        self.world, (self.here, self.there) = world, link.machines
        world.start([*self.there.inside, harness.WORK / "pongd", "--quiet"], world.there)
        self.far = self.daemon(
            self.there, world.there, "ipc-tcpd", "--listen", f"{self.there.address}:9000", "--public", "--allow", "pong", *options
        )
        self.near = self.daemon(self.here, world.here, "ipc-tcpd", *options)
        self.ipcd = self.daemon(self.here, world.here, "ipcd")
        self.network = f"pong tcp://{self.there.address}:9000/pong !"
        self.idle = self.descriptors()

    def daemon(self, machine, rundir, name, *options):
        return self.world.start([*machine.inside, harness.BINARIES / name, "--log", "debug", *options], rundir)

    def descriptors(self):
        return [daemon.descriptors() for daemon in (self.far, self.near, self.ipcd)]

    def crossing(self, *arguments):
        return self.world.start(
            [*self.here.inside, harness.WORK / "crossing", *arguments],
            self.world.here,
            environment={"IPC_NETWORK": self.network},
            ready=False,
        )

    def connect(self):
        return self.world.connect("pong", self.network)

    def is_released(self, patience=harness.PATIENCE):
        until(lambda: self.descriptors() == self.idle, "every descriptor is released", patience)


def test_delay_is_there(world):
    with Link(world, DELAY) as link:
        pair = Pair(world, link)
        client = pair.connect()
        start = time.monotonic()
        assert echoes(client)
        assert time.monotonic() - start >= 2 * DELAY, "the link does not delay"


def test_thousand_messages(world):
    with Link(world, DELAY) as link:
        pair = Pair(world, link)
        process = pair.crossing("messages", 1000)
        assert process.process.wait(200) == 0, process.text()
        pair.is_released()


def test_thousand_round_trips(world):
    """One after the other, as requests are: and none of them waits for an acknowledgement (Nagle, delayed ACK)."""
    with Link(world, DELAY / 10) as link:
        pair = Pair(world, link)
        client = pair.connect()
        for number in range(1000):
            assert echoes(client, b"%d" % number)


def test_link_that_comes_back(world):
    """Down for some seconds, with data on its way: nothing is lost, no connection ends."""
    with Link(world, DELAY) as link:
        pair = Pair(world, link)
        client = pair.connect()
        assert echoes(client)
        flow = pair.crossing("messages", 1000)
        assert flow.process.stdout.readline() == b"there\n"
        link.is_up = False
        for number in range(10):
            client.tell(b"%d" % number)
        time.sleep(3)
        assert flow.process.poll() is None
        link.is_up = True
        for number in range(10):
            assert client.wait(harness.PATIENCE).message == Message(b"%d" % number)
        assert flow.process.wait(200) == 0, flow.text()
        client.close()
        pair.is_released()


def test_peer_that_vanishes_with_data_on_its_way(world):
    """Nothing says that the link is down: both sides give the peer up by --peer-timeout, and tell their clients."""
    with Link(world, DELAY) as link:
        pair = Pair(world, link, "--peer-timeout", "3")
        held = pair.connect()
        assert echoes(held)
        link.is_up = False
        held.tell(b"into the void")
        # The far side has nothing to send: its keep-alive probes find out.
        assert held.wait(harness.PATIENCE).type is EventType.DISCONNECTION
        pair.near.says("Connection timed out")
        held.close()
        pair.is_released()
        # And when it is back, all is as before.
        link.is_up = True
        again = pair.connect()
        assert echoes(again)
        again.close()
        pair.is_released()


def test_peer_that_takes_nothing_is_given_up(world):
    """A peer whose window stays closed."""
    server = world.listen(world.there / "pong")
    tcpd = world.tcpd("--peer-timeout", "2")
    idle = tcpd.descriptors()
    sock = world.tcp(tcpd.port)
    sock.sendall(b"pong\n")
    service = world.accept(server)
    try:
        while True:
            service.sendall(frame(b"x" * 1_000_000))
    except OSError:
        pass
    tcpd.says("Connection timed out")
    until(lambda: tcpd.descriptors() == idle, "the peer is given up")


def test_web_client_that_takes_nothing_is_given_up(world):
    """The same for ipc-websocketd, which has the option too."""
    server = world.listen(world.here / "pong")
    websocketd = world.daemon("ipc-websocketd", "--listen", "127.0.0.1:0", "--allow", "pong", "--peer-timeout", "2")
    idle = websocketd.descriptors()
    sock = world.tcp(websocketd.port)
    sock.sendall(
        f"GET /pong HTTP/1.1\r\nHost: 127.0.0.1:{websocketd.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    service = world.accept(server)
    try:
        while True:
            service.sendall(frame(b"x" * 1_000_000))
    except OSError:
        pass
    until(lambda: websocketd.descriptors() == idle, "the peer is given up")
