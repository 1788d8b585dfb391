import Primitives

extension Schema {
    /// Whether the value itself must not be repeated.
    var isSecret: Bool {
        switch self {
        case .string(let rule): rule.isSecret
        case .nullable(let schema): schema.isSecret
        default: false
        }
    }

    /// The same value with each secret in it replaced by `(secret)`; what the schema doesn't name is left out.
    func withoutSecrets(_ value: JSONValue) -> JSONValue {
        if isSecret { return value == .null ? .null : "(secret)" }
        switch (self, value) {
        case (.nullable(let schema), _): return value == .null ? .null : schema.withoutSecrets(value)
        case (.array(let schema, _), .array(let elements)): return .array(elements.map(schema.withoutSecrets))
        case (.map(_, let values, _), .object(let members)):
            return .object(members.map { (name: $0.name, value: values.withoutSecrets($0.value)) })
        case (.object(_, let properties), .object(let members)):
            return .object(members.compactMap { member in
                guard let property = properties.first(where: { $0.name == member.name }) else { return nil }
                return (name: member.name, value: property.schema.withoutSecrets(member.value))
            })
        default: return value
        }
    }
}

extension Route {
    /// An answer's document without what is secret in it; nil if it has none.
    func withoutSecrets(_ answer: APIAnswer) -> JSONValue? {
        guard let document = answer.keptDocument, case .json(let schema) = answers[answer.status] else { return nil }
        return schema.withoutSecrets(document)
    }
}
