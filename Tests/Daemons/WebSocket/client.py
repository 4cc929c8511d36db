"""A web client by hand, so that it can be as wrong as a test wants; and a world with websocketd in it."""

import email.utils
import os
import struct
import time

import harness
from harness import Skipped, World, is_over, read_exactly

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455, 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LARGEST = 1_999_994


def need(module):
    try:
        return __import__(module)
    except ImportError:
        raise Skipped(f"Python's {module} is not there; see python3.log") from None


class WebWorld(World):
    def web(self, *options, allow=("pong",), listen="127.0.0.1:0", **more):
        names = [part for name in allow for part in ("--allow", name)]
        return self.daemon("ipc-websocketd", "--listen", listen, *names, *options, **more)

    def pong(self):
        return self.pongd(self.here)

    def client(self, daemon, **more):
        return Client(self.tcp(daemon.port), **more)


def request(name="pong", fields=(), key=KEY):
    lines = [
        f"GET /{name} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *fields,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def web_frame(opcode, payload=b"", final=True, reserved=0, mask=b"\x37\xfa\x21\x3d", length=None):
    """`mask` None: without; `length`: a lie, or the form of it."""
    masked = 0x80 if mask is not None else 0
    count = len(payload)
    if length is None:
        length = (
            bytes([masked | count])
            if count < 126
            else (struct.pack(">BH", masked | 126, count) if count < 65536 else struct.pack(">BQ", masked | 127, count))
        )
    if mask:
        turned = (mask * (count // 4 + 1))[:count]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(turned, "big")).to_bytes(count, "big")
    return bytes([(0x80 if final else 0) | reserved << 4 | opcode]) + length + (mask or b"") + payload


def close_frame(code=None, reason=b""):
    return web_frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason)


class Client:
    """After the handshake."""

    def __init__(self, sock, name="pong", fields=(), behind=b""):
        self.sock = sock
        sock.settimeout(harness.PATIENCE)
        sock.sendall(request(name, fields) + behind)
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += read_exactly(sock, 1)
        assert self.head.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: " + ACCEPT in self.head, self.head

    def send(self, *arguments, **more):
        self.sock.sendall(web_frame(*arguments, **more))

    def read(self, patience=0):
        """One frame of the server's, which are whole messages; `patience`: seconds between two pieces of it."""
        first, second = read_exactly(self.sock, 2)
        assert first & 0xF0 == 0x80 and second < 128, (first, second)
        length = second
        if second == 126:
            length = struct.unpack(">H", read_exactly(self.sock, 2))[0]
            assert length > 125
        elif second == 127:
            length = struct.unpack(">Q", read_exactly(self.sock, 8))[0]
            assert length > 65535
        payload = b""
        while patience and length - len(payload) > 65536:
            payload += read_exactly(self.sock, 65536)
            time.sleep(patience)
        return first & 15, payload + read_exactly(self.sock, length - len(payload))

    def echoes(self, opcode=TEXT, payload=b"hello"):
        self.send(opcode, payload)
        assert self.read() == (opcode, payload)

    def is_closed(self, *codes):
        """The server says Close with one of the codes, then ends the connection: what it said before."""
        before = []
        while True:
            opcode, payload = self.read()
            if opcode == CLOSE:
                break
            before.append((opcode, payload))
        code = struct.unpack(">H", payload[:2])[0] if payload else None
        assert code in codes, (code, payload)
        payload[2:].decode()
        assert is_over(self.sock) == b""
        self.sock.close()
        return before


def status(world, daemon, text, sock=None):
    """Of the answer to a raw request, which ends the connection."""
    sock = sock or world.tcp(daemon.port)
    sock.sendall(text)
    answer = is_over(sock)
    sock.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 "), answer
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    length = 0 if b"HEAD" == text[:4] else int(fields.get(b"Content-Length", b"0"))
    assert len(body) == length, answer
    # RFC 9110, 6.6.1; the clock is this machine's.
    assert abs(email.utils.parsedate_to_datetime(fields[b"Date"].decode()).timestamp() - time.time()) < 60, fields
    return code_of(head), fields, body


def code_of(head):
    return int(head[9:12])


def resident(process):
    """Bytes of memory."""
    pages = open(f"/proc/{process.pid}/statm").read().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
