// Switching.swift - pairs: what one end sends goes to the other. Functions of the program can translate at an end.
//
// The library's callbacks get a descriptor and nothing else, so the translations of all contexts are in one table, by descriptor: open
// descriptors have one meaning in a process.

internal import CIPC
import Synchronization

/// Two connections that are tied.
struct Pair: Sendable {
    let first, second: Connection
    let identities: [System.FileIdentity?]

    init(_ first: Connection, _ second: Connection) {
        self.first = first
        self.second = second
        identities = [System.FileIdentity(first.descriptor), System.FileIdentity(second.descriptor)]
    }

    func other(than end: Connection) -> Connection { end == first ? second : first }

    /// Descriptors that still are what they were when the pair was made.
    func openEnds() -> [Int32] {
        zip([first.descriptor, second.descriptor], identities).filter { descriptor, identity in
            identity != nil && System.FileIdentity(descriptor) == identity
        }.map(\.0)
    }

    /// Returns what a translation has thrown.
    @discardableResult
    func forgetTranslations() -> (any Error)? {
        TranslatedEnd.all.withLock { all in
            let gone = [first, second].compactMap { all.removeValue(forKey: $0.descriptor) }
            return gone.compactMap { $0.failure.withLock { $0 } }.first
        }
    }
}

/// How one end of a pair is read and written, if its peer does not send messages of the library.
///
/// The functions are called in a thread that waits, one at a time. They must not wait, tie other pairs, or close the context. What they
/// throw ends the pair, and is its ``PairEnd/cause``.
public struct Translation: Sendable {
    /// Gets the descriptor, which is readable, and returns messages for the other end; nil: the peer has hung up.
    public typealias Read = @Sendable (_ descriptor: Int32) throws -> [Message]?
    /// Gets the descriptor, and a message to write to it.
    public typealias Write = @Sendable (_ descriptor: Int32, Message) throws -> Void

    let read: Read?
    let write: Write?

    /// A translation; a function that is nil means messages of the library in that direction.
    public init(read: Read?, write: Write?) {
        self.read = read
        self.write = write
    }
}

extension Endpoint {
    /// Connects to the service of this name, and ties that connection to `client`, a connection of this context: what one sends goes to the
    /// other, message by message, without the program. The pair ends with ``Event/pairEnded(_:)``. Connecting may wait, as that of
    /// ``Endpoint/connect(_:)``; the context is not read meanwhile.
    ///
    /// `translation` is that of the client's end.
    @discardableResult
    public func connectSwitched(
        _ name: some ServiceName, to client: Connection, translation: Translation? = nil
    ) throws(IPCError) -> Connection {
        let context = context
        // From here on no byte of the client's is taken for a message: its peer may begin when the service has accepted.
        return try context.suspendingReads { () throws(IPCError) in
            // Connecting may wait. It is done in a context of its own, which then gives the descriptor away.
            let maker = Context()
            let descriptor = try maker.connect(name).descriptor
            maker.state.withLock { $0.connections = [:] }
            try IPCError.check { cipc_del_fd(maker.handle, descriptor, $0) }
            let owner = Descriptor(owning: descriptor)
            return try context.withOpenState { state throws(IPCError) in
                try state.check(client)
                try IPCError.check { cipc_add_fd_switched(context.handle, descriptor, $0) }
                _ = owner.take()
                context.tie(client.descriptor, to: descriptor, translation)
                let connection = state.connection(descriptor)
                let pair = Pair(client, connection)
                state.pairs[client] = pair
                state.pairs[connection] = pair
                return connection
            }
        }
    }
}

extension Context {
    fileprivate func tie(_ client: Int32, to service: Int32, _ translation: Translation?) {
        ipc_ctx_switching_add(handle, client, service)
        if let translation {
            TranslatedEnd.all.withLock { $0[client] = TranslatedEnd(translation) }
            ipc_switching_callbacks(
                handle, client,
                translation.read == nil ? nil : { descriptor, message, more in TranslatedEnd.read(descriptor, message, more) },
                translation.write == nil ? nil : { descriptor, message in TranslatedEnd.write(descriptor, message) })
        }
        _ = ipc_ctx_fd_type(handle, client, IPC_CONNECTION_TYPE_SWITCHED)
    }
}

/// An end with a translation.
private final class TranslatedEnd: Sendable {
    static let all = Mutex<[Int32: TranslatedEnd]>([:])

    let translation: Translation
    /// Messages that were read at once; the library takes one at a time.
    let held = Mutex(Queue<Message>())
    let failure = Mutex<(any Error)?>(nil)

    init(_ translation: Translation) { self.translation = translation }

    static func read(_ descriptor: Int32, _ raw: UnsafeMutablePointer<ipc_message>?, _ more: UnsafeMutablePointer<Int16>?) -> ipccb {
        guard let raw, let end = all.withLock({ $0[descriptor] }), let read = end.translation.read else { return IPC_CB_FD_ERROR }
        do {
            var following = end.held.withLock { $0.popFirst() }
            if following == nil {
                guard let messages = try read(descriptor) else { return IPC_CB_FD_CLOSING }
                following = end.held.withLock { held in
                    for message in messages { held.append(message) }
                    return held.popFirst()
                }
            }
            guard let following else { return IPC_CB_IGNORE }
            more?.pointee = end.held.withLock { $0.isEmpty } ? 0 : 1
            following.payload.withUnsafeBytes { bytes in
                let payload = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
                ipc_message_copy(raw, UInt32(descriptor), following.kind.rawValue, following.userType, payload, UInt32(bytes.count))
            }
            return IPC_CB_NO_ERROR
        } catch {
            end.failure.withLock { $0 = error }
            return IPC_CB_FD_ERROR
        }
    }

    static func write(_ descriptor: Int32, _ raw: UnsafeMutablePointer<ipc_message>?) -> ipccb {
        guard let raw, let end = all.withLock({ $0[descriptor] }), let write = end.translation.write else { return IPC_CB_FD_ERROR }
        do {
            // The message stays the library's.
            var message = Message(UnsafeRawBufferPointer(start: raw.pointee.payload, count: Int(raw.pointee.length)))
            message.userType = UInt8(bitPattern: raw.pointee.user_type)
            message.kind = Message.Kind(rawValue: UInt8(bitPattern: raw.pointee.type))
            try write(descriptor, message)
            return IPC_CB_NO_ERROR
        } catch {
            end.failure.withLock { $0 = error }
            return IPC_CB_FD_ERROR
        }
    }
}
