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
    static func main() async {
        do {
            let arguments = CommandLine.arguments.dropFirst()
            switch arguments.first {
            case "service": try await serve()
            case "client": try await Client(arguments.last ?? "").run()
            default: throw Unexpected(description: "usage: matrix service | matrix client SCENARIO")
            }
        } catch {
            let text = Array("\(error)\n".utf8)
            _ = write(2, text, text.count)
            exit(1)
        }
    }
}
