package import Primitives

/// Which keys a list shows; all that is set must hold.
package struct KeyFilter: Sendable {
    package var name: String?
    package var namePrefix: String?
    package var purpose: KeyPurpose?
    package var algorithm: KeyAlgorithm?
    /// Of the newest version.
    package var state: KeyState?
    package var source: KeySourceID?
    package var label: (name: String, value: String)?
    package var expiresBefore: Instant?
    /// The ids that may be shown; nil for all.
    package var visible: Set<String>?

    /// Every key.
    package init() {}
}

extension KeyStore {
    /// What keys can be sorted by.
    package static let sorts: [(name: String, column: StaticColumn)] = [
        ("name", StaticColumn("name")), ("created_at", StaticColumn("created_at")), ("updated_at", StaticColumn("updated_at")),
        ("expires_at", StaticColumn("expires_at")),
    ]

    /// A page of keys.
    package func list(_ filter: KeyFilter, _ keyset: Keyset) async throws(StoreError) -> Listing<KeySummary> {
        try await StoreError.typed {
            try await database.read { connection in
                let (rows, total) = try KeyStore.query(filter).run(KeyRow.columns, keyset, connection)
                return Listing(items: try rows.map(KeyRow.summary), total: total)
            }
        }
    }

    /// What a summary is sorted by, for the cursor.
    package static func sortValue(_ key: KeySummary, _ sort: String) -> JSONValue {
        switch sort {
        case "created_at": .integer(key.createdAt.nanoseconds)
        case "updated_at": .integer(key.updatedAt.nanoseconds)
        case "expires_at": .integer(key.expiresAt?.nanoseconds ?? KeyRow.never)
        default: .string(key.name)
        }
    }

    private static func query(_ filter: KeyFilter) -> KeysetQuery {
        var query = KeysetQuery("keys", visible: filter.visible)
        if let name = filter.name { query.add("name = $", .text(name)) }
        if let prefix = filter.namePrefix {  // the last scalar of all is in no name
            query.add(
                "name >= $ AND name < $", walking: "name || '' >= $ AND name || '' < $", column: "name", .text(prefix),
                .text(prefix + "\u{10FFFF}"))
        }
        if let purpose = filter.purpose { query.add("purpose = $", walking: "purpose || '' = $", .text(purpose.rawValue)) }
        if let algorithm = filter.algorithm { query.add("algorithm = $", walking: "algorithm || '' = $", .text(algorithm.rawValue)) }
        if let state = filter.state { query.add("state = $", walking: "state || '' = $", .text(state.rawValue)) }
        if let source = filter.source { query.add("source = $", walking: "source || '' = $", .text(source.description)) }
        if let label = filter.label {
            query.add(
                "id IN (SELECT key_id FROM key_labels WHERE name = $ AND value = $)",
                walking: "EXISTS (SELECT 1 FROM key_labels WHERE key_labels.key_id = keys.id AND key_labels.name = $ AND key_labels.value = $)",
                counting: "id || '' IN (SELECT key_id FROM key_labels WHERE name = $ AND value = $)", .text(label.name), .text(label.value))
        }
        if let expiresBefore = filter.expiresBefore {
            // As a list of ids, because the order would otherwise win and lead past all keys.
            query.add(
                "id IN (SELECT id FROM keys WHERE expires_at < $)", walking: "expires_at + 0 < $", column: "expires_at",
                .integer(expiresBefore.nanoseconds))
        }
        return query
    }
}
