import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

@Suite("Policies through the API") struct PolicyRouteTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    private static func source(_ principal: String = "a@example.com", operations: String = "[wrap, unwrap]") -> String {
        """
        version: 1
        name: p
        description: who may
        rules:
          - name: r
            effect: allow
            operations: \(operations)
            principals: [\(principal)]
            justifications: any

        """
    }

    @Test("versions are saved, shown, compared and rolled back; each is served at once and says who saved it and why")
    func versions() async throws {
        let first = try await api.call("POST", "/api/v1/policies", body: ["name": "strict", "source": .string(Self.source())])
        #expect(first.status == 201, "\(first.text)")
        let path = "/api/v1/policies/\(try #require(first["id"].string))"
        let second = try await api.call("POST", path + "/versions", body: [
            "source": .string(Self.source("b@example.com")), "description": "b instead of a",
        ], headers: ["If-Match": "\"1\""])
        #expect(second["version"] == 2)
        #expect(second.etag == "\"2\"")
        #expect(try await api.call("POST", path + "/versions", body: ["source": .string(Self.source())], headers: ["If-Match": "\"1\""]).status == 412)
        let list = try await api.call("GET", path + "/versions?limit=1")
        #expect(list["total"] == 2)
        #expect(list["items"].array?.first?["description"] == "b instead of a")
        #expect(list["items"].array?.first?["created_by"] == "local:root")
        let next = try await api.call("GET", path + "/versions?limit=1&cursor=\(try #require(list["next_cursor"].string))")
        #expect(next["items"].array?.first?["version"] == 1)
        let diff = try await api.call("GET", path + "/diff?from=1&to=2")
        #expect(diff["diff"].string == """
            --- version 1
            +++ version 2
            @@ -5,5 +5,5 @@
               - name: r
                 effect: allow
                 operations: [wrap, unwrap]
            -    principals: [a@example.com]
            +    principals: [b@example.com]
                 justifications: any

            """)
        #expect(try await api.call("GET", path + "/diff?from=2&to=2")["identical"] == true)
        let third = try await api.call("POST", path + "/rollback", body: ["version": 1])
        #expect(third["version"] == 3)
        #expect(third["source"].string == Self.source())
        #expect(try await api.call("GET", path + "/versions/2")["source"].string == Self.source("b@example.com"))
        #expect(try await api.call("POST", path + "/rollback", body: ["version": 9]).status == 404)
        #expect(api.published == 3)
    }

    @Test("a policy is refused with each fault and its line; validation tells the same and saves nothing")
    func validation() async throws {
        let text = "version: 1\nname: p\nrules:\n  - {name: r, effect: maybe}\n  - {name: s, effect: allow, operations: [fly], principals: [a@b.c]}\n"
        let report = try await api.call("POST", "/api/v1/policies/validate", body: ["source": .string(text)])
        #expect(report["valid"] == false)
        #expect(report["errors"].array?.compactMap { $0["line"]?.integer }.first == 4)
        #expect((report["errors"].array?.count ?? 0) >= 3)
        let refused = try await api.call("POST", "/api/v1/policies", body: ["name": "x", "source": .string(text)])
        #expect(refused.code == "invalid_field")
        #expect(refused["errors"].array?.count == report["errors"].array?.count)
        #expect(try await api.call("POST", "/api/v1/policies/validate", body: ["source": .string(Self.source())])["valid"] == true)
        #expect(try await api.call("GET", "/api/v1/policies")["total"] == 0)
    }

    @Test("a policy that an endpoint or a key uses is not deleted")
    func used() async throws {
        let draft = try await api.endpointDraft()
        let endpoint = try await api.make("/api/v1/endpoints", draft)
        let path = "/api/v1/policies/\(draft["policy_id"]!.string!)"
        #expect(try await api.call("DELETE", path).code == "wrong_state")
        _ = try await api.call("DELETE", "/api/v1/endpoints/\(endpoint)")
        let key = try await api.makeKey("k", ["exportable": true, "export_policy_id": draft["policy_id"]!])
        #expect(try await api.call("DELETE", path).code == "wrong_state")
        _ = try await api.call("PATCH", "/api/v1/keys/\(key)", body: ["export_policy_id": nil])
        #expect(try await api.call("DELETE", path).status == 204)
        #expect(try await api.call("GET", path).status == 404)
    }

    @Test("a diff of anything with anything, applied by hand, gives the new text", arguments: [
        ("", ""), ("", "a\n"), ("a\n", ""), ("a\nb\nc\n", "a\nc\n"), ("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n12\n13\n"),
    ])
    func diff(old: String, new: String) {
        let text = UnifiedDiff.text(old, new, from: "a", to: "b")
        #expect(text.isEmpty == (old == new))
        let body = text.split(separator: "\n").dropFirst(2).filter { !$0.hasPrefix("@@") }
        #expect(body.count { $0.hasPrefix("-") } - body.count { $0.hasPrefix("+") } == old.split(separator: "\n").count - new.split(separator: "\n").count)
        #expect(Set(body.filter { $0.hasPrefix("+") }.map { $0.dropFirst() }).isSubset(of: Set(new.split(separator: "\n"))))
        #expect(Set(body.filter { $0.hasPrefix("-") }.map { $0.dropFirst() }).isSubset(of: Set(old.split(separator: "\n"))))
    }
}
