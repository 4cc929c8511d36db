"""ipc call: messages and their answers, whatever the bytes, and what is said when there is none."""

import contextlib
import os
import pty
import signal
import subprocess
import threading

from frames import frame, read_frame
from harness import PATIENCE, until
from tool import MOST


def answering(world, *answers, name="raw", close=False):
    """A service that reads one message, then sends these bytes, and closes or waits."""
    server = world.raw(name)
    read = []

    def serve():
        client = world.accept(server)
        read.append(read_frame(client))
        with contextlib.suppress(BrokenPipeError):
            for answer in answers:
                client.sendall(answer)
        if close:
            client.close()

    threading.Thread(target=serve, daemon=True).start()
    return read


def test_text_and_bytes_come_back(world):
    world.pong()
    world.ipc("call", "pong", "hello").is_(0, "hello")
    world.ipc("call", "pong").is_(0)
    world.ipc("call", "pong", "a", "b\n", "--", "--c").is_(0, "a\nb\n\n--c\n")
    for data in (bytes(range(256)) * 4, os.urandom(MOST)):
        world.ipc("call", "pong", "-", stdin=data).is_(0, data)


def test_a_message_that_is_too_long_is_not_sent(world):
    world.pong()
    world.ipc("call", "pong", "-", stdin=bytes(MOST + 1)).is_(2, err=f"pong: a message has {MOST} bytes at most")


def test_hexadecimal(world):
    world.pong()
    world.ipc("call", "pong", "--hex", "00 ff:0A\n0b").is_(0, "00ff0a0b\n")
    world.ipc("call", "pong", "--hex", "-", stdin=b"68 69\n").is_(0, "6869\n")
    for wrong in ("0", "0g", "0 0"):
        assert world.ipc("call", "pong", "--hex", wrong).status == 2


def test_json_is_valid_for_any_bytes(world):
    world.pong()
    for data in ('grün \0 " \\ \x1b \u2028 \u202e \U0001f600\n'.encode(), b""):
        reply = world.ipc("call", "pong", "--json", "-", stdin=data).objects
        assert reply == [{"type": 2, "user_type": 0, "length": len(data), "payload": data.decode()}]
    for data in (b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"ab\xf4\x90\x80\x80", os.urandom(MOST)):
        reply = world.ipc("call", "pong", "--output", "json", "-", stdin=data).objects[0]
        assert bytes.fromhex(reply["payload_hex"]) == data and "payload" not in reply


def test_types(world):
    read = answering(world, frame(b"x", 200, 255))
    reply = world.ipc("call", "raw", "x", "--type", "3", "--user-type=42", "--json").objects[0]
    assert read == [(3, 42, b"x")] and (reply["type"], reply["user_type"]) == (200, 255)
    read = answering(world, frame(b"x"), name="named")
    assert world.ipc("call", "named", "x", "--type", "server-close").status == 0 and read[0][0] == 0
    world.ipc("call", "raw", "--type", "256").is_(2, err="--type takes a number from 0 to 255")
    world.ipc("call", "raw", "--type", "nix").is_(2, err="--type nix: not a number that it takes")


def test_lines_of_stdin(world):
    world.pong()
    lines = b"".join(b"%d\n" % number for number in range(20000))
    world.ipc("call", "pong", "--lines", stdin=lines).is_(0, lines)
    world.ipc("call", "pong", "--lines", stdin=b"a\n\nb").is_(0, "a\n\nb\n")
    world.ipc("call", "pong", "--lines", stdin=b"").is_(0)
    world.ipc("call", "pong", "--lines", "text").is_(2, err="--lines takes its messages from stdin")
    with open(world.directory / "lines", "wb+") as file:
        file.write(lines)
        file.seek(0)
        done = subprocess.run(world.command("call", "pong", "--lines"), stdin=file, capture_output=True, env=world.environment_of({}))
        assert done.stdout == lines, done.stderr


