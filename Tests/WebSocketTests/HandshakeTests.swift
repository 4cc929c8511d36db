// HandshakeTests.swift - requests: what they get wherever they are cut, and digests that others have published.

import Testing

@testable import WebSocket

let gate: Gate = {
    var gate = Gate()
    gate.services = [Array("pong".utf8), Array("a b".utf8)]
    gate.subprotocols = [Array("chat".utf8), Array("chat.v2".utf8)]
    gate.health = Array("/health".utf8)
    try? gate.origins.allow(Array("https://example.org".utf8))
    return gate
}()

let upgrade = """
    Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
    """

/// The status, or 200 for the page and the health, 204 for what may be asked and 101 for a service.
func answer(_ line: String, _ fields: String = "", piece: Int = .max, host: String = "Host: localhost:8080\r\n") -> Int {
    do throws(Status) {
        guard let head = try read("\(line)\r\n\(host)\(fields)\r\n", piece: piece) else { return 0 }
        switch try gate.admit(head) {
        case .page, .health: return 200
        case .options: return 204
        case .service: return 101
        }
    } catch { return Int(error.rawValue) }
}

@Test func digestsAreThePublishedOnes() {
    func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
    #expect(hexadecimal(SHA1.digest([])) == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    #expect(hexadecimal(SHA1.digest(Array("abc".utf8))) == "a9993e364706816aba3e25717850c26c9cd0d89d")
    let two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    #expect(hexadecimal(SHA1.digest(Array(two.utf8))) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    #expect(hexadecimal(SHA1.digest([UInt8](repeating: 97, count: 1_000_000))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    #expect(
        ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map { String(decoding: Base64.encode(Array($0.utf8)), as: UTF8.self) }
            == ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"])
    // RFC 6455, 1.3.
    #expect(Gate.accept(Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)) == Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
}

@Test func requestsGetWhatTheyAskFor() {
    for piece in [1, 2, 3, 7, 64, .max] {
        #expect(answer("GET /pong HTTP/1.1", upgrade, piece: piece) == 101)
        #expect(answer("GET / HTTP/1.1", piece: piece) == 200)
    }
    #expect(answer("GET /pong?x=1 HTTP/1.1", upgrade) == 101)
    #expect(answer("GET /p%6Fng HTTP/1.1", upgrade) == 101)
    #expect(answer("GET /a%20b HTTP/1.1", upgrade) == 101)
    #expect(answer("GET http://localhost/pong HTTP/1.1", upgrade) == 101)
    #expect(answer("\r\nGET / HTTP/1.1") == 200)
    #expect(answer("HEAD / HTTP/1.1") == 200)
    #expect(answer("GET / HTTP/1.0", host: "") == 200)
}

@Test func requestsAreRefusedForAReason() {
    #expect(answer("GET /ping HTTP/1.1", upgrade) == 404)
    #expect(answer("GET /pong HTTP/1.1") == 426)
    #expect(answer("GET /pong HTTP/1.1", upgrade.replacing("13", with: "8")) == 426)
    #expect(answer("GET /pong HTTP/1.0", upgrade) == 426)
    #expect(answer("GET /pong HTTP/1.1", upgrade.replacing("dGhl", with: "dGh")) == 400)
    #expect(answer("GET /pong HTTP/1.1", upgrade + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") == 400)
    #expect(answer("POST / HTTP/1.1") == 405)
    #expect(answer("HEAD /pong HTTP/1.1", upgrade) == 426)
    #expect(answer("HEAD /ping HTTP/1.1", upgrade) == 404)
    #expect(answer("GET / HTTP/1.1", "Content-Length: 5\r\n") == 413)
    #expect(answer("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n") == 413)
    #expect(answer("GET / HTTP/2.0") == 505)
    #expect(answer("GET / HTTP/1.1", host: "") == 400)
    #expect(answer("GET / HTTP/1.1", "Host: twice\r\n") == 400)
    #expect(answer("GET /" + String(repeating: "x", count: 17_000) + " HTTP/1.1") == 414)
    #expect(answer("GET / HTTP/1.1", "X: " + String(repeating: "x", count: 17_000) + "\r\n") == 431)
    #expect(answer("GET / HTTP/1.1", String(repeating: "X: y\r\n", count: 100)) == 431)
    let badLines = [
        "GET  / HTTP/1.1", "GET / HTTP/1.1 ", "GET /", "GET", " GET / HTTP/1.1", "G@T / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1.11",
        "GET x HTTP/1.1", "GET /%4 HTTP/1.1", "GET /%zz HTTP/1.1", "GET /%00 HTTP/1.1", "GET /\u{1} HTTP/1.1", "GET /é HTTP/1.1",
        "GET /?a\tb HTTP/1.1", "GET /?\u{7f} HTTP/1.1", "GET /?é HTTP/1.1", "GET /?a#b HTTP/1.1", "GET http:///pong HTTP/1.1",
        "GET http://a@b/pong HTTP/1.1", "GET http://[x]/pong HTTP/1.1", "GET http://a:99999/ HTTP/1.1", "OPTIONS ** HTTP/1.1",
        "GET * HTTP/1.1", "GET / HTTP/1.1\nX: y", "GET / HTTP/1.1\rX: y", "\u{16}\u{3}\u{1}", "\r\n\r\nGET / HTTP/1.1",
    ]
    for line in badLines { #expect(answer(line) == 400, "\(line)") }
    for field in ["X : y\r\n", " X: y\r\n", "X\r\n", ": y\r\n", "X: y\n", "X: \u{0}\r\n", "Content-Length: x\r\n"] {
        #expect(answer("GET / HTTP/1.1", field) == 400, "\(field)")
    }
}

@Test func foreignOriginsAreRefused() {
    func status(_ origin: String, host: String = "localhost:8080") -> Int {
        answer("GET /pong HTTP/1.1", upgrade + "Origin: \(origin)\r\n", host: "Host: \(host)\r\n")
    }
    #expect(status("http://localhost:8080") == 101)
    #expect(status("https://example.org") == 101)
    #expect(status("HTTPS://EXAMPLE.ORG") == 101)
    #expect(status("http://127.0.0.1:8080", host: "127.0.0.1:8080") == 101)
    #expect(status("http://[::1]:8080", host: "[::1]:8080") == 101)
    let foreign = [
        "http://example.org", "http://localhost:8081", "http://localhost", "null", "", "file://", "https://example.org.evil.org",
    ]
    for origin in foreign {
        #expect(status(origin) == 403, "\(origin)")
    }
    // A name that its owner points at this machine.
    #expect(status("http://evil.org:8080", host: "evil.org:8080") == 403)
    #expect(status("http://127.0.0.1.evil.org", host: "127.0.0.1.evil.org") == 403)
}
