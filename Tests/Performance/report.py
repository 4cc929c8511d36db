"""report.py - the figures as Markdown tables.

A figure is the median of its repeats; a ratio is the median of the ratios within each repeat, and the spread beside
it is the least and the greatest of them.
"""

import os
import platform
from statistics import median

from metrics import IDIOMS, IDLE, LABELS, MEASURE, METRICS, OURS

PLACEMENTS = {"same": "server and client on one core", "cross": "server and client on a core each"}


def figures(results, metric, placement, peer):
    """One entry a repeat: the figure, or None where there is none."""
    runs = results.get((metric.workload, placement), {}).get(peer, [])
    return [metric.figure(values) if values else None for values in runs]


def ratios(results, metric, placement, peer, base):
    mine = figures(results, metric, placement, peer)
    theirs = figures(results, metric, placement, base) if base else [1] * len(mine)
    return [a / b for a, b in zip(mine, theirs) if a is not None and b]


def number(value):
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def with_spread(values):
    """The median and (least–greatest)."""
    if not values:
        return "—"
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def label(peer):
    return LABELS.get(peer, peer)


def is_met(metric, goal, values):
    middle = median(values)
    return middle <= goal.bound if metric.better == "<=" else middle >= goal.bound


def best_peer(results, metric, base, peers):
    """The best of the others' libraries in `same`, by the same ratio."""
    found = [
        (median(values), peer)
        for peer in peers
        if peer not in [*MEASURE, *OURS, base]
        if (values := ratios(results, metric, "same", peer, base))
    ]
    if not found:
        return "—"
    ratio, peer = min(found) if metric.better == "<=" else max(found)
    return f"{label(peer)} {number(ratio)}"


def bound(metric, goal):
    unit = metric.unit if goal.base is None else f"× {label(goal.base)}"
    return f"{'≤' if metric.better == '<=' else '≥'} {number(goal.bound)} {unit}"


def summary(results, peers):
    """One row for each goal. One that cannot be judged, because a peer is not there, says so."""
    rows = ["| workload | peer | to reach | reached (spread) | | best other library |", "|---" * 6 + "|"]
    for metric in METRICS:
        runs = results.get((metric.workload, "same"))
        if not runs:
            continue
        for goal in metric.goals:
            if goal.peer not in runs:
                continue
            values = ratios(results, metric, "same", goal.peer, goal.base)
            if values:
                verdict = "met" if is_met(metric, goal, values) else "**not met**"
            else:
                verdict = "fails" if goal.base is None or goal.base in runs else f"no {label(goal.base)}"
            # The idioms are measured against each other, and no other library has them.
            best = "" if goal.base in IDIOMS else best_peer(results, metric, goal.base, peers)
            rows.append(f"| {metric.title} | {label(goal.peer)} | {bound(metric, goal)} | {with_spread(values)} | {verdict} | {best} |")
    return rows


def table(results, metric, placement, peers):
    runs = results[metric.workload, placement]
    against = MEASURE if metric.base else []
    head = ["peer", metric.unit if metric.base else metric.unit + " (spread)"]
    head += [metric.extra[0]] if metric.extra else []
    head += [f"× {base} (spread)" for base in against] + ["runs"]
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for peer in peers:
        if peer not in runs:
            continue
        mine = [figure for figure in figures(results, metric, placement, peer) if figure is not None]
        if not mine:
            rows.append(f"| {label(peer)} | fails" + " |" * (len(head) - 1))
            continue
        cells = [label(peer), metric.form.format(median(mine)) if metric.base else with_spread(mine)]
        if metric.extra:
            cells.append(metric.extra[2].format(median(metric.extra[1](v) for v in runs[peer] if v)))
        cells += ["1" if peer == base else with_spread(ratios(results, metric, placement, peer, base)) for base in against]
        rows.append("| " + " | ".join(cells + [str(len(mine))]) + " |")
    return rows


def markdown(results, peers, more, notes, repeats, seconds, load):
    release = ".".join(platform.release().split(".")[:2])
    lines = [
        "# Benchmark",
        "",
        f"Median of {repeats} interleaved runs; in parentheses the least and the greatest. Ratios are taken within each",
        "repeat. For figures in µs, bytes and calls less is better, for others more. "
        f"{platform.system()} {release}, {platform.machine()}, {os.cpu_count()} cores; {seconds:.0f} seconds;",
        f"load average at the beginning: {load:.2f}. Where others use the machine only the medians of ratios mean something.",
        "",
        "libuv and libevent: round trips and connections with the raw client, so that the servers are compared; many in",
        "flight with clients of their own. raw-epoll with many in flight is the limit: one send for all that is there.",
        "Every loop waits with a timer of 10 seconds. `ours-loop, no timer` waits for ever; `ours-loop, assigned` assigns each",
        "result to one variable, so that the compiler copies its 8 KiB.",
        f"Idle connections have had one message echoed. Where fewer than {IDLE:,} could be opened (descriptors, or 5 seconds)",
        "the column `idle` says how many.",
        "",
    ]
    if any((metric.workload, "same") in results for metric in METRICS):
        lines += ["## To reach, and reached (`same`)", ""] + summary(results, peers) + [""]
    for placement, meaning in PLACEMENTS.items():
        tables = [metric for metric in METRICS if (metric.workload, placement) in results]
        if tables:
            lines += [f"## `{placement}`: {meaning}", ""]
        for metric in tables:
            lines += [f"### {metric.title} (`{placement}`)", ""] + table(results, metric, placement, peers) + [""]
    lines += more
    if notes:
        lines += ["## Left out, and failures", ""] + [f"- {note}" for note in notes] + [""]
    return "\n".join(lines)
