@testable import KeyCore
import Plugins
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import Management

@Suite("Alerts") struct AlertTests {
    private let fixture: APIFixture
    private var monitor: AlertMonitor { fixture.observation.alerts }

    init() throws { fixture = try APIFixture() }

    private func alerts(_ query: String = "?state=open") async throws -> [JSONValue] {
        try await fixture.call("GET", "/api/v1/alerts\(query)")["items"].array ?? []
    }

    @Test("fire once, go on, and are resolved when the condition ends")
    func life() async throws {
        let box = HealthBox()
        var sources = AlertSources()
        sources.journal = { box.health }
        monitor.observe(sources)
        try await monitor.evaluate()
        #expect(try await alerts("").isEmpty)
        box.set(.red(.deadline, since: fixture.store.clock.now))
        try await monitor.evaluate()
        try await monitor.evaluate()
        let fired = try await alerts()
        #expect(fired.map { $0["kind"] } == ["audit-failing"] && fired[0]["severity"] == "critical" && fired[0]["state"] == "firing")
        box.set(.green)
        fixture.store.clock.advance(by: .seconds(60))
        try await monitor.evaluate()
        #expect(try await alerts().isEmpty)
        let all = try await alerts("")
        #expect(all.count == 1 && all[0]["state"] == "resolved" && all[0]["resolved_at"] == .optional(fixture.store.clock.now))
        box.set(.red(.tampered(AuditTampering(kind: .deleted, segment: "s")), since: fixture.store.clock.now))
        try await monitor.evaluate()
        #expect(try await alerts().map { $0["kind"] } == ["audit-tampered"])
    }

    @Test("tell of certificates as their end comes closer, and of nothing that is far")
    func certificates() async throws {
        let now = fixture.store.clock.now
        var sources = AlertSources()
        sources.certificates = { [("far", now + .seconds(31 * 86400)), ("near", now + .seconds(20 * 86400)), ("over", now - .seconds(1))] }
        monitor.observe(sources)
        try await monitor.evaluate()
        func seen() async throws -> [String] {
            try await alerts().map { "\($0["subject"]?.string ?? "") \($0["severity"]?.string ?? "")" }.sorted()
        }
        #expect(try await seen() == ["certificate:near warning", "certificate:over critical"])
        let near = try #require(try await alerts().first { $0["subject"] == "certificate:near" })
        let path = "/api/v1/alerts/\(near["id"]?.string ?? "")/acknowledge"
        #expect(try await fixture.call("POST", path)["state"] == "acknowledged")
        fixture.store.clock.advance(by: .seconds(14 * 86400))
        try await monitor.evaluate()
        #expect(try await seen() == ["certificate:far warning", "certificate:near critical", "certificate:over critical"])
        let worse = try #require(try await alerts().first { $0["subject"] == "certificate:near" })
        #expect(worse["state"] == "firing" && worse["acknowledged_by"] == .null, "what got worse must be acknowledged again")
    }

