import KeyCore
@testable import Management
@testable import Primitives
import TestSupport
import Testing

@Suite("What hands an org's keys out, or stops them, and who may do that") struct SalesforceRightsTests {
    let fixture: QuorumFixture
    var api: APIFixture { fixture.api }
    init() throws { fixture = try QuorumFixture() }

    private func path(_ endpoint: TestAnswer) throws -> String { "/api/v1/endpoints/\(try #require(endpoint["id"].string))" }

    private func time(_ seconds: Int64) -> JSONValue { .string(RFC3339.string(api.store.clock.now + .seconds(seconds))) }

    private func person(_ name: String, _ permissions: Set<Permission>) throws -> Caller {
        let caller = try Caller.person(name, permissions)
        fixture.directory.add(caller)
        return caller
    }

    // MARK: Handing out

    @Test("N26 a grant on one endpoint hands out that endpoint's own key there, and no other")
    func grantee() async throws {
        let made = try await api.makeOrg()
        let id = try #require(made["id"].string)
        let grantee = try Caller.person("grantee", grants: [.updateEndpoints: [id]])
        let foreign = JSONValue.string(try await api.makeKey("theirs", ["purpose": "cache-only"]))
        let list = try path(made) + "/cache-only-keys"
        let refused = try await api.call("POST", list, body: ["key_id": foreign], as: grantee)
        #expect(refused.code == "permission_denied" && refused["detail"].string?.contains("grant on one endpoint") == true)
        #expect(try await api.call("GET", list)["total"] == 0)
        #expect(try await api.call("POST", list, body: ["key_id": made["key_id"]], as: grantee).status == 201)
        let admin = try Caller.person("admin", [.updateEndpoints])
        #expect(try await api.call("POST", list, body: ["key_id": foreign], as: admin).status == 201)
    }

