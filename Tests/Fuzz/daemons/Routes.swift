// Routes.swift - what ipcd and ipc-tcpd read: routes, URIs, the header of a proxy, and frames that a TCP peer sends.

import CDaemon

func fuzzRoutes(_ bytes: UnsafeRawBufferPointer) {
    guard let lookUp = LookUp(Array(bytes)) else { return }
    demand(!lookUp.service.isEmpty && !lookUp.service.contains { $0 == 0 || $0 == UInt8(ascii: ";") })
    guard let uri = lookUp.uri else { return }
    demand(!uri.contains { $0 == 0 || $0 == UInt8(ascii: ";") })
    switch Route(uri) {
    case .path(let path)?: demand(uri.count == path.count + 7)
    case .service(let name)?: demand(name == uri)
    case .scheme(let scheme, let whole)?: demand(whole == uri && uri.starts(with: scheme) && !scheme.isEmpty)
    case nil: break
    }
}

func fuzzURIs(_ bytes: UnsafeRawBufferPointer) {
    guard let uri = URI(Array(bytes)) else { return }
    demand((1...URI.longestName).contains(uri.service.count))
    demand(!uri.service.contains { $0 < 32 || $0 == 127 } && !uri.place.host.isEmpty)
    // Written again, it means the same.
    let isAddress6 = uri.place.host.contains(UInt8(ascii: ":"))
    let host = isAddress6 ? [UInt8(ascii: "[")] + uri.place.host + [UInt8(ascii: "]")] : uri.place.host
    let text = Array("tcp://".utf8) + host + [UInt8(ascii: ":")] + uri.place.port + [UInt8(ascii: "/")] + uri.service
    guard let again = URI(text) else { return demand(false) }
    demand(again.place.host == uri.place.host && again.place.port == uri.place.port && again.service == uri.service)
}

/// Where the stream ends, and how many frames are whole, counted in the simplest way.
private func frames(in stream: UnsafeRawBufferPointer) -> (valid: Int, frames: Int, isBroken: Bool) {
    var (start, count) = (0, 0)
    while start + FrameHeader.size <= stream.count {
        let length = stream[(start + 1)...(start + 4)].reduce(0) { $0 << 8 | Int($1) }
        if length > Int(IPC_MAX_MESSAGE_SIZE) { return (start, count, true) }
        guard length <= stream.count - start - FrameHeader.size else { break }
        start += FrameHeader.size + length
        count += 1
    }
    return (stream.count, count, false)
}

func fuzzTCPFrames(_ bytes: UnsafeRawBufferPointer) {
    guard let (first, stream) = split(bytes) else { return }
    let wanted = frames(in: stream)
    var whole = FrameScanner()
    let found = whole.scan(stream)
    demand(found == wanted)
    var cut = FrameScanner()
    var (count, isBroken) = (0, false)
    pieces(stream, 1 + first) { piece in
        let found = cut.scan(piece)
        demand(found.valid <= piece.count)
        count += found.frames
        isBroken = found.isBroken
        return !isBroken
    }
    demand(count == wanted.frames && isBroken == wanted.isBroken)
}

func fuzzProxyHeaders(_ bytes: UnsafeRawBufferPointer) {
    var header = ProxyHeader()
    var rest = bytes[...]
    while case .incomplete = header.meaning {
        let missing = header.missing
        demand(missing > 0 && header.bytes.count + missing <= 16 + 4096)
        if rest.isEmpty { return }
        let part = rest.prefix(missing)
        header.append(Array(part))
        rest = rest.dropFirst(part.count)
    }
}
