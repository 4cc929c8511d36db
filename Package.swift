// swift-tools-version: 6.2
// The library as normal Swift: for `swift test`, and for Swift programs that want the types. What ships, libipc.so, is
// the same sources compiled as Embedded Swift by the Makefile.

import PackageDescription

let package = Package(
    name: "libipc",
    // Of the binding alone.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "LibIPC", targets: ["LibIPC"]),
        // The binding for programs, on the installed library; Sources/IPC/Package.swift is the same alone.
        .library(name: "IPC", targets: ["IPC"]),
        .library(name: "IPCJSON", targets: ["IPCJSON"]),
    ],
    targets: [
        .target(name: "CLibIPC", exclude: ["declared.sed", "exports.map"]),
        .target(name: "LibIPC", dependencies: ["CLibIPC"]),
        .testTarget(name: "LibIPCTests", dependencies: ["LibIPC", "CLibIPC"]),
        .target(name: "WebSocket", path: "Sources/ipc-websocketd/Protocol"),
        .testTarget(name: "WebSocketTests", dependencies: ["WebSocket"]),
        .systemLibrary(name: "CIPC", path: "Sources/IPC/Sources/CIPC", pkgConfig: "libipc-swift"),
        .target(name: "IPC", dependencies: ["CIPC"], path: "Sources/IPC/Sources/IPC"),
        .target(name: "IPCJSON", dependencies: ["IPC"], path: "Sources/IPC/Sources/IPCJSON"),
    ],
    swiftLanguageModes: [.v6]
)
