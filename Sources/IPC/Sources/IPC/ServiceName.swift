// ServiceName.swift - names of services are bytes of a path, and not characters.

/// What can name a service: a string, or bytes for a name that is no UTF-8.
///
/// The name is that of a file in the run directory: not empty, without a NUL, and without components `.` and `..`.
public protocol ServiceName {
    /// The bytes of the name, without a NUL at the end.
    var serviceNameBytes: [UInt8] { get }
}

extension String: ServiceName {
    /// The name in UTF-8.
    public var serviceNameBytes: [UInt8] { Array(utf8) }
}

extension Substring: ServiceName {
    /// The name in UTF-8.
    public var serviceNameBytes: [UInt8] { Array(utf8) }
}

extension Array: ServiceName where Element == UInt8 {
    /// The array itself.
    public var serviceNameBytes: [UInt8] { self }
}

extension ServiceName {
    /// Calls `body` with the name as C has it. C's names end at a NUL, so one that holds a NUL is refused here.
    func withCName<Result>(_ body: (UnsafePointer<CChar>) throws(IPCError) -> Result) throws(IPCError) -> Result {
        let bytes = serviceNameBytes
        if bytes.contains(0) { throw IPCError(code: .invalidName, text: "invalid service name: it holds a NUL") }
        let characters = bytes.map { CChar(bitPattern: $0) } + [0]
        return try characters.withUnsafeBufferPointer { buffer throws(IPCError) in
            guard let base = buffer.baseAddress else { throw IPCError(code: .invalidName, text: "invalid service name") }
            return try body(base)
        }
    }
}
