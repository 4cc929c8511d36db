// IPCError.swift - what a call has failed with: the library's code and text, and the family of the code, for programs that choose by it.

internal import CIPC

/// Why a call has failed: a code of the library, and a text that says what failed, on what, and the system's reason.
///
/// ```swift
/// do throws(IPCError) {
///     try Client("echo").send("hello")
/// } catch {
///     if error.kind == .connect { print("the service does not run: \(error.text)") }
/// }
/// ```
public struct IPCError: Error, Hashable, Sendable {
    /// A code of `enum ipc_error_code` in `ipc.h`; its names and meanings are in the manual page ipc-errors(7).
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number.
        public let rawValue: UInt32
        /// The code with this number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
    }

    /// What kind of failure this is: several codes have the same.
    public enum Kind: Sendable, Hashable {
        /// A service's name that is empty, holds a NUL, has a component `.` or `..`, or makes too long a path.
        case invalidName
        /// No service of that name is there, or it may not be connected to.
        case connect
        /// The service cannot be offered: a live one has its name, or the directory, mode or group of its socket is refused.
        case listen
        /// The peer has left, or the context is closed.
        case closed
        /// The time is up.
        case timeout
        /// The queue of this receiver is full. Nothing was queued.
        case queueFull
        /// A payload of more than ``Message/maximumSize`` bytes.
        case messageTooLong
        /// The context has no connection like this any more.
        case unknownConnection
        /// A descriptor cannot be watched, passed or used for this, or the process has no free one.
        case descriptor
        /// No such limit, or a value out of range.
        case limit
        /// There is no memory.
        case outOfMemory
        /// Any other.
        case other
    }

    /// The library's code.
    public let code: Code
    /// What failed, on what, and why.
    public let text: String

    /// An error with this code and this text.
    public init(code: Code, text: String) {
        self.code = code
        self.text = text
    }

    /// The family of the code.
    public var kind: Kind { code.kind }
}

extension IPCError: CustomStringConvertible {
    /// The text, and the number of the code.
    public var description: String { "\(text) (code \(code.rawValue))" }
}

extension IPCError.Code {
    static let closedByPeer = Self(rawValue: 4)
    static let messageTooLong = Self(rawValue: 67)
    static let unknownReceiver = Self(rawValue: 104)
    static let signal = Self(rawValue: 106)
    static let unknownPair = Self(rawValue: 107)
    static let invalidName = Self(rawValue: 111)
    static let poller = Self(rawValue: 113)
    static let contextClosed = Self(rawValue: 114)
    static let unknownEntry = Self(rawValue: 116)
    static let timeout = Self(rawValue: 125)

    /// See ``IPCError/Kind``.
    public var kind: IPCError.Kind {
        switch rawValue {
        case 5, 6, 8, 9, 15, 36, 111: .invalidName
        case 44, 45, 46, 47: .connect
        case 51, 52, 53, 54, 55, 81, 82, 83, 84, 85, 117, 124: .listen
        case 4, 12, 43, 60, 61, 114: .closed
        case 125: .timeout
        case 110: .queueFull
        case 63, 67, 68, 77, 79: .messageTooLong
        case 35, 40, 104, 107, 116: .unknownConnection
        case 48, 64, 65, 66, 113, 119, 121, 122: .descriptor
        case 120, 126: .limit
        case 3, 10, 25, 29, 31, 62, 71, 86, 87, 90, 92, 96, 97, 105: .outOfMemory
        default: .other
        }
    }
}

extension IPCError {
    static let contextClosed = IPCError(code: .contextClosed, text: "the context is closed")

    /// Of a function that returns the code alone, in this thread, just now.
    init(last code: ipc_error_code) {
        self.init(code: Code(rawValue: code.rawValue), text: String(cString: ipc_last_error()))
    }

    static func check(last code: ipc_error_code) throws(IPCError) {
        if code != IPC_ERROR_NONE { throw IPCError(last: code) }
    }

    /// For functions of shim.h, which write the text of a failure to a buffer.
    @inline(__always)
    static func check(_ call: (UnsafeMutablePointer<CChar>) -> ipc_error_code) throws(IPCError) {
        let failure = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CIPC_TEXT_SIZE)) { text -> IPCError? in
            guard let base = text.baseAddress else { return nil }
            let code = call(base)
            return code == IPC_ERROR_NONE ? nil : IPCError(code: Code(rawValue: code.rawValue), text: String(cString: base))
        }
        if let failure { throw failure }
    }
}
