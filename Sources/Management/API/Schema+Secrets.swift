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

extension Schema {
    /// The same value as it is told to who asks again: secrets that were shown once are null.
    /// - Returns: nil if one can't be left out.
    func withoutShown(_ value: JSONValue) -> JSONValue? {
        if isSecret {
            if case .nullable = self { return .some(.null) }
            return Optional.none  // `nil` alone would be JSON's null
        }
        switch (self, value) {
        case (.nullable(let schema), _): return value == .null ? .null : schema.withoutShown(value)
        case (.array(let schema, _), .array(let elements)):
            let kept = elements.compactMap(schema.withoutShown)
            return kept.count == elements.count ? .array(kept) : Optional.none
        case (.map(_, let values, _), .object(let members)):
            let kept = members.compactMap { member in values.withoutShown(member.value).map { (name: member.name, value: $0) } }
            return kept.count == members.count ? .object(kept) : Optional.none
        case (.object(_, let properties), .object(let members)):
            let kept = members.compactMap { member -> (name: String, value: JSONValue)? in
                guard let property = properties.first(where: { $0.name == member.name }) else { return member }
                return property.schema.withoutShown(member.value).map { (name: member.name, value: $0) }
            }
            return kept.count == members.count ? .object(kept) : Optional.none
        default: return value
        }
    }
}

extension Route {
    /// The answer as it is kept for who repeats the request; nil if nothing of it may be.
    func repeated(_ answer: APIAnswer) -> APIAnswer? {
        guard case .json(let document) = answer.body, case .json(let schema) = answers[answer.status] else { return answer }
        guard let kept = schema.withoutShown(document) else { return nil }
        var answer = answer
        answer.body = .json(kept)
        return answer
    }

    /// An answer's document without what is secret in it; nil if it has none.
    func withoutSecrets(_ answer: APIAnswer) -> JSONValue? {
        guard let document = answer.keptDocument, case .json(let schema) = answers[answer.status] else { return nil }
        return schema.withoutSecrets(document)
    }
}
