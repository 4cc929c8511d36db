"""The completion for bash, and that the page ipc(1) has what the help has."""

import os
import re
import subprocess

import harness
from harness import need_command, until


def complete(world, line):
    """What bash offers at the end of the line, as its readline asks for it: = is a word of its own."""
    words = re.findall(r"=|[^\s=]+", line) + ([""] if line[-1] in " " else [])
    script = harness.BINARIES.parent / "share/bash-completion/completions/ipc"
    text = (
        'source "$1"; shift; complete -p ipc > /dev/null || exit 1; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ipc\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [need_command("bash"), "-uc", text, "bash", script, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**world.environment_of({}), "PATH": f"{harness.BINARIES}:{os.environ['PATH']}"},
    )
    assert not done.stderr, done.stderr
    return done.stdout.split()


def test_completion(world):
    world.pong()
    world.raw("raw")
    assert complete(world, "ipc ") == ["list", "call", "listen", "monitor", "bench", "--help", "--version"]
    assert complete(world, "ipc mo") == ["monitor"]
    assert complete(world, "ipc call ") == ["pong", "raw"] and complete(world, "ipc call --timeout 3 p") == ["pong"]
    assert complete(world, "ipc call pong ") == [] and complete(world, "ipc list pong ") == ["pong", "raw"]
    assert complete(world, "ipc listen ") == []
    assert complete(world, "ipc bench --in") == ["--in-flight"]
    assert complete(world, "ipc call --output ") == ["text", "raw", "json"]
    assert complete(world, "ipc call --output=") == ["text", "raw", "json"] and complete(world, "ipc list --output=j") == ["json"]
    assert complete(world, "ipc call --type ") == ["data", "error", "server-close", "lookup"]
    assert "--exec" in complete(world, "ipc listen --") and "true" in complete(world, "ipc listen --exec tru")


def test_the_page_has_the_options_of_the_help(world):
    page = (harness.BINARIES.parent / "share/man/man1/ipc.1").read_text()
    synopsis = page.split(".Sh SYNOPSIS")[1].split(".Sh DESCRIPTION")[0]
    for name in ("list", "call", "listen", "monitor", "bench"):
        options = set(re.findall(r"^  --([a-z-]+)", world.ipc(name, "--help").text, re.M)) - {"help", "version", "json"}
        section = page.split(f".Ss ipc {name}\n")[1].split("\n.S")[0]
        usage = synopsis.split(f".Cm {name}\n")[1].split(".Nm")[0]
        described = "\n".join(line for line in section.splitlines() if line.startswith(".It "))
        for text in (described, usage):
            assert options == {option.replace("\\-", "-") for option in re.findall(r"Fl \\-([a-z\\-]+)", text)}, (name, text)


def test_the_first_example_of_the_page(world):
    page = (harness.BINARIES.parent / "share/man/man1/ipc.1").read_text().split(".Sh EXAMPLES")[1]
    lines = page.split(".Bd -literal -offset indent\n")[1].split(".Ed")[0].replace("\\-", "-").replace("\\(aq", "'").splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["listen", "1", "call", "list"]
    script = "\n".join([lines[0], 'until [ -S "$IPC_RUNDIR/shout" ]; do :; done', *lines[2:], "wait"])
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        cwd=world.directory,
        env={**world.environment_of({}), "PATH": f"{harness.BINARIES}:{os.environ['PATH']}"},
    )
    assert done.stdout.startswith("HELLO") and "live" in done.stdout and not done.stderr, done
    until(lambda: world.files() == [], "nothing is left")
