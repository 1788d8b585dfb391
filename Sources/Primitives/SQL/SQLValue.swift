/// One value in a row or an argument: the five kinds that every driver keeps apart.
///
/// The common subset: text holds no NUL (PostgreSQL can't store one), a real is never NaN (SQLite would store NULL), and a
/// value has at most 64 MiB. `SQLConnection` refuses the rest before the driver sees it.
package enum SQLValue: Sendable, Hashable {
    /// NULL.
    case null
    /// A 64-bit signed integer; also booleans (0, 1) and times as epoch seconds or milliseconds.
    case integer(Int64)
    /// A double that is not NaN.
    case real(Double)
    /// Unicode text without NUL.
    case text(String)
    /// Bytes, possibly none.
    case blob([UInt8])

    /// The largest text or blob, in bytes.
    static let maximumBytes = 64 << 20

    /// The kind in the words of an error message; never the value.
    var kind: String {
        switch self {
        case .null: "null"
        case .integer: "integer"
        case .real: "real"
        case .text: "text"
        case .blob: "blob"
        }
    }
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
    /// Text.
    package init(stringLiteral value: String) { self = .text(value) }
    /// An integer.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    /// NULL.
    package init(nilLiteral: ()) { self = .null }

    /// The integer 1 or 0: the common dialect has no boolean type.
    package static func boolean(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
    /// Text, or NULL for nil.
    package static func optional(_ value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    /// An integer, or NULL for nil.
    package static func optional(_ value: Int64?) -> SQLValue { value.map(SQLValue.integer) ?? .null }
    /// Bytes, or NULL for nil.
    package static func optional(_ value: [UInt8]?) -> SQLValue { value.map(SQLValue.blob) ?? .null }

    /// Refuses what one of the databases couldn't give back unchanged.
    func checkCommonSubset() throws(SQLError) {
        switch self {
        case .null, .integer: return
        case .real(let value): if value.isNaN { throw .misuse("an argument is not a number (NaN)") }
        case .text(let value):
            if value.utf8.contains(0) { throw .misuse("a text argument holds a NUL") }
            if value.utf8.count > Self.maximumBytes { throw .misuse("a text argument is larger than 64 MiB") }
        case .blob(let value):
            if value.count > Self.maximumBytes { throw .misuse("a blob argument is larger than 64 MiB") }
        }
    }
}
