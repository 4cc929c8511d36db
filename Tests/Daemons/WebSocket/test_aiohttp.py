"""aiohttp's client, which parses strictly and can beat by itself."""

import asyncio

from client import need


def in_session(work, **more):
    aiohttp = need("aiohttp")

    async def run():
        async with aiohttp.ClientSession(**more) as session:
            await asyncio.wait_for(work(aiohttp, session), 60)

    asyncio.run(run())


def test_aiohttp_talks(world):
    world.pong()
    web = world.web("--subprotocol", "chat")

    async def work(aiohttp, session):
        url = f"http://127.0.0.1:{web.port}/pong?token=secret"
        async with session.ws_connect(url, protocols=("other", "chat"), max_msg_size=0) as sock:
            assert sock.protocol == "chat"
            for text in ("", "hello", "wörld €𝄞", 300_000 * "x"):
                await sock.send_str(text)
                assert await sock.receive_str() == text
            await sock.send_bytes(bytes(range(256)))
            assert await sock.receive_bytes() == bytes(range(256))
            await sock.close(code=4000)
            assert sock.close_code == 4000

    in_session(work)


def test_aiohttp_answers_pings_and_beats(world):
    world.pong()
    web = world.web("--ping", "0.05", "--pong-time", "10")

    async def work(aiohttp, session):
        async with session.ws_connect(f"http://127.0.0.1:{web.port}/pong", autoping=False, heartbeat=None) as sock:
            for _ in range(5):
                message = await sock.receive()
                assert message.type == aiohttp.WSMsgType.PING, message
                await sock.pong(message.data)
        async with session.ws_connect(f"http://127.0.0.1:{web.port}/pong", heartbeat=0.2) as sock:
            for number in range(10):
                await sock.send_str(str(number))
                assert await sock.receive_str() == str(number)
                await asyncio.sleep(0.05)

    in_session(work)


def test_aiohttp_is_told_of_1011_without_pong(world):
    world.pong()
    web = world.web("--ping", "0.1", "--pong-time", "0.2")

    async def work(aiohttp, session):
        async with session.ws_connect(f"http://127.0.0.1:{web.port}/pong", autoping=False) as sock:
            while (message := await sock.receive()).type == aiohttp.WSMsgType.PING:
                pass
            assert message.type == aiohttp.WSMsgType.CLOSE and message.data == 1011, message

    in_session(work)


def test_aiohttp_with_many_cookies(world):
    """8.1 KiB, as some sites have."""
    world.pong()
    web = world.web()

    async def work(aiohttp, session):
        async with session.ws_connect(f"http://127.0.0.1:{web.port}/pong") as sock:
            await sock.send_str("hello")
            assert await sock.receive_str() == "hello"

    in_session(work, cookies={f"cookie{number}": 830 * "x" for number in range(10)})


def test_aiohttp_reads_each_answer(world):
    """Its parser finds no fault in any of them; methods, statuses, lengths, dates."""
    web = world.web("--health", "/health", "--origin", "https://example.org")

    async def work(aiohttp, session):
        for method, path, headers, expected in [
            ("GET", "/", {}, 200),
            ("HEAD", "/", {}, 200),
            ("OPTIONS", "/", {}, 204),
            ("HEAD", "/pong", {}, 426),
            ("GET", "/pong", {}, 426),
            ("HEAD", "/ping", {}, 404),
            ("OPTIONS", "/pong", {}, 204),
            ("POST", "/pong", {}, 405),
            ("GET", "/health", {}, 200),
            ("GET", "/", {"Host": "evil.org"}, 403),
            ("HEAD", "/", {"Host": "evil.org"}, 403),
            ("GET", "/", {"Host": "example.org"}, 200),
            ("GET", "/", {"Origin": "https://evil.org"}, 403),
        ]:
            async with session.request(method, f"http://localhost:{web.port}{path}", headers=headers) as answer:
                body = await answer.read()
                assert answer.status == expected and "Date" in answer.headers, (method, path, answer)
                assert (body == b"") == (method == "HEAD" or expected == 204), (method, path, body)

    in_session(work)
