"""Who is connected: numbers and accounts in the log, the list of SIGUSR1, counters for Prometheus, and peers behind a proxy."""

import os
import re
import signal
import socket
import struct

from harness import accepts, echoes, free_port, is_over, need_command, need_ipv6, read_exactly, until
from test_options import refused

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header(source="192.0.2.7", port=4711, command=0x21, more=b""):
    """A PROXY header of version 2, as HAProxy sends it."""
    family, kind = (socket.AF_INET6, 0x21) if ":" in source else (socket.AF_INET, 0x11)
    addresses = socket.inet_pton(family, source) * 2 + struct.pack(">HH", port, 80) + more
    return SIGNATURE + struct.pack(">BBH", command, kind, len(addresses)) + addresses


def greeted(sock, text=b"pong\n"):
    sock.sendall(text)
    return read_exactly(sock, 2) == b"OK"


def http(path, request):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    with sock:
        sock.connect(str(path))
        sock.sendall(request)
        head, _, body = is_over(sock).partition(b"\r\n\r\n")
        return head.decode(), body.decode()


def counters(path):
    head, body = http(path, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 OK"), head
    return dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))


def test_each_connection_has_a_number_and_an_account(world):
    world.pongd()
    tcpd = world.tcpd()
    first, second = world.tcp(tcpd.port), world.tcp(tcpd.port)
    assert greeted(first) and echoes(first, b"x" * 94) and echoes(first, b"x" * 94)
    port = first.getsockname()[1]
    tcpd.says(f"client 1 comes from 127.0.0.1:{port}")
    tcpd.says(f"client 2 comes from 127.0.0.1:{second.getsockname()[1]}")
    tcpd.says("client 1 is connected to pong")
    first.close()
    tcpd.says(f"client 1: the connection has ended; from 127.0.0.1:{port}, to pong, ")
    tcpd.says("in 2 messages 200 bytes, out 2 messages 200 bytes")
    second.close()
    tcpd.says("client 2: left before it named a service; from 127.0.0.1:")
    third = world.tcp(tcpd.port)
    assert greeted(third)
    tcpd.says("client 3 is connected to pong")


def test_a_local_peer_shows_with_user_group_and_process(world):
    ipcd = world.daemon("ipcd")
    world.local(world.here / "network")
    ipcd.says(f"client 1 comes from uid {os.getuid()} gid {os.getgid()} pid {os.getpid()}")


def test_sigusr1_lists_the_connections_at_any_level(world):
    world.pongd()
    tcpd = world.tcpd("--log", "error")
    socks = [world.tcp(tcpd.port) for _ in range(3)]
    assert greeted(socks[1]) and echoes(socks[1])
    tcpd.process.send_signal(signal.SIGUSR1)
    tcpd.says("3 of 2048 connections")
    port = socks[1].getsockname()[1]
    tcpd.says(f"client 2: from 127.0.0.1:{port}, to pong, ")
    text = tcpd.text()
    assert len(re.findall(r"client \d+: from 127.0.0.1:\d+, ", text)) == 3, text
    assert echoes(socks[1])


def test_counters_say_what_has_happened(world):
    world.pongd()
    place = world.directory / "metrics"
    tcpd = world.tcpd("--metrics", str(place), "--max-per-peer", "2")
    socks = [world.tcp(tcpd.port) for _ in range(2)]
    assert all(greeted(sock) and echoes(sock, b"x" * 94) for sock in socks)
    assert is_over(world.tcp(tcpd.port)) == b"no: too many connections from this peer\n"
    found = counters(place)
    label = 'daemon="ipc-tcpd"'
    assert found[f"ipc_connections{{{label}}}"] == "2"
    assert found[f"ipc_connections_accepted_total{{{label}}}"] == "2"
    assert found[f"ipc_connections_refused_total{{{label}}}"] == "1"
    for direction in ("in", "out"):
        assert found[f'ipc_messages_total{{{label},direction="{direction}"}}'] == "2"
        assert found[f'ipc_bytes_total{{{label},direction="{direction}"}}'] == "200"
    for sock in socks:
        sock.close()
    until(lambda: counters(place)[f"ipc_connections{{{label}}}"] == "0", "both have ended")
    assert tcpd.stop()[0] == 0
    assert not place.exists()


