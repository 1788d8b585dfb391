import Primitives

private struct Refusal: Error, Equatable {}

extension SQLConformance {
    static let transactionChecks = [
        SQLConformance("a closure that throws leaves nothing, and its own error comes out") { database, _ in
            try await createCounter(database)
            do {
                try await database.write { connection in
                    try connection.execute("UPDATE counter SET n = 99")
                    throw Refusal()
                }
                throw SQLConformanceFailure(description: "no error came out")
            } catch is Refusal {}
            try expect(try await counter(database), 0, "counter")
        },
        SQLConformance("after a failed statement the transaction is over, even if the error is swallowed") { database, _ in
            try await createCounter(database)
            try await expectError("swallowed", isConstraint(.notNull)) {
                try await database.write { connection in
                    try connection.execute("UPDATE counter SET n = 99")
                    do { try connection.execute("UPDATE counter SET n = NULL") } catch {}
                }
            }
            try await expectError("continued", isMisuse) {
                try await database.write { connection in
                    do { try connection.execute("UPDATE counter SET n = NULL") } catch {}
                    do { try connection.execute("UPDATE counter SET n = 1") } catch { throw error }
                }
            }
            try expect(try await counter(database), 0, "counter")
        },
        SQLConformance("DDL is part of its transaction") { database, _ in
            do {
                try await database.write { connection in
                    try connection.execute("CREATE TABLE t (a TEXT) {STRICT}")
                    throw Refusal()
                }
            } catch is Refusal {}
            try await expectError("table", isMisuse) { _ = try await database.query("SELECT a FROM t") }
        },
        SQLConformance("a write is seen by every handle once it has returned") { database, other in
            try await createCounter(database)
            for n in 1...20 {
                try await database.execute("UPDATE counter SET n = $1", [.integer(Int64(n))])
                try expect(try await counter(other), Int64(n), "counter")
            }
        },
        SQLConformance("a read can't write") { database, _ in
            try await createCounter(database)
            try await expectError("update in read", { $0 == .readOnly }) {
                _ = try await database.read { connection in try connection.execute("UPDATE counter SET n = 1") }
            }
            try expect(try await counter(database), 0, "counter")
        },
        SQLConformance("a read sees one state, whatever is committed meanwhile") { database, other in
            try await createCounter(database)
            let seen = try await database.read { connection in
                let before = try connection.query("SELECT n FROM counter")[0].integer("n")
                try other.writeBlocking { other in try other.execute("UPDATE counter SET n = 5") }
                return [before, try connection.query("SELECT n FROM counter")[0].integer("n")]
            }
            try expect(seen, [0, 0], "the reader's counter")
            try expect(try await counter(database), 5, "the counter afterwards")
        },
        SQLConformance("the blocking variants do the same") { database, _ in
            try database.writeBlocking { connection in
                try connection.execute("CREATE TABLE t (a TEXT NOT NULL) {STRICT}")
                try connection.execute("INSERT INTO t VALUES ('x')")
            }
            do {
                try database.writeBlocking { connection in
                    try connection.execute("DELETE FROM t")
                    throw Refusal()
                }
            } catch is Refusal {}
            try expect(
                try database.readBlocking { connection in try connection.query("SELECT a FROM t").map { try $0.text("a") } },
                ["x"], "rows")
        },
        SQLConformance("the change marker moves when another handle commits, and only if something changed") { database, other in
            try await createCounter(database)
            let first = try await database.changeMarker()
            _ = try await counter(other)
            try expect(try await database.changeMarker(), first, "the marker after a read")
            try await other.execute("UPDATE counter SET n = 1")
            let second = try await database.changeMarker()
            try expect(second == first, false, "marker unchanged after a commit")
            try expect(try await database.changeMarker(), second, "the marker at rest")
        },
        SQLConformance("a closed database answers unavailable") { database, _ in
            try await createCounter(database)
            try database.close()
            let isUnavailable: (SQLError) -> Bool = { if case .unavailable = $0 { true } else { false } }
            try await expectError("read", isUnavailable) { _ = try await counter(database) }
            try await expectError("write", isUnavailable) { try await database.execute("DELETE FROM counter") }
            try await expectError("marker", isUnavailable) { _ = try await database.changeMarker() }
        },
    ]

    /// A table with one row, n = 0.
    static func createCounter(_ database: any SQLDatabase) async throws {
        try await database.write { connection in
            try connection.execute("CREATE TABLE counter (n {BIGINT} NOT NULL) {STRICT}")
            try connection.execute("INSERT INTO counter VALUES (0)")
        }
    }

    /// The counter's n.
    static func counter(_ database: any SQLDatabase) async throws -> Int64 {
        try await database.query("SELECT n FROM counter")[0].integer("n")
    }
}
