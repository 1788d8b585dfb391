import Foundation
@testable import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("What a restore leaves as it is") struct RestoreStandingTests {
    private let here: BackupFixture
    private let elsewhere: BackupFixture

    init() throws { (here, elsewhere) = (try BackupFixture(), try BackupFixture()) }

    private func scheduled(_ id: KeyID, _ fixture: BackupFixture, _ version: Int64 = 1) async throws -> Int64? {
        try await fixture.world.database.query(
            "SELECT destroy_at FROM key_versions WHERE key_id = $1 AND number = $2", [.text(id.description), .integer(version)]
        ).first?.optionalInteger("destroy_at")
    }

    private func count(_ table: String, _ fixture: BackupFixture) throws -> Int { try fixture.content()[table]?.count ?? 0 }

    // MARK: Material

    @Test("a key version of the same number with other material stays as it is, and the plan names it as a conflict")
    func otherMaterial() async throws {
        let key = try await here.key("disk", material: 9)
        let path = try await here.backUp()
        // Another machine that went on from the same state has made another version 1 of the same key.
        try await elsewhere.restore(path)
        elsewhere.source.generates(Array(repeating: 5, count: 32))
        let theirs = try await elsewhere.world.keys.rotate(key.id, source: elsewhere.source)
        here.source.generates(Array(repeating: 7, count: 32))
        _ = try await here.world.keys.rotate(key.id, source: here.source)
        try await elsewhere.set("UPDATE key_versions SET state = 'suspended' WHERE number = 2")
        let backup = try await elsewhere.backUp("theirs.hfb")
        let path2 = here.file("theirs.hfb")
        try FileManager.default.copyItem(atPath: backup, toPath: path2)
        let plan = try await here.restore(path2)
        let reference = "material:\(key.id)/2"
        #expect(plan.conflicts == [RestorePlan.Conflict(kind: "material", reference: reference, name: "disk", comesBack: false)])
        #expect(plan.isForeign)
        #expect(theirs.versions.count == 2)
        #expect(try await here.material(key.id, 2) == Array(repeating: 7, count: 32))
        #expect(try await here.text("SELECT state AS value FROM key_versions WHERE number = 2") == "active")
        #expect(try await here.restore(path2, resurrect: [reference]).conflicts.map(\.comesBack) == [true])
        #expect(try await here.material(key.id, 2) == Array(repeating: 5, count: 32))
    }

    @Test("so does a secret of the server")
    func otherSecret() async throws {
        for (fixture, text) in [(here, "mine"), (elsewhere, "theirs")] {
            try SecretStore(database: fixture.world.database, sealer: fixture.world.sealer)
                .create("import-key", SecretBytes(copying: Array(text.utf8)), publicPart: text, now: fixture.world.clock.wall.now)
        }
        let path = try await here.backUp()
        #expect(try await elsewhere.restore(path).conflicts.map(\.reference) == ["secret:import-key"])
        #expect(try await elsewhere.text("SELECT public AS value FROM secrets") == "theirs")
        try await elsewhere.restore(path, resurrect: ["secret:import-key"])
        #expect(try await elsewhere.text("SELECT public AS value FROM secrets") == "mine")
    }

    // MARK: Scheduled destruction

    @Test("a destruction that was called off since stays called off, and the plan tells of it")
    func calledOff() async throws {
        let key = try await here.key("disk", material: 9)
        _ = try await here.world.keys.setState(.deactivated, of: key.id, version: 1)
        _ = try await here.world.keys.scheduleDestruction(here.world.clock.wall.now + .seconds(60), of: key.id, version: 1)
        let path = try await here.backUp()
        _ = try await here.world.keys.scheduleDestruction(nil, of: key.id, version: 1)
        here.world.clock.advance(by: .seconds(3600))
        let plan = try await here.restore(path)
        #expect(plan.destructions.map(\.reference) == ["key_version:\(key.id)/1"])
        #expect(plan.destructions.first?.at == nil)
        #expect(plan.destructions.first?.inBackup != nil)
        #expect(try await scheduled(key.id, here) == nil)
        #expect(try await here.world.keys.destroyDue().isEmpty)
        #expect(try await here.material(key.id) != nil)
    }

    @Test("a key that comes back with a destruction in the past, or soon, has seven days", arguments: [-3600, 3600, 30 * 86_400])
    func grace(seconds: Int) async throws {
        let key = try await here.key("disk", material: 9)
        _ = try await here.world.keys.setState(.deactivated, of: key.id, version: 1)
        let (now, week) = (here.world.clock.wall.now, Duration.seconds(7 * 86_400))
        try await here.set("UPDATE key_versions SET destroy_at = $1", [.integer((now + .seconds(seconds)).nanoseconds)])
        let plan = try await elsewhere.restore(try await here.backUp())
        let due = max(now + .seconds(seconds), elsewhere.world.clock.wall.now + week)
        #expect(try await scheduled(key.id, elsewhere) == due.nanoseconds)
        #expect(plan.destructions.map(\.at) == [due])
        #expect(try await elsewhere.world.keys.destroyDue().isEmpty)
    }

    @Test("the plan of a restore with a destruction in it can be confirmed later than it was made")
    func confirmedLater() async throws {
        let key = try await here.key("disk", material: 9)
        try await here.set("UPDATE key_versions SET state = 'deactivated', destroy_at = 1")
        let staging = try elsewhere.stage(try await here.backUp())
        var order = RestoreOrder(actor: "t")
        order.confirmation = try await elsewhere.restore.plan(staging, order).confirmation
        elsewhere.world.clock.advance(by: .seconds(60))
        _ = try await elsewhere.restore.run(staging, order)
        #expect(try await scheduled(key.id, elsewhere) == (elsewhere.world.clock.wall.now + .seconds(7 * 86_400)).nanoseconds)
    }

    // MARK: Who is let in

    private let names = "name, canonical, skeleton"

    private func user(_ name: String, password: String = "hash", _ fixture: BackupFixture) async throws -> String {
        let id = UUID().uuidString.lowercased()
        try await fixture.set(
            """
            INSERT INTO users (id, \(names), enabled, password_hash, must_change_password, totp_confirmed, totp_last_step, created_at, revision)
            VALUES ($1, $2, $2, $2, 1, $3, 0, 0, 0, 0, 1)
            """, [.text(id), .text(name), .text(password)])
        return id
    }

    private static let admins = "00000000-0000-4000-8000-000000000001"

    private func join(_ user: String, _ fixture: BackupFixture) async throws {
        try await fixture.set("INSERT INTO group_members (group_id, user_id, added_at) VALUES ($1, $2, 0)", [.text(Self.admins), .text(user)])
    }

    @Test("a membership, grant, certificate or identity that was taken away since comes back only if it is named")
    func access() async throws {
        let alice = try await user("alice", here)
        try await join(alice, here)
        let provider = UUID().uuidString.lowercased()
        try await here.set("INSERT INTO grants (id, user_id, resource_kind, resource_id, permissions, created_at) VALUES ('g', $1, 'key', 'k', 'use:keys', 0)", [.text(alice)])
        try await here.set("INSERT INTO user_certificates (fingerprint, user_id) VALUES ('ab12', $1)", [.text(alice)])
        try await here.set(
            """
            INSERT INTO oidc_providers (id, name, issuer, client_id, redirect_uri, matches_email, enabled, created_at, revision)
            VALUES ($1, 'corp', 'i', 'c', 'r', 0, 1, 0, 1)
            """, [.text(provider)])
        try await here.set("INSERT INTO user_identities (provider_id, subject, user_id) VALUES ($1, 's1', $2)", [.text(provider), .text(alice)])
        let path = try await here.backUp()
        let tables = ["group_members", "grants", "user_certificates", "user_identities"]
        for table in tables { try await here.set("DELETE FROM \(table)") }
        let plan = try await here.restore(path)
        #expect(Set(plan.revived.map(\.reference)) == [
            "group_member:\(Self.admins)/\(alice)", "grant:g", "user_certificate:ab12", "user_identity:\(provider)/s1",
        ])
        #expect(plan.revived.first { $0.kind == "group_member" }?.name == "alice in Admins")
        for table in tables { #expect(try count(table, here) == 0, "\(table)") }
        try await here.restore(path, resurrect: ["group_member:*", "grant:g", "user_certificate:ab12", "user_identity:\(provider)/s1"])
        for table in tables { #expect(try count(table, here) == 1, "\(table)") }
    }

    @Test("in an empty installation they all come back by themselves")
    func accessElsewhere() async throws {
        try await join(try await user("alice", here), here)
        #expect(try await elsewhere.restore(try await here.backUp()).revived == [])
        #expect(try elsewhere.content() == here.content())
    }

    @Test("a user who was removed since comes back only if named, and without that no membership does")
    func removedUser() async throws {
        let (alice, bob) = (try await user("alice", here), try await user("bob", here))
        try await join(alice, here)
        try await join(bob, here)
        let path = try await here.backUp()
        try await here.set("DELETE FROM group_members WHERE user_id = $1", [.text(bob)])
        try await here.set("DELETE FROM users WHERE id = $1", [.text(bob)])
        #expect(try await here.restore(path).revived.map(\.reference) == ["user:\(bob)"])
        #expect(try count("users", here) == 1)
        try await here.restore(path, resurrect: ["user:\(bob)", "group_member:\(Self.admins)/\(bob)"])
        #expect(try count("group_members", here) == 2)
    }

    @Test("a password or second factor that was replaced since stands, with its history")
    func password() async throws {
        let alice = try await user("alice", password: "old", here)
        let place = SealedLocation(table: "users", row: alice, column: "totp_secret")
        func totp(_ text: String) async throws {
            try await here.set(
                "UPDATE users SET totp_confirmed = 1, totp_secret = $1",
                [.blob(try here.world.sealer.seal(SecretBytes(copying: Array(text.utf8)), at: place))])
        }
        try await totp("old secret")
        let path = try await here.backUp()
        try await totp("new secret")
        try await here.set("UPDATE users SET password_hash = 'new', name = 'Alice'")
        try await here.set("INSERT INTO password_history (user_id, number, password_hash) VALUES ($1, 1, 'old')", [.text(alice)])
        let secret = { try here.world.sealer.open(
            try await here.world.database.query("SELECT totp_secret FROM users").first?.blob("totp_secret") ?? [], at: place).exposedCopy() }
        let plan = try await here.restore(path)
        #expect(plan.revived.map(\.reference) == ["password:\(alice)", "totp:\(alice)"])
        #expect(try await here.text("SELECT password_hash AS value FROM users") == "new")
        #expect(try await here.text("SELECT name AS value FROM users") == "alice")
        #expect(try await secret() == Array("new secret".utf8))
        #expect(try count("password_history", here) == 1)
        try await here.restore(path, resurrect: ["password:\(alice)", "totp:\(alice)"])
        #expect(try await here.text("SELECT password_hash AS value FROM users") == "old")
        #expect(try await secret() == Array("old secret".utf8))
    }

    @Test("an issuer or provider that was disabled since stays disabled, and an enabled rule of the quorum stays as it is")
    func disabled() async throws {
        for sql in [
            "INSERT INTO issuers (id, name, document, enabled, development, created_at) VALUES ('i', 'i', '{}', 1, 0, 0)",
            """
            INSERT INTO oidc_providers (id, name, issuer, client_id, redirect_uri, matches_email, enabled, created_at, revision)
            VALUES ('o', 'corp', 'i', 'c', 'r', 0, 1, 0, 1)
            """,
            "INSERT INTO quorum_rules (operation, enabled, required, expires_in_hours, revision) VALUES ('destroy-key', 0, 1, 24, 1)",
        ] { try await here.set(sql) }
        let path = try await here.backUp()
        for table in ["issuers", "oidc_providers"] { try await here.set("UPDATE \(table) SET enabled = 0") }
        try await here.set("UPDATE quorum_rules SET enabled = 1, required = 2")
        try await here.set("INSERT INTO user_groups (id, name, canonical, skeleton, permissions, is_system, created_at, revision) VALUES ('g', 'G', 'g', 'g', '', 0, 0, 1)")
        try await here.set("INSERT INTO quorum_rules (operation, enabled, required, approver_group, expires_in_hours, revision) VALUES ('export-key', 1, 1, 'g', 24, 1)")
        let plan = try await here.restore(path)
        #expect(Set(plan.revived.map(\.reference)) == ["issuer:i", "oidc_provider:o", "quorum_rule:destroy-key", "quorum_rule:export-key"])
        #expect(plan.revived.allSatisfy { !$0.comesBack })
        let state = "SELECT CAST(SUM(enabled) AS TEXT) AS value FROM"
        #expect(try await here.text("\(state) issuers") == "0")
        #expect(try await here.text("\(state) oidc_providers") == "0")
        #expect(try await here.text("SELECT CAST(SUM(required) AS TEXT) AS value FROM quorum_rules WHERE enabled = 1") == "3")
        #expect(try await here.text("SELECT name AS value FROM user_groups WHERE id = 'g'") == "G")  // which may approve
        try await here.restore(path, resurrect: ["issuer:i", "oidc_provider:o", "quorum_rule:destroy-key", "quorum_rule:export-key"])
        #expect(try await here.text("\(state) issuers") == "1")
        #expect(try await here.text("SELECT CAST(SUM(enabled) AS TEXT) AS value FROM quorum_rules") == "0")
    }

    @Test("a provider that was deleted or changed since comes back as it was only if it is named")
    func provider() async throws {
        _ = try await user("alice", here)
        try await here.set(
            """
            INSERT INTO oidc_providers (id, name, issuer, client_id, redirect_uri, matches_email, enabled, created_at, revision)
            VALUES ('o', 'corp', 'i', 'c', 'r', 1, 1, 0, 1)
            """)
        let path = try await here.backUp()
        try await here.set("UPDATE oidc_providers SET matches_email = 0")
        #expect(try await here.restore(path).revived.map(\.reference) == ["oidc_provider:o"])
        #expect(try await here.text("SELECT CAST(matches_email AS TEXT) AS value FROM oidc_providers") == "0")
        try await here.set("DELETE FROM oidc_providers")
        #expect(try await here.restore(path).revived.map(\.reference) == ["oidc_provider:o"])
        #expect(try count("oidc_providers", here) == 0)
        try await here.restore(path, resurrect: ["oidc_provider:*"])
        #expect(try await here.text("SELECT CAST(matches_email AS TEXT) AS value FROM oidc_providers") == "1")
    }

    @Test("a group that may less than in the backup may no more afterwards unless that is named; one that may more may less")
    func permissions() async throws {
        try await here.set(
            """
            INSERT INTO user_groups (id, name, canonical, skeleton, permissions, is_system, created_at, revision)
            VALUES ('g', 'G', 'g', 'g', 'read:keys destroy:keys', 0, 0, 1)
            """)
        let path = try await here.backUp()
        let value = "SELECT permissions AS value FROM user_groups WHERE id = 'g'"
        try await here.set("UPDATE user_groups SET permissions = 'read:keys', name = 'H' WHERE id = 'g'")
        #expect(try await here.restore(path).revived.map(\.reference) == ["group_permissions:g"])
        #expect(try await here.text(value) == "read:keys")
        #expect(try await here.text("SELECT name AS value FROM user_groups WHERE id = 'g'") == "G")
        try await here.restore(path, resurrect: ["group_permissions:g"])
        #expect(try await here.text(value) == "read:keys destroy:keys")
        try await here.set("UPDATE user_groups SET permissions = 'read:keys destroy:keys export:keys' WHERE id = 'g'")
        #expect(try await here.restore(path).revived == [])
        #expect(try await here.text(value) == "read:keys destroy:keys")
    }

    // MARK: What changes by itself

    @Test("when somebody signed in last is no difference, changes no confirmation, and is not taken back")
    func volatile() async throws {
        _ = try await user("alice", here)
        let path = try await here.backUp()
        let staging = try here.stage(path)
        var order = RestoreOrder(actor: "t")
        let plan = try await here.restore.plan(staging, order)
        order.confirmation = plan.confirmation
        try await here.set("UPDATE users SET last_sign_in_at = 77, totp_last_step = 5")
        #expect(try await !here.restore.run(staging, order).changesAnything)
        try await here.set("UPDATE users SET display_name = 'A'")
        try await here.restore(path)
        #expect(try await here.text("SELECT CAST(last_sign_in_at + totp_last_step AS TEXT) AS value FROM users") == "82")
        #expect(try await here.text("SELECT display_name AS value FROM users") == nil)
    }

    @Test("an installation's own schedule of backups stays, also if it has none; an empty one takes the backup's")
    func schedule() async throws {
        func set(_ cron: String, _ fixture: BackupFixture) async throws {
            try await fixture.set(
                """
                INSERT INTO backup_schedule (id, enabled, cron, keep, recipient, includes_files, changed_at, revision)
                VALUES ('schedule', 1, $1, 7, 'r', 0, 0, 1)
                """, [.text(cron)])
        }
        try await set("theirs", here)
        let path = try await here.backUp()
        try await elsewhere.restore(path)
        #expect(try await elsewhere.text("SELECT cron AS value FROM backup_schedule") == "theirs")
        try await elsewhere.set("UPDATE backup_schedule SET cron = 'mine'")
        try await elsewhere.restore(path)
        #expect(try await elsewhere.text("SELECT cron AS value FROM backup_schedule") == "mine")
        try await elsewhere.set("DELETE FROM backup_schedule")
        _ = try await user("alice", elsewhere)
        try await elsewhere.restore(path)
        #expect(try await elsewhere.text("SELECT cron AS value FROM backup_schedule") == nil)
    }

    // MARK: What belongs together

    @Test("an endpoint that uses another key since its old one was deleted keeps its issuers and its policy")
    func movedEndpoint() async throws {
        let old = try await here.key("old")
        let policy = try await here.policy("p", versions: ["x"])
        let endpoint = try await here.endpoint("e", key: old.id, policy: policy)
        let path = try await here.backUp()
        let new = try await here.key("new")
        let newer = try await here.policy("q", versions: ["y"])
        try await here.set("UPDATE endpoints SET key_id = $1, policy_id = $2", [.text(new.id.description), .text(newer)])
        for sql in ["DELETE FROM key_versions WHERE key_id = $1", "DELETE FROM keys WHERE id = $1"] { try await here.set(sql, [.text(old.id.description)]) }
        try await here.set("INSERT INTO issuers (id, name, document, enabled, development, created_at) VALUES ('i', 'i', '{}', 1, 0, 0)")
        try await here.set("INSERT INTO endpoint_issuers (endpoint_id, issuer_id) VALUES ($1, 'i')", [.text(endpoint)])
        try await here.restore(path)
        #expect(try await here.text("SELECT issuer_id AS value FROM endpoint_issuers") == "i")
        #expect(try await here.text("SELECT policy_id AS value FROM endpoints") == newer)
        #expect(try await here.text("SELECT source AS value FROM policy_versions WHERE policy_id = $1", [.text(newer)]) == "y")
    }

    @Test("a newer key keeps the policy by which it may be exported")
    func exportPolicy() async throws {
        let path = try await here.backUp()
        let key = try await here.key("new")
        let policy = try await here.policy("p", versions: ["x"])
        try await here.set("UPDATE keys SET export_policy_id = $1 WHERE id = $2", [.text(policy), .text(key.id.description)])
        #expect(try await here.restore(path).changes.filter { $0.change == .kept }.map(\.name).sorted() == ["new", "p"])
        #expect(try await here.text("SELECT source AS value FROM policy_versions") == "x")
    }

    @Test("identities that were exchanged, or given to others, since are exchanged back when they are named")
    func exchangedIdentities() async throws {
        let (alice, bob) = (try await user("alice", here), try await user("bob", here))
        try await here.set(
            """
            INSERT INTO oidc_providers (id, name, issuer, client_id, redirect_uri, matches_email, enabled, created_at, revision)
            VALUES ('o', 'corp', 'i', 'c', 'r', 0, 1, 0, 1)
            """)
        func link(_ subject: String, _ user: String) async throws {
            try await here.set("INSERT INTO user_identities (provider_id, subject, user_id) VALUES ('o', $1, $2)", [.text(subject), .text(user)])
        }
        let owners = "SELECT GROUP_CONCAT(subject || user_id, ' ') AS value FROM (SELECT * FROM user_identities ORDER BY subject)"
        try await link("a", alice)
        try await link("b", bob)
        let (path, before) = (try await here.backUp(), try await here.text(owners))
        try await here.set("DELETE FROM user_identities")
        try await link("a", bob)
        try await link("b", alice)
        #expect(try await here.restore(path).revived.map(\.comesBack) == [false, false])
        try await here.restore(path, resurrect: ["user_identity:o/a", "user_identity:o/b"])
        #expect(try await here.text(owners) == before)
        try await here.set("DELETE FROM user_identities")
        try await link("c", alice)
        try await here.restore(path, resurrect: ["user_identity:*"])
        #expect(try await here.text(owners) == before)
    }

    // MARK: What is confirmed

    @Test("the confirmation is of the content: another file behind the same header has another one")
    func otherContent() async throws {
        let key = try await here.key("disk", material: 9)
        let path = try await here.backUp()
        let first = try elsewhere.stage(path)
        var order = RestoreOrder(actor: "t")
        order.confirmation = try await elsewhere.restore.plan(first, order).confirmation
        // Whoever has the passphrase can put other chunks behind the header; of sealed material no plan would show a difference.
        let forged = try here.forge(path) { table, values in
            guard table == "key_versions", let position = values.firstIndex(where: { if case .blob = $0 { true } else { false } }) else { return values }
            var values = values
            values[position] = .blob(try here.seal(Array(repeating: 1, count: 32), of: key.id, in: path))
            return values
        }
        let second = try elsewhere.stage(forged)
        #expect(second.header == first.header)
        await #expect(throws: BackupError.self) { try await elsewhere.restore.run(second, order) }
        #expect(try elsewhere.content()["keys"] == nil)
        _ = try await elsewhere.restore.run(first, order)
        #expect(try await elsewhere.material(key.id) == Array(repeating: 9, count: 32))
    }

    @Test("who may is asked within the transaction, before and after; a no changes nothing")
    func permission() async throws {
        _ = try await here.key("disk")
        let staging = try elsewhere.stage(try await here.backUp())
        var order = RestoreOrder(actor: "t")
        order.confirmation = try await elsewhere.restore.plan(staging, order).confirmation
        await #expect(throws: StoreError.self) {
            _ = try await elsewhere.restore.run(staging, order) { before in
                let count = try before.query("SELECT id FROM keys").count
                return { after in
                    guard count == 0, try after.query("SELECT id FROM keys").count == 1 else { return }
                    throw StoreError.refused("no")
                }
            }
        }
        #expect(try elsewhere.content()["keys"] == nil)
    }

    @Test("the plan of a restore can be confirmed where a key was deleted that the backup knows as deleted, too")
    func deletedOnBothSides() async throws {
        let key = try await here.key("disk")
        try await elsewhere.restore(try await here.backUp())
        for fixture in [here, elsewhere] {
            for sql in ["DELETE FROM key_versions WHERE key_id = $1", "DELETE FROM keys WHERE id = $1"] {
                try await fixture.set(sql, [.text(key.id.description)])
            }
        }
        try await elsewhere.restore(try await here.backUp("later.hfb"))
        #expect(try await elsewhere.text("SELECT id AS value FROM deleted_keys") == key.id.description)
    }

    @Test("an epoch that could not be counted on from is refused")
    func lastEpoch() async throws {
        try await here.world.database.write { _ = try InstallationIdentity.ensure(in: $0) }
        try await here.set("UPDATE installation SET epoch = $1", [.integer(BackupHeader.maxEpoch)])
        let path = try await here.backUp()
        await #expect(throws: BackupError.self) { try await elsewhere.restore(path) }
        await #expect(throws: BackupError.self) { try await here.restore(path) }
        try await here.set("UPDATE installation SET epoch = $1", [.integer(BackupHeader.maxEpoch + 1)])
        await #expect(throws: BackupError.self) { _ = try await here.backUp("c.hfb") }
        #expect(!FileManager.default.fileExists(atPath: here.file("c.hfb")))
    }
}

