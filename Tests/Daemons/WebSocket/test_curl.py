"""curl, as an administrator and a health check use it."""

import shutil
import subprocess

from harness import PATIENCE, Skipped


def curl(*arguments):
    """What it prints, and its exit status; it complains of answers that are not HTTP."""
    program = shutil.which("curl")
    if program is None:
        raise Skipped("curl is not installed")
    command = [program, "-sS", "--max-time", str(PATIENCE), "--noproxy", "*", *arguments]
    result = subprocess.run(command, capture_output=True, timeout=2 * PATIENCE, text=True)
    return result.stdout, result.returncode, result.stderr


def code(*arguments):
    text, result, complaint = curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", *arguments)
    assert result == 0, complaint
    number, size = text.split()
    return int(number), int(size)


def test_curl_sees_head_get_and_options_alike(world):
    web = world.web("--health", "/health")
    place = f"http://localhost:{web.port}"
    for path, expected in ("/", 200), ("/pong", 426), ("/ping", 404), ("/health", 200):
        assert code("-I", place + path) == (expected, 0) and code(place + path)[0] == expected
        assert code("-X", "OPTIONS", place + path) == (204 if expected != 404 else 404, 0 if expected != 404 else 14)
    # -I: it waits for no body, and says so when one comes.
    head, _, complaint = curl("-I", "-v", place + "/ping")
    assert "Date: " in head and "Excess" not in complaint, complaint
    assert code("--request-target", "*", "-X", "OPTIONS", place) == (204, 0)


def test_curl_with_health_of_a_unix_socket(world):
    path = world.directory / "web.sock"
    world.web("--no-page", "--health", "/health", listen=str(path))
    assert curl("-f", "--unix-socket", path, "http://websocketd/health")[:2] == ("200 OK\n", 0)
    assert curl("-f", "--unix-socket", path, "http://websocketd/")[1] == 22


def test_curl_called_by_another_name_gets_403(world):
    web = world.web("--origin", "https://example.org")
    for name, expected in ("evil.org", 403), ("example.org", 200):
        assert code("--resolve", f"{name}:{web.port}:127.0.0.1", f"http://{name}:{web.port}/")[0] == expected