    @Test("N27 another key than the endpoint's own waits for the approval that a policy waits for")
    func foreignKeyQuorum() async throws {
        let list = try path(try await api.makeOrg()) + "/cache-only-keys"
        let foreign = JSONValue.string(try await api.makeKey("theirs", ["purpose": "cache-only"]))
        try await fixture.enable(1, operation: "change-policy")
        let ann = try person("ann", [.updateEndpoints])
        #expect(try await api.call("POST", list, body: ["kid": "own"], as: ann).status == 201)
        let held = try await api.call("POST", list, body: ["kid": "theirs", "key_id": foreign], as: ann)
        #expect(held.status == 202)
        #expect(try await api.call("GET", "\(list)/theirs").status == 404)
        let decided = try await fixture.decide("approve", try #require(held["id"].string), as: fixture.person("bob"))
        #expect(decided["state"] == "executed", "\(decided.text)")
        #expect(try await api.call("GET", "\(list)/theirs")["key_id"] == foreign)
    }

    // MARK: Stopping

    @Test("to serve a kid at fewer times is the kill switch: it wants the right to that, a yes, and is warned of; to serve it at more is not")
    func times() async throws {
        let list = try path(try await api.makeOrg()) + "/cache-only-keys"
        #expect(try await api.call("POST", list, body: ["kid": "k"])["warning"] == .null)
        let clerk = try Caller.person("clerk", [.updateEndpoints, .readEndpoints])
        let keeper = try Caller.person("keeper", [.updateEndpoints, .changeStateOfEndpoints, .readEndpoints])
        let stops: [JSONValue] = [["not_after": time(0)], ["not_after": time(-60)], ["not_after": time(3600)], ["not_before": time(60)]]
        for stop in stops {
            #expect(try await api.call("PATCH", "\(list)/k", body: stop.adding(["confirm": true]), as: clerk).code == "permission_denied", "\(stop)")
            let asked = try await api.call("PATCH", "\(list)/k", body: stop, as: keeper)
            #expect(asked.code == "confirmation_required" && asked["detail"].string?.contains("destroyed") == true, "\(stop)")
        }
        let ended = try await api.call("PATCH", "\(list)/k", body: ["not_after": time(0), "confirm": true], as: keeper)
        #expect(ended.status == 200 && ended["warning"].string?.hasPrefix("Callouts for it are answered 404") == true)
        let more = try await api.call("PATCH", "\(list)/k", body: ["not_after": time(7200)], as: clerk)
        #expect(more.status == 200 && more["warning"].string?.hasPrefix("It is served until") == true)
        let back = try await api.call("PATCH", "\(list)/k", body: ["not_after": .null, "not_before": time(-60)], as: clerk)
        #expect(back.status == 200 && back["warning"] == .null)
    }

    @Test("N27 serving a kid at fewer times, pausing an org's endpoint and suspending what is served wait where disabling does; their opposites don't")
    func stopQuorum() async throws {
        let made = try await api.makeOrg()
        let (endpoint, key) = (try path(made), "/api/v1/keys/\(try #require(made["key_id"].string))/versions/1/state")
        let list = endpoint + "/cache-only-keys"
        _ = try await api.call("POST", list, body: ["kid": "k"])
        let ekm = try await api.make("/api/v1/endpoints", try await api.endpointDraft("disk"))
        try await fixture.enable(1, operation: "disable-endpoint")
        let ann = try person("ann", [.updateEndpoints, .changeStateOfEndpoints, .changeStateOfKeys])
        func status(_ method: String, _ path: String, _ body: JSONValue) async throws -> Int {
            try await api.call(method, path, body: body, as: ann).status
        }
        #expect(try await status("PATCH", "\(list)/k", ["not_after": time(0), "confirm": true]) == 202)
        #expect(try await status("PATCH", "\(list)/k", ["not_before": time(-60)]) == 200)
        #expect(try await status("PUT", "\(endpoint)/state", ["state": "paused", "confirm": true]) == 202)
        #expect(try await status("PUT", "\(endpoint)/state", ["state": "active"]) == 200)
        #expect(try await status("PUT", "/api/v1/endpoints/\(ekm)/state", ["state": "paused"]) == 200)
        #expect(try await status("PUT", key, ["state": "suspended", "confirm": true]) == 202)
        #expect(try await status("PUT", key, ["state": "deactivated"]) == 200)
        #expect(try await api.call("GET", endpoint)["state"] == "active")
    }

    @Test("to suspend a key version that an org is served wants a yes; one that nobody is served does not")
    func suspend() async throws {
        let made = try await api.makeOrg()
        let state = "/api/v1/keys/\(try #require(made["key_id"].string))/versions/1/state"
        let list = try path(made) + "/cache-only-keys"
        #expect(try await api.call("PUT", state, body: ["state": "suspended"]).status == 200)
        #expect(try await api.call("PUT", state, body: ["state": "active"]).status == 200)
        _ = try await api.call("POST", list, body: ["kid": "k"])
        let asked = try await api.call("PUT", state, body: ["state": "suspended"])
        #expect(asked.code == "confirmation_required" && asked["detail"].string?.contains("“k”") == true)
        _ = try await api.call("PUT", "\(list)/k/state", body: ["state": "disabled", "confirm": true])
        #expect(try await api.call("PUT", state + "?dry_run=true", body: ["state": "suspended"]).status == 200)
        _ = try await api.call("PUT", "\(list)/k/state", body: ["state": "enabled"])
        #expect(try await api.call("PUT", state, body: ["state": "suspended", "confirm": true]).status == 200)
    }

    @Test("the path of an org's endpoint is no mere description: it wants the right everywhere, a yes, and approval; that of EKM does not")
    func move() async throws {
        let made = try await api.makeOrg()
        let (id, endpoint) = (try #require(made["id"].string), try path(made))
        let grantee = try Caller.person("grantee", grants: [.updateEndpoints: [id]])
        let confirmed: JSONValue = ["path": "sfdc/new", "confirm": true]
        #expect(try await api.call("PATCH", endpoint, body: confirmed, as: grantee).code == "permission_denied")
        #expect(try await api.call("PATCH", endpoint, body: ["name": "renamed", "confirm": true], as: grantee).status == 200)
        let admin = try person("ann", [.updateEndpoints])
        let asked = try await api.call("PATCH", endpoint, body: ["path": "sfdc/new"], as: admin)
        #expect(asked.code == "confirmation_required" && asked["detail"].string?.contains("destroyed") == true)
        #expect(try await api.call("PATCH", endpoint, body: ["path": made["path"]], as: admin).status == 200, "it is there already")
        #expect(try await api.call("PATCH", endpoint, body: confirmed, as: admin)["path"] == "sfdc/new")
        let ekm = try await api.make("/api/v1/endpoints", try await api.endpointDraft("disk"))
        try await fixture.enable(1, operation: "change-policy")
        #expect(try await api.call("PATCH", endpoint, body: ["path": "sfdc/newer", "confirm": true], as: admin).status == 202)
        #expect(try await api.call("PATCH", endpoint, body: ["description": "d"], as: admin).status == 200)
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(ekm)", body: ["path": "p/q"], as: admin).status == 200)
    }

    // MARK: What is shown and checked

    @Test("a password that was shown is kept nowhere: a creation repeated with its Idempotency-Key says what was made, without it")
    func repeated() async throws {
        let body = try await api.orgDraft("acme")
        let first = try await api.call("POST", "/api/v1/endpoints", body: body, headers: ["Idempotency-Key": "k1"])
        let again = try await api.call("POST", "/api/v1/endpoints", body: body, headers: ["Idempotency-Key": "k1"])
        func password(_ answer: TestAnswer) -> JSONValue {
            answer["salesforce"]["authentication"]?["basic"]?.array?.first?["password"] ?? "none"
        }
        #expect(password(first).string?.utf8.count == 43)
        #expect(again.status == 201 && again.headers["idempotency-replayed"] == "true" && again["id"] == first["id"])
        #expect(password(again) == .null)
    }

    @Test("SFC-28 once an endpoint is no longer one for tests, all its certificates are checked; one that isn't RSA never is accepted")
    func certificates() async throws {
        let small = try api.otherCertificate()
        let made = try await api.makeOrg("acme", ["certificates": [.string(small)], "allows_any_certificate": true])
        let strict = try await api.call("PATCH", try path(made), body: ["salesforce": ["allows_any_certificate": false]])
        #expect(strict.status == 409 && strict.text.contains("4096"))
        let both: JSONValue = ["salesforce": ["allows_any_certificate": false, "certificates": [.string(OrgTestCertificate.pem)]]]
        #expect(try await api.call("PATCH", try path(made), body: both).status == 200)
        let elliptic = try CertificateDraft(names: ["ec.example"]).selfSigned(
            with: try PrivateKey.generate(.ec(.p256)), now: api.stores.clock.now.seconds, days: 10)
        let draft = try await api.orgDraft("other", ["certificates": [.string(elliptic)], "allows_any_certificate": true])
        let refused = try await api.call("POST", "/api/v1/endpoints", body: draft)
        #expect(refused.status == 409 && refused.text.contains("RSA"))
    }

    @Test("SFC-16 pinned client certificates for which nobody is asked are warned of, and fail the connection test")
    func unasked() async throws {
        var resources = ResourceServices()
        resources.asksForClientCertificate = { $0 == "asked.example.com" }
        let api = try APIFixture(resources: resources)
        let pins: JSONValue = ["basic": [["user": "acme"]], "client_certificates": [.string(String(repeating: "0a", count: 32))]]
        let made = try await api.makeOrg("acme", ["authentication": pins])
        func texts(_ answer: TestAnswer) -> [String] { answer["warnings"].array?.compactMap(\.string) ?? [] }
        #expect(texts(made).contains { $0.contains("keys.example.com") && $0.contains("clientCertificates: pinned") })
        let path = try path(made)
        func failed() async throws -> [String] {
            let report = try await api.call("POST", path + "/test")
            return report["steps"].array?.filter { $0["ok"] == false }.compactMap { $0["step"]?.string } ?? []
        }
        #expect(try await failed().contains("client-certificate.asked"))
        let moved = try await api.call("PATCH", path, body: ["hostnames": ["asked.example.com"]])
        #expect(texts(moved).isEmpty)
        #expect(try await !failed().contains("client-certificate.asked"))
        #expect(texts(try await api.makeOrg("other")).isEmpty, "none is pinned")
    }
}
