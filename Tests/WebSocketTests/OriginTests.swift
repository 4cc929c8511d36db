// OriginTests.swift - hosts, origins and what `--origin` takes; which requests depend on them.

import Foundation
import Testing

@testable import WebSocket

private func authority(_ text: String) -> Authority? { Authority(Array(text.utf8)) }

@Test func hostsAreReadStrictly() {
    let good = [
        "localhost", "a", "A-b_c.example.org.", "example.org:8080", "example.org:", "127.0.0.1:80", "[::]", "[::1]:65535",
        "[1:2:3:4:5:6:7:8]", "[1::]", "[::2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "1.2.3", "1.2.3.256", "a%41b",
        "a!$&'()*+,;=~",
    ]
    for text in good { #expect(authority(text) != nil, "\(text)") }
    let bad = [
        "", ":80", "a b", "[::1", "::1", "[::1]x", "[::1]80", "[x].com", "[x]", "[]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]",
        "[:1]", "[1:]", "[1::2::3]", "[:::]", "[1:2:3:4:5:6:7::8]", "[12345::]", "[g::]", "[::1.2.3]", "[::1.2.3.256]", "[1.2.3.4::]",
        "[::1%eth0]", "[v1.x]", "a:b", "a:65536", "a:99999999999999999999", "a:80:80", "a/b", "a@b", "a?b", "a%4", "a%zz", "é", "a\"b",
        "a<b", "a\\b", "a\tb", "a:+80", "a: 80",
    ]
    for text in bad { #expect(authority(text) == nil, "\(text)") }
}

@Test func hostsAreComparedInOneForm() {
    #expect(authority("[0:0:0:0:0:0:0:1]")?.host == authority("[::1]")?.host)
    #expect(authority("[2001:DB8::A:0:0]")?.host == [0x20, 1, 0x0d, 0xb8] + [0, 0, 0, 0, 0, 0, 0, 0x0a, 0, 0, 0, 0])
    #expect(authority("[::ffff:1.2.3.4]")?.host == authority("[::ffff:102:304]")?.host)
    #expect(
        authority("Example.ORG:080")?.host == Array("example.org".utf8) && authority("a:080")?.port == 80 && authority("a:")?.port == nil)
    for own in ["localhost", "LOCALHOST:1", "a.localhost", "1.2.3.4", "[::1]", "[2001:db8::1]"] {
        #expect(authority(own)?.isOwn == true, "\(own)")
    }
    for other in ["example.org", "localhost.org", "xlocalhost", "1.2.3", "1.2.3.4.org", "1.2.3.04", "localhost%2e"] {
        #expect(authority(other)?.isOwn == false, "\(other)")
    }
}

@Test func wrongHostIsABadRequest() {
    for host in ["a b", "[::1", "[x].com", "a:b", "", "a/b", "a@b", "é", "a:65536", "a, b"] {
        #expect(answer("GET / HTTP/1.1", host: "Host: \(host)\r\n") == 400, "\(host)")
        #expect(answer("GET /pong HTTP/1.1", upgrade, host: "Host: \(host)\r\n") == 400, "\(host)")
        #expect(answer("GET / HTTP/1.0", host: "Host: \(host)\r\n") == 400, "\(host)")
    }
    // A Host that is wrong is refused also where the target counts.
    #expect(answer("GET http://localhost/ HTTP/1.1", host: "Host: a b\r\n") == 400)
}

@Test func onlyOwnNamesAreAnswered() {
    for line in ["GET /", "HEAD /", "GET /pong", "GET /ping", "HEAD /pong", "OPTIONS /", "OPTIONS *", "OPTIONS /pong"] {
        let expected = ["GET /": 200, "HEAD /": 200, "GET /ping": 404, "GET /pong": 426, "HEAD /pong": 426][line] ?? 204
        for host in ["localhost", "127.0.0.1:8080", "[::1]:8080", "192.168.1.2", "example.org", "example.org:8443", "pong.localhost"] {
            #expect(answer("\(line) HTTP/1.1", host: "Host: \(host)\r\n") == expected, "\(line) \(host)")
        }
        for host in ["evil.org", "evil.org:8080", "127.0.0.1.evil.org", "sub.example.org", "localhost.evil.org"] {
            #expect(answer("\(line) HTTP/1.1", host: "Host: \(host)\r\n") == 403, "\(line) \(host)")
        }
        #expect(answer("\(line) HTTP/1.1", "Origin: http://evil.org\r\n") == 403, "\(line)")
    }
    // The target's authority counts, not Host (RFC 9112, 3.2.2).
    #expect(answer("GET http://evil.org/ HTTP/1.1") == 403)
    #expect(answer("GET http://localhost/ HTTP/1.1", host: "Host: evil.org\r\n") == 200)
    // Whether a service is there is not told to a foreign page, nor to one whose name leads here.
    #expect(answer("GET /ping HTTP/1.1", upgrade + "Origin: http://evil.org\r\n") == 403)
    #expect(answer("GET /ping HTTP/1.1", upgrade + "Origin: http://evil.org\r\n", host: "Host: evil.org\r\n") == 403)
    // Programs call the server as they like.
    #expect(answer("GET /pong HTTP/1.1", upgrade, host: "Host: pong.example.net\r\n") == 101)
    #expect(answer("GET / HTTP/1.0", host: "") == 200)
    // So do load balancers.
    #expect(answer("GET /health HTTP/1.1", host: "Host: any\r\n") == 200)
    #expect(answer("HEAD /health?x HTTP/1.1") == 200 && answer("OPTIONS /health HTTP/1.1") == 204 && answer("POST /health HTTP/1.1") == 405)
    #expect(answer("OPTIONS /ping HTTP/1.1") == 404)
    // The host of an extension is no name of this server.
    var policy = OriginPolicy()
    try? policy.allow(Array("chrome-extension://abcdef".utf8))
    #expect(!policy.allows(host: authority("abcdef")) && policy.allows(host: authority("localhost")))
}

private func allows(_ pattern: String, _ origin: String, host: String = "x") -> Bool? {
    var policy = OriginPolicy()
    do throws(OriginMistake) { try policy.allow(Array(pattern.utf8)) } catch { return nil }
    return policy.allows(origin: Array(origin.utf8), host: authority(host))
}

@Test func originsAreMadeCanonical() {
    let same = [
        ("https://a:443", "https://a"), ("http://a:80", "http://a"), ("http://a:", "http://a"),
        ("https://A.Example.ORG", "https://a.example.org"), ("http://a:0443", "http://a:443"), ("http://[0:0::1]:80", "http://[::1]"),
        ("http://1.2.3.4:8080", "http://1.2.3.4:8080"), ("*", "https://x"), ("*", "null"), ("null", "null"), ("NULL", "null"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"), ("capacitor://localhost", "capacitor://localhost"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"), ("https://*.example.org", "https://a.example.org"),
        ("https://*.example.org:443", "https://b-c.example.org"), ("https://*.a", "https://b.a"),
        ("http://*.localhost:8080", "http://a.localhost:8080"),
    ]
    for (pattern, origin) in same { #expect(allows(pattern, origin) == true, "\(pattern) \(origin)") }
    let different = [
        ("https://a", "http://a"), ("https://a", "https://a:8443"), ("http://a:443", "https://a"), ("https://a:80", "https://a"),
        ("https://a", "null"), ("null", "https://a"), ("null", "file://"), ("https://*.example.org", "https://example.org"),
        ("https://*.example.org", "https://a.b.example.org"), ("https://*.example.org", "https://.example.org"),
        ("https://*.example.org", "https://aexample.org"), ("https://*.example.org", "https://a.example.org:8443"),
        ("https://*.example.org", "http://a.example.org"), ("https://*.example.org", "https://a.example.org.evil.org"),
        ("https://*.example.org", "https://*.example.org/"), ("https://a", "https://a/"), ("https://a", "https://a b"),
        ("https://a", "https://[a]"),
    ]
    for (pattern, origin) in different { #expect(allows(pattern, origin) == false, "\(pattern) \(origin)") }
    // No page of a name that is no host is the server's own.
    #expect(allows("https://a", "http://[x].com", host: "[x].com") == false)
    #expect(allows("https://a", "http://localhost:80", host: "localhost") == true)
    #expect(allows("https://a", "https://localhost", host: "localhost:443") == true)
    #expect(allows("https://a", "http://localhost", host: "localhost:443") == false)
    #expect(allows("https://a", "http://[::1]", host: "[0::1]") == true)
}

@Test func originsThatMatchNothingAreRefusedWithWhatToWrite() {
    func proposal(_ text: String) -> String? {
        do throws(OriginMistake) { _ = try OriginPattern(Array(text.utf8)) } catch {
            return String(decoding: error.proposal, as: UTF8.self)
        }
        return nil
    }
    let proposals = [
        ("example.org", "https://example.org"), ("localhost:8080", "https://localhost:8080"), ("http://x/", "http://x"),
        ("http://x:81/a?b", "http://x:81"), ("https://x#y", "https://x"), ("ws://x:81", "http://x:81"), ("wss://x", "https://x"),
        ("file:///tmp/x.html", "null"), ("file://", "null"), ("https://me@x", "https://x"),
        ("https://bücher.example", "https://xn--bcher-kva.example"), ("https://*.münchen.de:81", "https://*.xn--mnchen-3ya.de:81"),
        ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"), ("https://a.*.org", "https://*.example.org"),
        ("https://*a.org", "https://*.example.org"), ("https://*", "https://*.example.org"), ("https://x:*", "https://*.example.org"),
        ("http://127.1", "http://127.0.0.1"), ("http://0x7f000001", "http://127.0.0.1"), ("http://1.2.3.04", "http://127.0.0.1"),
        ("http://*.0.0.1", "http://127.0.0.1"), ("", "https://example.org"),
    ]
    for (text, expected) in proposals { #expect(proposal(text) == expected, "\(text)") }
    let others = [
        "https://", "https://:443", "https://a..b", "https://.a", "https://a:65536", "https://a:0", "https://a:x", "https://[::1",
        "https://[x].com", "https://*.1.2.3.4", "https://*.[::1]", "https://a,https", "https://a b", "https://ex%61mple.org", "a b",
        "://a", "1://a", "https:/a", "https//a", "https://" + String(repeating: "a", count: 64),
        "https://" + String(repeating: "a.", count: 130) + "a", "https://\u{0}", "*.example.org", "**",
    ]
    for text in others { #expect(proposal(text) != nil, "\(text)") }
    _ = try? OriginPattern([0xFF, 0xFE] + Array("://x".utf8))
    #expect((try? OriginPattern(Array("https://".utf8) + [0xFF])) == nil)
}

@Test func punycodeIsThePublishedOne() {
    // RFC 3492, 7.1: A, B, C, G (with a capital made small), L, S.
    let samples = [
        ("ليهمابتكلموشعربي؟", "xn--egbpdaj6bu4bxfgehfvwxn"), ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
        ("他們爲什麽不說中文", "xn--ihqwctvzc91f659drss3x8bo0yb"), ("почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
        ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"), ("パフィーdeルンバ", "xn--de-jg4avhby1noc0d"),
    ]
    for (text, expected) in samples {
        #expect(Punycode.host(Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) } == expected, "\(text)")
    }
    #expect(Punycode.host([UInt8](repeating: 0xC3, count: 2)) == nil)
}

@Test func datesAreThoseOfTheCalendar() {
    func text(_ seconds: Int64) -> String { String(decoding: HTTPDate.text(seconds), as: UTF8.self) }
    #expect(text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(text(0) == "Thu, 01 Jan 1970 00:00:00 GMT" && text(-1) == text(0) && text(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(secondsFromGMT: 0)
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    // A prime number of seconds, 11 days and some hours, to the year 2300.
    for seconds in stride(from: Int64(0), to: 10_413_792_000, by: 999_983) {
        let expected = format.string(from: Date(timeIntervalSince1970: Double(seconds)))
        if text(seconds) != expected { Issue.record("\(seconds): \(text(seconds)), not \(expected)") }
    }
}

@Test func firstKnownSubprotocolIsAnswered() throws {
    func chosen(_ names: String) throws -> (String?, Form)? {
        let head = try read("GET /pong HTTP/1.1\r\nHost: localhost\r\n\(upgrade)Sec-WebSocket-Protocol: \(names)\r\n\r\n")
        guard let head, case .service(_, let form, _, let answer) = try gate.admit(head) else { return nil }
        let lines = String(decoding: answer, as: UTF8.self).components(separatedBy: "\r\n")
        return (lines.first { $0.hasPrefix("Sec-WebSocket-Protocol: ") }.map { String($0.dropFirst(24)) }, form)
    }
    let cases: [(String, String?, Form)] = [
        ("chat", "chat", .payload), ("other, chat.v2, chat", "chat.v2", .payload), ("other", nil, .payload), ("CHAT", nil, .payload),
        ("libipc.frame, chat", "libipc.frame", .frame), ("chat, libipc.frame", "chat", .payload),
        ("x,libipc.frame", "libipc.frame", .frame),
    ]
    for (names, name, form) in cases {
        let result = try chosen(names)
        #expect(result?.0 == name && result?.1 == form, "\(names)")
    }
}
