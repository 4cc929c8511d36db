"""Pairs, and callbacks in Python."""

import os
import socket

import pytest

import libipc
from libipc import EventType, Message

from conftest import expect


class Pair:
    """A context that ties one end of a socket pair, which speaks in bytes, to the service `back`."""

    def __init__(self, read=None, write=None):
        self.back = libipc.Service("back")
        self.context = libipc.Context()
        self.raw, self.end = socket.socketpair()
        self.other = self.context.connect_switched("back", self.end)
        self.fd = self.end.detach()
        if read or write:
            self.context.set_callbacks(self.fd, read, write)
        self.back_fd = expect(self.back, EventType.CONNECTION).fd

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for each in self.raw, self.context, self.back:
            each.close()


def read_words(fd):
    came = os.read(fd, 1000)
    if not came:
        raise EOFError
    return came.split()


def write_word(fd, message):
    os.write(fd, message.payload + b" ")


def test_callbacks_read_and_write():
    with Pair(read_words, write_word) as pair:
        pair.raw.sendall(b"some words at once")
        for word in (b"some", b"words", b"at", b"once"):
            expect(pair.context, EventType.SWITCH, pair.fd)
            pair.context.flush()
            assert expect(pair.back, EventType.MESSAGE, pair.back_fd).message == Message(word)
        pair.back.send(pair.back_fd, b"answer")
        pair.back.flush()
        expect(pair.context, EventType.SWITCH, pair.other)
        assert pair.context.wait(0).type is EventType.TIMER
        assert pair.raw.recv(100) == b"answer "


def test_nothing_to_pass_on():
    with Pair(lambda fd: [] if os.read(fd, 100) == b"ignored" else [b"passed on"]) as pair:
        pair.raw.sendall(b"ignored")
        expect(pair.context, EventType.SWITCH, pair.fd)
        pair.raw.sendall(b"other")
        expect(pair.context, EventType.SWITCH, pair.fd)
        pair.context.flush()
        assert expect(pair.back, EventType.MESSAGE).message.payload == b"passed on"


def test_end_of_a_pair_names_both_ends():
    with Pair(read_words) as pair:
        pair.raw.close()
        event = expect(pair.context, EventType.DISCONNECTION, pair.fd)
        assert event.error is None
        assert sorted(event.ends) == sorted((pair.fd, pair.other))
        for end in event.ends:
            os.close(end)
        expect(pair.back, EventType.DISCONNECTION)


def raise_value_error(*arguments):
    raise ValueError("makes no sense")


def raise_key_error(*arguments):
    raise KeyError("a bug")


def test_failing_reader_ends_the_pair():
    with Pair(raise_value_error) as pair:
        pair.raw.sendall(b"x")
        event = expect(pair.context, EventType.ERROR, pair.fd)
        assert str(event.error.__cause__) == "makes no sense"
        assert sorted(event.ends) == sorted((pair.fd, pair.other))
        for end in event.ends:
            os.close(end)


def test_failing_writer_ends_the_pair_and_its_bug_is_reported(capsys):
    with Pair(read_words, raise_key_error) as pair:
        pair.back.send(pair.back_fd, b"x")
        pair.back.flush()
        expect(pair.context, EventType.SWITCH, pair.other)
        event = expect(pair.context, EventType.ERROR)
        assert isinstance(event.error.__cause__, KeyError)
        assert event.ends == ()  # the library has closed both
        assert "KeyError: 'a bug'" in capsys.readouterr().err
        assert pair.raw.recv(1) == b""


def test_pair_without_callbacks_speaks_in_messages():
    with Pair() as pair:
        pair.raw.sendall(b"\2\0\0\0\1\7x")
        expect(pair.context, EventType.SWITCH)
        pair.context.flush()
        assert expect(pair.back, EventType.MESSAGE).message == Message(b"x", 7)


def test_untied_ends_stay():
    with Pair() as pair:
        assert pair.context.unswitch(pair.fd) == pair.other
        for call in pair.context.unswitch, pair.context.set_callbacks:
            with pytest.raises(LookupError):
                call(pair.fd)
        assert {entry.fd for entry in pair.context.entries()} == {pair.fd, pair.other}


def test_two_ends_of_the_program():
    first, first_end = socket.socketpair()
    second, second_end = socket.socketpair()
    with first, second, libipc.Context() as context:
        context.switch(first_end, second_end)
        first_end.detach()
        second_end.detach()
        first.sendall(b"\2\0\0\0\1\7x")
        expect(context, EventType.SWITCH)
        context.flush()
        assert second.recv(100) == b"\2\0\0\0\1\7x"
