// DirectoryTests.swift - the directory that sockets lie in is found, made and checked.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Directory") struct DirectoryTests {
    let place: Place

    init() throws { place = try Place() }

    private func parent(of path: String, room: Int = 4096) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) { buffer in
            buffer.initialize(repeating: 1)
            Directory.parent(of: path, into: buffer)
            return buffer.baseAddress.map { String(cString: $0) } ?? ""
        }
    }

    private func status(_ name: String) throws -> stat {
        var status = stat()
        try #require(stat(place[name], &status) == 0)
        return status
    }

    @Test(
        "The parent is what stands before the last slash",
        arguments: [
            ("a/b", "a"), ("/a/b/c", "/a/b"), ("a//b", "a/"), ("a/b/", "a/b"), ("./a", "."), ("/a", ""), ("/", ""), ("a", ""), ("", ""),
        ])
    func parent(path: String, expected: String) { #expect(parent(of: path) == expected) }

    @Test("A parent is cut to the room there is", arguments: [1, 2, 3, 4, 5])
    func parentCut(room: Int) { #expect(parent(of: "abc/d", room: room) == String("abc".prefix(room - 1))) }

    @Test("A path without a parent lies in the root or here", arguments: [("/a", "/"), ("a", "."), ("b/a", "b"), ("/b/a", "/b")])
    func withParent(path: String, expected: String) {
        #expect(Directory.withParent(of: path) { String(cString: $0) } == expected)
    }

    @Test("A directory is made with its parents, and is as closed as the contract says")
    func make() throws {
        try Directory.make(place["one/two/three"])
        let mask = umask(0o022)
        umask(mask)
        for name in ["one", "one/two", "one/two/three"] {
            var status = try status(name)
            #expect(is_directory_(&status) != 0)
            #expect(status.st_mode & 0o7777 == 0o1750 & ~mask)
        }
    }

    @Test("A directory that exists is as good as made, however it is written")
    func exists() throws {
        try Directory.make(place["one"])
        for path in [place["one"], place["one"] + "/", place["one"] + "//", place["one"] + "/.", "/", "."] { try Directory.make(path) }
        symlink(place["one"], place["link"])
        try Directory.make(place["link/two"])
        #expect(place.exists("one/two"))
    }

    @Test("What is in the way is left alone", arguments: ["file", "file/one", "file/one/two"])
    func inTheWay(name: String) throws {
        try place.makeFile("file", "precious")
        let error = #expect(throws: IPCError.self) { try Directory.make(place[name]) }
        #expect(error?.code == IPC_ERROR_MKDIR__CANNOT_CREATE_DIR)
        #expect(try status("file").st_size == 8)
    }

    @Test("A path longer than the system takes is refused")
    func tooLong() {
        let error = #expect(throws: IPCError.self) { try Directory.make(String(repeating: "x/", count: 3000)) }
        #expect(error?.code == IPC_ERROR_MKDIR__NAME_TOO_LONG)
    }

    @Test("The directory of a path is made when it is missing, and is a directory that can be written to")
    func prepare() throws {
        try Directory.prepare(for: place["new/socket"])
        #expect(place.exists("new"))
        #expect(!place.exists("new/socket"))
        try Directory.prepare(for: place["new/socket"])
        try place.makeFile("file")
        let error = #expect(throws: IPCError.self) { try Directory.prepare(for: place["file/socket"]) }
        #expect(error?.code == IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY)
    }

    @Test("A directory that cannot be written to is refused", .enabled(if: geteuid() != 0, "nothing keeps the superuser out"))
    func notWritable() throws {
        mkdir(place["closed"], 0o500)
        let error = #expect(throws: IPCError.self) { try Directory.prepare(for: place["closed/socket"]) }
        #expect(error?.code == IPC_ERROR_DIR_SETUP__DIRECTORY_NOT_WRITABLE)
        #expect(try !isWritable(status("closed")))
    }

    @Test("Who may write is told by the owner's bits, the group's or the others'")
    func writable() {
        var status = stat()
        let isRoot = geteuid() == 0
        for (owner, group, bits) in [(geteuid(), getegid() &+ 1, 0o200), (geteuid() &+ 1, getegid(), 0o020), (geteuid() &+ 1, .max, 0o002)]
        {
            (status.st_uid, status.st_gid, status.st_mode) = (owner, group, mode_t(bits))
            #expect(isWritable(status))
            status.st_mode = mode_t(0o222 & ~bits)
            #expect(isWritable(status) == isRoot)
        }
    }
}

private func isWritable(_ status: stat) -> Bool {
    var status = status
    return is_writable_(&status) != 0
}