extension BackupFixture {
    private func keys(of path: String) throws -> (BackupHeader, BackupKeys) {
        let header = try BackupFileReader(path).header
        return (header, try BackupKeys(dataKey: header.lock.open(with: .passphrase(BackupFixture.passphrase))))
    }

    /// Material as it stands inside a backup.
    fileprivate func seal(_ material: [UInt8], of id: KeyID, in path: String) throws -> [UInt8] {
        try keys(of: path).1.values.seal(
            SecretBytes(copying: material), at: SealedLocation(table: "key_versions", row: "\(id)/1", column: "material"))
    }

    /// Another backup behind the header of one, by somebody who has its passphrase.
    fileprivate func forge(_ path: String, _ change: (String, [SQLValue]) throws -> [SQLValue]) throws -> String {
        let (header, keys) = try keys(of: path)
        let reader = try BackupFileReader(path)
        _ = try reader.unlock(.passphrase(BackupFixture.passphrase))
        let forged = file("forged.hfb")
        let writer = try BackupFileWriter(forged, header: header, key: keys.chunks)
        var table = ""
        while let record = try BackupRecord(reading: reader) {
            switch record {
            case .table(let name, _):
                table = name
                try writer.write(record.bytes)
            case .row(let values): try writer.write(BackupRecord.row(try change(table, values)).bytes)
            case .file, .end: try writer.write(record.bytes)
            }
        }
        _ = try writer.finish()
        return forged
    }
}
