"""The same with asyncio. Each test is a coroutine, with a limit in time."""

import asyncio
import functools
import os
import threading

import pytest

import libipc
import libipc.asyncio as aio
from libipc import EventType, Message

from conftest import PATIENCE, expect


def coroutine(test):
    @functools.wraps(test)
    def run(*arguments, **options):
        asyncio.run(asyncio.wait_for(test(*arguments, **options), PATIENCE))

    del run.__wrapped__
    return run


async def echo_events(service):
    async for event in service:
        if event.message:
            event.message.reply(event.message.payload)


class Echo:
    """A service in a task."""

    async def __aenter__(self):
        self.service = aio.Service("echo")
        self.task = asyncio.ensure_future(echo_events(self.service))
        return self.service

    async def __aexit__(self, *exception):
        self.service.close()
        await self.task


@coroutine
async def test_request_and_reply():
    async with Echo(), aio.Client("echo") as client:
        assert await client.request(b"hello", 42) == Message(b"hello", 42)
        assert (await client.request(bytes(1_900_000))).payload == bytes(1_900_000)


@coroutine
async def test_many_requests_at_once_get_their_own_replies():
    async with Echo(), aio.Client("echo") as client:
        replies = await asyncio.gather(*(client.request(b"%d" % number) for number in range(1000)))
    assert [int(reply.payload) for reply in replies] == list(range(1000))


@coroutine
async def test_request_that_is_given_up_takes_its_reply_along():
    async with Echo(), aio.Client("echo") as client:
        given_up = asyncio.ensure_future(client.request(b"given up"))
        await asyncio.sleep(0)
        given_up.cancel()
        assert (await client.request(b"next")).payload == b"next"


@coroutine
async def test_wait_that_is_given_up_loses_no_event():
    async with aio.Service("s") as service:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(service.wait(), 0.01)
        async with aio.Client("s"):
            assert (await service.wait()).type is EventType.CONNECTION


@coroutine
async def test_program_that_is_behind_gets_all_in_order():
    count = aio.BEHIND * 8
    async with aio.Service("s") as service, aio.Client("s") as client:
        for number in range(count):
            client.tell(b"%d" % number)
        assert (await service.wait()).type is EventType.CONNECTION
        await asyncio.sleep(0.05)  # the loop runs, and nobody takes
        assert len(service._events) < aio.BEHIND * 2
        assert [int((await service.wait()).message.payload) for _ in range(count)] == list(range(count))


@coroutine
async def test_requests_go_on_while_events_are_not_taken():
    async with aio.Service("s") as service, aio.Client("s") as client:

        async def push():
            async for event in service:
                if event.message and event.message.user_type == 1:
                    for _ in range(aio.BEHIND * 2):
                        event.message.reply(b"pushed")
                elif event.message:
                    event.message.reply(b"reply")

        pushing = asyncio.ensure_future(push())
        client.tell(user_type=1)
        while len(client._events) < aio.BEHIND:
            await asyncio.sleep(0)
        # Pushed messages are before it: they count as replies, one each. Nothing stops.
        for _ in range(aio.BEHIND * 2):
            await client.request()
        pushing.cancel()


@coroutine
async def test_slow_reader_gets_all():
    """What the kernel does not take at once goes on by itself, without TX events."""
    whole = bytes(1_000_000)
    service = aio.Service("s")
    client = await asyncio.get_running_loop().run_in_executor(None, libipc.Client, "s")

    def read_all():
        for _ in range(20):
            assert expect(client, EventType.MESSAGE).message.payload == whole

    async with service:
        fd = (await service.wait()).fd
        for _ in range(20):
            service.send(fd, whole)
        waiting = asyncio.ensure_future(service.wait())
        await asyncio.get_running_loop().run_in_executor(None, read_all)
        client.close()
        assert (await waiting).type is EventType.DISCONNECTION


@coroutine
async def test_flush_waits_and_has_a_limit():
    with libipc.Service("s") as service:
        async with aio.Client("s") as client:
            for _ in range(4):
                client.tell(bytes(1_000_000))
            with pytest.raises(libipc.TimeoutError):
                await client.flush(0.01)

            def read_all():
                expect(service, EventType.CONNECTION)
                for _ in range(4):
                    expect(service, EventType.MESSAGE)

            reading = asyncio.get_running_loop().run_in_executor(None, read_all)
            await client.flush()
            await reading


@coroutine
async def test_service_that_leaves_ends_requests():
    async with aio.Service("s") as service, aio.Client("s") as client:
        waiting = [asyncio.ensure_future(client.request(b"x")) for _ in range(3)]
        assert (await service.wait()).type is EventType.CONNECTION
        for _ in waiting:
            assert (await service.wait()).type is EventType.MESSAGE
        service.close()
        for request in waiting:
            with pytest.raises(ConnectionError):
                await request
        assert (await client.wait()).type is EventType.DISCONNECTION


@coroutine
async def test_closing_ends_the_loop_and_what_waits():
    service = aio.Service("s")
    loops = [asyncio.ensure_future(echo_events(service)) for _ in range(3)]
    await asyncio.sleep(0)
    service.close()
    await asyncio.gather(*loops)
    with pytest.raises(libipc.ClosedError):
        await service.wait()


@coroutine
async def test_wake_from_another_thread():
    async with aio.Service("s") as service:
        thread = threading.Thread(target=service.wake)
        thread.start()
        assert (await service.wait()).type is EventType.WAKE
        thread.join()


@coroutine
async def test_no_service():
    with pytest.raises(libipc.ConnectError):
        async with aio.Client("nobody"):
            pass


def test_one_loop_for_a_context():
    service = aio.Service("s")

    async def wait():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(service.wait(), 0.001)
        service._unwatch_loop()

    asyncio.run(wait())
    with pytest.raises(RuntimeError, match="another loop"):
        asyncio.run(service.wait())
    service.close()


@coroutine
async def test_descriptor_is_passed():
    async with aio.Service("s", accept_descriptors=True) as service, aio.Client("s") as client:
        with open(__file__, "rb") as file:
            client.tell(b"x", descriptor=file)
            assert (await service.wait()).type is EventType.CONNECTION
            with (await service.wait()).message.descriptor.file() as got:
                assert os.path.sameopenfile(got.fileno(), file.fileno())
