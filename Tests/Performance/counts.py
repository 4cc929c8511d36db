"""counts.py - the report's part on what is counted and not timed: the lines of instructions.sh and scaling.sh."""

import os
import re

ECHOES = re.compile(
    r"(\d+) instructions for (\d+) echoes, (\d+) in flight, timer (-?\d+) \((\d+) each\); (\d+) recorded; "
    r"(\d+) to reach: (.*)"
)
SCALING = re.compile(r"(\d+) instructions beside (\d+) \((\w+)\), (\d+) beside (\d+); at most ([\d.]+) times to reach: (.*)")
SETS = re.compile(r"(\d+) epoll sets made for (\d+) connections that came and went; (\d+) to reach")


def verdict(text):
    return text if text == "met" else f"**{text}**"


def echoes(text):
    rows = []
    for line in ECHOES.findall(text):
        count, number, in_flight, timer, each, recorded, goal = map(int, line[:-1])
        rows.append(
            f"| {number:,} echoes, {in_flight} in flight | {'none' if timer < 0 else f'{timer:,} ms'} | {count:,} | "
            f"{recorded:,} | {goal:,} | {each:,} | {goal // number:,} | {verdict(line[-1])} |"
        )
    if not rows:
        return []
    return [
        "### Instructions of echoes",
        "",
        "Service and client in one process and one thread, 16 B (`instructions.sh`); all of it is counted, the program too.",
        "",
        "| workload | timer | instructions | recorded | to reach | an echo | to reach | |",
        "|---" * 8 + "|",
        *rows,
        "",
    ]


def scaling(text):
    rows = []
    for few, little, name, many, much, bound, result in SCALING.findall(text):
        rows.append(
            f"| {name.replace('_', ' ')} | {int(few):,} beside {int(little):,} | {int(many):,} beside {int(much):,} | "
            f"{int(many) / int(few):.2f} | {bound} | {verdict(result)} |"
        )
    if not rows:
        return []
    lines = [
        "### Instructions of a step beside many others",
        "",
        "The step has nothing to do with the others, and should cost the same (`scaling.sh`).",
        "",
        "| case | few | many | times | to reach at most | |",
        "|---" * 6 + "|",
        *rows,
        "",
    ]
    for made, number, goal in SETS.findall(text):
        lines += [
            f"Epoll sets made while {int(number):,} connections came and went beside a waiting thread: {int(made):,}; "
            f"to reach: {goal}, {verdict('met' if int(made) <= int(goal) else 'not met')}.",
            "",
        ]
    return lines


def part(directory):
    try:
        with open(os.path.join(directory, "counts.txt"), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return []
    tables = echoes(text) + scaling(text)
    return ["## Counts", ""] + tables if tables else []
