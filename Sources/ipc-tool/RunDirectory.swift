// RunDirectory.swift - where the sockets of services are, as the library finds it, and what is there.

import CDaemon

enum RunDirectory {
    /// The path of the socket of a service, with a NUL.
    static func path(of name: CText) throws(Ending) -> [CChar] {
        var code = IPC_ERROR_NONE
        let path = [CChar](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            code = cd_service_path(base, name)
            count = code == IPC_ERROR_NONE ? strlen(base) + 1 : 0
        }
        if code != IPC_ERROR_NONE { throw .wrong("\(String(c: name)): \(String(c: cd_reason()))") }
        return path
    }

    /// The path of the run directory, with a slash at its end.
    static func path() throws(Ending) -> [CChar] {
        // The library only gives paths of services.
        var path = try path(of: ("x" as StaticString).cText)
        path.removeLast(2)
        path.append(0)
        return path
    }

    struct File {
        /// Relative to the run directory; it may contain slashes.
        let name: [UInt8]
        let status: stat
    }

    /// All sockets, sorted by name. nil: the directory cannot be read, and errno says why.
    static func sockets(in directory: [CChar]) -> [File]? {
        var files: [File] = []
        guard add(directory, prefix: [], depth: 0, &files) else { return nil }
        files.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return files
    }

    /// Names of services may have slashes; links to directories are not followed.
    private static func add(_ directory: [CChar], prefix: [UInt8], depth: Int, _ files: inout [File]) -> Bool {
        guard let stream = opendir(directory) else { return false }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = bytes(of: cd_name(entry))
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            let path = directory.dropLast() + name.map { CChar(bitPattern: $0) } + [0]
            var status = stat()
            guard lstat(Array(path), &status) == 0 else { continue }
            if cd_is_socket(&status) != 0 {
                files.append(File(name: prefix + name, status: status))
            } else if cd_is_directory(&status) != 0, depth < 16 {
                _ = add(
                    path.dropLast() + [CChar(UInt8(ascii: "/")), 0], prefix: prefix + name + [UInt8(ascii: "/")], depth: depth + 1, &files)
            }
        }
        return true
    }
}

/// Whether somebody listens at a socket.
enum Liveness {
    case live
    /// The service has ended without removing its socket.
    case stale
    /// The kernel does not tell, and this user may not connect.
    case unknown

    var name: StaticString {
        switch self {
        case .live: "live"
        case .stale: "stale"
        case .unknown: "unknown"
        }
    }
}

/// A snapshot of the sockets that listen, from the kernel.
final class Listening {
    private var list: UnsafeMutablePointer<cd_listening>?
    private var count = 0

    init() { _ = cd_all_listening(&list, &count) }
    deinit { free(list) }

    /// How many clients wait to be accepted at the file's socket; nil: the kernel lists no such socket.
    func waiting(at status: stat) -> Int? {
        guard let list else { return nil }
        var status = status
        for index in 0..<count where cd_listens_at(list + index, &status) != 0 { return Int(list[index].waiting) }
        return nil
    }

    /// Finds out by connecting, where `waiting` knows nothing: the socket is stale, or in another network namespace, or this is not Linux.
    /// A live service sees a client that connects and leaves.
    static func tryout(_ path: [CChar]) -> Liveness {
        let descriptor = cd_connect_local(path)
        if descriptor >= 0 {
            close(descriptor)
            return .live
        }
        let number = cd_errno()
        // The backlog is full.
        if number == EAGAIN { return .live }
        return number == ECONNREFUSED || number == ENOENT ? .stale : .unknown
    }
}
