// Detached.swift - reading and writing a descriptor without a context at hand.
//
// If a context has the descriptor, its state serves. Otherwise not a byte more is read than the message has; what a call
// had to leave unfinished waits in the registry for the next one.

import CLibIPC

extension Detached {
    /// Reads one message of a descriptor that no context has; waits for it.
    /// - Parameter exact: nothing behind it.
    static func readMessage(
        from descriptor: Descriptor, _ inbox: inout Inbox, exact: Bool = true
    ) throws(IPCError) -> Message {
        var scratch = Scratch(size: 16 * 1024)
        while true {
            if let message = try inbox.next() { return message }
            switch try inbox.receive(from: descriptor, into: &scratch, waiting: true, exact: exact) {
            case .bytes: if let message = try inbox.finish(&scratch) { return message }
            case .nothing: try descriptor.waitToReceive()
            case .end:
                throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left:", .descriptor(descriptor.number))
            }
        }
    }

    /// The same, with what an earlier call left, and leaving what this one must.
    static func read(from descriptor: Descriptor) throws(IPCError) -> Message {
        var inbox = Registry.shared.takeDetached(descriptor.number) ?? Inbox()
        do throws(IPCError) {
            let message = try readMessage(from: descriptor, &inbox)
            Registry.shared.leave(inbox, for: descriptor.number)
            return message
        } catch {
            if error.code != IPC_ERROR_CLOSED_RECIPIENT { Registry.shared.leave(inbox, for: descriptor.number) }
            throw error
        }
    }

    static func receiveDescriptor(from descriptor: Descriptor) throws(IPCError) -> Int32 {
        var inbox = Registry.shared.takeDetached(descriptor.number) ?? Inbox()
        let received = try DescriptorPassing.receive(from: descriptor, &inbox)
        Registry.shared.leave(inbox, for: descriptor.number)
        return received
    }

    /// Sends one frame whole; waits until the kernel has it.
    static func write(
        _ header: FrameHeader, _ payload: UnsafeRawPointer?, to descriptor: Descriptor
    ) throws(IPCError) {
        var encoded = InlineArray<6, UInt8>(repeating: 0)
        try withUnsafeMutableBytes(of: &encoded) { bytes throws(IPCError) in
            guard let start = bytes.baseAddress else { return }
            header.encode(into: start)
            var sent = 0
            while sent < header.frameSize {
                switch sendRest(start, payload, header, from: sent, to: descriptor) {
                case .count(let count): sent += count
                case .wouldBlock, .end:
                    do throws(IPCError) {
                        try descriptor.waitToSend()
                    } catch {
                        throw sent == 0 ? error : error.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
                    }
                case .failed(let number):
                    let code = sent == 0 ? IPC_ERROR_USOCK_SEND : IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA
                    throw IPCError(code, "send to", .descriptor(descriptor.number), systemError: number)
                }
            }
        }
    }

    private static func sendRest(
        _ header: UnsafeMutableRawPointer, _ payload: UnsafeRawPointer?, _ frame: FrameHeader, from sent: Int,
        to descriptor: Descriptor
    ) -> Descriptor.Outcome {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { vectors in
            guard let base = vectors.baseAddress else { return .wouldBlock }
            var count = 0
            if sent < FrameHeader.size {
                base[0] = iovec(iov_base: header + sent, iov_len: FrameHeader.size - sent)
                count = 1
            }
            let start = max(sent - FrameHeader.size, 0)
            if let payload, start < frame.length {
                base[count] = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: payload + start), iov_len: Int(frame.length) - start)
                count += 1
            }
            return descriptor.send(base, count, waiting: true)
        }
    }
}
