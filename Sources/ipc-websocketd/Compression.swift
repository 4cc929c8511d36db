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
    private var inflation: Inflation?

    init(_ parameters: DeflateParameters, limit: Int) {
        (self.parameters, self.limit) = (parameters, limit)
        if keepsContexts { Compression.contexts += 1 }
    }

    deinit {
        if keepsContexts { Compression.contexts -= 1 }
        inflation?.end()
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
    /// Others are served after so many calls of zlib, each of at most 8 KiB compressed and 64 KiB inflated: 4 ms at worst.
    private static let callsPerTurn = 2
    /// A compressed message up to this size, in bytes, is inflated in one turn, and so with the stream that all share.
    private static let mostShared = 8 * 1024

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

    /// A client's message that is whole, and the part of it that is inflated.
    private struct Inflation {
        let stream: OpaquePointer
        let isText: Bool
        /// malloc's; zlib reads it.
        let packed: UnsafeMutablePointer<CChar>?
        /// Of the message inflated, in bytes.
        var size = 0
        let most: Int
        var text = UTF8Check()
        /// The stream is for this message alone.
        let ownsStream: Bool
        let callsPerTurn: Int

        func end() {
            free(packed)
            if ownsStream { cd_inflater_free(stream) }
        }
    }

    /// More of the client's message in the making.
    func take(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) { try packed.append(bytes) }

    /// What is being inflated; nil: nothing.
    var inflating: Opcode? { inflation.map { $0.isText ? .text : .binary } }

    /// The client's message is whole: it is to be inflated.
    func beginInflating(isText: Bool) throws(WebSocketFailure) {
        let isLong = packed.count > Compression.mostShared
        guard let stream = streamToInflate(isLong) else { throw WebSocketFailure(.internalError, "no memory to inflate") }
        let whole = packed.take(FrameHeader(type: 0, userType: 0, length: 0), -1)
        cd_inflate_begin(stream, whole.payload, Int(whole.length))
        let most = min(limit, max(Compression.freeSize, Compression.mostRatio * Int(whole.length)))
        let isShared = !isLong && !parameters.clientKeepsContext
        inflation = Inflation(
            stream: stream, isText: isText, packed: whole.payload, most: most, ownsStream: isLong && !parameters.clientKeepsContext,
            callsPerTurn: isShared ? .max : Compression.callsPerTurn)
    }

    /// Appends some more of it to `message`. Whether that is all of it.
    func inflate(to message: inout MessageBuffer) throws(WebSocketFailure) -> Bool {
        guard let stream = inflation?.stream, let calls = inflation?.callsPerTurn else { return true }
        for _ in 0..<calls {
            try inflateOnce(stream, to: &message)
            if cd_inflate_is_whole(stream) != 0 {
                if let inflation, inflation.isText, !inflation.text.isComplete {
                    throw WebSocketFailure(.inconsistentData, "the text ends within a character")
                }
                inflation?.end()
                inflation = nil
                return true
            }
        }
        return false
    }

    private func inflateOnce(_ stream: OpaquePointer, to message: inout MessageBuffer) throws(WebSocketFailure) {
        guard let scratch = Compression.scratch.baseAddress else { return }
        let count = cd_inflate_next(stream, scratch, Compression.scratch.count)
        if count == CD_INFLATE_NO_MEMORY { throw WebSocketFailure(.internalError, "no memory to inflate") }
        guard count >= 0, var inflation else { throw WebSocketFailure(.inconsistentData, "the message does not inflate") }
        inflation.size += count
        guard inflation.size <= inflation.most else { throw WebSocketFailure(.messageTooBig, "the message inflates to too much") }
        let bytes = UnsafeRawBufferPointer(start: scratch, count: count)
        if inflation.isText, !inflation.text.accepts(bytes) { throw WebSocketFailure(.inconsistentData, "the text is not UTF-8") }
        self.inflation = inflation
        try message.append(bytes)
    }

    private func streamToInflate(_ isLong: Bool) -> OpaquePointer? {
        if parameters.clientKeepsContext {
            if inflater == nil { inflater = cd_inflater_make(Int32(parameters.clientBits)) }
            return inflater
        }
        if isLong { return cd_inflater_make(Int32(CD_LARGEST_WINDOW_BITS)) }
        if let shared = Compression.sharedInflater {
            cd_inflater_reset(shared)
            return shared
        }
        Compression.sharedInflater = cd_inflater_make(Int32(CD_LARGEST_WINDOW_BITS))
        return Compression.sharedInflater
    }
}

extension Client {
    /// Sends a message as one frame, compressed where that pays.
    func sendWhole(_ opcode: Opcode, _ prefix: [UInt8], _ payload: UnsafeRawBufferPointer) {
        let isPacked = compression?.pack(prefix, payload) { send(FrameEncoder.header(opcode, length: $0.count, isCompressed: true), $0) }
        if isPacked == true { return }
        send(FrameEncoder.header(opcode, length: prefix.count + payload.count) + prefix, payload)
    }

    /// Takes payload of the client's message in the making.
    func take(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) {
        if decoder.isCompressed, let compression { try compression.take(bytes) } else { try message.append(bytes) }
    }

    var isInflating: Bool { compression?.inflating != nil }

    /// The client's message is whole, but for what is to be inflated.
    func finish(_ isText: Bool) throws(WebSocketFailure) -> Progress {
        guard decoder.isCompressed, let compression else { return .message(try finishMessage(isText)) }
        if !isInflating { try compression.beginInflating(isText: isText) }
        return try compression.inflate(to: &message) ? .message(try finishMessage(isText)) : .busy
    }
}
