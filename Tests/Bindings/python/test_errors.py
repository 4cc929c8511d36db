"""Exceptions."""

import pickle
import threading

import pytest

import libipc


def test_no_service_is_a_connection_error_with_the_librarys_text(run_directory):
    with pytest.raises(ConnectionError) as raised:
        libipc.Client("nobody")
    assert type(raised.value) is libipc.ConnectError
    assert raised.value.code == 47
    assert str(raised.value).endswith(f"{run_directory}/nobody: No such file or directory")


def test_refusal_of_the_network_daemon_is_a_connect_error(monkeypatch):
    monkeypatch.setenv("IPC_NETWORK", "elsewhere tcp://nowhere/elsewhere !")
    with libipc.Service("network") as network:

        def refuse():
            for event in network:
                if event.message:
                    event.message.reply(b"nobody is there")
                elif event.type is libipc.EventType.DISCONNECTION:
                    break

        refusing = threading.Thread(target=refuse)
        refusing.start()
        with pytest.raises(libipc.ConnectError, match="refused: nobody is there"):
            libipc.Client("elsewhere")
        refusing.join()


@pytest.mark.parametrize("name", ["", ".", "a/../b", "x" * 200, "nul\0nul", b"nul\0"])
def test_bad_names(name):
    for call in libipc.Client, libipc.Service:
        with pytest.raises(ValueError, match=".") as raised:
            call(name)
        assert isinstance(raised.value, libipc.InvalidNameError)
        assert raised.value.code == 111


def test_names_are_bytes_of_a_path():
    with libipc.Service("\udcff"), libipc.Client(b"\xff") as client:
        assert client.entries()[0].fd == client.fd


def test_live_service_keeps_its_name(echo):
    with pytest.raises(libipc.ListenError) as raised:
        libipc.Service(echo)
    assert raised.value.code == 54


def test_unknown_descriptor(echo):
    with libipc.Client(echo) as client:
        for call in (
            lambda: client.send(999),
            lambda: client.send(999, bytearray(1)),
            lambda: client.disconnect(999),
            lambda: client.peer(999),
        ):
            with pytest.raises(LookupError):
                call()


def test_full_queue():
    with libipc.Service("slow") as service, libipc.Client("slow") as client:
        client.set_limit(libipc.Limit.QUEUE_MESSAGES, 2)
        for _ in range(2):
            client.send(client.fd, b"x")
        with pytest.raises(libipc.QueueFullError):
            client.send(client.fd, b"x")
        client.set_limit(libipc.Limit.QUEUE_MESSAGES, None)
        client.send(client.fd, b"x")
        service.set_quiet(libipc.Quiet.NOTHING)


def test_unknown_limit(echo):
    with libipc.Client(echo) as client, pytest.raises(libipc.LimitError):
        client.set_limit(libipc.Limit.FRAME, 1 << 40)


def test_closed_context(echo):
    client = libipc.Client(echo)
    client.close()
    client.close()
    assert client.closed
    for call in (client.request, client.wait, client.fileno, client.entries, client.wake, lambda: client.connect(echo)):
        with pytest.raises(libipc.ClosedError):
            call()
    assert list(client) == []


def test_exceptions_can_be_pickled():
    error = pickle.loads(pickle.dumps(libipc.ConnectError("text", 47)))
    assert (type(error), str(error), error.code) == (libipc.ConnectError, "text", 47)
