// ServiceTests.swift - from a name to a socket: which names there are, where they lead, and who may have them.

import CLibIPC
import Testing

@testable import LibIPC

extension EnvironmentTests {
    @Suite("Service") struct ServiceTests {
        let place: Place

        init() throws { place = try Place() }

        private func path(of name: String, rundir: String? = nil) throws -> String {
            try EnvironmentTests.with(rundir: rundir) { try Service.address(of: name).withPath { String(cString: $0) } }
        }

        /// Listens as a service; its path is freed.
        private func listen(_ name: String) throws -> (server: End, path: String) {
            let (descriptor, path) = try Service.listen(as: name)
            defer { free(path) }
            return (try End(descriptor), String(cString: path))
        }

        // MARK: Names

        @Test("A service is in the run directory, or where IPC_RUNDIR says")
        func paths() throws {
            #expect(try path(of: "pong") == "\(RUNDIR)/pong")
            #expect(try path(of: "pong", rundir: "/somewhere") == "/somewhere/pong")
            #expect(try path(of: "pong", rundir: ".") == "./pong")
        }

        @Test(
            "A name may be anything that leads nowhere else",
            arguments: ["a", " ", "...", ".hidden", "a.", "..a", "a..b", "a/b", "a//b", "a/.../b", "/a", "a/", "ünï", "a\nb"])
        func accepted(name: String) throws {
            #expect(try path(of: name, rundir: "/r") == "/r/\(name)")
        }

        @Test(
            "A name that is empty, or leads elsewhere, is refused",
            arguments: ["", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "/..", "a/./b", "//.."])
        func refused(name: String) throws {
            let error = #expect(throws: IPCError.self) { try path(of: name, rundir: "/r") }
            #expect(error?.code == IPC_ERROR_SERVICE_PATH__INVALID_NAME)
            let reason = name.isEmpty ? "a service needs a name" : "a . or .. in the name of the service \(name)"
            #expect(error?.text.string == reason)
        }

        @Test("A path may have 107 bytes, and no more", arguments: [1, 3, 50])
        func length(directoryLength: Int) throws {
            let rundir = String(repeating: "d", count: directoryLength)
            let name = String(repeating: "n", count: 107 - directoryLength - 1)
            #expect(try path(of: name, rundir: rundir) == "\(rundir)/\(name)")
            let error = #expect(throws: IPCError.self) { try path(of: name + "n", rundir: rundir) }
            #expect(error?.code == IPC_ERROR_SERVICE_PATH__INVALID_NAME)
        }

        @Test("A name or a run directory of any length is refused, not copied", arguments: [108, 5000, 1_000_000])
        func veryLong(length: Int) throws {
            let long = String(repeating: "x", count: length)
            for (name, rundir) in [(long, "/r"), ("a", long), (long, long)] {
                let error = #expect(throws: IPCError.self) { try path(of: name, rundir: rundir) }
                #expect(error?.code == IPC_ERROR_SERVICE_PATH__INVALID_NAME)
            }
        }

        // MARK: Listening and connecting

        @Test("Listening makes the run directory; a client finds the service there")
        func listening() throws {
            try EnvironmentTests.with(rundir: place["run/ipc"]) {
                let (server, path) = try listen("pong")
                #expect(path == place["run/ipc/pong"])
                #expect(place.exists("run/ipc/pong"))
                let client = try End(try Service.connect(to: "pong"))
                let accepted = try End(try Socket.accept(on: server.number))
                try client.write(Frame("hello"))
                #expect(accepted.read() == Frame("hello").bytes)
            }
        }

        @Test("A service with a slash in its name has a directory of its own")
        func nested() throws {
            try EnvironmentTests.with(rundir: place["run"]) {
                let (server, path) = try listen("family/member")
                #expect(path == place["run/family/member"])
                let client = try End(try Service.connect(to: "family/member"))
                #expect(!client.isAlone)
                withExtendedLifetime(server) {}
            }
        }

        @Test("Connecting makes nothing")
        func connectingMakesNothing() throws {
            EnvironmentTests.with(rundir: place["run"]) {
                let error = #expect(throws: IPCError.self) { try Service.connect(to: "pong") }
                #expect(error?.code == IPC_ERROR_USOCK_CONNECT__CONNECT)
                #expect(error?.systemError == ENOENT)
            }
            #expect(!place.exists("run"))
        }

        @Test("A name that is taken is refused as long as its service lives")
        func taken() throws {
            try EnvironmentTests.with(rundir: place.path) {
                let (server, _) = try listen("pong")
                _ = place["pong"]
                let error = #expect(throws: IPCError.self) { try listen("pong") }
                #expect(error?.code == IPC_ERROR_USOCK_INIT__BIND)
                server.close()
                let (successor, _) = try listen("pong")
                #expect(successor.isOpen)
            }
        }

        @Test("A run directory that is none is an error")
        func noDirectory() throws {
            try place.makeFile("file")
            EnvironmentTests.with(rundir: place["file"]) {
                let error = #expect(throws: IPCError.self) { try listen("pong") }
                #expect(error?.code == IPC_ERROR_DIR_SETUP__NOT_A_DIRECTORY)
            }
        }
    }
}
