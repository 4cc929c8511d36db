"""What the tests share: a run directory for each, and an echo service in a thread."""

import contextlib
import gc
import os
import threading

import pytest

import libipc

PATIENCE = 20.0  # seconds, for what happens at once


def open_files():
    """Numbers, and what they are: not the one that this look takes."""
    files = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            files[int(number)] = os.readlink(f"/proc/self/fd/{number}")
    return {number: name for number, name in files.items() if not name.startswith(f"/proc/{os.getpid()}/")}


@pytest.fixture(autouse=True)
def run_directory(tmp_path, monkeypatch):
    """Of its own for each test, which must leave nothing behind: no socket, no descriptor."""
    directory = tmp_path / "run"
    monkeypatch.setenv("IPC_RUNDIR", str(directory))
    monkeypatch.delenv("IPC_NETWORK", raising=False)
    before = open_files()
    yield directory
    gc.collect()
    assert open_files() == before
    assert not directory.exists() or not any(directory.iterdir())


@contextlib.contextmanager
def in_thread(work, *arguments):
    """What it raises, the test raises."""
    raised = []

    def run():
        try:
            work(*arguments)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield thread
    thread.join(PATIENCE)
    assert not thread.is_alive()
    if raised:
        raise raised[0]


def echo_events(service):
    for event in service:
        if event.message:
            event.message.reply(event.message.payload)


@pytest.fixture
def echo():
    """The name of a service that returns what it gets."""
    with libipc.Service("echo") as service, in_thread(echo_events, service):
        yield "echo"
        service.close()


def expect(context, kind, fd=None):
    event = context.wait(PATIENCE)
    assert event.type is kind, event
    assert fd is None or event.fd == fd
    return event
