"""Frames by hand: cut at every byte, against every rule; closes with their codes."""

import socket
import struct

from client import BINARY, CLOSE, CONTINUATION, LARGEST, PING, PONG, TEXT, Client, close_frame, web_frame
from harness import frame, send_cut


def test_cut_everywhere(world):
    world.pong()
    web = world.web()
    whole = (
        web_frame(TEXT, "wör".encode()[:2], final=False)
        + web_frame(PING, b"now")
        + web_frame(CONTINUATION, b"", final=False)
        + web_frame(CONTINUATION, "wör".encode()[2:])
        + web_frame(BINARY, bytes(range(256)))
        + close_frame(1000, b"done")
    )
    for cut in range(1, len(whole)):
        client = world.client(web)
        send_cut(client.sock, whole, cut)
        assert client.read() == (PONG, b"now"), cut
        # The close may overtake the service's answers.
        expected = [(TEXT, "wör".encode()), (BINARY, bytes(range(256)))]
        assert client.is_closed(1000) in (expected, expected[:1], []), cut


def test_byte_by_byte(world):
    world.pong()
    client = world.client(world.web())
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in web_frame(TEXT, b"he", final=False) + web_frame(PING, b"x") + web_frame(CONTINUATION, b"llo"):
        client.sock.sendall(bytes([byte]))
    assert client.read() == (PONG, b"x") and client.read() == (TEXT, b"hello")


def test_broken_rules(world):
    world.pong()
    web = world.web()
    for code, data in [
        (1002, web_frame(TEXT, b"x", mask=None)),
        (1002, web_frame(TEXT, b"x", reserved=4)),
        (1002, web_frame(BINARY, reserved=1)),
        (1002, web_frame(3)),
        (1002, web_frame(7)),
        (1002, web_frame(11)),
        (1002, web_frame(15)),
        (1002, web_frame(CONTINUATION, b"x")),
        (1002, web_frame(PING, final=False)),
        (1002, web_frame(PING, 126 * b"x")),
        (1002, web_frame(CLOSE, b"x")),
        (1002, web_frame(TEXT, b"x", final=False) + web_frame(TEXT, b"y")),
        (1002, close_frame(1005)),
        (1002, close_frame(999)),
        (1002, close_frame(2999)),
        (1002, web_frame(BINARY, b"x", length=b"\xfe\0\x01")),
        (1002, web_frame(BINARY, b"x", length=struct.pack(">BQ", 255, 65535))),
        (1002, web_frame(BINARY, b"x", length=9 * b"\xff")),
        (1009, web_frame(BINARY, b"x", length=struct.pack(">BQ", 255, LARGEST + 1))),
        (1009, web_frame(BINARY, b"x", length=struct.pack(">BQ", 255, 2**63 - 1))),
        (1009, web_frame(BINARY, LARGEST * b"x", final=False) + web_frame(CONTINUATION, b"x")),
        (1007, web_frame(TEXT, b"\xff")),
        (1007, web_frame(TEXT, b"\xed\xa0\x80")),
        (1007, web_frame(TEXT, b"\xc3")),
        (1007, web_frame(TEXT, b"\xc0\xaf", final=False)),
        (1007, close_frame(1000, b"\xff")),
    ]:
        client = world.client(web)
        client.echoes()
        client.sock.sendall(data)
        assert client.is_closed(code) == [], data[:20]
    world.client(web).echoes()


def test_text_fails_before_its_end(world):
    world.pong()
    client = world.client(world.web())
    client.sock.sendall(web_frame(TEXT, b"ok\xff" + 1000 * b"x")[:11])
    client.is_closed(1007)


def test_closes(world):
    world.pong()
    web = world.web()
    for code in [None, 1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999]:
        client = world.client(web)
        client.sock.sendall(close_frame(code, b"") + web_frame(TEXT, b"nobody reads this"))
        assert client.is_closed(code) == []
    client = world.client(web)
    client.sock.close()
    web.says("without a word")


def test_frames_before_the_answer(world):
    """What comes in one piece with the request counts as if it came later, its end too."""
    world.pong()
    web = world.web()
    hello = web_frame(TEXT, b"hello")
    for behind, code in [(hello + web_frame(PING, b"x") + close_frame(1000), 1000), (hello + web_frame(3), 1002)]:
        before = Client(world.tcp(web.port), behind=behind).is_closed(code)
        assert before in ([(PONG, b"x")] if code == 1000 else [], [(PONG, b"x"), (TEXT, b"hello")], [(TEXT, b"hello")]), before
    client = Client(world.tcp(web.port), behind=web_frame(TEXT, b"hello") + web_frame(BINARY, b"half")[:-2])
    assert client.read() == (TEXT, b"hello")
    client.sock.sendall(web_frame(BINARY, b"half")[-2:])
    assert client.read() == (BINARY, b"half")


def test_user_types(world):
    """Text that is none goes out as binary; so does what has user type 2."""
    service = world.offer("own")
    client = world.client(world.web(allow=("own",)), name="own")
    end = service.accept()
    for opcode, user, payload in (TEXT, 1, b"hello"), (BINARY, 2, b"\0"), (TEXT, 1, b""):
        client.send(opcode, payload)
        assert service.read(end) == (2, user, payload)
    for payload, user, opcode in [
        (b"a", 0, TEXT),
        (b"a", 1, TEXT),
        (b"a", 2, BINARY),
        (b"\xff", 1, BINARY),
        (b"", 1, TEXT),
        (b"\xc3", 9, BINARY),
    ]:
        service.tell(end, payload, user)
        assert client.read() == (opcode, payload), (payload, user)
    service.tell(end, b"last")
    service.disconnect(end)
    assert client.is_closed(1001) == [(TEXT, b"last")]


def test_frame_form(world):
    world.pong()
    web = world.web()
    fields = ["Sec-WebSocket-Protocol: other, libipc.frame"]
    for message in [frame(b"hello", 200, 7), frame(), frame(b"\xff" * 70000, 0, 255), frame(LARGEST * b"x", 3, 3)]:
        client = world.client(web, fields=fields)
        assert b"\r\nSec-WebSocket-Protocol: libipc.frame\r\n" in client.head
        for parts in (1, 2, 7):
            size = len(message) // parts + 1
            pieces = [message[start : start + size] for start in range(0, len(message), size)]
            for index, piece in enumerate(pieces):
                client.send(CONTINUATION if index else BINARY, piece, final=index == len(pieces) - 1)
            assert client.read() == (BINARY, message)
    for code, data in [
        (1003, web_frame(TEXT, b"hello")),
        (1007, web_frame(BINARY, b"short")),
        (1007, web_frame(BINARY, frame(b"hello")[:-1])),
        (1007, web_frame(BINARY, frame(b"hello") + b"x")),
        (1007, web_frame(BINARY, b"")),
        (1009, web_frame(BINARY, b"x", length=struct.pack(">BQ", 255, LARGEST + 7))),
    ]:
        client = world.client(web, fields=fields)
        client.sock.sendall(data)
        assert client.is_closed(code) == [], data[:20]
    assert b"Sec-WebSocket-Protocol" not in Client(world.tcp(web.port), fields=["Sec-WebSocket-Protocol: other"]).head
