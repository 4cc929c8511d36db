// SocketFile.swift - the file of a listening socket: which process removes it, and who may connect.

/// Identifies the file of a listening socket, and the process that listens.
///
/// Only that process removes the file. A child has a copy of the listener, but its parent still uses the name. Process ids cannot
/// distinguish the two, because each PID namespace has its own (pid_namespaces(7)). So the fork generation is compared.
struct SocketFile: BitwiseCopyable {
    private var file = libipc_socket_file()
    private let generation = libipc_fork_generation()

    init?(path: UnsafePointer<CChar>, of listener: Int32) {
        if libipc_find_socket_file(&file, path, listener) == 0 { return nil }
    }

    /// Whether the path still leads to this file, and this process has made the listener.
    func isOurs(at path: UnsafePointer<CChar>, of listener: Int32) -> Bool {
        var file = file
        return generation == libipc_fork_generation() && libipc_is_same_socket_file(&file, path, listener) != 0
    }
}

/// Mode and group of socket files, from the environment: IPC_SOCKET_MODE, in octal digits, and IPC_SOCKET_GROUP, a name or a number.
/// Connecting needs write permission on the file (unix(7)).
struct SocketPermissions {
    private static let code = IPC_ERROR_USOCK_INIT__SOCKET_MODE
    private var mode: mode_t?
    private var group: gid_t?

    init() throws(IPCError) {
        let code = SocketPermissions.code
        if let text = libipc_socket_mode() {
            let number = libipc_parse_number(text, 8)
            try check((0...0o777).contains(number), code, "IPC_SOCKET_MODE is no octal mode: \(text)")
            mode = mode_t(number)
        }
        if let text = libipc_socket_group() {
            var found = gid_t()
            let failure = libipc_find_group(text, &found)
            try check(failure != ENOENT, code, "IPC_SOCKET_GROUP is no group of this machine: \(text)")
            if failure != 0 { throw IPCError(code, "find the group \(text) of IPC_SOCKET_GROUP", systemError: failure) }
            group = found
        }
    }

    /// Sets both. The caller has not called listen(2) yet, so no client can connect with other permissions.
    func apply(to path: UnsafePointer<CChar>) throws(IPCError) {
        // The group comes first, because a change of the owner may clear bits of the mode (chown(2)).
        if let group {
            try check(call: lchown(path, uid_t.max, group), SocketPermissions.code, "give \(path) to the group \(group)")
        }
        if let mode { try check(call: libipc_change_socket_mode(path, mode), SocketPermissions.code, "change the mode of \(path)") }
    }
}
