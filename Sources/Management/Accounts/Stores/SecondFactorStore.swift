import KeyCore
import Primitives

/// Second factors in the database, sealed.
struct SecondFactorStore: Sendable {
    let database: any SQLDatabase
    let sealer: DataSealer
    let clock: WallClock

    /// Keeps a new secret, which counts only once a code of it was confirmed.
    func begin(_ secret: SharedSecret, for id: UserID) async throws -> User {
        let sealed = try sealer.seal(secret.bytes, at: SecondFactorStore.place(id))
        return try await database.write { connection in
            let user = try User.find(id, in: connection)
            guard !user.hasSecondFactor else {
                throw StoreError.refused("there is a second factor already; remove it first")
            }
            try connection.execute(
                "UPDATE users SET totp_secret = $2, totp_confirmed = 0, totp_last_step = 0, revision = revision + 1 WHERE id = $1",
                [.text(id.description), .blob(sealed)])
            return user
        }
    }

    /// Makes the new secret count, if `code` is one of its.
    /// - Returns: its recovery codes, which are not to be had again; nil if the code is wrong.
    func confirm(_ code: String, for id: UserID) async throws -> [String]? {
        let now = clock.now
        let codes = try RecoveryCodes.make()
        return try await database.write { connection in
            guard let credentials = try Credentials.find("id", id.description, in: connection) else { throw StoreError.notFound("user \(id)") }
            guard credentials.sealedSecondFactor != nil, !credentials.secondFactorIsConfirmed else {
                throw StoreError.refused("no new second factor waits for its first code: begin with POST /api/v1/self/totp")
            }
            guard try SecondFactorStore.use(code, credentials, sealer, at: now, in: connection) else { return nil }
            try SecondFactorStore.replace(codes, of: id, in: connection)
            try connection.execute(
                "UPDATE users SET totp_confirmed = 1, revision = revision + 1 WHERE id = $1", [.text(id.description)])
            return codes
        }
    }

    /// New recovery codes in place of all earlier ones.
    func renewRecoveryCodes(of id: UserID) async throws -> [String] {
        let codes = try RecoveryCodes.make()
        return try await database.write { connection in
            guard try User.find(id, in: connection).hasSecondFactor else {
                throw StoreError.refused("there is no second factor: begin with POST /api/v1/self/totp")
            }
            try SecondFactorStore.replace(codes, of: id, in: connection)
            return codes
        }
    }

    private static func replace(_ codes: [String], of id: UserID, in connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM recovery_codes WHERE user_id = $1", [.text(id.description)])
        for hash in codes.compactMap(RecoveryCodes.hash) {
            try connection.execute("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)", [.text(id.description), .text(hash)])
        }
    }

    /// Removes the second factor; somebody else must hold everything that the user holds.
    func remove(from id: UserID, by caller: Caller) async throws -> User {
        try await database.write { connection in
            let user = try User.find(id, in: connection)
            try PrivilegeRule(caller, in: connection).requireAll(of: id, in: connection)
            try SecondFactorStore.replace([], of: id, in: connection)
            try connection.execute(
                "UPDATE users SET totp_secret = NULL, totp_confirmed = 0, totp_last_step = 0, revision = revision + 1 WHERE id = $1",
                [.text(id.description)])
            return user
        }
    }

    /// Whether `code` is right: the program's present one, or a recovery code. It is used up in the same transaction, so that each counts once
    /// (N34).
    static func use(
        _ code: String, _ credentials: Credentials, _ sealer: DataSealer, at now: Instant, in connection: borrowing SQLConnection
    ) throws -> Bool {
        guard let sealed = credentials.sealedSecondFactor else { return false }
        if credentials.secondFactorIsConfirmed, let hash = RecoveryCodes.hash(code) {
            return try connection.execute(
                "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2", [.text(credentials.id.description), .text(hash)]) == 1
        }
        let secret = try sealer.open(sealed, at: place(credentials.id))
        guard let step = try TOTP.match(code, secret: secret, now: now, after: credentials.lastStep) else { return false }
        try connection.execute(
            "UPDATE users SET totp_last_step = $2 WHERE id = $1", [.text(credentials.id.description), .integer(step)])
        return true
    }

    static func place(_ id: UserID) -> SealedLocation { SealedLocation(table: "users", row: id.description, column: "totp_secret") }
}
