// Forwarded.swift - for whom a trusted proxy speaks, by the field X-Forwarded-For of its request.

import CDaemon

extension RequestHead {
    /// For whom a trusted proxy speaks: the last address that is not a trusted proxy's itself. What stands before it, the client has said.
    func client(behind proxies: TrustedProxies) -> cd_address? {
        for element in forwardedFor.reversed() {
            let text = element.first == UInt8(ascii: "[") ? element.dropFirst().prefix { $0 != UInt8(ascii: "]") } : element[...]
            var address = cd_address()
            guard withCText(Array(text), { cd_lookup($0, "0", 1, &address, 1) }) == 1 else { return nil }
            if !proxies.contain(address) { return address }
        }
        return nil
    }
}
