package import Primitives

/// A policy's entry: its name and latest version; the document is an `AccessPolicy`.
package struct StoredPolicy: Sendable {
    package let id: PolicyID
    /// Unique, for people.
    package let name: String
    /// 1, 2, …; each saving makes a new one. It is the entry's revision as well.
    package let version: Int64
    package let policy: AccessPolicy
    package let createdAt: Instant
    package let updatedAt: Instant
}

/// One version of a policy.
package struct PolicyVersion: Sendable, Equatable {
    package let version: Int64
    /// The document as it was written.
    package let source: String
    package let createdAt: Instant
    /// Who saved it, as in the audit; empty if that is not known.
    package let author: String
    /// Why; may be empty.
    package let note: String
}

/// Policies in the database: every version is kept.
package struct PolicyStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    // MARK: Saving

    /// Saves a policy under its own name: a new one, or the next version of the one that has it.
    package func save(_ policy: AccessPolicy, name: String) async throws(StoreError) -> PolicyID {
        try EntityName.check(name)
        let fresh = try PolicyStore.newID()
        return try await change { now, connection in
            let row = try connection.query("SELECT id FROM policies WHERE name = $1", [.text(name)]).first
            guard let row else { return try PolicyStore.insert(fresh, name, policy.source, "", "", now, connection).id }
            let id = try PolicyStore.id(try row.text("id"))
            return try PolicyStore.append(policy.source, to: id, author: "", note: "", expecting: nil, now, connection).id
        }
    }

    /// Adds a policy.
    package func create(
        _ policy: AccessPolicy, name: String, author: String = "", note: String = ""
    ) async throws(StoreError) -> StoredPolicy {
        try EntityName.check(name)
        try FreeText.check(description: note)
        let id = try PolicyStore.newID()
        return try await change { now, connection in
            guard try connection.query("SELECT id FROM policies WHERE name = $1", [.text(name)]).isEmpty else {
                throw StoreError.exists("a policy named “\(name)”")
            }
            return try PolicyStore.insert(id, name, policy.source, author, note, now, connection)
        }
    }

    /// Saves the next version, which serves at once.
    /// - Parameter expecting: the version that the caller has read.
    package func append(
        _ policy: AccessPolicy, to id: PolicyID, author: String = "", note: String = "", expecting: Int64? = nil
    ) async throws(StoreError) -> StoredPolicy {
        try FreeText.check(description: note)
        return try await change { now, connection in
            try PolicyStore.append(policy.source, to: id, author: author, note: note, expecting: expecting, now, connection)
        }
    }

    /// Saves the document of an earlier version as the next one.
    package func rollBack(
        _ id: PolicyID, to version: Int64, author: String = "", expecting: Int64? = nil
    ) async throws(StoreError) -> StoredPolicy {
        try await change { now, connection in
            let old = try PolicyStore.version(version, of: id, connection)
            return try PolicyStore.append(
                old.source, to: id, author: author, note: "roll back to version \(version)", expecting: expecting, now, connection)
        }
    }

    /// Removes a policy with all its versions, if nothing uses it.
    /// - Returns: what it was.
    package func delete(_ id: PolicyID, expecting: Int64? = nil) async throws(StoreError) -> StoredPolicy {
        try await change { now, connection in
            let policy = try PolicyStore.find(id, connection)
            if let expecting, expecting != policy.version { throw StoreError.changed("policy \(id)") }
            for (table, column, kind) in [("endpoints", "policy_id", "endpoint"), ("keys", "export_policy_id", "key")] as [(StaticString, StaticString, String)] {
                let users = try connection.query("SELECT name FROM \(table) WHERE \(column) = $1 ORDER BY name LIMIT 1", [.text(id.description)])
                if let user = users.first { throw StoreError.refused("\(kind) “\(try user.text("name"))” uses the policy: give it another one first") }
            }
            try connection.execute("DELETE FROM policy_versions WHERE policy_id = $1", [.text(id.description)])
            try connection.execute("DELETE FROM policies WHERE id = $1", [.text(id.description)])
            try ChangeLog.record(.policy, id.description, at: now, in: connection)
            return policy
        }
    }

    // MARK: Reading

    /// All policies by name, each in its latest version.
    package func list() async throws(StoreError) -> [StoredPolicy] {
        try await StoreError.typed { try await database.read { try PolicyStore.all($0) } }
    }

    /// A page of policies.
    package func list(name: String?, _ keyset: Keyset) async throws(StoreError) -> Listing<StoredPolicy> {
        try await StoreError.typed {
            try await database.read { connection in
                var query = KeysetQuery("policies")
                if let name { query.add("name = $", .text(name)) }
                let (rows, total) = try query.run("id, name, created_at, updated_at", keyset, connection)
                return Listing(items: try rows.map { try PolicyStore.find(try PolicyStore.id(try $0.text("id")), connection) }, total: total)
            }
        }
    }

    /// The policy of that id, in its latest version.
    package func find(_ id: PolicyID) async throws(StoreError) -> StoredPolicy {
        try await StoreError.typed { try await database.read { try PolicyStore.find(id, $0) } }
    }

    /// The policy of that name, or whose id is `text`.
    package func find(_ text: String) async throws(StoreError) -> StoredPolicy {
        guard let policy = try await list().first(where: { $0.name == text || $0.id.description == text }) else {
            throw .notFound("policy “\(text)”")
        }
        return policy
    }

    /// One version.
    package func version(_ version: Int64, of id: PolicyID) async throws(StoreError) -> PolicyVersion {
        try await StoreError.typed { try await database.read { try PolicyStore.version(version, of: id, $0) } }
    }

    /// A policy's versions, newest first: those below `below`, at most `limit` and one; and how many there are.
    package func versions(of id: PolicyID, below: Int64?, limit: Int) async throws(StoreError) -> Listing<PolicyVersion> {
        try await StoreError.typed {
            try await database.read { connection in
                let total = try PolicyStore.find(id, connection).version
                let rows = try connection.query(
                    """
                    SELECT version, source, created_at, author, note FROM policy_versions WHERE policy_id = $1 AND version < $2
                    ORDER BY version DESC LIMIT $3
                    """, [.text(id.description), .integer(below ?? .max), .integer(Int64(limit) + 1)])
                return Listing(items: try rows.map(PolicyStore.version), total: total)
            }
        }
    }
}
