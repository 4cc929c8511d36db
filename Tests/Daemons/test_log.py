"""Lines of the log: one for each thing that is said, whatever bytes of a peer's are in it."""

import re

from harness import frame, is_over, read_frame, until


def refused(world, daemon, name):
    """Asks tcpd for a service with this name; the line of the log that says that there is none."""
    before = len(open(daemon.log.name, "rb").read())
    sock = world.tcp(daemon.port)
    sock.sendall(name + b"\n")
    is_over(sock)
    text = until(lambda: re.search(rb".*begin.*end.*\n", open(daemon.log.name, "rb").read()[before:], re.DOTALL), "a line of the log")[0]
    return next(line for line in text.split(b"\n") if b"begin" in line)


def test_what_peers_say_is_escaped(world):
    daemon = world.tcpd()
    for said, shown in [
        (b"\x00\x1b[31m", rb"\x00\x1b[31m"),
        (b"\t\r\x7f", rb"\x09\x0d\x7f"),  # C0, with NUL, and DEL
        ("\x80\x9b31m\x9f".encode(), rb"\u{80}\u{9b}31m\u{9f}"),  # C1
        ("\u2028\u2029".encode(), rb"\u{2028}\u{2029}"),  # ends of lines
        ("\u202a\u202e\u2066\u2069\u200f\u061c".encode(), rb"\u{202a}\u{202e}\u{2066}\u{2069}\u{200f}\u{061c}"),  # directions
        (b"\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xc3", rb"\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xc3"),  # no UTF-8
        ("wörld €𝄞 \u2027\u202f\u2065\u206a\xa0".encode(),) * 2,
        (rb"\x1b",) * 2,
    ]:
        assert b"begin" + shown + b"end" in refused(world, daemon, b"begin" + said + b"end"), said


def test_long_line_is_cut_between_characters(world):
    daemon = world.daemon("ipcd")
    for cut in range(4):
        asking = world.local(world.here / "network")
        asking.sendall(frame((cut * "x" + 700 * "€" + ";pong x:y").encode(), 3, 3))
        read_frame(asking)
    lines = until(lambda: re.findall(rb"[^\n]*\xe2\x82\xac[^\n]*\n", open(daemon.log.name, "rb").read())[3:], "four lines")
    for line in lines:
        assert len(line) <= 1024 + 4 and line.decode().endswith("€…\n"), line
