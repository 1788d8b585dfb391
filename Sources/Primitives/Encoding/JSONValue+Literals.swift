extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// A string.
    package init(stringLiteral value: String) { self = .string(value) }
    /// An integer.
    package init(integerLiteral value: Int64) { self = .integer(value) }
    /// A boolean.
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    /// `null`.
    package init(nilLiteral: ()) { self = .null }
    /// An array.
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object whose members stand in this order.
    package init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(members.map { (name: $0.0, value: $0.1) }) }

    /// The string, or `null` for nil.
    package static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
    /// The integer, or `null` for nil.
    package static func optional(_ integer: Int64?) -> JSONValue { integer.map(JSONValue.integer) ?? .null }
    /// The moment as RFC 3339 text, or `null` for nil.
    package static func optional(_ instant: Instant?) -> JSONValue { instant.map { .string(RFC3339.string($0)) } ?? .null }
    /// The strings as an array.
    package static func strings(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map(JSONValue.string)) }

    /// The document as compact JSON.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }

    /// The same object with further members after its own; anything else is returned unchanged.
    package func adding(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        guard case .object(let own) = self else { return self }
        return .object(own + members.map { (name: $0.key, value: $0.value) })
    }

    /// The same object with the members of `patch` in place of its own of the same names, objects in it likewise; anything but an object is
    /// replaced (RFC 7396, but null is a value like others).
    package func merging(_ patch: JSONValue) -> JSONValue {
        guard case .object(let own) = self, case .object(let others) = patch else { return patch }
        let changed = own.map { member in (name: member.name, value: patch[member.name].map { member.value.merging($0) } ?? member.value) }
        return .object(changed + others.filter { self[$0.name] == nil })
    }
}
