// Status.swift - what a request may be answered with (RFC 9110, 15), and the answer's bytes. Each answer but the upgrade ends the
// connection: there is nothing to be gained here from a second request, and nothing to be got wrong.

enum Status: UInt16, Error {
    case switchingProtocols = 101
    case ok = 200
    case noContent = 204
    case badRequest = 400
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case requestTimeout = 408
    case contentTooLarge = 413
    case targetTooLong = 414
    case upgradeRequired = 426
    case headTooLarge = 431
    case serviceUnavailable = 503
    case gatewayTimeout = 504
    case versionNotSupported = 505

    var text: StaticString {
        switch self {
        case .switchingProtocols: "Switching Protocols"
        case .ok: "OK"
        case .noContent: "No Content"
        case .badRequest: "Bad Request"
        case .forbidden: "Forbidden"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .requestTimeout: "Request Timeout"
        case .contentTooLarge: "Content Too Large"
        case .targetTooLong: "URI Too Long"
        case .upgradeRequired: "Upgrade Required"
        case .headTooLarge: "Request Header Fields Too Large"
        case .serviceUnavailable: "Service Unavailable"
        case .gatewayTimeout: "Gateway Timeout"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }

    /// Fields that belong to this status.
    private var fields: StaticString {
        switch self {
        case .noContent, .methodNotAllowed: "Allow: GET, HEAD, OPTIONS\r\n"
        // 426 names the protocol (RFC 9110, 15.5.22) and its version (RFC 6455, 4.4).
        case .upgradeRequired: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        case .serviceUnavailable: "Retry-After: 1\r\n"
        default: ""
        }
    }

    /// A whole answer; HEAD gets its head alone (RFC 9110, 9.3.2).
    /// - Parameters:
    ///   - page: the body, which may be empty; nil: the status in words.
    ///   - time: seconds since 1970.
    func answer(_ page: [UInt8]? = nil, isHead: Bool = false, time: Int64) -> [UInt8] {
        let body = page ?? decimal(rawValue) + [UInt8(ascii: " ")] + text.bytes + [UInt8(ascii: "\n")]
        var bytes = line
        bytes += ("Date: " as StaticString).bytes
        bytes += HTTPDate.text(time)
        bytes += ("\r\n" as StaticString).bytes
        bytes += fields.bytes
        let connection: StaticString = self == .upgradeRequired ? "Connection: close, Upgrade\r\n" : "Connection: close\r\n"
        bytes += connection.bytes
        // 204 ends with its head, and says nothing of a length (RFC 9110, 8.6).
        if self == .noContent { return bytes + ("\r\n" as StaticString).bytes }
        bytes += (page == nil || body.isEmpty ? Status.plainFields : Status.pageFields).bytes
        bytes += ("Content-Length: " as StaticString).bytes
        bytes += decimal(body.count)
        bytes += ("\r\n\r\n" as StaticString).bytes
        return isHead ? bytes : bytes + body
    }

    var line: [UInt8] {
        ("HTTP/1.1 " as StaticString).bytes + decimal(rawValue) + [UInt8(ascii: " ")] + text.bytes + ("\r\n" as StaticString).bytes
    }

    private static let plainFields: StaticString = """
        Content-Type: text/plain; charset=utf-8\r
        Cache-Control: no-store\r
        X-Content-Type-Options: nosniff\r

        """

    /// The page loads nothing from anywhere, is in no frame, and talks to this server alone.
    private static let pageFields: StaticString = """
        Content-Type: text/html; charset=utf-8\r
        Cache-Control: no-store\r
        X-Content-Type-Options: nosniff\r
        Referrer-Policy: no-referrer\r
        Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r

        """
}

private func decimal(_ number: some BinaryInteger) -> [UInt8] {
    var (digits, rest) = ([UInt8](), Int(number))
    repeat {
        digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
        rest /= 10
    } while rest > 0
    return digits.reversed()
}
