"""The tests of ipcd and ipc-tcpd (runner.py)."""

import pathlib

import harness
import runner

runner.run(pathlib.Path(__file__).resolve().parent, "daemons", harness.World)
