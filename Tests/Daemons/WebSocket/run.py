"""Runs each function test_* of the modules here, in a world of its own: `ok websocket.PART.NAME`, `skipped`, or `not ok` and why."""
import importlib
import pathlib
import signal
import sys
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import harness  # noqa: E402
from client import Missing, WebWorld  # noqa: E402

LIMIT = 300  # seconds for one test


def too_long(*_):
    raise TimeoutError(f"not done after {LIMIT} s")


def run(title, test):
    signal.alarm(LIMIT)
    try:
        with WebWorld() as world:
            test(world)
        print(f"ok {title}", flush=True)
    except Missing as missing:
        print(f"skipped {title}: {missing}", flush=True)
    except Exception:
        traceback.print_exc()
        for text in world.logs():
            print(text, file=sys.stderr)
        print(f"not ok {title}", flush=True)
    finally:
        signal.alarm(0)


def main():
    binaries, work, *names = sys.argv[1:]
    harness.BINARIES, harness.WORK = pathlib.Path(binaries).resolve(), pathlib.Path(work).resolve()
    signal.signal(signal.SIGALRM, too_long)
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, test in list(vars(module).items()):
            title = f"{path.stem[5:]}.{name[5:]}"
            if name.startswith("test_") and (not names or title in names or path.stem[5:] in names):
                run(f"websocket.{title}", test)


main()
