"""metrics.py - what is measured, in what unit, against what, and what libipc is to reach.

A workload is what a client and a server do; a metric is one figure of it. The ratio of a metric is taken to
the peer `base` in the same repeat, seconds apart; without a base the figure stands for itself.
"""
from dataclasses import dataclass
from typing import Callable, Optional

PEERS = ['raw', 'raw-epoll', 'libuv', 'libevent', 'zeromq', 'nng', 'sd-bus', 'ours', 'ours-loop',
         'reference', 'reference-loop']
MEASURE = ['raw', 'raw-epoll']                                  # what ratios are taken to
OURS = ['ours', 'ours-loop', 'reference', 'reference-loop']
IDLE = 10_000
WAITERS = ('1-waiter', '2-waiters')                             # libipc with several threads: threads_waiters.c,
WRITERS = ('ipc_write', 'send')                                 # threads_delay.c
HANDLERS = (0, 5, 50)                                           # microseconds that they take


@dataclass(frozen=True)
class Workload:
    name: str
    kind: str                    # what the client is told
    size: int                    # of the payload, in bytes
    amount: int                  # milliseconds, or round trips for `count`
    quick: int                   # the same for QUICK=1
    placements: tuple = ('same', 'cross')
    left_out: tuple = ()         # peers that cannot do it
    longest: float = 3           # seconds that it may take beyond its time
    repeats: int = 1000          # no more than these: what does not vary needs no median
    peers: tuple = ()            # who does it, if not the peers of the others


@dataclass(frozen=True)
class Metric:
    title: str
    workload: str
    figure: Callable             # of the values that the client printed
    unit: str
    goal: str                    # '<=' or '>='
    to_reach: float
    base: Optional[str] = None
    extra: Optional[tuple] = None  # a second column: its head, the value, its format
    form: str = '{:.2f}'         # of the figure


def _sizes(kind, sizes, amount, quick):
    return [Workload(f'{kind}-{size}', kind, size, amount, quick) for size in sizes]


SAME, FREE = ('same',), ('free',)
WORKLOADS = [
    *_sizes('roundtrip', (16, 1024, 65536, 1048576), 200, 120),
    *_sizes('inflight', (16, 1024), 200, 120),
    Workload('connect', 'connect', 16, 200, 120),
    # What follows does not depend on where the client runs.
    Workload('idle', 'idle', 16, 200, 100, SAME, ('raw',), longest=12),
    Workload('syscalls', 'count', 16, 1000, 500, SAME, longest=10, repeats=3),
    Workload('fairness', 'fairness', 16, 800, 300, SAME),
    # Threads that are pinned together would not run at the same time.
    *[Workload(f'threads-handlers-{time}', f'handlers-{time}', 16, 500, 150, FREE, peers=WAITERS) for time in HANDLERS],
    Workload('threads-delay', 'delay', 16, 400, 150, ('free', 'same', 'cross'), peers=WRITERS),
]


def _round_trip(text, size, to_reach):
    return Metric(f'Round trip, {text}, p50', f'roundtrip-{size}', lambda v: v['p50_ns'] / 1000, 'µs', '<=', to_reach,
                  'raw-epoll', ('p99 µs', lambda v: v['p99_ns'] / 1000, '{:.1f}'), '{:.1f}')


def _in_flight(text, size, to_reach):
    return Metric(f'64 messages in flight, {text}, echoes a second', f'inflight-{size}',
                  lambda v: v['echoes_per_s'], '/s', '>=', to_reach, 'raw', None, '{:,.0f}')


METRICS = [
    _round_trip('16 B', 16, 1.10),
    _round_trip('1 KiB', 1024, 1.10),
    _round_trip('64 KiB', 65536, 1.10),
    _round_trip('1 MiB', 1048576, 1.15),
    _in_flight('16 B', 16, 6.5),
    _in_flight('1 KiB', 1024, 3),
    Metric(f'One active client among {IDLE:,} idle ones, p50 against alone', 'idle',
           lambda v: v['among_ns'] / v['alone_ns'], '× alone', '<=', 1.10, None,
           ('idle', lambda v: v['idle'], '{:,.0f}')),
    Metric('Connect, one echo, close; times a second', 'connect', lambda v: v['connects_per_s'], '/s', '>=', 0.80,
           'raw', None, '{:,.0f}'),
    Metric('Server memory for each idle connection', 'idle', lambda v: v['memory'], 'bytes', '<=', 512, None,
           ('idle', lambda v: v['idle'], '{:,.0f}'), '{:,.0f}'),
    Metric('Server system calls for a round trip', 'syscalls', lambda v: v['calls'], 'calls', '<=', 3),
    Metric('16 busy clients and a 17th: its share of the echoes', 'fairness', lambda v: v['share'], '× the mean',
           '>=', 0.8, None, ('least share', lambda v: v['least'], '{:.2f}')),
]
