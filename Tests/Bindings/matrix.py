"""Runs the scenarios of scenarios.md: the client of each language against the service of each language.

    matrix.py TREE WORK [NAME...]

TREE has the installation, WORK is a directory for what is made; a NAME is a scenario or a language: only these. Prints `ok`, `not ok` or
`skipped` for each, `bindings.SCENARIO.CLIENT_SERVICE`, and why on stderr. A language is a line in LANGUAGES.
"""

import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 120 * int(os.environ.get("TEST_PATIENCE", "1"))  # seconds for one scenario
SCENARIOS = "echo sizes events timer services descriptor switch killed names flight leaks".split()


@dataclasses.dataclass
class Language:
    """The arguments are format strings: {here}, {work} and {tree} are directories, {libs} the C compiler's flags."""

    name: str
    needs: str  # a program; without it the language is skipped
    service: str
    client: str
    build: tuple = ()
    environment: dict = dataclasses.field(default_factory=dict)  # further variables


CC = "cc -std=gnu11 -Wall -Wextra -Werror -O1 -g {here}/c/%s.c -o {work}/c_%s {libs}"
LANGUAGES = [
    Language("c", "cc", "{work}/c_service", "{work}/c_client", (CC % ("service", "service"), CC % ("client", "client"))),
    Language(
        "crystal",
        "crystal",
        "{work}/crystal_matrix service",
        "{work}/crystal_matrix client",
        ("crystal build {here}/crystal/matrix.cr -o {work}/crystal_matrix",),
        {"CRYSTAL_PATH": "{work}/crystal_lib:{crystal_path}", "CRYSTAL_CACHE_DIR": "{work}/crystal_cache"},
    ),
    Language(
        "python",
        "python3",
        "python3 -B {here}/python/service.py",
        "python3 -B {here}/python/client.py",
        environment={"PYTHONPATH": "{tree}/share/libipc/python/src"},
    ),
    Language(
        "swift",
        "swift",
        "{work}/../swift/debug/matrix service",
        "{work}/../swift/debug/matrix client",
        ("sh {here}/swift/build.sh {tree} {work}/../swift",),
    ),
]


class Failure(Exception):
    """What did not go as scenarios.md has it."""


class Matrix:
    def __init__(self, tree, work):
        self.tree, self.work = pathlib.Path(tree).resolve(), pathlib.Path(work).resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        self.environment = {**os.environ, "LD_LIBRARY_PATH": f"{self.tree}/lib", "PKG_CONFIG_PATH": f"{self.tree}/lib/pkgconfig"}
        self.environment.pop("IPC_NETWORK", None)
        self.names = {"here": HERE, "work": self.work, "tree": self.tree, "libs": self.output("pkg-config --cflags --libs libipc")}
        self.built = {}

    def output(self, command):
        return subprocess.run(command.split(), env=self.environment, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()

    def command(self, text):
        return text.format(**self.names).split()

    def variables(self, language):
        return {**self.environment, **{name: value.format(**self.names) for name, value in language.environment.items()}}

    def prepare(self, language):
        """Builds the programs once. Why the language is skipped; None when it is not."""
        if language.name not in self.built:
            self.built[language.name] = self.build(language)
        reason = self.built[language.name]
        if isinstance(reason, Failure):
            raise reason
        return reason

    def build(self, language):
        if shutil.which(language.needs) is None:
            return f"{language.needs} is not installed"
        if language.name == "crystal":
            self.find_shard()
        for command in language.build:
            if subprocess.run(self.command(command), env=self.variables(language), stdout=sys.stderr).returncode != 0:
                return Failure(f"the programs in {language.name} do not compile")
        return None

    def find_shard(self):
        """As a path dependency is found: a link of the shard's name to the installed folder."""
        library = self.work / "crystal_lib"
        library.mkdir(exist_ok=True)
        (library / "ipc").unlink(missing_ok=True)
        (library / "ipc").symlink_to(self.tree / "share/libipc/crystal")
        self.names["crystal_path"] = self.output("crystal env CRYSTAL_PATH")

    def run(self, scenario, client, service):
        with tempfile.TemporaryDirectory(dir=self.work, prefix="run") as rundir:
            server = subprocess.Popen(
                self.command(service.service), env={**self.variables(service), "IPC_RUNDIR": rundir}, stdout=subprocess.PIPE, text=True
            )
            try:
                if server.stdout.readline() != "ready\n":
                    raise Failure(f"the service is not ready; status {server.wait(PATIENCE)}")
                asked = subprocess.run(
                    [*self.command(client.client), scenario], env={**self.variables(client), "IPC_RUNDIR": rundir}, timeout=PATIENCE
                )
                if asked.returncode != 0:
                    raise Failure(f"the client's status is {asked.returncode}")
                status, last = server.wait(20), server.stdout.read()
                if scenario == "killed":
                    if status != -signal.SIGKILL:
                        raise Failure(f"the service was not killed: status {status}")
                    return
                if (status, last) != (0, "left 0\n"):
                    raise Failure(f"the service ends with status {status}, and says {last!r}")
                if os.listdir(rundir):
                    raise Failure(f"in the run directory there is {os.listdir(rundir)}")
            finally:
                if server.poll() is None:
                    server.kill()
                    server.wait()
                server.stdout.close()

    def test(self, scenario, client, service):
        title = f"bindings.{scenario}.{client.name}_{service.name}"
        try:
            reason = self.prepare(client) or self.prepare(service)
            if reason is not None:
                print(f"skipped {title}: {reason}", flush=True)
                return True
            self.run(scenario, client, service)
        except (Failure, subprocess.SubprocessError) as error:
            print(f"{title}: {error}", file=sys.stderr, flush=True)
            print(f"not ok {title}", flush=True)
            return False
        print(f"ok {title}", flush=True)
        return True


def main(tree, work, *names):
    matrix = Matrix(tree, work)
    scenarios = [scenario for scenario in SCENARIOS if scenario in names] or SCENARIOS
    chosen = [language.name for language in LANGUAGES if language.name in names]
    unknown = set(names) - set(SCENARIOS) - {language.name for language in LANGUAGES}
    if unknown:
        sys.exit(f"no scenario and no language: {' '.join(sorted(unknown))}")
    right = True
    for scenario in scenarios:
        for client in LANGUAGES:
            for service in LANGUAGES:
                pair = {client.name, service.name}
                if chosen and not pair & set(chosen):
                    continue
                # The long one: each language beside C.
                if scenario == "leaks" and "c" not in pair:
                    continue
                right &= matrix.test(scenario, client, service)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
