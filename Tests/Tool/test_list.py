"""ipc list: who lives, without a word to anybody."""

import os
import socket
import subprocess

import harness
from harness import Skipped, need_command


def left_behind(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fsencode(path))
        sock.listen()


def states(world, *arguments, **more):
    return {row["name"]: row["state"] for row in world.ipc("list", "--json", *arguments, **more).objects}


def is_undisturbed(listener):
    listener.setblocking(False)
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def test_live_and_stale_with_owner_and_mode(world):
    world.pong()
    left_behind(world.here / "dead")
    os.chmod(world.here / "dead", 0o4640)
    (world.here / "file").touch()
    rows = world.ipc("list", "--output", "json").objects
    assert [(row["name"], row["state"]) for row in rows] == [("dead", "stale"), ("pong", "live")]
    assert rows[0]["mode"] == "4640" and rows[0]["uid"] == os.getuid() and rows[1]["path"] == str(world.here / "pong")
    lines = world.ipc("list").text.splitlines()
    assert lines[0].split() == ["STATE", "OWNER", "GROUP", "MODE", "WAITING", "NAME"]
    assert lines[1].startswith("stale") and lines[1].endswith("4640 -       dead") and lines[2].startswith("live ")
    world.ipc("list", "--names").is_(0, "pong\n")


def test_a_live_service_is_not_disturbed(world):
    listener = world.raw("one")
    os.rename(world.here / "one", world.here / "two")
    os.symlink(world.here, world.there / "link")
    assert states(world) == {"two": "live"}
    assert states(world, IPC_RUNDIR=str(world.there / "link")) == {"two": "live"}
    assert is_undisturbed(listener)


def test_a_stale_socket_with_the_path_of_a_live_one(world):
    listener = world.raw("one")
    os.rename(world.here / "one", world.here / "two")
    left_behind(world.here / "one")
    assert states(world) == {"one": "stale", "two": "live"}
    assert is_undisturbed(listener)


def test_clients_that_wait_are_counted(world):
    world.raw("busy")
    for _ in range(3):
        world.local(world.here / "busy")
    assert world.ipc("list", "--json").objects[0]["waiting"] == 3


def test_another_network_namespace(world):
    need_command("unshare")
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        raise Skipped("no network namespace can be made here")
    world.start(["unshare", "--net", harness.WORK / "pongd", "--quiet"], world.here)
    left_behind(world.here / "dead")
    assert states(world) == {"dead": "stale", "pong": "live"}


def test_a_service_that_may_not_be_asked(world):
    with world.open_to_all():
        left_behind(world.here / "dead")
        os.chmod(world.here / "dead", 0o700)
        assert [row["state"] for row in world.ipc("list", "--json", user=61001).objects] == ["unknown"]
        assert world.ipc("list", "dead", user=61001).status == 1


def test_names_of_all_kinds(world):
    names = [b"a\xffb", b"e\x1b[31m", "grün".encode(), b'q"\\']
    for name in names:
        left_behind(os.fsencode(world.here) + b"/" + name)
    (world.here / "of").mkdir()
    left_behind(world.here / "of" / "two")
    rows = world.ipc("list", "--json").objects
    assert [row.get("name", row.get("name_hex")) for row in rows] == ["61ff62", "e\x1b[31m", "grün", "of/two", 'q"\\']
    text = world.ipc("list").text
    assert "\x1b" not in text and "e\\x1b[31m" in text and "a\\xffb" in text and "grün" in text


def test_services_that_are_named(world):
    world.pong()
    left_behind(world.here / "dead")
    assert world.ipc("list", "pong").status == 0
    result = world.ipc("list", "--names", "pong", "dead", "nobody")
    result.is_(1, "pong\n", "ipc: dead: the service has ended, and left its socket behind\nipc: nobody: there is no such service\n")


def test_no_directory_and_wrong_usage(world):
    world.ipc("list", IPC_RUNDIR=str(world.there / "none")).is_(1, err="none/: No such file or directory; no service has run there")
    world.ipc("list", "--output", "xml").is_(2, err="ipc: --output takes text or json\n")
    world.ipc("list", "--long").is_(2, err="--long is no option of ipc list; see ipc list --help")
    world.ipc("list", "--names=1").is_(2, err="--names takes no value")
    world.ipc("list").is_(0, "STATE    OWNER GROUP MODE WAITING NAME\n")


def test_help_and_version(world):
    for arguments in (["--help"], ["list", "--help"], ["call", "x", "--help"]):
        result = world.ipc(*arguments)
        assert result.status == 0 and result.text.startswith("usage: ipc ") and not result.err
    for arguments in (["--version"], ["bench", "--version"]):
        assert world.ipc(*arguments).text.startswith("ipc (libipc) 1.")
    world.ipc().is_(2, err="a command is missing")
    world.ipc("shout").is_(2, err="shout is no command")


def test_nobody_reads(world):
    left_behind(world.here / "dead")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(world.command("list"), stdout=full, stderr=subprocess.PIPE, env=world.environment_of({}))
    assert done.returncode == 1 and done.stderr == b"ipc: stdout: No space left on device\n"
