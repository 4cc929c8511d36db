"""Runs each function test_* of the modules here, in a directory of its own: `ok daemons.PART.NAME`, `skipped`, or `not ok` and why
on stderr."""
import importlib
import pathlib
import signal
import sys
import traceback

import harness

LIMIT = 120  # seconds for one test


def too_long(*_):
    raise TimeoutError(f"not done after {LIMIT} s")


def main():
    binaries, work, *names = sys.argv[1:]
    harness.BINARIES, harness.WORK = pathlib.Path(binaries).resolve(), pathlib.Path(work).resolve()
    signal.signal(signal.SIGALRM, too_long)
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, test in list(vars(module).items()):
            title = f"{path.stem[5:]}.{name[5:]}"
            if not name.startswith("test_") or (names and title not in names):
                continue
            signal.alarm(LIMIT)
            try:
                with harness.World() as world:
                    test(world)
                print(f"ok daemons.{title}", flush=True)
            except harness.Skipped as reason:
                print(f"skipped daemons.{title}: {reason}", flush=True)
            except Exception:
                traceback.print_exc()
                for text in world.logs():
                    print(text, file=sys.stderr)
                print(f"not ok daemons.{title}", flush=True)
            finally:
                signal.alarm(0)


main()
