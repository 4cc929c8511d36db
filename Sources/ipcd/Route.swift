// Route.swift - the routes of a look-up: which one is a service's, and where it leads.
//
// A look-up is `service;routes`, and the routes are entries `service uri` with `;` between, as in IPC_NETWORK. The mark ` !` of a strict
// route is its client's business, and ignored where a client sends it.

enum Route {
    /// A socket at a path; a service of this machine; what the service of the scheme's name reaches.
    case path([UInt8])
    case service([UInt8])
    case scheme([UInt8], uri: [UInt8])

    /// - Parameter uri: `unix://PATH`, `SCHEME://...` or the name of a service.
    init?(_ uri: [UInt8]) {
        guard !uri.isEmpty, uri.count <= ShortFrame.longest, !uri.contains(where: { $0 < 32 || $0 == 127 }) else { return nil }
        let mark: [UInt8] = [UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "/")]
        guard let length = (0..<uri.count).first(where: { uri[$0...].starts(with: mark) }) else {
            self = .service(uri)
            return
        }
        let scheme = Array(uri[..<length])
        if scheme.elementsEqual("unix".utf8) {
            self = .path(Array(uri[(length + mark.count)...]))
        } else if !scheme.isEmpty, scheme.allSatisfy({ Route.isSchemeCharacter($0) }) {
            self = .scheme(scheme, uri: uri)
        } else {
            return nil
        }
    }

    private static func isSchemeCharacter(_ byte: UInt8) -> Bool {
        let isLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 32)
        let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        return isLetter || isDigit || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
    }
}

struct LookUp {
    let service: [UInt8]
    /// nil: no entry names the service.
    let uri: [UInt8]?

    init?(_ payload: [UInt8]) {
        let isSeparator = { (byte: UInt8) in byte == UInt8(ascii: ";") }
        // Programs that count the NUL of a C string into their payload are understood.
        var entries = payload.prefix { $0 != 0 }.split(whereSeparator: isSeparator)[...]
        guard let first = entries.popFirst() else { return nil }
        service = Array(first)
        for entry in entries {
            var words = entry.split(whereSeparator: LookUp.isBlank)
            if words.count > 1, words[words.count - 1].elementsEqual("!".utf8) { words.removeLast() }
            if let name = words.first, name.elementsEqual(service) {
                uri = words.count > 1 ? Array(entry[words[1].startIndex..<words[words.count - 1].endIndex]) : []
                return
            }
        }
        uri = nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
