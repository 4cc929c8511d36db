// Handshake.swift - what a request gets: a service, the page, or a status that says why not (RFC 6455, 4.2).

/// How libipc's messages and WebSocket's stand for each other.
enum Form {
    /// A message is a payload; its opcode is the user type.
    case payload
    /// A binary message is a whole frame of libipc, header included.
    case frame

    static let frameProtocol: StaticString = "libipc.frame"
}

enum Verdict {
    case page(isHead: Bool)
    case service(name: [UInt8], Form, DeflateParameters?, answer: [UInt8])
}

struct Gate {
    var services: [[UInt8]] = []
    var origins = OriginPolicy()
    var hasPage = true
    var offersDeflate = false

    /// - Parameter keepsContexts: there is memory for another connection's compression contexts.
    func admit(_ head: RequestHead, keepsContexts: Bool = false) throws(Status) -> Verdict {
        guard head.method != .other else { throw .methodNotAllowed }
        guard !head.hasBody else { throw .contentTooLarge }
        let name = Array(head.path.dropFirst())
        if name.isEmpty, hasPage, !head.asksForUpgrade { return .page(isHead: head.method == .head) }
        guard services.contains(name) else { throw .notFound }
        guard head.method == .get else { throw .methodNotAllowed }
        guard head.asksForUpgrade, head.isVersion11, let version = head.version, version.isEqual(to: "13") else { throw .upgradeRequired }
        guard let key = head.key, Base64.isKey(key) else { throw .badRequest }
        guard origins.allows(head.origin, host: head.host) else { throw .forbidden }
        let form: Form = head.protocols.contains { $0.isEqual(to: Form.frameProtocol) } ? .frame : .payload
        let offers = try ExtensionOffer.list(head.extensions)
        let deflate = offersDeflate ? DeflateParameters.accept(offers, keepsContexts: keepsContexts) : nil
        return .service(name: name, form, deflate, answer: Gate.answer(key, form, deflate))
    }

    private static func answer(_ key: [UInt8], _ form: Form, _ deflate: DeflateParameters?) -> [UInt8] {
        var bytes = Status.switchingProtocols.line
        bytes += ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " as StaticString).bytes
        bytes += accept(key)
        if form == .frame {
            bytes += ("\r\nSec-WebSocket-Protocol: " as StaticString).bytes
            bytes += Form.frameProtocol.bytes
        }
        if let deflate { bytes += ("\r\nSec-WebSocket-Extensions: " as StaticString).bytes + deflate.answer }
        return bytes + ("\r\n\r\n" as StaticString).bytes
    }

    /// 4.2.2, item 5.
    static func accept(_ key: [UInt8]) -> [UInt8] {
        Base64.encode(SHA1.digest(key + ("258EAFA5-E914-47DA-95CA-C5AB0DC85B11" as StaticString).bytes))
    }
}
