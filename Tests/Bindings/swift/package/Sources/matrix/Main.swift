// Main.swift - the service and the client of scenarios.md in one program: `matrix service`, `matrix client SCENARIO`.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@main
struct Main {
    /// Not an asynchronous function: the main thread would go to the runtime, which opens a descriptor there for a moment, at any time. The
    /// service counts descriptors.
    static func main() {
        Task.detached {
            do {
                try await run()
                exit(0)
            } catch {
                let text = Array("\(error)\n".utf8)
                _ = write(2, text, text.count)
                exit(1)
            }
        }
        while true { pause() }
    }

    private static func run() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        switch arguments.first {
        case "service": try await serve()
        case "client": try await Client(arguments.last ?? "").run()
        default: throw Unexpected(description: "usage: matrix service | matrix client SCENARIO")
        }
    }
}
