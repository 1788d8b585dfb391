import Foundation
@testable import Management
import Primitives
import Synchronization
import TestSupport
import Testing

/// PyPI's oidc-provider-mock as a process of its own, behind TLS (Tests/Peers/oidc_provider.py).
final class OIDCPeer: Sendable {
    /// Two, which all tests share: each takes a second to start. They end with this process.
    static let first = Task { try await OIDCPeer() }
    static let second = Task { try await OIDCPeer() }

    /// Its issuer identifier.
    let issuer: String
    private let process: SpawnedProcess
    private let connection: HTTPClientConnection
    private let client = HTTPClient(threads: 2)

    /// Starts one on a free port.
    init() async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let python = root + "/.build/conformance/bin/python3"
        try #require(
            FileManager.default.isExecutableFile(atPath: python), "run `make conformance`: it installs oidc-provider-mock")
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-oidc-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (certificate, key) = (folder + "/certificate.pem", folder + "/key.pem")
        let made = try await SpawnedTool.openssl.run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ])
        try #require(made.status == 0, "\(made.text)")
        let process = try SpawnedProcess(
            python, [root + "/Tests/Peers/oidc_provider.py", certificate, key])
        try await eventually("oidc-provider-mock tells its port", within: .seconds(120)) {
            try #require(process.status == nil, "\(process.errors)")
            return process.output.hasSuffix("\n")
        }
        self.process = process
        issuer = "https://localhost:\(process.output.trimmingCharacters(in: .newlines))"
        var connection = HTTPClientConnection()
        connection.trust = .pem(Array(try #require(FileManager.default.contents(atPath: certificate))))
        self.connection = connection
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Sends a request to it, trusting its certificate.
    func send(_ request: HTTPClientRequest) async throws -> (status: Int, body: [UInt8]) {
        let response = try await answer(request)
        return (response.status, response.body)
    }

    /// What a person in a browser does there: follows `url`, says who it is, and is sent back with this query.
    func confirm(_ url: String, as subject: String) async throws -> String {
        var request = HTTPClientRequest(method: "POST", url: url)
        request.headers = [HTTPClientHeader("Content-Type", "application/x-www-form-urlencoded")]
        request.body = Array("sub=\(subject)".utf8)
        let location = try #require(try await answer(request).header("location"))
        return String(try #require(location.split(separator: "?", maxSplits: 1).last))
    }

    private func answer(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        var request = request
        request.connection = connection
        (request.totalTimeout, request.connectTimeout) = (.seconds(30), .seconds(30))
        return try await client.send(request)
    }
}

/// The way to several providers, where a test can change what they answer.
final class OIDCRoad: Sendable {
    /// Looks at a request, and gives another answer than the provider's, or nil.
    typealias Change = @Sendable (HTTPClientRequest) async throws -> (status: Int, body: [UInt8])?

    private let peers: [OIDCPeer]
    private let change = Mutex<Change?>(nil)
    private let seen = Mutex<[HTTPClientRequest]>([])

    init(_ peers: [OIDCPeer]) { self.peers = peers }

    var requests: [HTTPClientRequest] { seen.withLock { $0 } }

    func answers(_ change: Change?) { self.change.withLock { $0 = change } }

    func send(_ request: HTTPClientRequest) async throws -> (status: Int, body: [UInt8]) {
        seen.withLock { $0.append(request) }
        if let answer = try await change.withLock({ $0 })?(request) { return answer }
        guard let peer = peers.first(where: { request.url.hasPrefix($0.issuer + "/") }) else { throw SpawnedTimeout("no such provider") }
        return try await peer.send(request)
    }
}
