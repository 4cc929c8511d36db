"""permessage-deflate (RFC 7692), with zlib on the client's side by hand: what is agreed on, what each side sends, who sends too much."""

import random
import re
import select
import shutil
import struct
import tempfile
import threading
import zlib

from client import BINARY, CLOSE, CONTINUATION, LARGEST, PING, PONG, TEXT, Client, need, request, resident, status, web_frame
from harness import Skipped, frame, read_exactly, until
from test_page import Browser

TAIL = b"\0\0\xff\xff"
RSV1 = 4


def need_zlib(web):
    web.says("zlib")
    if "built without zlib" in web.text():
        raise Skipped("ipc-websocketd was built without zlib")


def deflating(world, *options, **more):
    web = world.web(*options, **more)
    need_zlib(web)
    return web


class Squeezed(Client):
    """Compresses what it sends, and inflates what it gets, with the contexts that were agreed on."""

    def __init__(self, sock, offer="permessage-deflate; client_max_window_bits", **more):
        super().__init__(sock, fields=(f"Sec-WebSocket-Extensions: {offer}",), **more)
        self.answer = agreed(self.head)
        bits = re.search("client_max_window_bits=([0-9]+)", self.answer)
        self.bits = int(bits[1]) if bits else 15
        self.keeps, self.server_keeps = (f"{side}_no_context_takeover" not in self.answer for side in ("client", "server"))
        bits = re.search("server_max_window_bits=([0-9]+)", self.answer)
        self.server_bits = int(bits[1]) if bits else 15
        self.out, self.into = self.compressor(), zlib.decompressobj(-self.server_bits)

    def compressor(self):
        return zlib.compressobj(6, zlib.DEFLATED, -max(self.bits, 9), 8)

    def squeeze(self, payload):
        if not self.keeps:
            self.out = self.compressor()
        squeezed = self.out.compress(payload) + self.out.flush(zlib.Z_SYNC_FLUSH)
        assert squeezed.endswith(TAIL)
        return squeezed[:-4]

    def say(self, opcode, payload, **more):
        self.send(opcode, self.squeeze(payload), reserved=RSV1, **more)

    def hear(self):
        """One message: opcode, payload, and its size on the wire if it was compressed, else None."""
        first, second = read_exactly(self.sock, 2)
        length = (
            second
            if second < 126
            else struct.unpack(*(">H", read_exactly(self.sock, 2)) if second == 126 else (">Q", read_exactly(self.sock, 8)))[0]
        )
        payload = read_exactly(self.sock, length)
        if not first & 0x40:
            assert first & 0xF0 == 0x80
            return first & 15, payload, None
        assert first & 0xF0 == 0xC0 and first & 15 in (TEXT, BINARY), first
        if not self.server_keeps:
            self.into = zlib.decompressobj(-self.server_bits)
        return first & 15, self.into.decompress(payload + TAIL), length

    def repeats(self, opcode, payload, compressed=None):
        self.say(opcode, payload)
        got, same, size = self.hear()
        assert got == opcode and same == payload, (self.answer, len(payload), len(same), size)
        assert compressed is None or compressed == (size is not None), (payload[:100], size)
        return size


def agreed(head):
    """What the server answers to an offer; empty: nothing."""
    found = re.findall(rb"\r\nSec-WebSocket-Extensions: (.*?)\r\n", head)
    assert len(found) < 2, head
    return found[0].decode() if found else ""


