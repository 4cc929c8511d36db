// Place.swift - where `--listen` says: `HOST:PORT`, an IPv6 address in brackets, or the path of a Unix socket.

import CDaemon

enum Place {
    static func listen(_ text: CText, isPublic: Bool) throws(Ending) -> [Listener] {
        if strchr(text, 47) != nil { return [try listen(path: text)] }
        var listeners: [Listener] = []
        do throws(Ending) {
            for address in try addresses(text) {
                if !isPublic { try checkIsLoopback(address) }
                listeners.append(try Listener.at(address))
            }
        } catch {
            for listener in listeners { listener.remove() }
            throw error
        }
        return listeners
    }

    static func checkIsPrivate(_ listener: Listener) throws(Ending) {
        var address = cd_address()
        if listener.isLocal { return }
        guard cd_address_of(listener.descriptor, 0, &address) != 0 else { throw .failed("\(listener.name) has no address") }
        try checkIsLoopback(address)
    }

    private static func checkIsLoopback(_ address: cd_address) throws(Ending) {
        var address = address
        if cd_is_loopback(&address) == 0 { throw .wrong("listening at \(String(address)) needs --public") }
    }

    private static func addresses(_ text: CText) throws(Ending) -> [cd_address] {
        let text = bytes(of: text)
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")), colon + 1 < text.count else {
            throw .wrong("--listen \(String(bytes: text)): neither HOST:PORT nor the path of a socket")
        }
        var host = text[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
        let found = [cd_address](unsafeUninitializedCapacity: 8) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            let (port, room) = (Array(text[(colon + 1)...]), Int32(buffer.count))
            count = Int(max(withCText(Array(host)) { host in withCText(port) { cd_lookup(host, $0, 0, base, room) } }, 0))
        }
        guard !found.isEmpty else { throw .failed("--listen \(String(bytes: text)): no such address") }
        return found
    }

    /// A stale socket is replaced, a live one and any other file left alone.
    private static func listen(path: CText) throws(Ending) -> Listener {
        var descriptor: Int32 = -1
        guard cd_listen_at_path(&descriptor, path) == IPC_ERROR_NONE else {
            throw .failed("cannot listen at \(String(c: path)): \(String(c: cd_reason()))")
        }
        cd_set_blocking(descriptor, 0)
        return Listener(
            descriptor: descriptor, path: [CChar](UnsafeBufferPointer(start: path, count: strlen(path) + 1)), name: String(c: path))
    }
}
