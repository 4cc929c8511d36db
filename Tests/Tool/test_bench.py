"""ipc bench: what it measures, and what it says of a service that does not answer."""

from frames import frame
from test_call import answering


def test_all_lines(world):
    world.pong()
    rows = world.ipc("bench", "pong", "--count", "200", "--json").objects
    assert [(row["what"], row["size"], row["in_flight"]) for row in rows] == [
        ("round trips", size, number) for size in (16, 4096, 65536) for number in (1, 64)
    ] + [("connects", 16, 1)]
    for row in rows:
        assert row["count"] == 200 and row["differing"] == 0 and row["per_second"] > 0
        assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["max_ns"] <= row["nanoseconds"]


def test_one_line(world):
    world.pong()
    (row,) = world.ipc("bench", "pong", "--size", "0", "--in-flight", "7", "--count", "50", "--json").objects
    assert (row["size"], row["in_flight"], row["count"]) == (0, 7, 50)
    (row,) = world.ipc("bench", "pong", "--connects", "--size", "100000", "--count", "5", "--json").objects
    assert (row["what"], row["size"], row["count"]) == ("connects", 100000, 5)
    (row,) = world.ipc("bench", "pong", "--size", "1", "--in-flight", "1", "--seconds", "0.05", "--json").objects
    assert row["nanoseconds"] >= 50_000_000


def test_a_table_for_people(world):
    world.pong()
    lines = world.ipc("bench", "pong", "--count", "10").text.splitlines()
    assert len(lines) == 8 and len({len(line) for line in lines}) == 1
    assert lines[0].split() == ["WHAT", "SIZE", "IN", "FLIGHT", "COUNT", "PER", "SECOND", "P50", "us", "P99", "us", "MAX", "us"]
    assert lines[1].split()[:5] == ["round", "trips", "16", "1", "10"]


def test_services_that_do_not_echo(world):
    answering(world, *[frame(b"short")] * 3)
    (row,) = world.ipc("bench", "raw", "--size", "16", "--in-flight", "1", "--count", "1", "--json").objects
    assert row["differing"] == 1
    answering(world, name="mute")
    result = world.ipc("bench", "mute", "--timeout", "0.1")
    assert result.status == 124 and result.err == "ipc: mute: no answer: the time is up\n"
    answering(world, name="gone", close=True)
    assert world.ipc("bench", "gone").err == "ipc: gone: the service has closed the connection\n"
    answering(world, frame(b"no such word", 1), name="error")
    assert world.ipc("bench", "error").err == "ipc: error: the service answers with an error: no such word\n"
    assert world.ipc("bench", "nobody").status == 1
