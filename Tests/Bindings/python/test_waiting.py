"""Events, timers, wake-ups, signals and threads."""

import collections
import os
import select
import signal
import socket
import threading
import time

import pytest

import libipc
from libipc import EventType

from conftest import PATIENCE, expect, in_thread


def test_connection_message_disconnection():
    with libipc.Service("s") as service:
        with libipc.Client("s") as client:
            client.tell(b"x")
            fd = expect(service, EventType.CONNECTION).fd
            assert expect(service, EventType.MESSAGE, fd).message.payload == b"x"
        expect(service, EventType.DISCONNECTION, fd)


def test_error_says_why(run_directory):
    with libipc.Service("s") as service, socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(run_directory / "s"))
        raw.sendall(b"\2\xff\xff\xff\xffx")
        fd = expect(service, EventType.CONNECTION).fd
        event = expect(service, EventType.ERROR, fd)
        assert isinstance(event.error, libipc.Error)
        assert str(event.error)


def test_tx_comes_when_asked_for(echo):
    with libipc.Client(echo, quiet=libipc.Quiet.NOTHING) as client:
        client.send(client.fd, b"x")
        expect(client, EventType.TX, client.fd)
        expect(client, EventType.MESSAGE)
        client.set_quiet(libipc.Quiet.TX)
        assert client.request(b"y").payload == b"y"


def test_timeout_is_a_timer_event_and_never_early(echo):
    with libipc.Client(echo) as client:
        begin = time.monotonic()
        assert client.wait(0.0101).type is EventType.TIMER
        assert time.monotonic() - begin >= 0.0101
        assert client.wait(0).type is EventType.TIMER


def test_timer_comes_once_among_other_events():
    with libipc.Service("s") as service, libipc.Client("s") as client:
        service.timer = 0.05
        assert service.timer == 0.05
        client.tell(b"x")
        kinds = [event.type for _, event in zip(range(3), service)]
        assert kinds == [EventType.CONNECTION, EventType.MESSAGE, EventType.TIMER]
        assert service.timer is None
        service.wake()
        assert next(iter(service)).type is EventType.WAKE


def test_wake_from_another_thread():
    with libipc.Service("s") as service, in_thread(service.wake):
        expect(service, EventType.WAKE)


def test_closing_in_another_thread_ends_the_loop(run_directory):
    """At whatever moment of a wait, or between two."""
    for _ in range(200):
        service = libipc.Service("s")
        with in_thread(list, service), in_thread(list, service):
            service.close()
        assert list(run_directory.iterdir()) == []


def test_handler_may_close(echo):
    client = libipc.Client(echo)
    before = signal.signal(signal.SIGALRM, lambda number, frame: client.close())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        assert list(client) == []
        assert client.closed
    finally:
        signal.signal(signal.SIGALRM, before)


def test_signal_handler_runs_during_a_wait_and_may_raise(echo):
    class Raised(Exception):
        pass

    def handler(number, frame):
        calls.append(number)
        if len(calls) == 2:
            raise Raised

    calls = []
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with libipc.Client(echo) as client:
            signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
            with pytest.raises(Raised):
                client.wait(PATIENCE)
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert client.request(b"x").payload == b"x"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_handler_may_wake(echo):
    with libipc.Client(echo) as client:
        before = signal.signal(signal.SIGALRM, lambda number, frame: client.wake())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            expect(client, EventType.WAKE)
        finally:
            signal.signal(signal.SIGALRM, before)


def test_watched_file():
    reading, writing = os.pipe()
    with libipc.Context() as context:
        context.watch(reading)
        os.write(writing, b"x")
        expect(context, EventType.EXTERNAL, reading)
        assert os.read(reading, 10) == b"x"
        assert context.wait(0).type is EventType.TIMER
        context.unwatch(reading)
        os.write(writing, b"y")
    os.close(reading)
    os.close(writing)


def test_descriptor_for_other_loops():
    with libipc.Service("s") as service:
        try:
            service.fileno()
        except libipc.DescriptorError as error:
            pytest.skip(str(error))
        assert select.select([service], [], [], 0)[0] == []
        with libipc.Client("s"):
            assert select.select([service], [], [], PATIENCE)[0] == [service]
            expect(service, EventType.CONNECTION)


def test_several_services_in_one_context():
    with libipc.Context() as context, libipc.Context() as clients:
        for name in "one", "two":
            context.listen(name)
        ends = [clients.connect(name) for name in ("one", "two")]
        for fd in ends:
            clients.send(fd, b"%d" % fd)
        clients.flush()
        kinds = collections.Counter(expect.type for expect in (context.wait(PATIENCE) for _ in range(4)))
        assert kinds == {EventType.CONNECTION: 2, EventType.MESSAGE: 2}
        servers = [entry for entry in context.entries() if entry.type is libipc.EntryType.SERVER]
        assert {os.path.basename(entry.path) for entry in servers} == {b"one", b"two"}


def test_peer_is_this_process():
    with libipc.Service("s") as service, libipc.Client("s") as client:
        fd = expect(service, EventType.CONNECTION).fd
        for context, connection in ((service, fd), (client, client.fd)):
            peer = context.peer(connection)
            assert (peer.uid, peer.gid, peer.pid) == (os.getuid(), os.getgid(), os.getpid())
            if peer.pidfd is not None:
                peer.pidfd.close()


def test_each_connection_has_one_thread_at_a_time():
    """Four workers on one context: the replies of each connection come in its order."""
    with libipc.Service("s") as service:
        workers = [threading.Thread(target=work, args=(service,), daemon=True) for _ in range(4)]
        for worker in workers:
            worker.start()
        with libipc.Context() as clients:
            ends = [clients.connect("s") for _ in range(8)]
            for number in range(200):
                for fd in ends:
                    clients.send(fd, b"%d" % number)
            replies = collections.defaultdict(list)
            for _ in range(200 * len(ends)):
                message = expect(clients, EventType.MESSAGE).message
                replies[message.fd].append(int(message.payload))
        service.close()
        for worker in workers:
            worker.join(PATIENCE)
            assert not worker.is_alive()
    assert all(numbers == list(range(200)) for numbers in replies.values())


def work(service):
    for event in service:
        if event.message:
            event.message.reply(event.message.payload)


def test_unclosed_context_is_warned_of_and_freed(run_directory):
    service = libipc.Service("s")
    with pytest.warns(ResourceWarning, match="unclosed <libipc"):
        del service
    assert list(run_directory.iterdir()) == []


def test_child_leaves_the_parents_service():
    with libipc.Service("s") as service:
        child = os.fork()
        if child == 0:
            service.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        with libipc.Client("s"):
            expect(service, EventType.CONNECTION)
