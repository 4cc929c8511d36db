// DescriptorPassing.swift - one descriptor over a Unix socket: a byte 0 with SCM_RIGHTS (unix(7)).

import CLibIPC

enum DescriptorPassing {
    static func send(_ descriptor: Int32, over socket: Descriptor) throws(IPCError) {
        var byte: UInt8 = 0
        let sent = withUnsafeMutablePointer(to: &byte) { byte in
            var vector = iovec(iov_base: UnsafeMutableRawPointer(byte), iov_len: 1)
            var control = libipc_control()
            return withUnsafeMutablePointer(to: &vector) { vector in
                withUnsafeMutablePointer(to: &control) { control in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    libipc_attach_descriptor(&message, control, descriptor)
                    return retrying { sendmsg(socket.number, &message, Int32(MSG_NOSIGNAL)) }
                }
            }
        }
        guard sent == 1 else {
            throw .system(IPC_ERROR_PROVIDE_FD__SENDMSG, "pass a descriptor over", .descriptor(socket.number))
        }
    }

    /// The descriptor that comes with the next byte; waits for it. It is close-on-exec, and the caller's.
    static func receive(from socket: Descriptor, _ inbox: inout Inbox) throws(IPCError) -> Int32 {
        var scratch = Scratch(size: 16)
        while true {
            switch inbox.takePassedByte() {
            case .withDescriptor(let descriptor): return descriptor
            case .alone:
                throw IPCError(IPC_ERROR_RECEIVE_FD__RECVMSG, "no descriptor came over", .descriptor(socket.number))
            case .notHere: try receiveByte(from: socket, &inbox, &scratch)
            }
        }
    }

    private static func receiveByte(
        from socket: Descriptor, _ inbox: inout Inbox, _ scratch: inout Scratch
    ) throws(IPCError) {
        do throws(IPCError) {
            switch try inbox.receive(from: socket, into: &scratch, waiting: true, limit: 1) {
            case .bytes: inbox.hold(&scratch)
            case .nothing: try socket.waitToReceive()
            case .end:
                throw IPCError(IPC_ERROR_RECEIVE_FD__RECVMSG, "the peer has left:", .descriptor(socket.number))
            }
        } catch {
            throw error.with(code: IPC_ERROR_RECEIVE_FD__RECVMSG)
        }
    }
}