NAME = "permessage-deflate"
NEGOTIATED = [
    (NAME, NAME),
    ("Permessage-Deflate", NAME),
    (f"{NAME}; client_max_window_bits", f"{NAME}; client_max_window_bits=12"),
    (f"{NAME}; client_max_window_bits=15", f"{NAME}; client_max_window_bits=12"),
    (f"{NAME}; client_max_window_bits=8", f"{NAME}; client_max_window_bits=8"),
    (f'{NAME} ;client_max_window_bits = "1\\0"', f"{NAME}; client_max_window_bits=10"),
    (f"{NAME}; server_max_window_bits=15", f"{NAME}; server_max_window_bits=12"),
    (f"{NAME}; server_max_window_bits=9", f"{NAME}; server_max_window_bits=9"),
    (f"{NAME}; server_no_context_takeover", f"{NAME}; server_no_context_takeover"),
    (f"{NAME}; client_no_context_takeover", f"{NAME}; client_no_context_takeover"),
    (
        f"{NAME};client_max_window_bits;server_no_context_takeover;server_max_window_bits=10;client_no_context_takeover",
        f"{NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
    ),
    # Declined, one for each reason (7.1): the next offer counts.
    (f"{NAME}; server_max_window_bits=8, {NAME}", NAME),
    (f"{NAME}; server_max_window_bits, {NAME}; server_max_window_bits=11", f"{NAME}; server_max_window_bits=11"),
    (f"{NAME}; server_max_window_bits=16", ""),
    (f"{NAME}; server_max_window_bits=7", ""),
    (f"{NAME}; server_max_window_bits=09", ""),
    (f"{NAME}; client_max_window_bits=+9", ""),
    (f"{NAME}; client_max_window_bits=100", ""),
    (f"{NAME}; server_no_context_takeover=1", ""),
    (f"{NAME}; client_no_context_takeover=true", ""),
    (f"{NAME}; server_no_context_takeover; Server_No_Context_Takeover", ""),
    (f"{NAME}; client_max_window_bits; client_max_window_bits=10", ""),
    (f"{NAME}; faster", ""),
    ("x-webkit-deflate-frame, permessage-bzip2; level=9, , permessage-deflate2", ""),
    (f"foo, {NAME}; client_max_window_bits=9", f"{NAME}; client_max_window_bits=9"),
]


def test_negotiation(world):
    world.pong()
    web = deflating(world)
    for offer, answer in NEGOTIATED:
        client = world.client(web, fields=(f"Sec-WebSocket-Extensions: {offer}",))
        assert agreed(client.head) == answer, (offer, client.head)
        client.echoes()
        client.sock.close()
    # Two fields are one list (RFC 9110, 5.3).
    client = world.client(web, fields=("Sec-WebSocket-Extensions: foo", f"Sec-WebSocket-Extensions: {NAME}; server_max_window_bits=9"))
    assert agreed(client.head) == f"{NAME}; server_max_window_bits=9"


def test_offers_that_break_the_grammar(world):
    """The handshake fails (RFC 6455, 9.1)."""
    world.pong()
    web = world.web()
    for offer in (
        f"{NAME};",
        f"{NAME}; =1",
        f"{NAME}; a=",
        f"{NAME} x",
        f"{NAME}; a=b c",
        f'{NAME}; a="b',
        f'{NAME}; a="b c"',
        f'{NAME}; a=""',
        f'{NAME}; a="b\\',
        '"x"',
        ";",
        f"{NAME}; a==b",
        f"{NAME}, (x)",
    ):
        assert status(world, web, request(fields=(f"Sec-WebSocket-Extensions: {offer}",)))[0] == 400, offer


def test_no_deflate(world):
    world.pong()
    client = world.client(world.web("--no-deflate"), fields=(f"Sec-WebSocket-Extensions: {NAME}",))
    assert agreed(client.head) == ""
    client.send(TEXT, b"x", reserved=RSV1)
    client.is_closed(1002)


OFFERS = [NAME] + [
    f"{NAME}; {more}"
    for more in (
        "client_max_window_bits",
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits=9; client_max_window_bits=9",
        "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
        "client_max_window_bits=8; server_max_window_bits=15",
    )
]


