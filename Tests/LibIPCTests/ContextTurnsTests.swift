// ContextTurnsTests.swift - nobody waits for somebody who is busy: connections have their turns, and so have input and reports.

import Testing

@testable import LibIPC

@Suite("Context turns") struct ContextTurnsTests {
    let test: TestContext
    /// So many events may come before that of somebody else.
    let longest = Turns.budget + 1

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
        let events = try (0..<longest).map { _ in try test.next() }
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
        let events = try (0..<longest).map { _ in try test.next() }
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

    /// From now on the program is as quick as can be: all was sent at a time to come.
    private func beQuick() { _ = test.context.pointee.turns.sendsFirst(at: .max) }

    /// The program takes its time.
    private func beSlow() {
        let start = Clock.now()
        while Clock.now() < start + Turns.quick {}
    }

    @Test("A program that is slow and answers each message is heard before the next question")
    func answers() throws {
        let wire = try test.connect()
        let questions = (0..<100).map { Frame("question \($0)") }
        try wire.far.write(questions.flatMap(\.bytes))
        var (reports, answered): (Int, [Frame]) = (0, [])
        while true {
            beSlow()
            let event = try test.next()
            if event == .timer { break }
            if event == .sent(to: wire.near) { reports += 1 }
            guard let frame = event.frame else { continue }
            if let last = answered.last { #expect(wire.far.read() == last.bytes) }
            answered.append(frame)
            try test.write(frame, to: wire.near)
        }
        #expect(answered == questions)
        #expect(reports == 100)
        #expect(wire.far.read() == questions[99].bytes)
    }

    @Test("Answers of a program that is quick go together, before the poller is asked: after 72 turns, or with the last message")
    func quickAnswers() throws {
        beQuick()
        let (wire, quiet) = (try test.connect(), try test.connect())
        let questions = (0..<100).map { Frame("question \($0)") }
        try wire.far.write(questions.flatMap(\.bytes))
        var (answered, pieces): ([Frame], [Int]) = ([], [])
        while true {
            let event = try test.next()
            let count = wire.far.read().count / questions[0].bytes.count
            if count > 0 { pieces.append(count) }
            if event == .timer { break }
            guard let frame = event.frame else {
                #expect(event == .sent(to: wire.near))
                continue
            }
            if frame == Frame("may I?") { continue }
            answered.append(frame)
            try test.write(Frame("question 0"), to: wire.near)
            if answered.count == 2 { try quiet.far.write(Frame("may I?")) }
        }
        #expect(answered == questions)
        #expect(pieces.reduce(0, +) == 100)
        #expect(pieces.count <= 3, "\(pieces)")
        #expect((60...72).contains(pieces.first ?? 0), "\(pieces)")
    }

    @Test("However quick a program is, it hears of others after a while", arguments: [false, true])
    func quickAndOthers(answers: Bool) throws {
        beQuick()
        let (busy, quiet) = (try test.connect(), try test.connect())
        try busy.far.write((0..<200).flatMap { Frame("busy \($0)").bytes })
        #expect(try test.next() == .message(Frame("busy 0"), from: busy.near))
        try quiet.far.write(Frame("may I?"))
        var before = 1
        while true {
            let event = try test.next()
            if event.descriptor == quiet.near.number { break }
            guard event.frame != nil else { continue }
            before += 1
            if answers { try test.write(Frame("answer"), to: busy.near) }
        }
        // Without answers nobody knows how quick the program is.
        #expect(before <= (answers ? Turns.longestBudget : Turns.budget) + 1)
    }

    @Test("A program that is not quick any more answers as one that never was")
    func slowAnswers() throws {
        let wire = try test.connect()
        let questions = (0..<60).map { Frame("question \($0)") }
        try wire.far.write(questions.flatMap(\.bytes))
        beQuick()
        var (answered, pieces): (Int, [Int]) = (0, [])
        while answered < questions.count {
            let frame = try test.next().frame
            let count = wire.far.read().count / questions[0].bytes.count
            if count > 0 { pieces.append(count) }
            guard frame != nil else { continue }
            answered += 1
            try test.write(Frame("question 0"), to: wire.near)
            if answered >= 4 {
                if answered == 4 { test.context.pointee.turns = Turns() }
                beSlow()
            }
        }
        #expect(pieces.prefix(3) == [4, 1, 1])
    }

    @Test("A program that answers each TX event with a message hears the others all the same")
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
        #expect(try isHeard(within: 10 * longest))
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
