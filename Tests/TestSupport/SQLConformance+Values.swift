import Primitives

extension SQLConformance {
    static let valueChecks = [
        SQLConformance("integers come back unchanged, the extremes included") { database, _ in
            for value in [0, 1, -1, .max, .min, (1 << 53) + 1] as [Int64] {
                try expect(try await roundTrip(.integer(value), "{BIGINT}", database), .integer(value), "integer")
            }
        },
        SQLConformance("reals come back bit by bit, infinities included") { database, _ in
            for value in [0, 1, -0.1, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity] as [Double] {
                try expect(try await roundTrip(.real(value), "{DOUBLE}", database), .real(value), "real")
            }
        },
        SQLConformance("texts come back unchanged: empty, quotes, all planes of Unicode, not normalised") { database, _ in
            let texts = ["", "'; DROP TABLE t; --", "$1 {BYTES}", "æøå ☃ 𝄞 👩‍👩‍👧", "e\u{301}", "\u{e9}", "\u{FFFF}", "\r\n\t\u{1}"]
            for value in texts {
                let found = try await roundTrip(.text(value), "TEXT", database)
                guard case .text(let text) = found, Array(text.utf8) == Array(value.utf8) else {
                    throw SQLConformanceFailure(description: "text \(value.debugDescription) came back as \(found)")
                }
            }
        },
        SQLConformance("blobs come back unchanged: none, zeros, every byte, a mebibyte") { database, _ in
            for value in [[], [0], [0, 0], Array(0...255), Array(repeating: 0xA5, count: 1 << 20)] as [[UInt8]] {
                try expect(try await roundTrip(.blob(value), "{BYTES}", database), .blob(value), "blob")
            }
        },
        SQLConformance("NULL is NULL in a column of any type, and not an empty value") { database, _ in
            for type in ["{BIGINT}", "{DOUBLE}", "TEXT", "{BYTES}"] {
                try expect(try await roundTrip(.null, type, database), .null, type)
            }
        },
        SQLConformance("refuses what one database couldn't store: NUL in text, NaN") { database, _ in
            try await expectError("NUL", isMisuse) { _ = try await roundTrip(.text("a\0b"), "TEXT", database) }
            try await expectError("NaN", isMisuse) { _ = try await roundTrip(.real(.nan), "{DOUBLE}", database) }
        },
        SQLConformance("refuses a value of another type than the column's") { database, _ in
            try await expectError("text in BIGINT", isMisuse) { _ = try await roundTrip("abc", "{BIGINT}", database) }
        },
        SQLConformance("typed getters return the value, and throw for another kind, NULL or an absent column") { database, _ in
            try await database.execute("CREATE TABLE t (i {BIGINT}, r {DOUBLE}, s TEXT, b {BYTES}, n TEXT) {STRICT}")
            try await database.execute(
                "INSERT INTO t VALUES ($1, $2, $3, $4, $5)", [7, .real(0.5), "x", .blob([1]), nil])
            guard let row = try await database.query("SELECT * FROM t").first else {
                throw SQLConformanceFailure(description: "no row")
            }
            try expect(row.columns.names, ["i", "r", "s", "b", "n"], "column names")
            try expect(try row.integer("i"), 7, "integer")
            try expect(try row.real("r"), 0.5, "real")
            try expect(try row.text("s"), "x", "text")
            try expect(try row.blob("b"), [1], "blob")
            try expect(try row.optionalText("n"), nil, "optional text")
            try await expectError("kind", { $0 == .decoding(column: "i", expected: "text", found: "integer") }) {
                _ = try row.text("i")
            }
            try await expectError("null", { $0 == .decoding(column: "n", expected: "text", found: "null") }) {
                _ = try row.text("n")
            }
            try await expectError("boolean", { if case .decoding = $0 { true } else { false } }) { _ = try row.boolean("i") }
            try await expectError("absent", { if case .decoding("z", _, _) = $0 { true } else { false } }) {
                _ = try row.optionalText("z")
            }
        },
    ]

    /// Stores a value in a column of a type, reads it back.
    private static func roundTrip(_ value: SQLValue, _ type: String, _ database: any SQLDatabase) async throws -> SQLValue {
        try await database.write { connection in
            try connection.execute("DROP TABLE IF EXISTS v")
            try connection.execute("CREATE TABLE v (value \(type)) {STRICT}")
            try connection.execute("INSERT INTO v VALUES ($1)", [value])
        }
        return try await database.query("SELECT value FROM v")[0].value("value")
    }
}
