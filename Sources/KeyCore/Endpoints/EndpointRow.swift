import Primitives

/// Which endpoints a list shows; all that is set must hold.
package struct EndpointFilter: Sendable {
    package var name: String?
    package var namePrefix: String?
    package var door: FrontDoorKind?
    package var state: EndpointState?
    package var keyID: KeyID?
    package var policyID: PolicyID?
    /// The ids that may be shown; nil for all.
    package var visible: Set<String>?

    /// Every endpoint.
    package init() {}

    var query: KeysetQuery {
        var query = KeysetQuery("endpoints", visible: visible)
        if let name { query.add("name = $", .text(name)) }
        if let namePrefix { query.add("name >= $ AND name < $", .text(namePrefix), .text(namePrefix + "\u{10FFFF}")) }
        if let door { query.add("door = $", .text(door.rawValue)) }
        if let state { query.add("state = $", .text(state.rawValue)) }
        if let keyID { query.add("key_id = $", .text(keyID.description)) }
        if let policyID { query.add("policy_id = $", .text(policyID.description)) }
        return query
    }
}

/// Endpoints as rows.
enum EndpointRow {
    static let columns: StaticString =
        "id, name, door, path, hostnames, key_id, policy_id, state, options, created_at, updated_at, description, revision"

    static func find(_ id: EndpointID, _ connection: borrowing SQLConnection) throws -> EndpointEntry {
        guard let row = try connection.query("SELECT \(columns) FROM endpoints WHERE id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("endpoint \(id)")
        }
        return try entry(row, connection)
    }

    static func entry(_ row: SQLRow, _ connection: borrowing SQLConnection) throws -> EndpointEntry {
        guard let id = EndpointID(try row.text("id")), let door = FrontDoorKind(rawValue: try row.text("door")),
            let keyID = KeyID(try row.text("key_id")), let policyID = PolicyID(try row.text("policy_id")),
            let state = EndpointState(rawValue: try row.text("state"))
        else { throw StoreError.corrupt("endpoint \(try row.text("id"))") }
        let (extraAudiences, allowedProjects, kacls, salesforce) = try options(try row.text("options"), of: id)
        guard (door == .kacls) == (kacls != nil), (door == .salesforce) == (salesforce != nil) else { throw StoreError.corrupt("the options of endpoint \(id)") }
        return EndpointEntry(
            id: id, name: try row.text("name"), description: try row.text("description"), door: door, path: try row.text("path"),
            hostnames: try row.text("hostnames").split(separator: " ").map(String.init), keyID: keyID, policyID: policyID,
            issuers: try issuers(of: id, connection), extraAudiences: extraAudiences, allowedProjects: allowedProjects, kacls: kacls,
            salesforce: salesforce, state: state,
            revision: try row.integer("revision"), createdAt: Instant(nanoseconds: try row.integer("created_at")),
            updatedAt: Instant(nanoseconds: try row.integer("updated_at")))
    }

    /// The place of an endpoint whose options can't be read: nobody is permitted anything there.
    /// - Throws: if it isn't known what speaks there.
    static func unreadable(_ row: SQLRow) throws -> Endpoint {
        guard let id = EndpointID(try row.text("id")), let door = FrontDoorKind(rawValue: try row.text("door")),
            let keyID = KeyID(try row.text("key_id")), let policyID = PolicyID(try row.text("policy_id")),
            let state = EndpointState(rawValue: try row.text("state"))
        else { throw StoreError.corrupt("endpoint \(try row.text("id"))") }
        return Endpoint(
            id: id, name: try row.text("name"), door: door, path: try row.text("path"),
            hostnames: try row.text("hostnames").split(separator: " ").map(String.init), keyID: keyID, policyID: policyID, policy: .nothing,
            state: state, extraAudiences: [], allowedProjects: [], issuers: [], isReadable: false)
    }

    static func issuers(of id: EndpointID, _ connection: borrowing SQLConnection) throws -> [IssuerID] {
        try connection.query(
            "SELECT issuer_id FROM endpoint_issuers WHERE endpoint_id = $1 ORDER BY issuer_id", [.text(id.description)]
        ).map { row in
            guard let issuer = IssuerID(try row.text("issuer_id")) else { throw StoreError.corrupt("the issuers of endpoint \(id)") }
            return issuer
        }
    }

    /// A list that can't be read must not become an empty one: that permits every project.
    static func options(
        _ text: String, of id: EndpointID
    ) throws -> (extraAudiences: [String], allowedProjects: [String], kacls: KACLSOptions?, salesforce: CacheOnlyOptions?) {
        let options = try JSONValue(parsing: Array(text.utf8))
        guard let extraAudiences = options["extraAudiences"]?.strings, let allowedProjects = options["allowedProjects"]?.strings else {
            throw StoreError.corrupt("the options of endpoint \(id)")
        }
        return (
            extraAudiences, allowedProjects, try options["kacls"].map { try kacls($0, of: id) },
            try options["salesforce"].map { try CacheOnlyOptions(stored: $0) })
    }

    private static func kacls(_ document: JSONValue, of id: EndpointID) throws(StoreError) -> KACLSOptions {
        do {
            return try KACLSOptions(parsing: String(decoding: document.json, as: UTF8.self), source: "endpoint \(id)")
        } catch { throw .corrupt("\(error)") }
    }

    /// The values of id, name, door, path, hostnames, key_id, policy_id, state, options.
    static func values(_ entry: EndpointEntry) -> [SQLValue] {
        let lists: JSONValue = ["extraAudiences": .strings(entry.extraAudiences), "allowedProjects": .strings(entry.allowedProjects)]
        var options = entry.kacls.map { lists.adding(["kacls": $0.document]) } ?? lists
        if let salesforce = entry.salesforce { options = options.adding(["salesforce": salesforce.json]) }
        return [
            .text(entry.id.description), .text(entry.name), .text(entry.door.rawValue), .text(entry.path),
            .text(entry.hostnames.joined(separator: " ")), .text(entry.keyID.description), .text(entry.policyID.description),
            .text(entry.state.rawValue), .text(String(decoding: options.json, as: UTF8.self)),
        ]
    }

    static func storeIssuers(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM endpoint_issuers WHERE endpoint_id = $1", [.text(entry.id.description)])
        for issuer in Set(entry.issuers) {
            try connection.execute(
                "INSERT INTO endpoint_issuers (endpoint_id, issuer_id) VALUES ($1, $2)",
                [.text(entry.id.description), .text(issuer.description)])
        }
        for domain in entry.kacls?.ownerDomains ?? [] {
            try connection.execute(
                "INSERT INTO kacls_key_domains (key_id, endpoint_id, domain) VALUES ($1, $2, $3) ON CONFLICT (key_id, endpoint_id, domain) DO NOTHING",
                [.text(entry.keyID.description), .text(entry.id.description), .text(domain)])
        }
    }

    /// Ends a change: revision, change log; the endpoint as it is now.
    static func settle(
        _ id: EndpointID, expecting expected: Int64?, at now: Instant, _ connection: borrowing SQLConnection
    ) throws -> EndpointEntry {
        try Revision.advance("endpoints", id.description, called: "endpoint \(id)", expecting: expected, at: now, connection)
        try ChangeLog.record(.endpoint, id.description, at: now, in: connection)
        return try find(id, connection)
    }
}
