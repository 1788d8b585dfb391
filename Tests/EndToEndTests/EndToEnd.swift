import Foundation
import Primitives
import Testing
import TestSupport

/// Tests of the built program from outside: real processes, files, TLS and clients. One after the other, because each keeps the
/// machine busy by itself.
@Suite("End to end", .serialized, .timeLimit(.minutes(4)))
enum EndToEnd {}

/// A running demo with somebody who calls it.
struct RunningDemo {
    let installation: SpawnedInstallation
    let server: SpawnedServer
    let caller: SpawnedCaller

    /// A fresh one.
    init(_ configuration: SpawnedConfiguration = SpawnedConfiguration(), prepare: (SpawnedInstallation) async throws -> Void = { _ in })
        async throws
    {
        installation = try await SpawnedInstallation.demo(configuration)
        try await prepare(installation)
        server = try await installation.serve()
        caller = try await installation.caller()
    }

    /// Files for curl: the header with the token, and a body; the arguments that name them.
    func curlArguments(_ body: String, method: String, token: String? = nil) throws -> [String] {
        let header = try installation.folder.write("header.txt", "Authorization: Bearer \(token ?? caller.token)\n")
        let file = try installation.folder.write("\(method).json", body)
        return [
            "--silent", "--show-error", "--cacert", caller.authority, "--header", "@\(header)", "--header", "Content-Type: application/json",
            "--data-binary", "@\(file)", "\(caller.keyURI):\(method)",
        ]
    }
}

/// The version of the key in a blob: bytes 19 to 22, big endian.
func keyVersion(of blob: [UInt8]) -> UInt32 { blob[19..<23].reduce(0) { $0 << 8 | UInt32($1) } }
