/// Where the two databases differ, so that every statement is written once.
///
/// *The common dialect*, which all statements of this package use:
/// - Arguments are `$1`, `$2` … without gaps; the same one may occur twice.
/// - Column types are `TEXT`, `{BIGINT}`, `{DOUBLE}` and `{BYTES}`, and every table ends in `{STRICT}`, so that SQLite refuses a
///   value of another type as PostgreSQL does. Times are RFC 3339 text or epoch integers, booleans are 0 and 1.
/// - Keys are given by us: no AUTOINCREMENT, SERIAL or rowid. Identifiers are lower case and unquoted.
/// - `INSERT … ON CONFLICT (columns) DO UPDATE SET … = excluded.…` or `DO NOTHING`; `RETURNING`; `IS NOT DISTINCT FROM`.
/// - Results are of the column types; anything else is cast: `CAST(sum(size) AS {BIGINT})`.
/// - `{SKIP_LOCKED}` ends a SELECT within `write` that claims rows other writers should pass over.
/// - One statement at a time; transactions, savepoints and PRAGMAs belong to the driver and are refused.
package enum SQLDialect: Sendable {
    case sqlite, postgreSQL

    /// What stands for a token in braces; nil if there is no such token.
    func expansion(of token: String) -> String? {
        switch (token, self) {
        case ("BIGINT", .sqlite): "INTEGER"
        case ("BIGINT", .postgreSQL): "BIGINT"
        case ("DOUBLE", .sqlite): "REAL"
        case ("DOUBLE", .postgreSQL): "DOUBLE PRECISION"
        case ("BYTES", .sqlite): "BLOB"
        case ("BYTES", .postgreSQL): "BYTEA"
        case ("STRICT", .sqlite): "STRICT"
        case ("SKIP_LOCKED", .postgreSQL): "FOR UPDATE SKIP LOCKED"
        case ("STRICT", .postgreSQL), ("SKIP_LOCKED", .sqlite): ""
        default: nil
        }
    }

    /// How the driver's database spells the argument `number`.
    func placeholder(_ number: Int) -> String {
        switch self {
        case .sqlite: "?\(number)"
        case .postgreSQL: "$\(number)"
        }
    }

    /// What a migration runs first so that only one process migrates at a time; SQLite's write transaction does so anyway.
    var migrationLock: String? {
        switch self {
        case .sqlite: nil
        case .postgreSQL: "SELECT CAST(pg_advisory_xact_lock(7236837325) AS TEXT) AS locked"
        }
    }
}