def test_lines_are_answered_while_stdin_goes_on(world):
    world.pong()
    process = subprocess.Popen(
        world.command("call", "pong", "--lines"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=world.environment_of({})
    )
    for text in (b"one\n", b"two\n"):
        process.stdin.write(text)
        process.stdin.flush()
        assert process.stdout.readline() == text
    process.stdin.close()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()


def test_several_answers_and_none(world):
    answering(world, frame(b"1"), frame(b"2") + frame(b"3"))
    world.ipc("call", "raw", "x", "--replies", "3").is_(0, "1\n2\n3\n")
    read = answering(world, name="mute")
    world.ipc("call", "mute", "x" * 100000, "--replies", "0").is_(0)
    until(lambda: read, "the message has come")
    assert len(read[0][2]) == 100000


def test_the_time_is_up(world):
    answering(world)
    world.ipc("call", "raw", "x", "--timeout", "0.1").is_(124, err="ipc: raw: no answer: the time is up\n")
    answering(world, frame(b"1"), name="half")
    world.ipc("call", "half", "x", "--replies=2", "--timeout", "2.").is_(124, "1\n", "no answer: the time is up")


def test_the_time_is_up_while_it_connects(world):
    server = world.raw("full")
    server.listen(0)
    world.local(world.here / "full")
    world.ipc("call", "full", "x", "--timeout", "0.2").is_(124, err="ipc: full: no connection: the time is up\n")


def test_the_service_does_not_read(world):
    world.raw("deaf")
    result = world.ipc("call", "deaf", "-", "--replies", "0", "--timeout", "0.5", stdin=bytes(MOST))
    result.is_(124, err="ipc: deaf: the service does not read; the time is up\n")


def test_a_service_that_misbehaves(world):
    answering(world, close=True)
    world.ipc("call", "raw", "x").is_(1, err="ipc: raw: no answer: the service has closed the connection\n")
    answering(world, frame(b"whole")[:-1], name="cut", close=True)
    assert world.ipc("call", "cut", "x").status == 1
    answering(world, b"\2\xff\xff\xff\xff\0", name="huge")
    result = world.ipc("call", "huge", "x")
    assert result.status == 1 and result.err.startswith("ipc: huge: no answer: ")


def test_an_error_is_told(world):
    answering(world, frame(b"no \x1b[31m\nluck", 1))
    world.ipc("call", "raw", "x").is_(1, err="ipc: raw: the service answers with an error: no \\x1b[31m\\x0aluck\n")
    answering(world, frame(b"no", 1), name="json")
    result = world.ipc("call", "json", "x", "--json")
    assert result.status == 1 and result.objects[0]["type"] == 1 and not result.err


def test_no_service_and_wrong_usage(world):
    world.ipc("call", "nobody", "x").is_(1, err=f"ipc: nobody: connect to {world.here}/nobody: No such file or directory")
    world.ipc("call").is_(2, err="ipc: the name of a service is missing\n")
    for name in ("", "../pong", "x" * 200):
        assert world.ipc("call", name, "x").status == 2
    world.ipc("call", "pong", "--timeout").is_(2, err="--timeout needs a value")
    world.ipc("call", "pong", "--timeout", "soon").is_(2, err="--timeout soon: not a number that it takes")


def test_another_machine_is_reached(world):
    world.daemon("ipcd")
    world.pongd()
    world.ipc("call", "far", "x", IPC_NETWORK=f"far unix://{world.there}/pong !").is_(0, "x")
    world.ipc("call", "far", "x", IPC_NETWORK=f"far unix://{world.there}/nix !").is_(1, err="ipc: far: ")


def test_a_terminal_is_not_spoken_to(world):
    world.pong()
    ours, theirs = pty.openpty()
    data = "red \x1b[31m\ttab\n\u202egrün".encode() + b"\xff"
    done = subprocess.run(world.command("call", "pong", "-"), input=data, stdout=theirs, env=world.environment_of({}))
    os.close(theirs)
    shown = os.read(ours, 1000).decode().replace("\r\n", "\n")
    os.close(ours)
    assert done.returncode == 0 and shown == "red \\x1b[31m\ttab\n\\u{202e}grün\\xff\n", shown


def test_signals_and_readers_that_leave(world):
    read = answering(world)
    process = world.begin("call", "raw", "x")
    until(lambda: read, "the message has come")
    assert process.stop(signal.SIGINT) == -signal.SIGINT
    world.pong()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(world.command("call", "pong", "x"), stdout=full, stderr=subprocess.PIPE, env=world.environment_of({}))
    assert done.returncode == 1 and done.stderr == b"ipc: stdout: No space left on device\n"
