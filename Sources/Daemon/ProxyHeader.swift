// ProxyHeader.swift - for whom a proxy speaks: which peers may say that (`--trusted-proxy`), and the header that HAProxy and others send
// before anything else ("The PROXY protocol", version 2, section 2.2: http://www.haproxy.org/download/2.8/doc/proxy-protocol.txt).

import CDaemon

extension Option {
    static let trustedProxy = Option(
        name: "trusted-proxy", argument: "ADDRESS", isList: true, isReread: true,
        help: "a proxy that may say who its clients are; unix for who connects to a Unix socket (default: none)")
}

/// The proxies of `--trusted-proxy`: addresses, or `unix` for who connects to a Unix socket.
struct TrustedProxies {
    private var addresses: [cd_address] = []
    private var areLocal = false

    init(_ options: Options) throws(Ending) {
        for text in options.list("trusted-proxy") {
            if ("unix" as StaticString) == text {
                areLocal = true
                continue
            }
            var address = cd_address()
            guard cd_lookup(text, "0", 1, &address, 1) == 1 else {
                throw .wrong("--trusted-proxy \(String(c: text)): write the proxy's address, 192.0.2.1 or 2001:db8::1 say, or unix")
            }
            addresses.append(address)
        }
    }

    /// Whether the peer of this socket is one.
    func have(_ client: Int32) -> Bool {
        if cd_family(client) == AF_UNIX { return areLocal }
        var address = cd_address()
        return !addresses.isEmpty && cd_address_of(client, 1, &address) != 0 && contain(address)
    }

    func contain(_ address: cd_address) -> Bool {
        addresses.contains { known in
            var (one, other) = (known, address)
            return cd_is_same_host(&one, &other) != 0
        }
    }
}

/// So much of the header has come.
struct ProxyHeader {
    enum Meaning {
        case incomplete
        case peer(cd_address)
        /// The proxy speaks for itself (a check of health), or does not say for whom.
        case nobody
        case broken
    }

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let fixedSize = 16
    /// Of what follows the fixed part, in bytes. The rest behind the addresses is skipped.
    private static let longest = 4096

    private(set) var bytes: [UInt8] = []

    /// The first byte says whether a header comes at all: no request and no name of a service begins like that.
    static func begins(with byte: UInt8) -> Bool { byte == signature[0] }

    mutating func append(_ more: [UInt8]) { bytes += more }

    private var length: Int { Int(bytes[14]) << 8 | Int(bytes[15]) }

    /// Bytes to receive next: never more than the header has.
    var missing: Int { (bytes.count < Self.fixedSize ? Self.fixedSize : Self.fixedSize + length) - bytes.count }

    var meaning: Meaning {
        guard bytes.prefix(Self.signature.count).elementsEqual(Self.signature.prefix(bytes.count)) else { return .broken }
        guard bytes.count >= Self.fixedSize else { return .incomplete }
        guard bytes[12] >> 4 == 2, length <= Self.longest else { return .broken }
        guard missing == 0 else { return .incomplete }
        switch (bytes[12] & 15, bytes[13]) {
        case (0, _): return .nobody
        case (1, 0x11) where length >= 12: return .peer(address(4, portAt: 24))
        case (1, 0x21) where length >= 36: return .peer(address(16, portAt: 48))
        case (1, 0x11), (1, 0x21): return .broken
        case (1, _): return .nobody
        default: return .broken
        }
    }

    private func address(_ size: Int, portAt place: Int) -> cd_address {
        var address = cd_address()
        let port = UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
        bytes.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { cd_make_address(start + Self.fixedSize, size, port, &address) }
        }
        return address
    }
}

extension Loop {
    /// Reads the header that a proxy may send first.
    /// - Returns: whether the service may read: there is no header.
    func hearProxy(_ talk: Talk) -> Bool {
        guard var header = talk.proxyHeader else { return true }
        if header.bytes.isEmpty {
            guard let first = receive(1, from: talk.client, peeking: true) else { return false }
            guard let byte = first.first, ProxyHeader.begins(with: byte) else {
                talk.proxyHeader = nil
                return true
            }
        }
        while true {
            switch header.meaning {
            case .broken: refuse(talk, "the proxy sent no PROXY header of version 2")
            case .nobody: talk.proxyHeader = nil
            case .peer(let address):
                talk.proxyHeader = nil
                _ = name(address, as: talk)
            case .incomplete:
                guard let bytes = receive(header.missing, from: talk.client) else {
                    talk.proxyHeader = header
                    return false
                }
                guard !bytes.isEmpty else {
                    drop(talk, "left before it had said for whom it speaks")
                    return false
                }
                header.append(bytes)
                continue
            }
            return false
        }
    }
}
