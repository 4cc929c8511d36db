// NetworkLookupTests.swift - services beyond this machine: which routes name them, and what the daemon answers.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Network routes") struct NetworkRouteTests {
    @Test(
        "A route names a service whole, with blanks around it or not",
        arguments: [
            "pong tcp://there", "pong\ttcp://there", " pong tcp://there", "\n\tpong  tcp://there ", "ping tcp://here;pong tcp://there",
            "ping tcp://here; pong tcp://there", ";;pong tcp://there;", " ; ;\n pong tcp://there", "pong ",
        ])
    func routed(routes: String) { #expect(NetworkLookup.route(of: "pong", in: routes) == .usual) }

    @Test(
        "A route to something else, or to nowhere, is none",
        arguments: [
            "", " ", ";", "pong", "pong;", "pongs tcp://there", "pon tcp://there", "apong tcp://there", "a pong tcp://there",
            "pong;tcp://there", "PONG tcp://there", "ping pong", "ping tcp://there;pong", "po ng", "pong,tcp://there",
        ])
    func notRouted(routes: String) { #expect(NetworkLookup.route(of: "pong", in: routes) == .none) }

    @Test(
        "A route that ends in a mark of its own is strict, for its service alone",
        arguments: [
            ("pong x !", true), (" pong  x\t! ", true), ("a b;pong x y !;pong z", true), ("pong !", true), ("pong x!", false),
            ("pong !x", false), ("pong x ! y", false), ("pong x;a b !", false), ("a b !;pong x", false), ("pong x;pong y !", false),
        ])
    func strict(routes: String, isStrict: Bool) { #expect(NetworkLookup.route(of: "pong", in: routes) == (isStrict ? .strict : .usual)) }

    @Test("Nothing is routed to a service without a name", arguments: ["", " tcp://there", "a tcp://there", ";"])
    func noName(routes: String) { #expect(NetworkLookup.route(of: "", in: routes) == .none) }
}

extension EnvironmentTests {
    @Suite("Network look-up") struct NetworkLookupTests {
        private static let routes = "ping tcp://here; pong tcp://there"
        let place: Place
        let daemon: End

        init() throws {
            place = try Place()
            daemon = try place.listen("network")
        }

        /// Looks `name` up while the daemon answers one client with `answer` and, if there is one, a descriptor. Returns the question.
        private func lookUp(
            answer: [UInt8], passing passed: [Int32] = [], inOnePiece: Bool = false, _ body: () throws -> Void
        ) throws -> [UInt8] {
            let number = daemon.number
            return try withPeer(
                doing: {
                    let client = try End(try Socket.accept(on: number))
                    let header = End.read(FrameHeader.size, from: client.number)
                    let question = header + End.read(Int(header[4]), from: client.number)
                    if inOnePiece {
                        try client.write(answer + [0], passing: passed)
                    } else {
                        try client.write(answer)
                        if !passed.isEmpty { try client.write([0], passing: passed) }
                    }
                    return question
                }, stop: { shutdown(daemon.number, Int32(SHUT_RDWR)) },
                { try EnvironmentTests.with(rundir: place.path, network: Self.routes, body) })
        }

        @Test("A routed service is asked for, and its connection comes from the daemon", arguments: [false, true])
        func found(inOnePiece: Bool) throws {
            let wire = try Wire()
            let question = try lookUp(answer: Frame("OK", type: 3).bytes, passing: [wire.far.number], inOnePiece: inOnePiece) {
                let connection = try End(try #require(try NetworkLookup.connect(to: "pong")))
                wire.far.close()
                try connection.write([1, 2, 3])
                #expect(wire.near.read() == [1, 2, 3])
                connection.close()
                #expect(wire.near.isAlone)
            }
            #expect(question == Frame("pong;\(Self.routes)", type: 3, userType: 3).bytes)
        }

        @Test("A refusal is an error with the daemon's reason")
        func refused() throws {
            _ = try lookUp(answer: Frame("nobody there", type: 3).bytes) {
                let error = #expect(throws: IPCError.self) { try NetworkLookup.connect(to: "pong") }
                #expect(error?.code == IPC_ERROR_CLOSED_RECIPIENT)
                #expect(error?.text.string == "the network daemon refused: nobody there")
            }
        }

        @Test("After a refusal the service is looked for here")
        func refusedThenHere() throws {
            let server = try place.listen("pong")
            _ = try lookUp(answer: Frame("", type: 3).bytes) {
                let client = try End(try Service.connect(to: "pong"))
                let accepted = try End(try Socket.accept(on: server.number))
                try client.write([1])
                #expect(accepted.read() == [1])
            }
        }

        @Test("An answer without the descriptor that it promises is an error")
        func noDescriptor() throws {
            _ = try lookUp(answer: Frame("OK", type: 3).bytes + [0]) {
                let error = #expect(throws: IPCError.self) { try NetworkLookup.connect(to: "pong") }
                #expect(error?.code == IPC_ERROR_RECEIVE_FD__RECVMSG)
            }
        }

        @Test("A service without a route is not asked for")
        func notRouted() throws {
            let descriptor = try EnvironmentTests.with(rundir: place.path, network: Self.routes) { try NetworkLookup.connect(to: "pang") }
            #expect(descriptor == nil)
            let client = daemon.descriptor.poll(POLLIN, timeout: 0)
            #expect(client == 0)
        }

        @Test("Without a daemon the service is looked for here")
        func noDaemon() throws {
            daemon.close()
            let server = try place.listen("pong")
            try EnvironmentTests.with(rundir: place.path, network: Self.routes) {
                let error = #expect(throws: IPCError.self) { try NetworkLookup.connect(to: "pong") }
                #expect(error?.code == IPC_ERROR_USOCK_CONNECT__CONNECT)
                let client = try End(try Service.connect(to: "pong"))
                #expect(!client.isAlone)
            }
            withExtendedLifetime(server) {}
        }
    }
}
