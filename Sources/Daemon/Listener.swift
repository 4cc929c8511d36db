// Listener.swift - where a daemon listens: as a local service, at addresses, or at sockets that it was given (LISTEN_FDS).

import CDaemon

struct Listener {
    let descriptor: Int32
    /// The socket's file, which goes with it; nil when it is not ours.
    var path: [CChar]?
    /// For the line that says that the daemon is ready.
    let name: String

    /// The sockets that whoever started us has opened.
    static func inherited() throws(Ending) -> [Listener] {
        var listeners: [Listener] = []
        for index in 0..<cd_inherited() {
            let descriptor = 3 + index
            guard cd_is_listening(descriptor) != 0 else { throw .failed("descriptor \(descriptor) was given, and does not listen") }
            cd_set_blocking(descriptor, 0)
            listeners.append(Listener(descriptor: descriptor, path: nil, name: "descriptor \(descriptor)"))
        }
        return listeners
    }

    var isLocal: Bool { cd_family(descriptor) == AF_UNIX }

    /// The local service of this name.
    static func service(_ name: StaticString) throws(Ending) -> Listener {
        var context = ipc_ctx()
        guard cd_serve(&context, name.cText) == IPC_ERROR_NONE, let path = context.cinfos[0].spath else {
            throw .failed("cannot be the service \(name): \(String(c: cd_reason()))")
        }
        // The context is only borrowed: the socket goes on, and its file with it.
        let listener = Listener(
            descriptor: context.pollfd[0].fd, path: [CChar](UnsafeBufferPointer(start: path, count: strlen(path) + 1)),
            name: String(c: path))
        ipc_ctx_free(&context)
        cd_set_blocking(listener.descriptor, 0)
        return listener
    }

    enum Attempt {
        case listens(Listener)
        /// This machine has no such address.
        case isAbsent(Ending)
        case failed(Ending)
    }

    static func at(_ address: cd_address) -> Attempt {
        var address = address
        let descriptor = cd_listen(&address)
        if descriptor >= 0 { return .listens(Listener(descriptor: descriptor, path: nil, name: name(of: descriptor))) }
        let number = cd_errno()
        let reason = Ending.failed("cannot listen at \(String(address)): \(String.systemError(number))")
        return number == EADDRNOTAVAIL || number == EAFNOSUPPORT ? .isAbsent(reason) : .failed(reason)
    }

    /// The real port, where any would do.
    static func name(of descriptor: Int32) -> String {
        var address = cd_address()
        return cd_address_of(descriptor, 0, &address) != 0 ? String(address) : "descriptor \(descriptor)"
    }

    /// For one that no context has.
    func remove() {
        _ = path.withOptionalCText { path in path.map { unlink($0) } }
        close(descriptor)
    }
}

extension [CChar]? {
    func withOptionalCText<Result>(_ body: (CText?) -> Result) -> Result {
        guard let text = self else { return body(nil) }
        return text.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

extension String {
    init(_ address: cd_address) {
        var address = address
        self = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let text = buffer.baseAddress else { return "" }
            cd_print_address(&address, text, buffer.count)
            return String(c: text)
        }
    }
}
