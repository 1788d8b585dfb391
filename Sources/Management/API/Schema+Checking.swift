import KeyCore
package import Primitives

extension Schema {
    /// Everything in `value` that this schema doesn't allow; at most 16 faults. Empty means that it fits.
    package func faults(in value: JSONValue, at pointer: String = "") -> [FieldFault] {
        var faults: [FieldFault] = []
        collect(value, pointer, &faults)
        return faults
    }

    private func collect(_ value: JSONValue, _ pointer: String, _ faults: inout [FieldFault]) {
        guard faults.count < 16 else { return }
        func fault(_ expected: String) { faults.append(FieldFault(pointer.isEmpty ? "/" : pointer, expected: expected, found: found(value))) }
        switch self {
        case .anything: return
        case .nullable(let schema): if value != .null { schema.collect(value, pointer, &faults) }
        case .boolean: if value.bool == nil { fault("true or false") }
        case .integer(let range):
            guard let number = value.integer, range.contains(number) else {
                return fault("a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
        case .string(let rule):
            guard let text = value.string, rule.isSatisfied(by: text) else { return fault(rule.expectation) }
        case .array(let schema, let count):
            guard let elements = value.array, count.contains(elements.count) else {
                return fault("a list of \(count.lowerBound) to \(count.upperBound) elements")
            }
            for (index, element) in elements.enumerated() { schema.collect(element, "\(pointer)/\(index)", &faults) }
        case .map(let keys, let values, let count):
            guard let members = value.object, count.contains(members.count) else {
                return fault("an object of \(count.lowerBound) to \(count.upperBound) members")
            }
            for member in members {
                let place = "\(pointer)/\(Schema.escaped(member.name))"
                guard keys.isSatisfied(by: member.name) else {
                    faults.append(FieldFault(place, expected: "a member's name that is \(keys.expectation)"))
                    continue
                }
                values.collect(member.value, place, &faults)
            }
        case .object(_, let properties):
            guard let members = value.object else { return fault("an object") }
            for member in members where !properties.contains(where: { $0.name == member.name }) {
                faults.append(FieldFault(
                    "\(pointer)/\(Schema.escaped(member.name))",
                    expected: "no such field; known are \(properties.map(\.name).joined(separator: ", "))"))
            }
            for property in properties {
                let place = "\(pointer)/\(property.name)"
                if let member = value[property.name] {
                    property.schema.collect(member, place, &faults)
                } else if property.isRequired {
                    faults.append(FieldFault(place, expected: "this field, which is required"))
                }
            }
        }
    }

    /// What stood there, as far as it may be repeated: no secrets, and nothing long.
    private func found(_ value: JSONValue) -> String? {
        switch value {
        case .null: "null"
        case .bool(let bool): "\(bool)"
        case .integer(let integer): "\(integer)"
        case .real: "a number"
        case .array(let elements): "a list of \(elements.count)"
        case .object: "an object"
        case .string(let text): isSecret ? nil : "“\(AuditText.clean(text, limit: 80))”"
        }
    }

    /// A member's name in a JSON pointer, cut.
    private static func escaped(_ name: String) -> String {
        var text = ""
        for character in AuditText.clean(name, limit: 64) {
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.append(character)
            }
        }
        return text
    }
}

extension StringRule {
    /// Whether a text fits.
    func isSatisfied(by text: String) -> Bool {
        guard !text.utf8.contains(0) else { return false }  // no database keeps one
        guard text.utf8.count <= length.upperBound * 4, length.contains(text.unicodeScalars.count) else { return false }
        if let values, !values.contains(text) { return false }
        if let accepts, !accepts(text) { return false }
        return switch format {
        case .uuid: UUIDBytes(text) != nil
        case .dateTime: RFC3339.parse(text) != nil
        case .base64: (try? Base64.decodeLenient(Array(text.utf8)[...])) != nil
        case .name: EntityName.isAcceptable(text)
        case nil: true
        }
    }
}
