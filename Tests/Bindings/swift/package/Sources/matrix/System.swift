// System.swift - what the programs need of the system: checks that end them, descriptors, and what the process has open.

import IPC

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

struct Unexpected: Error, CustomStringConvertible {
    let description: String
}

func check(_ condition: Bool, _ what: @autoclosure () -> String = "", file: String = #file, line: Int = #line) throws {
    if !condition { throw Unexpected(description: "\(file):\(line): not as expected \(what())") }
}

func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// In one write(2), so that who reads a pipe gets it at once.
func print(line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}

func makePipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    try check(pipe(&ends) == 0)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
}

func writeAll(_ descriptor: Int32, _ bytes: some Collection<UInt8>) throws {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        try check(count > 0, "write")
        rest = rest.dropFirst(count)
    }
}

/// So many bytes, or fewer up to the end.
func readAll(_ descriptor: Int32, _ size: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    var done = 0
    while done < size {
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: done), size - done) }
        try check(count >= 0, "read")
        if count == 0 { break }
        done += count
    }
    return Array(bytes[..<done])
}

/// One read(2); empty at the end.
func readSome(_ descriptor: Int32) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = read(descriptor, &bytes, bytes.count)
    try check(count >= 0, "read")
    return Array(bytes[..<count])
}

func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }

func killThisProcess() { _ = kill(getpid(), SIGKILL) }

/// A connection that knows nothing of messages.
func connectRaw() throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array("\(environment("IPC_RUNDIR") ?? "")/matrix".utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let status = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    try check(descriptor >= 0 && status == 0, "connect")
    return descriptor
}

/// Whether the peer has closed: also when that is an error, as what it has not read makes it one.
func readsEnd(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    return read(descriptor, &byte, 1) <= 0
}

/// Without the one that this look takes.
func countDescriptors() throws -> Int { try descriptorLinks().count - 1 }

/// Timers that are descriptors, timerfd_create(2).
func countTimers() throws -> Int { try descriptorLinks().count { $0.contains("timerfd") } }

/// What the descriptors of this process are.
private func descriptorLinks() throws -> [String] {
    guard let directory = opendir("/proc/self/fd") else { throw Unexpected(description: "opendir") }
    defer { closedir(directory) }
    var links: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name.hasPrefix(".") { continue }
        var target = [CChar](repeating: 0, count: 256)
        let size = readlink("/proc/self/fd/\(name)", &target, target.count)
        links.append(String(decoding: target.prefix(max(0, size)).map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return links
}

/// In KiB.
func residentMemory() throws -> Int {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    let fields = String(decoding: try readSome(file), as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { throw Unexpected(description: "statm") }
    return pages * (Int(sysconf(Int32(_SC_PAGESIZE))) / 1024)
}
