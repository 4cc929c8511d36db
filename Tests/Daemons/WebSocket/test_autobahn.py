"""Autobahn's fuzzing client, all its cases: none worse than non-strict. Its reports stay: autobahn/basic, autobahn/compressed.

Compression (12 and 13) takes it half an hour, most of which its own Python needs for messages of 128 KiB. So four cases of each twelve data
sets and parameters are run, and with AUTOBAHN=all, as `make soak` has it, all 18 (16 bytes to 128 KiB, in frames of 256 bytes to 32 KiB).
"""

import json
import os

import harness
from harness import Skipped
from test_deflate import need_zlib

GOOD = ("OK", "NON-STRICT", "INFORMATIONAL")
# Messages of 16 and 256 bytes, 8 KiB, and 8 KiB in frames of 256 bytes; 1000 of each.
SHORT = ("1", "3", "6", "11")
SETS = [f"12.{data}" for data in range(1, 6)] + [f"13.{parameters}" for parameters in range(1, 8)]
# Groups 9.1 to 9.4 have messages of 4, 8 and 16 MB: more than libipc's messages may have.
TOO_LARGE = [f"9.{group}.{number}" for group in (1, 2) for number in (4, 5, 6)] + [
    f"9.{group}.{number}" for group in (3, 4) for number in range(1, 10)
]


def begin(world, web, name, cases, exclude=()):
    """Returns its process, which writes its report at the end."""
    program = harness.WORK / "python27/bin/wstest"
    if not program.exists():
        raise Skipped("autobahntestsuite for Python 2.7 is not there; see python27.log")
    spec = world.directory / f"{name}.json"
    spec.write_text(
        json.dumps(
            {
                "outdir": str(harness.WORK / "autobahn" / name),
                "servers": [{"agent": "ipc-websocketd", "url": f"ws://127.0.0.1:{web.port}/pong"}],
                "cases": cases,
                "exclude-cases": list(exclude),
                "exclude-agent-cases": {},
            }
        )
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return world.start([program, "-m", "fuzzingclient", "-s", spec], world.here, environment=environment, ready=False)


def report(process, name):
    # It says each case on its standard output.
    while process.process.stdout.read(65536):
        pass
    assert process.process.wait(harness.PATIENCE) == 0, process.text()
    return json.loads((harness.WORK / "autobahn" / name / "index.json").read_text())["ipc-websocketd"]


def check(cases, count):
    assert len(cases) == count, len(cases)
    bad = {name: case for name, case in cases.items() if case["behavior"] not in GOOD or case["behaviorClose"] not in GOOD}
    assert not bad, bad


def test_fuzzing_client(world):
    """Groups 1 to 10; those of 9 which are beyond the limit of a message end with 1009."""
    world.pong()
    web = world.web()
    cases = report(begin(world, web, "basic", ["*"], ["12.*", "13.*"]), "basic")
    refused = {name: cases.pop(name)["remoteCloseCode"] for name in TOO_LARGE}
    assert set(refused.values()) == {1009}, refused
    check(cases, 301 - len(TOO_LARGE))


def test_fuzzing_client_compressed(world):
    world.pong()
    web = world.web()
    need_zlib(web)
    is_all = os.environ.get("AUTOBAHN") == "all"
    # Two at once: most of the time is the client's own.
    names = {"compressed": SETS[::2], "compressed-2": SETS[1::2]}
    processes = {
        name: begin(world, web, name, [f"{part}.{number}" for part in sets for number in (("*",) if is_all else SHORT)])
        for name, sets in names.items()
    }
    cases = {}
    for name, process in processes.items():
        cases.update(report(process, name))
    check(cases, len(SETS) * (18 if is_all else len(SHORT)))


test_fuzzing_client_compressed.limit = 300 if os.environ.get("AUTOBAHN") != "all" else 3 * 3600
