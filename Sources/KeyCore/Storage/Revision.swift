import Primitives

/// The number of a thing's present form: 1, 2, …; what callers have read is compared within the transaction that changes it.
enum Revision {
    /// Counts a change of a row.
    /// - Throws: `.notFound`; `.changed` if the caller has read another revision than the present one.
    static func advance(
        _ table: StaticString, _ id: String, called name: String, expecting expected: Int64?, at now: Instant,
        _ connection: borrowing SQLConnection
    ) throws {
        try check(table, id, called: name, expecting: expected, connection)
        try connection.execute(
            "UPDATE \(table) SET revision = revision + 1, updated_at = $2 WHERE id = $1", [.text(id), .integer(now.nanoseconds)])
    }

    /// The same without a change, for what will be deleted.
    static func check(
        _ table: StaticString, _ id: String, called name: String, expecting expected: Int64?, _ connection: borrowing SQLConnection
    ) throws {
        guard let row = try connection.query("SELECT revision FROM \(table) WHERE id = $1", [.text(id)]).first else {
            throw StoreError.notFound(name)
        }
        if let expected, try row.integer("revision") != expected { throw StoreError.changed(name) }
    }
}
