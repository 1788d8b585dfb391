import Primitives

/// Where identifiers were handed out: an org knows a key by its endpoint's path and its identifier, so the two stand for one key version for
/// ever, whichever endpoint is there. A row's `path` lists all the paths at which it was, between spaces; a path holds none.
enum CacheOnlyPlaces {
    /// That nobody else's identifier of that name was at `path` for another key version.
    static func check(
        _ identifier: String, at path: String, of endpoint: EndpointID, standsFor key: (id: String, version: Int64),
        _ connection: borrowing SQLConnection
    ) throws {
        let rows = try connection.query(
            """
            SELECT salesforce_keys.path AS path, endpoints.path AS present, salesforce_keys.key_id AS key_id, key_version
            FROM salesforce_keys LEFT JOIN endpoints ON endpoints.id = salesforce_keys.endpoint_id
            WHERE identifier = $1 AND endpoint_id <> $2
            """, [.text(identifier), .text(endpoint.description)])
        for row in rows {
            let places = try row.text("path").split(separator: " ").map(String.init) + [try row.optionalText("present")].compactMap(\.self)
            guard places.contains(path), try (row.text("key_id"), row.integer("key_version")) != key else { continue }
            throw taken(identifier)
        }
    }

    /// The list with one more path.
    static func adding(_ path: String, to list: String) -> String {
        list.split(separator: " ").contains(path[...]) ? list : "\(list) \(path)"
    }

    static func taken(_ identifier: String) -> StoreError {
        .exists("the key identifier “\(identifier)”; it keeps its key for ever: rotate by a new identifier")
    }
}
