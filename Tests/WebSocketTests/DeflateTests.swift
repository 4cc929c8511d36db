// DeflateTests.swift - what is agreed on about compression, and where a compressed message may say that it is one.

import Testing

@testable import WebSocket

private func offers(_ text: String) throws(Status) -> [ExtensionOffer] { try ExtensionOffer.list(Array(text.utf8)) }

private func agreed(_ text: String, keepsContexts: Bool = true) throws -> String? {
    DeflateParameters.accept(try offers(text), keepsContexts: keepsContexts).map { String(decoding: $0.answer, as: UTF8.self) }
}

@Test func extensionsAreReadAsTheGrammarSays() throws {
    func parameter(_ name: String, _ value: String? = nil) -> ExtensionOffer.Parameter {
        ExtensionOffer.Parameter(name: Array(name.utf8), value: value.map { Array($0.utf8) })
    }
    let read = try offers(" ,, foo; bar = 1 ;b;c=\"x\\y\" ,\tfoo,")
    #expect(read.map(\.name) == [Array("foo".utf8), Array("foo".utf8)])
    #expect(read[0].parameters == [parameter("bar", "1"), parameter("b"), parameter("c", "xy")] && read[1].parameters.isEmpty)
    #expect(try offers("") == [] && offers(" , ,") == [])
    for broken in [
        "a;", "a b", "a;=1", "a;b=", "a;b=c d", "a;b=\"c", "a;b=\"c d\"", "a;b=\"\"", "a;b=\"\\", "\"a\"", ";", "a;b==c", "a=b", "(a)",
    ] {
        #expect(throws: Status.badRequest, "\(broken)") { try offers(broken) }
    }
}

@Test func theFirstOfferThatCanBeKeptIsAccepted() throws {
    let name = "permessage-deflate"
    #expect(try agreed("x, y") == nil && agreed("") == nil)
    #expect(try agreed(name) == name && agreed("PERMESSAGE-DEFLATE") == name)
    #expect(try agreed(name, keepsContexts: false) == "\(name); server_no_context_takeover; client_no_context_takeover")
    for bits in 0...20 {
        let server = try agreed("\(name); server_max_window_bits=\(bits)")
        #expect(server == ((9...15).contains(bits) ? "\(name); server_max_window_bits=\(min(bits, 12))" : nil), "\(bits)")
        let client = try agreed("\(name); client_max_window_bits=\(bits)")
        #expect(client == ((8...15).contains(bits) ? "\(name); client_max_window_bits=\(min(bits, 12))" : nil), "\(bits)")
    }
    for value in ["=08", "=+9", "=9.0", "=0x9", "=1O", "=18446744073709551625"] {
        #expect(try agreed("\(name); server_max_window_bits\(value), \(name); client_max_window_bits\(value)") == nil, "\(value)")
    }
    #expect(try agreed("\(name); server_max_window_bits, \(name); client_max_window_bits") == "\(name); client_max_window_bits=12")
    for declined in ["server_no_context_takeover=1", "client_no_context_takeover=x", "a", "server_max_window_bits=8"] {
        #expect(try agreed("\(name); \(declined), \(name); server_no_context_takeover") == "\(name); server_no_context_takeover")
    }
    #expect(try agreed("\(name); server_no_context_takeover; SERVER_no_context_takeover") == nil)
}

@Test func onlyTheFirstFrameOfAMessageSaysThatItIsCompressed() {
    func heard(_ bytes: [UInt8]) -> (heard: [Heard], failure: CloseCode?, taken: Int) { hear(bytes, limit: 1000, takesCompressed: true) }
    func marked(_ bytes: [UInt8], _ bits: UInt8 = 0x40) -> [UInt8] { [bytes[0] | bits] + bytes.dropFirst() }
    // Its payload is handed out as it is: what is not UTF-8 may become text.
    let message = marked(frame(1, [0xFF], isFinal: false)) + frame(9, [1]) + frame(0, [0xFE])
    #expect(heard(message).heard == [.ping([1]), .text([0xFF, 0xFE])])
    #expect(heard(message + frame(1, [0xFF])).failure == .inconsistentData)
    #expect(hear(message).failure == .protocolError)
    for wrong in [
        marked(frame(9, [])), marked(frame(8, [])), marked(frame(10, [])), marked(frame(1, []), 0x20), marked(frame(1, []), 0x50),
        marked(frame(1, [], isFinal: false)) + marked(frame(0, [])), frame(1, [], isFinal: false) + marked(frame(0, [])),
    ] { #expect(heard(wrong).failure == .protocolError) }
    // A little more than the limit may come, as it may become less.
    func long(_ count: Int) -> [UInt8] { marked(frame(2, [UInt8](repeating: 0, count: count))) }
    #expect(heard(long(1000 + 125 + 1024)).failure == nil)
    #expect(heard(long(1000 + 125 + 1025)).failure == .messageTooBig)
    #expect(heard(frame(2, [UInt8](repeating: 0, count: 1001))).failure == .messageTooBig)
    #expect(FrameEncoder.header(.text, length: 5, isCompressed: true) == [0xC1, 5])
}
