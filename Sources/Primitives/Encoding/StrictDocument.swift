import Yams

/// What is wrong with a document that a person wrote, and where: file, line, field, expectation.
package struct DocumentError: Error, Equatable, CustomStringConvertible {
    /// The file's name, or another word for where the text came from.
    package let source: String
    /// Line, counted from 1; nil if the document as a whole is wrong.
    package let line: Int?
    /// The way to the field, as `rules[2].operations`; empty for the document itself.
    package let field: String
    /// What was expected, what was found, what to do.
    package let message: String

    /// An error about a field of the document `source`.
    package init(source: String, line: Int?, field: String, message: String) {
        (self.source, self.line, self.field, self.message) = (source, line, field, message)
    }

    /// `policy.yaml:12: rules[2].operations: expected …`
    package var description: String {
        let place = line.map { "\(source):\($0)" } ?? source
        return field.isEmpty ? "\(place): \(message)" : "\(place): \(field): \(message)"
    }
}

/// A YAML (or JSON, which is a subset) document read strictly: every field must be known, every value of its type, and each
/// complaint names file, line and field. Anchors, aliases and tags are refused, so that a small document can't
/// grow into a large one and a type is what it looks like.
package struct StrictDocument {
    private let node: Yams.Node
    /// Where the text came from, for errors.
    package let source: String
    /// The way from the root to this node.
    package let field: String

    /// The line of the name that this node has in its mapping.
    private let nameLine: Int?

    /// Parses `text`, at most 1 MiB of it.
    package init(parsing text: String, source: String) throws(DocumentError) {
        self.init(node: try StrictDocument.root(of: text, source: source), nameLine: nil, source: source, field: "")
    }

    private init(node: Yams.Node, nameLine: Int?, source: String, field: String) {
        (self.node, self.nameLine, self.source, self.field) = (node, nameLine, source, field)
    }

    /// The line on which this node begins.
    package var line: Int? { node.mark?.line }

    /// An error about this node.
    package func error(_ message: String) -> DocumentError {
        DocumentError(source: source, line: line, field: field, message: message)
    }

    private func nameError(_ message: String) -> DocumentError {
        DocumentError(source: source, line: nameLine ?? line, field: field, message: message)
    }

    // MARK: Shapes

    /// Whether this is a mapping.
    package var isMapping: Bool { node.mapping != nil }
    /// Whether this is a list.
    package var isSequence: Bool { node.sequence != nil }
    /// Whether this is a scalar.
    package var isScalar: Bool { node.scalar != nil }
    /// Whether this is an empty value or `null`.
    package var isNull: Bool { node.null != nil && node.scalar?.style == .plain }

    /// The members of a mapping, each of whose names must be one of `names` and occur once.
    package func members(_ names: [String]) throws(DocumentError) -> [String: StrictDocument] {
        var members: [String: StrictDocument] = [:]
        for (name, value) in try entries() {
            guard names.contains(name) else {
                throw value.nameError("unknown field; expected one of \(names.joined(separator: ", "))")
            }
            members[name] = value
        }
        return members
    }

    /// The members of a mapping whose names are free, in their order, each once.
    package func entries() throws(DocumentError) -> [(name: String, value: StrictDocument)] {
        guard let mapping = node.mapping else { throw error("expected a mapping of fields, found \(found)") }
        var entries: [(name: String, value: StrictDocument)] = []
        var seen: Set<String> = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw error("expected field names that are plain text") }
            let path = field.isEmpty ? name : "\(field).\(name)"
            let child = StrictDocument(node: value, nameLine: key.mark?.line, source: source, field: path)
            guard seen.insert(name).inserted else { throw child.nameError("this field occurs twice; keep one") }
            entries.append((name, child))
        }
        return entries
    }

    /// The elements of a list.
    package func elements() throws(DocumentError) -> [StrictDocument] {
        guard let sequence = node.sequence else { throw error("expected a list, found \(found)") }
        return sequence.enumerated().map { index, node in
            StrictDocument(node: node, nameLine: nil, source: source, field: "\(field)[\(index)]")
        }
    }

    /// The texts of a list of scalars.
    package func strings() throws(DocumentError) -> [String] {
        var strings: [String] = []
        for element in try elements() { strings.append(try element.string()) }
        return strings
    }

    // MARK: Scalars

    /// A scalar as text, quoted or not; not empty unless quoted.
    package func string() throws(DocumentError) -> String {
        guard let scalar = node.scalar, !isNull else { throw error("expected text, found \(found)") }
        return scalar.string
    }

    /// An unquoted whole number within `range`.
    package func integer(in range: ClosedRange<Int> = Int.min...Int.max) throws(DocumentError) -> Int {
        guard let scalar = node.scalar, scalar.style == .plain, let value = Int(scalar.string), range.contains(value) else {
            throw error("expected a whole number from \(range.lowerBound) to \(range.upperBound), found \(found)")
        }
        return value
    }

    /// Unquoted `true` or `false`.
    package func bool() throws(DocumentError) -> Bool {
        guard let scalar = node.scalar, scalar.style == .plain, let value = Bool(scalar.string) else {
            throw error("expected true or false, found \(found)")
        }
        return value
    }

    /// A time span such as `250ms`, `30s`, `5min`, `12h`, `30d`, within `range`.
    package func duration(in range: ClosedRange<Duration>) throws(DocumentError) -> Duration {
        let text = try string()
        guard let duration = StrictDocument.duration(text), range.contains(duration) else {
            throw error("expected a time such as 250ms, 30s, 5min, 12h or 30d from \(range.lowerBound) to \(range.upperBound), found \(found)")
        }
        return duration
    }

    /// A size such as `512KiB`, `1MiB` or plain bytes, within `range`.
    package func bytes(in range: ClosedRange<Int>) throws(DocumentError) -> Int {
        let text = try string()
        guard let count = StrictDocument.byteCount(text), range.contains(count) else {
            throw error("expected a size such as 512KiB or 1MiB from \(range.lowerBound) to \(range.upperBound) bytes, found \(found)")
        }
        return count
    }

    // MARK: Details

    private var found: String {
        if isNull { return "nothing" }
        if node.mapping != nil { return "a mapping" }
        if node.sequence != nil { return "a list" }
        return "“\(node.scalar?.string.prefix(64) ?? "")”"
    }

    private static func duration(_ text: String) -> Duration? {
        let units: [(String, Duration)] = [
            ("ms", .milliseconds(1)), ("min", .seconds(60)), ("s", .seconds(1)), ("h", .seconds(3600)), ("d", .seconds(86400)),
        ]
        for (suffix, unit) in units where text.hasSuffix(suffix) {
            guard let count = Int(text.dropLast(suffix.count)), count >= 0, count < 1_000_000_000 else { return nil }
            return unit * count
        }
        return nil
    }

    private static func byteCount(_ text: String) -> Int? {
        for (suffix, unit) in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1), ("", 1)] where text.hasSuffix(suffix) {
            guard let count = Int(text.dropLast(suffix.count)), count >= 0, count < 1 << 33 else { return nil }
            return count * unit
        }
        return nil
    }
}
