// SocketAccess.swift - who may connect to the daemon's Unix sockets: `--socket-mode` and `--socket-group`.
//
// The library sets both before anybody can connect, and takes them from IPC_SOCKET_MODE and IPC_SOCKET_GROUP. The options are passed on
// there. Sockets that were inherited have the mode and the group that whoever made them gave.

import CDaemon

enum SocketAccess {
    static func set(_ options: Options) throws(Ending) {
        if let mode = options.text("socket-mode") ?? variable("IPC_SOCKET_MODE") {
            let length = strlen(mode)
            guard (1...4).contains(length), strspn(mode, "01234567") == length, strtol(mode, nil, 8) <= 0o777 else {
                throw .wrong("--socket-mode \(String(c: mode)): write up to 777 in octal digits, 660 say")
            }
            setenv("IPC_SOCKET_MODE", mode, 1)
        }
        if let group = options.text("socket-group") ?? variable("IPC_SOCKET_GROUP") {
            guard cd_is_group(group) != 0 else {
                throw .wrong("--socket-group \(String(c: group)): no group of this machine; write its name or its number")
            }
            setenv("IPC_SOCKET_GROUP", group, 1)
        }
    }

    /// Empty is as if it were not there, as it is for the library.
    private static func variable(_ name: StaticString) -> CText? {
        guard let value = getenv(name.cText), value.pointee != 0 else { return nil }
        return CText(value)
    }
}