def test_echoes_with_each_agreement(world):
    world.pong()
    web = deflating(world)
    noise = random.Random(7692)
    texts = [b"", b"x", b"hello", b'{"type": "update", "value": 1}' * 20, "wörld €𝄞 ".encode() * 9000, b"x" * 65536, b" " * LARGEST]
    for offer in OFFERS:
        client = Squeezed(world.tcp(web.port), offer)
        for text in texts * 2:
            client.repeats(TEXT, text)
        for size in (1, 125, 126, 127, 65535, 65536, 65537, 200_000, LARGEST):
            client.repeats(BINARY, noise.randbytes(size), compressed=False if size > 255 else None)
            client.repeats(BINARY, (noise.randbytes(size // 3 + 1) * 3)[:size])
        # Uncompressed ones between are no part of either context (6.1).
        client.send(TEXT, b"plain " * 100)
        assert client.hear()[:2] == (TEXT, b"plain " * 100)
        client.repeats(TEXT, b"plain " * 100, compressed=True)
        client.send(CLOSE, struct.pack(">H", 1000))
        assert client.hear() == (CLOSE, struct.pack(">H", 1000), None)


def test_context_is_kept_or_not(world):
    world.pong()
    web = deflating(world)
    message = random.Random(1).randbytes(1000).hex().encode()
    kept = Squeezed(world.tcp(web.port), NAME)
    sizes = [kept.repeats(TEXT, message) for _ in range(3)]
    assert sizes[0] > 1000 > 100 > sizes[1], sizes
    anew = Squeezed(world.tcp(web.port), f"{NAME}; server_no_context_takeover")
    sizes = [anew.repeats(TEXT, message) for _ in range(3)]
    assert len(set(sizes)) == 1 and sizes[0] > 1000, sizes
    # A client that says that it keeps none, and refers back, breaks the message.
    liar = Squeezed(world.tcp(web.port), f"{NAME}; client_no_context_takeover")
    liar.keeps = True
    liar.repeats(TEXT, message)
    liar.say(TEXT, message)
    liar.is_closed(1007)


def test_window_is_respected(world):
    """Behind 600 bytes of noise a window of 2^9 has forgotten what was before."""
    world.pong()
    web = deflating(world)
    noise = random.Random(2)
    block = noise.randbytes(600)
    for bits, finds in ((9, False), (12, True)):
        client = Squeezed(world.tcp(web.port), f"{NAME}; server_max_window_bits={bits}")
        size = client.repeats(BINARY, block + block)
        assert (size is not None and size < 800) == finds, (bits, size)
    # A client that looks further back than it may, to the message before the last one.
    client = Squeezed(world.tcp(web.port), f"{NAME}; client_max_window_bits=9")
    client.bits = 15
    client.out = client.compressor()
    client.repeats(BINARY, block)
    client.repeats(BINARY, noise.randbytes(4096))
    client.say(BINARY, block)
    client.is_closed(1007)


def test_small_messages_are_sent_as_they_are(world):
    world.pong()
    web = deflating(world)
    anew = Squeezed(world.tcp(web.port), f"{NAME}; server_no_context_takeover")
    for size in (0, 1, 20, 127):
        anew.repeats(TEXT, b"x" * size, compressed=False)
    anew.repeats(TEXT, b"x" * 128, compressed=True)
    kept = Squeezed(world.tcp(web.port), NAME)
    kept.repeats(TEXT, b"x" * 15, compressed=False)
    message = b'{"type":"update","id":17,"value":1.5}'
    assert [kept.repeats(TEXT, message) for _ in range(3)][2] < 20


def test_messages_in_fragments(world):
    """RSV1 on the first frame alone, control frames between, cuts anywhere (6.1)."""
    world.pong()
    web = deflating(world)
    client = Squeezed(world.tcp(web.port))
    text = "fragments of wörds, €𝄞; ".encode() * 10
    for count in (1, 2, 3, 7, 50):
        squeezed = client.squeeze(text)
        step = len(squeezed) // count + 1
        pieces = [squeezed[start : start + step] for start in range(0, len(squeezed), step)] + [b""]
        sent = b""
        for index, piece in enumerate(pieces):
            sent += web_frame(CONTINUATION if index else TEXT, piece, index == len(pieces) - 1, 0 if index else RSV1)
            sent += web_frame(PING, b"%d" % index)
        for start in range(0, len(sent), 11):
            client.sock.sendall(sent[start : start + 11])
        assert [client.hear()[:2] for _ in range(len(pieces) - 1)] == [(PONG, b"%d" % index) for index in range(len(pieces) - 1)]
        assert sorted(client.hear()[:2] for _ in range(2)) == [(TEXT, text), (PONG, b"%d" % (len(pieces) - 1))]


def test_reserved_bits_elsewhere(world):
    world.pong()
    web = deflating(world)
    for wrong in (
        web_frame(PING, b"x", reserved=RSV1),
        web_frame(CLOSE, b"\3\xe8", reserved=RSV1),
        web_frame(PONG, reserved=RSV1),
        web_frame(TEXT, b"x", reserved=2),
        web_frame(TEXT, b"x", reserved=5),
        web_frame(BINARY, b"x", reserved=1),
        web_frame(TEXT, b"x", final=False) + web_frame(CONTINUATION, b"x", reserved=RSV1),
        web_frame(TEXT, b"x", final=False, reserved=RSV1) + web_frame(CONTINUATION, b"x", reserved=RSV1),
    ):
        client = Squeezed(world.tcp(web.port))
        client.sock.sendall(wrong)
        client.is_closed(1002)


# RFC 7692, 7.2.3, and forms of it: each is `Hello`.
EXAMPLES = {
    "one block": "f2 48 cd c9 c9 07 00",
    "no compression": "00 05 00 fa ff 48 65 6c 6c 6f 00",
    "the last block says so": "f3 48 cd c9 c9 07 00 00",
    "the last block says so, and no other follows": "f3 48 cd c9 c9 07 00",
    "two blocks": "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    "empty blocks between": "00 00 00 ff ff 00 00 00 ff ff f2 48 cd c9 c9 07 00 00 00 ff ff 00",
}


def test_examples_of_the_rfc(world):
    world.pong()
    web = deflating(world)
    for offer in (NAME, f"{NAME}; client_no_context_takeover"):
        client = Squeezed(world.tcp(web.port), offer)
        for name, squeezed in EXAMPLES.items():
            client.send(TEXT, bytes.fromhex(squeezed), reserved=RSV1)
            assert client.hear()[:2] == (TEXT, b"Hello"), name
        # The same with the window of the last one (7.2.3.2), where it is kept, and also behind a last block.
        if client.keeps:
            for squeezed in ("f2 00 11 00 00", "f3 48 cd c9 c9 07 00 00", "f2 00 11 00 00"):
                client.send(TEXT, bytes.fromhex(squeezed), reserved=RSV1)
                assert client.hear()[:2] == (TEXT, b"Hello"), squeezed


def test_messages_that_do_not_inflate(world):
    world.pong()
    web = deflating(world)
    good = zlib.compressobj(9, zlib.DEFLATED, -15)
    good = (good.compress(b"Hello, hello, hello") + good.flush(zlib.Z_SYNC_FLUSH))[:-4]
    for squeezed in (
        b"",
        b"\x07",
        b"\xff" * 10,
        good[:5],
        b"\x01\x05\x00\x00\x00",
        bytes.fromhex("f2 00 11 00 00"),
        bytes.fromhex("03 00") * 100,
    ):
        client = Squeezed(world.tcp(web.port))
        client.send(BINARY, squeezed, reserved=RSV1)
        client.is_closed(1007)


def test_text_is_checked_inflated(world):
    world.pong()
    web = deflating(world)
    for text in (
        b"\xff",
        "κόσμε".encode() + b"\xed\xa0\x80edited",
        "€".encode()[:2],
        b"x" * 65535 + "€".encode()[:1],
        b"x" * 200_000 + b"\xc0",
    ):
        client = Squeezed(world.tcp(web.port))
        client.say(BINARY, text)
        assert client.hear()[:2] == (BINARY, text)
        client.say(TEXT, text)
        client.is_closed(1007)
    client = Squeezed(world.tcp(web.port))
    client.repeats(TEXT, b"x" * 65535 + "€𝄞".encode() * 30000)


def bomb(size):
    """`size` zeros, compressed; made in pieces."""
    out = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(1 << 20)
    squeezed = b"".join(out.compress(zeros[: min(len(zeros), size - start)]) for start in range(0, size, len(zeros)))
    return squeezed + out.flush(zlib.Z_SYNC_FLUSH)[:-4]


def test_bomb_ends_with_1009(world):
    """1 GB in 1 MB, and one byte too many: neither takes more memory than a message may have."""
    world.pong()
    web = deflating(world)
    big = bomb(1 << 30)
    before = peak(web)
    for squeezed in (bomb(LARGEST + 1), big, big):
        client = Squeezed(world.tcp(web.port), NAME)
        client.send(BINARY, squeezed, reserved=RSV1)
        client.is_closed(1009)
    assert peak(web) - before < 12 << 20, peak(web) - before
    client = Squeezed(world.tcp(web.port), NAME)
    client.send(BINARY, bomb(LARGEST), reserved=RSV1)
    assert client.hear()[:2] == (BINARY, bytes(LARGEST))


def test_bombs_that_never_end(world):
    """What is not whole is not inflated: 200 unfinished messages of 2 KB, each of nearly 2 MB, take what came, and no more."""
    world.pong()
    web = deflating(world)
    before = resident(web)
    squeezed = bomb(LARGEST - 1)
    clients = [Squeezed(world.tcp(web.port), NAME) for _ in range(200)]
    for client in clients:
        client.send(BINARY, squeezed, final=False, reserved=RSV1)
        client.send(PING)
        assert client.hear()[0] == PONG
    assert resident(web) - before < 20 << 20, resident(web) - before


def empty_blocks(count):
    """At least so many bytes that inflate to nothing: blocks with Huffman codes of their own, whose tables are what costs zlib time."""
    out = bits = 0

    def put(value, width):
        nonlocal out, bits
        out, bits = out | value << bits, bits + width

    order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]
    for _ in range(8):
        # RFC 1951, 3.2.7: two lengths, 1 and "zeros", of one bit each; the end of the block and one distance have codes of one bit.
        put(0b100, 3), put(0, 5), put(0, 5), put(len(order) - 4, 4)
        for symbol in order:
            put(1 if symbol in (1, 18) else 0, 3)
        put(1, 1), put(127, 7), put(1, 1), put(107, 7), put(0, 1), put(0, 1), put(0, 1)
    unit = out.to_bytes(bits // 8, "little")
    return unit * (count // len(unit) + 1)


def test_others_are_served_while_a_message_inflates(world):
    """2.2 MB that take half a second to become nothing do not hold up those who say little."""
    world.pong()
    web = deflating(world)
    squeezed = empty_blocks(2_200_000)
    assert zlib.decompressobj(-15).decompress(squeezed[:8900] + b"\0" + TAIL) == b""
    for offer in (NAME, f"{NAME}; client_no_context_takeover"):
        slow, other = Squeezed(world.tcp(web.port), offer), world.client(web)
        other.echoes()
        # Inflated at once, it would leave time for one echo at most, before or after. Where this test is held up itself, it tries again.
        assert any(echoes_meanwhile(slow, other, squeezed) > 3 for _ in range(10))
        slow.repeats(BINARY, b"and again" * 100)


def echoes_meanwhile(slow, other, squeezed):
    # All but its end has come and is read; then zlib has its work.
    slow.send(BINARY, squeezed, final=False, reserved=RSV1)
    slow.send(PING)
    assert slow.hear()[0] == PONG
    slow.send(CONTINUATION, b"\0")
    echoes = 0
    while not select.select([slow.sock], [], [], 0)[0]:
        other.echoes()
        echoes += 1
    assert slow.hear()[:2] == (BINARY, b"")
    return echoes


def test_max_ratio(world):
    world.pong()
    web = deflating(world, "--max-ratio", "50")
    client = Squeezed(world.tcp(web.port), NAME)
    client.repeats(BINARY, bytes(65536))
    client.repeats(BINARY, random.Random(3).randbytes(2000).hex().encode() * 10)
    client.say(BINARY, bytes(500_000))
    client.is_closed(1009)


def test_too_long_on_the_wire(world):
    """Compressed data that becomes nothing: refused when its length is announced."""
    world.pong()
    web = deflating(world)
    nothing = b"\0\0\0\xff\xff" * 1000
    client = Squeezed(world.tcp(web.port))
    client.sock.sendall(bytes([0xC2, 0xFF]) + struct.pack(">Q", LARGEST + LARGEST // 8 + 1025) + bytes(4))
    client.is_closed(1009)
    client = Squeezed(world.tcp(web.port))
    thread = threading.Thread(target=lambda: flood(client, nothing), daemon=True)
    thread.start()
    client.is_closed(1009)
    thread.join()


def flood(client, piece):
    try:
        client.send(BINARY, piece, final=False, reserved=RSV1)
        while True:
            client.send(CONTINUATION, piece, final=False)
    except OSError:
        pass


def test_frame_form(world):
    """The header of libipc's frame is compressed with its payload."""
    world.pong()
    web = deflating(world)
    client = Squeezed.__new__(Squeezed)
    Client.__init__(client, world.tcp(web.port), fields=(f"Sec-WebSocket-Extensions: {NAME}", "Sec-WebSocket-Protocol: libipc.frame"))
    client.keeps = client.server_keeps = True
    client.bits = client.server_bits = 15
    client.out, client.into = client.compressor(), zlib.decompressobj(-15)
    for message in (frame(), frame(b"hello", 200, 7), frame(b"hello " * 1000, 3, 255), frame(LARGEST * b"\0", 5, 255)):
        client.repeats(BINARY, message)
    client.say(BINARY, frame(b"x") + b"y")
    client.is_closed(1007)


def test_contexts_are_limited(world):
    """Above the limit nobody keeps a context, until one who does has left."""
    world.pong()
    web = deflating(world, "--deflate-contexts", "2")
    first = [Squeezed(world.tcp(web.port), NAME) for _ in range(2)]
    # One who needs none counts for none.
    anew = "server_no_context_takeover; client_no_context_takeover"
    for _ in range(3):
        assert Squeezed(world.tcp(web.port), f"{NAME}; {anew}").answer == f"{NAME}; {anew}"
    assert [client.answer for client in first] == [NAME, NAME]
    further = Squeezed(world.tcp(web.port), f"{NAME}; server_max_window_bits=10; client_max_window_bits")
    assert further.answer == f"{NAME}; {anew}; server_max_window_bits=10; client_max_window_bits=12"
    for client in first + [further]:
        for _ in range(3):
            client.repeats(TEXT, b"hello " * 50, compressed=True)
    before = web.descriptors()
    first[0].sock.close()
    until(lambda: web.descriptors() == before - 2, "the first has left")
    assert Squeezed(world.tcp(web.port), NAME).answer == NAME


def test_memory_of_contexts(world):
    """What the man page says they take, in all."""
    world.pong()
    web = deflating(world, "--deflate-contexts", "300")
    noise = random.Random(4)

    def talk(offer):
        clients = [Squeezed(world.tcp(web.port), offer) for _ in range(300)]
        for client in clients:
            client.repeats(TEXT, noise.randbytes(3000).hex().encode())
        return resident(web), [client.sock.close() for client in clients]

    idle = web.descriptors()
    shared, _ = talk(f"{NAME}; server_no_context_takeover; client_no_context_takeover")
    until(lambda: web.descriptors() == idle, "all have left")
    kept, _ = talk(NAME)
    assert (kept - shared) / 300 < 85_000, (kept - shared) / 300


def peak(process):
    """Bytes of memory that it has had at most."""
    lines = open(f"/proc/{process.pid}/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def test_slow_client(world):
    """Order and contexts hold when messages wait for a client that does not read."""
    service = world.offer("own")
    web = deflating(world, allow=("own",))
    client = Squeezed(world.tcp(web.port), NAME, name="own")
    end = service.accept()
    noise = random.Random(5)
    messages = [noise.randbytes(size // 2).hex().encode() for size in 10 * [LARGEST, 100_000, 40, LARGEST, 2000]]
    thread = threading.Thread(target=lambda: [service.tell(end, message, 1) for message in messages], daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "nobody held the service back"
    before = resident(web)
    for number, message in enumerate(messages):
        assert client.hear()[:2] == (TEXT, message), number
    thread.join()
    assert resident(web) - before < 16 << 20


ECHO = """
(message) => new Promise((done, failed) => {
    const socket = new WebSocket(`ws://${location.host}/pong`)
    let left = 3
    socket.onerror = failed
    socket.onclose = event => failed(event.reason)
    socket.onopen = () => socket.send(message)
    socket.onmessage = event => {
        if (event.data !== message) failed("another message")
        else if (--left > 0) socket.send(message)
        else done(socket.extensions)
    }
})
"""


def test_chromium(world):
    """Its messages are compressed, with and without memory for contexts, and come back as they were."""
    connect = need("websockets.sync.client").sync.client.connect
    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if program is None:
        raise Skipped("no chromium is installed")
    world.pong()
    anew = "server_no_context_takeover; client_no_context_takeover; "
    with tempfile.TemporaryDirectory(dir=world.directory, ignore_cleanup_errors=True) as directory:
        browser = Browser(program, directory)
        try:
            browser.connect(connect)
            for options, agreement in (((), ""), (("--deflate-contexts", "0"), anew)):
                web = deflating(world, *options)
                browser.call("Page.navigate", url=f"http://127.0.0.1:{web.port}/")
                until(lambda web=web: browser.run(f"location.port === '{web.port}' && document.readyState === 'complete'"), "the page")
                for message in ("'hello'", "'wörld €𝄞 '.repeat(20000)", "'x'.repeat(1999994)"):
                    assert browser.run(f"({ECHO})({message})") == f"{NAME}; {agreement}client_max_window_bits=12", message
        finally:
            browser.end()
