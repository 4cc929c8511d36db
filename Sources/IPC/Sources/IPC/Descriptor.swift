// Descriptor.swift - a descriptor that came with a message, or from a pair that has ended, and that nobody has taken yet.

import Synchronization

/// A file descriptor that closes itself when nobody uses it any more, unless ``take()`` has given it to the program.
public final class Descriptor: Sendable {
    private let number: Atomic<Int32>

    /// The number belongs to this object from now on.
    public init(owning number: Int32) { self.number = Atomic(number) }

    /// The number; -1 after ``take()``. It is valid as long as this object is.
    public var rawValue: Int32 { number.load(ordering: .acquiring) }

    /// The number, which is the caller's to close from now on. nil: somebody else has taken it.
    public func take() -> Int32? {
        let taken = number.exchange(-1, ordering: .acquiringAndReleasing)
        return taken >= 0 ? taken : nil
    }

    deinit {
        if let number = take() { System.close(number) }
    }
}
