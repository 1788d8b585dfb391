import Foundation
import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("A restore") struct RestoreTests {
    private let here: BackupFixture
    private let elsewhere: BackupFixture

    init() throws { (here, elsewhere) = (try BackupFixture(), try BackupFixture()) }

    private func state(_ id: KeyID, _ fixture: BackupFixture, _ version: Int64 = 1) async throws -> String? {
        try await fixture.text(
            "SELECT state AS value FROM key_versions WHERE key_id = $1 AND number = $2", [.text(id.description), .integer(version)])
    }

    @Test("on another machine with another root key gives every row and secret back as it was")
    func roundTrip() async throws {
        let key = try await here.key("disk", material: 9)
        _ = try await here.world.keys.rotate(key.id, source: here.source)
        let policy = try await here.policy("p", versions: ["one", "two"])
        try await here.endpoint("e", key: key.id, policy: policy)
        let plan = try await elsewhere.restore(try await here.backUp())
        #expect(try elsewhere.content() == here.content())
        #expect(try await elsewhere.material(key.id) == Array(repeating: 9, count: 32))
        #expect(try await elsewhere.world.sealedMaterial(key.id, 1) != here.world.sealedMaterial(key.id, 1))
        #expect(plan.epoch == 2)
        #expect(plan.revived == [])
        #expect(try await elsewhere.restore.plan(try elsewhere.stage(try await here.backUp("c.hfb")), RestoreOrder(actor: "t")).changesAnything == false)
    }

    @Test("N56: a version that was destroyed after the backup stays destroyed, and the plan says so")
    func destroyedStays() async throws {
        let key = try await here.key("disk", material: 9)
        let path = try await here.backUp()
        _ = try await here.world.keys.setState(.deactivated, of: key.id, version: 1)
        _ = try await here.world.keys.setState(.destroyed, of: key.id, version: 1)
        let plan = try await here.restore(path)
        let revived = try #require(plan.revived.first)
        #expect((revived.reference, revived.now, revived.inBackup) == ("key_version:\(key.id)/1", "destroyed", "active"))
        #expect(!revived.comesBack)
        #expect(try await state(key.id, here) == "destroyed")
        #expect(try await here.text("SELECT state AS value FROM keys") == "destroyed")  // which repeats the newest version's
        #expect(try await here.material(key.id) == nil)
    }

    @Test("N56: it comes back only if it is named, in the plan that is confirmed")
    func destroyedComesBackByName() async throws {
        let key = try await here.key("disk", material: 9)
        let path = try await here.backUp()
        _ = try await here.world.keys.setState(.deactivated, of: key.id, version: 1)
        _ = try await here.world.keys.setState(.destroyed, of: key.id, version: 1)
        let staging = try here.stage(path)
        let silent = try await here.restore.plan(staging, RestoreOrder(actor: "t"))
        var loud = RestoreOrder(resurrect: ["key_version:\(key.id)/1"], confirmation: silent.confirmation, actor: "t")
        await #expect(throws: BackupError.self) { try await here.restore.run(staging, loud) }
        #expect(try await state(key.id, here) == "destroyed")
        loud.confirmation = try await here.restore.plan(staging, loud).confirmation
        #expect(try await here.restore.run(staging, loud).revived.map(\.comesBack) == [true])
        #expect(try await here.material(key.id) == Array(repeating: 9, count: 32))
    }

    @Test("N56: a key that was deleted with its rows stays deleted, with the endpoints that used it, unless it is named")
    func deletedStays() async throws {
        let key = try await here.key("disk", material: 9)
        try await here.endpoint("e", key: key.id, policy: try await here.policy("p", versions: ["x"]))
        let path = try await here.backUp()
        for sql in ["DELETE FROM endpoints", "DELETE FROM key_versions WHERE key_id = $1", "DELETE FROM keys WHERE id = $1"] {
            try await here.set(sql, sql.contains("$1") ? [.text(key.id.description)] : [])
        }
        #expect(try await here.restore(path).revived.map(\.reference) == ["key:\(key.id)"])
        #expect(try here.content()["keys"] == nil)
        #expect(try here.content()["endpoints"] == nil)
        // Not even on a machine that got this state from a later backup.
        let later = try await here.backUp("later.hfb")
        try await elsewhere.restore(later)
        #expect(try await elsewhere.restore(path).revived.map(\.reference) == ["key:\(key.id)"])
        try await here.restore(path, resurrect: ["key:\(key.id)"])
        #expect(try await here.material(key.id) == Array(repeating: 9, count: 32))
        #expect(try here.content()["endpoints"]?.count == 1)
    }

    @Test("leaves stopped what was stopped since", arguments: [KeyState.suspended, .deactivated, .compromised])
    func stoppedStays(_ stopped: KeyState) async throws {
        let key = try await here.key("disk")
        let policy = try await here.policy("p", versions: ["x"])
        let endpoint = try await here.endpoint("e", key: key.id, policy: policy)
        let path = try await here.backUp()
        _ = try await here.world.keys.setState(stopped, of: key.id, version: 1)
        try await here.set("UPDATE endpoints SET state = 'disabled', name = 'renamed'")
        let plan = try await here.restore(path)
        #expect(plan.revived.map(\.now).sorted() == [stopped.rawValue, "disabled"].sorted())
        #expect(try await state(key.id, here) == stopped.rawValue)
        #expect(try await here.text("SELECT state AS value FROM endpoints") == "disabled")
        #expect(try await here.text("SELECT name AS value FROM endpoints") == "e")
        try await here.restore(path, resurrect: ["key_version:\(key.id)/1", "endpoint:\(endpoint)"])
        #expect(try await state(key.id, here) == "active")
        #expect(try await here.text("SELECT state AS value FROM endpoints") == "active")
    }

    @Test("N56: a kid of a Salesforce org that was disabled since stays so unless it is named, none is taken back, and each keeps its key version")
    func kids() async throws {
        let key = try await here.key("data", material: 9)
        let endpoint = try await here.endpoint("e", key: key.id, policy: try await here.policy("p", versions: ["x"]))
        func add(_ id: String, _ version: Int64) async throws {
            try await here.set(
                """
                INSERT INTO salesforce_keys (id, endpoint_id, identifier, path, key_id, key_version, certificate, enabled, created_at, updated_at, revision)
                VALUES ($1, $2, $1, 'p', $3, $4, 'c', 1, 0, 0, 1)
                """, [.text(id), .text(endpoint), .text(key.id.description), .integer(version)])
        }
        try await add("one", 1)
        let (path, selected) = (try await here.backUp(), try await here.backUp("s.hfb", scope: .selected(keys: [], endpoints: [endpoint])))
        try await add("two", 2)
        try await here.set("UPDATE salesforce_keys SET enabled = 0")
        for backup in [path, selected] {
            #expect(try await here.restore(backup).revived.map(\.reference) == ["cache_only_key:one"])
            #expect(try await here.text("SELECT group_concat(identifier || enabled || key_version, ' ') AS value FROM salesforce_keys") == "one01 two02")
        }
        try await here.restore(path, resurrect: ["cache_only_key:one"])
        #expect(try await here.text("SELECT group_concat(identifier || enabled, ' ') AS value FROM (SELECT * FROM salesforce_keys ORDER BY identifier)") == "one1 two0")
        try await elsewhere.restore(selected)
        #expect(try await elsewhere.text("SELECT group_concat(identifier || key_version, ' ') AS value FROM salesforce_keys") == "one1")
    }

    @Test("keeps keys and versions that are newer than the backup, and takes back other things")
    func newerKeys() async throws {
        let key = try await here.key("disk")
        let policy = try await here.policy("p", versions: ["one"])
        let path = try await here.backUp()
        _ = try await here.world.keys.rotate(key.id, source: here.source)
        let newer = try await here.key("newer")
        try await here.policy("later", versions: ["x"])
        try await here.set("UPDATE policies SET version = 2 WHERE id = $1", [.text(policy)])
        let plan = try await here.restore(path)
        #expect(plan.newerPolicies.map(\.id) == [policy])
        #expect(plan.changes.filter { $0.change == .kept }.map(\.name) == ["newer"])
        #expect(plan.changes.filter { $0.change == .removed }.map(\.name) == ["later"])
        #expect(try await here.world.keys.find(key.id.description).versions.count == 2)
        #expect(try await here.text("SELECT CAST(version_count AS TEXT) AS value FROM keys WHERE name = 'disk'") == "2")
        #expect(try await here.material(newer.id) != nil)
        #expect(try await here.text("SELECT name AS value FROM policies ORDER BY name") == "p")
    }

    @Test("exchanges names that were exchanged since")
    func exchangedNames() async throws {
        let key = try await here.key("disk")
        let policy = try await here.policy("p", versions: ["x"])
        for name in ["a", "b"] { try await here.endpoint(name, key: key.id, policy: policy) }
        let (before, path) = (try here.content(), try await here.backUp())
        for (from, to) in [("a", "c"), ("b", "a"), ("c", "b")] {
            try await here.set("UPDATE endpoints SET name = $1, path = $2 WHERE name = $3", [.text(to), .text("/v0/\(to)"), .text(from)])
        }
        #expect(try here.content() != before)
        try await here.restore(path)
        #expect(try here.content() == before)
        // Whoever read an endpoint before the restore has an ETag that is worth nothing afterwards.
        #expect(try await here.text("SELECT CAST(MIN(revision) AS TEXT) AS value FROM endpoints") == "2")
    }

    @Test("is refused, and changes nothing, if a newer key has the name of one in the backup")
    func nameTaken() async throws {
        let key = try await here.key("disk")
        let path = try await here.backUp()
        try await here.set("UPDATE keys SET name = 'old' WHERE id = $1", [.text(key.id.description)])
        _ = try await here.key("disk")
        let before = try here.content()
        await #expect(throws: BackupError.self) { try await here.restore(path) }
        #expect(try here.content() == before)
    }

    @Test("is refused if anything has changed after its plan")
    func stalePlan() async throws {
        let key = try await here.key("disk")
        let path = try await here.backUp()
        let staging = try here.stage(path)
        var order = RestoreOrder(actor: "t")
        order.confirmation = try await here.restore.plan(staging, order).confirmation
        _ = try await here.world.keys.setState(.suspended, of: key.id, version: 1)
        await #expect(throws: BackupError.self) { try await here.restore.run(staging, order) }
        order.confirmation = nil
        await #expect(throws: BackupError.self) { try await here.restore.run(staging, order) }
        #expect(try await state(key.id, here) == "suspended")
    }

    @Test("of chosen endpoints brings what they need, and touches nothing else")
    func selected() async throws {
        let (one, two) = (try await here.key("one", material: 1), try await here.key("two", material: 2))
        let policy = try await here.policy("p", versions: ["x"])
        try await here.policy("unused", versions: ["x"])
        let endpoint = try await here.endpoint("e", key: one.id, policy: policy)
        let path = try await here.backUp(scope: .selected(keys: [], endpoints: [endpoint]))
        let header = try BackupFileReader(path).header
        #expect((header.scope, header.counts.keys, header.counts.policies, header.counts.endpoints) == (.selected, 1, 1, 1))
        try await elsewhere.policy("theirs", versions: ["y"])
        try await elsewhere.restore(path)
        #expect(try await elsewhere.material(one.id) == Array(repeating: 1, count: 32))
        #expect(try await elsewhere.world.sealedMaterial(two.id, 1) == nil)
        #expect(try elsewhere.content()["policies"]?.count == 2)
        try await here.set("UPDATE endpoints SET name = 'x'")
        try await here.restore(path)
        #expect(try await here.text("SELECT name AS value FROM endpoints") == "e")
        #expect(try here.content()["keys"]?.count == 2)
        #expect(try here.content()["policies"]?.count == 2)
    }

    @Test("of what isn't there is refused")
    func selectedUnknown() async throws {
        await #expect(throws: StoreError.self) { _ = try await here.backUp(scope: .selected(keys: [UUID().uuidString], endpoints: [])) }
        #expect(!FileManager.default.fileExists(atPath: here.file("b.hfb.partial")))
    }

    @Test("leaves the running journal's signing key alone, and takes a fresh installation's from the backup")
    func journalKey() async throws {
        for (fixture, text) in [(here, "mine"), (elsewhere, "theirs")] {
            let secrets = SecretStore(database: fixture.world.database, sealer: fixture.world.sealer)
            try secrets.create("audit-checkpoint-key", SecretBytes(copying: Array(text.utf8)), publicPart: text, now: fixture.world.clock.wall.now)
        }
        let path = try await here.backUp()
        try await elsewhere.restore(path)
        #expect(try await elsewhere.text("SELECT public AS value FROM secrets") == "theirs")
        let fresh = try BackupFixture()
        try await fresh.restore(path)
        #expect(try await fresh.text("SELECT public AS value FROM secrets") == "mine")
    }

    @Test("raises the epoch above that of both, and is on the change log")
    func epoch() async throws {
        let key = try await here.key("disk")
        let path = try await here.backUp()
        #expect(try await here.restore(path).epoch == 2)
        #expect(try await here.restore(path).epoch == 3)
        let again = try await here.backUp("c.hfb")
        #expect(try BackupFileReader(again).header.epoch == 3)
        #expect(try await elsewhere.restore(again).epoch == 4)
        #expect(try await elsewhere.world.changes().contains("key \(key.id)"))
    }

    @Test("N50: what is wrapped after a restore under a restored key never uses a nonce again")
    func nonces() async throws {
        let key = try await here.key("disk", material: 9)
        try await elsewhere.restore(try await here.backUp())
        var nonces: Set<[UInt8]> = []
        let plaintext = SecretBytes(copying: [1, 2, 3])
        for fixture in [here, elsewhere, here, elsewhere] {
            let material = SharedSecret(SecretBytes(copying: try #require(try await fixture.material(key.id))))
            for _ in 0..<500 { nonces.insert(Array(try await fixture.source.wrap(plaintext, with: material, associatedData: []).prefix(24))) }
        }
        #expect(nonces.count == 2000)
    }
}
