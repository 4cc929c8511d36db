// Directory.swift - the directory that sockets lie in.

import CLibIPC

enum Directory {
    private static let mode: mode_t = 0o1750

    /// Writes the part of `path` before its last slash, cut to fit, with a NUL; nothing where there is no slash.
    static func parent(of path: UnsafePointer<CChar>, into buffer: UnsafeMutableBufferPointer<CChar>) {
        guard let base = buffer.baseAddress, buffer.count > 0 else { return }
        let slash = strrchr(path, Int32(UInt8(ascii: "/")))
        let length = min(slash.map { UnsafePointer($0) - path } ?? 0, buffer.count - 1)
        memcpy(base, path, length)
        base[length] = 0
    }

    /// Makes the directory and its parents.
    static func make(_ path: UnsafePointer<CChar>) throws(IPCError) {
        let length = strlen(path)
        guard length < Int(PATH_MAX) else {
            throw IPCError(IPC_ERROR_MKDIR__NAME_TOO_LONG, "make the directory", .text(ShortText(path)), systemError: ENAMETOOLONG)
        }
        let failure = withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { buffer -> Int32 in
            guard let copy = buffer.baseAddress else { return ENOMEM }
            memcpy(copy, path, length + 1)
            for index in 1..<max(length, 1) where copy[index] == CChar(UInt8(ascii: "/")) {
                copy[index] = 0
                let failure = makeOne(copy)
                copy[index] = CChar(UInt8(ascii: "/"))
                if failure != 0 { return failure }
            }
            return makeOne(copy)
        }
        guard failure == 0 else {
            throw IPCError(IPC_ERROR_MKDIR__CANNOT_CREATE_DIR, "make the directory", .text(ShortText(path)), systemError: failure)
        }
    }

    /// The error number, or 0. A directory that exists is as good as one that was made.
    private static func makeOne(_ path: UnsafePointer<CChar>) -> Int32 {
        if mkdir(path, mode) == 0 { return 0 }
        let failure = libipc_errno()
        var status = stat()
        return stat(path, &status) == 0 && libipc_is_directory(&status) != 0 ? 0 : failure
    }

    /// Makes the directory that `path` lies in, if missing, and checks that it can be written.
    static func prepare(for path: UnsafePointer<CChar>) throws(IPCError) {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer throws(IPCError) in
            parent(of: path, into: buffer)
            if let parent = buffer.baseAddress, parent[0] != 0 { try prepare(directory: parent) }
        }
    }

    private static func prepare(directory: UnsafePointer<CChar>) throws(IPCError) {
        var status = stat()
        if stat(directory, &status) != 0 {
            try make(directory)
        } else if libipc_is_directory(&status) == 0 {
            throw IPCError(IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY, "not a directory:", .text(ShortText(directory)))
        }
        guard faccessat(AT_FDCWD, directory, W_OK, AT_EACCESS) == 0 else {
            throw .system(IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE, "write in", .text(ShortText(directory)))
        }
    }

    /// Whether the effective user may write to a file with this status, by its mode bits.
    static func isWritable(_ status: stat) -> Bool {
        let user = geteuid()
        let isGroups = status.st_gid == getegid() || isMember(of: status.st_gid)
        let bit = status.st_uid == user ? LIBIPC_WRITE_USER : isGroups ? LIBIPC_WRITE_GROUP : LIBIPC_WRITE_OTHERS
        return user == 0 || Int(status.st_mode) & bit != 0
    }

    private static func isMember(of group: gid_t) -> Bool {
        let count = getgroups(0, nil)
        guard count > 0 else { return false }
        return withUnsafeTemporaryAllocation(of: gid_t.self, capacity: Int(count)) { groups in
            groups.prefix(max(Int(getgroups(count, groups.baseAddress)), 0)).contains(group)
        }
    }
}
