import Foundation
import TestSupport
import Testing

@testable import Primitives

/// Other processes at the same file, played by Python's own SQLite.
@Suite("SQLite between processes") struct SQLiteProcessTests {
    let folder = ScratchFolder()

    @Test("no update of two processes is lost, and the change marker tells of the other's commit")
    func twoProcesses() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"))
        try await database.execute("CREATE TABLE counter (n {BIGINT} NOT NULL) {STRICT}")
        try await database.execute("INSERT INTO counter VALUES (0)")
        let marker = try await database.changeMarker()
        let other = try python(
            """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
            for _ in range(100):
                db.execute("BEGIN IMMEDIATE")
                n = db.execute("SELECT n FROM counter").fetchone()[0]
                db.execute("UPDATE counter SET n = ?", (n + 1,))
                db.execute("COMMIT")
            """)
        for _ in 0..<100 {
            try await database.write { connection in
                let n = try connection.query("SELECT n FROM counter")[0].integer("n")
                try connection.execute("UPDATE counter SET n = $1", [.integer(n + 1)])
            }
        }
        #expect(other.wait() == 0)
        #expect(try await database.query("SELECT n FROM counter")[0].integer("n") == 200)
        #expect(try await database.changeMarker() != marker)
    }

    @Test("a writer that waits longer than the busy timeout gets .busy, readers don't wait")
    func busy() async throws {
        let database = try SQLiteDatabase(path: folder.path("db"), busyTimeout: .milliseconds(200))
        try await database.execute("CREATE TABLE t (a TEXT) {STRICT}")
        let held = Pipe(), release = Pipe()
        let other = try python(
            """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1], isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            print("held", flush=True)
            sys.stdin.readline()
            """, input: release, output: held)
        #expect(held.fileHandleForReading.availableData.starts(with: Data("held".utf8)))
        await #expect(throws: SQLError.busy) { try await database.execute("DELETE FROM t") }
        #expect(try await database.query("SELECT a FROM t").isEmpty)
        try release.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
        #expect(other.wait() == 0)
        try await database.execute("DELETE FROM t")
    }

    @Test("processes that create and migrate one new file at once all succeed")
    func openAtOnce() async throws {
        let steps = (1...5).map {
            SQLMigration(id: $0, name: "step \($0)", statements: ["CREATE TABLE t\($0) (a TEXT) {STRICT}"])
        }
        let applied = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 0..<6 {
                group.addTask { [folder] in try SQLiteDatabase(path: folder.path("db")).migrate(steps) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(applied.sorted() == [1, 2, 3, 4, 5])
    }

    private static let tracedCommits = 20

    @Test("each commit is synced to the disk", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/strace")))
    func commitSyncs() throws {
        _ = try ChildProcess.run("/usr/bin/env", [
            "\(Self.tracedFile)=\(folder.path("traced"))", "/usr/bin/strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", folder.path("trace"),
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
            "--testing-library", "swift-testing", "--filter", "SQLiteProcessTests/commitsToTrace",
        ])
        let calls = try String(contentsOfFile: folder.path("trace"), encoding: .utf8).split(separator: "\n")
        let syncs = calls.filter { $0.contains("/traced-wal>") }
        #expect(syncs.count >= Self.tracedCommits, "\(syncs.count) syncs of the log for \(Self.tracedCommits) commits")
    }

    /// The process that `commitSyncs` traces is this test bundle again, running only this.
    @Test("commits", .enabled(if: ProcessInfo.processInfo.environment[tracedFile] != nil))
    func commitsToTrace() async throws {
        let database = try SQLiteDatabase(path: #require(ProcessInfo.processInfo.environment[Self.tracedFile]))
        try await database.execute("CREATE TABLE t (a {BIGINT}) {STRICT}")
        for n in 1..<Self.tracedCommits { try await database.execute("INSERT INTO t VALUES ($1)", [.integer(Int64(n))]) }
    }

    private static let tracedFile = "HOLDFAST_TEST_TRACED_DATABASE"

    private func python(_ script: String, input: Pipe? = nil, output: Pipe? = nil) throws -> ChildProcess {
        try ChildProcess(
            "/usr/bin/env", ["python3", "-c", script, folder.path("db")], input: input?.fileHandleForReading.fileDescriptor,
            output: output?.fileHandleForWriting.fileDescriptor)
    }
}
