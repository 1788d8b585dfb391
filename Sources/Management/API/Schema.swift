import Primitives

/// What a JSON value must look like: one description from which bodies are checked and the OpenAPI document is written.
///
/// Objects refuse members they don't name. Every limit is explicit: there is no string, array or number without one.
package indirect enum Schema: Sendable {
    /// An object with these members and no others. A name makes it a component of the OpenAPI document.
    case object(name: String?, [Property])
    /// An array of so many elements.
    case array(Schema, count: ClosedRange<Int>)
    /// A string.
    case string(StringRule)
    /// A whole number.
    case integer(ClosedRange<Int64>)
    /// `true` or `false`.
    case boolean
    /// The value, or `null`.
    case nullable(Schema)
    /// An object with any names, each with such a value: labels.
    case map(keys: StringRule, values: Schema, count: ClosedRange<Int>)
    /// Any JSON value: a document that something else checks.
    case anything

    /// An object without a name of its own.
    package static func object(_ properties: [Property]) -> Schema { .object(name: nil, properties) }

    /// A string of so many characters.
    package static func text(_ length: ClosedRange<Int>) -> Schema { .string(StringRule(length: length)) }

    /// One of these strings.
    package static func oneOf(_ values: [String]) -> Schema {
        .string(StringRule(length: 0...(values.map(\.unicodeScalars.count).max() ?? 0), values: values))
    }

    /// The raw values of an enumeration.
    package static func oneOf<Value: CaseIterable & RawRepresentable>(_: Value.Type) -> Schema where Value.RawValue == String {
        oneOf(Value.allCases.map(\.rawValue))
    }

    /// A name that people give (`EntityName`).
    package static let name = Schema.string(StringRule(length: 1...128, format: .name))
    /// An id.
    package static let id = Schema.string(StringRule(length: 36...36, format: .uuid))
    /// A moment (RFC 3339).
    package static let time = Schema.string(StringRule(length: 20...40, format: .dateTime))
    /// Bytes in padded base64 (RFC 4648, 4), so many characters of it.
    package static func base64(_ length: ClosedRange<Int>, isSecret: Bool = false) -> Schema {
        .string(StringRule(length: length, format: .base64, isSecret: isSecret))
    }
    /// A text that an answer shows once and nothing repeats.
    package static func shownOnce(_ length: ClosedRange<Int>) -> Schema { .string(StringRule(length: length, isSecret: true, isAnswered: true)) }
    /// A text that must not be repeated in an answer or a log.
    package static func secret(_ length: ClosedRange<Int>) -> Schema { .string(StringRule(length: length, isSecret: true)) }
}

/// One member of an object.
package struct Property: Sendable {
    package let name: String
    package let schema: Schema
    package let isRequired: Bool
    /// One sentence for people.
    package let about: String

    /// A member that must be there.
    package static func required(_ name: String, _ schema: Schema, _ about: String = "") -> Property {
        Property(name: name, schema: schema, isRequired: true, about: about)
    }

    /// A member that may be left out.
    package static func optional(_ name: String, _ schema: Schema, _ about: String = "") -> Property {
        Property(name: name, schema: schema, isRequired: false, about: about)
    }
}

/// What a string must look like.
package struct StringRule: Sendable {
    /// The format of its content.
    package enum Format: String, Sendable {
        case uuid
        case dateTime = "date-time"
        case base64 = "byte"
        /// A name that people give.
        case name
    }

    /// Unicode scalars.
    package var length: ClosedRange<Int>
    /// If not nil: one of these.
    package var values: [String]?
    package var format: Format?
    /// A regular expression for the OpenAPI document; what checks it is `accepts`.
    package var pattern: String?
    /// Whether it must not be repeated in an answer or a log.
    package var isSecret: Bool
    /// Whether it is one that an answer shows, the one time it is made.
    package var isAnswered = false
    /// What `pattern` says, for people and as code.
    package var accepts: (@Sendable (String) -> Bool)?
    /// What is expected, for people; by default it is made from the other rules.
    package var about: String?

    /// A rule as given.
    package init(
        length: ClosedRange<Int>, values: [String]? = nil, format: Format? = nil, isSecret: Bool = false, isAnswered: Bool = false,
        pattern: String? = nil, about: String? = nil, accepts: (@Sendable (String) -> Bool)? = nil
    ) {
        (self.length, self.values, self.format, self.isSecret) = (length, values, format, isSecret)
        (self.isAnswered, self.pattern, self.about, self.accepts) = (isAnswered, pattern, about, accepts)
    }

    /// What is expected, for people.
    var expectation: String {
        if let about { return about }
        if let values { return values.count == 1 ? "“\(values[0])”" : "one of \(values.joined(separator: ", "))" }
        let size = length.lowerBound == length.upperBound ? "\(length.lowerBound)" : "\(length.lowerBound) to \(length.upperBound)"
        return switch format {
        case .uuid: "an id such as 0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77"
        case .dateTime: "a time such as 2026-01-31T23:59:59Z"
        case .base64: "\(size) characters of padded base64"
        case .name: "1 to 128 printable characters without space at the ends, and no UUID"
        case nil: "text of \(size) characters"
        }
    }
}
