"""What the tests of ipc(1) share: a world with one run directory, the tool in it, and what it has said."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import types

import harness
from harness import PATIENCE, until

MOST = 1_999_994  # bytes of a message


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err.decode(errors="replace")

    @property
    def text(self):
        return self.out.decode()

    @property
    def objects(self):
        """Lines of JSON, as Python's strict parser reads them."""
        return [json.loads(line) for line in self.out.decode().splitlines()]

    def is_(self, status, out=b"", err=""):
        """All of it is as expected; of stderr a part."""
        wanted = out.encode() if isinstance(out, str) else out
        assert self.status == status and self.out == wanted, (self.status, self.out[:500], self.err)
        assert err in self.err and bool(err) == bool(self.err), self.err
        assert not self.err or self.err.startswith("ipc: "), self.err


class Tool(harness.World):
    program = None

    def command(self, *arguments, user=None):
        """As root or whoever this is; or as another user, of a group with the same number."""
        become = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--"] if user else []
        return [*become, self.program or harness.BINARIES / "ipc", *arguments]

    def environment_of(self, more):
        return {**os.environ, "IPC_RUNDIR": str(self.here), **more}

    def ipc(self, *arguments, stdin=b"", user=None, **more):
        """Runs the tool to its end."""
        done = subprocess.run(
            self.command(*arguments, user=user), input=stdin, capture_output=True, timeout=60, env=self.environment_of(more)
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def begin(self, *arguments, environment=None, user=None, out=None):
        """Starts the tool, which goes on; its stdout is a file: `shown`."""
        process = Running(self, self.command(*arguments, user=user), out, self.environment_of(environment or {}))
        self.processes.append(process)
        return process

    def listen(self, name, *arguments, **more):
        process = self.begin("listen", name, *arguments, **more)
        process.says("listens at")
        return process

    def monitor(self, name, *arguments, **more):
        process = self.begin("monitor", name, *arguments, **more)
        process.says("Ctrl-C")
        return process

    def pong(self):
        return self.pongd(self.here)

    def raw(self, name="raw"):
        """A listening socket of a service without the library."""
        return super().listen(self.here / name)

    @contextlib.contextmanager
    def open_to_all(self):
        """Tool and run directory where every user finds them: the directory that the tests work in may be a private one."""
        if os.geteuid() != 0:
            raise harness.Skipped("only root can become other users")
        harness.need_command("setpriv")
        with tempfile.TemporaryDirectory(prefix="libipc-") as name:
            tree = pathlib.Path(name)
            for directory, mode in ((tree, 0o755), (tree / "bin", 0o755), (tree / "lib", 0o755), (tree / "run", 0o1777)):
                directory.mkdir(exist_ok=True)
                directory.chmod(mode)
            shutil.copy(harness.BINARIES / "ipc", tree / "bin")
            for file in (harness.BINARIES.parent / "lib").glob("libipc.so*"):
                shutil.copy(file, tree / "lib")
            self.program, self.here = tree / "bin" / "ipc", tree / "run"
            yield tree

    def files(self):
        return sorted(os.listdir(self.here))

    def inode(self, name):
        return os.lstat(self.here / name).st_ino


class Running:
    """A tool that goes on."""

    def __init__(self, world, command, out, environment):
        """`out`: a file in place of one of the world's own."""
        number = len(world.processes)
        self.out, self.err = world.directory / f"out{number}", world.directory / f"err{number}"
        with open(self.out, "wb") as shown, open(self.err, "wb") as said:
            self.process = subprocess.Popen(
                [str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, stdout=out or shown, stderr=said
            )
        self.pid = self.process.pid
        # What the world of the daemons' tests wants of a process.
        self.process.stdout = types.SimpleNamespace(close=lambda: None)
        self.log = types.SimpleNamespace(name=self.err)

    def text(self):
        return self.err.read_text(errors="replace")

    def says(self, text):
        def said():
            assert text in self.text() or self.process.poll() is None, self.text()
            return text in self.text()

        until(said, f"stderr says {text!r}")

    @property
    def shown(self):
        return self.out.read_bytes().decode()

    def shows(self, text):
        until(lambda: text in self.shown, f"stdout shows {text!r}")

    def objects(self):
        return [json.loads(line) for line in self.shown.splitlines()]

    def stop(self, number):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def wait(self):
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()


def children(process):
    return [int(number) for number in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
