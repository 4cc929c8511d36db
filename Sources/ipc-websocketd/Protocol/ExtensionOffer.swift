// ExtensionOffer.swift - what a client lists in Sec-WebSocket-Extensions (RFC 6455, 9.1): names, each with parameters.

struct ExtensionOffer: Equatable {
    struct Parameter: Equatable {
        var name: [UInt8]
        var value: [UInt8]?
    }

    var name: [UInt8]
    var parameters: [Parameter] = []

    /// A list that breaks the grammar fails the handshake, as section 9.1 wants it.
    static func list(_ text: [UInt8]) throws(Status) -> [ExtensionOffer] {
        var (offers, scanner) = ([ExtensionOffer](), Scanner(rest: text[...]))
        while true {
            // Empty elements of a list do not count (RFC 9110, 5.6.1).
            while scanner.takes(",") {}
            if scanner.isAtEnd { return offers }
            var offer = ExtensionOffer(name: try scanner.token())
            while scanner.takes(";") {
                var parameter = Parameter(name: try scanner.token())
                if scanner.takes("=") { parameter.value = try scanner.tokenOrQuoted() }
                offer.parameters.append(parameter)
            }
            offers.append(offer)
            guard scanner.isAtEnd || scanner.takes(",") else { throw .badRequest }
        }
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        private mutating func skipBlanks() { rest = rest.drop { $0.isBlank } }

        var isAtEnd: Bool { rest.allSatisfy { $0.isBlank } }

        /// - Parameter skipsBlanks: no blank may stand in quotes.
        mutating func takes(_ separator: Unicode.Scalar, skipsBlanks: Bool = true) -> Bool {
            if skipsBlanks { skipBlanks() }
            guard rest.first == UInt8(ascii: separator) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func token() throws(Status) -> [UInt8] {
            skipBlanks()
            let token = rest.prefix { $0.isTokenCharacter }
            guard !token.isEmpty else { throw .badRequest }
            rest = rest[token.endIndex...]
            return Array(token)
        }

        /// What stands in quotes must be a token, too.
        mutating func tokenOrQuoted() throws(Status) -> [UInt8] {
            guard takes("\"") else { return try token() }
            var text = [UInt8]()
            while !takes("\"", skipsBlanks: false) {
                if rest.first == UInt8(ascii: "\\") { rest.removeFirst() }
                guard let byte = rest.popFirst(), byte.isTokenCharacter else { throw .badRequest }
                text.append(byte)
            }
            guard !text.isEmpty else { throw .badRequest }
            return text
        }
    }
}
