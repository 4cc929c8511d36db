"""threads.py - the report's part on several threads in one context."""

from collections import namedtuple

from metrics import HANDLERS, WAITERS, WRITERS
from report import figures, ratios, with_spread

MEANINGS = {"free": "nothing pinned", "same": "all on one core", "cross": "service and reader on a core each"}

# What report.figures asks of a metric.
Figure = namedtuple("Figure", "workload figure")


def row(results, metrics, placement, peers, head):
    """The figures of both peers and the ratio of `peers[1]` to `peers[0]`, for each metric in turn."""
    cells, runs = [], 0
    for metric in metrics:
        both = [[value for value in figures(results, metric, placement, peer) if value is not None] for peer in peers]
        cells += [with_spread(values) if values else "fails" for values in both]
        cells.append(with_spread(ratios(results, metric, placement, peers[1], peers[0])))
        runs = min(map(len, both))
    return "| " + " | ".join([head] + cells + [str(runs)]) + " |"


def handlers(results):
    rows = []
    for time in HANDLERS:
        echoes = Figure(f"threads-handlers-{time}", lambda values: values["echoes_per_s"])
        if results.get((echoes.workload, "free")):
            rows.append(row(results, [echoes], "free", WAITERS, f"{time} µs"))
    if not rows:
        return []
    return [
        "### Echoes a second with 1 and 2 waiters, 64 clients, 2 cores",
        "",
        "Threads in `ipc_wait_event` on one context; the clients are one process, by hand, and have one message of 16 B on the way",
        "each. Nothing is pinned: the clients take their part of the 2 cores. A handler is work that takes so long on a core of",
        "its own.",
        "",
        "| handler | 1 waiter, /s (spread) | 2 waiters, /s (spread) | × 1 waiter (spread) | runs |",
        "|---" * 5 + "|",
        *rows,
        "",
    ]


def delays(results):
    percentiles = [Figure("threads-delay", lambda values, key=key: values[key] / 1000) for key in ("p50_ns", "p99_ns")]
    rows = [
        row(results, percentiles, placement, WRITERS[::-1], meaning)
        for placement, meaning in MEANINGS.items()
        if results.get(("threads-delay", placement))
    ]
    if not rows:
        return []
    return [
        "### From `ipc_write` in one thread to the bytes at the peer, while another thread waits",
        "",
        "A message of 16 B to a reader in another process; the same with send(2) by hand on the same socket of the same program.",
        "In µs, from before the call to the return of recv(2). Waiter and reader are asleep when the message goes.",
        "",
        "| where | send p50 (spread) | ipc_write p50 (spread) | × send (spread) | send p99 (spread) | ipc_write p99 (spread) "
        "| × send (spread) | runs |",
        "|---" * 8 + "|",
        *rows,
        "",
    ]


def part(results):
    tables = handlers(results) + delays(results)
    return ["## Threads", ""] + tables if tables else []
