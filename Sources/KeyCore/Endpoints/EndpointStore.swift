package import Primitives

/// What an administrator says of a new endpoint.
package struct EndpointDraft: Sendable {
    package var name: String
    package var description = ""
    package var door = FrontDoorKind.ekm
    /// The URL's path; nil for `v0/ekm/endpoints/<id>`.
    package var path: String?
    package var hostnames: [String]
    package var keyID: KeyID
    package var policyID: PolicyID
    package var issuers: [IssuerID]
    package var extraAudiences: [String] = []
    package var allowedProjects: [String] = []
    /// What only an endpoint of `.kacls` has, and must have; it names the issuers.
    package var kacls: KACLSOptions?
    /// Under which port callers reach us, if that is known: where `kacls` names no URL and it isn't that of HTTPS, it stands in the URL.
    package var port: Int?
    /// Its id, if something was made for it beforehand; a new one if nil.
    package var id: EndpointID?
    /// For an endpoint of the Cache-Only Key Service.
    package var salesforce: CacheOnlyOptions?

    /// An active EKM endpoint at its default path.
    package init(name: String, hostnames: [String], keyID: KeyID, policyID: PolicyID, issuers: [IssuerID]) {
        (self.name, self.hostnames, self.keyID) = (name, hostnames, keyID)
        (self.policyID, self.issuers) = (policyID, issuers)
    }
}

/// An endpoint as administrators see it.
package struct EndpointEntry: Sendable, Equatable {
    package let id: EndpointID
    package var name: String
    package var description: String
    package let door: FrontDoorKind
    package var path: String
    package var hostnames: [String]
    package var keyID: KeyID
    package var policyID: PolicyID
    package var issuers: [IssuerID]
    package var extraAudiences: [String]
    package var allowedProjects: [String]
    /// What only an endpoint of `.kacls` has; it names the issuers.
    package var kacls: KACLSOptions? { didSet { takeIssuers() } }
    /// What only an endpoint of the Cache-Only Key Service has.
    package var salesforce: CacheOnlyOptions?
    package var state: EndpointState
    package var revision: Int64
    package let createdAt: Instant
    package var updatedAt: Instant

    /// Makes `issuers` those that the options name, where they do.
    mutating func takeIssuers() {
        if let kacls { issuers = kacls.issuers.sorted { $0.description < $1.description } }
    }

    /// The same for issuers that somebody names beside the options: they may only repeat them.
    mutating func takeIssuers(besides named: [IssuerID]) throws(StoreError) {
        takeIssuers()
        guard kacls == nil || named.isEmpty || Set(named) == Set(issuers) else {
            throw .invalid(field: "issuer_ids", expected: "nothing: an endpoint of the door kacls names its issuers in its options")
        }
    }
}

/// What becomes different about an endpoint; nil leaves a thing as it is.
package struct EndpointChange: Sendable {
    package var name: String?
    package var description: String?
    package var path: String?
    package var hostnames: [String]?
    package var keyID: KeyID?
    package var policyID: PolicyID?
    package var issuers: [IssuerID]?
    package var extraAudiences: [String]?
    package var allowedProjects: [String]?
    /// All options of `.kacls` anew.
    package var kacls: KACLSOptions?
    /// Those of its options that become different, as `KACLSOptions.document` names them.
    package var kaclsMembers: JSONValue?
    package var salesforce: CacheOnlyChange?

    /// Nothing.
    package init() {}
}

