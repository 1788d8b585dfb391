import Primitives

/// Rows for people: columns as wide as their longest cell.
struct Table {
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: String...) { self.headings = headings }
    init(_ headings: [String]) { self.headings = headings }

    mutating func add(_ cells: String...) { rows.append(cells) }
    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// The headings and the rows.
    var lines: [String] { lines([headings] + rows, widths) }

    private var widths: [Int] { headings.indices.map { column in ([headings] + rows).map { $0[column].count }.max() ?? 0 } }

    private func lines(_ rows: [[String]], _ widths: [Int]) -> [String] {
        rows.map { row in
            row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: max(0, widths[column] - cell.count) + 2)
            }.joined()
        }
    }

    /// As `print`, but goes on below a table whose columns have these widths, if there is one already.
    /// - Returns: the widths for what goes on below this.
    func print(whenEmpty message: String, continuing earlier: [Int]?) -> [Int] {
        guard let earlier else {
            print(whenEmpty: message)
            return widths
        }
        for line in lines(rows, earlier) { Swift.print(line) }
        return earlier
    }

    /// Prints the rows, or what there is to say if there are none.
    func print(whenEmpty message: String) {
        guard !rows.isEmpty else { return Swift.print(message) }
        for line in lines { Swift.print(line) }
    }
}

extension Instant {
    /// As people read it, to the second.
    var short: String { RFC3339.string(self).prefix(19) + "Z" }
}
