// Gate+Options.swift - what requests get, as the options say: services, origins, subprotocols, and where the daemon's health is asked.

import CDaemon

extension Gate {
    /// - Parameter offersDeflate: from the start on; SIGHUP does not change it.
    init(_ options: Options, offersDeflate: Bool) throws(Ending) {
        self.offersDeflate = offersDeflate
        hasPage = !options.isGiven("no-page")
        services = try options.allowedServices()
        for text in options.list("origin") {
            do throws(OriginMistake) { try origins.allow(bytes(of: text)) } catch {
                let advice = error.proposal.isEmpty ? "" : "; write \(String(bytes: error.proposal))"
                throw .wrong("--origin \(String(c: text)): \(error.reason)\(advice)")
            }
        }
        subprotocols = try options.list("subprotocol").map { text throws(Ending) in try Gate.readSubprotocol(text) }
        health = try options.text("health").map { text throws(Ending) in try Gate.readHealth(text, hasPage, services) }
        if services.isEmpty { log(.warning, "nobody can reach anything: no service is allowed (--allow)") }
        headLimit = try options.number("max-head", default: headLimit, in: 1024...1_048_576)
    }

    /// The name of a subprotocol is a token (RFC 6455, 4.1).
    private static func readSubprotocol(_ text: CText) throws(Ending) -> [UInt8] {
        let name = bytes(of: text)
        guard !name.isEmpty, name.allSatisfy({ $0.isTokenCharacter }) else {
            throw .wrong("--subprotocol \(String(c: text)): no name of a subprotocol; give --subprotocol once for each")
        }
        guard !name.isEqual(to: Form.frameProtocol) else {
            throw .wrong("--subprotocol \(Form.frameProtocol): it is always known; leave it out")
        }
        return name
    }

    private static func readHealth(_ text: CText, _ hasPage: Bool, _ services: [[UInt8]]) throws(Ending) -> [UInt8] {
        let path = bytes(of: text)
        let isPath = path.first == UInt8(ascii: "/") && path.allSatisfy { $0 > 32 && $0 < 127 }
        guard isPath, !path.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") || $0 == UInt8(ascii: "%") }) else {
            throw .wrong("--health \(String(c: text)): not the path of a URL without a query; write /health")
        }
        guard path.count > 1 || !hasPage else { throw .wrong("--health /: the page is there; write /health, or --no-page too") }
        guard !services.contains(Array(path.dropFirst())) else { throw .wrong("--health \(String(c: text)): a service has this path") }
        return path
    }
}
