"""Who is connected: accounts with origins, peers that a trusted proxy names, and the counters as Prometheus' own library reads them."""

import socket
import urllib.request

from client import TEXT, Client, need, request, status
from harness import free_port, is_over, until


def test_a_web_client_has_an_account(world):
    world.pong()
    web = world.web("--origin", "https://example.org")
    client = world.client(web, fields=["Origin: https://example.org"])
    client.send(TEXT, b"x" * 100)
    assert client.read()[1] == b"x" * 100
    port = client.sock.getsockname()[1]
    web.says("client 1 is connected to pong, origin https://example.org")
    client.sock.close()
    web.says(f"from 127.0.0.1:{port}, to pong, origin https://example.org, ")
    web.says("in 1 messages 100 bytes, out 1 messages 100 bytes")


def test_a_trusted_proxy_names_its_clients(world):
    world.pong()
    web = world.web("--trusted-proxy", "127.0.0.1", "--max-per-peer", "1")
    for number, (fields, named) in enumerate(
        [
            (["X-Forwarded-For: 192.0.2.5"], "192.0.2.5:0"),
            (["X-Forwarded-For: 10.9.9.9, 192.0.2.6"], "192.0.2.6:0"),
            (["X-Forwarded-For: 192.0.2.7, 127.0.0.1"], "192.0.2.7:0"),
            (["X-Forwarded-For: 10.9.9.9", "X-Forwarded-For: 2001:db8::8"], "[2001:db8::8]:0"),
        ],
        1,
    ):
        world.client(web, fields=fields)
        web.says(f"client {number} is {named}, behind a proxy")
    # Each of them has its own limit; what makes no sense leaves the connection the proxy's.
    sock = world.tcp(web.port)
    sock.sendall(request(fields=["X-Forwarded-For: 192.0.2.5"]))
    assert is_over(sock).startswith(b"HTTP/1.1 503 ")
    for wrong in ("X-Forwarded-For: unknown", "X-Forwarded-For: ", "X-Forwarded-For: 192.0.2.5, what"):
        world.client(web, fields=[wrong])


def test_others_are_not_believed(world):
    world.pong()
    web = world.web("--trusted-proxy", "unix", "--trusted-proxy", "192.0.2.1")
    client = world.client(web, fields=["X-Forwarded-For: 192.0.2.5"])
    client.send(TEXT, b"hello")
    assert client.read()[1] == b"hello"
    assert "192.0.2.5" not in web.text()


def test_a_proxy_at_a_unix_socket_is_believed(world):
    world.pong()
    path = world.directory / "web"
    web = world.daemon("ipc-websocketd", "--listen", str(path), "--allow", "pong", "--trusted-proxy", "unix")
    Client(world.local(path), fields=["X-Forwarded-For: 192.0.2.5"])
    web.says("client 1 is 192.0.2.5:0, behind a proxy")


def test_a_proxy_header_before_the_request(world):
    world.pong()
    web = world.web("--trusted-proxy", "127.0.0.1")
    sock = world.tcp(web.port)
    sock.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("192.0.2.9") * 2 + b"\x12\x67\0\x50")
    client = Client(sock)
    client.send(TEXT, b"hello")
    assert client.read()[1] == b"hello"
    web.says("client 1 is 192.0.2.9:4711, behind a proxy")
    assert status(world, web, b"\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 503


def test_prometheus_reads_the_counters(world):
    need("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    world.pong()
    port = free_port()
    web = world.web("--metrics", f"127.0.0.1:{port}")

    def counters():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
        assert all(family.documentation and family.type in ("gauge", "counter") for family in families.values()), families
        return {(sample.name, sample.labels.get("direction")): sample.value for family in families.values() for sample in family.samples}

    client = world.client(web)
    for _ in range(3):
        client.send(TEXT, b"hello")
        client.read()
    found = counters()
    assert found["ipc_connections", None] == found["ipc_connections_accepted_total", None] == 1, found
    assert found["ipc_messages_total", "in"] == found["ipc_messages_total", "out"] == 3, found
    assert found["ipc_bytes_total", "in"] == found["ipc_bytes_total", "out"] == 15, found
    assert found["process_start_time_seconds", None] > 1.6e9
    client.sock.close()
    until(lambda: counters()["ipc_connections", None] == 0, "the client is gone")
