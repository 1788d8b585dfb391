import KeyCore
import Primitives

/// What a new user is to be.
package struct UserDraft: Sendable {
    package var name: AccountName
    package var displayName: String?
    package var email: String?
    package var groups: [GroupID] = []
    package var passwordHash: PasswordHash?
    package var mustChangePassword = true

    /// A user of that name.
    package init(name: AccountName) { self.name = name }
}

/// What is to change of a user; nil leaves it as it is.
package struct UserChange: Sendable {
    package var displayName: String??
    package var email: String??
    package var isEnabled: Bool?
    package var certificates: [String]?
    package var identities: [User.Identity]?

    /// No change.
    package init() {}

    /// Whether it could let somebody sign in as this user who can't now.
    var opens: Bool { bindsSignIn || isEnabled == true }

    /// Whether it says by what somebody is this user.
    var bindsSignIn: Bool { email != nil || certificates != nil || identities != nil }
}

/// Users in the database. Who may do what to whom is checked within each transaction.
package struct UserStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    static let sorts = ["name": AccountListing.Sort(column: "canonical", isText: true), "created_at": .init(column: "created_at", isText: false)]

    // MARK: Reading

    func find(_ id: UserID) async throws -> User { try await database.read { try User.find(id, in: $0) } }

    func list(_ page: Page, _ listing: AccountListing) async throws -> (users: [User], total: Int64) {
        try await database.read { connection in
            let (rows, total) = try listing.rows(User.columns, from: "users", id: "id", page: page, in: connection)
            return (try rows.map { try User($0, in: connection) }, total)
        }
    }

    // MARK: Changing

    /// Adds a user to the groups of the draft, if the caller holds what they give.
    package func create(_ draft: UserDraft, by caller: Caller) async throws -> User {
        let id = try UserID.random()
        let now = clock.now
        return try await database.write { connection in
            try UserStore.insert(draft, id, at: now, in: connection)
            let rule = try PrivilegeRule(caller, in: connection)
            for group in draft.groups {
                let found = try Group.find(group, in: connection)
                try rule.requireAll(of: found, in: connection)
                guard try !QuorumScope.hasPower(found, in: connection) else {  // adding to them is an act of its own, which may need approval
                    throw Problem.invalid(
                        "/groups", expected: "no group that decides on approvals: add members with PUT /api/v1/groups/\(group)/members/{user}")
                }
                try GroupStore.add(id, to: group, at: now, in: connection)
            }
            return try User.find(id, in: connection)
        }
    }

    /// Adds the row of a new user, with the first entry of the history of passwords.
    static func insert(_ draft: UserDraft, _ id: UserID, at now: Instant, in connection: borrowing SQLConnection) throws {
        let name = draft.name
        let others = try connection.query(
            "SELECT name, canonical FROM users WHERE canonical = $1 OR skeleton = $2", [.text(name.canonical), .text(name.skeleton)])
        if let other = others.first {
            throw try other.text("canonical") == name.canonical
                ? StoreError.exists("a user named “\(name.written)”")
                : StoreError.exists("a user whose name looks like “\(name.written)”")
        }
        try checkEmail(draft.email, of: id, in: connection)
        try connection.execute(
            """
            INSERT INTO users (id, name, canonical, skeleton, display_name, email, email_canonical, enabled, password_hash,
                must_change_password, totp_secret, totp_confirmed, totp_last_step, created_at, last_sign_in_at, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, NULL, 0, 0, $10, NULL, 1)
            """,
            [
                .text(id.description), .text(name.written), .text(name.canonical), .text(name.skeleton), .optional(draft.displayName),
                .optional(draft.email), .optional(draft.email.map(Email.canonical)), .optional(draft.passwordHash?.stored),
                .boolean(draft.mustChangePassword), .integer(now.nanoseconds),
            ])
        if let hash = draft.passwordHash { try PasswordStore.remember(hash, of: id, in: connection) }
    }

    /// Changes a user. Whoever makes it possible to sign in as that user must hold everything that the user holds; who makes it impossible, the powers
    /// over people that the user holds.
    func update(_ id: UserID, _ change: UserChange, revision: Int64?, by caller: Caller) async throws -> User {
        try await database.write { connection in
            let user = try User.find(id, in: connection)
            try user.check(revision)
            if change.opens { try PrivilegeRule(caller, in: connection).requireAll(of: id, in: connection) }
            if change.isEnabled == false { try PrivilegeRule(caller, in: connection).requireMayStop(id, in: connection) }
            let wasAdministrator = try LastAdministrator.isOne(id.description, in: connection)
            let unsatisfied = try QuorumSeats.unsatisfied(in: connection)
            let email = change.email ?? user.email
            try UserStore.checkEmail(email, of: id, in: connection)
            try connection.execute(
                """
                UPDATE users SET display_name = $2, email = $3, email_canonical = $4, enabled = $5, revision = revision + 1 WHERE id = $1
                """,
                [
                    .text(id.description), .optional(change.displayName ?? user.displayName), .optional(email),
                    .optional(email.map(Email.canonical)), .boolean(change.isEnabled ?? user.isEnabled),
                ])
            if let certificates = change.certificates { try UserStore.bind(certificates, to: id, in: connection) }
            if let identities = change.identities { try UserStore.bind(identities, to: id, in: connection) }
            if change.isEnabled == false { try SessionStore.endAll(of: id, in: connection) }
            if wasAdministrator, change.isEnabled == false { try LastAdministrator.requireSome(in: connection) }
            if change.isEnabled == false { try QuorumSeats.requireSatisfiable(since: unsatisfied, in: connection) }
            return try User.find(id, in: connection)
        }
    }

    /// Removes a user with everything that is the user's: sessions, tokens, memberships, grants. The caller must hold the powers over
    /// people that the user holds.
    func delete(_ id: UserID, revision: Int64?, by caller: Caller) async throws -> User {
        try await database.write { connection in
            let user = try User.find(id, in: connection)
            try user.check(revision)
            try PrivilegeRule(caller, in: connection).requireMayStop(id, in: connection)
            let wasAdministrator = try LastAdministrator.isOne(id.description, in: connection)
            let unsatisfied = try QuorumSeats.unsatisfied(in: connection)
            for table in ["sessions", "api_tokens", "recovery_codes", "group_members", "grants", "user_certificates", "user_identities", "password_history"] {
                try connection.execute("DELETE FROM \(table) WHERE user_id = $1", [.text(id.description)])
            }
            try connection.execute("DELETE FROM users WHERE id = $1", [.text(id.description)])
            try SignInAttempts.forget(id, in: connection)
            if wasAdministrator { try LastAdministrator.requireSome(in: connection) }
            try QuorumSeats.requireSatisfiable(since: unsatisfied, in: connection)
            return user
        }
    }

    /// Ends a lock-out: new guesses are then possible, so the caller must hold the powers over people that the user holds.
    func unlock(_ id: UserID, by caller: Caller) async throws -> User {
        try await database.write { connection in
            let user = try User.find(id, in: connection)
            try PrivilegeRule(caller, in: connection).requireMayStop(id, in: connection)
            try SignInAttempts.forget(id, in: connection)
            return user
        }
    }

    // MARK: What belongs to a user

    private static func bind(_ certificates: [String], to id: UserID, in connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM user_certificates WHERE user_id = $1", [.text(id.description)])
        for fingerprint in Set(certificates) {
            guard try connection.query("SELECT user_id FROM user_certificates WHERE fingerprint = $1", [.text(fingerprint)]).isEmpty else {
                throw StoreError.exists("a user with the certificate \(fingerprint)")
            }
            try connection.execute(
                "INSERT INTO user_certificates (fingerprint, user_id) VALUES ($1, $2)", [.text(fingerprint), .text(id.description)])
        }
        // Sessions that were proved by a certificate which is the user's no more end with it.
        for row in try connection.query("SELECT id, fingerprint FROM sessions WHERE user_id = $1", [.text(id.description)]) {
            if let fingerprint = try row.optionalText("fingerprint"), !certificates.contains(fingerprint) {
                try connection.execute("DELETE FROM sessions WHERE id = $1", [.text(try row.text("id"))])
            }
        }
    }

    private static func bind(_ identities: [User.Identity], to id: UserID, in connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM user_identities WHERE user_id = $1", [.text(id.description)])
        for identity in identities {
            guard try !connection.query("SELECT id FROM oidc_providers WHERE id = $1", [.text(identity.provider)]).isEmpty else {
                throw StoreError.invalid(field: "identities", expected: "the id of an OpenID provider that exists")
            }
            let others = try connection.query(
                "SELECT user_id FROM user_identities WHERE provider_id = $1 AND (subject = $2 OR user_id = $3)",
                [.text(identity.provider), .text(identity.subject), .text(id.description)])
            guard others.isEmpty else { throw StoreError.exists("a user with that identity, or an identity of this user at that provider,") }
            try connection.execute(
                "INSERT INTO user_identities (provider_id, subject, user_id) VALUES ($1, $2, $3)",
                [.text(identity.provider), .text(identity.subject), .text(id.description)])
        }
    }

    private static func checkEmail(_ email: String?, of id: UserID, in connection: borrowing SQLConnection) throws {
        guard let email else { return }
        let others = try connection.query(
            "SELECT id FROM users WHERE email_canonical = $1 AND id <> $2", [.text(Email.canonical(email)), .text(id.description)])
        guard others.isEmpty else { throw StoreError.exists("a user with that e-mail address") }
    }
}

/// E-mail addresses, as far as we must know them.
enum Email {
    /// ASCII without space, one `@` with something on both sides.
    static func isAcceptable(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return text.utf8.allSatisfy { (0x21...0x7E).contains($0) } && parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
    }

    /// The form in which addresses are compared.
    static func canonical(_ text: String) -> String { text.lowercased() }
}
