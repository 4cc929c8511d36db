#!/usr/bin/env python3
"""shrink.py - makes a failing list of steps short: what is left fails for the same reason, and each step is needed.

  shrink.py PROGRAM STEPS [SECONDS]

Prints the steps, and what they call. PROGRAM replays them (random.c); SECONDS is the limit for shrinking.
"""

import os
import re
import subprocess
import sys
import tempfile
import time

program, file = sys.argv[1:3]
end = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 60)
work = tempfile.mkdtemp()
environment = dict(os.environ, RANDOM_PATIENCE="3", TMPDIR=work)


def run(steps, *options):
    """Replays the steps; returns why they fail, or None, and what was printed."""
    path = os.path.join(work, "steps")
    with open(path, "w") as out:
        out.write("".join(f"{step}\n" for step in steps))
    try:
        done = subprocess.run(
            [program, "--replay", path, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, timeout=30
        )
    except subprocess.TimeoutExpired:
        return "timeout", ""
    text = done.stderr.decode(errors="replace")
    if done.returncode == 0:
        return None, text
    found = re.search(r"FAILED[^:]*: (.*)|ERROR: (\w+Sanitizer: [\w-]+)|(runtime error: .*)", text)
    reason = next((group for group in found.groups() if group), "") if found else f"status {done.returncode}"
    # The same reason with other numbers is the same.
    return re.sub(r"/\S*|\((came|fd)[^)]*\)|[0-9]+|raw|near", "", reason), text


def chunks_removed(steps, wanted):
    """Leaves out chunks, from large to single steps, until none can be left out."""
    size = max(1, len(steps) // 2)
    while time.monotonic() < end:
        changed, at = False, 0
        while at < len(steps) and time.monotonic() < end:
            fewer = steps[:at] + steps[at + size :]
            if run(fewer)[0] == wanted:
                steps, changed = fewer, True
            else:
                at += size
        if size == 1 and not changed:
            break
        size = max(1, size // 2)
    return steps


def operands_smaller(steps, wanted):
    for at in range(len(steps)):
        for position in range(1, 4):
            words = steps[at].split()
            for smaller in sorted({0, 1, 2, 3, 5, 7, 8, int(words[position]) % 32, int(words[position]) % 10}):
                if time.monotonic() > end or smaller >= int(words[position]):
                    break
                trial = list(words)
                trial[position] = str(smaller)
                fewer = steps[:at] + [" ".join(trial)] + steps[at + 1 :]
                if run(fewer)[0] == wanted:
                    steps = fewer
                    break
    return steps


def main():
    with open(file) as text:
        steps = [line.strip() for line in text if line.strip() and not line.startswith("#")]
    wanted, _ = run(steps)
    if wanted is None:
        print("the steps do not fail again")
        return 1
    former = None
    while steps != former and time.monotonic() < end:
        former = steps
        steps = operands_smaller(chunks_removed(steps, wanted), wanted)
    print("\n".join(steps))
    print("# what they call:")
    for line in run(steps, "--verbose")[1].splitlines()[:120]:
        print("#", line)
    return 0


sys.exit(main())
