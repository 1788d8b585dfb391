import Primitives
import TestSupport
import Testing

@testable import KeyCore

@Suite("Endpoints in the database") struct EndpointStoreTests {
    let world: KeyDatabase
    let draft: EndpointDraft
    let issuer: Issuer

    init() async throws {
        world = try KeyDatabase()
        let key = try await world.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: FakeKeySource()).id
        let policy = try await world.policies.save(try PolicyFixture.policy(PolicyFixture.allow()), name: "p")
        issuer = try Self.issuer("google", TokenFixture.google)
        try await world.issuers.create(issuer)
        draft = EndpointDraft(name: "disk", hostnames: ["EKM.Example.com"], keyID: key, policyID: policy, issuers: [issuer.id])
    }

    static func issuer(_ name: String, _ values: String...) throws -> Issuer {
        Issuer(id: try IssuerID.random(), name: name, values: values, keys: .jwksURL("https://\(name).example/jwks"))
    }

    /// The operator's text of the refusal of a draft; nil if it was created.
    private func refusal(_ change: (inout EndpointDraft) -> Void) async -> String? {
        var draft = draft
        change(&draft)
        do {
            _ = try await world.endpoints.create(draft)
            return nil
        } catch { return error.description }
    }

    @Test("a new endpoint is active, at its path, for https:// and its host names in lower case, and on the change log")
    func create() async throws {
        var draft = draft
        (draft.extraAudiences, draft.allowedProjects) = (["https://ekm.example.com:8443"], ["projects/a"])
        draft.issuers.append(issuer.id)  // twice is once
        let id = try await world.endpoints.create(draft)
        let snapshot = try await world.endpoints.snapshot()
        let endpoint = try #require(snapshot.endpoint(at: "v0/ekm/endpoints/\(id)", door: .ekm))
        #expect((endpoint.id, endpoint.name, endpoint.state, endpoint.door) == (id, "disk", .active, .ekm))
        #expect(endpoint.expectation.audiences == ["https://ekm.example.com", "https://ekm.example.com:8443"])
        #expect(endpoint.issuers == [issuer])
        #expect(Set(endpoint.expectation.issuers.keys) == [TokenFixture.google])
        #expect(endpoint.allowedProjects == ["projects/a"])
        #expect(snapshot.anyEndpoint(of: .ekm).audiences == endpoint.expectation.audiences)
        #expect(snapshot.sequence == 4)
        #expect(try await world.changes().last == "endpoint \(id)")
    }

    @Test("paths of unreserved characters are accepted", arguments: ["a", "v0/ekm/keys/disk", "A-b.c_d~e/9", "...", "a..b", ".well-known/x"])
    func path(text: String) async throws {
        #expect(await refusal { $0.path = text } == nil)
        #expect(try await world.endpoints.snapshot().endpoint(at: text, door: .ekm) != nil)
    }

    @Test("N36 any other path is refused", arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a:wrap", "a b", "a%2fb", "a%2e", "a\\b", "a?b", "a#b", "a;b", "é", "a\0b", "a\nb", "a@b",
        String(repeating: "a", count: 513), "\u{212A}",
    ])
    func badPath(text: String) async throws { #expect(await refusal { $0.path = text }?.hasPrefix("path: expected a path") == true) }

    @Test("host names without scheme, port, path and wildcard are accepted, others refused")
    func hostnames() async throws {
        for (number, name) in ["ekm.example.com", "a", "xn--bcher-kva.example", "1.example", "127.0.0.1", "a-b.c"].enumerated() {
            #expect(await refusal { ($0.name, $0.hostnames) = ("n\(number)", [name]) } == nil)
        }
        for name in [
            "", ".", "a.", ".a", "a..b", "-a.example", "a-.example", "https://a.example", "a.example:443", "a.example/x", "*.example.com", "a b", "a_b.example",
            "bücher.example", "[::1]", "a@b", String(repeating: "a", count: 64) + ".example", String(repeating: "a.", count: 127), "e\u{212A}m.example",
        ] {
            #expect(await refusal { ($0.name, $0.hostnames) = ("x", ["ok.example", name]) }?.hasPrefix("hostnames: expected host names") == true, "\(name)")
        }
        #expect(await refusal { $0.hostnames = [] }?.contains("1 to 16 host names") == true)
    }

    @Test("name and path are unique; key, policy and issuers must be there; no issuer, nothing opens")
    func refused() async throws {
        #expect(await refusal { $0.path = "a/b" } == nil)
        #expect(await refusal { $0.path = "other" }?.contains("exists already") == true)
        #expect(await refusal { ($0.name, $0.path) = ("other", "a/b") }?.contains("exists already") == true)
        #expect(await refusal { $0.name = "\u{202E}" }?.hasPrefix("name: expected a name") == true)
        let (key, policy, unknown) = (try KeyID.random(), try PolicyID.random(), try IssuerID.random())
        #expect(await refusal { ($0.name, $0.keyID) = ("x", key) } == "key_id: expected the id of a key that exists and wraps")
        #expect(await refusal { ($0.name, $0.policyID) = ("x", policy) } == "policy_id: expected the id of a policy that exists")
        #expect(await refusal { ($0.name, $0.issuers) = ("x", [issuer.id, unknown]) } == "issuer_ids: expected ids of issuers that exist; \(unknown) does not")
        #expect(await refusal { ($0.name, $0.issuers) = ("x", []) }?.contains("1 to 64 issuers") == true)
        #expect(await refusal { ($0.name, $0.extraAudiences) = ("x", [""]) }?.contains("of 1 to 512 bytes") == true)
        #expect(await refusal { ($0.name, $0.allowedProjects) = ("x", [""]) }?.contains("of 1 to 512 bytes") == true)
        #expect(try await world.endpoints.snapshot().endpoints.count == 1)
    }

    @Test("N8 two issuers that claim one value of iss don't come together at one endpoint")
    func disputedIssuer() async throws {
        let twin = try Self.issuer("twin", "https://twin", TokenFixture.google)
        try await world.issuers.create(twin)
        let text = await refusal { $0.issuers.append(twin.id) }
        #expect(text == "issuers “google” and “twin” both claim “\(TokenFixture.google)”: an endpoint can believe one of them")
        #expect(await refusal { $0.issuers = [twin.id] } == nil)
    }

    @Test("states and policies change, endpoints go; each change is on the log, and what isn't there is named")
    func changes() async throws {
        let id = try await world.endpoints.create(draft), unknown = try EndpointID.random()
        for state in EndpointState.allCases {
            try await world.endpoints.setState(state, of: id)
            #expect(try await world.endpoints.snapshot().endpoints.map(\.state) == [state])
        }
        let policy = try await world.policies.save(try PolicyFixture.policy(PolicyFixture.allow("b")), name: "p2")
        await #expect(throws: StoreError.self, "it is archived now") { try await world.endpoints.setPolicy(policy, of: id) }
        try await world.endpoints.setState(.active, of: id)
        try await world.endpoints.setPolicy(policy, of: id)
        #expect(try await world.endpoints.snapshot().endpoints.map(\.policyID) == [policy])
        #expect(try await world.changes().count { $0 == "endpoint \(id)" } == 7)
        let missing = try PolicyID.random()
        await #expect(throws: StoreError.self) { try await world.endpoints.setPolicy(missing, of: id) }
        await #expect(throws: StoreError.self) { try await world.endpoints.setPolicy(policy, of: unknown) }
        await #expect(throws: StoreError.self) { try await world.endpoints.setState(.paused, of: unknown) }
        await #expect(throws: StoreError.self) { try await world.endpoints.delete(unknown) }
        let before = try await world.changes().count
        try await world.endpoints.delete(id)
        #expect(try await world.endpoints.snapshot().endpoints.isEmpty)
        #expect(try await world.changes().count == before + 1)
        #expect(try await world.keys.list().count == 1)
        await #expect(throws: StoreError.self) { try await world.endpoints.delete(id) }
    }

    @Test("N21 a disabled issuer opens no endpoint; the snapshot still lists it")
    func disabledIssuer() async throws {
        _ = try await world.endpoints.create(draft)
        try await world.issuers.setEnabled(false, of: issuer.id)
        let snapshot = try await world.endpoints.snapshot()
        #expect(snapshot.endpoints[0].expectation.issuers.isEmpty)
        #expect(snapshot.anyEndpoint(of: .ekm).issuers.isEmpty)
        #expect(snapshot.issuers.map(\.isEnabled) == [false])
    }

    @Test("options that can't be read are reported, and don't become “every project”", arguments: [
        "{}", #"{"extraAudiences":[],"allowedProjects":"a"}"#, #"{"extraAudiences":[],"allowedProjects":[1]}"#, "[]", "x",
    ])
    func corruptOptions(options: String) async throws {
        let id = try await world.endpoints.create(draft)
        try await world.database.execute("UPDATE endpoints SET options = $1", [.text(options)])
        let snapshot = try await world.endpoints.snapshot()
        let found = try #require(snapshot.endpoint(at: "v0/ekm/endpoints/\(id)", door: .ekm))
        #expect(!found.isReadable && found.policy.rules.isEmpty && found.expectation.issuers.isEmpty)
        #expect(snapshot.faults.count == 1 && snapshot.faults[0].contains("disk"), "\(snapshot.faults)")
        await #expect(throws: (any Error).self) { try await world.endpoints.find(id) }
    }

    @Test("a policy or issuer that can't be read takes down the endpoints that need it, and no other", arguments: ["policies", "issuers"])
    func unreadable(table: String) async throws {
        let id = try await world.endpoints.create(draft)
        var other = draft
        (other.name, other.policyID) = ("other", try await world.policies.save(try PolicyFixture.policy(PolicyFixture.allow()), name: "q"))
        let second = try Self.issuer("second", "https://second.example")
        try await world.issuers.create(second)
        other.issuers = [second.id]
        let otherID = try await world.endpoints.create(other)
        if table == "policies" {
            try await world.database.execute(
                "UPDATE policy_versions SET source = 'version: 99' WHERE policy_id = $1", [.text(draft.policyID.description)])
        } else {
            try await world.database.execute("UPDATE issuers SET document = '{}' WHERE id = $1", [.text(issuer.id.description)])
        }
        let snapshot = try await world.endpoints.snapshot()
        #expect(snapshot.endpoints.filter(\.isReadable).map(\.id) == [otherID])
        #expect(snapshot.endpoints.first { $0.id == id }?.policy.rules.isEmpty == true)
        #expect(snapshot.faults.count == 1 && snapshot.faults[0].hasPrefix(table == "policies" ? "policy “p”" : "issuer “google”"), "\(snapshot.faults)")
    }

    @Test("a snapshot finds an endpoint by its exact path")
    func lookUp() async throws {
        let id = try await world.endpoints.create(draft)
        let snapshot = try await world.endpoints.snapshot()
        let path = "v0/ekm/endpoints/\(id)"
        for other in ["/" + path, path + "/", path.uppercased(), path + ":wrap", "", String(path.dropLast())] {
            #expect(snapshot.endpoint(at: other, door: .ekm) == nil)
        }
        #expect(snapshot.endpoint(at: path, door: .ekm)?.id == id)
    }
}
