package import Primitives

/// A column whose values are sealed under the data-sealing key.
package struct SealedColumn: Sendable, Hashable {
    /// The table.
    package let table: String
    /// The columns whose values, joined by `/`, are the row in `SealedLocation`.
    package let identifiers: [String]
    /// The column.
    package let column: String

    /// Where the value of a row stands.
    package func location(of row: SQLRow) throws -> SealedLocation {
        var parts: [String] = []
        for name in identifiers {
            switch try row.value(name) {
            case .text(let text): parts.append(text)
            case .integer(let integer): parts.append(String(integer))
            default: throw StoreError.corrupt("\(table).\(name)")
            }
        }
        return SealedLocation(table: table, row: parts.joined(separator: "/"), column: column)
    }
}

/// Every sealed column of the schema: what changes when the data-sealing key does (`rekey`), and what backups carry.
///
/// Whoever adds a column of bytes names it in one of the two lists; a test fails until then.
package enum SealedColumns {
    /// Values sealed by `DataSealer` at `SealedLocation(table:row:column:)`.
    package static let all = [
        SealedColumn(table: "key_versions", identifiers: ["key_id", "number"], column: "material"),
        SealedColumn(table: "secrets", identifiers: ["name"], column: "sealed"),
        SealedColumn(table: "users", identifiers: ["id"], column: "totp_secret"),
        SealedColumn(table: "oidc_providers", identifiers: ["id"], column: "client_secret"),
        SealedColumn(table: "settings", identifiers: ["id"], column: "sealed"),
        SealedColumn(table: "approvals", identifiers: ["id"], column: "held"),
        SealedColumn(table: "approvals", identifiers: ["id"], column: "outcome"),
        SealedColumn(table: "approvals", identifiers: ["id"], column: "secret_outcome"),
    ]

    /// Columns of bytes that are not sealed under the data-sealing key, as `table.column`, and why.
    package static let others: [String: String] = [
        "sealing_keys.salt": "not secret",
        "sealing_keys.sealed": "the data-sealing key itself, sealed under the root key",
        "sessions.token_hash": "a digest", "api_tokens.token_hash": "a digest", "idempotency_keys.fingerprint": "a digest",
        "idempotency_keys.answer": "sealed, but for a day only: a new data-sealing key makes it unreadable, and `rekey` drops it",
    ]

    /// Tables whose rows a new data-sealing key makes worthless, and which are emptied then.
    static let dropped = ["idempotency_keys"]

    /// The sealed columns of a table.
    package static func of(_ table: String) -> [SealedColumn] { all.filter { $0.table == table } }
}
