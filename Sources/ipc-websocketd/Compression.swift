// Compression.swift - permessage-deflate of one connection (RFC 7692, 7.2): messages of the service's are compressed as a whole, and a
// client's message is kept as it came until it is whole, then inflated at once.
//
// So a message in the making takes no more memory than what has come of it, however well it is compressed; a message that inflates to
// more than the limit ends with 1009 when the limit is reached. Only a connection that keeps its contexts has zlib's memory of its own,
// and `--deflate-contexts` limits how many do. All others share a stream for each direction, which begins anew with each message.

import CDaemon
import CDeflate

final class Compression {
    private let parameters: DeflateParameters
    /// Of an inflated message, in bytes.
    private let limit: Int
    private var deflater: OpaquePointer?
    private var inflater: OpaquePointer?
    /// A client's message, compressed, as far as it has come.
    private var packed = MessageBuffer()

    init(_ parameters: DeflateParameters, limit: Int) {
        (self.parameters, self.limit) = (parameters, limit)
        if keepsContexts { Compression.contexts += 1 }
    }

    deinit {
        if keepsContexts { Compression.contexts -= 1 }
        cd_deflater_free(deflater)
        cd_inflater_free(inflater)
    }

    private var keepsContexts: Bool { parameters.serverKeepsContext || parameters.clientKeepsContext }

    // MARK: What all connections share; the daemon has one thread

    nonisolated(unsafe) private static var contexts = 0
    nonisolated(unsafe) private static var mostContexts = 0
    nonisolated(unsafe) private static var mostRatio = 0
    /// By the bits of the window.
    nonisolated(unsafe) private static var sharedDeflaters = [OpaquePointer?](repeating: nil, count: DeflateParameters.mostServerBits + 1)
    nonisolated(unsafe) private static var sharedInflater: OpaquePointer?
    /// Where messages are compressed and inflated to.
    nonisolated(unsafe) private static let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    /// A message may inflate to so much however small it came.
    private static let freeSize = 64 * 1024

    static var hasRoom: Bool { contexts < mostContexts }

    /// Whether compression is to be offered.
    static func set(_ options: Options) throws(Ending) -> Bool {
        mostContexts = try options.number("deflate-contexts", default: 256, in: 0...100_000)
        mostRatio = try options.number("max-ratio", default: 1032, in: 1...1032)
        guard !options.isGiven("no-deflate") else { return false }
        guard let version = cd_zlib_version() else {
            log(.info, "built without zlib: messages are not compressed")
            return false
        }
        log(.info, "messages may be compressed, by zlib \(String(c: version))")
        return true
    }

    // MARK: Compressing

    /// Of a message, in bytes, below which compressing gains too little: 128 bytes of JSON become 20 % smaller alone, and 16 bytes 70 %
    /// behind others like them.
    private var leastSize: Int { parameters.serverKeepsContext ? 16 : 128 }

    /// A compressed message may be no larger than it was, with the four bytes that are cut from it. But a short one may be the first of
    /// many like it: it is sent compressed, and so comes into the context.
    private func room(for count: Int) -> Int { parameters.serverKeepsContext && count < 256 ? count + 16 : count }

    /// Hands out `prefix` and `payload`, compressed. False: the message is better sent as it is.
    func pack(_ prefix: [UInt8], _ payload: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        let count = prefix.count + payload.count
        guard count >= leastSize, let stream = streamToDeflate() else { return false }
        let isLarge = count > Compression.scratch.count
        guard let place = isLarge ? malloc(count) : Compression.scratch.baseAddress else { return false }
        defer { if isLarge { free(place) } }
        let size = prefix.withUnsafeBytes {
            cd_deflate(stream, $0.baseAddress, $0.count, payload.baseAddress, payload.count, place, room(for: count))
        }
        guard size > 0 else { return false }
        body(UnsafeRawBufferPointer(start: place, count: size))
        return true
    }

    private func streamToDeflate() -> OpaquePointer? {
        let bits = parameters.serverBits
        if parameters.serverKeepsContext {
            if deflater == nil { deflater = cd_deflater_make(Int32(bits)) }
            return deflater
        }
        if let shared = Compression.sharedDeflaters[bits] {
            cd_deflater_reset(shared)
            return shared
        }
        Compression.sharedDeflaters[bits] = cd_deflater_make(Int32(bits))
        return Compression.sharedDeflaters[bits]
    }

    // MARK: Inflating

    func take(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) { try packed.append(bytes) }

    /// The message is whole: appends it, inflated, to `message`.
    func inflate(isText: Bool, to message: inout MessageBuffer) throws(WebSocketFailure) {
        guard let stream = streamToInflate(), let scratch = Compression.scratch.baseAddress else {
            throw WebSocketFailure(.internalError, "no memory to inflate")
        }
        let whole = packed.take(FrameHeader(type: 0, userType: 0, length: 0), -1)
        defer { free(whole.payload) }
        cd_inflate_begin(stream, whole.payload, Int(whole.length))
        let most = min(limit, max(Compression.freeSize, Compression.mostRatio * Int(whole.length)))
        var (size, text) = (0, UTF8Check())
        while true {
            let count = cd_inflate_next(stream, scratch, Compression.scratch.count)
            if count == CD_INFLATE_NO_MEMORY { throw WebSocketFailure(.internalError, "no memory to inflate") }
            guard count >= 0 else { throw WebSocketFailure(.inconsistentData, "the message does not inflate") }
            size += count
            guard size <= most else { throw WebSocketFailure(.messageTooBig, "the message inflates to too much") }
            let bytes = UnsafeRawBufferPointer(start: scratch, count: count)
            if isText, !text.accepts(bytes) { throw WebSocketFailure(.inconsistentData, "the text is not UTF-8") }
            try message.append(bytes)
            if count < Compression.scratch.count { break }
        }
        if isText, !text.isComplete { throw WebSocketFailure(.inconsistentData, "the text ends within a character") }
    }

    private func streamToInflate() -> OpaquePointer? {
        if parameters.clientKeepsContext {
            if inflater == nil { inflater = cd_inflater_make(Int32(parameters.clientBits)) }
            return inflater
        }
        if let shared = Compression.sharedInflater {
            cd_inflater_reset(shared)
            return shared
        }
        Compression.sharedInflater = cd_inflater_make(Int32(CD_LARGEST_WINDOW_BITS))
        return Compression.sharedInflater
    }
}

extension Client {
    /// A message as one frame, compressed where that pays.
    func sendWhole(_ opcode: Opcode, _ prefix: [UInt8], _ payload: UnsafeRawBufferPointer) {
        let isPacked = compression?.pack(prefix, payload) { send(FrameEncoder.header(opcode, length: $0.count, isCompressed: true), $0) }
        if isPacked == true { return }
        send(FrameEncoder.header(opcode, length: prefix.count + payload.count) + prefix, payload)
    }

    /// Payload of the client's message in the making.
    func take(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) {
        if decoder.isCompressed, let compression { try compression.take(bytes) } else { try message.append(bytes) }
    }

    /// The client's message is whole; it is inflated if it was compressed.
    func inflate(_ isText: Bool) throws(WebSocketFailure) {
        if decoder.isCompressed, let compression { try compression.inflate(isText: isText, to: &message) }
    }
}
