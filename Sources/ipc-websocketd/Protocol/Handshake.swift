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
    case page
    /// The daemon lives.
    case health
    /// What may be asked.
    case options
    case service(name: [UInt8], Form, DeflateParameters?, answer: [UInt8])
}

struct Gate {
    var services: [[UInt8]] = []
    var origins = OriginPolicy()
    /// What a client may ask for besides `libipc.frame`; they mean the payload form.
    var subprotocols: [[UInt8]] = []
    var hasPage = true
    /// Where a load balancer asks whether the daemon lives; nil: nowhere.
    var health: [UInt8]?
    /// Of a request's head, in bytes: some sites have 8 KiB of cookies.
    var headLimit = 16 * 1024
    var offersDeflate = false

    /// - Parameter keepsContexts: there is memory for another connection's compression contexts.
    func admit(_ head: RequestHead, keepsContexts: Bool = false) throws(Status) -> Verdict {
        guard head.method != .other else { throw .methodNotAllowed }
        guard !head.hasBody else { throw .contentTooLarge }
        // It says nothing of the services, and a load balancer calls the daemon by any name.
        if let health, head.path == health { return head.method == .options ? .options : .health }
        // Before anything else: whether a service is there is for those alone who may ask.
        guard isAllowed(head) else { throw .forbidden }
        let name = Array(head.path.dropFirst())
        if head.path.isEmpty { return .options }
        if name.isEmpty, hasPage, !head.asksForUpgrade { return head.method == .options ? .options : .page }
        guard services.contains(name) else { throw .notFound }
        if head.method == .options { return .options }
        guard head.method == .get, head.asksForUpgrade, head.isVersion11, let version = head.version, version.isEqual(to: "13") else {
            throw .upgradeRequired
        }
        guard let key = head.key, Base64.isKey(key) else { throw .badRequest }
        let subprotocol = subprotocol(head)
        let form: Form = subprotocol.map { $0.isEqual(to: Form.frameProtocol) } == true ? .frame : .payload
        let offers = try ExtensionOffer.list(head.extensions)
        let deflate = offersDeflate ? DeflateParameters.accept(offers, keepsContexts: keepsContexts) : nil
        return .service(name: name, form, deflate, answer: Gate.answer(key, subprotocol, deflate))
    }

    /// A web page must be one that may connect, or be the server's own. A page of a name that leads here (DNS rebinding) sends no Origin
    /// when it fetches from that name, but it cannot ask for an upgrade then: whoever does is a program.
    private func isAllowed(_ head: RequestHead) -> Bool {
        if let origin = head.origin { return origins.allows(origin: origin, host: head.authority) }
        return head.asksForUpgrade && head.key != nil || origins.allows(host: head.authority)
    }

    /// The first that the client names and the server knows (RFC 6455, 4.2.2, item 5).
    private func subprotocol(_ head: RequestHead) -> [UInt8]? {
        for name in head.protocols where name.isEqual(to: Form.frameProtocol) || subprotocols.contains(name) { return name }
        return nil
    }

    private static func answer(_ key: [UInt8], _ subprotocol: [UInt8]?, _ deflate: DeflateParameters?) -> [UInt8] {
        var bytes = Status.switchingProtocols.line
        bytes += ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " as StaticString).bytes
        bytes += accept(key)
        if let subprotocol {
            bytes += ("\r\nSec-WebSocket-Protocol: " as StaticString).bytes
            bytes += subprotocol
        }
        if let deflate { bytes += ("\r\nSec-WebSocket-Extensions: " as StaticString).bytes + deflate.answer }
        return bytes + ("\r\n\r\n" as StaticString).bytes
    }

    /// 4.2.2, item 5.
    static func accept(_ key: [UInt8]) -> [UInt8] {
        Base64.encode(SHA1.digest(key + ("258EAFA5-E914-47DA-95CA-C5AB0DC85B11" as StaticString).bytes))
    }
}
