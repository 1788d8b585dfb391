package import Primitives

extension Schema {
    /// The schema as JSON Schema (2020-12), as OpenAPI 3.1 wants it. Named objects become references; what they refer to is added to `components`.
    package func openAPI(_ components: inout [String: JSONValue]) -> JSONValue {
        switch self {
        case .anything: return [:]
        case .boolean: return ["type": "boolean"]
        case .integer(let range):
            return ["type": "integer", "format": "int64", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .string(let rule): return rule.openAPI
        case .array(let element, let count):
            return [
                "type": "array", "items": element.openAPI(&components), "minItems": .integer(Int64(count.lowerBound)),
                "maxItems": .integer(Int64(count.upperBound)),
            ]
        case .nullable(let schema): return ["anyOf": [schema.openAPI(&components), ["type": "null"]]]
        case .map(let keys, let values, let count):
            return [
                "type": "object", "propertyNames": keys.openAPI, "additionalProperties": values.openAPI(&components),
                "minProperties": .integer(Int64(count.lowerBound)), "maxProperties": .integer(Int64(count.upperBound)),
            ]
        case .object(let name, let properties):
            guard let name else { return Schema.object(properties, &components) }
            if components[name] == nil {
                components[name] = .null  // a component may refer to itself
                components[name] = Schema.object(properties, &components)
            }
            return ["$ref": .string("#/components/schemas/\(name)")]
        }
    }

    private static func object(_ properties: [Property], _ components: inout [String: JSONValue]) -> JSONValue {
        var members: [(name: String, value: JSONValue)] = []
        for property in properties {
            var schema = property.schema.openAPI(&components)
            if !property.about.isEmpty { schema = schema.adding(["description": .string(property.about)]) }
            members.append((property.name, schema))
        }
        return [
            "type": "object", "additionalProperties": false, "properties": .object(members),
            "required": .strings(properties.filter(\.isRequired).map(\.name)),
        ]
    }
}

extension StringRule {
    var openAPI: JSONValue {
        if let values { return ["type": "string", "enum": .strings(values)] }
        var members: [(name: String, value: JSONValue)] = [
            ("type", "string"), ("minLength", .integer(Int64(length.lowerBound))), ("maxLength", .integer(Int64(length.upperBound))),
        ]
        switch format {
        case .uuid: members += [("format", "uuid"), ("pattern", "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
        case .dateTime: members.append(("format", "date-time"))
        case .base64: members.append(("contentEncoding", "base64"))
        case .name: members.append(("pattern", "^\\S(.*\\S)?$"))
        case nil: break
        }
        if let pattern { members.append(("pattern", .string(pattern))) }
        if isSecret, !isAnswered { members.append(("writeOnly", true)) }
        return .object(members)
    }
}
