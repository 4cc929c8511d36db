"""picture.py - the figures of `same` as a picture for the README (SVG).

A panel for each metric: a dot for each peer at its ratio, a line from the least to the greatest of the repeats. The
axis is logarithmic, since peers lie up to two orders of magnitude apart. The full line is the base (1). In the row of a
peer that has a goal a mark shows what is to be reached; the shaded side is the better one.
"""

import math
from statistics import median
from xml.sax.saxutils import escape

from metrics import METRICS, OURS
from report import label, number, ratios

WIDTH, COLUMNS, MARGIN = 960, 2, 16
LABEL, VALUE, ROW, HEAD, FOOT = 132, 48, 17, 26, 24
OWN, OTHER, GOAL = "#0b6e4f", "#5f6b7a", "#b3541e"
STEPS = (1, 2, 5)


def text(x, y, content, colour="#1c2430", anchor="start", size=12, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(content)}</text>'
    )


def line(x1, y1, x2, y2, colour, width=1.0, more=""):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}" {more}/>'


def ticks(low, high):
    """1, 2, 5 times each power of ten within the range; only the powers where that is many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = STEPS if high / low < 200 else (1,)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]


def goals_on_axis(metric, rows):
    """Pairs of a peer and its goal as a ratio to the metric's base: where the goal is a ratio to another peer, times the
    median of that one. A goal to a peer that was not measured is left out."""
    middles = {peer: median(found) for peer, found in rows if found}
    found = []
    for goal in metric.goals:
        if goal.base == metric.base:
            found.append((goal.peer, goal.bound))
        elif goal.base in middles:
            found.append((goal.peer, goal.bound * middles[goal.base]))
    return found


def panel(metric, rows, left, top, width):
    """`rows` is a list of (peer, ratios); without ratios it failed."""
    goals = goals_on_axis(metric, rows)
    values = [value for _, found in rows for value in found if value > 0] + [bound for _, bound in goals]
    values += [1] if metric.base else []
    low, high = min(values) / 1.15, max(values) * 1.15
    begin, end = left + LABEL, left + width - VALUE
    bottom = top + HEAD + ROW * len(rows)

    def at(value):
        return begin + (end - begin) * math.log(max(value, low) / low) / math.log(high / low)

    unit = f"× {metric.base}" if metric.base else metric.unit
    title = metric.title if unit.startswith("× ") and not metric.base else f"{metric.title} ({unit})"
    drawn = [text(left, top + 14, title, weight="bold", size=12)]
    places = {peer: top + HEAD + ROW * place for place, (peer, _) in enumerate(rows)}
    for peer, bound in goals:
        if peer in places:
            first, last = (begin, at(bound)) if metric.better == "<=" else (at(bound), end)
            drawn.append(f'<rect x="{first:.1f}" y="{places[peer]}" width="{last - first:.1f}" height="{ROW}" fill="#e6f2ec"/>')
    last = -math.inf
    for tick in ticks(low, high):
        drawn.append(line(at(tick), top + HEAD - 4, at(tick), bottom, "#d5dae1"))
        if at(tick) - last > 30:
            drawn.append(text(at(tick), bottom + 13, f"{tick:,g}", "#5f6b7a", "middle", 10))
            last = at(tick)
    if metric.base:
        drawn.append(line(at(1), top + HEAD - 4, at(1), bottom, "#1c2430", 1.2))
    for peer, bound in goals:
        if peer in places:
            drawn.append(line(at(bound), places[peer], at(bound), places[peer] + ROW, GOAL, 1.8))
    for peer, found in rows:
        y = places[peer] + ROW / 2
        colour = OWN if peer in OURS else OTHER
        drawn.append(text(begin - 8, y + 4, label(peer), colour, "end", 11, "bold" if peer in OURS else "normal"))
        if not found:
            drawn.append(text(end + 6, y + 4, "fails", colour, size=11))
            continue
        middle = median(found)
        drawn.append(line(at(min(found)), y, at(max(found)), y, colour, 2.5, 'stroke-linecap="round" opacity="0.45"'))
        drawn.append(f'<circle cx="{at(middle):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        drawn.append(text(end + 6, y + 4, number(middle), colour, size=11))
    return drawn


def draw(results, peers, placement="same"):
    shown = []
    for metric in METRICS:
        runs = results.get((metric.workload, placement), {})
        rows = [(peer, ratios(results, metric, placement, peer, metric.base)) for peer in peers if peer in runs]
        if rows:
            shown.append((metric, rows))
    width = (WIDTH - MARGIN * (COLUMNS + 1)) / COLUMNS
    top, drawn = MARGIN, []
    for first in range(0, len(shown), COLUMNS):
        pair = shown[first : first + COLUMNS]
        for column, (metric, rows) in enumerate(pair):
            drawn += panel(metric, rows, MARGIN + column * (width + MARGIN), top, width)
        top += HEAD + ROW * max(len(rows) for _, rows in pair) + FOOT
    foot = "Server and client on one core. Dot: median; line: least to greatest; mark: to reach; shaded: better. Logarithmic."
    drawn.append(text(MARGIN, top + 8, foot, "#5f6b7a", size=11))
    height = top + MARGIN + 4
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )
