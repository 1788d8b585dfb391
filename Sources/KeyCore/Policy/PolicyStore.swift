package import Primitives

/// A policy's entry: its name and latest version; the document is an `AccessPolicy`.
package struct StoredPolicy: Sendable {
    package let id: PolicyID
    /// Unique, for people.
    package let name: String
    /// 1, 2, …; each saving makes a new one.
    package let version: Int64
    package let policy: AccessPolicy
}

/// Policies in the database: every version is kept.
package struct PolicyStore: Sendable {
    private let database: any SQLDatabase
    private let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    /// Saves a policy under its own name: a new one, or the next version of the one that has it.
    package func save(_ policy: AccessPolicy, name: String) async throws(StoreError) -> PolicyID {
        try EntityName.check(name)
        let now = clock.now
        let fresh: PolicyID
        do { fresh = try PolicyID.random() } catch { throw StoreError(any: error) }
        return try await StoreError.typed {
            try await database.write { connection in
                let row = try connection.query("SELECT id, version FROM policies WHERE name = $1", [.text(name)]).first
                let id = try row.map { try PolicyStore.id(try $0.text("id")) } ?? fresh
                let version = (try row?.integer("version") ?? 0) + 1
                try connection.execute(
                    """
                    INSERT INTO policies (id, name, version, created_at) VALUES ($1, $2, $3, $4)
                    ON CONFLICT (id) DO UPDATE SET version = excluded.version
                    """,
                    [.text(id.description), .text(name), .integer(version), .integer(now.nanoseconds)])
                try connection.execute(
                    "INSERT INTO policy_versions (policy_id, version, source, created_at) VALUES ($1, $2, $3, $4)",
                    [.text(id.description), .integer(version), .text(policy.source), .integer(now.nanoseconds)])
                try ChangeLog.record(.policy, id.description, at: now, in: connection)
                return id
            }
        }
    }

    /// All policies by name, each in its latest version.
    package func list() async throws(StoreError) -> [StoredPolicy] {
        try await StoreError.typed { try await database.read { try PolicyStore.all($0) } }
    }

    /// The policy of that name, or whose id is `text`.
    package func find(_ text: String) async throws(StoreError) -> StoredPolicy {
        guard let policy = try await list().first(where: { $0.name == text || $0.id.description == text }) else {
            throw .notFound("policy “\(text)”")
        }
        return policy
    }

    // MARK: Rows

    static func current(_ connection: borrowing SQLConnection) throws -> [PolicyID: AccessPolicy] {
        Dictionary(uniqueKeysWithValues: try all(connection).map { ($0.id, $0.policy) })
    }

    private static func all(_ connection: borrowing SQLConnection) throws -> [StoredPolicy] {
        try connection.query(
            """
            SELECT policies.id AS id, policies.name AS name, policies.version AS version, policy_versions.source AS source
            FROM policies JOIN policy_versions ON policy_versions.policy_id = policies.id AND policy_versions.version = policies.version
            ORDER BY policies.name
            """
        ).map { row in
            let name = try row.text("name")
            do {
                return StoredPolicy(
                    id: try id(try row.text("id")), name: name, version: try row.integer("version"),
                    policy: try AccessPolicy(parsing: try row.text("source"), source: name))
            } catch let error as DocumentError {
                throw StoreError.corrupt("policy “\(name)”: \(error)")
            }
        }
    }

    private static func id(_ text: String) throws(StoreError) -> PolicyID {
        guard let id = PolicyID(text) else { throw .corrupt("policy id \(text)") }
        return id
    }
}
