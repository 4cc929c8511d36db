"""The tests of ipc(1), in the world of those of the daemons (Tests/Daemons/runner.py)."""

import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(here.parent / "Daemons"))

import runner  # noqa: E402
import tool  # noqa: E402

runner.run(here, "tool", tool.Tool)
