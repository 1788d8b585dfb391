import Foundation
import KeyCore
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("Secrets stay where they belong (N25, N29)")
    struct CanaryTests {
        @Test("N29 plaintext, token, key material and root key are in no log, journal, database, WAL, temporary or core file, even after an abort")
        func canaries() async throws {
            var configuration = SpawnedConfiguration()
            configuration.logLevel = "trace"
            let installation = try await SpawnedInstallation.demo(configuration)
            let places = [installation.data, try installation.folder.makeFolder("directory"), try installation.folder.makeFolder("tmp")]
            let server = try await installation.serve(
                environment: ["TMPDIR": places[2], "SWIFT_BACKTRACE": "enable=yes"], directory: places[1])
            let caller = try await installation.caller()
            let secret = try RandomBytes.generate(32)
            let canaries = try CanaryTests.canaries(of: installation) + CanaryTests.canaries(token: caller.token)
                + [SpawnedCanary("plaintext", bytes: secret)]

            let refusals = try await CanaryTests.use(caller, secret)
            server.process.signal(SIGABRT)
            #expect(try await server.process.wait() == -SIGABRT)
            #expect(installation.folder.names("directory").isEmpty, "no core file")
            #expect(!server.log.contains("Registers"), "and no backtrace with pieces of memory")
            let again = try await installation.serve(environment: ["TMPDIR": places[2]], directory: places[1])
            let next = try await installation.caller()
            _ = try await CanaryTests.use(next, secret)
            #expect(try await again.stop() == 0)

            let all = try canaries + CanaryTests.canaries(token: next.token)
            #expect(try SpawnedCanary.traces(all, below: places, except: [installation.folder.file("data/root.key")]) == [])
            for text in [server.log, server.process.output, again.log, again.process.output] + refusals {
                #expect(all.flatMap { $0.traces(in: Array(text.utf8)) } == [])
            }
            #expect(server.log.count > 100, "there was a log to look at")

            // The search would have found each of them.
            for canary in all {
                for (name, bytes) in canary.written {
                    try installation.folder.write("directory/planted", bytes)
                    let found = try SpawnedCanary.traces([canary], below: places, except: [installation.folder.file("data/root.key")])
                    #expect(found.contains { $0.hasSuffix("planted: \(canary.name) (\(name))") })
                }
            }
        }

        @Test("a running server leaves no core file and can't be read by others of its user")
        func coreLimit() async throws {
            let demo = try await RunningDemo()
            let process = "/proc/\(demo.server.process.pid)"
            let limits = String(decoding: FileManager.default.contents(atPath: "\(process)/limits") ?? Data(), as: UTF8.self)
            let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
            #expect(line.split(separator: " ").suffix(3) == ["0", "0", "bytes"], "\(line)")
            // The kernel gives the files of an undumpable process to root.
            let owner = try FileManager.default.attributesOfItem(atPath: "\(process)/environ")[.ownerAccountID] as? NSNumber
            #expect(owner?.intValue == 0)
            #expect(!demo.server.log.contains("allowCoreDumps"))
        }

        @Test("development.allowCoreDumps is told loudly at each start")
        func allowedDumps() async throws {
            var configuration = SpawnedConfiguration()
            configuration.more = "development:\n  allowCoreDumps: true"
            configuration.logLevel = "critical"
            let demo = try await RunningDemo(configuration)
            #expect(demo.server.log.contains("critical"))
            #expect(demo.server.log.contains("development.allowCoreDumps is on"), "\(demo.server.log)")
            #expect(demo.server.log.contains("never use it in production"))
        }

        /// Succeeds, and fails in as many ways as there are; gives the answers that were refusals.
        private static func use(_ caller: SpawnedCaller, _ secret: [UInt8]) async throws -> [String] {
            let blob = try await caller.blob(of: secret)
            #expect(try await caller.unwrap(blob).bytes("plaintext") == secret)
            let body = SpawnedCaller.body("plaintext", secret)
            let stranger = SpawnedCaller(keyURI: caller.keyURI, authority: caller.authority, token: String(caller.token.dropLast(6)) + "AAAAAA")
            let lost = SpawnedCaller(keyURI: caller.keyURI + "x", authority: caller.authority, token: caller.token)
            let answers = [
                try await caller.unwrap(blob.dropLast() + [blob[blob.count - 1] ^ 1]),
                try await caller.unwrap(secret),
                try await caller.post("wrap", String(body.dropLast(8))),
                try await caller.post("wrap", body.replacingOccurrences(of: "\"plaintext\"", with: "\"additionalAuthenticatedData\"")),
                try await caller.post("wrap", body.replacingOccurrences(of: "CUSTOMER_INITIATED_ACCESS", with: "NO_SUCH_REASON")),
                try await caller.post("wrap", body.replacingOccurrences(of: "\":\"", with: "\":\"*")),
                try await caller.post("asymmetricSign", body), try await caller.post("nonsense", body),
                try await stranger.wrap(secret), try await lost.wrap(secret),
            ]
            #expect(answers.allSatisfy { $0.status >= 400 }, "\(answers.map(\.status))")
            return answers.map(\.text)
        }

        /// The secrets at rest, opened as the server opens them.
        private static func canaries(of installation: SpawnedInstallation) throws -> [SpawnedCanary] {
            let root = try #require(Hex.decode(installation.folder.text("data/root.key")))
            let database = try SQLiteDatabase(path: installation.folder.file("data/holdfast.db"))
            defer { try? database.close() }
            let rootSealer = DataSealer(key: SharedSecret(SecretBytes(copying: root)))
            let (sealedKey, row, sealed) = try database.readBlocking { connection in
                let key = try connection.query("SELECT sealed FROM sealing_keys WHERE id = $1", ["data"])[0].blob("sealed")
                let version = try connection.query("SELECT key_id, number, material FROM key_versions", [])[0]
                return (key, "\(try version.text("key_id"))/\(try version.integer("number"))", try version.blob("material"))
            }
            let dataKey = try rootSealer.open(sealedKey, at: SealedLocation(table: "sealing_keys", row: "data", column: "sealed")).exposedCopy()
            let sealer = DataSealer(key: SharedSecret(SecretBytes(copying: dataKey)))
            let material = try sealer.open(sealed, at: SealedLocation(table: "key_versions", row: row, column: "material")).exposedCopy()
            #expect(material.count == 32)
            return [
                SpawnedCanary("root key", bytes: root), SpawnedCanary("data-sealing key", bytes: dataKey),
                SpawnedCanary("key material", bytes: material),
            ]
        }

        private static func canaries(token: String) throws -> [SpawnedCanary] {
            let segments = token.split(separator: ".").map(String.init)
            #expect(segments.count == 3)
            return zip(["header", "payload", "signature"], segments).map { SpawnedCanary("token's \($0)", text: $1) }
        }
    }
}
