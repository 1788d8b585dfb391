import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Lists of keys") struct KeyListTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    private func names(_ query: String, as caller: Caller = .local("root")) async throws -> [String] {
        let answer = try await api.call("GET", "/api/v1/keys?\(query)", as: caller)
        #expect(answer.status == 200, "\(answer.text)")
        return answer["items"].array?.compactMap { $0["name"]?.string } ?? []
    }

    @Test("pages follow each other without gap or repetition, whatever they are sorted by", arguments: [
        "name", "-name", "created_at", "-created_at", "updated_at", "expires_at", "-expires_at",
    ])
    func pages(sort: String) async throws {
        for number in 0..<7 {
            _ = try await api.makeKey("k\(number)", number % 2 == 0 ? ["expires_at": "2030-01-01T00:00:00Z"] : [:])
            if number % 3 == 0 { api.store.clock.advance(by: .seconds(1)) }  // some are of the same moment
        }
        var (seen, cursor): ([String], String?) = ([], nil)
        repeat {
            let answer = try await api.call("GET", "/api/v1/keys?limit=3&sort=\(sort)\(cursor.map { "&cursor=\($0)" } ?? "")")
            #expect(answer["total"] == 7)
            seen += answer["items"].array?.compactMap { $0["name"]?.string } ?? []
            cursor = answer["next_cursor"].string
        } while cursor != nil && seen.count < 20
        #expect(seen.count == 7)
        #expect(Set(seen).count == 7)
        if sort == "-name" { #expect(seen == (0..<7).reversed().map { "k\($0)" }) }
    }

    @Test("filters take what they say")
    func filters() async throws {
        _ = try await api.makeKey("a/1", ["labels": ["stage": "prod", "team": "a:b"]])
        _ = try await api.makeKey("a/2", ["labels": ["stage": "test"], "expires_at": "2030-01-01T00:00:00Z"])
        _ = try await api.makeKey("b", ["purpose": "sign", "algorithm": "EC-P256"])
        let suspended = try await api.makeKey("ä")
        _ = try await api.call("PUT", "/api/v1/keys/\(suspended)/versions/1/state", body: ["state": "suspended"])
        #expect(try await names("name_prefix=a/") == ["a/1", "a/2"])
        #expect(try await names("name=b") == ["b"])
        #expect(try await names("purpose=sign") == ["b"])
        #expect(try await names("algorithm=EC-P256") == ["b"])
        #expect(try await names("state=suspended") == ["ä"])
        #expect(try await names("source=embedded&name_prefix=b") == ["b"])
        #expect(try await names("source=hsm").isEmpty)
        #expect(try await names("label=stage:prod") == ["a/1"])
        #expect(try await names("label=team:a:b") == ["a/1"])
        #expect(try await names("label=stage:prod&state=suspended").isEmpty)
        #expect(try await names("expires_before=2031-01-01T00:00:00Z") == ["a/2"])
        for query in ["label=stage", "state=lost", "limit=0", "limit=1001", "sort=id", "cursor=x", "unknown=1", "name=a&name=b"] {
            #expect(try await api.call("GET", "/api/v1/keys?\(query)").status == 400, "\(query)")
        }
    }

    @Test("N20 somebody with a grant on one key sees that key and no other, and no total of the others")
    func grants() async throws {
        let (mine, other) = (try await api.makeKey("mine"), try await api.makeKey("other"))
        let caller = try Caller.person(grants: [.readKeys: [mine]])
        let answer = try await api.call("GET", "/api/v1/keys", as: caller)
        #expect(answer["total"] == 1)
        #expect(answer["items"].array?.first?["id"]?.string == mine)
        #expect(try await names("name=other", as: caller).isEmpty)
        #expect(try await api.call("GET", "/api/v1/keys/\(mine)", as: caller).status == 200)
        #expect(try await api.call("GET", "/api/v1/keys/\(other)", as: caller).status == 403)
        #expect(try await api.call("PATCH", "/api/v1/keys/\(mine)", body: ["description": "x"], as: caller).status == 403)
    }

    @Test("more grants than one statement takes still make one list")
    func manyGrants() async throws {
        var ids: Set<String> = []
        for number in 0..<6 { ids.insert(try await api.makeKey("k\(number)")) }
        for _ in 0..<2500 { ids.insert(try KeyID.random().description) }
        let caller = try Caller.person(grants: [.readKeys: ids])
        #expect(try await names("limit=4", as: caller) == ["k0", "k1", "k2", "k3"])
        #expect(try await names("limit=4&sort=-name", as: caller) == ["k5", "k4", "k3", "k2"])
        #expect(try await api.call("GET", "/api/v1/keys", as: caller)["total"] == 6)
    }

    @Test("of 6 000 keys a page holds what the filters say, whether few or most of them match")
    func manyKeys() async throws {
        let labelled = 0..<6000
        try await api.store.database.write { connection in
            for number in labelled {
                let (id, isRare) = (SQLValue.text(try KeyID.random().description), number % 1000 == 7)
                try connection.execute(
                    """
                    INSERT INTO keys (id, name, purpose, algorithm, source, created_at, updated_at, state, expires_at)
                    VALUES ($1, $2, 'wrap', 'AES-256', 'embedded', $3, $3, $4, $5)
                    """,
                    [
                        id, .text("key-\(10000 + number)"), .integer(Int64(1_000_000 - number)), .text(isRare ? "suspended" : "active"),
                        .integer(isRare ? 5 : 4_000_000_000_000_000_000),
                    ])
                try connection.execute(
                    "INSERT INTO key_labels (key_id, name, value) VALUES ($1, 'stage', $2)", [id, .text(number % 5 == 0 ? "test" : "prod")])
            }
        }
        func page(_ filters: String) async throws -> [String] { try await names("limit=3&\(filters)") }
        func total(_ filters: String) async throws -> JSONValue { try await api.call("GET", "/api/v1/keys?limit=1&\(filters)")["total"] }
        let first = ["key-10000", "key-10001", "key-10002"]
        for filters in ["state=active", "purpose=wrap", "algorithm=AES-256", "source=embedded", "expires_before=2100-01-01T00:00:00Z", "state=active&purpose=wrap"] {
            #expect(try await page(filters) == first, "\(filters)")
            #expect(try await page("sort=-created_at&\(filters)") == first, "\(filters)")
        }
        #expect(try await page("label=stage:prod") == ["key-10001", "key-10002", "key-10003"])
        #expect(try await page("label=stage:prod&state=active&sort=created_at") == ["key-15999", "key-15998", "key-15997"])
        let rare = ["key-10007", "key-11007", "key-12007"]
        for filters in ["state=suspended", "state=suspended&label=stage:prod", "expires_before=2001-01-01T00:00:00Z", "state=suspended&algorithm=AES-256"] {
            #expect(try await page(filters) == rare, "\(filters)")
            #expect(try await page("sort=-created_at&\(filters)") == rare, "\(filters)")
            #expect(try await total(filters) == 6, "\(filters)")
        }
        #expect(try await total("state=active") == 5994)
        #expect(try await total("label=stage:prod") == 4800)
        #expect(try await total("label=stage:prod&state=active&purpose=wrap") == 4794)
    }
}
