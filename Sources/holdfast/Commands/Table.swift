import Primitives

/// Rows for people: columns as wide as their longest cell.
struct Table {
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: String...) { self.headings = headings }

    mutating func add(_ cells: String...) { rows.append(cells) }

    /// Prints the rows, or what there is to say if there are none.
    func print(whenEmpty message: String) {
        guard !rows.isEmpty else { return Swift.print(message) }
        let widths = headings.indices.map { column in ([headings] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [headings] + rows {
            var line = ""
            for (column, cell) in row.enumerated() {
                line += column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            Swift.print(line)
        }
    }
}

extension Instant {
    /// As people read it, to the second.
    var short: String { RFC3339.string(self).prefix(19) + "Z" }
}
