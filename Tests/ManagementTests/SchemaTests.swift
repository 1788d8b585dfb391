import Management
import Primitives
import Testing

@Suite("A schema") struct SchemaTests {
    private let schema = Schema.object(name: "Thing", [
        .required("name", .name), .optional("count", .integer(1...3)), .optional("secret", .secret(8...16)),
        .optional("tags", .map(keys: StringRule(length: 1...8), values: .text(0...8), count: 0...2)),
    ])

    @Test("accepts what fits")
    func accepts() throws {
        let value: JSONValue = ["name": "ä b", "count": 3, "tags": ["a": "", "b": "x"]]
        #expect(schema.faults(in: value) == [])
    }

    @Test("names each value that doesn't fit, by JSON pointer")
    func names() throws {
        let value: JSONValue = ["count": 4, "tags": ["a": 1], "other": nil]
        #expect(schema.faults(in: value).map(\.field) == ["/other", "/name", "/count", "/tags/a"])
    }

    @Test("never repeats a secret")
    func secrets() throws {
        let faults = schema.faults(in: ["name": "a", "secret": "short"])
        #expect(faults.map(\.found) == [nil])
    }
}
