import Foundation
import KeyCore
@testable import Management
import Plugins
import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("Backups through the API") struct BackupRouteTests {
    private let api: APIFixture
    private let passphrase: JSONValue = "a passphrase of some length"

    init() throws { api = try APIFixture() }

    private func backUp(_ body: JSONValue? = nil) async throws -> String {
        let answer = try await api.call("POST", "/api/v1/backups", body: body ?? ["passphrase": passphrase])
        try #require(answer.status == 201, "\(answer.text)")
        return try #require(answer["id"].string)
    }

    private func key(_ name: String) async throws -> Key {
        try await api.stores.keys.create(name: name, purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
    }

    private func state(_ id: KeyID) async throws -> String? {
        try await api.store.database.query("SELECT state FROM key_versions WHERE key_id = $1", [.text(id.description)]).first?.text("state")
    }

    @Test("is made, listed, fetched, checked, deleted, and each act is on record")
    func life() async throws {
        _ = try await key("disk")
        let id = try await backUp(["passphrase": passphrase, "description": "before the move"])
        let list = try await api.call("GET", "/api/v1/backups")
        #expect(list["total"].integer == 1)
        #expect(list["items"].array?.first?["counts"]?["keys"]?.integer == 1)
        let file = try await api.call("GET", "/api/v1/backups/\(id)/content")
        #expect(file.bytes.starts(with: Array("HOLDFBAK".utf8)))
        #expect(file.bytes == Array(FileManager.default.contents(atPath: "\(api.store.folder)/backups/\(id).hfb") ?? Data()))
        let report = try await api.call("POST", "/api/v1/backups/\(id)/verify", body: ["passphrase": passphrase])
        #expect(report["intact"].bool == true)
        #expect(report["secrets"].integer == 1)
        let one = try await api.call("GET", "/api/v1/backups/\(id)")
        #expect(one["verdict"].string == "intact")
        #expect(one["description"].string == "before the move")
        #expect(try await api.call("DELETE", "/api/v1/backups/\(id)").status == 204)
        #expect(try await api.call("GET", "/api/v1/backups/\(id)").status == 404)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(api.store.folder)/backups") == [])
        let events = Set(api.audit.records.map(\.event.description))
        #expect(events.isSuperset(of: ["backup.created", "backup.downloaded", "backup.verified", "backup.deleted"]))
    }

    @Test("a file that is brought is the same backup; twice, cut or something else it is refused")
    func upload() async throws {
        let id = try await backUp()
        let file = try await api.call("GET", "/api/v1/backups/\(id)/content").bytes
        func bring(_ bytes: [UInt8]) async throws -> TestAnswer {
            try await api.call("POST", "/api/v1/backups/upload", bytes: bytes, headers: ["Content-Type": "application/octet-stream"])
        }
        #expect(try await bring(file).status == 409)
        #expect(try await api.call("DELETE", "/api/v1/backups/\(id)").status == 204)
        #expect(try await bring(Array(file[..<100])).status == 400)
        #expect(try await bring(Array("PK something else".utf8)).status == 400)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(api.store.folder)/backups") == [])
        let answer = try await bring(file)
        #expect(answer.status == 201)
        #expect((answer["id"].string, answer["origin"].string) == (id, "uploaded"))
        _ = try await api.call("DELETE", "/api/v1/backups/\(id)")
        _ = try await bring(Array(file.dropLast(1)))  // its header is whole: what is missing is found by the check
        let report = try await api.call("POST", "/api/v1/backups/\(id)/verify", body: ["passphrase": passphrase])
        #expect(report["intact"].bool == false)
        #expect(try await api.call("GET", "/api/v1/backups/\(id)")["verdict"].string?.contains("does not open") == true)
    }

    @Test("a wrong passphrase, or none, is told as a field, and never repeated")
    func wrongSecret() async throws {
        let id = try await backUp()
        for body: JSONValue in [["passphrase": "not the right one"], [:], ["passphrase": passphrase, "private_key": "x"], ["private_key": "not a key"]] {
            for act in ["verify", "restore", "restore-plan"] {
                let answer = try await api.call("POST", "/api/v1/backups/\(id)/\(act)", body: body)
                #expect((answer.status, answer.code) == (400, "invalid_field"))
                #expect(!answer.text.contains("not the right one") && !answer.text.contains("not a key"))
            }
        }
        #expect(try await api.call("POST", "/api/v1/backups", body: ["passphrase": "short"]).status == 400)
        #expect(try await api.call("POST", "/api/v1/backups", body: [:]).status == 400)
        #expect(try await api.call("POST", "/api/v1/backups", body: ["recipient_public_key": "x"]).status == 400)
    }

    @Test("N56: a restore shows a plan first, does it only with its confirmation, and leaves destroyed what was destroyed")
    func restore() async throws {
        let (one, two) = (try await key("one"), try await key("two"))
        let id = try await backUp()
        for state in [KeyState.deactivated, .destroyed] { _ = try await api.stores.keys.setState(state, of: one.id, version: 1) }
        try await api.store.database.execute("UPDATE keys SET name = 'renamed' WHERE id = $1", [.text(two.id.description)])
        let path = "/api/v1/backups/\(id)/restore"
        let plan = try await api.call("POST", path, body: ["passphrase": passphrase])
        #expect(plan["restored"].bool == false)
        let revived = plan["plan"]["revived"]?.array?.first
        #expect(revived?["reference"]?.string == "key_version:\(one.id)/1")
        #expect(revived?["now"]?.string == "destroyed")
        #expect(try await api.stores.keys.find("renamed").id == two.id)
        let confirm = try #require(plan["plan"]["confirm"]?.string)
        let wrong = try await api.call("POST", path, body: ["passphrase": passphrase, "confirm": .string(String(confirm.reversed()))])
        #expect((wrong.status, wrong.code) == (409, "confirmation_required"))
        #expect(try await api.stores.keys.find("renamed").id == two.id)
        let published = api.published
        let done = try await api.call("POST", path, body: ["passphrase": passphrase, "confirm": .string(confirm)])
        #expect(done["restored"].bool == true)
        #expect(done["plan"]["epoch"]?.integer == 2)
        #expect(api.published > published)
        #expect(try await api.stores.keys.find("two").id == two.id)
        #expect(try await state(one.id) == "destroyed")
        #expect(try await backUpHeader()["epoch"].integer == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(api.store.folder)/backups").allSatisfy { $0.hasSuffix(".hfb") || $0.hasSuffix(".plan") })
    }

    @Test("who restores must be allowed whatever anybody is, before and afterwards: else nothing changes")
    func privilege() async throws {
        let database = api.store.database
        let group = UUID().uuidString.lowercased()
        func user(_ name: String) async throws -> String {
            let id = UUID().uuidString.lowercased()
            try await database.execute(
                """
                INSERT INTO users (id, name, canonical, skeleton, enabled, must_change_password, totp_confirmed, totp_last_step, created_at,
                    revision) VALUES ($1, $2, $2, $2, 1, 0, 0, 0, 0, 1)
                """, [.text(id), .text(name)])
            return id
        }
        let alice = try await user("alice")
        try await database.execute(
            """
            INSERT INTO user_groups (id, name, canonical, skeleton, permissions, is_system, created_at, revision)
            VALUES ($1, 'G', 'g', 'g', 'restore:backups', 0, 0, 1)
            """, [.text(group)])
        try await database.execute("INSERT INTO group_members (group_id, user_id, added_at) VALUES ($1, $2, 0)", [.text(group), .text(alice)])
        let member = Caller(userID: UserID(alice), name: "user:alice", proof: .session("s"), permissions: [.restoreBackups])
        func restore(_ id: String, as caller: Caller, resurrect: [JSONValue] = []) async throws -> TestAnswer {
            let path = "/api/v1/backups/\(id)/restore"
            let plan = try await api.call("POST", path, body: ["passphrase": passphrase, "resurrect": .array(resurrect)], as: caller)
            return try await api.call("POST", path, body: [
                "passphrase": passphrase, "resurrect": .array(resurrect), "confirm": plan["plan"]["confirm"] ?? .null,
            ], as: caller)
        }
        let narrow = try await backUp()
        #expect(try await restore(narrow, as: member).status == 200)  // as long as nobody may do more
        try await database.execute("UPDATE user_groups SET permissions = 'destroy:keys restore:backups' WHERE id = $1", [.text(group)])
        let wide = try await backUp()
        #expect(try await restore(wide, as: Caller(
            userID: nil, name: "user:x", proof: .session("s"), permissions: [.restoreBackups])).code == "permission_denied")
        // Somebody may do more in the backup than anybody now.
        try await database.execute("UPDATE user_groups SET permissions = 'restore:backups' WHERE id = $1", [.text(group)])
        #expect(try await restore(wide, as: member).status == 200)  // what the group may has become less, and stays so
        let named: [JSONValue] = [.string("group_permissions:\(group)")]
        let answer = try await restore(wide, as: member, resurrect: named)
        #expect((answer.status, answer.code) == (403, "permission_denied"), "\(answer.text)")
        #expect(try await database.query("SELECT permissions FROM user_groups WHERE id = $1", [.text(group)]).first?.text("permissions") == "restore:backups")
        #expect(try await restore(wide, as: .local("root"), resurrect: named).status == 200)
        #expect(try await database.query("SELECT permissions FROM user_groups WHERE id = $1", [.text(group)]).first?.text("permissions") == "destroy:keys restore:backups")
    }

    @Test("a restore after which nobody could manage accounts is refused")
    func lastAdministrator() async throws {
        let database = api.store.database
        let id = UUID().uuidString.lowercased()
        try await database.execute(
            """
            INSERT INTO users (id, name, canonical, skeleton, enabled, must_change_password, totp_confirmed, totp_last_step, created_at, revision)
            VALUES ($1, 'a', 'a', 'a', 0, 0, 0, 0, 0, 1)
            """, [.text(id)])
        try await database.execute(
            "INSERT INTO group_members (group_id, user_id, added_at) VALUES ($1, $2, 0)", [.text(SystemGroup.admins.id.description), .text(id)])
        let empty = try await backUp()
        try await database.execute("UPDATE users SET enabled = 1")
        let path = "/api/v1/backups/\(empty)/restore"
        let plan = try await api.call("POST", path, body: ["passphrase": passphrase])
        let answer = try await api.call("POST", path, body: ["passphrase": passphrase, "confirm": plan["plan"]["confirm"] ?? .null])
        #expect((answer.status, answer.code) == (409, "wrong_state"), "\(answer.text)")
        #expect(try await database.query("SELECT id FROM users WHERE enabled = 1").count == 1)
    }

    @Test("whoever approves a restore reads the plan that its confirmation stands for; it goes with the backup")
    func keptPlan() async throws {
        let (one, id) = (try await key("one"), try await backUp())
        let plan = try await api.call("POST", "/api/v1/backups/\(id)/restore-plan", body: ["passphrase": passphrase])
        let confirm = try #require(plan["plan"]["confirm"]?.string)
        let path = "/api/v1/backups/\(id)/restore-plans/\(confirm)"
        _ = try await api.stores.keys.setState(.suspended, of: one.id, version: 1)  // what was shown stays what it was
        for caller in [try Caller.person("a", [.decideApprovals]), try Caller.person("b", [.readBackups])] {
            #expect(try await api.call("GET", path, as: caller)["plan"] == plan["plan"])
        }
        #expect(try await api.call("GET", path, as: Caller.person("c", [.readKeys])).status == 404)
        #expect(try await api.call("GET", "/api/v1/backups/\(id)/restore-plans/\(String(confirm.reversed()))").status == 404)
        for _ in 0..<25 {
            _ = try await api.stores.keys.setState(.active, of: one.id, version: 1)
            _ = try await api.stores.keys.setState(.suspended, of: one.id, version: 1)
            try await api.store.database.execute("UPDATE installation SET epoch = epoch + 1")
            api.store.clock.advance(by: .seconds(1))
            _ = try await api.call("POST", "/api/v1/backups/\(id)/restore-plan", body: ["passphrase": passphrase])
        }
        let folder = "\(api.store.folder)/backups"
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 21)
        #expect(try await api.call("GET", path).status == 404)
        _ = try await api.call("DELETE", "/api/v1/backups/\(id)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    }

    @Test("is refused when the disk would have less than its reserve left, before and while it grows")
    func reserve() async throws {
        let space = Mutex<UInt64>(100 << 20)
        let folder = api.store.folder + "/others"
        let backups = try Backups(api.stores, folder: folder, program: "test", reserve: DiskReserve { _ in
            space.withLock { free in
                defer { free -= free == 2 << 30 ? 1 << 30 : 0 }  // less at each look
                return (free, 100 << 30)
            }
        })
        let order = try BackupOrder(secret: .passphrase(SharedSecret(SecretBytes(copying: Array("a passphrase of some length".utf8)))))
        for free: UInt64 in [100 << 20, 2 << 30] {
            space.withLock { $0 = free }
            await #expect(throws: BackupError.self) { _ = try await backups.make(order, includesFiles: false, origin: .made, by: "t") }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        }
        space.withLock { $0 = 50 << 30 }
        _ = try await backups.make(order, includesFiles: false, origin: .made, by: "t")
    }

    @Test("names the files that the configuration names and that can't be in it")
    func leftOut() async throws {
        let backups = try Backups(api.stores, folder: api.store.folder + "/others", program: "test", members: {
            ([BackupMember(name: "a", content: SharedSecret(SecretBytes(copying: [1])))], ["/etc/tls/server.pem"])
        })
        let order = try BackupOrder(secret: .passphrase(SharedSecret(SecretBytes(copying: Array("a passphrase of some length".utf8)))))
        let made = try await backups.make(order, includesFiles: true, origin: .made, by: "t")
        #expect(try BackupFileReader(backups.folder.file(made.id)).header.filesLeftOut == ["/etc/tls/server.pem"])
        #expect(try await api.call("GET", "/api/v1/backups/\(made.id)")["files_left_out"] == ["/etc/tls/server.pem"])
    }

    @Test("a backup, and a schedule of them, can need the approval of several people; to stop the schedule never does")
    func quorum() async throws {
        let everybody = try QuorumFixture()
        try await everybody.enable(1, operation: "make-backup")
        let asks = try Caller.person("asks", [.createBackups, .readBackups])
        everybody.directory.add(asks)
        let held = try await everybody.api.call("POST", "/api/v1/backups", body: ["passphrase": passphrase], as: asks)
        #expect(held.status == 202)
        #expect(try await everybody.api.call("GET", "/api/v1/backups")["total"].integer == 0)
        let approved = try await everybody.decide("approve", held["id"].string ?? "", as: everybody.person("bob"))
        #expect(approved["state"].string == "executed", "\(approved.text)")
        #expect(try await everybody.api.call("GET", "/api/v1/backups")["total"].integer == 1)
        let recipient = try PrivateKey.generate(.rsa(bits: 2048)).publicKey.spkiPEM()
        for (enabled, status) in [(true, 202), (false, 200)] {
            let schedule: JSONValue = ["enabled": .bool(enabled), "cron": "0 * * * *", "keep": 2, "recipient_public_key": .string(recipient)]
            #expect(try await everybody.api.call("PUT", "/api/v1/backup-schedule", body: schedule, as: asks).status == status)
        }
    }

    private func backUpHeader() async throws -> TestAnswer { try await api.call("GET", "/api/v1/backups/\(try await backUp())") }

    @Test("chosen keys only, and only with their scope")
    func selected() async throws {
        let (one, _) = (try await key("one"), try await key("two"))
        let id = try await backUp(["scope": "selected", "key_ids": [.string(one.id.description)], "passphrase": passphrase])
        #expect(try await api.call("GET", "/api/v1/backups/\(id)")["counts"]["keys"]?.integer == 1)
        for body: JSONValue in [
            ["scope": "selected", "passphrase": passphrase], ["key_ids": [.string(one.id.description)], "passphrase": passphrase],
        ] { #expect(try await api.call("POST", "/api/v1/backups", body: body).status == 400) }
        let unknown: JSONValue = ["scope": "selected", "key_ids": [.string(UUID().uuidString.lowercased())], "passphrase": passphrase]
        #expect(try await api.call("POST", "/api/v1/backups", body: unknown).status == 404)
    }

    @Test("a server that starts finds files without a row, forgets rows without a file, and removes what was left half done")
    func reconcile() async throws {
        let (kept, lost) = (try await backUp(), try await backUp())
        let folder = "\(api.store.folder)/backups"
        try FileManager.default.removeItem(atPath: "\(folder)/\(lost).hfb")
        try await api.store.database.execute("DELETE FROM backups WHERE id = $1", [.text(kept)])
        for name in [".upload-x", ".upload-y.partial", ".staging-x.db", ".staging-x.db-wal", "\(lost).hfb.partial"] {
            try Data([1]).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        let backups = try Backups(api.stores, folder: folder, program: "test")
        try await backups.reconcile()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["\(kept).hfb"])
        #expect(try await api.call("GET", "/api/v1/backups/\(kept)")["origin"].string == "found")
        #expect(try await api.call("GET", "/api/v1/backups/\(lost)").status == 404)
    }
}

@Suite("The backup schedule") struct BackupScheduleTests {
    private let api: APIFixture
    private let recipient: PrivateKey
    private let scheduler: BackupScheduler

    init() throws {
        api = try APIFixture()
        recipient = try PrivateKey.generate(.rsa(bits: 2048))
        scheduler = BackupScheduler(
            try Backups(api.stores, folder: api.store.folder + "/backups", program: "test"), stores: api.stores, audit: api.audit)
    }

    private func put(_ changes: KeyValuePairs<String, JSONValue> = [:], headers: [String: String] = [:]) async throws -> TestAnswer {
        var body: [(name: String, value: JSONValue)] = [
            ("enabled", true), ("cron", "0 * * * *"), ("keep", 2), ("recipient_public_key", .string(try recipient.publicKey.spkiPEM())),
        ]
        for (name, value) in changes { body.removeAll { $0.name == name }; body.append((name, value)) }
        return try await api.call("PUT", "/api/v1/backup-schedule", body: .object(body), headers: headers)
    }

    private func count() async throws -> Int64? { try await api.call("GET", "/api/v1/backups")["total"].integer }

    @Test("is none at first, is changed under its revision, and takes no passphrase")
    func change() async throws {
        let first = try await api.call("GET", "/api/v1/backup-schedule")
        #expect((first["enabled"].bool, first["cron"], first.etag) == (false, .null, "\"0\""))
        #expect(try await put(headers: ["If-Match": "\"0\""]).etag == "\"1\"")
        #expect(try await put(headers: ["If-Match": "\"0\""]).status == 412)
        #expect(try await put(["cron": "61 * * * *"]).status == 400)
        #expect(try await put(["recipient_public_key": "x"]).status == 400)
        #expect(try await put(["passphrase": "a passphrase of some length"]).status == 400)
    }

    @Test("makes a backup when one is due, one for all that were missed, and keeps so many")
    func due() async throws {
        _ = try await put()
        try await scheduler.run()
        #expect(try await count() == 0)
        for _ in 0..<4 {
            api.store.clock.advance(by: .seconds(3 * 86400 + 3600))
            try await scheduler.run()
            try await scheduler.run()
        }
        #expect(try await count() == 2)
        let schedule = try await api.call("GET", "/api/v1/backup-schedule")
        #expect(schedule["last_success_at"].string == RFC3339.string(api.store.clock.now))
        #expect(api.audit.records.filter { $0.event == .backupMade && $0.actor == "schedule" }.count == 8)
    }

    @Test("says why it failed, tries again after ten minutes, and no sooner")
    func failure() async throws {
        _ = try await put()
        let folder = api.store.folder + "/backups"
        try FileManager.default.removeItem(atPath: folder)
        try Data().write(to: URL(fileURLWithPath: folder))
        api.store.clock.advance(by: .seconds(3600))
        await #expect(throws: (any Error).self) { try await scheduler.run() }
        #expect(try await api.call("GET", "/api/v1/backup-schedule")["last_failure"].string != nil)
        try FileManager.default.removeItem(atPath: folder)
        try Directory.create(folder)
        try await scheduler.run()
        #expect(try await count() == 0)
        api.store.clock.advance(by: .seconds(601))
        try await scheduler.run()
        #expect(try await count() == 1)
        #expect(try await api.call("GET", "/api/v1/backup-schedule")["last_failure"] == .null)
    }

    @Test("a backup that was begun and has no outcome, since its server ended, is due again")
    func interrupted() async throws {
        _ = try await put()
        api.store.clock.advance(by: .seconds(3600))
        let store = BackupScheduleStore(database: api.store.database)
        let claimed = try #require(try await store.claim(at: api.store.clock.now, retryAfter: .seconds(600)))
        #expect(try await store.claim(at: api.store.clock.now + .seconds(1800), retryAfter: .seconds(600)) == nil)  // somebody is at it
        #expect(try await store.claim(at: api.store.clock.now + .seconds(3601), retryAfter: .seconds(600))?.due != nil)
        #expect(claimed.0.lastSuccessAt == nil)
        try await scheduler.recover()
        #expect(try await api.call("GET", "/api/v1/backup-schedule")["last_failure"].string?.contains("server ended") == true)
        api.store.clock.advance(by: .seconds(2 * 3600))
        try await scheduler.run()
        #expect(try await count() == 1)
    }

    @Test("deletes no more than two old ones at a time, each on record")
    func deletions() async throws {
        _ = try await put(["keep": 9])
        for _ in 0..<6 {
            api.store.clock.advance(by: .seconds(3600))
            try await scheduler.run()
        }
        #expect(try await count() == 6)
        _ = try await put(["keep": 1])
        for left: Int64 in [5, 4] {  // one more, two fewer
            api.store.clock.advance(by: .seconds(3600))
            try await scheduler.run()
            #expect(try await count() == left)
        }
        let deleted = api.audit.records.filter { $0.event.description == "backup.deleted" && $0.actor == "schedule" }
        #expect(deleted.map(\.outcome) == [.begun, .allowed, .begun, .allowed, .begun, .allowed, .begun, .allowed])
    }

    @Test("knows what it missed, and how far apart its backups are")
    func missed() async throws {
        _ = try await put(["cron": "30 2 * * 1-5"])
        let store = BackupScheduleStore(database: api.store.database)
        #expect(try await store.read().period(at: api.store.clock.now) == .seconds(3 * 86_400))
        #expect(try await store.read().missed(at: api.store.clock.now) == nil)
        let due = try #require(Cron("30 2 * * 1-5")?.next(after: api.store.clock.now))
        #expect(try await store.read().missed(at: due + .seconds(1800)) == nil)
        #expect(try await store.read().missed(at: due + .seconds(3600)) == due)
        api.store.clock.advance(by: due + .seconds(60) - api.store.clock.now)
        try await scheduler.run()
        #expect(try await store.read().missed(at: due + .seconds(3600)) == nil)
    }
}
