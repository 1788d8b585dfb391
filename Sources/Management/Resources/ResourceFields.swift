import KeyCore
import Primitives

/// The fields and parameters that several resources share.
enum ResourceFields {
    static let description = Schema.string(StringRule(
        length: 0...FreeText.limit, about: "at most \(FreeText.limit) printable characters on one line", accepts: { FreeText.isAcceptable($0) }))
    static let revision = Property.required("revision", .integer(1...Int64.max), "Counts changes; the ETag")
    static let times: [Property] = [.required("created_at", .time), .required("updated_at", .time)]

    /// Filters that every list of named things has.
    static let names: [QueryParameter] = [
        QueryParameter("name", .text(1...128), "Only the one with exactly this name"),
        QueryParameter("name_prefix", .text(1...128), "Only those whose names begin so"),
    ]
}

extension JSONValue {
    /// Whether an object has the member, be it null.
    func has(_ name: String) -> Bool { self[name] != nil }

    /// The member's strings; nil if there is no such member.
    func texts(_ name: String) -> [String]? { self[name]?.array?.compactMap(\.string) }

    /// The member as a moment; nil if it is absent or null.
    func instant(_ name: String) -> Instant? { self[name]?.string.flatMap(RFC3339.parse) }

    /// The member as an id; nil if it is absent or null.
    func id<ID: UniqueID>(_ name: String, as _: ID.Type = ID.self) -> ID? { self[name]?.string.flatMap { ID($0) } }

    /// The member as ids; nil if it is absent.
    func ids<ID: UniqueID>(_ name: String, as _: ID.Type = ID.self) -> [ID]? { texts(name)?.compactMap { ID($0) } }
}

extension Page {
    /// What the stores understand.
    func keyset(_ sorts: [(name: String, column: StaticColumn)]) -> Keyset {
        let column = sorts.first { $0.name == sort }?.column ?? sorts[0].column
        return Keyset(column: column, isDescending: isDescending, limit: limit, after: after.flatMap { after in
            switch after.value {
            case .string(let text): (.text(text), after.id)
            case .integer(let number): (.integer(number), after.id)
            default: nil
            }
        })
    }
}

/// What named things can be sorted by.
enum NamedSorts {
    static let all: [(name: String, column: StaticColumn)] = [
        ("name", StaticColumn("name")), ("created_at", StaticColumn("created_at")), ("updated_at", StaticColumn("updated_at")),
    ]

    static func value(_ sort: String, name: String, _ createdAt: Instant, _ updatedAt: Instant) -> JSONValue {
        switch sort {
        case "created_at": .integer(createdAt.nanoseconds)
        case "updated_at": .integer(updatedAt.nanoseconds)
        default: .string(name)
        }
    }
}