/// Endpoints in the database, and the snapshot made of them.
package struct EndpointStore: Sendable {
    let database: any SQLDatabase
    let clock: WallClock
    private let policies = ParsedPolicies()

    /// Over an open, migrated database.
    package init(database: any SQLDatabase, clock: WallClock) { (self.database, self.clock) = (database, clock) }

    /// Adds an endpoint, active.
    package func create(_ draft: EndpointDraft) async throws(StoreError) -> EndpointID { try await add(draft).id }

    /// The same, and gives it back.
    package func add(_ draft: EndpointDraft) async throws(StoreError) -> EndpointEntry {
        let id: EndpointID
        do { id = try draft.id ?? EndpointID.random() } catch { throw StoreError(any: error) }
        let now = clock.now
        var made = EndpointEntry(
            id: id, name: draft.name, description: draft.description, door: draft.door,
            path: draft.path ?? "v0/\(draft.door.rawValue)/endpoints/\(id)", hostnames: draft.hostnames.map(ASCII.lowercased),
            keyID: draft.keyID, policyID: draft.policyID, issuers: draft.issuers, extraAudiences: draft.extraAudiences,
            allowedProjects: draft.allowedProjects, kacls: draft.kacls, salesforce: draft.salesforce, state: .active, revision: 0, createdAt: now,
            updatedAt: now)
        try made.takeIssuers(besides: draft.issuers)
        if let port = draft.port, port != 443, var options = made.kacls, options.urls.isEmpty {
            options.urls = made.hostnames.compactMap { [path = made.path] in KACLSURL("https://\($0):\(port)/\(path)") }
            made.kacls = options
        }
        let entry = made
        try EndpointRules.check(entry)
        try EndpointRules.checkCertificates(entry, replacing: nil, at: now)
        return try await StoreError.typed {
            try await database.write { connection in
                try EndpointRules.checkUniqueness(entry, connection)
                try EndpointRules.checkParts(entry, connection)
                try connection.execute(
                    """
                    INSERT INTO endpoints (id, name, door, path, hostnames, key_id, policy_id, state, options, created_at, description, revision)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)
                    """,
                    EndpointRow.values(entry) + [.integer(now.nanoseconds), .text(entry.description)])
                try EndpointRow.storeIssuers(entry, connection)
                return try EndpointRow.settle(id, expecting: nil, at: now, connection)
            }
        }
    }

    /// Changes an endpoint; requests see all of it at once.
    package func update(_ id: EndpointID, _ wanted: EndpointChange, expecting: Int64? = nil) async throws(StoreError) -> EndpointEntry {
        let now = clock.now
        return try await StoreError.typed {
            try await database.write { connection in
                let present = try EndpointRow.find(id, connection)
                var next = present
                guard next.state != .archived else {
                    throw StoreError.refused("the endpoint is archived: bring it back (state active, paused or disabled) and change it then")
                }
                if let name = wanted.name { next.name = name }
                if let description = wanted.description { next.description = description }
                if let path = wanted.path { next.path = path }
                if let hostnames = wanted.hostnames { next.hostnames = hostnames.map(ASCII.lowercased) }
                if let keyID = wanted.keyID { next.keyID = keyID }
                if let policyID = wanted.policyID { next.policyID = policyID }
                if let issuers = wanted.issuers { next.issuers = issuers }
                if let extraAudiences = wanted.extraAudiences { next.extraAudiences = extraAudiences }
                if let allowedProjects = wanted.allowedProjects { next.allowedProjects = allowedProjects }
                if let kacls = wanted.kacls { next.kacls = kacls }
                if let members = wanted.kaclsMembers { next.kacls = try EndpointRules.options(next.kacls, changedBy: members) }
                if let salesforce = wanted.salesforce { next.salesforce = try salesforce.applied(to: try EndpointRules.salesforce(of: present)) }
                try next.takeIssuers(besides: wanted.issuers ?? [])
                try EndpointRules.check(next)
                try EndpointRules.checkCertificates(next, replacing: present, at: now)
                try CacheOnlyKeyStore.checkCertificates(next, connection)
                if next.path != present.path { try CacheOnlyKeyStore.move(next, connection) }
                try EndpointRules.checkUniqueness(next, connection)
                try EndpointRules.checkParts(next, connection)
                try connection.execute(
                    """
                    UPDATE endpoints SET name = $2, door = $3, path = $4, hostnames = $5, key_id = $6, policy_id = $7, state = $8,
                        options = $9, description = $10 WHERE id = $1
                    """,
                    EndpointRow.values(next) + [.text(next.description)])
                try EndpointRow.storeIssuers(next, connection)
                return try EndpointRow.settle(id, expecting: expecting, at: now, connection)
            }
        }
    }

    /// Activates, pauses, disables or archives an endpoint; from each state to each.
    @discardableResult
    package func setState(_ state: EndpointState, of id: EndpointID, expecting: Int64? = nil) async throws(StoreError) -> EndpointEntry {
        let now = clock.now
        return try await StoreError.typed {
            try await database.write { connection in
                try connection.execute("UPDATE endpoints SET state = $2 WHERE id = $1", [.text(id.description), .text(state.rawValue)])
                return try EndpointRow.settle(id, expecting: expecting, at: now, connection)
            }
        }
    }

    /// Gives an endpoint another policy.
    package func setPolicy(_ policy: PolicyID, of id: EndpointID) async throws(StoreError) {
        var change = EndpointChange()
        change.policyID = policy
        _ = try await update(id, change)
    }

    /// Removes an endpoint; its key stays.
    /// - Returns: what it was.
    @discardableResult
    package func delete(_ id: EndpointID, expecting: Int64? = nil) async throws(StoreError) -> EndpointEntry {
        let now = clock.now
        return try await StoreError.typed {
            try await database.write { connection in
                let entry = try EndpointRow.find(id, connection)
                try Revision.check("endpoints", id.description, called: "endpoint \(id)", expecting: expecting, connection)
                try connection.execute("DELETE FROM endpoint_issuers WHERE endpoint_id = $1", [.text(id.description)])
                try connection.execute("DELETE FROM endpoints WHERE id = $1", [.text(id.description)])
                try ChangeLog.record(.endpoint, id.description, at: now, in: connection)
                return entry
            }
        }
    }

    // MARK: Reading

    /// The endpoint of that id.
    package func find(_ id: EndpointID) async throws(StoreError) -> EndpointEntry {
        try await StoreError.typed { try await database.read { try EndpointRow.find(id, $0) } }
    }

    /// A page of endpoints.
    package func list(_ filter: EndpointFilter, _ keyset: Keyset) async throws(StoreError) -> Listing<EndpointEntry> {
        try await StoreError.typed {
            try await database.read { connection in
                let (rows, total) = try filter.query.run(EndpointRow.columns, keyset, connection)
                return Listing(items: try rows.map { try EndpointRow.entry($0, connection) }, total: total)
            }
        }
    }

    /// Everything that requests need, as it is now. An endpoint whose policy, issuer, options or identifiers can't be read is marked so, and
    /// `faults` says why.
    package func snapshot() async throws(StoreError) -> RoutingSnapshot {
        try await StoreError.typed {
            try await database.read { connection in
                let (issuers, badIssuers) = try IssuerRow.usable(connection)
                let (policies, badPolicies) = try PolicyStore.current(policies, connection)
                let (cacheOnlyKeys, badKeys) = try CacheOnlyKeyStore.all(connection)
                var faults = badIssuers + badPolicies
                var endpoints: [Endpoint] = []
                for row in try connection.query("SELECT \(EndpointRow.columns) FROM endpoints ORDER BY name") {
                    let bad = badKeys[try row.text("id")]
                    if let bad { faults.append("endpoint “\(try row.text("name"))”: its key identifier “\(bad)” can't be read") }
                    do {
                        let entry = try EndpointRow.entry(row, connection)
                        endpoints.append(EndpointStore.endpoint(entry, issuers, policies, bad == nil ? cacheOnlyKeys : nil))
                    } catch where !(error is SQLError) {
                        // Its place stays, so that its callers hear that the fault is ours.
                        endpoints.append(try EndpointRow.unreadable(row))
                        faults.append("endpoint “\(try row.text("name"))”: it can't be read: \(error)")
                    }
                }
                return RoutingSnapshot(
                    sequence: try ChangeLog.latest(in: connection), endpoints: endpoints, issuers: issuers, faults: faults)
            }
        }
    }

    private static func endpoint(
        _ entry: EndpointEntry, _ issuers: [Issuer], _ policies: [PolicyID: AccessPolicy], _ cacheOnlyKeys: [String: [CacheOnlyKey]]?
    ) -> Endpoint {
        let own = issuers.filter { entry.issuers.contains($0.id) }
        let policy = own.count == entry.issuers.count ? policies[entry.policyID] : nil
        let kacls = entry.kacls.flatMap { try? KACLSEndpoint($0, hostnames: entry.hostnames, path: entry.path, issuers: issuers) }
        return Endpoint(
            id: entry.id, name: entry.name, door: entry.door, path: entry.path, hostnames: entry.hostnames, keyID: entry.keyID,
            policyID: entry.policyID, policy: policy ?? .nothing, state: entry.state, extraAudiences: entry.extraAudiences,
            allowedProjects: entry.allowedProjects, issuers: own, isReadable: policy != nil && (kacls == nil) == (entry.kacls == nil) && cacheOnlyKeys != nil, kacls: kacls,
            salesforce: entry.salesforce.map { CacheOnlySettings(options: $0, keys: cacheOnlyKeys?[entry.id.description] ?? []) })
    }
}
