"""ipc listen: a service for the time being, and commands that answer."""

import os
import signal

from frames import frame
from harness import until
from tool import MOST, children


def test_shows_what_comes(world):
    listener = world.listen("up", "--hex", "--output", "text")
    client = world.connect("up")
    client.tell(b"a\xff", user_type=7)
    client.close()
    listener.shows("leaves: the client has closed the connection\n")
    lines = [line.split(" ", 1) for line in listener.shown.splitlines()]
    assert all(len(time) == len("03:04:05.123456") for time, _ in lines)
    assert [text for _, text in lines][1:] == ["#1 > 2/7 2 61ff", "#1 leaves: the client has closed the connection"]
    assert lines[0][1].startswith(f"#1 connects: uid {os.getuid()} gid {os.getgid()} pid ")
    assert listener.stop(signal.SIGTERM) == 0 and world.files() == []


def test_text_is_safe_and_short(world):
    listener = world.listen("up")
    client = world.connect("up")
    client.tell(b"\x1b[31m\nnew line")
    client.tell(b"x" * 100000)
    listener.shows("…\n")
    lines = listener.shown.splitlines()
    assert lines[1].endswith("\\x1b[31m\\x0anew line") and lines[2].endswith("x" * 500 + "…") and len(lines[2]) < 600
    whole = world.listen("whole", "--full")
    world.connect("whole").tell(b"x" * 100000)
    whole.shows("x" * 100000 + "\n")


def test_json_lines(world):
    listener = world.listen("up", "--json")
    client = world.connect("up")
    client.tell("grün\n".encode(), user_type=255)
    client.tell(b"\xff" * 3)
    client.close()
    listener.shows("leaves")
    connects, first, second, leaves = listener.objects()
    assert (connects["event"], connects["uid"], connects["pid"]) == ("connects", os.getuid(), os.getpid())
    assert (first["from"], first["type"], first["user_type"], first["payload"]) == ("client", 2, 255, "grün\n")
    assert second["payload_hex"] == "ffffff" and leaves["event"] == "leaves" and leaves["connection"] == 1


def test_raw_bytes_and_a_count(world):
    listener = world.listen("up", "--output", "raw", "--count", "2")
    client = world.connect("up")
    client.tell(b"a\0")
    client.tell(b"b")
    client.tell(b"too late")
    assert listener.wait() == 0 and listener.shown == "a\0b" and world.files() == []


def test_a_descriptor_is_told_of_and_closed(world):
    listener = world.listen("up")
    read, write = os.pipe()
    client = world.connect("up")
    client.tell(b"pipe", descriptor=write)
    os.close(write)
    listener.shows("4 +1fd pipe\n")
    assert os.read(read, 1) == b""
    os.close(read)


def test_a_command_answers(world):
    world.listen("up", "--exec", "tr a-z A-Z; echo $IPC_MESSAGE_TYPE/$IPC_MESSAGE_USER_TYPE $IPC_PEER_UID")
    world.ipc("call", "up", "--user-type", "9", "hello").is_(0, f"HELLO2/9 {os.getuid()}\n")
    data = bytes(range(256)) * 7000
    world.listen("cat", "--exec", "cat")
    world.ipc("call", "cat", "-", stdin=data).is_(0, data)
    world.ipc("call", "cat").is_(0)


def test_answers_keep_their_order(world):
    world.listen("up", "--exec", "read n; [ $n != 1 ] || seq 300000 > /dev/null; echo $n")
    result = world.ipc("call", "up", "--lines", stdin=b"".join(b"%d\n" % number for number in range(1, 30)))
    assert result.text.split() == [str(number) for number in range(1, 30)], result.err


def test_clients_do_not_wait_for_each_other(world):
    os.mkfifo(world.directory / "gate")
    world.listen("up", "--exec", f"read n; [ $n = fast ] || cat {world.directory}/gate; echo $n")
    slow = world.begin("call", "up", "slow\n")
    with open(world.directory / "gate", "wb"):  # opens when the command of the slow one runs
        world.ipc("call", "up", "fast\n").is_(0, "fast\n")
    assert slow.wait() == 0 and slow.shown == "slow\n"


def test_a_command_that_fails(world):
    listener = world.listen("up", "--exec", "echo no; exit 3")
    world.ipc("call", "up", "x").is_(1, err="ipc: up: the service answers with an error: no\\x0a\n")
    listener.says("ipc: up: the command has ended with 3\n")
    killed = world.listen("killed", "--exec", "kill -9 $$")
    assert world.ipc("call", "killed", "x").status == 1
    killed.says("ipc: killed: the command was ended by signal 9\n")


def test_a_command_that_prints_without_end(world):
    listener = world.listen("up", "--exec", "yes")
    world.ipc("call", "up", "x").is_(1, err="the answer is longer than a message may be")
    listener.says(f"the command prints more than {MOST} bytes")


def test_a_command_that_does_not_read_and_leaves_another(world):
    listener = world.listen("up", "--exec", "sleep 1000 & echo $!")
    answer = world.ipc("call", "up", "-", stdin=bytes(MOST))
    os.kill(int(answer.text), signal.SIGKILL)
    assert listener.stop(signal.SIGINT) == 0


def test_a_client_that_leaves_before_its_answer(world):
    os.mkfifo(world.directory / "gate")
    listener = world.listen("up", "--exec", f"read n; [ $n = fast ] || cat {world.directory}/gate; echo $n")
    client = world.connect("up")
    client.tell(b"slow\n")
    with open(world.directory / "gate", "wb"):
        client.close()
        listener.shows("leaves")
    until(lambda: not children(listener), "the command has ended")
    world.ipc("call", "up", "fast\n").is_(0, "fast\n")
    assert "#1 <" not in listener.shown


def test_a_hostile_client_harms_nobody_else(world):
    listener = world.listen("up", "--exec", "cat")
    bad = world.local(world.here / "up")
    bad.sendall(b"\2\xff\xff\xff\xff\0")
    listener.shows("#1 leaves")
    cut = world.local(world.here / "up")
    cut.sendall(frame(b"cut")[:7])
    world.ipc("call", "up", "x").is_(0, "x")


def test_commands_end_with_it(world):
    listener = world.listen("up", "--exec", "echo $$; exec sleep 1000")
    client = world.connect("up")
    client.tell(b"x")
    running = until(lambda: children(listener), "the command runs")
    assert listener.stop(signal.SIGHUP) == 0 and world.files() == []
    until(lambda: not os.path.exists(f"/proc/{running[0]}"), "the command has ended")


def test_nobody_reads_what_is_shown(world):
    read, write = os.pipe()
    listener = world.listen("up", out=write)
    os.close(write)
    os.close(read)
    world.connect("up").tell(b"x")
    assert listener.wait() == 0 and world.files() == []


def test_a_reader_that_is_slow_does_not_keep_it(world):
    read, write = os.pipe()
    listener = world.listen("up", "--full", out=write)
    os.close(write)
    world.connect("up").tell(b"x" * 1000000)
    assert os.read(read, 1)
    assert listener.stop(signal.SIGTERM) == 0 and world.files() == []
    os.close(read)


def test_a_name_that_is_taken(world):
    world.pong()
    result = world.ipc("listen", "pong")
    assert result.status == 1 and result.err.startswith("ipc: pong: ") and world.files() == ["pong"]
    assert world.ipc("listen", "--count", "0", "x").status == 2
    world.ipc("listen", "x", "y").is_(2, err="y is one argument too many")


def test_modes_of_the_socket(world):
    world.listen("up", environment={"IPC_SOCKET_MODE": "620"})
    assert os.stat(world.here / "up").st_mode & 0o777 == 0o620
