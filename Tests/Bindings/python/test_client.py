"""Requests, and what a client sends without waiting."""

import pytest

import libipc
from libipc import EventType

from conftest import PATIENCE, expect, in_thread


def test_late_reply_is_not_the_next_requests():
    with libipc.Service("s") as service, libipc.Client("s") as client:
        with pytest.raises(TimeoutError, match="within 0.01 seconds"):
            client.request(b"first", timeout=0.01)
        expect(service, EventType.CONNECTION)
        first = expect(service, EventType.MESSAGE).message
        service.release()  # the next event of this connection is for another thread

        def answer():
            first.reply(b"late")
            second = expect(service, EventType.MESSAGE).message
            second.reply(b"in time")
            service.flush()

        with in_thread(answer):
            assert client.request(b"second", timeout=PATIENCE).payload == b"in time"


def test_service_that_leaves_ends_the_request():
    service, client = libipc.Service("s"), libipc.Client("s")

    def leave():
        expect(service, EventType.CONNECTION)
        expect(service, EventType.MESSAGE)
        service.close()

    with client, in_thread(leave):
        with pytest.raises(ConnectionError):
            client.request(b"x")
        expect(client, EventType.DISCONNECTION, client.fd)


def test_other_events_stay(echo):
    with libipc.Client(echo) as client:
        client.listen("other")
        with libipc.Client("other"):
            client.wake()
            assert client.request(b"x", timeout=PATIENCE).payload == b"x"
            assert client.request(b"y").payload == b"y"
            assert {client.wait(PATIENCE).type for _ in range(2)} == {EventType.WAKE, EventType.CONNECTION}


def test_told_message_is_sent_without_a_wait():
    with libipc.Service("s") as service, libipc.Client("s") as client:
        client.tell(b"x", 3)
        expect(service, EventType.CONNECTION)
        assert expect(service, EventType.MESSAGE).message == libipc.Message(b"x", 3)


def test_closing_sends_what_is_queued():
    whole = bytes(1_000_000)
    with libipc.Service("s") as service:

        def send():
            with libipc.Client("s", linger=PATIENCE) as client:
                for _ in range(4):
                    client.send(client.fd, whole)

        with in_thread(send):
            fd = expect(service, EventType.CONNECTION).fd
            for _ in range(4):
                assert expect(service, EventType.MESSAGE, fd).message.payload == whole
            expect(service, EventType.DISCONNECTION, fd)


def test_flush_has_a_limit():
    with libipc.Service("s"), libipc.Client("s", linger=0) as client:
        client.send(client.fd, bytes(1_900_000))
        with pytest.raises(TimeoutError):
            client.flush(0.01)
