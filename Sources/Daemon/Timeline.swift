// Timeline.swift - deadlines of one kind, all equally far off: so the first one set is the first one due.
//
// A line in which each descriptor stands at most once, linked by number: starting again, stopping and finding the first cost the same
// however many there are.

struct Timeline {
    private struct Place {
        var previous: Int32 = -1, next: Int32 = -1, started: Int64 = 0, isUsed = false
    }

    /// In milliseconds; 0: such deadlines are never due. A new duration counts for those that were set before, too.
    var duration: Int
    private var places: [Place] = []
    private var head: Int32 = -1, tail: Int32 = -1

    init(milliseconds: Int) { duration = milliseconds }

    var first: (descriptor: Int32, due: Int64)? {
        head < 0 || duration == 0 ? nil : (head, places[Int(head)].started + Int64(duration))
    }

    /// Starts, or starts again.
    mutating func start(_ descriptor: Int32, now: @autoclosure () -> Int64) {
        guard descriptor >= 0 else { return }
        stop(descriptor)
        while places.count <= Int(descriptor) { places.append(Place()) }
        places[Int(descriptor)] = Place(previous: tail, started: now(), isUsed: true)
        if tail >= 0 { places[Int(tail)].next = descriptor } else { head = descriptor }
        tail = descriptor
    }

    mutating func stop(_ descriptor: Int32) {
        guard descriptor >= 0, Int(descriptor) < places.count, places[Int(descriptor)].isUsed else { return }
        let place = places[Int(descriptor)]
        if place.previous >= 0 { places[Int(place.previous)].next = place.next } else { head = place.next }
        if place.next >= 0 { places[Int(place.next)].previous = place.previous } else { tail = place.previous }
        places[Int(descriptor)].isUsed = false
    }
}