def test_counters_answer_http_and_nobody_else(world):
    place = world.directory / "metrics"
    ipcd = world.daemon("ipcd", "--metrics", str(place))
    idle = ipcd.descriptors()
    head, body = http(place, b"HEAD /metrics?x=1 HTTP/1.1\r\nHost: 127.0.0.1:9100\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ") and "version=0.0.4" in head and body == ""
    assert http(place, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")[0].startswith("HTTP/1.1 404 ")
    assert http(place, b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")[0].startswith("HTTP/1.1 405 ")
    assert http(place, b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n")[0].startswith("HTTP/1.1 403 ")
    assert http(place, b"nonsense\r\n\r\n")[0].startswith("HTTP/1.1 400 ")
    # A head without an end is not kept, and silent clients do not keep others out.
    assert http(place, b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 1000) == ("", "")
    silent = [world.local(place) for _ in range(20)]
    assert counters(place)['ipc_connections{daemon="ipcd"}'] == "0"
    for sock in silent:
        sock.close()
    until(lambda: ipcd.descriptors() == idle, "all clients of the counters are gone")


def test_counters_are_for_this_machine_alone(world):
    assert "not for this machine alone" in refused(world, "ipcd", "--metrics", "0.0.0.0:9100")
    port = free_port()
    world.daemon("ipcd", "--metrics", f"127.0.0.1:{port}")
    assert accepts(port)


def test_a_trusted_proxy_says_who_its_clients_are(world):
    world.pongd()
    tcpd = world.tcpd("--trusted-proxy", "127.0.0.1", "--max-per-peer", "2")
    sock = world.tcp(tcpd.port)
    assert greeted(sock, header() + b"pong\n") and echoes(sock)
    tcpd.says("comes from 127.0.0.1:")
    tcpd.says("client 1 is 192.0.2.7:4711, behind a proxy")
    sock.close()
    tcpd.says("client 1: the connection has ended; from 192.0.2.7:4711, to pong, ")
    # In pieces, with more behind the addresses.
    sock = world.tcp(tcpd.port)
    for byte in header("2001:db8::5", 5, more=b"\3\0\4abcd"):
        sock.sendall(bytes([byte]))
    assert greeted(sock) and echoes(sock)
    tcpd.says("client 2 is [2001:db8::5]:5, behind a proxy")
    # The limit is that of the peer, not of the proxy.
    same = [world.tcp(tcpd.port) for _ in range(3)]
    for each in same[:2]:
        assert greeted(each, header("192.0.2.9") + b"pong\n")
    same[2].sendall(header("192.0.2.9") + b"pong\n")
    assert is_over(same[2]).startswith(b"no: too many connections from this peer")
    # A proxy may speak for itself, and without a header.
    assert greeted(world.tcp(tcpd.port), header(command=0x20) + b"pong\n") and greeted(world.tcp(tcpd.port))


def test_a_wrong_header_is_refused(world):
    world.pongd()
    tcpd = world.tcpd("--trusted-proxy", "127.0.0.1")
    for wrong in (
        b"\rpong\n" + bytes(20),
        SIGNATURE + b"\x11\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
        SIGNATURE + b"\x21\x11\0\4" + bytes(4),
        SIGNATURE + b"\x22\x11\0\x0c" + bytes(12),
    ):
        sock = world.tcp(tcpd.port)
        sock.sendall(wrong)
        assert is_over(sock) == b"no: the proxy sent no PROXY header of version 2\n", wrong


def test_only_a_trusted_peer_is_believed(world):
    world.pongd()
    tcpd = world.tcpd("--trusted-proxy", "127.0.0.2")
    sock = world.tcp(tcpd.port)
    sock.sendall(header() + b"pong\n")
    assert is_over(sock).startswith(b"no: ")
    assert "192.0.2.7" not in tcpd.text()


def test_a_proxy_of_ipv6_is_known(world):
    need_ipv6()
    world.pongd()
    tcpd = world.daemon("ipc-tcpd", "--listen", "[::1]:0", "--allow", "pong", "--trusted-proxy", "::1", rundir=world.there)
    sock = world.tcp(tcpd.port, "::1")
    assert greeted(sock, header("2001:db8::7") + b"pong\n")
    tcpd.says("client 1 is [2001:db8::7]:4711, behind a proxy")


def test_haproxy_tells_tcpd_who_its_clients_are(world):
    world.pongd()
    tcpd = world.tcpd("--trusted-proxy", "127.0.0.1")
    port = free_port()
    path = world.directory / "haproxy.cfg"
    path.write_text(f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen ipc
    bind 127.0.0.1:{port}
    server machine 127.0.0.1:{tcpd.port} send-proxy-v2
""")
    process = world.start([need_command("haproxy"), "-db", "-f", path], world.there, ready=False)
    until(lambda: accepts(port), f"haproxy listens: {process.text()}")
    sock = world.keep(socket.create_connection(("127.0.0.1", port), 20, source_address=("127.0.0.77", 0)))
    assert greeted(sock) and echoes(sock)
    tcpd.says(f"is 127.0.0.77:{sock.getsockname()[1]}, behind a proxy")
