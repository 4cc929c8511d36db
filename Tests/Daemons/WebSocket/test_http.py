"""Requests: what each gets, wherever it is cut, and what stalling or flooding costs."""

import os
import socket
import subprocess

import harness
from client import KEY, Client, request, status, web_frame
from harness import is_over, until


def get(target, *fields):
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


def test_page(world):
    web = world.web(allow=("pong", "<b>&amp;"))
    code, fields, body = status(world, web, get("/"))
    assert code == 200 and fields[b"Content-Type"].startswith(b"text/html") and b"default-src 'none'" in fields[b"Content-Security-Policy"]
    assert b"<option>pong<option>&lt;b>&amp;amp;<" in body, body
    head = status(world, web, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head[0] == 200 and head[1][b"Content-Length"] == str(len(body)).encode()
    assert status(world, world.web("--no-page"), get("/"))[0] == 404


def test_statuses(world):
    web = world.web(allow=("pong", "absent"))
    for text, expected in {
        get("/ping"): 404,
        request("ping"): 404,
        request("../pong"): 404,
        request("absent"): 503,
        get("/pong"): 426,
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n": 405,
        b"DELETE /pong HTTP/1.1\r\nHost: x\r\n\r\n": 405,
        request().replace(b"Version: 13", b"Version: 8"): 426,
        request().replace(KEY.encode(), b"abc"): 400,
        get("/", "Content-Length: 3") + b"abc": 413,
        b"GET / HTTP/2.0\r\n\r\n": 505,
        b"\x16\x03\x01\x02\x00\x01": 400,
        b"GET / HTTP/1.1\r\n\r\n": 400,
        b"GET / HTTP/1.1\nHost: x\n\n": 400,
        get("/" + 17000 * "x"): 414,
        get("/", "X: " + 17000 * "x"): 431,
        get("/", *(100 * ["X: y"])): 431,
    }.items():
        code, fields, _ = status(world, web, text)
        assert code == expected and fields[b"Connection"].startswith(b"close"), (text[:60], code)
        assert (code == 426) == (fields.get(b"Sec-WebSocket-Version") == b"13"), fields
        assert (code == 405) == (b"Allow" in fields), fields


def test_head_gets_what_get_gets_without_a_body(world):
    web = world.web("--health", "/health", "--hello-time", "0.5", allow=("pong", "absent"))
    for text in [
        get("/"),
        get("/ping"),
        get("/pong"),
        request("absent"),
        get("/health"),
        get("/", "Content-Length: 3"),
        get("/%zz"),
        get("/" + 17000 * "x"),
        get("/", "X: " + 17000 * "x"),
        get("/", "X : y"),
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        get("/").replace(b"localhost", b"evil.org"),
        get("/").replace(b"localhost", b"a b"),
        b"GET / HTTP/1.1\r\nHost: x\r\n",
    ]:
        code, fields, _ = status(world, web, text)
        # HEAD asks for no upgrade.
        expected = 426 if code == 503 else code
        other = status(world, web, text.replace(b"GET", b"HEAD", 1))
        assert (other[0], other[1].get(b"Allow")) == (expected, fields.get(b"Allow")), (text[:60], code, other)
        if expected == code:
            assert other[1][b"Content-Length"] == fields[b"Content-Length"], (text[:60], fields, other)


def test_allow_names_what_is_allowed(world):
    web = world.web()
    for target in ("/", "/pong", "*"):
        code, fields, body = status(world, web, f"OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert code == 204 and body == b"" and b"Content-Length" not in fields and b"Access-Control-Allow-Origin" not in fields, fields
        assert status(world, web, get(target).replace(b"GET", b"POST"))[1][b"Allow"] == fields[b"Allow"]
        for method in fields[b"Allow"].split(b", ") if target != "*" else []:
            assert status(world, web, get(target).replace(b"GET", method))[0] != 405, method
    assert status(world, web, b"OPTIONS /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 404


def test_wrong_host_is_refused(world):
    web = world.web()
    for host in [b"a b", b"[::1", b"[x].com", b"", b"a/b", b"me@a", b"a:b", b"a:65536", b"\xc3\xa9", b'a"b']:
        for text in (get("/"), request()):
            assert status(world, web, text.replace(b"localhost", host, 1))[0] == 400, host


def test_foreign_name_gets_nothing(world):
    """A page whose name leads here (DNS rebinding) learns neither which services are allowed nor which of them run."""
    world.pong()
    web = world.web("--origin", "https://example.org", "--origin", "https://*.example.net", allow=("pong", "absent"))
    for host, is_ours in [
        (b"localhost", True),
        (f"127.0.0.1:{web.port}".encode(), True),
        (b"[::1]", True),
        (b"10.0.0.1", True),
        (b"example.org", True),
        (b"a.example.net:8443", True),
        (b"evil.org", False),
        (f"evil.org:{web.port}".encode(), False),
        (b"127.0.0.1.evil.org", False),
        (b"example.net", False),
        (b"a.b.example.net", False),
        (b"[::1].evil.org", None),
    ]:
        for text, expected in [
            (get("/"), 200),
            (get("/pong"), 426),
            (get("/absent"), 426),
            (get("/ping"), 404),
            (get("/", "Origin: http://evil.org"), 403),
            (request("ping", ["Origin: http://evil.org"]), 403),
            (request("absent", ["Origin: http://evil.org"]), 403),
        ]:
            expected = 400 if is_ours is None else expected if is_ours else 403
            assert status(world, web, text.replace(b"localhost", host, 1))[0] == expected, (host, text)
    # Programs call this machine as they like, and send no Origin.
    Client(world.tcp(web.port))
    assert status(world, web, request("absent").replace(b"localhost", b"evil.org", 1))[0] == 503
    # Any name is ours if any page may connect.
    assert status(world, world.web("--origin", "*"), get("/").replace(b"localhost", b"evil.org", 1))[0] == 200


def test_health(world):
    web = world.web("--no-page", "--health", "/health")
    for host in (b"localhost", b"balancer.example.net"):
        text = get("/health").replace(b"localhost", host)
        assert status(world, web, text)[::2] == (200, b"200 OK\n") and status(world, web, text.replace(b"GET", b"HEAD"))[0] == 200
    assert status(world, web, b"GET /health HTTP/1.0\r\n\r\n")[0] == 200
    assert status(world, web, get("/"))[0] == 404 and status(world, web, get("/health/"))[0] == 404
    assert status(world, world.web(), get("/health"))[0] == 404
    assert status(world, world.web("--no-page", "--health", "/"), get("/"))[0] == 200


def test_longest_head(world):
    world.pong()
    for options, longest in ([], 16384), (["--max-head", "1024"], 1024), (["--max-head", "100000"], 100_000):
        web = world.web(*options)
        room = longest - len(request(fields=["Cookie: "]))
        client = Client(world.tcp(web.port), fields=["Cookie: " + room * "x"])
        client.echoes()
        assert status(world, web, request(fields=["Cookie: " + (room + 1) * "x"]))[0] == 431, longest


def test_query_reaches_nobody(world):
    service = world.offer("own")
    web = world.web("--health", "/health", allow=("own",))
    for query in ["token=secret", "a=/../own&b=%00%0d%0a%ff", "?/?" + 1300 * "secret", "", "%", "%zz", "own", "x=://'\"<>`{}|\\^"]:
        client = Client(world.tcp(web.port), name="own?" + query)
        client.send(1, b"hello")
        assert service.read(service.accept()) == (2, 1, b"hello"), query
        client.sock.close()
        assert status(world, web, get("/?" + query))[::2] == status(world, web, get("/"))[::2]
        assert status(world, web, get("/health?" + query))[0] == 200 and status(world, web, get("/ping?" + query))[0] == 404
    for query in ["a#b", "a\tb", "a b", "a\x7fb", "é"]:
        assert status(world, web, get("/own?" + query))[0] == 400, query
    assert "secret" not in web.text()


def test_subprotocols(world):
    world.pong()
    web = world.web("--subprotocol", "chat", "--subprotocol", "chat.v2")
    for asked, answered in [
        ("chat", "chat"),
        ("other, chat.v2, chat", "chat.v2"),
        ("libipc.frame, chat", "libipc.frame"),
        ("chat, libipc.frame", "chat"),
        ("other", None),
        ("Chat", None),
    ]:
        client = Client(world.tcp(web.port), fields=[f"Sec-WebSocket-Protocol: {asked}"])
        line = f"\r\nSec-WebSocket-Protocol: {answered}\r\n" if answered else "Sec-WebSocket-Protocol"
        assert (line.encode() in client.head) == (answered is not None), client.head
        if answered == "libipc.frame":
            client.echoes(2, harness.frame(b"hello", 7, 7))
        else:
            client.echoes()


def test_origins_of_frames_and_of_subdomains(world):
    world.pong()
    web = world.web("--origin", "null", "--origin", "https://*.Example.org:443", "--origin", "http://[0::1]:80")
    for origin, expected in [
        ("null", 101),
        ("https://a.example.org", 101),
        ("https://example.org", 403),
        ("https://a.b.example.org", 403),
        ("https://a.example.org:8443", 403),
        ("https://aexample.org", 403),
        ("http://a.example.org", 403),
        ("http://[::1]", 101),
        ("http://[::1]:81", 403),
        ("http://[x].com", 403),
        ("", 403),
        ("https://a.example.org https://b.example.org", 403),
    ]:
        sock = world.tcp(web.port)
        sock.sendall(request(fields=[f"Origin: {origin}"]))
        assert int(harness.read_exactly(sock, 12)[9:]) == expected, origin


def test_origins(world):
    world.pong()
    web = world.web("--origin", "https://example.org")
    own = f"http://localhost:{web.port}"
    for origin, host, expected in [
        ("https://example.org", "x", 101),
        ("http://example.org", "x", 403),
        ("null", "x", 403),
        (own, "localhost", 403),
        (own, f"localhost:{web.port}", 101),
        (f"http://127.0.0.1:{web.port}", f"127.0.0.1:{web.port}", 101),
        (f"http://evil.org:{web.port}", f"evil.org:{web.port}", 403),
    ]:
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
    answer = is_over(world.tcp(web.port))
    # Its request is not read, and may be HEAD: no body.
    assert answer.startswith(b"HTTP/1.1 503") and answer.endswith(b"\r\nContent-Length: 0\r\n\r\n"), answer
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
        ["--listen", "0.0.0.0:0"],
        ["--listen", "x"],
        ["--listen", "[::]:0"],
        ["--origin", "example.org"],
        ["--origin", "http://x/"],
    ]:
        assert run(*options).returncode == 2, options
    for options, advice in [
        (["--origin", "https://example.org/"], "write https://example.org\n"),
        (["--origin", "ws://a:81"], "write http://a:81\n"),
        (["--origin", "https://bücher.example"], "write https://xn--bcher-kva.example\n"),
        (["--origin", "file://"], "write null\n"),
        (["--origin", "https://*"], "write https://*.example.org\n"),
        (["--origin", "example.org"], "write https://example.org\n"),
        (["--origin", "http://127.1"], "write http://127.0.0.1\n"),
        (["--origin", "https://a:65536"], "HOST:PORT"),
        (["--origin", ""], "write "),
        (["--subprotocol", "a b"], "--subprotocol once for each"),
        (["--subprotocol", ""], "once for each"),
        (["--subprotocol", "libipc.frame"], "leave it out"),
        (["--health", "health"], "write /health"),
        (["--health", "/?x"], "write /health"),
        (["--health", "/"], "or --no-page too"),
        (["--allow", "pong", "--health", "/pong"], "a service has this path"),
        (["--max-head", "1023"], "from 1024 to 1048576"),
        (["--ping", "-1"], "--ping"),
        (["--pong-time", "x"], "--pong-time"),
    ]:
        result = run(*options)
        assert result.returncode == 2 and advice in result.stderr, (options, result.stderr)


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
