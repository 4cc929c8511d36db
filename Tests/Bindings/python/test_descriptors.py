"""Descriptors that come with messages, and sockets of a service manager."""

import os
import socket
import subprocess
import sys

import pytest

import libipc
from libipc import EventType

from conftest import expect


def test_descriptor_comes_with_its_message():
    with libipc.Service("s", accept_descriptors=True) as service, libipc.Client("s", accept_descriptors=True) as client:
        # All is there before the service looks: connection and messages.
        with open(__file__, "rb") as file:
            client.tell(b"plain")
            client.tell(b"with", descriptor=file)
        expect(service, EventType.CONNECTION)
        assert expect(service, EventType.MESSAGE).message.descriptor is None
        message = expect(service, EventType.MESSAGE).message
        message.reply(b"back", descriptor=message.descriptor)
        service.flush()
        reply = expect(client, EventType.MESSAGE).message
        with reply.descriptor.file() as got, open(__file__, "rb") as file:
            assert got.read() == file.read()
        assert os.get_inheritable(message.descriptor.fileno()) is False


def test_descriptor_that_nobody_takes_is_closed():
    reading, writing = os.pipe()
    with libipc.Service("s", accept_descriptors=True) as service, libipc.Client("s") as client:
        client.tell(descriptor=writing)
        os.close(writing)
        expect(service, EventType.CONNECTION)
        expect(service, EventType.MESSAGE)
        assert os.read(reading, 1) == b""
    os.close(reading)


def test_descriptor_for_who_accepts_none_is_closed():
    reading, writing = os.pipe()
    with libipc.Service("s") as service, libipc.Client("s") as client:
        client.tell(b"x", descriptor=writing)
        os.close(writing)
        expect(service, EventType.CONNECTION)
        assert expect(service, EventType.MESSAGE).message.descriptor is None
        service.wait(0)
        assert os.read(reading, 1) == b""
    os.close(reading)


def test_descriptor_object():
    first, second = socket.socketpair()
    with first, libipc.Descriptor(second.detach()) as descriptor:
        other = descriptor.socket()
        with other:
            first.send(b"x")
            assert other.recv(1) == b"x"
        assert repr(descriptor) == "<Descriptor, closed>"
        with pytest.raises(ValueError, match="taken"):
            descriptor.fileno()


def test_closed_descriptor_is_not_sent(echo):
    with libipc.Client(echo) as client, pytest.raises(libipc.DescriptorError) as raised:
        client.tell(b"x", descriptor=999)
    assert raised.value.code == 121


SERVICE = """
import libipc
sockets = libipc.listen_fds("the.name")
assert libipc.listen_fds("another") == []
service = libipc.Service("activated", sockets[0])
for event in service:
    if event.message:
        event.message.reply(b"from the activated")
    if event.type is libipc.EventType.DISCONNECTION:
        service.close()
"""


def test_socket_of_a_service_manager(run_directory):
    run_directory.mkdir()
    path = run_directory / "activated"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with libipc.Client("activated") as client:
            # As systemd does it: the number of the process is known only there.
            command = ["sh", "-c", 'exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=the.name exec "$@"', "sh"]
            process = subprocess.Popen([*command, sys.executable, "-c", SERVICE], stdin=listener)
            assert client.request(b"x").payload == b"from the activated"
        assert process.wait(20) == 0
    path.unlink()  # it is not the library's


def test_without_a_service_manager_there_are_no_sockets(monkeypatch):
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert libipc.listen_fds() == []


def test_socket_that_does_not_listen():
    with socket.socket(socket.AF_UNIX) as other, pytest.raises(libipc.ListenError) as raised:
        libipc.Service("s", other)
    assert raised.value.code == 124
