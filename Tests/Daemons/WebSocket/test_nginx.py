"""Behind nginx, as the man page shows it: pings keep a connection for a minute that nginx would end after 3 seconds of silence."""

import os
import shutil
import subprocess
import time

import harness
from client import PING, PONG, TEXT, Client, status
from harness import Skipped, is_over

CONFIGURATION = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log stderr info; {user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/t1; proxy_temp_path {directory}/t2; fastcgi_temp_path {directory}/t3; uwsgi_temp_path {directory}/t4;
    scgi_temp_path {directory}/t5; large_client_header_buffers 4 32k;
    server {{
        listen unix:{directory}/front.sock;
        location /ipc/ {{
            proxy_pass http://unix:{directory}/web.sock:/;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Host $host;
            proxy_read_timeout {silence};
        }}
        location = /alive {{
            proxy_pass http://unix:{directory}/web.sock:/health;
            proxy_set_header Host $host;
        }}
    }}
}}
"""


def behind_nginx(world, silence, *options):
    """The path of nginx' socket, and the daemon."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise Skipped("nginx is not installed")
    directory = world.directory
    user = "user root;" if os.getuid() == 0 else ""
    web = world.web("--origin", "https://example.org", "--no-page", *options, listen=str(directory / "web.sock"))
    (directory / "nginx.conf").write_text(CONFIGURATION.format(directory=directory, silence=silence, user=user))
    command = [program, "-p", directory, "-e", "stderr", "-c", directory / "nginx.conf"]
    subprocess.run([*command, "-t"], check=True, capture_output=True, timeout=harness.PATIENCE)
    nginx = world.start(command, world.here, ready=False)
    harness.until(lambda: (directory / "front.sock").exists() or nginx.process.poll() is not None, "nginx' socket")
    assert nginx.process.poll() is None, nginx.text()
    return directory / "front.sock", web, nginx


def connect(world, path, cookies=0):
    fields = ["Origin: https://example.org", *(["Cookie: " + cookies * "x"] if cookies else [])]
    return Client(world.local(path), name="ipc/pong", fields=fields)


def test_pings_keep_a_silent_connection_through_nginx(world):
    world.pong()
    path, _, nginx = behind_nginx(world, "3s", "--ping", "1")
    client, end, pings = connect(world, path), time.monotonic() + 60, 0
    while time.monotonic() < end:
        opcode, payload = client.read()
        assert opcode == PING
        client.send(PONG, payload)
        pings += 1
    client.send(TEXT, b"hello")
    while (got := client.read())[0] == PING:
        pass
    assert got == (TEXT, b"hello") and pings > 20, (got, pings)
    assert nginx.stop()[0] == 0


def test_silent_connection_without_pings_is_ended_by_nginx(world):
    """So the other test proves something."""
    world.pong()
    path, web, nginx = behind_nginx(world, "500ms", "--ping", "0")
    client = connect(world, path)
    client.echoes()
    assert is_over(client.sock) == b""
    harness.until(lambda: "left without" in web.text(), "the daemon knows")
    assert nginx.stop()[0] == 0


def test_nginx_passes_what_browsers_send(world):
    """Cookies of 12 KiB, a query, the name of the site as Host; health."""
    world.pong()
    path, web, nginx = behind_nginx(world, "60s", "--health", "/health")
    connect(world, path, cookies=12 << 10).echoes()
    Client(world.local(path), name="ipc/pong?x=%0d%0a&y", fields=["Origin: https://example.org"]).echoes()
    for host in (b"example.org", b"balancer"):
        answer = status(world, None, b"GET /alive HTTP/1.0\r\nHost: " + host + b"\r\n\r\n", world.local(path))
        assert answer[::2] == (200, b"200 OK\n"), answer
    assert status(world, None, b"GET /ipc/ping HTTP/1.0\r\nHost: example.org\r\n\r\n", world.local(path))[0] == 404
    assert status(world, None, b"GET /ipc/ping HTTP/1.0\r\nHost: evil.org\r\n\r\n", world.local(path))[0] == 403
    assert nginx.stop()[0] == 0
