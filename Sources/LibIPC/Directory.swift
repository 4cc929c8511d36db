// Directory.swift - the directory that sockets lie in.

import CLibIPC

enum Directory {
    private static let mode: mode_t = 0o1750
    private static let slash = CChar(UInt8(ascii: "/"))

    /// Writes the part of `path` before its last slash, cut to fit, with a NUL; nothing where there is no slash.
    static func parent(of path: UnsafePointer<CChar>, into buffer: UnsafeMutableBufferPointer<CChar>) {
        guard let base = buffer.baseAddress, buffer.count > 0 else { return }
        let length = min(strrchr(path, Int32(slash)).map { UnsafePointer($0) - path } ?? 0, buffer.count - 1)
        memcpy(base, path, length)
        base[length] = 0
    }

    /// - Parameter body: gets the directory that `path` lies in.
    static func withParent<Result, Failure: Error>(
        of path: UnsafePointer<CChar>, _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer throws(Failure) in
            parent(of: path, into: buffer)
            guard buffer[0] == 0, let base = buffer.baseAddress else { return try body(UnsafePointer(buffer.baseAddress) ?? path) }
            strcpy(base, path[0] == slash ? "/" : ".")
            return try body(base)
        }
    }

    /// Makes the directory and its parents.
    static func make(_ path: UnsafePointer<CChar>) throws(IPCError) {
        let length = strlen(path)
        guard length < Int(PATH_MAX) else {
            throw IPCError(IPC_ERROR_MKDIR__NAME_TOO_LONG, "make the directory \(path)", systemError: ENAMETOOLONG)
        }
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: length + 1) { copy throws(IPCError) in
            for index in 1...max(length, 1) where path[index] == slash || path[index] == 0 {
                guard let base = copy.baseAddress else { return }
                memcpy(base, path, index)
                base[index] = 0
                var status = stat()
                if mkdir(base, mode) == 0 { continue }
                let failure = libipc_errno()
                // A directory that exists is as good as one that was made.
                if stat(base, &status) == 0, libipc_is_directory(&status) != 0 { continue }
                throw IPCError(IPC_ERROR_MKDIR__CANNOT_CREATE_DIR, "make the directory \(path)", systemError: failure)
            }
        }
    }

    /// Makes the directory that `path` lies in, if missing, and checks that it can be written.
    static func prepare(for path: UnsafePointer<CChar>) throws(IPCError) {
        try withParent(of: path) { directory throws(IPCError) in
            var status = stat()
            if stat(directory, &status) != 0 {
                try make(directory)
            } else {
                try check(libipc_is_directory(&status) != 0, IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY, "\(directory) is no directory")
            }
            let access = faccessat(AT_FDCWD, directory, W_OK, AT_EACCESS)
            _ = try check(call: access, IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE, "write in \(directory)")
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
        withUnsafeTemporaryAllocation(of: gid_t.self, capacity: max(Int(getgroups(0, nil)), 1)) { groups in
            groups.prefix(max(Int(getgroups(Int32(groups.count), groups.baseAddress)), 0)).contains(group)
        }
    }
}
