"""The page, in a browser without a screen, told what to do by its DevTools protocol. Its picture stays: page.png."""

import base64
import contextlib
import http.server
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

import harness
from client import need
from harness import Skipped


class Browser:
    def __init__(self, program, directory, *more):
        options = [
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={directory}",
            "--window-size=800,600",
            *(["--no-sandbox"] if os.getuid() == 0 else []),
            *more,
            "about:blank",
        ]
        self.process = subprocess.Popen(
            [program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.numbers = itertools.count(1)

    def end(self):
        """It has children, and they write into its directory."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        harness.until(self.is_gone, "the end of the browser")

    def is_gone(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True

    def connect(self, connect):
        for line in self.process.stderr:
            if line.startswith("DevTools listening on "):
                break
        else:
            raise AssertionError("the browser ended")
        self.socket = connect(line.split()[-1], max_size=None, origin=None)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    session = None

    def call(self, method, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": self.session} if self.session else {})}
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv(harness.PATIENCE))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """A page of another origin."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!DOCTYPE html><title>elsewhere</title>")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def browsing(world, *options):
    connect = need("websockets.sync.client").sync.client.connect
    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if program is None:
        raise Skipped("no chromium is installed")
    with tempfile.TemporaryDirectory(dir=world.directory, ignore_cleanup_errors=True) as directory:
        browser = Browser(program, directory, *options)
        try:
            browser.connect(connect)
            yield browser
        finally:
            browser.end()


def say(browser, text):
    """As a person would."""
    browser.run("document.querySelector('#text').focus()")
    browser.call("Input.insertText", text=text)
    for kind in ("keyDown", "keyUp"):
        typed = "\r" if kind == "keyDown" else ""
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text=typed, windowsVirtualKeyCode=13)


def lines(browser):
    """The newest first, each with what it is."""
    return browser.run("Array.from(document.querySelectorAll('#log li'), line => line.className + ' ' + line.textContent)")


def test_page(world):
    pong = world.pong()
    web = world.web(allow=("pong", "other"))
    with browsing(world) as browser:
        browser.call("Page.navigate", url=f"http://127.0.0.1:{web.port}/")
        harness.until(lambda: browser.run("document.querySelector('#go') !== null && document.readyState === 'complete'"), "the page")
        assert browser.run("Array.from(document.querySelectorAll('option'), option => option.value)") == ["pong", "other"]
        browser.run("document.querySelector('#toggle').click()")
        harness.until(lambda: lines(browser) == ["note connected to pong"], "the connection")
        say(browser, "hello from a web page")
        harness.until(lambda: lines(browser)[0] == "in hello from a web page", "the answer")
        say(browser, "<b>wörld</b> €𝄞")
        harness.until(lambda: lines(browser)[0] == "in <b>wörld</b> €𝄞", "the answer, as text")
        browser.run("socket.send(new Uint8Array([0, 1, 255]))")
        harness.until(lambda: lines(browser)[0] == "in 3 bytes: 00 01 ff", "binary")
        picture = browser.call("Page.captureScreenshot", format="png")["data"]
        (harness.WORK / "page.png").write_bytes(base64.b64decode(picture))
        pong.kill()
        harness.until(lambda: lines(browser)[0] == "note closed (1001, the service has left)", "the end")
        # A page of elsewhere: the browser says where it is from.
        foreign = (
            f"new Promise(done => {{ const socket = new WebSocket('ws://127.0.0.1:{web.port}/pong');"
            "socket.onerror = () => done('refused'); socket.onopen = () => done('open') })"
        )
        world.pong()
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser.call("Page.navigate", url=f"http://127.0.0.1:{server.server_port}/")
            harness.until(lambda: browser.run("document.title") == "elsewhere", "the other page")
            assert browser.run(foreign) == "refused"
            server.shutdown()
        web.says("(403)")


def go(browser, url):
    browser.call("Page.navigate", url=url)
    harness.until(lambda: browser.run("location.href !== 'about:blank' && document.readyState === 'complete'"), url)


def connects(browser, url, *protocols):
    """The subprotocol, or None where the browser is refused."""
    return browser.run(
        f"new Promise(done => {{ const mine = window.mine = new WebSocket({url!r}, {list(protocols)!r});"
        "mine.onerror = () => done(null); mine.onopen = () => done(mine.protocol) })"
    )


def test_page_of_a_name_that_leads_here_learns_nothing(world):
    """DNS rebinding, as a browser does it."""
    world.pong()
    web = world.web(allow=("pong", "absent"))
    with browsing(world, "--host-resolver-rules=MAP evil.test 127.0.0.1") as browser:
        place = f"evil.test:{web.port}"
        go(browser, f"http://{place}/")
        assert browser.run("document.body.innerText").strip() == "403 Forbidden"
        for path in ("/", "/pong", "/absent", "/ping"):
            for options in ("{}", "{method: 'HEAD'}", "{method: 'OPTIONS'}"):
                assert browser.run(f"fetch('{path}', {options}).then(answer => answer.status)") == 403, (path, options)
        for name in ("pong", "absent", "ping"):
            assert connects(browser, f"ws://{place}/{name}") is None
        go(browser, f"http://localhost:{web.port}/")
        assert connects(browser, f"ws://localhost:{web.port}/pong?x=1") == ""


def test_browser_with_pings_and_subprotocol(world):
    world.pong()
    web = world.web("--ping", "0.1", "--pong-time", "10", "--subprotocol", "chat")
    with browsing(world) as browser:
        go(browser, f"http://127.0.0.1:{web.port}/")
        assert connects(browser, f"ws://127.0.0.1:{web.port}/pong", "other", "chat") == "chat"
        # A second, in which ten pings are answered; then a message comes back.
        back = browser.run(
            "new Promise(done => { mine.onmessage = message => done(message.data); mine.onclose = end => done(end.code);"
            "setTimeout(() => mine.send('hello'), 1000) })"
        )
        assert back == "hello", back


def test_origins_as_a_browser_sends_them(world):
    """That of a subdomain, that of a sandbox, and a port that goes without saying."""
    world.pong()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        web = world.web("--origin", "null", "--origin", f"http://*.site.test:{port}", "--origin", "http://plain.test:80")
        rules = f"--host-resolver-rules=MAP plain.test:80 127.0.0.1:{port}, MAP *.test 127.0.0.1"
        with browsing(world, rules) as browser:
            for place, expected in [
                (f"a.site.test:{port}", ""),
                (f"site.test:{port}", None),
                (f"a.b.site.test:{port}", None),
                ("plain.test", ""),
            ]:
                go(browser, f"http://{place}/")
                assert connects(browser, f"ws://127.0.0.1:{web.port}/pong") == expected, place
            go(browser, f"http://b.site.test:{port}/")
            script = (
                f"const socket = new WebSocket('ws://127.0.0.1:{web.port}/pong');"
                "socket.onopen = () => parent.postMessage(origin, '*'); socket.onerror = () => parent.postMessage('refused', '*')"
            )
            assert (
                browser.run(
                    "new Promise(done => { onmessage = message => done(message.data);"
                    "const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts';"
                    f"frame.srcdoc = {json.dumps('<script>' + script + '</script>')}; document.body.append(frame) }})"
                )
                == "null"
            )
        server.shutdown()
