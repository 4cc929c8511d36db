// Targets.swift - what libFuzzer calls: the parser that FUZZ_TARGET names, with bytes of its making.
//
// A target gives the bytes to a parser whole, and cut as a socket may cut them. A trap, an access that AddressSanitizer sees, or a property
// that does not hold (`demand`) ends the program, and libFuzzer writes the bytes to a file.

import CDaemon

typealias Target = (UnsafeRawBufferPointer) -> Void

private func target(_ name: UnsafePointer<CChar>?) -> Target? {
    guard let name else { return nil }
    if strcmp(name, "websocket_frames") == 0 { return fuzzWebSocketFrames }
    if strcmp(name, "request_heads") == 0 { return fuzzRequestHeads }
    if strcmp(name, "origins") == 0 { return fuzzOrigins }
    if strcmp(name, "routes") == 0 { return fuzzRoutes }
    if strcmp(name, "uris") == 0 { return fuzzURIs }
    if strcmp(name, "tcp_frames") == 0 { return fuzzTCPFrames }
    if strcmp(name, "proxy_headers") == 0 { return fuzzProxyHeaders }
    return nil
}

nonisolated(unsafe) private var chosen: Target?

@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    if chosen == nil { chosen = target(getenv("FUZZ_TARGET")) }
    guard let chosen else { fatalError("FUZZ_TARGET is the name of no target") }
    chosen(UnsafeRawBufferPointer(start: data, count: size))
    return 0
}

/// Ends the program when a property does not hold.
func demand(_ holds: Bool, line: UInt32 = #line) { if !holds { fatalError("a property does not hold") } }

/// The bytes in pieces of `length`.
func pieces(_ bytes: UnsafeRawBufferPointer, _ length: Int, _ body: (UnsafeRawBufferPointer) -> Bool) {
    var start = 0
    while start < bytes.count {
        let end = min(start + length, bytes.count)
        guard body(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else { return }
        start = end
    }
}

/// The first byte says how to cut the others, and what else a target wants to know.
func split(_ bytes: UnsafeRawBufferPointer) -> (first: Int, rest: UnsafeRawBufferPointer)? {
    guard let first = bytes.first else { return nil }
    return (Int(first), UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
}
