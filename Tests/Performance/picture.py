"""picture.py - the figures of `same` as a picture for the README (SVG).

A panel for each metric: a dot for each peer at its ratio, a line from the least to the greatest of the repeats. The
axis is logarithmic, since peers lie up to two orders of magnitude apart. The full line is the base (1), the dashed one
what libipc is to reach; the shaded side is the better one.
"""
import math
from statistics import median
from xml.sax.saxutils import escape

from metrics import METRICS, OURS
from report import number, ratios

WIDTH, COLUMNS, MARGIN = 960, 2, 16
LABEL, VALUE, ROW, HEAD, FOOT = 96, 48, 17, 26, 24
OWN, OTHER, GOAL = '#0b6e4f', '#5f6b7a', '#b3541e'
STEPS = (1, 2, 5)


def text(x, y, content, colour='#1c2430', anchor='start', size=12, weight='normal'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}">{escape(content)}</text>')


def line(x1, y1, x2, y2, colour, width=1.0, more=''):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}" {more}/>')


def ticks(low, high):
    """1, 2, 5 times each power of ten within the range; only the powers where that is many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = STEPS if high / low < 200 else (1,)
    return [step * 10.0 ** power for power in powers for step in steps if low <= step * 10.0 ** power <= high]


def panel(metric, rows, left, top, width):
    """`rows` is a list of (peer, ratios); without ratios it failed."""
    values = [value for _, found in rows for value in found if value > 0] + [metric.to_reach]
    values += [1] if metric.base else []
    low, high = min(values) / 1.15, max(values) * 1.15
    begin, end = left + LABEL, left + width - VALUE
    bottom = top + HEAD + ROW * len(rows)

    def at(value):
        return begin + (end - begin) * math.log(max(value, low) / low) / math.log(high / low)

    goal = at(metric.to_reach)
    better = (begin, goal) if metric.goal == '<=' else (goal, end)
    unit = f'× {metric.base}' if metric.base else metric.unit
    title = metric.title if unit.startswith('× ') and not metric.base else f'{metric.title} ({unit})'
    drawn = [text(left, top + 14, title, weight='bold', size=12),
             f'<rect x="{better[0]:.1f}" y="{top + HEAD - 4}" width="{better[1] - better[0]:.1f}" '
             f'height="{bottom - top - HEAD + 4}" fill="#e6f2ec"/>']
    last = -math.inf
    for tick in ticks(low, high):
        drawn.append(line(at(tick), top + HEAD - 4, at(tick), bottom, '#d5dae1'))
        if at(tick) - last > 30:
            drawn.append(text(at(tick), bottom + 13, f'{tick:,g}', '#5f6b7a', 'middle', 10))
            last = at(tick)
    if metric.base:
        drawn.append(line(at(1), top + HEAD - 4, at(1), bottom, '#1c2430', 1.2))
    drawn.append(line(goal, top + HEAD - 4, goal, bottom, GOAL, 1.4, 'stroke-dasharray="4 3"'))
    for place, (peer, found) in enumerate(rows):
        y = top + HEAD + ROW * place + ROW / 2
        colour = OWN if peer in OURS else OTHER
        drawn.append(text(begin - 8, y + 4, peer, colour, 'end', 11, 'bold' if peer in OURS else 'normal'))
        if not found:
            drawn.append(text(end + 6, y + 4, 'fails', colour, size=11))
            continue
        middle = median(found)
        drawn.append(line(at(min(found)), y, at(max(found)), y, colour, 2.5, 'stroke-linecap="round" opacity="0.45"'))
        drawn.append(f'<circle cx="{at(middle):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        drawn.append(text(end + 6, y + 4, number(middle), colour, size=11))
    return drawn


def draw(results, peers, placement='same'):
    shown = []
    for metric in METRICS:
        runs = results.get((metric.workload, placement), {})
        rows = [(peer, ratios(results, metric, placement, peer, metric.base)) for peer in peers if peer in runs]
        if rows:
            shown.append((metric, rows))
    width = (WIDTH - MARGIN * (COLUMNS + 1)) / COLUMNS
    top, drawn = MARGIN, []
    for first in range(0, len(shown), COLUMNS):
        pair = shown[first:first + COLUMNS]
        for column, (metric, rows) in enumerate(pair):
            drawn += panel(metric, rows, MARGIN + column * (width + MARGIN), top, width)
        top += HEAD + ROW * max(len(rows) for _, rows in pair) + FOOT
    foot = 'Server and client on one core. Dot: median; line: least to greatest; dashed: to reach; shaded: better. Logarithmic.'
    drawn.append(text(MARGIN, top + 8, foot, '#5f6b7a', size=11))
    height = top + MARGIN + 4
    return '\n'.join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                      f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
                      f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *drawn, '</svg>', ''])
