import Primitives

/// A list read page by page: filters, order and the place where the page begins, as SQL. Only values are arguments; columns come from here.
struct AccountListing {
    /// A column that a list can be sorted by; values of a column of text are text, of others integers.
    struct Sort {
        let column: String
        let isText: Bool
    }

    let sorts: [String: Sort]
    private var conditions: [String] = []
    private var arguments: [SQLValue] = []

    init(sorts: [String: Sort]) { self.sorts = sorts }

    /// Keeps rows for which `condition` holds; `?` stands for the value.
    mutating func keep(_ condition: String, _ value: SQLValue) {
        arguments.append(value)
        conditions.append(condition.replacing("?", with: "$\(arguments.count)"))
    }

    /// One row more than the page holds if there are more, and how many there are on all pages.
    func rows(
        _ columns: String, from tables: String, id: String, page: Page, in connection: borrowing SQLConnection
    ) throws -> (rows: [SQLRow], total: Int64) {
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let count = try connection.query("SELECT CAST(COUNT(*) AS {BIGINT}) AS total FROM \(tables)\(filter)", arguments)
        guard let sort = sorts[page.sort] else { throw Problem.invalid("query:sort", expected: "one of \(sorts.keys.sorted())") }
        var (conditions, arguments) = (conditions, arguments)
        if let after = page.after {
            let value: SQLValue
            switch (after.value, sort.isText) {
            case (.string(let text), true): value = .text(text)
            case (.integer(let number), false): value = .integer(number)
            default: throw Problem.invalid("query:cursor", expected: "the next_cursor of an answer with the same sort")
            }
            arguments += [value, .text(after.id)]
            conditions.append(
                "(\(sort.column), \(id)) \(page.isDescending ? "<" : ">") ($\(arguments.count - 1), $\(arguments.count))")
        }
        arguments.append(.integer(Int64(page.limit + 1)))
        let order = page.isDescending ? "DESC" : "ASC"
        let rows = try connection.query(
            "SELECT \(columns) FROM \(tables)\(conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND "))"
                + " ORDER BY \(sort.column) \(order), \(id) \(order) LIMIT $\(arguments.count)", arguments)
        return (rows, try count.first?.integer("total") ?? 0)
    }
}