    @Test("tell of storms of refusals by endpoint and by address, of destruction, disk space and missing backups")
    func others() async throws {
        var configuration = AuditJournalConfiguration(folder: fixture.store.folder + "/audit", node: try #require(AuditNode("n1")))
        configuration.deadline = .seconds(20)
        let journal = try AuditJournal(configuration, signer: nil)
        let endpoint = try EndpointID.random()
        for number in 0..<12 {
            var record = AuditRecord(.managementRefused, .refused, at: fixture.store.clock.now)
            (record.endpointID, record.remoteAddress) = (number < 10 ? endpoint : nil, number < 9 ? "192.0.2.1" : "192.0.2.\(number)")
            try await journal.append(record)
        }
        await journal.close()
        #expect(await fixture.observation.index.catchUp())
        let key = try await fixture.stores.keys.create(name: "orders", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        try await fixture.store.database.execute(
            "UPDATE key_versions SET destroy_at = $2 WHERE key_id = $1",
            [.text(key.id.description), .integer((fixture.store.clock.now + .seconds(3600)).nanoseconds)])
        var sources = AlertSources()
        sources.freeBytes = { 100 << 20 }
        sources.issuers = { [now = fixture.store.clock.now] in [("idp", now - .seconds(7200), "connection refused"), ("well", nil, nil)] }
        monitor.observe(sources)
        _ = try await fixture.call("PUT", "/api/v1/alert-settings", body: [
            "thresholds": ["refusals_in_five_minutes": 9, "backup_late_hours": 24],
        ])
        try? await monitor.evaluate()
        let found = Set(try await alerts().compactMap { $0["subject"]?.string })
        #expect(found.isSuperset(of: [
            "endpoint:\(endpoint)", "address:192.0.2.1", "key:\(key.id)/1", "data-folder", "issuer:idp",
        ]), "\(found)")
        #expect(!found.contains("issuer:well") && !found.contains { $0.hasPrefix("address:192.0.2.9") })
        #expect(!fixture.observation.metrics.text.contains("holdfast_alerts{kind=\"disk-space\",severity=\"critical\",state=\"firing\"} 0"))
        fixture.store.clock.advance(by: .seconds(301))
        try? await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=refusals").isEmpty, "the storm is over")
    }

    @Test("tell of keys that expire soon or have, not of those that last, nor of destroyed ones")
    func keys() async throws {
        let now = fixture.store.clock.now
        let days: [(String, Int64)] = [("past", -1), ("close", 3), ("soon", 20), ("later", 100), ("gone", 2)]
        for (name, days) in days {
            let made = try await fixture.makeKey(name, ["expires_at": .optional(now + .seconds(86400))])
            try await fixture.store.database.execute(
                "UPDATE keys SET expires_at = $2, state = $3 WHERE id = $1",
                [.text(made), .integer((now + .seconds(days * 86400)).nanoseconds), .text(name == "gone" ? "destroyed" : "active")])
        }
        _ = try await fixture.makeKey("unlimited")
        try await monitor.evaluate()
        let found = try await alerts("?state=open&kind=key-expiry").map {
            "\($0["detail"]?.string?.split(separator: "”").first ?? "") \($0["severity"]?.string ?? "")"
        }
        #expect(found.sorted() == ["the key “close critical", "the key “past critical", "the key “soon warning"])
    }

    @Test("tell of a backup that is late, until there is one")
    func backups() async throws {
        _ = try await fixture.call("PUT", "/api/v1/alert-settings", body: ["thresholds": ["backup_late_hours": 24]])
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").map { $0["detail"] } == ["there is no backup of everything"])
        let made = try await fixture.call("POST", "/api/v1/backups", body: ["passphrase": "a passphrase that is long enough"])
        #expect([200, 201, 202].contains(made.status), "\(made.text)")
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").isEmpty)
        fixture.store.clock.advance(by: .seconds(25 * 3600))
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").count == 1)
    }

    @Test("tell of late backups by themselves once there is a schedule, at twice its time; one of chosen keys, or one that was brought, is none")
    func scheduledBackups() async throws {
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").isEmpty)
        let recipient = try PrivateKey.generate(.rsa(bits: 2048)).publicKey.spkiPEM()
        let schedule: JSONValue = ["enabled": true, "cron": "0 * * * *", "keep": 2, "recipient_public_key": .string(recipient)]
        #expect(try await fixture.call("PUT", "/api/v1/backup-schedule", body: schedule).status == 200)
        fixture.store.clock.advance(by: .seconds(2 * 3600 + 1))
        let key = try await fixture.makeKey("k")
        let secret: JSONValue = "a passphrase that is long enough"
        _ = try await fixture.call("POST", "/api/v1/backups", body: ["scope": "selected", "key_ids": [.string(key)], "passphrase": secret])
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").map { $0["detail"] } == ["there is no backup of everything"])
        let made = try await fixture.call("POST", "/api/v1/backups", body: ["passphrase": secret])
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").isEmpty)
        try await fixture.store.database.execute("UPDATE backups SET origin = 'uploaded' WHERE id = $1", [.text(made["id"].string ?? "")])
        try await monitor.evaluate()
        #expect(try await alerts("?state=open&kind=backup-late").count == 1)
    }

    @Test("tell of API tokens that are about to expire, not of those that have or that last")
    func tokens() async throws {
        let user = "00000000-0000-4000-8000-0000000000aa"
        let now = fixture.store.clock.now
        try await fixture.store.database.execute(
            """
            INSERT INTO users (id, name, canonical, skeleton, enabled, must_change_password, totp_confirmed, totp_last_step, created_at, revision)
            VALUES ($1, 'ann', 'ann', 'ann', 1, 0, 0, 0, 0, 1)
            """, [.text(user)])
        for (index, days) in [-1, 2, 10, 100].enumerated() {
            try await fixture.store.database.execute(
                """
                INSERT INTO api_tokens (id, token_hash, user_id, name, permissions, created_at, expires_at) VALUES ($1, $2, $3, $1, '', 0, $4)
                """,
                [
                    .text("t\(index)"), .blob([UInt8(index)]), .text(user),
                    .integer((now + .seconds(Int64(days) * 86400)).nanoseconds),
                ])
        }
        try await monitor.evaluate()
        let found = try await alerts().map { "\($0["subject"]?.string ?? "") \($0["severity"]?.string ?? "")" }.sorted()
        #expect(found == ["token:t1 critical", "token:t2 warning"])
    }

    @Test("are acknowledged by whoever may, once, and on record with their name")
    func acknowledge() async throws {
        var sources = AlertSources()
        sources.freeBytes = { 1 }
        monitor.observe(sources)
        try? await monitor.evaluate()
        let alert = try #require(try await alerts().first)
        let path = "/api/v1/alerts/\(alert["id"]?.string ?? "")/acknowledge"
        #expect(try await fixture.call("POST", path, as: .person("r", [.readAlerts])).status == 403)
        #expect(try await fixture.call("POST", path, headers: ["If-Match": "\"7\""]).status == 412)
        let operatorOnDuty = try Caller.person("bob", [.updateAlerts])
        let answer = try await fixture.call("POST", path, as: operatorOnDuty)
        #expect(answer["state"] == "acknowledged" && answer["acknowledged_by"] == "user:bob")
        #expect(try await fixture.call("POST", path, as: operatorOnDuty)["revision"] == answer["revision"])
        let record = try #require(fixture.audit.records.last { $0.event == .alertAcknowledged })
        #expect(record.actor == "user:bob" && record.target == "disk-space data-folder")
        let none = "/api/v1/alerts/00000000-0000-4000-8000-000000000000/acknowledge"
        #expect(try await fixture.call("POST", none).status == 404)
    }
}

/// A journal's health that a test changes.
private final class HealthBox: Sendable {
    private let value = Mutex(AuditHealth.green)
    var health: AuditHealth { value.withLock { $0 } }
    func set(_ health: AuditHealth) { value.withLock { $0 = health } }
}
