import Foundation
import TestSupport
import Testing

@testable import Primitives

@Suite("SQLite database") struct SQLiteDatabaseTests {
    let folder = ScratchFolder()

    @Test("conforms:", arguments: SQLConformance.checks)
    func conforms(check: SQLConformance) async throws {
        try await check.run { [folder] name in try SQLiteDatabase(path: folder.path("database-\(name.hashValue)")) }
    }

    @Test("each connection is set up as documented")
    func settings() throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        for onWriter in [true, false] {
            #expect(try database.pragma("trusted_schema", onWriter: onWriter) == "0")
            #expect(try database.pragma("foreign_keys", onWriter: onWriter) == "1")
            #expect(try database.pragma("secure_delete", onWriter: onWriter) == "1")
            #expect(try database.pragma("temp_store", onWriter: onWriter) == "2")
            #expect(try database.pragma("journal_mode", onWriter: onWriter) == "wal")
        }
        #expect(try database.pragma("busy_timeout") == "5000")
    }

    @Test("the writer syncs fully, on the first and on a later opening")
    func synchronous() throws {
        for _ in 0..<2 {
            let database = try SQLiteDatabase(path: folder.path("db"))
            #expect(try database.pragma("synchronous") == "2")
            try database.close()
        }
    }

    @Test("database, log, shared memory and backup are for their owner only")
    func modes() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a TEXT) {STRICT}")
        try database.backup(to: folder.path("copy"))
        for name in ["db", "db-wal", "db-shm", "copy"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path(name))
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
    }

    @Test("a backup is a whole database, replaces no file, and leaves no partial one")
    func backup() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a TEXT) {STRICT}")
        try await database.execute("INSERT INTO t VALUES ($1)", ["kept"])
        try database.backup(to: folder.path("copy"))
        let copy = try SQLiteDatabase(path: folder.path("copy"))
        #expect(try await copy.query("SELECT a FROM t").map { try $0.text("a") } == ["kept"])
        #expect(throws: SQLError.self) { try database.backup(to: folder.path("copy")) }
        #expect(throws: SQLError.self) { try database.backup(to: folder.path("nowhere/copy")) }
        #expect(!FileManager.default.fileExists(atPath: folder.path("copy.partial")))
    }

    @Test("a checkpoint empties the log")
    func checkpoint() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a TEXT) {STRICT}")
        try database.checkpoint()
        #expect(try FileManager.default.attributesOfItem(atPath: folder.path("db-wal"))[.size] as? Int == 0)
    }

    @Test("a checkpoint that waits for nobody says whether it could, and others go on reading and writing")
    func checkpointIfFree() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a TEXT) {STRICT}")
        let (isReading, mayEnd) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let reader = Task {
            try await database.read { connection in
                _ = try connection.query("SELECT a FROM t")
                isReading.signal()
                mayEnd.wait()
            }
        }
        try await Offload.run { isReading.wait() }
        try await database.execute("INSERT INTO t VALUES ($1)", ["x"])
        #expect(try !database.checkpointIfFree())
        #expect(try database.pragma("busy_timeout") == "5000")
        mayEnd.signal()
        try await reader.value
        #expect(try database.checkpointIfFree())
        #expect(try FileManager.default.attributesOfItem(atPath: folder.path("db-wal"))[.size] as? Int == 0)
    }

    @Test("a schema that lacks a step is refused and not changed where it may not be migrated")
    func requireSchema() async throws {
        let steps = [1, 2].map { SQLMigration(id: $0, name: "step \($0)", statements: ["CREATE TABLE t\($0) (a TEXT) {STRICT}"]) }
        let database = try SQLiteDatabase(path: folder.path("db"))
        #expect(throws: SQLMigrationError.behind(id: 1, name: "step 1")) { try database.requireSchema(steps) }
        try database.migrate([steps[0]])
        #expect(throws: SQLMigrationError.behind(id: 2, name: "step 2")) { try database.requireSchema(steps) }
        #expect(try await database.query("SELECT name FROM sqlite_schema WHERE name = 't2'").isEmpty)
        try database.migrate(steps)
        try database.requireSchema(steps)
        #expect(throws: SQLMigrationError.unknownStep(id: 2, name: "step 2")) { try database.requireSchema([steps[0]]) }
    }

    @Test("a database takes no name beside which another one has left its log, nor that of another one")
    func naming() throws {
        for suffix in ["-wal", "-shm", "-journal"] {
            let path = folder.path("new\(suffix)")
            let database = try SQLiteDatabase(path: path)
            try database.checkpoint()
            try database.close()
            try Data([1]).write(to: URL(fileURLWithPath: folder.path("db" + suffix)))
            #expect(PrivateDatabaseFile.stray(of: folder.path("db")) == folder.path("db" + suffix))
            #expect(throws: FileError.self) { try PrivateDatabaseFile.name(path, folder.path("db")) }
            #expect(!FileManager.default.fileExists(atPath: folder.path("db")))
            try FileManager.default.removeItem(atPath: folder.path("db" + suffix))
        }
        try PrivateDatabaseFile.name(folder.path("new-wal"), folder.path("db"))
        #expect(throws: FileError.self) { try PrivateDatabaseFile.name(folder.path("new-shm"), folder.path("db")) }
        #expect(PrivateDatabaseFile.stray(of: folder.path("db")) == nil)
    }

    @Test("a file that is no database is corrupt, an absent folder unavailable")
    func unusable() throws {
        try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: folder.path("text")))
        #expect { try SQLiteDatabase(path: folder.path("text")) } throws: { error in
            if case .corrupt = error as? SQLError { true } else { false }
        }
        #expect { try SQLiteDatabase(path: folder.path("absent/db")) } throws: { error in
            if case .unavailable = error as? SQLError { true } else { false }
        }
    }

    @Test("a full disk is reported as such, and what was committed stays")
    func full() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a {BYTES}) {STRICT}")
        _ = try database.pragma("max_page_count = 10")
        let large = SQLValue.blob(Array(repeating: 1, count: 100_000))
        await #expect(throws: SQLError.full) { try await database.execute("INSERT INTO t VALUES ($1)", [large]) }
        try await database.execute("INSERT INTO t VALUES ($1)", [.blob([1])])
        #expect(try await database.query("SELECT a FROM t").count == 1)
    }

    @Test("what is deleted is overwritten in the file")
    func secureDelete() async throws {
        let marker = Array("DELETED-MARKER-7c1f".utf8)
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a {BYTES}) {STRICT}")
        try await database.execute("INSERT INTO t VALUES ($1)", [.blob(marker)])
        try database.checkpoint()
        func holdsMarker() throws -> Bool {
            try Data(contentsOf: URL(fileURLWithPath: folder.path("db"))).range(of: Data(marker)) != nil
        }
        #expect(try holdsMarker())
        try await database.execute("DELETE FROM t")
        try database.checkpoint()
        #expect(try !holdsMarker())
    }

    @Test("statements are prepared once per text, and memory stays bounded if texts are composed")
    func cache() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE t (a {BIGINT}) {STRICT}")
        for n in 0..<20 { _ = try await database.query("SELECT a FROM t WHERE a = $1", [.integer(Int64(n))]) }
        #expect(database.cachedStatementCount == 2)
        let rows = try await database.read { connection in
            try (0..<600).map { try connection.query("SELECT \($0) AS n")[0].integer("n") }
        }
        #expect(rows == Array(0..<600))
        #expect(database.cachedStatementCount == 512)
    }
}
