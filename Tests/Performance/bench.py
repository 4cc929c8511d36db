"""bench.py - runs the peers' programs in turn, and hands what they measured to the report.

    bench.py DIRECTORY      where run.sh has put the programs; the results go there too

Machines drift: the peers take turns within each repeat of a workload, in another order each time (turned round every other
time, so that no peer always follows the same one), and the repeats are spread over the whole run. Each run has a directory
of its own; whatever happens, every process that was started is ended, and the directories are removed.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import counts
import picture
import report
import threads
from metrics import IDLE, MEASURE, PEERS, WORKLOADS

QUICK = os.environ.get("QUICK", "") not in ("", "0")
REPEATS = int(os.environ.get("REPEATS") or (3 if QUICK else 9))
MOST_SECONDS = 100 if QUICK else 14 * 60  # no workload begins after this
PEER_SECONDS = 3 if QUICK else 15  # a peer that takes this long over a workload has repeats enough
MOST_FAILURES = 1 if QUICK else 2  # then a peer is not asked again: to hang takes seconds
PATIENCE = 5  # seconds for a server to start, and to end
NAME = "bench"


class Failed(Exception):
    pass


def chosen(variable, names, matches=lambda name, wanted: name == wanted):
    wanted = os.environ.get(variable, "").replace(",", " ").split()
    for each in wanted:
        if not any(matches(name, each) for name in names):
            sys.exit(f"{variable}: there is no {each}; there are {' '.join(names)}")
    return [name for name in names if not wanted or any(matches(name, each) for each in wanted)]


def places():
    """Where server and client may run: on one core, on one each, on either of two. The first core has most interrupts
    to serve: it is taken last."""
    mine = sorted(os.sched_getaffinity(0), reverse=True)
    placements = {"same": ({mine[0]}, {mine[0]})}
    if len(mine) > 1:
        placements["cross"] = ({mine[0]}, {mine[1]})
        placements["free"] = (set(mine[:2]), set(mine[:2]))
    return placements


class Server:
    """A peer's server in a run directory of its own, within `work`. The file `log` is where strace counts."""

    def __init__(self, program, work, cores, traced=False):
        self.directory = tempfile.mkdtemp(dir=work)
        self.environment = dict(os.environ, IPC_RUNDIR=self.directory)
        self.log = os.path.join(self.directory, "calls")
        self.pid = None
        command = [program, "server", NAME]
        if traced:
            command = ["strace", "-f", "-qq", "-c", "-o", self.log] + command
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=self.environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )

    def wait_until_ready(self):
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        words = self.process.stdout.readline().split() if readable else []
        if len(words) != 2 or words[0] != "ready":
            raise Failed("the server does not start: " + self.said())
        self.pid = int(words[1])

    def said(self):
        self.errors.seek(0)
        return self.errors.read().strip()[-200:]

    def stop(self):
        """Ends the server; strace, where it is there, then ends by itself."""
        try:
            if self.process.poll() is None:
                os.kill(self.pid or self.process.pid, signal.SIGTERM)
                self.process.wait(PATIENCE)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            pass
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def clean(self):
        self.stop()
        self.process.stdout.close()
        self.errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def run_client(program, server, workload, amount, cores):
    """What the client printed, as a dictionary."""
    command = [program, "client", NAME, workload.kind, str(workload.size), str(amount), str(server.pid), str(IDLE)]
    longest = workload.longest + (0 if workload.kind == "count" else amount * 2 / 1000)
    client = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=server.environment,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        out, errors = client.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        raise Failed("the client waits for ever") from None
    finally:
        if client.poll() is None:
            client.kill()
            client.communicate()
    if client.returncode != 0:
        raise Failed(errors.strip()[-200:] or f"the client ends with {client.returncode}")
    words = out.split()
    return {key: float(value) for key, value in zip(words[::2], words[1::2])}


def measure(program, work, workload, pair):
    server = Server(program, work, pair[0])
    try:
        server.wait_until_ready()
        return run_client(program, server, workload, workload.quick if QUICK else workload.amount, pair[1])
    except Failed as failure:
        said = server.said()
        raise Failed(f"{failure}; the server: {said}" if said and said not in str(failure) else str(failure)) from None
    finally:
        server.clean()


