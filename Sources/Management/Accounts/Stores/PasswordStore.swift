import KeyCore
import Primitives

/// What is secret of an account, as far as it can be read back: hashes, and the sealed secret of the second factor.
struct Credentials: Sendable {
    let id: UserID
    let name: AccountName
    let isEnabled: Bool
    /// As stored.
    let passwordHash: String?
    let sealedSecondFactor: [UInt8]?
    let secondFactorIsConfirmed: Bool
    let lastStep: Int64

    private static let columns = "id, name, enabled, password_hash, totp_secret, totp_confirmed, totp_last_step"

    static func find(_ column: String, _ value: String, in connection: borrowing SQLConnection) throws -> Credentials? {
        let filter = column == "id" ? "id = $1" : "canonical = $1"
        guard let row = try connection.query("SELECT \(columns) FROM users WHERE \(filter)", [.text(value)]).first else { return nil }
        let key = try row.text("id")
        guard let id = UserID(key) else { throw StoreError.corrupt("user \(key)") }
        return Credentials(
            id: id, name: AccountName(typed: try row.text("name")), isEnabled: try row.boolean("enabled"),
            passwordHash: try row.optionalText("password_hash"), sealedSecondFactor: try row.optionalBlob("totp_secret"),
            secondFactorIsConfirmed: try row.boolean("totp_confirmed"), lastStep: try row.integer("totp_last_step"))
    }

    /// The hash to compare with.
    var hash: PasswordHash? { passwordHash.flatMap(PasswordHash.init(stored:)) }
}

/// Passwords in the database.
struct PasswordStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    func credentials(_ id: UserID) async throws -> Credentials {
        let found = try await database.read { try Credentials.find("id", id.description, in: $0) }
        guard let found else { throw StoreError.notFound("user \(id)") }
        return found
    }

    /// The hashes that a new password must not match, newest first.
    func history(of id: UserID, count: Int) async throws -> [PasswordHash] {
        try await database.read { connection in
            try connection.query(
                "SELECT password_hash FROM password_history WHERE user_id = $1 ORDER BY number DESC LIMIT $2",
                [.text(id.description), .integer(Int64(count))]
            ).compactMap { PasswordHash(stored: try $0.text("password_hash")) }
        }
    }

    /// Replaces a password; all sessions of the user end.
    /// - Parameters:
    ///   - previous: the stored hash that the change was decided on; another one meanwhile makes it fail.
    ///   - mustChange: whether the user has to replace it at once.
    ///   - caller: if somebody else, it must hold everything that the user holds.
    ///   - then: what else belongs to the transaction.
    func replace<R: Sendable>(
        _ previous: String?, of id: UserID, with hash: PasswordHash, mustChange: Bool, by caller: Caller,
        then: @escaping @Sendable (borrowing SQLConnection) throws -> R
    ) async throws -> R {
        try await database.write { connection in
            try PrivilegeRule(caller, in: connection).requireAll(of: id, in: connection)
            let count = try connection.execute(
                """
                UPDATE users SET password_hash = $2, must_change_password = $3, revision = revision + 1
                WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $4
                """,
                [.text(id.description), .text(hash.stored), .boolean(mustChange), .optional(previous)])
            guard count == 1 else { throw StoreError.refused("the password was changed in the meantime; begin again") }
            try PasswordStore.remember(hash, of: id, in: connection)
            try SessionStore.endAll(of: id, in: connection)
            try SignInAttempts.forget(id, in: connection)
            return try then(connection)
        }
    }

    /// Keeps a hash so that the password can't come back soon.
    static func remember(_ hash: PasswordHash, of id: UserID, in connection: borrowing SQLConnection) throws {
        let latest = try connection.query(
            "SELECT COALESCE(MAX(number), 0) AS latest FROM password_history WHERE user_id = $1", [.text(id.description)])
        let number = try latest.first?.integer("latest") ?? 0
        try connection.execute(
            "INSERT INTO password_history (user_id, number, password_hash) VALUES ($1, $2, $3)",
            [.text(id.description), .integer(number + 1), .text(hash.stored)])
        try connection.execute(
            "DELETE FROM password_history WHERE user_id = $1 AND number <= $2", [.text(id.description), .integer(number - 23)])
    }
}
