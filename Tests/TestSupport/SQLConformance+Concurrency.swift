import Primitives

extension SQLConformance {
    static let concurrencyChecks = [
        SQLConformance("no update is lost between tasks and handles that read, then write") { database, other in
            try await createCounter(database)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        try await (index.isMultiple(of: 2) ? database : other).write { connection in
                            let n = try connection.query("SELECT n FROM counter")[0].integer("n")
                            try connection.execute("UPDATE counter SET n = $1", [.integer(n + 1)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            try expect(try await counter(database), 40, "counter")
        },
        SQLConformance("more readers than connections all get their answer while writers work") { database, _ in
            try await createCounter(database)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 {
                    group.addTask { try await database.execute("UPDATE counter SET n = n + 1") }
                }
                for _ in 0..<100 {
                    group.addTask {
                        let n = try await counter(database)
                        try expect((0...10).contains(n), true, "counter in range")
                    }
                }
                try await group.waitForAll()
            }
            try expect(try await counter(database), 10, "counter")
        },
    ]

    private static let first = SQLMigration(
        id: 1, name: "things",
        statements: ["CREATE TABLE things (id TEXT PRIMARY KEY, body {BYTES} NOT NULL) {STRICT}"])

    static let migrationChecks = [
        SQLConformance("migrations run once and in order, later ones on top of earlier ones") { database, other in
            let third = SQLMigration(
                id: 30, name: "rename", statements: ["CREATE TABLE more (id TEXT PRIMARY KEY) {STRICT}"])
            let table = SQLMigration(id: 1, name: "t", statements: ["CREATE TABLE t (id TEXT PRIMARY KEY) {STRICT}"])
            try expect(try database.migrate([]), [], "no step")
            try expect(try database.migrate([table]), [1], "first run")
            try expect(try other.migrate([table]), [], "second run")
            try expect(try other.migrate([table, third]), [30], "with a new step")
            try expect(try database.migrate([table, third]), [], "at the end")
            try expect(try await database.query("SELECT id FROM t").count, 0, "rows")
        },
        SQLConformance("a failing step leaves nothing of itself, keeps those before it, and can be repeated") { database, _ in
            let broken = SQLMigration(
                id: 2, name: "broken", statements: ["CREATE TABLE half (a TEXT) {STRICT}", "INSERT INTO nowhere VALUES (1)"])
            do {
                try database.migrate([first, broken])
                throw SQLConformanceFailure(description: "the broken step passed")
            } catch SQLMigrationError.failed(id: 2, name: "broken", .misuse) {}
            try await expectError("half", isMisuse) { _ = try await database.query("SELECT a FROM half") }
            let repaired = SQLMigration(id: 2, name: "repaired", statements: ["CREATE TABLE half (a TEXT) {STRICT}"])
            try expect(try database.migrate([first, repaired]), [2], "after the repair")
        },
        SQLConformance("refuses a database that a newer version has migrated, unchanged") { database, _ in
            let newer = SQLMigration(id: 9, name: "newer", statements: ["CREATE TABLE newer (a TEXT) {STRICT}"])
            try database.migrate([first, newer])
            let later = SQLMigration(id: 10, name: "later", statements: ["DROP TABLE newer"])
            do {
                try database.migrate([first, later])
                throw SQLConformanceFailure(description: "the older version started")
            } catch SQLMigrationError.unknownStep(id: 9, name: "newer") {}
            try expect(try await database.query("SELECT a FROM newer").count, 0, "rows")
        },
        SQLConformance("refuses another history and an unordered list") { database, _ in
            try database.migrate([SQLMigration(id: 5, name: "five", statements: [])])
            let lists: [[SQLMigration]] = [
                [SQLMigration(id: 5, name: "other", statements: [])],
                [SQLMigration(id: 4, name: "four", statements: []), SQLMigration(id: 5, name: "five", statements: [])],
            ]
            for list in lists {
                do {
                    try database.migrate(list)
                    throw SQLConformanceFailure(description: "another history was accepted")
                } catch SQLMigrationError.differentHistory {}
            }
            do {
                try database.migrate([first, first])
                throw SQLConformanceFailure(description: "an unordered list was accepted")
            } catch SQLMigrationError.unordered(id: 1) {}
        },
        SQLConformance("handles that migrate at once run each step once") { database, other in
            let steps = (1...10).map {
                SQLMigration(id: $0, name: "step \($0)", statements: ["CREATE TABLE t\($0) (a TEXT) {STRICT}"])
            }
            let applied = try await withThrowingTaskGroup(of: [Int64].self) { group in
                for handle in [database, other, database, other] { group.addTask { try handle.migrate(steps) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect(applied.sorted(), Array(1...10), "applied steps")
        },
    ]
}
