// swift-tools-version: 6.2
// The library as normal Swift: for `swift test`, and for Swift programs that want the types. What ships, libipc.so, is
// the same sources compiled as Embedded Swift by the Makefile.

import PackageDescription

let package = Package(
    name: "libipc",
    products: [.library(name: "LibIPC", targets: ["LibIPC"])],
    targets: [
        .target(name: "CLibIPC", exclude: ["declared.sed", "exports.map"]),
        .target(name: "LibIPC", dependencies: ["CLibIPC"]),
        .testTarget(name: "LibIPCTests", dependencies: ["LibIPC", "CLibIPC"]),
        .target(name: "WebSocket", path: "Sources/ipc-websocketd/Protocol"),
        .testTarget(name: "WebSocketTests", dependencies: ["WebSocket"]),
    ],
    swiftLanguageModes: [.v6]
)
