package import Primitives

/// What an administrator says of a new endpoint.
package struct EndpointDraft: Sendable {
    package var name: String
    package var door = FrontDoorKind.ekm
    /// The URL's path; nil for `v0/ekm/endpoints/<id>`.
    package var path: String?
    package var hostnames: [String]
    package var keyID: KeyID
    package var policyID: PolicyID
    package var issuers: [IssuerID]
    package var extraAudiences: [String] = []
    package var allowedProjects: [String] = []

    /// An active EKM endpoint at its default path.
    package init(name: String, hostnames: [String], keyID: KeyID, policyID: PolicyID, issuers: [IssuerID]) {
        (self.name, self.hostnames, self.keyID) = (name, hostnames, keyID)
        (self.policyID, self.issuers) = (policyID, issuers)
    }
}

/// Endpoints in the database, and the snapshot made of them.
package struct EndpointStore: Sendable {
    private let database: any SQLDatabase
    private let clock: WallClock

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    /// Adds an endpoint, active.
    package func create(_ draft: EndpointDraft) async throws(StoreError) -> EndpointID {
        try EntityName.check(draft.name)
        let id: EndpointID
        do { id = try EndpointID.random() } catch { throw StoreError(any: error) }
        let path = draft.path ?? "v0/\(draft.door.rawValue)/endpoints/\(id)"
        try EndpointStore.check(path: path)
        let hostnames = draft.hostnames.map(ASCII.lowercased)
        for hostname in hostnames { try EndpointStore.check(hostname: hostname) }
        guard !hostnames.isEmpty else { throw .refused("expected at least one host name, under which the cloud calls us") }
        guard !draft.issuers.isEmpty else { throw .refused("expected at least one issuer, whose tokens the endpoint believes") }
        guard (draft.extraAudiences + draft.allowedProjects).allSatisfy({ (1...512).contains($0.utf8.count) }) else {
            throw .refused("expected audiences and projects of 1 to 512 bytes")
        }
        let options = EndpointStore.options(extraAudiences: draft.extraAudiences, allowedProjects: draft.allowedProjects)
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                guard try connection.query("SELECT id FROM endpoints WHERE name = $1 OR path = $2", [.text(draft.name), .text(path)]).isEmpty
                else { throw StoreError.exists("an endpoint named “\(draft.name)” or at /\(path)") }
                try EndpointStore.checkParts(draft, connection)
                try connection.execute(
                    """
                    INSERT INTO endpoints (id, name, door, path, hostnames, key_id, policy_id, state, options, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                    """,
                    [
                        .text(id.description), .text(draft.name), .text(draft.door.rawValue), .text(path),
                        .text(hostnames.joined(separator: " ")), .text(draft.keyID.description), .text(draft.policyID.description),
                        .text(EndpointState.active.rawValue), .text(options), .integer(now.nanoseconds),
                    ])
                for issuer in Set(draft.issuers) {
                    try connection.execute(
                        "INSERT INTO endpoint_issuers (endpoint_id, issuer_id) VALUES ($1, $2)",
                        [.text(id.description), .text(issuer.description)])
                }
                try ChangeLog.record(.endpoint, id.description, at: now, in: connection)
            }
        }
        return id
    }

    /// Activates, pauses or disables an endpoint.
    package func setState(_ state: EndpointState, of id: EndpointID) async throws(StoreError) {
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                let changed = try connection.execute(
                    "UPDATE endpoints SET state = $2 WHERE id = $1", [.text(id.description), .text(state.rawValue)])
                guard changed == 1 else { throw StoreError.notFound("endpoint \(id)") }
                try ChangeLog.record(.endpoint, id.description, at: now, in: connection)
            }
        }
    }

    /// Gives an endpoint another policy.
    package func setPolicy(_ policy: PolicyID, of id: EndpointID) async throws(StoreError) {
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                try EndpointStore.check("policies", policy.description, "policy", connection)
                let changed = try connection.execute(
                    "UPDATE endpoints SET policy_id = $2 WHERE id = $1", [.text(id.description), .text(policy.description)])
                guard changed == 1 else { throw StoreError.notFound("endpoint \(id)") }
                try ChangeLog.record(.endpoint, id.description, at: now, in: connection)
            }
        }
    }

    /// Removes an endpoint; its key stays.
    package func delete(_ id: EndpointID) async throws(StoreError) {
        let now = clock.now
        try await StoreError.typed {
            try await database.write { connection in
                try connection.execute("DELETE FROM endpoint_issuers WHERE endpoint_id = $1", [.text(id.description)])
                guard try connection.execute("DELETE FROM endpoints WHERE id = $1", [.text(id.description)]) == 1 else {
                    throw StoreError.notFound("endpoint \(id)")
                }
                try ChangeLog.record(.endpoint, id.description, at: now, in: connection)
            }
        }
    }

    /// Everything that requests need, as it is now.
    package func snapshot() async throws(StoreError) -> RoutingSnapshot {
        try await StoreError.typed {
            try await database.read { connection in
                let issuers = try IssuerStore.all(connection)
                let policies = try PolicyStore.current(connection)
                let rows = try connection.query(
                    "SELECT id, name, door, path, hostnames, key_id, policy_id, state, options FROM endpoints ORDER BY name")
                let endpoints = try rows.map { try EndpointStore.endpoint($0, issuers, policies, connection) }
                return RoutingSnapshot(sequence: try ChangeLog.latest(in: connection), endpoints: endpoints, issuers: issuers)
            }
        }
    }

    // MARK: Rows

    private static func endpoint(
        _ row: SQLRow, _ issuers: [Issuer], _ policies: [PolicyID: AccessPolicy], _ connection: borrowing SQLConnection
    ) throws -> Endpoint {
        guard let id = EndpointID(try row.text("id")), let door = FrontDoorKind(rawValue: try row.text("door")),
            let keyID = KeyID(try row.text("key_id")), let policyID = PolicyID(try row.text("policy_id")),
            let policy = policies[policyID], let state = EndpointState(rawValue: try row.text("state"))
        else { throw StoreError.corrupt("endpoint \(try row.text("id"))") }
        let own = Set(try connection.query(
            "SELECT issuer_id FROM endpoint_issuers WHERE endpoint_id = $1", [.text(id.description)]
        ).map { try $0.text("issuer_id") })
        let options = try JSONValue(parsing: Array(try row.text("options").utf8))
        // A list that can't be read must not become an empty one: that permits every project.
        guard let extraAudiences = options["extraAudiences"]?.strings, let allowedProjects = options["allowedProjects"]?.strings else {
            throw StoreError.corrupt("the options of endpoint \(id)")
        }
        return Endpoint(
            id: id, name: try row.text("name"), door: door, path: try row.text("path"),
            hostnames: try row.text("hostnames").split(separator: " ").map(String.init), keyID: keyID, policyID: policyID,
            policy: policy, state: state, extraAudiences: extraAudiences, allowedProjects: allowedProjects,
            issuers: issuers.filter { own.contains($0.id.description) })
    }

    private static func options(extraAudiences: [String], allowedProjects: [String]) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("extraAudiences")
            writer.value(.array(extraAudiences.map(JSONValue.string)))
            writer.name("allowedProjects")
            writer.value(.array(allowedProjects.map(JSONValue.string)))
        }
        return writer.string
    }

    /// That what the endpoint names is there, and that each value of `iss` has one issuer.
    private static func checkParts(_ draft: EndpointDraft, _ connection: borrowing SQLConnection) throws {
        try check("keys", draft.keyID.description, "key", connection)
        try check("policies", draft.policyID.description, "policy", connection)
        let issuers = try IssuerStore.all(connection).filter { draft.issuers.contains($0.id) }
        for id in draft.issuers where !issuers.contains(where: { $0.id == id }) { throw StoreError.notFound("issuer \(id)") }
        var owners: [String: Issuer] = [:]
        for issuer in issuers {
            for value in issuer.values {
                guard let other = owners.updateValue(issuer, forKey: value), other.id != issuer.id else { continue }
                throw StoreError.refused("issuers “\(other.name)” and “\(issuer.name)” both claim “\(value)”: an endpoint can believe one of them")
            }
        }
    }

    private static func check(_ table: StaticString, _ id: String, _ kind: String, _ connection: borrowing SQLConnection) throws {
        guard try !connection.query("SELECT id FROM \(table) WHERE id = $1", [.text(id)]).isEmpty else {
            throw StoreError.notFound("\(kind) \(id)")
        }
    }

    /// Several segments of unreserved characters (RFC 3986, 2.3) without `.` and `..`.
    private static func check(path: String) throws(StoreError) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        let isFine = path.utf8.count <= 512 && segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".."
                && segment.utf8.allSatisfy { $0 == 0x2D || $0 == 0x2E || $0 == 0x5F || $0 == 0x7E || isAlphanumeric($0) }
        }
        guard isFine else { throw .refused("expected a path such as v0/ekm/keys/disk, of letters, digits and - . _ ~, found “\(path.prefix(80))”") }
    }

    private static func check(hostname: String) throws(StoreError) {
        let labels = hostname.split(separator: ".", omittingEmptySubsequences: false)
        let isFine = hostname.utf8.count <= 253 && labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { $0 == 0x2D || isAlphanumeric($0) }
        }
        guard isFine else { throw .refused("expected a host name such as ekm.example.com, without scheme, port and path, found “\(hostname.prefix(80))”") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
