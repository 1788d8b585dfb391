import Foundation
@testable import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Key identifiers of Salesforce orgs in a restore") struct RestoreKidTests {
    private let here: BackupFixture
    private let elsewhere: BackupFixture

    init() throws { (here, elsewhere) = (try BackupFixture(), try BackupFixture()) }

    private func add(
        _ id: String, _ identifier: String = "kid", at endpoint: String, _ key: Key, version: Int64 = 1, certificate: String = "c", in fixture: BackupFixture
    ) async throws {
        try await fixture.set(
            """
            INSERT INTO salesforce_keys (id, endpoint_id, identifier, path, key_id, key_version, certificate, enabled, created_at, updated_at, revision)
            VALUES ($1, $2, $3, 'p', $4, $5, $6, 1, 0, 0, 1)
            """, [.text(id), .text(endpoint), .text(identifier), .text(key.id.description), .integer(version), .text(certificate)])
    }

    private func endpoint(_ key: Key) async throws -> String {
        try await here.endpoint("e", key: key.id, policy: try await here.policy("p", versions: ["x"]))
    }

    private func kids(_ fixture: BackupFixture) async throws -> String? {
        try await fixture.text("SELECT group_concat(id || key_version, ' ') AS value FROM (SELECT * FROM salesforce_keys ORDER BY id)")
    }

    /// A backup of `elsewhere`, within reach of `here`.
    private func theirs(_ name: String) async throws -> String {
        let path = here.file("theirs-\(name)")
        try FileManager.default.copyItem(atPath: try await elsewhere.backUp(name), toPath: path)
        return path
    }

    @Test("one that comes back is announced to servers by its endpoint")
    func announced() async throws {
        let key = try await here.key("k", material: 9)
        let endpoint = try await endpoint(key)
        try await add("one", at: endpoint, key, in: here)
        let path = try await here.backUp()
        try await here.set("UPDATE salesforce_keys SET enabled = 0")
        let before = try await here.world.changes().count
        let plan = try await here.restore(path, resurrect: ["cache_only_key:one"])
        #expect(try await here.world.changes().dropFirst(before).contains("endpoint \(endpoint)"))
        #expect(plan.changes.map(\.name) == ["kid"])
    }

    @Test("one whose key version has other material here, which stays, doesn't come, and is listed")
    func losingMaterial() async throws {
        let key = try await here.key("k", material: 9)
        let endpoint = try await endpoint(key)
        try await elsewhere.restore(try await here.backUp())
        elsewhere.source.generates(Array(repeating: 5, count: 32))
        _ = try await elsewhere.world.keys.rotate(key.id, source: elsewhere.source)
        here.source.generates(Array(repeating: 7, count: 32))
        _ = try await here.world.keys.rotate(key.id, source: here.source)
        try await add("two", at: endpoint, key, version: 2, in: elsewhere)
        let (path, material) = (try await theirs("t.hfb"), "material:\(key.id)/2")
        let plan = try await here.restore(path)
        #expect(Set(plan.conflicts.map(\.kind)) == ["material", "cache_only_key"])
        #expect(plan.conflicts.allSatisfy { $0.reference == material && !$0.comesBack })
        #expect(try await kids(here) == nil)
        // Nor takes that material the place of one that an identifier here hands out.
        try await add("mine", "other", at: endpoint, key, version: 2, in: here)
        await #expect(throws: BackupError.self) { try await here.restore(path, resurrect: [material]) }
        #expect(try await here.material(key.id, 2) == Array(repeating: 7, count: 32))
        try await here.set("DELETE FROM salesforce_keys")
        try await here.restore(path, resurrect: [material])
        #expect(try await kids(here) == "two2")
        #expect(try await here.material(key.id, 2) == Array(repeating: 5, count: 32))
    }

    @Test("two of the same name at one endpoint are the same if they have the same key version; else the present one stays unless the other is named")
    func sameName() async throws {
        let key = try await here.key("k", material: 9)
        _ = try await here.world.keys.rotate(key.id, source: here.source)
        let endpoint = try await endpoint(key)
        try await elsewhere.restore(try await here.backUp())
        try await add("mine", at: endpoint, key, version: 1, in: here)
        try await add("theirs", at: endpoint, key, version: 1, in: elsewhere)
        #expect(try await here.restore(try await theirs("same.hfb")).conflicts == [])
        #expect(try await kids(here) == "mine1")
        try await elsewhere.set("UPDATE salesforce_keys SET key_version = 2")
        let path = try await theirs("other.hfb")
        let reference = "cache_only_key:theirs"
        #expect(try await here.restore(path).conflicts == [RestorePlan.Conflict(kind: "cache_only_key", reference: reference, name: "kid", comesBack: false)])
        #expect(try await kids(here) == "mine1")
        #expect(try await here.restore(path, resurrect: [reference]).conflicts.map(\.comesBack) == [true])
        #expect(try await kids(here) == "theirs2")
        try await here.set("UPDATE salesforce_keys SET key_version = 1")  // the same row with another key version
        #expect(try await here.restore(path).conflicts.map(\.reference) == [reference])
        #expect(try await kids(here) == "theirs1")
    }

    @Test("N56: one that was ended by its time stays ended, unless it is named", arguments: [("not_after", 5), ("not_before", 4_000_000_000_000_000_000)])
    func window(column: String, time: Int) async throws {
        let key = try await here.key("k", material: 9)
        try await add("one", at: try await endpoint(key), key, in: here)
        let path = try await here.backUp()
        try await here.set("UPDATE salesforce_keys SET \(column) = $1", [.integer(Int64(time))])
        let value = "SELECT CAST(\(column) AS TEXT) AS value FROM salesforce_keys"
        #expect(try await here.restore(path).revived.map(\.reference) == ["cache_only_key:one"])
        #expect(try await here.text(value) == "\(time)")
        try await here.restore(path, resurrect: ["cache_only_key:one"])
        #expect(try await here.text(value) == nil)
    }

    private func options(_ organization: String, client: String, certificates: [Certificate] = []) -> SQLValue {
        var options = CacheOnlyOptions(organization: organization, certificates: certificates)
        options.authentication.clientCertificates = [client]
        let document: JSONValue = ["extraAudiences": .strings([]), "allowedProjects": .strings([]), "salesforce": options.json]
        return .text(String(decoding: document.json, as: UTF8.self))
    }

    @Test("their endpoint lets nobody in again who was locked out since: its options stay as they are unless they are named")
    func authentication() async throws {
        let key = try await here.key("k", material: 9)
        let endpoint = try await endpoint(key)
        func set(_ value: SQLValue) async throws { try await here.set("UPDATE endpoints SET options = $1", [value]) }
        let read = "SELECT options AS value FROM endpoints"
        try await set(options("then", client: "stolen"))
        let path = try await here.backUp()
        try await set(options("now", client: "stolen"))
        #expect(try await here.restore(path).revived == [])
        #expect(try await here.text(read)?.contains("then") == true)
        try await set(options("now", client: "new"))
        let reference = "endpoint_options:\(endpoint)"
        #expect(try await here.restore(path).revived.map(\.reference) == [reference])
        #expect(try await here.text(read)?.contains("stolen") == false)
        try await here.restore(path, resurrect: [reference])
        #expect(try await here.text(read)?.contains("stolen") == true)
    }

    @Test("those whose certificate their endpoint hasn't afterwards are in the plan's warnings")
    func certificates() async throws {
        let key = try await here.key("k", material: 9)
        let endpoint = try await endpoint(key)
        let certificate = try Certificate.chain(pem: OrgTestCertificate.pem)[0]
        let fingerprint = Hex.string(certificate.sha256Fingerprint)
        try await here.set("UPDATE endpoints SET options = $1", [options("o", client: "a", certificates: [certificate])])
        try await add("one", at: endpoint, key, certificate: fingerprint, in: here)
        let path = try await here.backUp()
        #expect(try await here.restore(path).warnings == [])
        try await here.set("UPDATE endpoints SET options = $1", [options("o", client: "b")])
        try await here.set("UPDATE salesforce_keys SET certificate = 'another'")
        let warnings = try await here.restore(path).warnings
        #expect(warnings.count == 1 && warnings[0].contains("“kid”") && warnings[0].contains("“e”"), "\(warnings)")
        #expect(try await here.restore(path, resurrect: ["endpoint_options:\(endpoint)"]).warnings == [])
    }

    @Test("a backup of chosen keys has the identifiers and the domains of these keys, and of no others")
    func selected() async throws {
        let (one, two) = (try await here.key("one"), try await here.key("two"))
        let endpoint = try await endpoint(one)
        try await add("a", "a", at: endpoint, one, in: here)
        try await add("b", "b", at: UUID().uuidString.lowercased(), two, in: here)
        for key in [one, two] {
            try await here.set(
                "INSERT INTO kacls_key_domains (key_id, endpoint_id, domain) VALUES ($1, $2, $3)",
                [.text(key.id.description), .text(endpoint), .text("\(key.name).example")])
        }
        try await elsewhere.restore(try await here.backUp(scope: .selected(keys: [two.id.description], endpoints: [])))
        #expect(try await elsewhere.text("SELECT group_concat(domain) AS value FROM kacls_key_domains") == "two.example")
        #expect(try await kids(elsewhere) == "b1")
    }
}
