"""Autobahn's fuzzing client, all cases but compression (12, 13) and speed (9): none worse than non-strict. Its report stays: autobahn/."""
import json
import os
import subprocess

import harness
from harness import Skipped


def test_fuzzing_client(world):
    program = harness.WORK / "python27/bin/wstest"
    if not program.exists():
        raise Skipped("autobahntestsuite for Python 2.7 is not there; see python27.log")
    world.pong()
    web = world.web()
    report, spec = harness.WORK / "autobahn", world.directory / "spec.json"
    spec.write_text(json.dumps({
        "outdir": str(report), "servers": [{"agent": "ipc-websocketd", "url": f"ws://127.0.0.1:{web.port}/pong"}],
        "cases": ["*"], "exclude-cases": ["9.*", "12.*", "13.*"], "exclude-agent-cases": {}}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [program, "-m", "fuzzingclient", "-s", spec]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, cwd=world.directory)
    cases = json.loads((report / "index.json").read_text())["ipc-websocketd"]
    assert len(cases) > 240, len(cases)
    good = ("OK", "NON-STRICT", "INFORMATIONAL")
    bad = {name: case for name, case in cases.items() if case["behavior"] not in good or case["behaviorClose"] not in good}
    assert not bad, bad
