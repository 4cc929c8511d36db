"""The tests of ipc-websocketd (../runner.py)."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import runner  # noqa: E402
from client import WebWorld  # noqa: E402

runner.run(HERE, "websocket", WebWorld)
