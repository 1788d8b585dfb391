import Primitives

extension PolicyStore {
    /// The present version of each policy, and what is wrong with those that can't be read: one that an older or newer program wrote must not
    /// take the others with it.
    static func current(_ known: ParsedPolicies, _ connection: borrowing SQLConnection) throws -> (usable: [PolicyID: AccessPolicy], faults: [String]) {
        var (usable, faults): ([PolicyID: AccessPolicy], [String]) = ([:], [])
        for row in try connection.query("\(latest)") {
            let name = try row.text("name")
            do {
                usable[try id(try row.text("id"))] = try known.policy(try row.text("source"), name: name)
            } catch let error as DocumentError {
                faults.append("policy “\(name)”: \(error)")
            }
        }
        known.keep(Set(usable.values.map(\.source)))
        return (usable, faults)
    }

    static func all(_ connection: borrowing SQLConnection) throws -> [StoredPolicy] {
        try connection.query("\(latest) ORDER BY policies.name").map(policy)
    }

    static func find(_ id: PolicyID, _ connection: borrowing SQLConnection) throws -> StoredPolicy {
        guard let row = try connection.query("\(latest) WHERE policies.id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("policy \(id)")
        }
        return try policy(row)
    }

    static func version(_ version: Int64, of id: PolicyID, _ connection: borrowing SQLConnection) throws -> PolicyVersion {
        let rows = try connection.query(
            "SELECT version, source, created_at, author, note FROM policy_versions WHERE policy_id = $1 AND version = $2",
            [.text(id.description), .integer(version)])
        guard let row = rows.first else { throw StoreError.notFound("version \(version) of policy \(id)") }
        return try PolicyStore.version(row)
    }

    static func version(_ row: SQLRow) throws -> PolicyVersion {
        PolicyVersion(
            version: try row.integer("version"), source: try row.text("source"),
            createdAt: Instant(nanoseconds: try row.integer("created_at")), author: try row.text("author"), note: try row.text("note"))
    }

    static func insert(
        _ id: PolicyID, _ name: String, _ source: String, _ author: String, _ note: String, _ now: Instant,
        _ connection: borrowing SQLConnection
    ) throws -> StoredPolicy {
        try connection.execute(
            "INSERT INTO policies (id, name, version, created_at, updated_at) VALUES ($1, $2, 0, $3, $3)",
            [.text(id.description), .text(name), .integer(now.nanoseconds)])
        return try append(source, to: id, author: author, note: note, expecting: nil, now, connection)
    }

    static func append(
        _ source: String, to id: PolicyID, author: String, note: String, expecting: Int64?, _ now: Instant,
        _ connection: borrowing SQLConnection
    ) throws -> StoredPolicy {
        guard let row = try connection.query("SELECT version FROM policies WHERE id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("policy \(id)")
        }
        let version = try row.integer("version")
        if let expecting, expecting != version { throw StoreError.changed("policy \(id)") }
        try connection.execute(
            "UPDATE policies SET version = $2, updated_at = $3 WHERE id = $1",
            [.text(id.description), .integer(version + 1), .integer(now.nanoseconds)])
        try connection.execute(
            "INSERT INTO policy_versions (policy_id, version, source, created_at, author, note) VALUES ($1, $2, $3, $4, $5, $6)",
            [.text(id.description), .integer(version + 1), .text(source), .integer(now.nanoseconds), .text(author), .text(note)])
        try ChangeLog.record(.policy, id.description, at: now, in: connection)
        return try find(id, connection)
    }

    /// Runs one change as one transaction, with one time for everything in it.
    func change<R: Sendable>(
        _ body: @escaping @Sendable (Instant, borrowing SQLConnection) throws -> R
    ) async throws(StoreError) -> R {
        let now = clock.now
        return try await StoreError.typed { try await database.write { try body(now, $0) } }
    }

    static func newID() throws(StoreError) -> PolicyID {
        do { return try PolicyID.random() } catch { throw StoreError(any: error) }
    }

    static func id(_ text: String) throws(StoreError) -> PolicyID {
        guard let id = PolicyID(text) else { throw .corrupt("policy id \(text)") }
        return id
    }

    private static let latest: StaticString = """
        SELECT policies.id AS id, policies.name AS name, policies.version AS version, policies.created_at AS created_at,
            policies.updated_at AS updated_at, policy_versions.source AS source
        FROM policies JOIN policy_versions ON policy_versions.policy_id = policies.id AND policy_versions.version = policies.version
        """

    private static func policy(_ row: SQLRow) throws -> StoredPolicy {
        let name = try row.text("name")
        do {
            return StoredPolicy(
                id: try id(try row.text("id")), name: name, version: try row.integer("version"),
                policy: try AccessPolicy(parsing: try row.text("source"), source: name),
                createdAt: Instant(nanoseconds: try row.integer("created_at")), updatedAt: Instant(nanoseconds: try row.integer("updated_at")))
        } catch let error as DocumentError {
            throw StoreError.corrupt("policy “\(name)”: \(error)")
        }
    }
}
