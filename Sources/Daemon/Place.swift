// Place.swift - where `--listen` says: `HOST:PORT`, an IPv6 address in brackets, or the path of a Unix socket.

import CDaemon

struct HostAndPort {
    static let howToWrite: StaticString = "write HOST:PORT or [IPv6]:PORT, with a port from 0 to 65535; 0.0.0.0 and [::] are all addresses"

    let host: [UInt8]
    let port: [UInt8]

    init?(_ text: [UInt8]) {
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        var host = text[..<colon]
        // Brackets enclose an IPv6 address, which has colons, and no other host.
        let isInBrackets = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
        if isInBrackets { host = host.dropFirst().dropLast() }
        guard host.contains(UInt8(ascii: ":")) == isInBrackets else { return nil }
        guard !host.contains(UInt8(ascii: "[")), !host.contains(UInt8(ascii: "]")) else { return nil }
        let port = text[(colon + 1)...]
        let isNumber = port.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...255).contains(host.count), (1...5).contains(port.count), isNumber else { return nil }
        // getaddrinfo(3) takes a larger number modulo 65536, and * for loopback.
        let number = port.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        guard number <= 65_535, !host.elementsEqual("*".utf8) else { return nil }
        self.host = Array(host)
        self.port = Array(port)
    }

    /// Addresses that need no looking up; none for a name.
    func addresses(numeric: Bool = true) -> [cd_address] {
        let room = 8
        return [cd_address](unsafeUninitializedCapacity: room) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            let found = withCText(host) { host in withCText(port) { cd_lookup(host, $0, numeric ? 1 : 0, base, Int32(room)) } }
            count = max(Int(found), 0)
        }
    }
}

enum Place {
    /// The sockets that were inherited, and those that `--listen` wants; beyond loopback only with `--public`.
    /// - Parameter place: where to listen when nothing says it.
    static func listeners(_ options: Options, takesPaths: Bool = false, otherwise place: StaticString? = nil) throws(Ending) -> [Listener] {
        var listeners = try Listener.inherited()
        var places = options.list("listen")
        if listeners.isEmpty, places.isEmpty, let place { places = [place.cText] }
        let isPublic = options.isGiven("public")
        do throws(Ending) {
            for listener in listeners where !listener.isLocal && !isPublic {
                var address = cd_address()
                guard cd_address_of(listener.descriptor, 0, &address) != 0 else { throw .failed("\(listener.name) has no address") }
                try checkIsLoopback(address)
            }
            for place in places {
                if takesPaths, strchr(place, Int32(UInt8(ascii: "/"))) != nil {
                    listeners.append(try listen(path: place))
                } else {
                    try listen(place, isPublic, takesPaths, &listeners)
                }
            }
        } catch {
            for listener in listeners { listener.remove() }
            throw error
        }
        return listeners
    }

    /// Where an option of its own wants a place that only this machine reaches.
    static func listen(only place: CText, for option: StaticString) throws(Ending) -> [Listener] {
        if strchr(place, Int32(UInt8(ascii: "/"))) != nil { return [try listen(path: place)] }
        var listeners: [Listener] = []
        do throws(Ending) { try listen(place, false, true, &listeners, option) } catch {
            for listener in listeners { listener.remove() }
            throw error
        }
        return listeners
    }

    /// A name can have addresses that this machine has not, `localhost` that of IPv6: then it listens at the others.
    private static func listen(
        _ text: CText, _ isPublic: Bool, _ takesPaths: Bool, _ listeners: inout [Listener], _ name: StaticString = "listen"
    ) throws(Ending) {
        let option = "--\(name) '\(String(c: text))'"
        guard let place = HostAndPort(bytes(of: text)) else {
            throw .wrong("\(option): \(HostAndPort.howToWrite)\(takesPaths ? "; or a path with a slash" : "")")
        }
        let addresses = place.addresses(numeric: false)
        guard !addresses.isEmpty else { throw .failed("\(option): no such address") }
        for address in addresses where !isPublic { try checkIsLoopback(address, name) }
        var (found, missing) = (0, [Ending]())
        for (index, address) in addresses.enumerated() where !addresses[..<index].contains(where: { cd_is_same(address, $0) != 0 }) {
            switch Listener.at(address) {
            case .listens(let listener):
                listeners.append(listener)
                found += 1
            case .isAbsent(let reason): missing.append(reason)
            case .failed(let reason): throw reason
            }
        }
        guard found > 0 else { throw missing[0] }
        for reason in missing { log(.warning, "\(option): \(reason.text); it listens at its other addresses") }
    }

    private static func checkIsLoopback(_ address: cd_address, _ name: StaticString = "listen") throws(Ending) {
        var address = address
        if cd_is_loopback(&address) != 0 { return }
        if name == ("listen" as StaticString).cText { throw .wrong("listening at \(String(address)) needs --public") }
        throw .wrong("--\(name): \(String(address)) is not for this machine alone; write 127.0.0.1:PORT, [::1]:PORT or a path")
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

func bytes(of text: CText) -> [UInt8] { [UInt8](UnsafeRawBufferPointer(start: text, count: strlen(text))) }
