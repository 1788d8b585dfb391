/// One statement of the common dialect in the words of one database. String literals, quoted identifiers and comments pass
/// through untouched; `$n` and `{TOKEN}` are replaced; what only one of the databases would understand is refused.
struct SQLText: Sendable, Equatable {
    /// What the database is given.
    let text: String
    /// The number of arguments: the highest `$n`.
    let argumentCount: Int

    /// - Throws: `.misuse` for an empty statement, a second statement, a gap between the arguments, an unknown token, an
    ///   unterminated literal, another placeholder style, or a statement that belongs to the driver.
    init(_ sql: String, dialect: SQLDialect) throws(SQLError) {
        var scanner = SQLScanner(sql, dialect: dialect)
        while !scanner.isAtEnd { try scanner.step() }
        guard let keyword = scanner.keyword else { throw .misuse("empty statement") }
        guard !Self.driversOwn.contains(keyword) else { throw .misuse("\(keyword) belongs to the driver") }
        let count = scanner.arguments.max() ?? 0
        guard scanner.arguments.count == count else { throw .misuse("arguments must be $1 … $\(count) without gaps") }
        text = String(decoding: scanner.output, as: UTF8.self)
        argumentCount = count
    }

    private static let driversOwn: Set<String> = [
        "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "PRAGMA", "ATTACH", "DETACH", "VACUUM",
        "SET", "LISTEN", "NOTIFY", "COPY",
    ]
}

/// Reads a statement from left to right, one lexical element per step.
private struct SQLScanner {
    private let input: [UInt8]
    private let dialect: SQLDialect
    private var position = 0
    private var isFinished = false  // a semicolon was read
    private(set) var output: [UInt8] = []
    private(set) var arguments: Set<Int> = []
    private(set) var keyword: String?

    init(_ sql: String, dialect: SQLDialect) {
        input = Array(sql.utf8)
        self.dialect = dialect
    }

    var isAtEnd: Bool { position == input.count }

    mutating func step() throws(SQLError) {
        let byte = input[position]
        let next = position + 1 < input.count ? input[position + 1] : 0
        switch (byte, next) {
        case (UInt8(ascii: "-"), UInt8(ascii: "-")): copy(through: [10], from: position + 2)
        case (UInt8(ascii: "/"), UInt8(ascii: "*")):
            guard copy(through: Array("*/".utf8), from: position + 2) else { throw .misuse("unterminated comment") }
        case (9, _), (10, _), (13, _), (32, _): copy(1)
        case _ where isFinished: throw .misuse("more than one statement")
        case (UInt8(ascii: "'"), _), (UInt8(ascii: "\""), _):
            guard copy(through: [byte], from: position + 1) else { throw .misuse("unterminated literal") }
        case (UInt8(ascii: "$"), _): try argument()
        case (UInt8(ascii: "{"), _): try token()
        case (UInt8(ascii: ";"), _):
            isFinished = true
            position += 1
        case (UInt8(ascii: "?"), _), (UInt8(ascii: ":"), _), (UInt8(ascii: "@"), _), (UInt8(ascii: "`"), _), (UInt8(ascii: "["), _),
            (0, _):
            throw .misuse("\(Unicode.Scalar(byte).escaped(asASCII: true)) is not in the common dialect; arguments are $1, $2 …")
        default: word()
        }
    }

    /// `$12` becomes the dialect's placeholder.
    private mutating func argument() throws(SQLError) {
        let digits = input[(position + 1)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard let number = Int(String(decoding: digits, as: UTF8.self)), (1...999).contains(number) else {
            throw .misuse("$ must start an argument, $1 … $999")
        }
        arguments.insert(number)
        output += Array(dialect.placeholder(number).utf8)
        position += 1 + digits.count
    }

    /// `{BYTES}` becomes the dialect's word.
    private mutating func token() throws(SQLError) {
        let name = String(decoding: input[(position + 1)...].prefix { $0 != UInt8(ascii: "}") }, as: UTF8.self)
        guard let expansion = dialect.expansion(of: name) else { throw .misuse("unknown token {\(name)}") }
        output += Array(expansion.utf8)
        position += name.utf8.count + 2
    }

    /// An identifier, keyword or number as a whole, so that `a$1` is no argument; or one byte of punctuation.
    private mutating func word() {
        let word = input[position...].prefix(while: Self.isWordByte)
        if keyword == nil { keyword = String(decoding: word, as: UTF8.self).uppercased() }
        copy(max(1, word.count))
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    private mutating func copy(_ count: Int) {
        output += input[position..<position + count]
        position += count
    }

    /// Copies up to and including `end`, searched from `start` on; to the end of the input if it doesn't occur.
    @discardableResult private mutating func copy(through end: [UInt8], from start: Int) -> Bool {
        var index = start
        while index + end.count <= input.count {
            if input[index..<index + end.count].elementsEqual(end) {
                copy(index + end.count - position)
                return true
            }
            index += 1
        }
        copy(input.count - position)
        return false
    }
}
