// Places.swift - a directory of a test's own, and a file that nobody else sees; both are gone when the test is over.

import CLibIPC
import Testing

@testable import LibIPC

final class Place {
    private static let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"

    let path: String
    /// What was asked for, and the directories on the way there.
    private var names: Set<String> = []

    init() throws {
        var template = Array("\(Place.parent)/libipc-XXXXXX".utf8CString)
        path = try String(cString: #require(mkdtemp(&template)))
    }

    deinit {
        for name in names.sorted(by: >) where unlink("\(path)/\(name)") != 0 { rmdir("\(path)/\(name)") }
        rmdir(path)
    }

    /// The path of a file or directory here, which may be there or not.
    subscript(_ name: String) -> String {
        var directory = ""
        for component in name.split(separator: "/") {
            directory += directory.isEmpty ? component : "/\(component)"
            names.insert(directory)
        }
        return "\(path)/\(name)"
    }

    func makeFile(_ name: String, _ content: String = "") throws { try End(creat(self[name], 0o600)).write(content.utf8) }

    func exists(_ name: String) -> Bool { access(self[name], F_OK) == 0 }

    /// Device and inode of what has this name.
    func identity(_ name: String) -> [UInt64]? {
        var status = stat()
        return lstat(self[name], &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : nil
    }

    /// - Parameter mode: as fopen(3) has it.
    func open(_ name: String, _ mode: String) throws -> End {
        let file = try #require(fopen(self[name], mode))
        defer { fclose(file) }
        return try End(dup(fileno(file)))
    }
}

extension End {
    /// An open regular file that has no name any more.
    static func temporaryFile(_ content: String = "") throws -> End {
        let place = try Place()
        var template = Array(place["XXXXXX"].utf8CString)
        let file = try End(mkstemp(&template))
        unlink(&template)
        try file.write(content.utf8)
        lseek(file.number, 0, SEEK_SET)
        return file
    }
}

// MARK: Services

extension Place {
    func address(_ name: String) throws -> SocketAddress { try SocketAddress(self[name], IPC_ERROR_USOCK_INIT__EMPTY_PATH) }
    func listen(_ name: String) throws -> End { try End(try Socket.listen(at: try address(name))) }
    func connect(_ name: String) throws -> End { try End(try Socket.connect(to: try address(name))) }
}
