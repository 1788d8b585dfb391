import Primitives

extension EndpointRules {
    /// That the options for client-side encryption are where they belong, and name somebody who says who asks.
    static func checkOptions(_ entry: EndpointEntry) throws(StoreError) {
        guard let kacls = entry.kacls else {
            guard entry.door != .kacls else {
                throw .invalid(field: "kacls", expected: "the options for Workspace client-side encryption with the door kacls")
            }
            return
        }
        guard entry.door == .kacls else { throw .invalid(field: "kacls", expected: "nothing: only the door kacls has these options") }
        guard !kacls.identityProviders.isEmpty else {
            throw .invalid(field: "kacls/identity_providers", expected: "at least one identity provider, whose tokens say who asks")
        }
    }

    /// The options with some of their members changed.
    static func options(_ present: KACLSOptions?, changedBy members: JSONValue) throws(StoreError) -> KACLSOptions {
        guard let present else { throw .invalid(field: "kacls", expected: "nothing: only the door kacls has these options") }
        return try KACLSOptions(checking: present.document.merging(members))
    }

    /// That no other endpoint is known by one of its URLs: tokens are made out to a URL, and those of one organisation must mean nothing to another.
    static func checkURLs(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        guard let kacls = entry.kacls else { return }
        let own = Set(KACLSEndpoint.urls(kacls, hostnames: entry.hostnames, path: entry.path))
        let rows = try connection.query(
            "SELECT \(EndpointRow.columns) FROM endpoints WHERE door = $1 AND id <> $2",
            [.text(FrontDoorKind.kacls.rawValue), .text(entry.id.description)])
        for row in rows {
            let other = try EndpointRow.entry(row, connection)
            guard let options = other.kacls else { continue }
            if let shared = KACLSEndpoint.urls(options, hostnames: other.hostnames, path: other.path).first(where: own.contains) {
                throw StoreError.refused("“\(other.name)” is known by \(shared) already: each endpoint has URLs of its own")
            }
        }
    }

    /// A blob of client-side encryption is bound to its key, and to no URL and no user, which change. So the key must be one
    /// organisation's: two endpoints share it only if they protect the same domains (N51), and one that follows another that is gone must protect some of
    /// its domains.
    static func checkTenant(_ entry: EndpointEntry, _ connection: borrowing SQLConnection) throws {
        guard let kacls = entry.kacls else { return }
        let rows = try connection.query(
            "SELECT id, name, options FROM endpoints WHERE key_id = $1 AND door = $2 AND id <> $3",
            [.text(entry.keyID.description), .text(FrontDoorKind.kacls.rawValue), .text(entry.id.description)])
        for row in rows {
            let options = try JSONValue(parsing: Array(try row.text("options").utf8))
            let domains = options["kacls"]?["owner_domains"]?.strings ?? []
            guard !domains.isEmpty, Set(domains) == Set(kacls.ownerDomains) else {
                throw StoreError.refused(
                    "the key is used by “\(try row.text("name"))”: endpoints share a key only if both name the same owner_domains; make another key")
            }
        }
        let before = try connection.query(
            "SELECT domain FROM kacls_key_domains WHERE key_id = $1 AND endpoint_id <> $2 ORDER BY domain",
            [.text(entry.keyID.description), .text(entry.id.description)]
        ).map { try $0.text("domain") }
        guard before.isEmpty || !Set(before).isDisjoint(with: kacls.ownerDomains) else {
            throw StoreError.refused(
                "the key has protected documents of \(Set(before).sorted().joined(separator: ", ")): name one of these in owner_domains, or make another key")
        }
    }
}
