// Services.swift - exports: service names, look-up, sockets, files and directories.

@c @implementation public func service_path_into(_ result: Outcome, _ path: Ref<CChar>, _ sname: CText) {
    answer(result, try Service.address(of: sname).withPath { _ = strcpy(path, $0) })
}

@c @implementation public func ipc_contact_ipcd_into(_ result: Outcome, _ pfd: Ref<Int32>, _ sname: CText) {
    answer(result, pfd.pointee = try NetworkLookup.connect(to: sname) ?? 0)
}

@c @implementation public func usock_close_into(_ result: Outcome, _ fd: Int32) {
    // A signal handler that has interrupted another call changes no table: the next call finds the entry stale.
    let isInterrupting = libipc_is_interrupting(DescriptorTable.owner(of: fd)) != 0
    if isInterrupting || DescriptorTable.endUse(ofStray: fd) { answer(result, try Socket.close(fd)) }
}

@c @implementation public func usock_connect_into(_ result: Outcome, _ fd: Ref<Int32>, _ path: CText) {
    answer(result, fd.pointee = try Socket.connect(to: SocketAddress(path, IPC_ERROR_USOCK_CONNECT__CONNECT)))
}

@c @implementation public func usock_init_into(_ result: Outcome, _ fd: Ref<Int32>, _ path: CText) {
    answer(result) { () throws(IPCError) in
        let address = try SocketAddress(path, IPC_ERROR_USOCK_INIT__BIND)
        // As for a service, but with the error codes of this call.
        try failing(with: IPC_ERROR_USOCK_INIT__BIND, try Directory.makeParent(of: path))
        fd.pointee = try Socket.listen(at: address)
    }
}

@c @implementation public func usock_remove_into(_ result: Outcome, _ path: CText) { answer(result, try Socket.remove(path)) }

@c @implementation public func mkdir_p__into(_ result: Outcome, _ path: CText) { answer(result, try Directory.make(path)) }

@c @implementation public func directory_setup__into(_ result: Outcome, _ path: CText) { answer(result, try Directory.prepare(for: path)) }

@c @implementation public func dirname_(_ path: CText?, _ dname: Ref<CChar>?) -> Int32 {
    dname?.pointee = 0
    if let path, let dname { Directory.parent(of: path, into: UnsafeMutableBufferPointer(start: dname, count: Int(PATH_MAX))) }
    return 0
}
