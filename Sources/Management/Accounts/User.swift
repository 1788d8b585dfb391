import KeyCore
package import Primitives

/// An account of a person or a program, without what is secret of it.
package struct User: Sendable, Equatable {
    /// A sign-in at an OpenID provider that is this user's.
    package struct Identity: Sendable, Equatable {
        package let provider: String
        package let subject: String
    }

    package let id: UserID
    package let name: String
    let canonical: String
    package let displayName: String?
    package let email: String?
    package let isEnabled: Bool
    package let hasPassword: Bool
    package let mustChangePassword: Bool
    package let hasSecondFactor: Bool
    package let createdAt: Instant
    package let lastSignInAt: Instant?
    package let revision: Int64
    package let groups: [(id: String, name: String)]
    package let certificates: [String]
    package let identities: [Identity]

    package static func == (a: User, b: User) -> Bool { a.id == b.id && a.revision == b.revision }

    static let columns = """
        id, name, canonical, display_name, email, enabled, password_hash, must_change_password, totp_confirmed, created_at,
        last_sign_in_at, revision
        """

    /// From a row of `columns`, with what belongs to it in other tables.
    init(_ row: SQLRow, in connection: borrowing SQLConnection) throws {
        let key = try row.text("id")
        guard let id = UserID(key) else { throw StoreError.corrupt("user \(key)") }
        self.id = id
        (name, canonical) = (try row.text("name"), try row.text("canonical"))
        (displayName, email) = (try row.optionalText("display_name"), try row.optionalText("email"))
        (isEnabled, hasPassword) = (try row.boolean("enabled"), try row.optionalText("password_hash") != nil)
        (mustChangePassword, hasSecondFactor) = (try row.boolean("must_change_password"), try row.boolean("totp_confirmed"))
        createdAt = Instant(nanoseconds: try row.integer("created_at"))
        lastSignInAt = try row.optionalInteger("last_sign_in_at").map { Instant(nanoseconds: $0) }
        revision = try row.integer("revision")
        groups = try connection.query(
            "SELECT g.id, g.name FROM group_members m JOIN user_groups g ON g.id = m.group_id WHERE m.user_id = $1 ORDER BY g.canonical",
            [.text(key)]
        ).map { (try $0.text("id"), try $0.text("name")) }
        certificates = try connection.query(
            "SELECT fingerprint FROM user_certificates WHERE user_id = $1 ORDER BY fingerprint", [.text(key)]
        ).map { try $0.text("fingerprint") }
        identities = try connection.query(
            "SELECT provider_id, subject FROM user_identities WHERE user_id = $1 ORDER BY provider_id", [.text(key)]
        ).map { Identity(provider: try $0.text("provider_id"), subject: try $0.text("subject")) }
    }

    /// The user of that id.
    /// - Throws: `.notFound`.
    static func find(_ id: UserID, in connection: borrowing SQLConnection) throws -> User {
        guard let row = try connection.query("SELECT \(columns) FROM users WHERE id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("user \(id)")
        }
        return try User(row, in: connection)
    }

    /// Throws `.changed` unless the caller has read the present state.
    func check(_ expected: Int64?) throws(StoreError) {
        guard expected == nil || expected == revision else { throw .changed("user “\(name)”") }
    }
}
