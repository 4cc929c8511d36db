"""Requests: what each gets, wherever it is cut, and what stalling or flooding costs."""
import os
import socket
import subprocess

import harness
from client import Client, KEY, request, status, web_frame
from harness import is_over, until


def get(target, *fields):
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def test_page(world):
    web = world.web(allow=("pong", "<b>&amp;"))
    code, fields, body = status(world, web, get("/"))
    assert code == 200 and fields[b"Content-Type"].startswith(b"text/html") and b"default-src 'none'" in fields[b"Content-Security-Policy"]
    assert b"<option>pong<option>&lt;b>&amp;amp;<" in body, body
    assert status(world, web, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")[2] == b""
    assert status(world, world.web("--no-page"), get("/"))[0] == 404


def test_statuses(world):
    web = world.web(allow=("pong", "absent"))
    for text, expected in {
            get("/ping"): 404, request("ping"): 404, request("../pong"): 404, request("absent"): 503, get("/pong"): 426,
            b"POST / HTTP/1.1\r\nHost: x\r\n\r\n": 405, b"DELETE /pong HTTP/1.1\r\nHost: x\r\n\r\n": 405,
            request().replace(b"Version: 13", b"Version: 8"): 426, request().replace(KEY.encode(), b"abc"): 400,
            get("/", "Content-Length: 3") + b"abc": 413, b"GET / HTTP/2.0\r\n\r\n": 505, b"\x16\x03\x01\x02\x00\x01": 400,
            b"GET / HTTP/1.1\r\n\r\n": 400, b"GET / HTTP/1.1\nHost: x\n\n": 400, get("/" + 9000 * "x"): 414,
            get("/", "X: " + 9000 * "x"): 431, get("/", *(100 * ["X: y"])): 431}.items():
        code, fields, _ = status(world, web, text)
        assert code == expected and fields[b"Connection"].startswith(b"close"), (text[:60], code)
        assert (code == 426) == (fields.get(b"Sec-WebSocket-Version") == b"13"), fields
        assert (code == 405) == (b"Allow" in fields), fields


def test_origins(world):
    world.pong()
    web = world.web("--origin", "https://example.org")
    own = f"http://localhost:{web.port}"
    for origin, host, expected in [
            ("https://example.org", "x", 101), ("http://example.org", "x", 403), ("null", "x", 403), (own, "localhost", 403),
            (own, f"localhost:{web.port}", 101), (f"http://127.0.0.1:{web.port}", f"127.0.0.1:{web.port}", 101),
            (f"http://evil.org:{web.port}", f"evil.org:{web.port}", 403)]:
        text = request(fields=[f"Origin: {origin}"]).replace(b"Host: localhost", f"Host: {host}".encode())
        if expected == 403:
            assert status(world, web, text)[0] == 403, (origin, host)
        else:
            sock = world.tcp(web.port)
            sock.sendall(text)
            assert sock.recv(100).startswith(b"HTTP/1.1 101"), (origin, host)


def test_head_cut_everywhere(world):
    world.pong()
    web = world.web()
    answer = world.client(web).head
    whole = request() + web_frame(1, b"hello") + web_frame(2, b"")
    for cut in range(1, len(whole)):
        sock = world.tcp(web.port)
        harness.send_cut(sock, whole, cut)
        assert harness.read_exactly(sock, len(answer) + 9) == answer + b"\x81\x05hello\x82\0", cut
        sock.close()


def test_stalled_request(world):
    world.pong()
    web = world.web("--hello-time", "0.5")
    stalled = world.tcp(web.port)
    stalled.sendall(b"GET / HTTP/1.1\r\nHo")
    silent = world.tcp(web.port)
    world.client(web).echoes()
    assert is_over(stalled).startswith(b"HTTP/1.1 408") and is_over(silent).startswith(b"HTTP/1.1 408")


def test_limits(world):
    world.pong()
    web = world.web("--max-per-peer", "2", "--max-connections", "3")
    first, second = world.client(web), world.client(web)
    assert is_over(world.tcp(web.port)).startswith(b"HTTP/1.1 503")
    first.echoes()
    second.sock.close()
    until(lambda: "has left" in web.text() or "left without" in web.text(), "the end of the second")
    world.client(web).echoes()


def test_unix_socket(world):
    world.pong()
    path = world.directory / "web.sock"
    web = world.web(listen=str(path))
    assert web.ready == f"ready {path}\n"
    assert status(world, web, get("/"), world.local(path))[0] == 200
    client = Client(world.local(path))
    client.echoes()
    again = subprocess.run([harness.BINARIES / "ipc-websocketd", "--listen", path], capture_output=True, timeout=harness.PATIENCE)
    assert again.returncode == 1 and b"cannot listen" in again.stderr, again
    assert web.stop()[0] == 0 and not path.exists()


def test_command_line(world):
    def run(*options):
        return subprocess.run([harness.BINARIES / "ipc-websocketd", *options], capture_output=True, timeout=harness.PATIENCE, text=True)
    assert "--origin ORIGIN" in run("--help").stdout and run("--version").stdout.startswith("ipc-websocketd (libipc) ")
    for options in [
            ["--listen", "0.0.0.0:0"], ["--listen", "x"], ["--listen", "[::]:0"], ["--origin", "example.org"], ["--origin", "http://x/"]]:
        assert run(*options).returncode == 2, options


def test_inherited_socket(world):
    world.pong()
    server = socket.create_server(("127.0.0.1", 0))
    world.sockets.append(server)
    program = ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', harness.BINARIES / "ipc-websocketd", "--allow", "pong"]
    world.start(program, world.here, descriptors=(3,), before=lambda: os.dup2(server.fileno(), 3))
    Client(world.tcp(server.getsockname()[1])).echoes()


def test_signals(world):
    world.pong()
    web = world.web()
    clients = [world.client(web) for _ in range(20)]
    web.process.send_signal(1)
    for client in clients:
        client.echoes()
    status, seconds = web.stop()
    assert status == 0 and seconds < 1, (status, seconds)
    for client in clients:
        client.is_closed(1001)
