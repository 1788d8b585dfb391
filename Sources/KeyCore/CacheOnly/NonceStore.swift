package import Primitives

/// The `requestId`s of callouts that were answered: in the database, so that a restart forgets none and every node knows all.
package struct NonceStore: Sendable {
    /// One that was just seen.
    package struct Sighting: Sendable, Hashable {
        package let endpoint: EndpointID
        package let nonce: String
        package let at: Instant
        /// Seen earlier than this, it counts as new.
        package let forgottenBefore: Instant

        /// A sighting as given.
        package init(endpoint: EndpointID, nonce: String, at: Instant, forgottenBefore: Instant) {
            (self.endpoint, self.nonce, self.at, self.forgottenBefore) = (endpoint, nonce, at, forgottenBefore)
        }
    }

    private let database: any SQLDatabase

    /// Over an open, migrated database.
    package init(database: any SQLDatabase) { self.database = database }

    /// Remembers them in one transaction.
    /// - Returns: for each, whether it is new.
    package func remember(_ sightings: [Sighting]) async throws(StoreError) -> [Bool] {
        try await StoreError.typed {
            try await database.write { connection in
                try sightings.map { sighting in
                    try connection.execute(
                        """
                        INSERT INTO salesforce_nonces (endpoint_id, nonce, seen_at) VALUES ($1, $2, $3)
                        ON CONFLICT (endpoint_id, nonce) DO UPDATE SET seen_at = excluded.seen_at WHERE salesforce_nonces.seen_at < $4
                        """,
                        [
                            .text(sighting.endpoint.description), .text(sighting.nonce), .integer(sighting.at.nanoseconds),
                            .integer(sighting.forgottenBefore.nanoseconds),
                        ]) == 1
                }
            }
        }
    }

    /// Forgets what was seen before `moment`, and of each endpoint all but the newest `capacity`.
    package func sweep(before moment: Instant, capacity: Int = 100_000) async throws(StoreError) {
        try await StoreError.typed {
            try await database.write { connection in
                try connection.execute("DELETE FROM salesforce_nonces WHERE seen_at < $1", [.integer(moment.nanoseconds)])
                let crowded = try connection.query(
                    "SELECT endpoint_id FROM salesforce_nonces GROUP BY endpoint_id HAVING COUNT(*) > $1", [.integer(Int64(capacity))])
                for row in crowded {
                    let endpoint = SQLValue.text(try row.text("endpoint_id"))
                    let oldestKept = try connection.query(
                        "SELECT seen_at FROM salesforce_nonces WHERE endpoint_id = $1 ORDER BY seen_at DESC LIMIT 1 OFFSET $2",
                        [endpoint, .integer(Int64(capacity - 1))])
                    guard let limit = try oldestKept.first?.integer("seen_at") else { continue }
                    try connection.execute(
                        "DELETE FROM salesforce_nonces WHERE endpoint_id = $1 AND seen_at < $2", [endpoint, .integer(limit)])
                }
            }
        }
    }
}
