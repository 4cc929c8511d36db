// Page.swift - the page at `/`: lists the services, lets one send messages and see what comes back. It is one piece, loads nothing,
// and shows what services say as text, never as HTML.

enum Page {
    static func make(_ services: [[UInt8]]) -> [UInt8] {
        var bytes = Array(head.bytes)
        for service in services {
            bytes += ("<option>" as StaticString).bytes
            bytes += escape(service)
        }
        return bytes + tail.bytes
    }

    private static func escape(_ text: [UInt8]) -> [UInt8] {
        text.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: "&"): Array(("&amp;" as StaticString).bytes)
            case UInt8(ascii: "<"): Array(("&lt;" as StaticString).bytes)
            default: [byte]
            }
        }
    }

    private static let head: StaticString = """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>libipc services</title>
        <style>
        body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
        form { display: flex; gap: .5rem; margin: .5rem 0 }
        input { flex: 1; min-width: 0 }
        input, button, select { font: inherit; padding: .3rem .6rem }
        #log { list-style: none; padding: 0; font-family: ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
        #log li { border-bottom: 1px solid #8884; padding: .2rem 0 }
        #log li::before { display: inline-block; width: 2ch; opacity: .6 }
        .out::before { content: "→" } .in::before { content: "←" } .note { opacity: .6 } .note::before { content: "·" }
        </style>
        <h1>libipc services</h1>
        <form id="connect"><select id="service" aria-label="service" required>
        """

    private static let tail: StaticString = """
        </select><button id="toggle">Connect</button></form>
        <form id="send"><input id="text" aria-label="message" placeholder="A message" autocomplete="off" disabled>
        <button id="go" disabled>Send</button></form>
        <ul id="log" aria-live="polite"></ul>
        <script>
        "use strict";
        const $ = id => document.getElementById(id), lines = 500;
        let socket = null;
        function show(kind, text) {
          const line = document.createElement("li");
          line.className = kind;
          line.textContent = text.length > 4096 ? text.slice(0, 4096) + "… (" + text.length + ")" : text;
          $("log").prepend(line);
          if ($("log").childElementCount > lines) $("log").lastElementChild.remove();
        }
        function update() {
          const open = socket !== null && socket.readyState === WebSocket.OPEN;
          $("text").disabled = $("go").disabled = !open;
          $("service").disabled = socket !== null;
          $("toggle").textContent = socket === null ? "Connect" : "Disconnect";
          if (open) $("text").focus();
        }
        $("connect").onsubmit = event => {
          event.preventDefault();
          if (socket !== null) return socket.close(1000);
          const name = $("service").value;
          if (name === "") return show("note", "no service is allowed here");
          const url = new URL(encodeURIComponent(name), location.href.replace(/^http/, "ws"));
          socket = new WebSocket(url);
          socket.binaryType = "arraybuffer";
          socket.onopen = () => { show("note", "connected to " + name); update(); };
          socket.onmessage = message => {
            if (typeof message.data === "string") return show("in", message.data);
            const bytes = new Uint8Array(message.data);
            show("in", bytes.length + " bytes: " + Array.from(bytes.slice(0, 64), byte => byte.toString(16).padStart(2, "0")).join(" "));
          };
          socket.onclose = end => {
            show("note", "closed (" + end.code + (end.reason ? ", " + end.reason : "") + ")");
            socket = null;
            update();
          };
          update();
        };
        $("send").onsubmit = event => {
          event.preventDefault();
          socket.send($("text").value);
          show("out", $("text").value);
          $("text").value = "";
        };
        update();
        </script>
        </html>

        """
}
