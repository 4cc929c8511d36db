// Queue.swift - first in, first out: what was taken is given back in one go, so that taking moves nothing.

struct Queue<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }
    var isEmpty: Bool { head == elements.count }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: head <= 1024)
            head = 0
        } else if head >= 64, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Changes the first element of which `change` says that it was the one.
    mutating func update(_ change: (inout Element) -> Bool) {
        for index in head..<elements.count {
            guard var element = elements[index] else { continue }
            if change(&element) {
                elements[index] = element
                return
            }
        }
    }

    func contains(_ predicate: (Element) -> Bool) -> Bool {
        elements[head...].contains { $0.map(predicate) ?? false }
    }

    /// Takes out the first element for which `predicate` holds.
    mutating func remove(where predicate: (Element) -> Bool) -> Element? {
        for index in head..<elements.count {
            guard let element = elements[index], predicate(element) else { continue }
            elements.remove(at: index)
            return element
        }
        return nil
    }
}
