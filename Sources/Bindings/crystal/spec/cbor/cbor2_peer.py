"""The other side of cbor2_spec.cr: Python's cbor2.

cbor2_peer.py make COUNT SEED    COUNT random values as lines: what cbor2 writes, in hexadecimal digits, in each of its ways
cbor2_peer.py recode             for each line of standard input: what cbor2 writes when it has read that
cbor2_peer.py compare            for each line, two encodings with a blank between: `same`, or both values
"""

import datetime
import math
import random
import struct
import sys

import cbor2


def number(r):
    return r.choice(
        [
            lambda: r.randrange(-30, 300),
            lambda: r.choice([1, -1]) * (1 << r.randrange(200)) + r.randrange(-2, 3),
            lambda: struct.unpack(">e", r.randbytes(2))[0],
            lambda: struct.unpack(">f", r.randbytes(4))[0],
            lambda: struct.unpack(">d", r.randbytes(8))[0],
            lambda: r.choice([0.0, -0.0, math.inf, -math.inf, math.nan, 1.1, 65504.0, 65520.0]),
        ]
    )()


def text(r):
    ranges = [(1, 0x80), (0x80, 0xD800), (0x10000, 0x11000)]
    return "".join(chr(r.randrange(*r.choice(ranges))) for _ in range(r.randrange(30)))


def moment(r):
    return datetime.datetime.fromtimestamp(r.randrange(-(10**9), 10**10), datetime.timezone.utc).replace(
        microsecond=r.choice([0, 250000, 1])
    )


def scalar(r):
    return r.choice(
        [
            lambda: number(r),
            lambda: text(r),
            lambda: r.randbytes(r.randrange(300)),
            lambda: r.choice([True, False, None, cbor2.undefined]),
            lambda: cbor2.CBORSimpleValue(r.choice([0, 19, 32, 255])),
            lambda: moment(r),
            lambda: cbor2.CBORTag(r.choice([99, 5000, 2**40]), text(r)),
        ]
    )()


def key(r):
    return r.choice([lambda: r.randrange(-1000, 1000), lambda: text(r), lambda: r.randbytes(3), lambda: r.random(), lambda: (1, text(r))])()


def value(r, depth=0):
    kind = r.randrange(4 if depth < 4 else 2)
    if kind == 2:
        return [value(r, depth + 1) for _ in range(r.randrange(6))]
    if kind == 3:
        return {key(r): value(r, depth + 1) for _ in range(r.choice([0, 1, 3, 30]) if depth < 2 else 2)}
    return scalar(r)


def make(count, seed):
    r = random.Random(int(seed))
    for i in range(int(count)):
        options = [{}, {"canonical": True}, {"timezone": datetime.timezone.utc, "datetime_as_timestamp": True}][i % 3]
        print(cbor2.dumps(value(r), **options).hex())


def alike(a, b):
    """Of the same type and value, the sign of a zero and NaN included."""
    if isinstance(a, cbor2.CBORTag) and isinstance(b, cbor2.CBORTag):
        return a.tag == b.tag and alike(a.value, b.value)
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return math.isnan(a) and math.isnan(b) or a == b and math.copysign(1, a) == math.copysign(1, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[name], b[name]) for name in a)
    return a == b


def recode():
    for line in sys.stdin:
        print(cbor2.dumps(cbor2.loads(bytes.fromhex(line)), timezone=datetime.timezone.utc).hex())


def compare():
    for line in sys.stdin:
        a, b = (cbor2.loads(bytes.fromhex(part)) for part in line.split(" "))
        print("same" if alike(a, b) else f"{a!r} and {b!r}")


if __name__ == "__main__":
    {"make": make, "recode": recode, "compare": compare}[sys.argv[1]](*sys.argv[2:])
