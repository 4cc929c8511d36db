"""Between two run directories: client -> ipcd -> ipc-tcpd -> TCP -> ipc-tcpd -> pong."""

import signal

from harness import PATIENCE, echoes, until


class Way:
    """Everything that stands between a client here and pong there."""

    def __init__(self, world, *options, host="127.0.0.1"):
        self.world = world
        self.pongd = world.pongd()
        self.far = world.tcpd(*options)
        self.near = world.daemon("ipc-tcpd", *options)
        self.ipcd = world.daemon("ipcd", *options)
        self.network = f"other unix:///x; pong tcp://{host}:{self.far.port}/pong;pongo tcp://127.0.0.1:1/x"
        self.idle = [process.descriptors() for process in self.daemons()]

    def daemons(self):
        return [self.far, self.near, self.ipcd]

    def crossing(self, *arguments):
        return self.world.crossing(*arguments, network=self.network)

    def works(self):
        process = self.crossing("messages", 5)
        assert process.process.wait(PATIENCE) == 0, process.text()

    def is_released(self):
        until(lambda: [process.descriptors() for process in self.daemons()] == self.idle, "every descriptor is released")

    def restart(self, process):
        """The daemon, killed, and started again where it was."""
        process.kill()
        if process is self.far:
            self.far = self.world.daemon("ipc-tcpd", "--listen", f"127.0.0.1:{process.port}", "--allow", "pong", rundir=self.world.there)
        elif process is self.near:
            self.near = self.world.daemon("ipc-tcpd")
        else:
            self.ipcd = self.world.daemon("ipcd")


def test_pong_crosses(world):
    way = Way(world)
    process = world.start([world.directory.parent / "pong"], world.here, environment={"IPC_NETWORK": way.network}, ready=False)
    assert process.process.wait(PATIENCE) == 0, process.text()
    way.is_released()


def test_host_by_name(world):
    way = Way(world, host="localhost")
    way.works()
    way.is_released()


def test_thousand_messages(world):
    way = Way(world)
    process = way.crossing("messages", 1000)
    assert process.process.wait(100) == 0, process.text()
    way.is_released()


def test_five_hundred_clients(world):
    way = Way(world)
    process = way.crossing("clients", 500)
    assert process.process.wait(100) == 0, process.text()
    way.is_released()
    assert way.ipcd.text().count("has its connection") == 500


def kill_in_the_middle(world, which):
    way = Way(world)
    flow = way.crossing("messages", 100_000)
    held = way.crossing("hold")
    for process in (flow, held):
        assert process.process.stdout.readline() == b"there\n"
    victim = getattr(way, which)
    way.restart(victim)
    if which == "ipcd":  # has no part in connections that stand
        assert held.process.poll() is None and flow.process.poll() is None
        flow.kill()
        held.kill()
    else:
        assert held.process.wait(PATIENCE) == 0, held.text()
        assert flow.process.wait(PATIENCE) == 1 and "left after" in flow.text(), flow.text()
    way.is_released()
    way.works()


def test_kill_far_tcpd(world):
    kill_in_the_middle(world, "far")


def test_kill_near_tcpd(world):
    kill_in_the_middle(world, "near")


def test_kill_ipcd(world):
    kill_in_the_middle(world, "ipcd")


def test_kill_service(world):
    way = Way(world)
    held = way.crossing("hold")
    assert held.process.stdout.readline() == b"there\n"
    way.pongd.kill()
    assert held.process.wait(PATIENCE) == 0, held.text()
    way.is_released()
    way.pongd = world.pongd()
    way.works()


def test_stop_in_the_middle(world):
    """SIGTERM, with traffic: within a second, and the client sees a disconnection."""
    way = Way(world)
    flow = way.crossing("messages", 100_000)
    held = way.crossing("hold")
    for process in (flow, held):
        assert process.process.stdout.readline() == b"there\n"
    for process in (way.far, way.near, way.ipcd):
        status, seconds = process.stop(signal.SIGTERM)
        assert status == 0 and seconds < 1, (status, seconds)
    assert held.process.wait(PATIENCE) == 0, held.text()
    assert flow.process.wait(PATIENCE) == 1 and "left after" in flow.text()
    assert not list(world.here.iterdir()), list(world.here.iterdir())


def test_connections_in_turn(world):
    """A hundred, one after the other, on one look-up connection: each descriptor goes."""
    way = Way(world)
    asking = world.local(world.here / "network")
    for _ in range(100):
        with world.look_up("pong", way.network, asking) as connection:
            assert echoes(connection)
    asking.close()
    way.is_released()
