"""metrics.py - what is measured, in what unit, against what, and what libipc is to reach.

A workload is what a client and a server do; a metric is one figure of it. The ratio of a metric is taken to
the peer `base` in the same repeat, seconds apart; without a base the figure stands for itself. A goal is a bound of
such a ratio for one peer; its base may be another one than the metric's.
"""

from dataclasses import dataclass
from typing import Callable, Optional

NO_TIMER, ASSIGNED = "ours-loop-no-timer", "ours-loop-assigned"  # ours-loop as other programs are written (ours.h)
IDIOMS = (NO_TIMER, ASSIGNED)
NEWER, IN_POLL = "ours-1.2", "ours-1.2-fd"  # the calls since 1.2 (ours_1_2.c)
LABELS = {
    NO_TIMER: "ours-loop, no timer",
    ASSIGNED: "ours-loop, assigned",  # where the name of the peer is not the text
    IN_POLL: "ours-1.2, fd in poll",
}
PEERS = [
    "raw",
    "raw-epoll",
    "libuv",
    "libevent",
    "zeromq",
    "nng",
    "sd-bus",
    "ours",
    "ours-loop",
    *IDIOMS,
    NEWER,
    IN_POLL,
    "reference",
    "reference-loop",
]
MEASURE = ["raw", "raw-epoll"]  # what ratios are taken to
OURS = ["ours", "ours-loop", *IDIOMS, NEWER, IN_POLL, "reference", "reference-loop"]
IDLE = 10_000
WAITERS = ("1-waiter", "2-waiters")  # libipc with several threads: threads_waiters.c,
WRITERS = ("ipc_write", "send")  # threads_delay.c
HANDLERS = (0, 5, 50)  # microseconds that they take


@dataclass(frozen=True)
class Workload:
    name: str
    kind: str  # what the client is told
    size: int  # of the payload, in bytes
    amount: int  # milliseconds, or round trips for `count`
    quick: int  # the same for QUICK=1
    placements: tuple = ("same", "cross")
    left_out: tuple = ()  # peers that cannot do it
    longest: float = 3  # seconds that it may take beyond its time
    repeats: int = 1000  # no more than these: what does not vary needs no median
    peers: tuple = ()  # who does it, if not the peers of the others


@dataclass(frozen=True)
class Goal:
    peer: str
    bound: float
    base: Optional[str] = None  # the peer that the ratio is taken to


@dataclass(frozen=True)
class Metric:
    title: str
    workload: str
    figure: Callable  # of the values that the client printed
    unit: str
    better: str  # '<=' or '>=': the direction
    goals: tuple
    base: Optional[str] = None
    extra: Optional[tuple] = None  # a second column: its head, the value, its format
    form: str = "{:.2f}"  # of the figure


def _sizes(kind, sizes, amount, quick, **more):
    return [Workload(f"{kind}-{size}", kind, size, amount, quick, **more) for size in sizes]


SAME, FREE = ("same",), ("free",)
WORKLOADS = [
    *_sizes("roundtrip", (16,), 200, 120),
    *_sizes("roundtrip", (1024,), 200, 120, left_out=(IN_POLL,)),
    # The cost of an idiom does not depend on the size of the message: it is measured with small ones only.
    *_sizes("roundtrip", (65536, 1048576), 200, 120, left_out=(*IDIOMS, IN_POLL)),
    *_sizes("inflight", (16, 1024), 200, 120, left_out=(IN_POLL,)),
    Workload("connect", "connect", 16, 200, 120, left_out=(*IDIOMS, IN_POLL)),
    # What follows does not depend on where the client runs.
    Workload("idle", "idle", 16, 200, 100, SAME, ("raw", *IDIOMS, IN_POLL), longest=12),
    Workload("syscalls", "count", 16, 1000, 500, SAME, longest=10, repeats=3),
    Workload("fairness", "fairness", 16, 800, 300, SAME, (*IDIOMS, IN_POLL)),
    # Threads that are pinned together would not run at the same time.
    *[Workload(f"threads-handlers-{time}", f"handlers-{time}", 16, 500, 150, FREE, peers=WAITERS) for time in HANDLERS],
    Workload("threads-delay", "delay", 16, 400, 150, ("free", "same", "cross"), peers=WRITERS),
]


def _both(bound, base=None):
    return Goal("ours", bound, base), Goal("ours-loop", bound, base)


def _all(bound, base=None):
    return *_both(bound, base), Goal(NEWER, bound, base)


def _round_trip(text, size, *goals):
    return Metric(
        f"Round trip, {text}, p50",
        f"roundtrip-{size}",
        lambda v: v["p50_ns"] / 1000,
        "µs",
        "<=",
        goals,
        "raw-epoll",
        ("p99 µs", lambda v: v["p99_ns"] / 1000, "{:.1f}"),
        "{:.1f}",
    )


def _in_flight(text, size, *goals):
    return Metric(
        f"64 messages in flight, {text}, echoes a second",
        f"inflight-{size}",
        lambda v: v["echoes_per_s"],
        "/s",
        ">=",
        goals,
        "raw",
        None,
        "{:,.0f}",
    )


# Direct calls send one message each: for many in flight they have no goal.
METRICS = [
    _round_trip("16 B", 16, Goal("ours", 1.00, "libuv"), Goal("ours-loop", 1.05, "libuv"), Goal(IN_POLL, 1.25, "raw-epoll")),
    _round_trip("1 KiB", 1024, Goal("ours", 1.00, "libuv"), Goal("ours-loop", 1.05, "libuv")),
    _round_trip("64 KiB", 65536, *_both(1.10, "raw-epoll"), Goal(NEWER, 1.05, "raw-epoll")),
    _round_trip("1 MiB", 1048576, *_both(1.20, "raw-epoll"), Goal(NEWER, 1.10, "raw-epoll")),
    _in_flight("16 B", 16, Goal("ours-loop", 4.5, "raw"), Goal("ours-loop", 0.95, NO_TIMER), Goal(NEWER, 1.2, "libevent")),
    _in_flight("1 KiB", 1024, Goal("ours-loop", 3, "raw"), Goal(NEWER, 4, "raw")),
    Metric(
        f"One active client among {IDLE:,} idle ones, p50 against alone",
        "idle",
        lambda v: v["among_ns"] / v["alone_ns"],
        "× alone",
        "<=",
        _all(1.10),
        None,
        ("idle", lambda v: v["idle"], "{:,.0f}"),
    ),
    Metric(
        "Connect, one echo, close; times a second",
        "connect",
        lambda v: v["connects_per_s"],
        "/s",
        ">=",
        _all(0.80, "raw"),
        "raw",
        None,
        "{:,.0f}",
    ),
    Metric(
        "Server memory for each idle connection",
        "idle",
        lambda v: v["memory"],
        "bytes",
        "<=",
        _all(512),
        None,
        ("idle", lambda v: v["idle"], "{:,.0f}"),
        "{:,.0f}",
    ),
    Metric("Server system calls for a round trip", "syscalls", lambda v: round(v["calls"], 1), "calls", "<=", _all(3)),
    Metric(
        "16 busy clients and a 17th: its share of the echoes",
        "fairness",
        lambda v: v["share"],
        "× the mean",
        ">=",
        _both(0.8),
        None,
        ("least share", lambda v: v["least"], "{:.2f}"),
    ),
]
