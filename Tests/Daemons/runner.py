"""Runs each function test_* of the modules of a directory, in a world of its own: prints `ok GROUP.PART.NAME`, `skipped`, or `not ok`
and why on stderr.

The command line: BINARIES WORK [NAME...], where a name is PART.NAME, or PART for all of it.
"""

import importlib
import pathlib
import signal
import sys
import traceback

import harness

LIMIT = 300  # seconds for one test, unless the function has a `limit` of its own


def too_long(*_):
    raise TimeoutError("not done in time")


def run_one(title, test, world_of):
    signal.alarm(getattr(test, "limit", LIMIT))
    try:
        with world_of() as world:
            test(world)
        print(f"ok {title}", flush=True)
    except harness.Skipped as reason:
        print(f"skipped {title}: {reason}", flush=True)
    except Exception:
        traceback.print_exc()
        for text in world.logs():
            print(text, file=sys.stderr)
        print(f"not ok {title}", flush=True)
    finally:
        signal.alarm(0)


def run(directory, group, world_of):
    binaries, work, *names = sys.argv[1:]
    harness.BINARIES, harness.WORK = pathlib.Path(binaries).resolve(), pathlib.Path(work).resolve()
    signal.signal(signal.SIGALRM, too_long)
    for path in sorted(directory.glob("test_*.py")):
        part = path.stem[5:]
        for name, test in list(vars(importlib.import_module(path.stem)).items()):
            if name.startswith("test_") and (not names or part in names or f"{part}.{name[5:]}" in names):
                run_one(f"{group}.{part}.{name[5:]}", test, world_of)
