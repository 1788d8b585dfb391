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
}
