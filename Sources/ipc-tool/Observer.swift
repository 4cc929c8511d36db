// Observer.swift - finds the messages in one direction of a connection. It only reads the bytes that Way passes on.

import CDaemon

struct Observer {
    struct Message {
        var header: FrameHeader
        var payload: [UInt8]
        var descriptors: Int
    }

    /// How many bytes of each payload to keep.
    let wanted: Int
    private var head: [UInt8] = []
    private var current: Message?
    private var missing = 0
    private(set) var isBroken = false

    init(wanted: Int) { self.wanted = wanted }

    /// What was found in the bytes of one receive.
    struct Seen {
        var messages: [Message] = []
        /// The start of the last message in these bytes, or 0: descriptors belong to that message.
        var lastStart = 0
        /// A descriptor came with a single byte that belongs to no message (ipc_provide_fd(3)).
        var isBareDescriptor = false
        /// An announced length that exceeds the limit of a message.
        var excess: Int?
    }

    mutating func see(_ bytes: [UInt8], descriptors: Int) -> Seen {
        var seen = Seen()
        var (index, end) = (0, bytes.count)
        if isBroken { return seen }
        while index < end {
            if current == nil {
                if head.isEmpty {
                    seen.lastStart = index
                    if descriptors > 0, index == end - 1 {
                        seen.isBareDescriptor = true
                        end -= 1
                        break
                    }
                }
                head.append(bytes[index])
                index += 1
                guard let header = FrameHeader(head) else { continue }
                head = []
                guard header.length <= Int(IPC_MAX_MESSAGE_SIZE) else {
                    isBroken = true
                    seen.excess = header.length
                    return seen
                }
                current = Message(header: header, payload: [], descriptors: 0)
                missing = header.length
            }
            guard var message = current else { continue }
            let taken = min(missing, end - index)
            // `current` must not share the payload's buffer, or each append would copy it.
            current = nil
            message.payload += bytes[index..<(index + min(taken, max(wanted - message.payload.count, 0)))]
            index += taken
            missing -= taken
            if missing == 0 { seen.messages.append(message) } else { current = message }
        }
        if descriptors > 0, !seen.isBareDescriptor {
            if current == nil, head.isEmpty, !seen.messages.isEmpty {
                seen.messages[seen.messages.count - 1].descriptors += descriptors
            } else {
                current?.descriptors += descriptors
            }
        }
        return seen
    }
}
