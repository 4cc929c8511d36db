"""report.py - the figures as Markdown tables.

A figure is the median of its repeats; a ratio is the median of the ratios within each repeat, and the spread beside
it is the least and the greatest of them.
"""
import os
import platform
from statistics import median

from metrics import IDLE, MEASURE, METRICS, OURS

PLACEMENTS = {'same': 'server and client on one core', 'cross': 'server and client on a core each'}


def figures(results, metric, placement, peer):
    """One entry a repeat: the figure, or None where there is none."""
    runs = results.get((metric.workload, placement), {}).get(peer, [])
    return [metric.figure(values) if values else None for values in runs]


def ratios(results, metric, placement, peer, base):
    mine = figures(results, metric, placement, peer)
    theirs = figures(results, metric, placement, base) if base else [1] * len(mine)
    return [a / b for a, b in zip(mine, theirs) if a is not None and b]


def number(value):
    return f'{value:.3f}' if value < 0.1 else f'{value:.2f}' if value < 10 else f'{value:,.1f}' if value < 100 else f'{value:,.0f}'


def with_spread(values):
    """The median and (least–greatest)."""
    if not values:
        return '—'
    return f'{number(median(values))} ({number(min(values))}–{number(max(values))})'


def reached(metric, values):
    middle = median(values)
    return middle <= metric.to_reach if metric.goal == '<=' else middle >= metric.to_reach


def best_peer(results, metric, peers):
    """The best of the others' libraries in `same`, as (ratio, peer)."""
    found = [(median(values), peer) for peer in peers if peer not in MEASURE + OURS
             if (values := ratios(results, metric, 'same', peer, metric.base))]
    if not found:
        return None
    return min(found) if metric.goal == '<=' else max(found)


def summary(results, peers):
    ours = [peer for peer in OURS if peer in peers]
    rows = ['| workload | to reach | ' + ' | '.join(ours) + ' | best peer |', '|---|---|' + '---|' * (len(ours) + 1)]
    for metric in METRICS:
        if not results.get((metric.workload, 'same')):
            continue
        sign = '≤' if metric.goal == '<=' else '≥'
        unit = f'× {metric.base}' if metric.base else metric.unit
        cells = []
        for peer in ours:
            values = ratios(results, metric, 'same', peer, metric.base)
            mark = '' if not values or not reached(metric, values) else ' ✓'
            cells.append(with_spread(values) + mark if values else 'fails')
        best = best_peer(results, metric, peers)
        cells.append(f'{best[1]} {number(best[0])}' if best else '—')
        rows.append(f'| {metric.title} | {sign} {metric.to_reach:g} {unit} | ' + ' | '.join(cells) + ' |')
    return rows


def table(results, metric, placement, peers):
    runs = results[metric.workload, placement]
    against = MEASURE if metric.base else []
    head = ['peer', metric.unit if metric.base else metric.unit + ' (spread)']
    head += [metric.extra[0]] if metric.extra else []
    head += [f'× {base} (spread)' for base in against] + ['runs']
    rows = ['| ' + ' | '.join(head) + ' |', '|---' * len(head) + '|']
    for peer in peers:
        if peer not in runs:
            continue
        mine = [figure for figure in figures(results, metric, placement, peer) if figure is not None]
        if not mine:
            rows.append(f'| {peer} | fails' + ' |' * (len(head) - 1))
            continue
        cells = [peer, metric.form.format(median(mine)) if metric.base else with_spread(mine)]
        if metric.extra:
            cells.append(metric.extra[2].format(median(metric.extra[1](v) for v in runs[peer] if v)))
        cells += ['1' if peer == base else with_spread(ratios(results, metric, placement, peer, base)) for base in against]
        rows.append('| ' + ' | '.join(cells + [str(len(mine))]) + ' |')
    return rows


def markdown(results, peers, more, notes, repeats, seconds):
    release = '.'.join(platform.release().split('.')[:2])
    lines = ['# Benchmark', '',
             f'Median of {repeats} interleaved runs; in parentheses the least and the greatest. Ratios are taken within each',
             'repeat. For figures in µs, bytes and calls less is better, for others more. '
             f'{platform.system()} {release}, {platform.machine()}, {os.cpu_count()} cores; {seconds:.0f} seconds.', '',
             'libuv and libevent: round trips and connections with the raw client, so that the servers are compared; many in',
             'flight with clients of their own. raw-epoll with many in flight is the limit: one send for all that is there.',
             f'Idle connections have had one message echoed. Where fewer than {IDLE:,} could be opened (descriptors, or 5 seconds)',
             'the column `idle` says how many.', '']
    if any((metric.workload, 'same') in results for metric in METRICS):
        lines += ['## To reach, and reached (`same`)', ''] + summary(results, peers) + ['']
    for placement, meaning in PLACEMENTS.items():
        tables = [metric for metric in METRICS if (metric.workload, placement) in results]
        if tables:
            lines += [f'## `{placement}`: {meaning}', '']
        for metric in tables:
            lines += [f'### {metric.title} (`{placement}`)', ''] + table(results, metric, placement, peers) + ['']
    lines += more
    if notes:
        lines += ['## Left out, and failures', ''] + [f'- {note}' for note in notes] + ['']
    return '\n'.join(lines)
