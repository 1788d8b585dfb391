import KeyCore
package import Primitives

/// Which part of a list is wanted: keyset pagination, so that any page costs the same and none shows a thing twice.
///
/// A cursor names the last thing shown by what the list is sorted by and its id. It is opaque to callers and holds nothing secret.
package struct Page: Sendable, Equatable {
    /// The column that the list is sorted by; one of those that the list allows.
    package let sort: String
    package let isDescending: Bool
    /// 1 to 1000.
    package let limit: Int
    /// The last thing of the page before: its sort value and its id; nil on the first page.
    package let after: (value: JSONValue, id: String)?

    package static func == (a: Page, b: Page) -> Bool {
        a.sort == b.sort && a.isDescending == b.isDescending && a.limit == b.limit && a.after?.value == b.after?.value && a.after?.id == b.after?.id
    }

    /// What `limit`, `sort` and `cursor` ask for.
    /// - Parameter sorts: the names by which the list can be sorted; the first is the default. `-name` sorts backwards.
    package init(_ query: [String: String], sorts: [String]) throws(Problem) {
        let text = query["sort"] ?? sorts[0]
        isDescending = text.hasPrefix("-")
        sort = isDescending ? String(text.dropFirst()) : text
        limit = query["limit"].flatMap(Int.init) ?? 100
        guard let cursor = query["cursor"] else {
            after = nil
            return
        }
        guard let bytes = try? Base64.decodeURLCanonical(Array(cursor.utf8)[...]), let parts = (try? JSONValue(parsing: bytes))?.array,
            parts.count == 3, parts[0].string == text, let id = parts[2].string
        else { throw .invalid("query:cursor", expected: "the next_cursor of an answer with the same sort") }
        after = (parts[1], id)
    }

    /// The parameters of a list that can be sorted so.
    package static func parameters(sorts: [String]) -> [QueryParameter] {
        [
            QueryParameter("limit", .integer(1...1000), "How many at most; 100 if left out"),
            QueryParameter("cursor", .text(1...2048), "The next_cursor of the page before"),
            QueryParameter("sort", .oneOf(sorts + sorts.map { "-\($0)" }), "What to sort by; backwards with a hyphen"),
        ]
    }

    /// The answer's schema.
    package static func schema(of element: Schema, name: String) -> Schema {
        .object(name: name, [
            .required("items", .array(element, count: 0...1000)),
            .required("total", .integer(0...(1 << 53)), "How many there are on all pages"),
            .required("next_cursor", .nullable(.text(1...2048)), "Where the next page begins; null on the last"),
        ])
    }

    /// The answer's document.
    /// - Parameters:
    ///   - items: one more than `limit` if there is a next page.
    ///   - key: an item's sort value and id.
    package func document<Item>(
        _ items: [Item], total: Int64, key: (Item) -> (value: JSONValue, id: String), _ document: (Item) -> JSONValue
    ) -> JSONValue {
        let shown = items.prefix(limit)
        var next = JSONValue.null
        if items.count > limit, let last = shown.last {
            let (value, id) = key(last)
            let cursor: JSONValue = [.string((isDescending ? "-" : "") + sort), value, .string(id)]
            next = .string(Base64.urlEncoded(cursor.json))
        }
        return ["items": .array(shown.map(document)), "total": .integer(total), "next_cursor": next]
    }
}
