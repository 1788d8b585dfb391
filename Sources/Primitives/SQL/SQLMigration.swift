import Glibc

/// One step of the schema. Once released it never changes.
package struct SQLMigration: Sendable {
    /// Its place in the order; ids ascend.
    package let id: Int64
    /// What it does, in a few words.
    package let name: String
    /// Statements in the common dialect, run in one transaction.
    package let statements: [String]

    /// A step `id` called `name`.
    package init(id: Int64, name: String, statements: [String]) {
        self.id = id
        self.name = name
        self.statements = statements
    }
}

/// Why a database was not migrated.
package enum SQLMigrationError: Error, Equatable, CustomStringConvertible {
    /// The database has a step that this program doesn't know: a newer version has used it.
    case unknownStep(id: Int64, name: String)
    /// The database has another history: at this place it has another step, or lacks one between others.
    case differentHistory(id: Int64, expected: String, found: String)
    /// The database lacks a step, and whoever opened it may not apply it.
    case behind(id: Int64, name: String)
    /// The list of steps is not in ascending order of ids.
    case unordered(id: Int64)
    /// A step failed, and nothing of it remains; those before it stay.
    case failed(id: Int64, name: String, SQLError)
    /// The database failed outside any step.
    case database(SQLError)

    /// What was found, and what to do.
    package var description: String {
        switch self {
        case .unknownStep(let id, let name):
            "the database has schema step \(id) (\(name)), which this version doesn't know: start the newer version, or restore "
                + "a backup from before the upgrade"
        case .differentHistory(let id, let expected, let found):
            "schema step \(id) should be \(expected) but the database has \(found): it belongs to another program or version"
        case .behind(let id, let name):
            "the database lacks schema step \(id) (\(name)), which this version needs: start its server once (holdfast serve), which applies it; "
                + "nothing was changed"
        case .unordered(let id): "schema step \(id) is out of order"
        case .failed(let id, let name, let error): "schema step \(id) (\(name)) failed: \(error)"
        case .database(let error): error.description
        }
    }
}

extension SQLDatabase {
    /// Brings the schema up to date: each missing step in a transaction of its own, recorded in `schema_migrations`. Several
    /// processes may do so at once; each step runs once. Blocks the calling thread.
    /// - Returns: the ids of the steps that this call has applied.
    /// - Throws: `SQLMigrationError`; before anything is changed if the database has steps that `migrations` doesn't.
    @discardableResult
    package func migrate(_ migrations: [SQLMigration]) throws(SQLMigrationError) -> [Int64] {
        for (earlier, later) in zip(migrations, migrations.dropFirst()) where earlier.id >= later.id {
            throw .unordered(id: later.id)
        }
        var applied: [Int64] = []
        while let id = try applyNext(of: migrations) { applied.append(id) }
        return applied
    }

    /// Sees that the schema is up to date, and changes nothing. Blocks the calling thread.
    /// - Throws: `SQLMigrationError`; `.behind` if a step is missing.
    package func requireSchema(_ migrations: [SQLMigration]) throws(SQLMigrationError) {
        do {
            try readBlocking { connection in
                var applied: [SQLRow] = []
                do { applied = try connection.query("SELECT id, name FROM schema_migrations ORDER BY id") } catch SQLError.misuse {}  // no such table
                guard let missing = try Self.firstMissing(of: migrations, applied: applied) else { return }
                throw SQLMigrationError.behind(id: missing.id, name: missing.name)
            }
        } catch let error as SQLMigrationError {
            throw error
        } catch {
            throw .database(SQLError(any: error))
        }
    }

    /// Applies the first missing step; nil if there is none.
    private func applyNext(of migrations: [SQLMigration]) throws(SQLMigrationError) -> Int64? {
        let lock = dialect.migrationLock
        do {
            return try writeBlocking { connection in
                if let lock { _ = try connection.query(lock) }
                try connection.execute(
                    """
                    CREATE TABLE IF NOT EXISTS schema_migrations (
                        id {BIGINT} NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at {BIGINT} NOT NULL) {STRICT}
                    """)
                let applied = try connection.query("SELECT id, name FROM schema_migrations ORDER BY id")
                guard let next = try Self.firstMissing(of: migrations, applied: applied) else { return nil }
                try Self.apply(next, connection)
                return next.id
            }
        } catch let error as SQLMigrationError {
            throw error
        } catch {
            throw .database(SQLError(any: error))
        }
    }

    private static func firstMissing(of migrations: [SQLMigration], applied: [SQLRow]) throws -> SQLMigration? {
        for (index, row) in applied.enumerated() {
            let id = try row.integer("id"), name = try row.text("name")
            guard migrations.contains(where: { $0.id == id }) else {
                throw SQLMigrationError.unknownStep(id: id, name: name)
            }
            let expected = migrations[index]  // in range: the ids so far are distinct and all occur in the list
            guard expected.id == id, expected.name == name else {
                throw SQLMigrationError.differentHistory(id: expected.id, expected: expected.name, found: "\(id) (\(name))")
            }
        }
        return applied.count < migrations.count ? migrations[applied.count] : nil
    }

    private static func apply(_ migration: SQLMigration, _ connection: borrowing SQLConnection) throws {
        do throws(SQLError) {
            for statement in migration.statements { try connection.execute(statement) }
            try connection.execute(
                "INSERT INTO schema_migrations (id, name, applied_at) VALUES ($1, $2, $3)",
                [.integer(migration.id), .text(migration.name), .integer(Int64(time(nil)))])
        } catch {
            throw SQLMigrationError.failed(id: migration.id, name: migration.name, error)
        }
    }
}
