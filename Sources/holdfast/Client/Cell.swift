import Primitives

/// A JSON value as people read it in a table.
enum Cell {
    static func text(_ value: JSONValue?) -> String {
        switch value ?? .null {
        case .null: "-"
        case .bool(let value): value ? "yes" : "no"
        case .integer(let value): "\(value)"
        case .real(let value): "\(value)"
        case .string(let text): text.isEmpty ? "-" : clean(moment(text))
        case .array(let elements): elements.isEmpty ? "-" : elements.map(name).joined(separator: " ")
        case .object(let members): members.isEmpty ? "-" : members.map { "\(clean($0.name))=\(text($0.value))" }.joined(separator: " ")
        }
    }

    /// A thing in a list of things: its name, or else its id.
    private static func name(_ value: JSONValue) -> String { text(value["name"] ?? value["id"] ?? value) }

    /// A time to the second; any other text as it is.
    private static func moment(_ text: String) -> String {
        text.wholeMatch(of: /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z/).map { "\($0.1)Z" } ?? text
    }

    /// Without characters that could move the cursor or change the terminal.
    static func clean(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "\u{FFFD}" : $0 }))
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: scalar != "\n"
        case .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}

/// A column of a table: its heading, and where in each thing its cell stands, as `versions.0.state`; `#versions` counts.
struct Column {
    let heading: String
    let path: String

    init(_ heading: String, _ path: String) { (self.heading, self.path) = (heading, path) }

    func cell(_ thing: JSONValue) -> String {
        if path.hasPrefix("#") { return "\(Column.find(path.dropFirst(), in: thing)?.array?.count ?? 0)" }
        return Cell.text(Column.find(path[...], in: thing)).replacing("\n", with: " ")
    }

    private static func find(_ path: Substring, in thing: JSONValue) -> JSONValue? {
        var value: JSONValue? = thing
        for step in path.split(separator: ".") {
            if let index = Int(step) {
                let elements = value?.array ?? []
                value = index < elements.count ? elements[index] : nil
            } else {
                value = value?[String(step)]
            }
        }
        return value
    }
}

/// One thing as people read it: a line for each member, a table for each list of things in it.
enum Details {
    static func text(_ thing: JSONValue) -> String {
        guard let members = thing.object else { return Cell.text(thing) }
        let (plain, lists) = members.reduce(into: ([(String, String)](), [(String, [JSONValue])]())) { result, member in
            if let elements = member.value.array, let first = elements.first, first.object != nil {
                result.1.append((member.name, elements))
            } else {
                result.0.append((member.name, Cell.text(member.value)))
            }
        }
        let width = plain.map(\.0.count).max() ?? 0
        var lines = plain.map { name, value in
            let indented = value.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n" + String(repeating: " ", count: width + 2))
            return Cell.clean(name) + String(repeating: " ", count: width - name.count + 2) + indented
        }
        for (name, elements) in lists {
            var names: [String] = []
            for element in elements { for member in element.object ?? [] where !names.contains(member.name) { names.append(member.name) } }
            var table = Table(names.map { $0.uppercased().replacing("_", with: " ") })
            for element in elements { table.add(names.map { Column("", $0).cell(element) }) }
            lines += ["\(Cell.clean(name)):"] + table.lines.map { "  \($0)" }
        }
        return lines.joined(separator: "\n")
    }
}
