package import Primitives

/// What becomes different about a key; nil leaves a thing as it is.
package struct KeyChange: Sendable {
    package var name: String?
    package var description: String?
    /// All labels from now on.
    package var labels: [String: String]?
    /// `.some(nil)`: never.
    package var expiresAt: Instant??
    /// `.some(nil)`: nobody may export it.
    package var exportPolicy: PolicyID??

    /// Nothing.
    package init() {}
}

extension KeyStore {
    /// Changes what is known about a key.
    package func update(_ id: KeyID, _ wanted: KeyChange, expecting: Int64? = nil) async throws(StoreError) -> Key {
        if let name = wanted.name { try EntityName.check(name) }
        if let description = wanted.description { try FreeText.check(description: description) }
        if let labels = wanted.labels { try KeyLabels.check(labels) }
        if let expiry = wanted.expiresAt { try KeyStore.check(expiry: expiry) }
        return try await change { now, connection in
            var next = try KeyRow.find(id, connection).summary
            if let name = wanted.name { next.name = name }
            if let description = wanted.description { next.description = description }
            if let labels = wanted.labels { next.labels = labels }
            if let expiresAt = wanted.expiresAt { next.expiresAt = expiresAt }
            if let exportPolicy = wanted.exportPolicy { next.exportPolicy = exportPolicy }
            let twins = try connection.query("SELECT id FROM keys WHERE name = $1 AND id <> $2", [.text(next.name), .text(id.description)])
            guard twins.isEmpty else { throw StoreError.exists("a key named “\(next.name)”") }
            try KeyStore.check(exportPolicy: wanted.exportPolicy ?? nil, connection)
            try connection.execute(
                "UPDATE keys SET name = $2, description = $3, labels = $4, expires_at = $5, export_policy_id = $6 WHERE id = $1",
                [
                    .text(id.description), .text(next.name), .text(next.description), .text(KeyLabels.json(next.labels)),
                    .integer(next.expiresAt?.nanoseconds ?? KeyRow.never), .optional(next.exportPolicy?.description),
                ])
            if let labels = wanted.labels { try KeyLabels.store(labels, of: id, connection) }
            return try KeyRow.settle(id, expecting: expecting, at: now, connection)
        }
    }

    /// Changes the state of a version, if the present one allows that. `destroyed` takes the material away for good; a state that
    /// can't end in destruction calls a scheduled one off.
    package func setState(
        _ state: KeyState, of id: KeyID, version: KeyVersionNumber, expecting: Int64? = nil
    ) async throws(StoreError) -> Key {
        try await change { now, connection in
            let present = try KeyRow.state(of: id, version, connection)
            guard present.mayBecome(state) else {
                throw StoreError.refused(
                    "version \(version) is \(present.rawValue) and can't become \(state.rawValue)\(KeyStore.hint(present, state))")
            }
            try KeyStore.write(state, id, version, connection)
            return try KeyRow.settle(id, expecting: expecting, at: now, connection)
        }
    }

    /// Has the material of a version destroyed at `due`, or calls that off with nil.
    package func scheduleDestruction(
        _ due: Instant?, of id: KeyID, version: KeyVersionNumber, expecting: Int64? = nil
    ) async throws(StoreError) -> Key {
        try await change { now, connection in
            let present = try KeyRow.state(of: id, version, connection)
            guard present.mayBecome(.destroyed) else {
                throw StoreError.refused(
                    present == .destroyed ? "version \(version) is destroyed already"
                        : "version \(version) is \(present.rawValue); deactivate it before its destruction")
            }
            try connection.execute(
                "UPDATE key_versions SET destroy_at = $3 WHERE key_id = $1 AND number = $2",
                [.text(id.description), .integer(Int64(version)), .optional(due?.nanoseconds)])
            return try KeyRow.settle(id, expecting: expecting, at: now, connection)
        }
    }

    /// Removes a key for good: only when nothing is left of it that could open anything, and nothing points to it.
    /// - Returns: what it was.
    package func delete(_ id: KeyID, expecting: Int64? = nil) async throws(StoreError) -> Key {
        try await change { now, connection in
            let key = try KeyRow.find(id, connection)
            try Revision.check("keys", id.description, called: "key \(id)", expecting: expecting, connection)
            if let version = key.versions.first(where: { $0.state != .destroyed }) {
                throw StoreError.refused(
                    "version \(version.number) is \(version.state.rawValue): a key can be deleted when all its versions are destroyed")
            }
            let users = try connection.query("SELECT name FROM endpoints WHERE key_id = $1 ORDER BY name LIMIT 1", [.text(id.description)])
            if let user = users.first {
                throw StoreError.refused("endpoint “\(try user.text("name"))” uses the key: delete the endpoint first, or give it another key")
            }
            for table in ["key_labels", "key_versions"] as [StaticString] {
                try connection.execute("DELETE FROM \(table) WHERE key_id = $1", [.text(id.description)])
            }
            try connection.execute("DELETE FROM keys WHERE id = $1", [.text(id.description)])
            try ChangeLog.record(.key, id.description, at: now, in: connection)
            return key
        }
    }

    // MARK: What is due

    /// What `destroyDue` would destroy now.
    package func dueDestructions() async throws(StoreError) -> [(id: KeyID, version: KeyVersionNumber)] {
        let now = clock.now
        return try await StoreError.typed { try await database.read { try KeyStore.due(now, $0) } }
    }

    /// Destroys what is due of these versions, and says what that was. A destruction that was called off before this began its transaction
    /// doesn't happen; one that has become due since the list was made waits for the next.
    package func destroyDue(
        _ begun: [(id: KeyID, version: KeyVersionNumber)]
    ) async throws(StoreError) -> [(id: KeyID, version: KeyVersionNumber)] {
        guard !begun.isEmpty else { return [] }
        return try await change { now, connection in
            let due = try KeyStore.due(now, connection).filter { found in begun.contains { $0 == found } }
            for (id, version) in due {
                try KeyStore.write(.destroyed, id, version, connection)
                _ = try KeyRow.settle(id, expecting: nil, at: now, connection)
            }
            return due
        }
    }

    private static func due(
        _ now: Instant, _ connection: borrowing SQLConnection
    ) throws -> [(id: KeyID, version: KeyVersionNumber)] {
        let rows = try connection.query(
            "SELECT key_id, number, state FROM key_versions WHERE destroy_at <= $1 ORDER BY key_id, number", [.integer(now.nanoseconds)])
        var due: [(id: KeyID, version: KeyVersionNumber)] = []
        for row in rows where try KeyRow.state(try row.text("state")).mayBecome(.destroyed) {
            guard let id = KeyID(try row.text("key_id")) else { throw StoreError.corrupt("key \(try row.text("key_id"))") }
            due.append((id, try KeyRow.number(row)))
        }
        return due
    }

    /// Writes a state that the present one allows.
    private static func write(
        _ state: KeyState, _ id: KeyID, _ version: KeyVersionNumber, _ connection: borrowing SQLConnection
    ) throws {
        let more = state == .destroyed ? "material = NULL, destroy_at = NULL, " : state.mayBecome(.destroyed) ? "" : "destroy_at = NULL, "
        try connection.execute(
            "UPDATE key_versions SET \(more)state = $3 WHERE key_id = $1 AND number = $2",
            [.text(id.description), .integer(Int64(version)), .text(state.rawValue)])
    }

    private static func hint(_ present: KeyState, _ wanted: KeyState) -> String {
        wanted == .destroyed && (present == .active || present == .suspended) ? "; deactivate it first" : ""
    }
}
