import KeyCore
import Primitives

/// Keeps the alerts' settings: one row, with the webhook's secret sealed beside it.
struct AlertSettingsStore: Sendable {
    private static let place = SealedLocation(table: "settings", row: "alerts", column: "sealed")
    private let stores: Stores

    init(_ stores: Stores) { self.stores = stores }

    func find() async throws -> AlertSettings { try await stores.database.read { try AlertSettingsStore.find(in: $0).settings } }

    /// The webhook, if there is one that is to be told.
    func webhook() async throws -> AlertWebhook? {
        let (settings, sealed) = try await stores.database.read { try AlertSettingsStore.find(in: $0) }
        guard settings.isWebhookEnabled, let url = settings.webhookURL, let sealed else { return nil }
        return AlertWebhook(url: url, secret: SharedSecret(try stores.sealer.open(sealed, at: AlertSettingsStore.place)))
    }

    /// Replaces the settings. Without a secret the present one is kept, if the URL is the same.
    /// - Throws: `StoreError.changed` if the revision is another one than expected; `.invalid` if a new URL comes without a secret.
    func replace(_ settings: AlertSettings, secret: String?, expecting revision: Int64?) async throws -> AlertSettings {
        let sealed = try secret.map {
            try stores.sealer.seal(SecretBytes(copying: Array($0.utf8)), at: AlertSettingsStore.place)
        }
        let now = stores.clock.now
        return try await stores.database.write { connection in
            let (present, kept) = try AlertSettingsStore.find(in: connection)
            guard revision == nil || revision == present.revision else { throw StoreError.changed("the alerts' settings") }
            var next = settings
            (next.revision, next.changedAt) = (present.revision + 1, now)
            let key = next.webhookURL == nil ? nil : sealed ?? (next.webhookURL == present.webhookURL ? kept : nil)
            guard next.webhookURL == nil || key != nil else {
                throw StoreError.invalid(field: "webhook/secret", expected: "a secret, since the URL is a new one")
            }
            try connection.execute(
                """
                INSERT INTO settings (id, document, sealed, revision, changed_at) VALUES ('alerts', $1, $2, $3, $4)
                ON CONFLICT (id) DO UPDATE SET
                    document = excluded.document, sealed = excluded.sealed, revision = excluded.revision, changed_at = excluded.changed_at
                """,
                [
                    .text(String(decoding: next.document.json, as: UTF8.self)), .optional(key), .integer(next.revision),
                    .integer(now.nanoseconds),
                ])
            // What waits was meant for the webhook of before.
            if next.webhookURL != present.webhookURL { try connection.execute("DELETE FROM alert_deliveries") }
            return next
        }
    }

    static func find(in connection: borrowing SQLConnection) throws -> (settings: AlertSettings, sealed: [UInt8]?) {
        let rows = try connection.query("SELECT document, sealed, revision, changed_at FROM settings WHERE id = 'alerts'")
        guard let row = rows.first else { return (AlertSettings(), nil) }
        guard let document = try? JSONValue(parsing: Array(try row.text("document").utf8)) else { throw StoreError.corrupt("alert settings") }
        let changedAt = Instant(nanoseconds: try row.integer("changed_at"))
        return (
            AlertSettings(document: document, revision: try row.integer("revision"), changedAt: changedAt), try row.optionalBlob("sealed")
        )
    }
}
