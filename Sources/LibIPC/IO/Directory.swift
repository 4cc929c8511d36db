// Directory.swift - the directory that a socket is in: its name, and making it.

enum Directory {
    private static let mode: mode_t = 0o1750
    private static let slash = CChar(UInt8(ascii: "/"))

    /// Writes the part of `path` before its last slash, truncated to the buffer, with a NUL. Without a slash the part is empty.
    static func parent(of path: UnsafePointer<CChar>, into buffer: UnsafeMutableBufferPointer<CChar>) {
        guard let base = buffer.baseAddress, buffer.count > 0 else { return }
        let length = min(strrchr(path, Int32(slash)).map { UnsafePointer($0) - path } ?? 0, buffer.count - 1)
        memcpy(base, path, length)
        base[length] = 0
    }

    /// - Parameter body: gets the directory that `path` is in.
    static func withParent<Result, Failure: Error>(
        of path: UnsafePointer<CChar>, _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withPathBuffer { buffer throws(Failure) in
            parent(of: path, into: buffer)
            if buffer[0] == 0 { (buffer[0], buffer[1]) = (path[0] == slash ? slash : CChar(UInt8(ascii: ".")), 0) }
            return try body(buffer.baseAddress.map { UnsafePointer($0) } ?? path)
        }
    }

    /// Runs `body` with PATH_MAX bytes on the stack: Swift allocates temporary buffers over 1 KiB on the heap, and traps without memory.
    private static func withPathBuffer<Result, Failure: Error>(
        _ body: (UnsafeMutableBufferPointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var bytes = InlineArray<4096, CChar>(repeating: 0)
        return try withUnsafeMutableBytes(of: &bytes) { bytes throws(Failure) in try body(bytes.bindMemory(to: CChar.self)) }
    }

    /// Makes the directory and its parents.
    static func make(_ path: UnsafePointer<CChar>) throws(IPCError) {
        let length = strlen(path)
        if length >= Int(PATH_MAX) { throw IPCError(IPC_ERROR_MKDIR__NAME_TOO_LONG, "make \(path)", systemError: ENAMETOOLONG) }
        try withPathBuffer { copy throws(IPCError) in
            guard let base = copy.baseAddress else { return }
            for index in 0...length where index > 0 && (path[index] == slash || path[index] == 0) {
                memcpy(base, path, index)
                base[index] = 0
                let result = mkdir(base, mode)
                let failure = libipc_errno()
                // A directory that exists already is no error.
                if result == 0 || libipc_is_directory_at(base) == 1 { continue }
                throw IPCError(IPC_ERROR_MKDIR__CANNOT_CREATE_DIR, "make the directory \(path)", systemError: failure)
            }
        }
    }

    /// Makes the directory that `path` is in, if it does not exist.
    static func makeParent(of path: UnsafePointer<CChar>) throws(IPCError) {
        try withParent(of: path) { directory throws(IPCError) in if libipc_is_directory_at(directory) < 0 { try make(directory) } }
    }

    /// Makes the directory that `path` is in, if it does not exist, and checks that the process can write there.
    static func prepare(for path: UnsafePointer<CChar>) throws(IPCError) {
        try withParent(of: path) { directory throws(IPCError) in
            let isDirectory = libipc_is_directory_at(directory)
            if isDirectory < 0 { try make(directory) }
            try check(isDirectory != 0, IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY, "\(directory) is no directory")
            let access = faccessat(AT_FDCWD, directory, W_OK, AT_EACCESS)
            try check(call: access, IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE, "write in \(directory)")
        }
    }
}
