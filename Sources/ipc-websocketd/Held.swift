// Held.swift - bytes that were received with a message and are not decoded yet: at most one receive.

struct Held {
    private var bytes: [UInt8] = []
    private var start = 0

    var isEmpty: Bool { bytes.isEmpty }

    mutating func keep(_ rest: UnsafeRawBufferPointer) { (bytes, start) = (Array(rest), 0) }

    /// Lets `body` decode some of them; forgets those.
    mutating func decode<Result>(_ body: (UnsafeMutableRawBufferPointer, inout Int) -> Result) -> Result {
        var position = start
        let result = bytes.withUnsafeMutableBytes { body($0, &position) }
        if position == bytes.count { (bytes, start) = ([], 0) } else { start = position }
        return result
    }
}
