import Foundation
import Glibc
import Primitives

/// A running `holdfast serve`; killed with its last reference.
package final class SpawnedServer: Sendable {
    /// The process.
    package let process: SpawnedProcess
    /// The data plane, as `https://localhost:40123`.
    package let url: String
    /// The management API, as `https://localhost:40124`.
    package let managementURL: String
    /// Its socket; empty if there is none.
    package let managementSocket: String
    private let folder: SpawnedFolder

    init(_ installation: SpawnedInstallation, environment: [String: String], directory: String?) async throws {
        let folder = try SpawnedFolder()
        let process = try SpawnedProcess(
            try SpawnedInstallation.program, ["serve", "--data", installation.data, "--ready-file", folder.file("ready.json")],
            environment: environment, directory: directory)
        try await eventually("the server is ready", within: .seconds(30)) {
            guard process.status == nil else { throw SpawnedTimeout("the server ended with \(process.status ?? 0): \(process.errors)") }
            return folder.contains("ready.json")
        }
        let ready = try JSONValue(parsing: folder.bytes("ready.json"))
        guard let url = ready["dataPlaneURL"]?.string, let managementURL = ready["managementURL"]?.string else {
            throw SpawnedTimeout("the ready file names no URL: \(folder.text("ready.json"))")
        }
        (self.folder, self.process, self.url, self.managementURL) = (folder, process, url, managementURL)
        managementSocket = ready["managementSocket"]?.string ?? ""
    }

    /// The port.
    package var port: Int { URL(string: url)?.port ?? 0 }
    /// The management API's port.
    package var managementPort: Int { URL(string: managementURL)?.port ?? 0 }
    /// As `localhost:40123`.
    package var address: String { "localhost:\(port)" }
    /// What it has logged so far.
    package var log: String { process.errors }

    /// SIGTERM, and its end.
    @discardableResult package func stop(_ timeout: Duration = .seconds(30)) async throws -> Int32 {
        process.signal(SIGTERM)
        return try await process.wait(timeout)
    }

    /// SIGKILL: no goodbye.
    package func crash() async throws {
        process.signal(SIGKILL)
        try await process.wait()
    }
}
