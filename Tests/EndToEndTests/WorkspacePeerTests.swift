import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

extension EndToEnd {
    @Suite("Workspace client-side encryption, seen by a browser and by another installation of ours")
    struct WorkspacePeerTests {
        private static let drive = "//googleapis.com/drive/files/"

        /// Calls over TLS with an installation's authority.
        private struct Caller: Sendable {
            let kacls: SpawnedKACLS
            let authority: String
            private let client = HTTPClient(threads: 8, maximumWaiting: 4096)

            init(_ kacls: SpawnedKACLS, _ installation: SpawnedInstallation) throws {
                (self.kacls, authority) = (kacls, try installation.demo("caFile"))
            }

            func call(_ method: String, _ fields: [(String, String)]) async throws -> (status: Int, body: JSONValue) {
                var request = HTTPClientRequest(method: fields.isEmpty ? "GET" : "POST", url: "\(kacls.url)/\(method)")
                request.headers = [HTTPClientHeader("Content-Type", "application/json")]
                if !fields.isEmpty { request.body = JSONValue.object(fields.map { (name: $0.0, value: .string($0.1)) }).json }
                request.connection.trust = .file(authority)
                (request.totalTimeout, request.connectTimeout) = (.seconds(60), .seconds(30))
                let response = try await client.send(request)
                return (response.status, (try? JSONValue(parsing: response.body)) ?? .null)
            }

            func text(_ method: String, _ member: String, _ fields: [(String, String)]) async throws -> String {
                let (status, body) = try await call(method, fields)
                guard status == 200, let text = body[member]?.string else { throw SpawnedTimeout("\(method) gave \(status) \(body)") }
                return text
            }

            func ready() async throws {
                try await eventually("the endpoint is served with a key to sign with", within: .seconds(60)) {
                    let keys = try await call("certs", []).body["keys"]?.array?.isEmpty == false
                    return try await call("status", []).status == 200 && keys
                }
            }
        }

