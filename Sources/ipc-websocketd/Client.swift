// Client.swift - one web client: what it has sent and what it is to be sent, as far as the library does not keep that.
//
// All of it has a bound: the head of its request, one receive that is not decoded yet (`held`), the message in the making, and the rest
// of what the socket did not take (Outflow).

import CDaemon

final class Client {
    enum Phase {
        /// Its request comes.
        case asking
        /// Nothing was free to reach the service; tried again.
        case reaching(name: [UInt8], answer: [UInt8])
        /// Tied to the service.
        case open
        /// The pair is over; the rest goes out, then the connection ends.
        case leaving
    }

    let socket: Int32
    var phase = Phase.asking
    var head: HeadBuffer
    var form = Form.payload
    var decoder = FrameDecoder(limit: 0)
    var message = MessageBuffer()
    /// nil: permessage-deflate is not agreed on.
    var compression: Compression?
    var held = Held()
    var outflow = Outflow()
    /// Nothing but the rest goes out any more (RFC 6455, 5.5.1), and nothing that comes counts.
    var hasSaidClose = false
    /// Nothing can be sent, or the client has left without a word.
    var isBroken = false
    /// What the socket has not taken yet has a message in it, not only answers to pings.
    var owesMessage = false
    /// It was sent a ping, and has not answered.
    var owesPong = false
    /// Out of the library's context until the rest is sent.
    var isParked = false
    /// Why it is over, for the log.
    var reason: StaticString = "the connection has ended"

    /// - Parameter headLimit: of a request's head, in bytes.
    init(_ socket: Int32, headLimit: Int) {
        self.socket = socket
        head = HeadBuffer(limit: headLimit)
    }

    /// The request, as far as it has come, is HEAD: no answer to it has a body.
    var asksForHead: Bool { head.bytes.prefix(5).isEqual(to: "HEAD ") }

    func open(_ form: Form, _ deflate: DeflateParameters?) {
        self.form = form
        let limit = Int(IPC_MAX_MESSAGE_SIZE) + (form == .frame ? FrameHeader.size : 0)
        decoder = FrameDecoder(limit: limit, takesCompressed: deflate != nil)
        compression = deflate.map { Compression($0, limit: limit) }
        message = MessageBuffer(headerSize: form == .frame ? FrameHeader.size : 0)
        head = HeadBuffer(limit: 0)
        phase = .open
    }

    // MARK: Sending

    /// Sends, or keeps what the socket does not take.
    func send(_ header: [UInt8], _ payload: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) {
        guard !isBroken, !outflow.send(header, payload, to: socket) else { return }
        isBroken = true
        reason = "the client takes no more"
    }

    func sayClose(_ code: CloseCode, _ reason: StaticString) {
        guard !hasSaidClose else { return }
        self.reason = reason
        send(FrameEncoder.close(code.rawValue, reason))
        hasSaidClose = true
    }

    /// A message of the service's (RFC 6455, 5.6).
    func send(_ message: ipc_message) {
        defer { if !outflow.isEmpty { owesMessage = true } }
        let payload = UnsafeRawBufferPointer(start: message.payload, count: Int(message.length))
        switch form {
        case .payload:
            let isBinary = message.user_type == Int8(Opcode.binary.rawValue) || !UTF8Check.isValid(payload)
            sendWhole(isBinary ? .binary : .text, [], payload)
        case .frame:
            sendWhole(.binary, FrameHeader(message).bytes, payload)
        }
    }

    // MARK: Receiving

    enum Progress {
        case needsMore
        case message(ipc_message)
        /// An answer is stuck: nothing more is read before it is sent.
        case stuck
        case over
        /// A message is being inflated, and others have their turn.
        case busy
    }

    /// Decodes from `position` on, answering control frames, until a message is whole.
    func decode(_ bytes: UnsafeMutableRawBufferPointer, _ position: inout Int) -> Progress {
        do throws(WebSocketFailure) {
            if let kind = compression?.inflating { return try finish(kind == .text) }
            while true {
                switch try decoder.next(bytes, &position) {
                case .needsMore: return .needsMore
                case .payload(let range): try take(UnsafeRawBufferPointer(rebasing: bytes[range]))
                case .message(let isText): return try finish(isText)
                case .pong: owesPong = false
                case .ping:
                    send(FrameEncoder.control(.pong, decoder.control))
                    if isBroken { return .over }
                    if !outflow.isEmpty { return .stuck }
                case .close(let code):
                    // The same code goes back; without one, none (RFC 6455, 5.5.1).
                    reason = "the client has closed"
                    send(code.map { FrameEncoder.close($0) } ?? FrameEncoder.control(.close, []))
                    hasSaidClose = true
                    return .over
                }
            }
        } catch {
            sayClose(error.code, error.reason)
            return .over
        }
    }

    func finishMessage(_ isText: Bool) throws(WebSocketFailure) -> ipc_message {
        let userType = isText ? Opcode.text.rawValue : Opcode.binary.rawValue
        guard form == .frame else {
            return message.take(FrameHeader(type: UInt8(MSG_TYPE_DATA.rawValue), userType: userType, length: message.count), socket)
        }
        guard !isText else { throw WebSocketFailure(.unsupportedData, "a frame of libipc is binary") }
        guard let header = FrameHeader(message.header), header.length == message.count else {
            throw WebSocketFailure(.inconsistentData, "not one whole frame of libipc")
        }
        return message.take(header, socket)
    }
}
