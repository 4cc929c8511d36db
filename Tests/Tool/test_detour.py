"""ipc monitor and the socket of the service: it is back whatever ends the monitor, and nobody gets rights by it."""

import os
import signal
import socket
import struct
import subprocess

import harness
from frames import read_frame
from harness import Skipped, need_command, until
from tool import children


def test_the_socket_is_put_back(world):
    world.pong()
    os.chmod(world.here / "pong", 0o624)
    before = os.lstat(world.here / "pong")
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGHUP, 0), (signal.SIGKILL, -signal.SIGKILL)):
        monitor = world.monitor("pong")
        now = os.lstat(world.here / "pong")
        assert now.st_ino != before.st_ino and world.inode(".pong.real") == before.st_ino
        assert (now.st_mode, now.st_uid, now.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
        world.ipc("call", "pong", "x").is_(0, "x")
        assert monitor.stop(number) == status
        until(lambda: world.files() == ["pong"] and world.inode("pong") == before.st_ino, "the socket is back")
        world.ipc("call", "pong", "x").is_(0, "x")


def test_the_guard_is_killed_too(world):
    world.pong()
    monitor = world.monitor("pong")
    os.kill(children(monitor)[0], signal.SIGKILL)
    monitor.kill()
    result = world.ipc("monitor", "pong")
    assert result.status == 1, result.err
    mend = f"mv {world.here}/.pong.real {world.here}/pong"
    os.unlink(world.here / "pong")
    subprocess.run(mend.split(), check=True)
    world.ipc("call", "pong", "x").is_(0, "x")


def test_the_guard_alone_is_killed(world):
    world.pong()
    monitor = world.monitor("pong")
    os.kill(children(monitor)[0], signal.SIGKILL)
    assert monitor.stop(signal.SIGTERM) == 1
    monitor.says(f"ipc: pong: its socket could not be put back; mv {world.here}/.pong.real {world.here}/pong\n")


def test_a_socket_of_somebody_else_is_left_alone(world):
    world.pong()
    monitor = world.monitor("pong")
    os.unlink(world.here / "pong")
    other = world.raw("pong")
    inode = world.inode("pong")
    assert monitor.stop(signal.SIGTERM) == 1 and world.inode("pong") == inode
    other.close()


def test_one_monitor_at_a_time(world):
    world.pong()
    world.monitor("pong")
    world.ipc("monitor", "pong").is_(1, err="another ipc monitor is in front of it; if not, put its socket back: mv ")
    world.ipc("call", "pong", "x").is_(0, "x")


def test_no_service_and_wrong_usage(world):
    world.ipc("monitor", "nobody").is_(1, err=f"ipc: nobody: {world.here}/nobody: No such file or directory\n")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(world.here / "dead"))
    world.ipc("monitor", "dead").is_(1, err=f"ipc: dead: nobody listens at {world.here}/dead\n")
    (world.here / "file").touch()
    world.ipc("monitor", "file").is_(1, err="is no socket\n")
    world.ipc("monitor", "dead", "--output", "raw").is_(2, err="--output takes text or json")
    assert world.files() == ["dead", "file"]


def test_the_service_ends(world):
    pong = world.pong()
    monitor = world.monitor("pong")
    client = world.connect("pong")
    assert client.request(b"x").payload == b"x"
    pong.process.terminate()
    assert monitor.wait() == 1
    monitor.says("ipc: pong: the service has ended\n")
    # Its name is free for it again.
    world.pong()
    world.ipc("call", "pong", "y").is_(0, "y")


def test_the_service_ends_without_clients(world):
    pong = world.pong()
    monitor = world.monitor("pong")
    pong.process.kill()
    assert monitor.wait() == 1


def test_another_name(world):
    world.pong()
    inode = world.inode("pong")
    monitor = world.monitor("pong", "--as", "spy")
    assert os.stat(world.here / "spy").st_mode & 0o777 == 0o600 and world.inode("pong") == inode
    world.ipc("call", "spy", "x").is_(0, "x")
    monitor.shows("#1 leaves")
    assert monitor.stop(signal.SIGTERM) == 0 and world.files() == ["pong"]
    world.ipc("monitor", "pong", "--as", "pong").is_(1, err="ipc: pong: ")


def test_another_name_for_another_machine(world):
    world.daemon("ipcd")
    world.pongd()
    network = f"far unix://{world.there}/pong !;nix unix://{world.there}/nix !"
    monitor = world.monitor("far", "--as", "spy", environment={"IPC_NETWORK": network})
    world.ipc("call", "spy", "x").is_(0, "x")
    monitor.shows("< 2/0 1 x\n")
    refused = world.monitor("nix", "--as", "none", environment={"IPC_NETWORK": network})
    assert world.ipc("call", "none", "x").status == 1
    refused.shows("is turned away: ")


def test_root_connects_as_the_user_of_the_client(world):
    with world.open_to_all():
        server = world.raw()
        os.chmod(world.here / "raw", 0o777)
        world.monitor("raw")
        world.begin("call", "raw", "x", user=61001)
        service = world.accept(server)
        assert read_frame(service)[2] == b"x"
        credentials = service.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        assert struct.unpack("iII", credentials)[1:] == (61001, 61001)


def test_other_users_do_not_get_the_rights_of_whoever_monitors(world):
    with world.open_to_all():
        world.begin("listen", "up", "--exec", "cat", user=61001, environment={"IPC_SOCKET_MODE": "777"}).says("listens at")
        monitor = world.monitor("up", user=61001)
        assert world.ipc("call", "up", "x", user=61002).status == 1
        monitor.shows("#1 leaves: is turned away: the service would take it for this user; root can monitor all users\n")
        world.ipc("call", "up", "x", user=61001).is_(0, "x")
        assert monitor.stop(signal.SIGTERM) == 0
        assert world.files() == ["up"]


def test_who_does_not_own_the_socket_cannot(world):
    with world.open_to_all():
        world.raw()
        inode = world.inode("raw")
        result = world.ipc("monitor", "raw", user=61001)
        result.is_(1, err="cannot get a second name: ")
        assert world.files() == ["raw"] and world.inode("raw") == inode


def test_nobody_reads_what_is_shown(world):
    world.pong()
    read, write = os.pipe()
    monitor = world.monitor("pong", out=write)
    os.close(write)
    os.close(read)
    world.ipc("call", "pong", "x")
    assert monitor.wait() == 0 and world.files() == ["pong"]


def test_a_reader_that_is_slow_does_not_keep_it(world):
    world.pong()
    read, write = os.pipe()
    monitor = world.monitor("pong", "--full", out=write)
    os.close(write)
    client = world.connect("pong")
    client.tell(b"x" * 1000000)
    assert os.read(read, 1)
    assert monitor.stop(signal.SIGTERM) == 0 and world.files() == ["pong"]
    os.close(read)


def test_the_service_ends_where_the_kernel_does_not_tell(world):
    need_command("unshare")
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        raise Skipped("no network namespace can be made here")
    pong = world.start(["unshare", "--net", harness.WORK / "pongd", "--quiet"], world.here)
    monitor = world.monitor("pong")
    world.ipc("call", "pong", "x").is_(0, "x")
    pong.process.kill()
    pong.process.wait()
    assert world.ipc("call", "pong", "x").status == 1
    assert monitor.wait() == 1
    monitor.says("ipc: pong: the service has ended\n")