        @Test(
            "N53 Chromium shows a page of Google's the bodies of 200, 401 and 403, and a foreign page none",
            .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium"), "chromium is not installed: `make test` does it"))
        func browser() async throws {
            let installation = try await SpawnedInstallation.demo()
            let server = try await installation.serve()
            let kacls = try await SpawnedKACLS(installation, server)
            let caller = try Caller(kacls, installation)
            try await caller.ready()
            let token = try kacls.authorization("writer", issuer: .drive, resource: Self.drive + "1")
            func body(_ authorization: String, _ authentication: String) -> JSONValue {
                let fields: JSONValue = ["key": "AQID", "authorization": .string(authorization), "authentication": .string(authentication)]
                return .string(String(decoding: fields.json, as: UTF8.self))
            }
            let identity = try kacls.authentication()
            let wrap: (JSONValue) -> JSONValue = { ["url": .string("\(kacls.url)/wrap"), "method": "POST", "body": $0] }
            let requests: JSONValue = [
                ["url": .string("\(kacls.url)/status"), "method": "GET"], wrap(body(token, identity)), wrap(body(token, identity + "x")),
                wrap(body(try kacls.authorization("reader", issuer: .drive, resource: Self.drive + "1"), identity)),
            ]
            let origins = ["https://client-side-encryption.google.com", "https://foreign.example"]
            let tls = installation.folder.file("data/tls")
            let outcome = try await SpawnedTool.python3.run(
                ["\(RawPeer.folder)/cors_browser.py", "\(tls)/server.pem", "\(tls)/server.key"] + origins,
                input: String(decoding: requests.json, as: UTF8.self), timeout: .seconds(240))
            try #require(outcome.status == 0, "\(outcome.text.suffix(4000))")
            let seen = try JSONValue(parsing: Array(outcome.output.utf8))
            let allowed = seen[origins[0]]?.array ?? []
            #expect(allowed.compactMap { $0["status"]?.integer } == [200, 200, 401, 403])
            let bodies = allowed.map { answer in (answer["body"]?.string).flatMap { try? JSONValue(parsing: Array($0.utf8)) } ?? .null }
            #expect(bodies[0]["server_type"] == "KACLS")
            #expect(bodies[1]["wrapped_key"]?.string?.isEmpty == false)
            #expect(bodies[2]["code"] == 401 && bodies[3]["code"] == 403)
            #expect(seen[origins[1]]?.array?.count == 4)
            #expect(seen[origins[1]]?.array?.allSatisfy { $0["error"] != nil && $0["body"] == nil } == true)
        }

        @Test("CSE-55 1000 wrapped keys move from one installation to another; each opens there, with the hash that the old one gives", .timeLimit(.minutes(4)))
        func migration() async throws {
            let (old, new) = (try await SpawnedInstallation.demo(), try await SpawnedInstallation.demo())
            let authorities = [old, new].map { String(decoding: $0.folder.bytes("data/tls/ca.pem"), as: UTF8.self) }.joined(separator: "\n")
            var configuration = SpawnedConfiguration()
            configuration.more = "outbound:\n  caFile: tls/peers.pem\njwks:\n  coolDown: 1s"
            for installation in [old, new] {
                try installation.folder.write("data/tls/peers.pem", authorities)
                try installation.configure(configuration)
            }
            let (oldServer, newServer) = (try await old.serve(), try await new.serve())
            func peer(_ server: SpawnedServer) throws -> KACLSOptions.Peer {
                var peer = KACLSOptions.Peer(url: try #require(KACLSURL("https://localhost:\(server.port)/v0/kacls/hq")))
                peer.mayBePrivate = true
                return peer
            }
            let source = try Caller(try await SpawnedKACLS(old, oldServer) { $0.migrationPeers = [try peer(newServer)] }, old)
            let target = try Caller(try await SpawnedKACLS(new, newServer) { $0.rewrapPeers = [try peer(oldServer)] }, new)
            try await source.ready()
            try await target.ready()
            // The old one learns the new one's keys when it first hears from it, or soon after.
            try await eventually("the old key service knows the new one", within: .seconds(60)) {
                let resource = Self.drive + "first"
                let wrapped = try await source.text("wrap", "wrapped_key", [
                    ("key", "AQID"), ("authorization", try source.kacls.authorization("writer", issuer: .drive, resource: resource)),
                    ("authentication", try source.kacls.authentication()),
                ])
                return try await target.call("rewrap", [
                    ("wrapped_key", wrapped), ("original_kacls_url", source.kacls.url),
                    ("authorization", try target.kacls.authorization("migrator", issuer: .migration, resource: resource)),
                ]).status == 200
            }
            let moved = try await withThrowingTaskGroup(of: Bool.self) { group in
                let numbers = 0..<1000
                for lane in 0..<8 {
                    group.addTask {
                        for number in numbers where number % 8 == lane { try await Self.move(number, from: source, to: target) }
                        return true
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(moved == 8)
            let taken = try new.records().filter { $0["event"] == "kacls.rewrap" && $0["outcome"] == "allowed" }
            let given = try old.records().filter { $0["event"] == "kacls.privilegedunwrap" && $0["outcome"] == "allowed" }
            #expect(taken.count == 1001)
            #expect(given.count == 1001)
            #expect(Set(given.compactMap { $0["principal"]?.string }) == [target.kacls.url])
        }

        private static func move(_ number: Int, from source: Caller, to target: Caller) async throws {
            let (resource, dek) = (drive + "\(number)", Base64.string(try RandomBytes.generate(34)))
            let wrapped = try await source.text("wrap", "wrapped_key", [
                ("key", dek), ("authorization", try source.kacls.authorization("writer", issuer: .drive, resource: resource)),
                ("authentication", try source.kacls.authentication()),
            ])
            let (status, answer) = try await target.call("rewrap", [
                ("wrapped_key", wrapped), ("original_kacls_url", source.kacls.url),
                ("authorization", try target.kacls.authorization("migrator", issuer: .migration, resource: resource)), ("reason", "migration"),
            ])
            #expect(status == 200, "\(number): \(answer)")
            let new = try #require(answer["wrapped_key"]?.string)
            let opened = try await target.text("unwrap", "key", [
                ("wrapped_key", new), ("authorization", try target.kacls.authorization("reader", issuer: .drive, resource: resource)),
                ("authentication", try target.kacls.authentication()),
            ])
            #expect(opened == dek)
            let hash = try await source.text("digest", "resource_key_hash", [
                ("wrapped_key", wrapped), ("authorization", try source.kacls.authorization("verifier", issuer: .migration, resource: resource)),
            ])
            #expect(answer["resource_key_hash"]?.string == hash)
        }
    }
}
