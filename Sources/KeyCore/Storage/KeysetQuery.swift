package import Primitives

/// Which rows of a sorted list are wanted: those behind the last one that was shown.
package struct Keyset: Sendable {
    /// The column that it is sorted by; the row's id decides between equals.
    package let column: StaticColumn
    package let isDescending: Bool
    /// How many, and one more to see whether there is a next page.
    package let limit: Int
    /// The last row shown: its value in the column and its id.
    package let after: (value: SQLValue, id: String)?

    /// A part of a list.
    package init(column: StaticColumn, isDescending: Bool = false, limit: Int = 100, after: (value: SQLValue, id: String)? = nil) {
        (self.column, self.isDescending, self.limit, self.after) = (column, isDescending, limit, after)
    }
}

/// A column's name that is part of the program, never a caller's text.
package struct StaticColumn: Sendable {
    let name: String
    /// A column.
    package init(_ name: StaticString) { self.name = name.description }
}

/// A page of a list, and how many there are on all pages.
package struct Listing<Item: Sendable>: Sendable {
    /// One more than was asked for if there is a next page.
    package let items: [Item]
    package let total: Int64
}

/// Builds the statements of a filtered, sorted list over one table: a page costs the same wherever it lies, and each statement has bound
/// arguments only.
///
/// A database that finds the matching rows by an index of the filter must sort them all for one page. So the number of matches comes first, and where many match the page
/// walks along the sorted index instead, and meets enough of them soon.
struct KeysetQuery {
    /// A condition in the forms that lead the database to an index of its column, away from it, and to the quickest count beside other conditions.
    private struct Condition {
        let seeking: String
        let walking: String
        let counting: String
        /// Sorted by this column, its own index is the way to walk.
        let column: String?
    }

    /// From how many matches on a page walks: below, sorting them costs less (measured over 100 000 keys).
    private static let walksFrom = 4000

    private let table: StaticString
    private var conditions: [Condition] = []
    private var arguments: [SQLValue] = []
    /// The ids that may be shown; nil for all.
    private let visible: [String]?

    init(_ table: StaticString, visible: Set<String>? = nil) {
        (self.table, self.visible) = (table, visible?.sorted())
    }

    /// Adds a condition in which each `$` stands for one of `values`, in their order.
    /// - Parameters:
    ///   - walking: the same so that no index of its column can be used; without it there is none.
    ///   - counting: the same for counts with other conditions, if that is neither.
    ///   - column: a list sorted by it uses the first form always.
    mutating func add(
        _ condition: StaticString, walking: StaticString? = nil, counting: StaticString? = nil, column: StaticString? = nil, _ values: SQLValue...
    ) {
        let first = arguments.count + 1
        arguments += values
        let seeking = KeysetQuery.numbered(condition, from: first)
        let walking = walking.map { KeysetQuery.numbered($0, from: first) } ?? seeking
        conditions.append(Condition(
            seeking: seeking, walking: walking, counting: counting.map { KeysetQuery.numbered($0, from: first) } ?? walking,
            column: column?.description))
    }

    private static func numbered(_ condition: StaticString, from first: Int) -> String {
        var number = first
        return condition.description.reduce(into: "") { text, character in
            text.append(character)
            guard character == "$" else { return }
            text += "\(number)"
            number += 1
        }
    }

    /// The page's rows and the number of all.
    func run(_ columns: StaticString, _ keyset: Keyset, _ connection: borrowing SQLConnection) throws -> (rows: [SQLRow], total: Int64) {
        var rows: [SQLRow] = []
        var total: Int64 = 0
        let chunks = chunks
        for ids in chunks {
            let matches = try count(ids, connection)
            rows += try page(columns, keyset, ids, walks: ids == nil && matches >= KeysetQuery.walksFrom, connection)
            total += matches
        }
        return (chunks.count == 1 ? rows : try KeysetQuery.merge(rows, keyset), total)
    }

    /// A statement takes 999 arguments.
    private var chunks: [ArraySlice<String>?] {
        guard let visible else { return [nil] }
        return stride(from: 0, to: visible.count, by: 900).map { visible[$0..<min($0 + 900, visible.count)] }
    }

    private func page(
        _ columns: StaticString, _ keyset: Keyset, _ ids: ArraySlice<String>?, walks: Bool, _ connection: borrowing SQLConnection
    ) throws -> [SQLRow] {
        var (text, arguments) = condition(ids) { walks && $0.column != keyset.column.name ? $0.walking : $0.seeking }
        let column = keyset.column.name
        if let after = keyset.after {
            arguments += [after.value, .text(after.id)]
            let sign = keyset.isDescending ? "<" : ">"
            text += "\(text.isEmpty ? " WHERE" : " AND") (\(column), id) \(sign) ($\(arguments.count - 1), $\(arguments.count))"
        }
        arguments.append(.integer(Int64(keyset.limit) + 1))
        let order = keyset.isDescending ? "DESC" : "ASC"
        return try connection.query(
            "SELECT \(columns) FROM \(table)\(text) ORDER BY \(column) \(order), id \(order) LIMIT $\(arguments.count)", arguments)
    }

    private func count(_ ids: ArraySlice<String>?, _ connection: borrowing SQLConnection) throws -> Int64 {
        // Of several conditions an index serves one, and each row it leads to is read for the others; an index of all columns is shorter.
        let isMixed = ids == nil && conditions.count > 1
        let (text, arguments) = condition(ids) { isMixed ? $0.counting : $0.seeking }
        return try connection.query("SELECT COUNT(*) AS total FROM \(table)\(text)", arguments).first?.integer("total") ?? 0
    }

    private func condition(_ ids: ArraySlice<String>?, _ form: (Condition) -> String) -> (String, [SQLValue]) {
        var (conditions, arguments) = (conditions.map(form), arguments)
        if let ids {
            let places = ids.indices.map { "$\(arguments.count + 1 + $0 - ids.startIndex)" }
            arguments += ids.map(SQLValue.text)
            conditions.append("id IN (\(places.joined(separator: ", ")))")
        }
        return (conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND "), arguments)
    }

    private static func merge(_ rows: [SQLRow], _ keyset: Keyset) throws -> [SQLRow] {
        let keyed = try rows.map { (value: try $0.value(keyset.column.name), id: try $0.text("id"), row: $0) }
        let sorted = keyed.sorted { a, b in
            let isBefore = isBefore(a.value, b.value) || (a.value == b.value && a.id < b.id)
            return keyset.isDescending ? !isBefore && a.id != b.id : isBefore
        }
        return sorted.prefix(keyset.limit + 1).map(\.row)
    }

    private static func isBefore(_ a: SQLValue, _ b: SQLValue) -> Bool {
        switch (a, b) {
        case (.integer(let a), .integer(let b)): a < b
        case (.text(let a), .text(let b)): a.utf8.lexicographicallyPrecedes(b.utf8)
        default: false
        }
    }
}
