import Primitives

/// What people attach to a key to find it again: at most 64 names with a value each.
package enum KeyLabels {
    /// The most labels of a key.
    package static let limit = 64
    /// What a name may be, for people.
    package static let nameRule = "1 to 63 letters, digits and - . _ /"
    /// What a value may be, for people.
    package static let valueRule = "at most 256 printable characters"

    /// Whether a label may have this name: without `:`, which separates name and value where lists are filtered.
    package static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count) && text.utf8.allSatisfy { byte in
            switch byte {
            case 0x2D...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
            default: false
            }
        }
    }

    /// Whether a label may have this value.
    package static func isValue(_ text: String) -> Bool { text.isEmpty || FreeText.isAcceptable(text, limit: 256) }

    static func check(_ labels: [String: String]) throws(StoreError) {
        guard labels.count <= limit else { throw .invalid(field: "labels", expected: "at most \(limit) labels, found \(labels.count)") }
        for (name, value) in labels {
            guard isName(name) else { throw .invalid(field: "labels", expected: "names of \(nameRule)") }
            guard isValue(value) else { throw .invalid(field: "labels/\(name)", expected: valueRule) }
        }
    }

    static func json(_ labels: [String: String]) -> String {
        let members = labels.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSONValue.string($0.value)) }
        return String(decoding: JSONValue.object(members).json, as: UTF8.self)
    }

    static func parse(_ text: String) -> [String: String]? {
        guard let members = (try? JSONValue(parsing: Array(text.utf8)))?.object else { return nil }
        var labels: [String: String] = [:]
        for member in members {
            guard let value = member.value.string else { return nil }
            labels[member.name] = value
        }
        return labels
    }

    /// Replaces a key's labels where they are looked for; the key's own row holds them too.
    static func store(_ labels: [String: String], of id: KeyID, _ connection: borrowing SQLConnection) throws {
        try connection.execute("DELETE FROM key_labels WHERE key_id = $1", [.text(id.description)])
        for (name, value) in labels {
            try connection.execute(
                "INSERT INTO key_labels (key_id, name, value) VALUES ($1, $2, $3)", [.text(id.description), .text(name), .text(value)])
        }
    }
}

/// Texts that people write for people: descriptions, notes, values of labels.
package enum FreeText {
    /// The longest description, in characters.
    package static let limit = 1024

    /// Whether a text is at most so long, on one line, and without invisible characters.
    package static func isAcceptable(_ text: String, limit: Int = limit) -> Bool {
        text.unicodeScalars.count <= limit && text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }

    static func check(description text: String) throws(StoreError) {
        guard isAcceptable(text) else { throw .invalid(field: "description", expected: "at most \(limit) printable characters on one line") }
    }
}
