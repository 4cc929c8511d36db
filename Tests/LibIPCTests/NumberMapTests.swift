// NumberMapTests.swift - a hash table with descriptors' numbers for keys, against a dictionary.

import Testing

@testable import LibIPC

@Suite("NumberMap") struct NumberMapTests {
    private final class Table {
        var map = NumberMap<Int>()
        private(set) var model: [Int32: Int] = [:]

        func set(_ number: Int32, _ value: Int?) throws {
            if value != nil { try map.reserve() }
            map[number] = value
            model[number] = value
        }

        func removeAll() {
            map.removeAll()
            model = [:]
        }

        /// The numbers of `candidates` that the map and the dictionary do not agree on.
        func differences(_ candidates: some Sequence<Int32>) -> [Int32] { candidates.filter { map[$0] != model[$0] } }

        var count: Int { map.count }
    }

    @Test("A new map has nothing, and drops what is not there without a fault")
    func empty() {
        var map = NumberMap<Int>()
        #expect(map.count == 0)
        for number in [0, -1, .min, .max] as [Int32] {
            #expect(map[number] == nil)
            map[number] = nil
        }
        map.removeAll()
        #expect(map.count == 0)
    }

    @Test("A value is found under its number, is replaced, and goes")
    func one() throws {
        let table = Table()
        try table.set(7, 1)
        #expect(table.map[7] == 1)
        #expect(table.count == 1)
        try table.set(7, 2)
        #expect(table.map[7] == 2)
        #expect(table.count == 1)
        try table.set(7, nil)
        #expect(table.map[7] == nil)
        #expect(table.count == 0)
        try table.set(7, nil)
        #expect(table.count == 0)
    }

    @Test("Any number can be a key", arguments: [0, -1, 1, .min, .max, 1 << 20] as [Int32])
    func anyNumber(number: Int32) throws {
        let table = Table()
        try table.set(number, 5)
        #expect(table.map[number] == 5)
        #expect(table.differences([0, -1, 1, .min, .max, 1 << 20]) == [])
    }

    @Test("A map that grows keeps all values", arguments: [1, 2, 64, 1024, 4096] as [Int32])
    func growth(step: Int32) throws {
        let table = Table()
        for place in 0..<3000 as Range<Int32> {
            try table.set(place * step, Int(place))
            if place & (place + 1) == 0 { #expect(table.differences((0...place).map { $0 * step }) == []) }
        }
        #expect(table.count == 3000)
        #expect(table.differences((0..<3000).map { $0 * step }) == [])
    }

    @Test("Without room a new number is not taken; a value that is there can still be replaced")
    func noRoom() throws {
        var map = NumberMap<Int>()
        map[1] = 1
        #expect(map[1] == nil)
        var (number, taken): (Int32, [Int32]) = (0, [])
        try map.reserve()
        while true {
            let before = map.count
            map[number] = Int(number)
            if map.count == before { break }
            taken.append(number)
            number += 1
        }
        #expect(map[number] == nil)
        for known in taken {
            map[known] = -1
            #expect(map[known] == -1)
        }
        #expect(map.count == taken.count)
    }

    /// Numbers that collide in a small table, whichever bits of the number choose the place.
    private static let crowds: [[Int32]] = [
        Array(0..<40), (0..<40).map { $0 << 8 }, (0..<40).map { $0 << 16 }, (0..<40).map { $0 << 26 }, (0..<40).map { -$0 },
    ]

    @Test("From a run of numbers that collide each can go first, and the others are still found", arguments: crowds)
    func removalInRuns(numbers: [Int32]) throws {
        for first in numbers {
            let table = Table()
            for number in numbers { try table.set(number, Int(number)) }
            try table.set(first, nil)
            #expect(table.differences(numbers) == [])
            try table.set(first, 1)
            #expect(table.differences(numbers) == [])
        }
    }

    @Test("A run can be taken away from its front, its back, and by halves, and is found at each step", arguments: crowds)
    func wholeRuns(numbers: [Int32]) throws {
        let orders = [numbers, numbers.reversed(), numbers.filter { $0 & 1 == 0 } + numbers.filter { $0 & 1 != 0 }]
        for order in orders {
            let table = Table()
            for number in numbers { try table.set(number, Int(number)) }
            for number in order {
                try table.set(number, nil)
                #expect(table.differences(numbers) == [])
            }
            #expect(table.count == 0)
        }
    }

    @Test("Random changes leave what a dictionary has", arguments: seeds)
    func random(seed: UInt64) throws {
        var generator = Seeded(seed)
        // Few numbers meet each other often, many make the table grow.
        for range in [0..<12, 0..<200, -3000..<3000] as [Range<Int32>] {
            let table = Table()
            for turn in 0..<4000 {
                let number = Int32.random(in: range, using: &generator)
                try table.set(number, Int.random(in: 0..<5, using: &generator) < 2 ? nil : turn)
                #expect(table.map[number] == table.model[number], "seed \(seed)")
                if turn % 1000 == 999 { #expect(table.differences(range) == [], "seed \(seed)") }
                if turn == 2500 { table.removeAll() }
                #expect(table.count == table.model.count, "seed \(seed)")
            }
        }
    }
}
