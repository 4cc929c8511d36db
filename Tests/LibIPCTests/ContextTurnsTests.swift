// ContextTurnsTests.swift - nobody waits for somebody who is busy: connections have their turns, and so have input and reports.

import Testing

@testable import LibIPC

@Suite("Context turns") struct ContextTurnsTests {
    let test: TestContext
    /// So many events may come before that of somebody else.
    let patience = Context<ListRoster>.patience + 1

    init() throws { test = try TestContext() }

    @Test("Who has much to say takes turns with the others")
    func turns() throws {
        let wires = try (0..<3).map { _ in try test.connect() }
        for wire in wires { for number in 0..<20 { try wire.far.write(Frame("message \(number)")) } }
        let events = try test.all()
        #expect(events.count == 60)
        for start in stride(from: 0, to: 60, by: 3) {
            let round = events[start..<start + 3]
            #expect(Set(round.map(\.descriptor)).count == 3)
            #expect(round.allSatisfy { $0.frame == Frame("message \(start / 3)") })
        }
    }

    @Test("Who speaks up while another talks is heard soon")
    func heardSoon() throws {
        let (busy, quiet) = (try test.connect(), try test.connect())
        try busy.far.write([Frame](repeating: Frame("and another thing"), count: 200).flatMap(\.bytes))
        #expect(try test.next().descriptor == busy.near.number)
        try quiet.far.write(Frame("may I?"))
        let events = try (0..<patience).map { _ in try test.next() }
        #expect(events.contains(.message(Frame("may I?"), from: quiet.near)))
    }

    @Test("A client is accepted while another connection talks")
    func acceptedSoon() throws {
        let place = try Place()
        let server = try place.listen("service")
        try test.add(server, .server)
        let busy = try test.connect()
        try busy.far.write([Frame](repeating: Frame("and another thing"), count: 200).flatMap(\.bytes))
        #expect(try test.next().descriptor == busy.near.number)
        let client = try place.connect("service")
        let events = try (0..<patience).map { _ in try test.next() }
        #expect(events.contains { $0.kind == .connection })
        withExtendedLifetime(client) {}
    }

    @Test("A descriptor that its program does not read is told of in turn, and keeps nobody from being heard")
    func external() throws {
        let (external, wire) = (try test.connect(.external), try test.connect())
        try external.far.write([1])
        #expect(try test.next() == .readable(external.near))
        for number in 0..<10 { try wire.far.write(Frame("message \(number)")) }
        let events = try (0..<40).map { _ in try test.next() }
        #expect(events.filter { $0.kind == .message }.map(\.frame) == (0..<10).map { Frame("message \($0)") })
        #expect(events.filter { $0 == .readable(external.near) }.count == 30)
        #expect(external.near.read() == [1])
        #expect(try test.next() == .timer)
    }

    @Test("A program that answers each message is heard while it answers")
    func answers() throws {
        let wire = try test.connect()
        let questions = (0..<100).map { Frame("question \($0)") }
        try wire.far.write(questions.flatMap(\.bytes))
        var (reports, answered): (Int, [Frame]) = (0, [])
        while true {
            let event = try test.next()
            if event == .timer { break }
            if event == .sent(to: wire.near) { reports += 1 }
            guard let frame = event.frame else { continue }
            answered.append(frame)
            try test.write(frame, to: wire.near)
            // The first answer of a burst goes before the second question is told.
            if answered.count == 2 { #expect(wire.far.read() == questions[0].bytes) }
        }
        #expect(answered == questions)
        #expect(reports == 100)
        #expect(wire.far.read() == questions[1...].flatMap(\.bytes))
    }

    @Test("Of a program that is quick the first answer goes at once, and all others together; then others are heard")
    func quickAnswers() throws {
        test.context.pointee.fluency = .max
        let (wire, quiet) = (try test.connect(), try test.connect())
        let questions = (0..<60).map { Frame("question \($0)") }
        try wire.far.write(questions.flatMap(\.bytes))
        var answered: [Frame] = []
        while answered.count < questions.count {
            let event = try test.next()
            guard let frame = event.frame else {
                #expect(event == .sent(to: wire.near))
                continue
            }
            answered.append(frame)
            try test.write(frame, to: wire.near)
            if answered.count == 2 {
                #expect(wire.far.read() == questions[0].bytes)
                try quiet.far.write(Frame("may I?"))
            } else {
                #expect(wire.far.read() == [])
            }
        }
        #expect(answered == questions)
        #expect(try test.next() == .sent(to: wire.near))
        #expect(wire.far.read() == questions[1...].flatMap(\.bytes))
        #expect(try test.all().contains(.message(Frame("may I?"), from: quiet.near)))
    }

    @Test("However quick a program is, it hears of others after a while")
    func quickAndOthers() throws {
        test.context.pointee.fluency = .max
        let (busy, quiet) = (try test.connect(), try test.connect())
        try busy.far.write((0..<200).flatMap { Frame("busy \($0)").bytes })
        #expect(try test.next() == .message(Frame("busy 0"), from: busy.near))
        try quiet.far.write(Frame("may I?"))
        var before = 1
        while try test.next().descriptor == busy.near.number { before += 1 }
        // The one whose turn it is when the other is heard of has it.
        #expect(before == 72 + 1)
    }

    @Test("A program that is not quick any more answers as one that never was")
    func slowAnswers() throws {
        test.context.pointee.fluency = .max
        let wire = try test.connect()
        let questions = (0..<60).map { Frame("question \($0)") }
        try wire.far.write(questions.flatMap(\.bytes))
        var (answered, pieces): (Int, [Int]) = (0, [])
        while answered < questions.count {
            guard let frame = try test.next().frame else { continue }
            answered += 1
            try test.write(frame, to: wire.near)
            if answered == 4 { test.context.pointee.fluency = 0 }
            let count = wire.far.read().count / questions[0].bytes.count
            if count > 0 { pieces.append(count) }
        }
        #expect(pieces.prefix(2) == [1, 4])
    }

    @Test("A program that answers each report with a message hears the others all the same")
    func answersReports() throws {
        let (sink, quiet) = (try test.connect(), try test.connect())
        try test.write(Frame("on and on"), to: sink.near)
        /// Answers so many events, or fewer: until the quiet one is heard.
        func isHeard(within count: Int) throws -> Bool {
            for _ in 0..<count {
                let event = try test.next()
                if event == .message(Frame("may I?"), from: quiet.near) { return true }
                #expect(event == .sent(to: sink.near))
                #expect(sink.far.read() == Frame("on and on").bytes)
                try test.write(Frame("on and on"), to: sink.near)
            }
            return false
        }
        #expect(try !isHeard(within: 5))
        try quiet.far.write(Frame("may I?"))
        #expect(try isHeard(within: 10 * patience))
    }

    @Test("A peer that sends a long message bit by bit keeps nobody from being heard, nor a timer from coming")
    func bitByBit() throws {
        let (slow, other) = (try test.connect(), try test.connect())
        let long = Frame(pattern(100_000))
        var rest = long.bytes[...]
        while rest.count > 1000 {
            try slow.far.write(rest.prefix(1000))
            rest = rest.dropFirst(1000)
            #expect(try test.next() == .timer)
        }
        try other.far.write(Frame("meanwhile"))
        #expect(try test.next() == .message(Frame("meanwhile"), from: other.near))
        try slow.far.write(rest)
        #expect(try test.next() == .message(long, from: slow.near))
    }
}
