// swift-tools-version: 6.2
import PackageDescription

/// What every target is compiled with; see ARCHITECTURE.md, "Compiler settings".
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// Above Primitives the compiler also proves that no unsafe pointer is touched.
let strictAndSafe = strict + [.strictMemorySafety()]

let package = Package(
    name: "holdfast",
    products: [.executable(name: "holdfast", targets: ["holdfast"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CJWT", pkgConfig: "libjwt", providers: [.apt(["libjwt-dev"])]),
        .target(
            name: "Primitives",
            dependencies: [
                "COpenSSL", "CCurl", "CJWT",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: strict),
        .target(
            name: "KeyCore",
            dependencies: [
                "Primitives",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strictAndSafe),
        .target(
            name: "FrontDoors",
            dependencies: [
                "Primitives", "KeyCore",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strictAndSafe),
        .target(
            name: "Plugins",
            dependencies: ["Primitives", "KeyCore", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strictAndSafe),
        .target(
            name: "Management",
            dependencies: [
                "Primitives", "KeyCore",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strictAndSafe),
        .executableTarget(
            name: "holdfast",
            dependencies: [
                "Primitives", "KeyCore", "FrontDoors", "Plugins", "Management",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strictAndSafe),
        .executableTarget(
            name: "holdfast-crypto-bench", dependencies: ["Primitives"], path: "Benchmarks/Crypto", swiftSettings: strict),
        .target(
            name: "TestSupport",
            dependencies: ["Primitives", "KeyCore"],
            path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(
            name: "PrimitivesTests",
            dependencies: [
                "Primitives", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "KeyCoreTests", dependencies: ["KeyCore", "Primitives", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "PluginsTests", dependencies: ["Plugins", "KeyCore", "Primitives", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "FrontDoorsTests",
            dependencies: [
                "FrontDoors", "Plugins", "KeyCore", "Primitives", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ManagementTests",
            dependencies: [
                "Management", "Plugins", "KeyCore", "Primitives", "TestSupport",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["holdfast", "KeyCore", "Primitives", "TestSupport"],
            swiftSettings: strict),
    ]
)
