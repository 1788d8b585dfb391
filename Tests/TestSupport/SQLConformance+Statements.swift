import Primitives

extension SQLConformance {
    static let statementChecks = [
        SQLConformance("arguments are bound by number, in any order and more than once") { database, _ in
            let row = try await database.query(
                """
                SELECT CAST($2 AS TEXT) AS b, CAST($1 AS TEXT) AS a, CAST($2 AS TEXT) AS c, CAST($10 AS TEXT) AS j,
                    CAST($3 AS TEXT) || CAST($4 AS TEXT) || CAST($5 AS TEXT) || CAST($6 AS TEXT) || CAST($7 AS TEXT)
                    || CAST($8 AS TEXT) || CAST($9 AS TEXT) AS rest
                """, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])[0]
            try expect([try row.text("a"), try row.text("b"), try row.text("c")], ["1", "2", "2"], "arguments")
            try expect([try row.text("j"), try row.text("rest")], ["10", "3456789"], "arguments")
        },
        SQLConformance("literals, quoted identifiers and comments are left alone") { database, _ in
            let row = try await database.query(
                """
                SELECT '$1 it''s {BYTES} ; ? -- no' AS a, CAST($1 AS TEXT) AS "b$1;", /* $9 ? ' */ 'x' AS c -- $8 "
                ;
                """, ["one"])[0]
            try expect(try row.text("a"), "$1 it's {BYTES} ; ? -- no", "literal")
            try expect(try row.text("b$1;"), "one", "quoted identifier")
            try expect(try row.text("c"), "x", "after a comment")
        },
        SQLConformance(
            "refuses wrong counts, gaps, other placeholders, unknown tokens, two statements, transaction control, bad SQL"
        ) { database, _ in
            try await database.execute("CREATE TABLE t (a TEXT) {STRICT}")
            let wrong: [(String, [SQLValue])] = [
                ("SELECT a FROM t WHERE a = $1", []), ("SELECT a FROM t", ["x"]), ("SELECT a FROM t WHERE a = $2", ["x", "y"]),
                ("SELECT a FROM t WHERE a = ?", ["x"]), ("SELECT a FROM t WHERE a = :a", []), ("SELECT {NO} FROM t", []),
                ("SELECT a FROM t WHERE a = $0", []), ("DELETE FROM t; DELETE FROM t", []), ("", []), ("-- nothing", []),
                ("COMMIT", []), ("/* */ rollback", []), ("SAVEPOINT x", []), ("SELEC a", []), ("SELECT nothing FROM t", []),
                ("SELECT a FROM nowhere", []), ("SELECT 'a", []),
            ]
            for (sql, arguments) in wrong {
                try await expectError(sql, isMisuse) { try await database.execute(sql, arguments) }
            }
        },
        SQLConformance("execute returns the number of changed rows, 0 for what changes none") { database, _ in
            let counts = try await database.write { connection in
                [
                    try connection.execute("CREATE TABLE t (a {BIGINT}) {STRICT}"),
                    try connection.execute("INSERT INTO t VALUES (1), (2), (3)"),
                    try connection.execute("CREATE INDEX t_a ON t (a)"),
                    try connection.execute("UPDATE t SET a = a + 1 WHERE a > $1", [1]),
                    try connection.execute("UPDATE t SET a = 0 WHERE a > 100"),
                    try connection.execute("DELETE FROM t"),
                    try connection.execute("DROP TABLE t"),
                ]
            }
            try expect(counts, [0, 3, 0, 2, 0, 3, 0], "changed rows")
        },
        SQLConformance("RETURNING gives the changed rows") { database, _ in
            let rows = try await database.write { connection in
                try connection.execute("CREATE TABLE t (id TEXT PRIMARY KEY, n {BIGINT} NOT NULL) {STRICT}")
                return try connection.query("INSERT INTO t VALUES ($1, 1), ($2, 2) RETURNING id, n + 1 AS m", ["a", "b"])
                    + connection.query("UPDATE t SET n = n + 10 WHERE id = $1 RETURNING id, n AS m", ["a"])
                    + connection.query("DELETE FROM t WHERE id = $1 RETURNING id, n AS m", ["none"])
            }
            try expect(try rows.map { try $0.text("id") }, ["a", "b", "a"], "ids")
            try expect(try rows.map { try $0.integer("m") }, [2, 3, 11], "values")
        },
        SQLConformance("ON CONFLICT updates or does nothing") { database, _ in
            let upsert = """
                INSERT INTO t (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n RETURNING n
                """
            let found = try await database.write { connection in
                try connection.execute("CREATE TABLE t (id TEXT PRIMARY KEY, n {BIGINT} NOT NULL) {STRICT}")
                let first = try connection.query(upsert, ["a", 1])[0].integer("n")
                let second = try connection.query(upsert, ["a", 5])[0].integer("n")
                let ignored = try connection.execute("INSERT INTO t VALUES ('a', 9) ON CONFLICT (id) DO NOTHING")
                return [first, second, Int64(ignored)]
            }
            try expect(found, [1, 6, 0], "upserts")
        },
        SQLConformance("a statement that runs often gives each time what its arguments ask for") { database, _ in
            try await database.write { connection in
                try connection.execute("CREATE TABLE t (id {BIGINT} PRIMARY KEY, s TEXT) {STRICT}")
                for id in 0..<200 {
                    try connection.execute("INSERT INTO t VALUES ($1, $2)", [.integer(Int64(id)), .text("s\(id)")])
                }
            }
            for id in 0..<200 {
                let rows = try await database.query("SELECT s FROM t WHERE id = $1", [.integer(Int64(id))])
                try expect(try rows.map { try $0.text("s") }, ["s\(id)"], "row \(id)")
            }
            try await database.execute("ALTER TABLE t ADD COLUMN extra TEXT")
            try expect(try await database.query("SELECT s FROM t WHERE id = $1", [5]).count, 1, "after a schema change")
        },
        SQLConformance("a violated constraint is typed by its kind") { database, _ in
            try await database.write { connection in
                try connection.execute("CREATE TABLE p (id TEXT PRIMARY KEY) {STRICT}")
                try connection.execute(
                    """
                    CREATE TABLE c (id TEXT PRIMARY KEY, p TEXT NOT NULL REFERENCES p (id), u TEXT UNIQUE,
                        n {BIGINT} CHECK (n > 0)) {STRICT}
                    """)
                try connection.execute("INSERT INTO p VALUES ('p')")
                try connection.execute("INSERT INTO c VALUES ('c', 'p', 'u', 1)")
            }
            let violations: [(SQLConstraint, String)] = [
                (.unique, "INSERT INTO c VALUES ('c', 'p', 'v', 1)"), (.unique, "INSERT INTO c VALUES ('d', 'p', 'u', 1)"),
                (.foreignKey, "INSERT INTO c VALUES ('d', 'q', 'v', 1)"), (.foreignKey, "DELETE FROM p"),
                (.notNull, "INSERT INTO c VALUES ('d', NULL, 'v', 1)"), (.check, "INSERT INTO c VALUES ('d', 'p', 'v', 0)"),
            ]
            for (kind, sql) in violations {
                try await expectError(sql, isConstraint(kind)) { try await database.execute(sql) }
            }
        },
    ]
}
