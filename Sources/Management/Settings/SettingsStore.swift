import KeyCore
import Primitives

/// Keeps the server's settings: one row, with the proxy's credentials sealed beside it.
struct SettingsStore: Sendable {
    private static let place = SealedLocation(table: "settings", row: "server", column: "sealed")
    private let stores: Stores

    init(_ stores: Stores) { self.stores = stores }

    /// What is set.
    func find() async throws -> ServerSettings {
        try await stores.database.read { try SettingsStore.find(in: $0).settings }
    }

    /// What is set, with the proxy's user and password.
    func findWithCredentials() async throws -> (settings: ServerSettings, credentials: ProxyCredentials?) {
        let (settings, sealed) = try await stores.database.read { try SettingsStore.find(in: $0) }
        guard let sealed else { return (settings, nil) }
        return (settings, ProxyCredentials(unsealed: try stores.sealer.open(sealed, at: SettingsStore.place)))
    }

    /// Changes what the patch names; what it says is null is as the file says from then on. While people sign in at an OpenID provider, whoever
    /// changes the way to it could sign in as anybody: only who holds everything that anybody holds may.
    /// - Returns: what is set afterwards.
    /// - Throws: `StoreError.changed` if the revision is another one than expected.
    func apply(_ patch: SettingsPatch, expecting revision: Int64?, by caller: Caller) async throws -> ServerSettings {
        let sealed = try patch.credentials.map { try stores.sealer.seal($0.sealable, at: SettingsStore.place) }
        let now = stores.clock.now
        return try await stores.database.write { connection in
            let (settings, present) = try SettingsStore.find(in: connection)
            guard revision == nil || revision == settings.revision else { throw StoreError.changed("the settings") }
            var next = patch.applied(to: settings)
            if next.reachesProvidersOtherwise(than: settings), try OIDCProvider.isAnyEnabled(in: connection) {
                try PrivilegeRule(caller, in: connection).requireAllOfEverybody(in: connection)
            }
            guard patch.credentials == nil || next.proxyURL != nil else {
                throw StoreError.invalid(field: "proxy_credentials", expected: "a proxy_url that is set here too")
            }
            (next.revision, next.changedAt) = (settings.revision + 1, now)
            let kept = patch.keepsCredentials(of: settings) ? present : nil
            let credentials = next.proxyURL == nil ? nil : sealed ?? kept
            next.hasCredentials = credentials != nil
            try connection.execute(
                """
                INSERT INTO settings (id, document, sealed, revision, changed_at) VALUES ('server', $1, $2, $3, $4)
                ON CONFLICT (id) DO UPDATE SET
                    document = excluded.document, sealed = excluded.sealed, revision = excluded.revision, changed_at = excluded.changed_at
                """,
                [
                    .text(String(decoding: next.document.json, as: UTF8.self)), .optional(credentials), .integer(next.revision),
                    .integer(now.nanoseconds),
                ])
            return next
        }
    }

    private static func find(in connection: borrowing SQLConnection) throws -> (settings: ServerSettings, sealed: [UInt8]?) {
        let rows = try connection.query("SELECT document, sealed, revision, changed_at FROM settings WHERE id = 'server'")
        guard let row = rows.first else { return (ServerSettings(), nil) }
        let sealed = try row.optionalBlob("sealed")
        guard let document = try? JSONValue(parsing: Array(try row.text("document").utf8)) else { throw StoreError.corrupt("settings") }
        let settings = ServerSettings(
            document: document, revision: try row.integer("revision"), changedAt: Instant(nanoseconds: try row.integer("changed_at")),
            hasCredentials: sealed != nil)
        return (settings, sealed)
    }
}

/// A proxy's user and password.
struct ProxyCredentials: Sendable {
    let user: String
    let password: SharedSecret

    init(user: String, password: SharedSecret) { (self.user, self.password) = (user, password) }

    /// `user`, a line feed, `password`: neither holds one.
    init?(unsealed: borrowing SecretBytes) {
        let bytes = unsealed.exposedCopy()
        guard let split = bytes.firstIndex(of: 0x0A) else { return nil }
        user = String(decoding: bytes[..<split], as: UTF8.self)
        password = SharedSecret(unsealed.slice((split + 1)..<bytes.count))
    }

    var sealable: SecretBytes {
        var bytes = Array("\(user)\n".utf8)
        bytes += password.bytes.exposedCopy()
        defer { bytes.wipe() }
        return SecretBytes(copying: bytes)
    }
}
