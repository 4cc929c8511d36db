"""Clients that others wrote: websockets (asyncio and threads) and wsproto."""

import asyncio

from client import LARGEST, need
from harness import PATIENCE, frame, read_exactly
from test_deflate import need_zlib


def address(web, name="pong"):
    return f"ws://127.0.0.1:{web.port}/{name}"


def test_websockets(world):
    client = need("websockets.sync.client").sync.client
    world.pong()
    web = world.web()
    with client.connect(address(web), max_size=None) as sock:
        for message in ["", "hello", "wörld €𝄞", b"", bytes(range(256)), 65536 * "x", LARGEST * b"\xff", LARGEST * "x"]:
            sock.send(message)
            assert sock.recv(PATIENCE) == message
        sock.send(["in ", "four ", "frames", ""])
        assert sock.recv(PATIENCE) == "in four frames"
        assert sock.ping(b"there?").wait(PATIENCE)
        sock.close(4321, "bye")
    assert (sock.protocol.close_rcvd.code, sock.protocol.close_sent.code) == (4321, 4321)


def test_websockets_in_frame_form(world):
    client = need("websockets.sync.client").sync.client
    world.pong()
    with client.connect(address(world.web()), subprotocols=["libipc.frame"], max_size=None) as sock:
        assert sock.subprotocol == "libipc.frame"
        for message in [frame(), frame(b"hello", 200, 7), frame(LARGEST * b"\0", 5, 255)]:
            sock.send(message)
            assert sock.recv(PATIENCE) == message


def test_websockets_too_long(world):
    websockets = need("websockets.sync.client")
    world.pong()
    with websockets.sync.client.connect(address(world.web())) as sock:
        try:
            sock.send((LARGEST + 1) * b"x")
            sock.recv(PATIENCE)
            raise AssertionError("it was taken")
        except websockets.exceptions.ConnectionClosedError as end:
            assert end.rcvd.code == 1009, end


def test_websockets_foreign_origin(world):
    websockets = need("websockets.sync.client")
    world.pong()
    web = world.web()
    with websockets.sync.client.connect(address(web), origin=f"http://127.0.0.1:{web.port}") as sock:
        sock.send("hello")
        assert sock.recv(PATIENCE) == "hello"
    try:
        websockets.sync.client.connect(address(web), origin="http://example.org")
        raise AssertionError("it was let in")
    except websockets.exceptions.InvalidStatus as refusal:
        assert refusal.response.status_code == 403


def test_websockets_pipelined(world):
    """A hundred clients at once, each with a hundred messages before the first answer is read."""
    client = need("websockets.asyncio.client").asyncio.client
    world.pong()
    web = world.web()

    async def talk(number):
        async with client.connect(address(web), max_size=None) as sock:
            messages = [f"{number} {index} " + index * 97 * "x" for index in range(100)]
            for message in messages:
                await sock.send(message)
            assert [await sock.recv() for _ in messages] == messages

    async def all_of_them():
        await asyncio.gather(*(talk(number) for number in range(100)))

    asyncio.run(all_of_them())


def test_wsproto(world):
    need("wsproto")
    from wsproto import ConnectionType, WSConnection, events

    world.pong()
    web = world.web()
    connection, sock = WSConnection(ConnectionType.CLIENT), world.tcp(web.port)

    def until(kind):
        while True:
            for event in connection.events():
                if isinstance(event, kind):
                    return event
            connection.receive_data(sock.recv(65536) or None)

    sock.sendall(connection.send(events.Request(host="localhost", target="/pong")))
    until(events.AcceptConnection)
    sock.sendall(
        connection.send(events.TextMessage("hel", message_finished=False))
        + connection.send(events.Ping(b"now"))
        + connection.send(events.TextMessage("lo"))
    )
    assert until(events.Pong).payload == b"now"
    assert until(events.TextMessage).data == "hello"
    sock.sendall(connection.send(events.BytesMessage(b"\0\1")))
    assert until(events.BytesMessage).data == b"\0\1"
    sock.sendall(connection.send(events.CloseConnection(1001, "enough")))
    assert until(events.CloseConnection).code == 1001
    try:
        assert read_exactly(sock, 1) == b"", "more came"
    except EOFError:
        pass


def test_websockets_with_deflate(world):
    client = need("websockets.sync.client").sync.client
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

    world.pong()
    web = world.web()
    need_zlib(web)
    for parameters in (
        {},
        {"client_max_window_bits": True},
        {"server_no_context_takeover": True, "client_no_context_takeover": True},
        {"server_max_window_bits": 9, "client_max_window_bits": 9},
    ):
        offers = [ClientPerMessageDeflateFactory(**parameters)]
        with client.connect(address(web), max_size=None, extensions=offers, compression=None) as sock:
            assert any(isinstance(extension, PerMessageDeflate) for extension in sock.protocol.extensions)
            for message in ["", "hello", "wörld €𝄞 " * 500, bytes(range(256)) * 3, 65536 * "x", LARGEST * b"\xff", "hello"]:
                sock.send(message)
                assert sock.recv(PATIENCE) == message
            sock.send(["in ", "four ", "frames", ""])
            assert sock.recv(PATIENCE) == "in four frames"


def test_aiohttp_with_deflate(world):
    aiohttp = need("aiohttp")
    world.pong()
    web = world.web()
    need_zlib(web)

    async def talk():
        async with aiohttp.ClientSession() as session:
            for bits in (15, 9):
                async with session.ws_connect(address(web), compress=bits, max_msg_size=0) as sock:
                    assert sock.compress > 0
                    for message in ["", "hello", "wörld €𝄞 " * 500, 65536 * "x", LARGEST * "x", "hello"]:
                        await sock.send_str(message)
                        assert await sock.receive_str(timeout=PATIENCE) == message
                    await sock.send_bytes(bytes(100_000))
                    assert await sock.receive_bytes(timeout=PATIENCE) == bytes(100_000)

    asyncio.run(talk())


def test_wsproto_with_deflate(world):
    need("wsproto")
    from wsproto import ConnectionType, WSConnection, events
    from wsproto.extensions import PerMessageDeflate

    world.pong()
    web = world.web()
    need_zlib(web)
    connection, sock = WSConnection(ConnectionType.CLIENT), world.tcp(web.port)

    def until(kind):
        while True:
            for event in connection.events():
                if isinstance(event, kind):
                    return event
            connection.receive_data(sock.recv(65536) or None)

    sock.sendall(connection.send(events.Request(host="localhost", target="/pong", extensions=[PerMessageDeflate()])))
    assert until(events.AcceptConnection).extensions
    text = "hello again, " * 100
    for _ in range(3):
        sock.sendall(connection.send(events.TextMessage(text)))
        heard = ""
        while len(heard) < len(text):
            heard += until(events.TextMessage).data
        assert heard == text
