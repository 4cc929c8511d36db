"""The example units, as they are installed: what systemd-analyze, systemd-sysusers and systemd-tmpfiles say of them."""

import os
import re
import shutil
import subprocess

import harness
from harness import Skipped, echoes
from WebSocket.client import Client

UNITS = ("ipcd", "ipc-tcpd", "ipc-websocketd")
MOST_EXPOSED = 2.0


def installed(*path):
    return harness.BINARIES.parent.joinpath(*path)


def run(program, *arguments, **more):
    if not shutil.which(program):
        raise Skipped(f"{program} is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, **more)


def test_units_are_verified_in_silence(world):
    files = sorted(installed("lib/systemd/system").glob("ipc*"))
    assert [file.name for file in files] == [
        "ipc-tcpd.service",
        "ipc-websocketd.service",
        "ipc-websocketd.socket",
        "ipcd.service",
        "ipcd.socket",
    ], files
    # It looks the man pages up.
    more = [] if shutil.which("man") else ["--man=no"]
    done = run("systemd-analyze", "verify", *more, *files, env={**os.environ, "MANPATH": str(installed("share/man"))})
    assert done.returncode == 0 and done.stdout == "" and done.stderr == "", done


def test_units_are_hardly_exposed_and_say_what_they_leave_out(world):
    for name in UNITS:
        path = installed("lib/systemd/system", f"{name}.service")
        done = run("systemd-analyze", "security", "--offline=true", "--no-pager", path, env={**os.environ, "LC_ALL": "C.UTF-8"})
        if "unrecognized option" in done.stderr:
            raise Skipped("this systemd-analyze knows no --offline")
        level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
        assert level and float(level[1]) <= MOST_EXPOSED, done
        reasons = path.read_text().partition("# Left out, and why:\n")[2]
        # `✗ RestrictAddressFamilies=~AF_(INET|INET6)   Service may allocate ...`
        for directive in re.findall(r"^✗ (\S+)", done.stdout, re.M):
            base, _, what = directive.split("/")[0].partition("=")
            assert f"{base}=" in reasons, (name, directive)
            assert what.partition("(")[0].partition("|")[0] in reasons, (name, directive)


def test_user_and_directory_are_made(world):
    """In a root of the test's own, twice: nothing is made anew."""
    if os.geteuid() != 0:
        raise Skipped("only root can give a directory to a group")
    root = world.directory / "root"
    for directory in ("etc", "run"):
        (root / directory).mkdir(parents=True)
    for _ in range(2):
        for program, place, more in (("systemd-sysusers", "sysusers.d", []), ("systemd-tmpfiles", "tmpfiles.d", ["--create"])):
            done = run(program, f"--root={root}", *more, installed("lib", place, "libipc.conf"))
            assert done.returncode == 0, done
        user = [line.split(":") for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("ipc:")]
        group = [line.split(":") for line in (root / "etc/group").read_text().splitlines() if line.startswith("ipc:")]
        assert len(user) == len(group) == 1 and user[0][3] == group[0][2] and user[0][6].endswith("nologin"), (user, group)
        found = (root / "run/ipc").stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, int(group[0][2]), 0o1775), oct(found.st_mode)


def test_daemons_take_the_socket_of_a_service_manager(world):
    """systemd-socket-activate listens as a socket unit does, and starts the daemon with the first client."""
    program = shutil.which("systemd-socket-activate")
    if not program:
        raise Skipped("systemd-socket-activate is not installed")
    world.pongd(world.there)
    network, web = world.here / "network", world.directory / "web"
    for place, name, rundir in ((network, "ipcd", world.here), (web, "ipc-websocketd", world.there)):
        library = f"LD_LIBRARY_PATH={os.environ['LD_LIBRARY_PATH']}"
        daemon = world.start(
            [program, "-l", place, "-E", "IPC_RUNDIR", "-E", library, "-E", "IPC_WEBSOCKETD_ALLOW=pong", harness.BINARIES / name],
            rundir,
            ready=False,
        )
        daemon.says("Listening on")
        if name == "ipcd":
            assert echoes(world.connect("pong", f"pong unix://{world.there}/pong"))
        else:
            Client(world.local(place)).echoes()
        assert daemon.stop()[0] == 0 and place.exists(), daemon.text()
