import Primitives

/// A kind of thing that the API keeps a list of.
struct Collection: Sendable {
    /// Below `/api/v1`.
    let path: String
    /// One of them, for messages.
    let singular: String
    /// The command that lists them.
    let list: String
    /// The member by which people name one.
    var nameMember = "name"

    static let keys = Collection(path: "keys", singular: "key", list: "key list")
    static let endpoints = Collection(path: "endpoints", singular: "endpoint", list: "endpoint list")
    static let issuers = Collection(path: "issuers", singular: "issuer", list: "issuer list")
    static let policies = Collection(path: "policies", singular: "policy", list: "policy list")
    static let users = Collection(path: "users", singular: "user", list: "user list")
    static let groups = Collection(path: "groups", singular: "group", list: "group list")

    /// The path of one of them.
    func thing(_ id: String, _ rest: String = "") -> String { "\(path)/\(id)\(rest.isEmpty ? "" : "/\(rest)")" }
}

extension APIClient {
    /// The id of the thing that people call so: an id is taken as it is, a name is looked up.
    func id(_ text: String, in collection: Collection) async throws -> String {
        if let id = UUIDBytes(text.lowercased()) { return id.description }
        return try await find(text, in: collection)["id"]?.string ?? text
    }

    /// The ids of several.
    func ids(_ texts: [String], in collection: Collection) async throws -> [String] {
        var ids: [String] = []
        for text in texts { ids.append(try await id(text, in: collection)) }
        return ids
    }

    /// The thing that people call so, as the list shows it.
    func find(_ name: String, in collection: Collection) async throws -> JSONValue {
        let reply = try await send("GET", collection.path, query: [(collection.nameMember, name), ("limit", "1000")])
        let items = reply.document["items"]?.array ?? []
        if let exact = items.first(where: { $0[collection.nameMember]?.string == name }) { return exact }
        let folded = items.filter { $0[collection.nameMember]?.string?.lowercased() == name.lowercased() }
        guard folded.count == 1 else {
            throw Complaint("\(collection.singular) “\(Cell.clean(name))” does not exist; `holdfast \(collection.list)` shows those that do")
        }
        return folded[0]
    }

    /// Calls `body` with each page of a list; at least once.
    /// - Returns: how many there are, as the last page says.
    func pages(_ path: String, query: [(String, String?)], _ body: ([JSONValue]) throws -> Void) async throws -> Int64 {
        var (cursor, total): (String?, Int64) = (nil, 0)
        repeat {
            let page = try await send("GET", path, query: query + [("limit", "1000"), ("cursor", cursor)]).document
            guard let found = page["items"]?.array else { throw Complaint("\(path): expected a list from the server, found something else") }
            try body(found)
            total = page["total"]?.integer ?? total
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        return total
    }

    /// As many things of a list as are wanted, page by page, as one document of the API's form.
    func list(_ path: String, query: [(String, String?)], limit: Int?) async throws -> JSONValue {
        var items: [JSONValue] = []
        var (cursor, total): (String?, Int64) = (nil, 0)
        repeat {
            let wanted = min(1000, limit.map { $0 - items.count } ?? 1000)
            let page = try await send("GET", path, query: query + [("limit", "\(wanted)"), ("cursor", cursor)]).document
            guard let found = page["items"]?.array else { throw Complaint("\(path): expected a list from the server, found something else") }
            items += found
            total = page["total"]?.integer ?? Int64(items.count)
            cursor = page["next_cursor"]?.string
        } while cursor != nil && (limit.map { items.count < $0 } ?? true)
        return ["items": .array(items), "total": .integer(total), "next_cursor": cursor.map(JSONValue.string) ?? .null]
    }
}