def counted_calls(log):
    """The sum of the calls in strace's summary: share, seconds, microseconds a call, calls, [errors], name."""
    with open(log, encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return sum(int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total")


def count_calls(program, work, workload, pair):
    """System calls of the server for a round trip: what starting, connecting and leaving take is in both runs."""
    totals, few = [], 100
    many = few + (workload.quick if QUICK else workload.amount)
    for count in (few, many):
        server = Server(program, work, pair[0], traced=True)
        try:
            server.wait_until_ready()
            run_client(program, server, workload, count, pair[1])
            server.stop()
            totals.append(counted_calls(server.log))
        finally:
            server.clean()
    return {"calls": (totals[1] - totals[0]) / (many - few)}


class Run:
    """All repeats. results[workload, placement][peer] is a list with one entry a repeat: the values, or None."""

    def __init__(self, directory, work, peers, workloads, placements):
        self.directory, self.work = directory, work
        self.peers, self.workloads, self.placements = peers, workloads, placements
        self.results, self.failures, self.seconds = {}, {}, {}
        self.begin = time.monotonic()

    def program(self, peer):
        return os.path.join(self.directory, "bench-" + peer)

    def once(self, workload, placement, peer, repeat):
        key = (workload.name, placement, peer)
        failures = self.failures.setdefault(key, [])
        values = self.results.setdefault((workload.name, placement), {}).setdefault(peer, [None] * REPEATS)
        if repeat >= workload.repeats or len(failures) >= MOST_FAILURES or self.seconds.get(key, 0) > PEER_SECONDS:
            return
        begin = time.monotonic()
        try:
            run = count_calls if workload.kind == "count" else measure
            values[repeat] = run(self.program(peer), self.work, workload, self.placements[placement])
        except Failed as failure:
            failures.append(str(failure))
        self.seconds[key] = self.seconds.get(key, 0) + time.monotonic() - begin

    def all(self):
        for repeat in range(REPEATS):
            for workload in self.workloads:
                for placement in workload.placements:
                    if time.monotonic() - self.begin > MOST_SECONDS or placement not in self.placements:
                        continue
                    peers = [
                        peer
                        for peer in workload.peers or self.peers
                        if peer not in workload.left_out and os.path.exists(self.program(peer))
                    ]
                    turn = repeat % max(len(peers), 1)
                    peers = peers[turn:] + peers[:turn]
                    for peer in peers if repeat % 2 == 0 else reversed(peers):
                        self.once(workload, placement, peer, repeat)
            print(f"repeat {repeat + 1} of {REPEATS}, {time.monotonic() - self.begin:.0f} s", file=sys.stderr)


def choose():
    """Peers, workloads, placements with their cores, and notes on what is left out."""
    directory = sys.argv[1]
    wanted = MEASURE + chosen("PEERS", PEERS)
    peers = [peer for peer in PEERS if peer in wanted and os.path.exists(os.path.join(directory, "bench-" + peer))]
    names = chosen(
        "WORKLOADS", [workload.name for workload in WORKLOADS] + ["counts"], lambda name, each: name == each or name.startswith(each + "-")
    )
    workloads = [workload for workload in WORKLOADS if workload.name in names]
    names = chosen("PLACEMENTS", ["same", "cross", "free"])
    if QUICK and not os.environ.get("PLACEMENTS"):
        names = ["same", "free"]
    placements = places()
    with open(os.path.join(directory, "left-out"), encoding="utf-8") as file:
        notes = [line.strip() for line in file if line.strip()]
    notes += [f"{name}: there is only one core" for name in names if name not in placements]
    if not shutil.which("strace") and any(workload.kind == "count" for workload in workloads):
        workloads = [workload for workload in workloads if workload.kind != "count"]
        notes.append("system calls: strace is not installed (Debian: strace)")
    return peers, workloads, {name: placements[name] for name in names if name in placements}, notes


def write(name, content):
    with open(os.path.join(sys.argv[1], name), "w", encoding="utf-8") as file:
        file.write(content)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    peers, workloads, placements, notes = choose()
    load = os.getloadavg()[0]
    work = tempfile.mkdtemp(prefix="ipc-bench-")
    run = Run(sys.argv[1], work, peers, workloads, placements)
    try:
        run.all()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    for (workload, placement, peer), failures in run.failures.items():
        if failures:
            notes.append(f"{peer}, {workload}, {placement}: {failures[0]}")
    markdown = report.markdown(
        run.results, peers, counts.part(sys.argv[1]) + threads.part(run.results), notes, REPEATS, time.monotonic() - run.begin, load
    )
    write("results.json", json.dumps({f"{w} {p}": result for (w, p), result in run.results.items()}, indent=1))
    write("results.md", markdown)
    write("results.svg", picture.draw(run.results, peers))
    print(markdown, end="")


if __name__ == "__main__":
    main()
