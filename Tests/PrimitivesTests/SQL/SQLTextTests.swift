import Testing

@testable import Primitives

@Suite("SQL text") struct SQLTextTests {
    @Test(
        "is translated for SQLite and PostgreSQL",
        arguments: [
            ("SELECT $1, $2, $1", "SELECT ?1, ?2, ?1", "SELECT $1, $2, $1", 2),
            ("CREATE TABLE t (a {BYTES}, b {BIGINT}, c {DOUBLE}) {STRICT};",
             "CREATE TABLE t (a BLOB, b INTEGER, c REAL) STRICT", "CREATE TABLE t (a BYTEA, b BIGINT, c DOUBLE PRECISION) ", 0),
            ("SELECT id FROM jobs LIMIT 1 {SKIP_LOCKED}", "SELECT id FROM jobs LIMIT 1 ",
             "SELECT id FROM jobs LIMIT 1 FOR UPDATE SKIP LOCKED", 0),
            ("SELECT '$2''{BYTES}$3', \"$4\"\"?\", a$5 FROM t /* $6 */ -- $7", "SELECT '$2''{BYTES}$3', \"$4\"\"?\", a$5 FROM t /* $6 */ -- $7",
             "SELECT '$2''{BYTES}$3', \"$4\"\"?\", a$5 FROM t /* $6 */ -- $7", 0),
            ("SELECT 'é$1', $1, é FROM t", "SELECT 'é$1', ?1, é FROM t", "SELECT 'é$1', $1, é FROM t", 1),
            ("SELECT 1-$1--$2\n+$2", "SELECT 1-?1--$2\n+?2", "SELECT 1-$1--$2\n+$2", 2),
        ])
    func translates(sql: String, sqlite: String, postgreSQL: String, arguments: Int) throws {
        let lite = try SQLText(sql, dialect: .sqlite), postgres = try SQLText(sql, dialect: .postgreSQL)
        #expect(lite.text == sqlite)
        #expect(postgres.text == postgreSQL)
        #expect([lite.argumentCount, postgres.argumentCount] == [arguments, arguments])
    }

    @Test(
        "is refused with a reason",
        arguments: [
            ("SELECT 'a", "unterminated literal"), ("SELECT \"a", "unterminated literal"), ("SELECT 1 /* a", "unterminated comment"),
            ("SELECT {TOKEN", "unknown token {TOKEN}"), ("SELECT $", "$ must start an argument, $1 … $999"),
            ("SELECT $1000", "$ must start an argument, $1 … $999"), ("SELECT $2", "arguments must be $1 … $2 without gaps"),
            ("SELECT 1; SELECT 2", "more than one statement"), (" ; ", "empty statement"), ("pragma x", "PRAGMA belongs to the driver"),
            ("SELECT ?", "? is not in the common dialect; arguments are $1, $2 …"),
            ("SELECT a\u{0}", "\\0 is not in the common dialect; arguments are $1, $2 …"),
        ])
    func refuses(sql: String, reason: String) {
        #expect(throws: SQLError.misuse(reason)) { try SQLText(sql, dialect: .sqlite) }
    }
}
