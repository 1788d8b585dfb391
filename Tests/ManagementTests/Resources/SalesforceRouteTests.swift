import KeyCore
@testable import Management
@testable import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("Salesforce endpoints and cache-only keys through the API") struct SalesforceRouteTests {
    let api: APIFixture
    init() throws { api = try APIFixture() }

    private static let organization = APIFixture.organization

    private func otherCertificate(days: Int64 = 10) throws -> String { try api.otherCertificate(days: days) }
    private func draft(_ name: String = "acme", _ salesforce: KeyValuePairs<String, JSONValue> = [:]) async throws -> JSONValue {
        try await api.orgDraft(name, salesforce)
    }
    private func make(_ name: String = "acme", _ salesforce: KeyValuePairs<String, JSONValue> = [:]) async throws -> TestAnswer {
        try await api.makeOrg(name, salesforce)
    }

    private func password(_ answer: TestAnswer, _ index: Int = 0) -> JSONValue {
        let basic = answer["salesforce"]["authentication"]?["basic"]?.array ?? []
        return index < basic.count ? basic[index]["password"] ?? .null : .null
    }

    @Test("SFC-13 an org's endpoint shows a password once, in the answer that made it; later ones, the list, the audit and the database know a digest")
    func passwordOnce() async throws {
        let made = try await make()
        let password = try #require(password(made).string)
        #expect(password.utf8.count == 43)
        let id = try #require(made["id"].string)
        #expect(made["url"].string == "https://keys.example.com/v0/salesforce/endpoints/\(id)")
        for path in ["/api/v1/endpoints/\(id)", "/api/v1/endpoints"] {
            let answer = try await api.call("GET", path)
            #expect(!answer.text.contains(password))
            #expect(answer.text.contains(#""password":null"#))
            #expect(!answer.text.contains("digest"))
        }
        #expect(!api.audit.records.contains { "\($0)".contains(password) })
        let options = try await api.stores.database.query("SELECT options FROM endpoints").map { try $0.text("options") }.joined()
        #expect(!options.contains(password))
        let held = try #require(await api.stores.endpoints.snapshot().endpoints.first?.salesforce?.options.authentication.passwords.first)
        let endpoint = try #require(EndpointID(id))
        #expect(BasicCredential.recognise(Array("acme:\(password)".utf8), among: [held], at: endpoint) == held)
    }

    @Test("a password is changed without a gap: a second one beside the first, then the first goes; a rehearsal makes none")
    func passwordChange() async throws {
        let made = try await make()
        let path = "/api/v1/endpoints/\(try #require(made["id"].string))"
        let first = try #require(made["salesforce"]["authentication"]?["basic"]?.array?.first?["id"])
        let more: JSONValue = ["salesforce": ["authentication": ["basic": [["id": first], ["user": "acme"]]]]]
        let rehearsed = try await api.call("PATCH", path + "?dry_run=true", body: more)
        #expect(rehearsed.status == 200 && password(rehearsed, 1) == .null)
        let both = try await api.call("PATCH", path, body: more)
        #expect(password(both) == .null)
        let second = try #require(password(both, 1).string)
        let endpoint = try #require(EndpointID(made["id"].string ?? ""))
        func opens(_ password: JSONValue) async throws -> Bool {
            let held = try await api.stores.endpoints.snapshot().endpoints[0].salesforce?.options.authentication.passwords ?? []
            return BasicCredential.recognise(Array("acme:\(password.string ?? "")".utf8), among: held, at: endpoint) != nil
        }
        #expect(try await opens(password(made)))
        #expect(try await opens(.string(second)))
        let id = try #require(both["salesforce"]["authentication"]?["basic"]?.array?.last?["id"])
        let after = try await api.call("PATCH", path, body: ["salesforce": ["authentication": ["basic": [["id": id]]]]])
        #expect(after.status == 200)
        #expect(try await !opens(password(made)))
        #expect(try await opens(.string(second)))
        #expect(after["salesforce"]["organization"] == Self.organization, "what is left out stays")
        let unknown: JSONValue = ["salesforce": ["authentication": ["basic": [["id": .string(try KeyID.random().description)]]]]]
        #expect(try await api.call("PATCH", path, body: unknown).status == 400)
    }

    @Test("SFC-17 an endpoint without any authentication can't be saved, nor can the last one be taken away")
    func authenticationNeeded() async throws {
        let without = try await draft("none", ["authentication": .object([])])
        let refused = try await api.call("POST", "/api/v1/endpoints", body: without)
        #expect(refused.status == 400)
        #expect(refused.text.contains("/salesforce/authentication"))
        let made = try await make()
        let path = "/api/v1/endpoints/\(try #require(made["id"].string))"
        #expect(try await api.call("PATCH", path, body: ["salesforce": ["authentication": ["basic": []]]]).status == 400)
        let pin = String(repeating: "0a", count: 32)
        let pinned: JSONValue = ["salesforce": ["authentication": ["basic": [], "client_certificates": [.string(pin)]]]]
        #expect(try await api.call("PATCH", path, body: pinned)["salesforce"]["authentication"]?["client_certificates"] == [.string(pin)])
    }

    @Test("all four authentications are written and read back; OAuth needs an issuer")
    func fourKinds() async throws {
        let signer = try otherCertificate()
        let proofs: JSONValue = [
            "basic": [["user": "acme"]],
            "signed_token": [
                "issuer": "00D000000000001", "subject": "consumer-key", "audience": "https://keys.example.com",
                "signers": [["kid": "Signer_1", "certificate": .string(signer)]], "clock_skew_seconds": 30,
            ],
            "access_token": ["subjects": ["org-1-client"]], "client_certificates": [.string(signer)],
        ]
        let body = try await draft("acme", ["authentication": proofs])
        #expect(try await api.call("POST", "/api/v1/endpoints", body: body).text.contains("/issuer_ids"))
        let issuer = JSONValue.string(try await api.makeIssuer())
        let made = try await api.call("POST", "/api/v1/endpoints", body: body.adding(["issuer_ids": [issuer]]))
        #expect(made.status == 201, "\(made.text)")
        let found = made["salesforce"]["authentication"] ?? .null
        #expect(found["signed_token"]?["clock_skew_seconds"] == 30 && found["signed_token"]?["max_lifetime_seconds"] == 900)
        #expect(found["access_token"]?["scope"] == "cckm_sfdc_cacheonly_key")
        let fingerprint = Hex.string(try Certificate.chain(pem: signer)[0].sha256Fingerprint)
        #expect(found["client_certificates"] == [.string(fingerprint)])
        let path = "/api/v1/endpoints/\(try #require(made["id"].string))"
        let fewer = try await api.call("PATCH", path, body: ["salesforce": ["authentication": ["signed_token": .null, "access_token": .null]]])
        #expect(fewer["salesforce"]["authentication"]?["signed_token"] == .null && fewer["salesforce"]["authentication"]?["access_token"] == .null)
    }

    @Test("SFC-28 a certificate that isn't RSA-4096 or isn't valid now is refused, unless the endpoint is one for tests")
    func certificateRules() async throws {
        let other = try otherCertificate()
        let body = try await draft("acme", ["certificates": [.string(other)]])
        let refused = try await api.call("POST", "/api/v1/endpoints", body: body)
        #expect(refused.status == 409 && refused.text.contains("4096"))
        #expect(try await api.call("POST", "/api/v1/endpoints", body: try await draft("two", ["certificates": ["nonsense"]])).status == 400)
        let tested = try await make("three", ["certificates": [.string(other)], "allows_any_certificate": true])
        #expect(tested["salesforce"]["certificates"]?.array?.first?["subject"]?.string?.contains("next.example") == true)
    }

    @Test("only the door salesforce has these options, and it needs them")
    func wrongDoor() async throws {
        let ekm = try await api.endpointDraft()
        let options = try #require(try await draft("x")["salesforce"])
        #expect(try await api.call("POST", "/api/v1/endpoints", body: ekm.adding(["salesforce": options])).status == 400)
        let id = try await api.make("/api/v1/endpoints", ekm)
        #expect(try await api.call("GET", "/api/v1/endpoints/\(id)")["salesforce"] == .null)
        #expect(try await api.call("PATCH", "/api/v1/endpoints/\(id)", body: ["salesforce": .object([])]).status == 400)
        #expect(try await api.call("GET", "/api/v1/endpoints/\(id)/named-credential").code == "not_found")
        #expect(try await api.call("GET", "/api/v1/endpoints/\(id)/cache-only-keys").code == "not_found")
        let without = JSONValue.object(try await draft("y").object!.filter { $0.name != "salesforce" })
        #expect(try await api.call("POST", "/api/v1/endpoints", body: without).status == 400)
    }

    @Test("SFC-25 SFC-26 a kid is created, found and rotated; it keeps its key for ever, whatever is asked")
    func keys() async throws {
        let made = try await make()
        let list = "/api/v1/endpoints/\(try #require(made["id"].string))/cache-only-keys"
        let before = api.published
        let first = try await api.call("POST", list, body: ["kid": "Data_2026"])
        #expect(first.status == 201 && first["key_version"] == 1 && first["state"] == "enabled")
        #expect(first.headers["location"] == "\(list)/Data_2026")
        #expect(api.published == before + 1)
        #expect(try await api.call("POST", list, body: ["kid": "Data_2026"]).code == "exists")
        #expect(try await api.call("POST", list, body: .object([])).code == "wrong_state", "version 1 has a kid")
        for kid in ["..", "a/b", "é", ""] { #expect(try await api.call("POST", list, body: ["kid": .string(kid)]).status == 400, "\(kid)") }
        let wrapping = JSONValue.string(try await api.makeKey("wrapping"))
        #expect(try await api.call("POST", list, body: ["key_id": wrapping]).text.contains("cache-only"))
        // No route takes another key for it.
        #expect(try await api.call("PATCH", "\(list)/Data_2026", body: ["key_version": 2]).status == 400)
        let rotated = try await api.call("POST", "\(list)/Data_2026/rotate", body: ["kid": "Data_2027"])
        #expect(rotated.status == 201 && rotated["key_version"] == 2 && rotated["kid"] == "Data_2027", "\(rotated.text)")
        #expect(rotated["key_id"] == first["key_id"])
        #expect(try await api.call("GET", "\(list)/Data_2026")["key_version"] == 1)
        let page = try await api.call("GET", "\(list)?sort=-kid")
        #expect(page["items"].array?.compactMap { $0["kid"]?.string } == ["Data_2027", "Data_2026"])
        #expect(try await api.call("GET", "\(list)?kid=Data_2026")["total"] == 1)
        #expect(try await api.call("GET", "\(list)/unknown").status == 404)
        #expect(api.audit.records.suffix(1).map(\.event.description) == ["cache-only-key.rotated"])
        // A rehearsed rotation leaves no version behind.
        #expect(try await api.call("POST", "\(list)/Data_2027/rotate?dry_run=true", body: .object([])).status == 201)
        #expect(try await api.call("GET", "/api/v1/keys/\(first["key_id"].string ?? "")")["version_count"] == 2)
    }

    @Test("the kill switch wants a yes, says what Salesforce does then, and can be undone")
    func killSwitch() async throws {
        let made = try await make()
        let list = "/api/v1/endpoints/\(try #require(made["id"].string))/cache-only-keys"
        let key = try await api.call("POST", list, body: ["kid": "k"])
        let refused = try await api.call("PUT", "\(list)/k/state", body: ["state": "disabled"])
        #expect(refused.code == "confirmation_required" && refused["detail"].string?.contains("destroyed") == true)
        let disabled = try await api.call("PUT", "\(list)/k/state", body: ["state": "disabled", "confirm": true], headers: ["If-Match": key.etag ?? ""])
        #expect(disabled["state"] == "disabled" && disabled["warning"].string?.contains("404") == true)
        #expect(try await api.call("PUT", "\(list)/k/state", body: ["state": "enabled"], headers: ["If-Match": key.etag ?? ""]).status == 412)
        #expect(try await api.call("PUT", "\(list)/k/state", body: ["state": "enabled"])["warning"] == .null)
        let path = "/api/v1/endpoints/\(made["id"].string ?? "")/state"
        let paused = try await api.call("PUT", path, body: ["state": "paused"])
        #expect(paused.code == "confirmation_required", "503 destroys the org's key for the time being")
        #expect(try await api.call("PUT", path, body: ["state": "disabled", "confirm": true])["warning"].string?.contains("404") == true)
    }

    @Test("the kill switch waits for approval where disabling endpoints does; the way back never waits")
    func killSwitchQuorum() async throws {
        let fixture = try QuorumFixture()
        let made = try await fixture.api.makeOrg()
        let key = "/api/v1/endpoints/\(try #require(made["id"].string))/cache-only-keys"
        _ = try await fixture.api.call("POST", key, body: ["kid": "k"])
        try await fixture.enable(1, operation: "disable-endpoint")
        let asks = try Caller.person("asks", [.changeStateOfEndpoints])
        fixture.directory.add(asks)
        let held = try await fixture.api.call("PUT", "\(key)/k/state", body: ["state": "disabled", "confirm": true], as: asks)
        #expect(held.status == 202)
        #expect(try await fixture.api.call("GET", "\(key)/k")["state"] == "enabled")
        let decided = try await fixture.decide("approve", try #require(held["id"].string), as: fixture.person("bob"))
        #expect(decided["state"] == "executed", "\(decided.text)")
        #expect(try await fixture.api.call("GET", "\(key)/k")["state"] == "disabled")
        #expect(try await fixture.api.call("PUT", "\(key)/k/state", body: ["state": "enabled"], as: asks).status == 200)
    }

    @Test("an org's certificates raise an alert sixty days before their end, critical in the last week, and none when they are replaced")
    func expiry() async throws {
        let signer = try otherCertificate(days: 50)
        let token: JSONValue = [
            "issuer": "i", "subject": "s", "audience": "a", "signers": [["kid": "Signer", "certificate": .string(signer)]],
        ]
        let made = try await make("acme", ["authentication": ["signed_token": token]])
        let monitor = api.observation.alerts
        var sources = AlertSources()
        let box = SnapshotBox(try await api.stores.endpoints.snapshot())
        sources.orgCertificates = { box.snapshot.withLock { $0.orgCertificates } }
        monitor.observe(sources)
        func open() async throws -> [(severity: JSONValue, detail: String)] {
            try await monitor.evaluate()
            let alerts = try await api.call("GET", "/api/v1/alerts?state=open")["items"].array ?? []
            return alerts.map { ($0["severity"] ?? .null, $0["detail"]?.string ?? "") }
        }
        let first = try await open()
        #expect(first.map(\.severity) == ["warning"])
        #expect(first.first?.detail.contains("endpoint “acme”: the certificate that signs the org's tokens expires at") == true)
        api.store.clock.advance(by: .seconds(44 * 86400))
        #expect(try await open().map(\.severity) == ["critical"])
        let path = "/api/v1/endpoints/\(try #require(made["id"].string))"
        let basic: JSONValue = ["salesforce": ["authentication": ["basic": [["user": "acme"]], "signed_token": .null]]]
        #expect(try await api.call("PATCH", path, body: basic).status == 200)
        let next = try await api.stores.endpoints.snapshot()
        box.snapshot.withLock { $0 = next }
        #expect(try await open().isEmpty)
    }

    @Test("the connection test asks for a key without any proof, and expects 401", arguments: [(401, true), (404, false), (200, false)])
    func reach(status: Int, isFine: Bool) async throws {
        var probe = EndpointProbe { request in
            #expect(request.method == "GET" && request.url == "https://keys.example.com/v0/salesforce/acme/probe")
            return HTTPClientResponse(status: status, headers: [], body: [], timing: HTTPClientTiming(
                resolved: .zero, connected: .zero, secured: .zero, firstByte: .zero, total: .zero, reusedConnection: false))
        }
        await probe.probeReach("https://keys.example.com/v0/salesforce/acme", of: .salesforce)
        #expect(probe.isFine == isFine)
    }

    @Test("an endpoint for tests, and a password too many, are warned of")
    func warnings() async throws {
        let made = try await make("acme", ["allows_any_certificate": true, "authentication": ["basic": [["user": "a"], ["user": "b"]]]])
        #expect(made["warnings"].array?.count == 2, "\(made["warnings"])")
        #expect(try await make("plain")["warnings"] == .array([]))
    }

    @Test("SFC-27 two wrapping certificates during a change: added, used kid by kid, and the old one goes when no kid uses it")
    func certificateChange() async throws {
        let next = try otherCertificate()
        let made = try await make("acme", ["allows_any_certificate": true])
        let endpoint = "/api/v1/endpoints/\(try #require(made["id"].string))"
        _ = try await api.call("POST", "\(endpoint)/cache-only-keys", body: ["kid": "k"])
        let fingerprint = JSONValue.string(Hex.string(try Certificate.chain(pem: next)[0].sha256Fingerprint))
        #expect(try await api.call("PATCH", "\(endpoint)/cache-only-keys/k", body: ["certificate": fingerprint]).status == 400)
        let both: JSONValue = ["salesforce": ["certificates": [.string(OrgTestCertificate.pem), .string(next)]]]
        #expect(try await api.call("PATCH", endpoint, body: both)["salesforce"]["certificates"]?.array?.count == 2)
        let only: JSONValue = ["salesforce": ["certificates": [.string(next)]]]
        #expect(try await api.call("PATCH", endpoint, body: only).code == "wrong_state", "k is encrypted to the old one")
        let changed = try await api.call("PATCH", "\(endpoint)/cache-only-keys/k", body: ["certificate": fingerprint])
        #expect(changed["certificate"] == fingerprint && changed["key_version"] == 1)
        #expect(try await api.call("PATCH", endpoint, body: only)["salesforce"]["certificates"]?.array?.count == 1)
    }

    @Test("what the org's administrator has to do is told with the values to enter")
    func namedCredential() async throws {
        let made = try await make()
        let answer = try await api.call("GET", "/api/v1/endpoints/\(try #require(made["id"].string))/named-credential")
        #expect(answer["url"] == made["url"])
        #expect(answer["authentication"].array?.first?.string?.contains("“acme”") == true)
        #expect(answer["external"].array?.contains { $0.string?.contains("autoproc") == true } == true)
        #expect(answer["legacy"].array?.first?.string?.contains("Password Authentication") == true)
        #expect(!answer.text.contains(try #require(password(made).string)))
    }

    @Test("N26 rotating needs the permission on the key as well as on the endpoint")
    func permissions() async throws {
        let made = try await make()
        let id = try #require(made["id"].string)
        let list = "/api/v1/endpoints/\(id)/cache-only-keys"
        _ = try await api.call("POST", list, body: ["kid": "k"])
        let admin = try Caller.person("ann", [.updateEndpoints, .readEndpoints])
        #expect(try await api.call("POST", "\(list)/k/rotate", body: .object([]), as: admin).status == 403)
        let both = try Caller.person("bob", [.updateEndpoints, .rotateKeys])
        #expect(try await api.call("POST", "\(list)/k/rotate", body: .object([]), as: both).status == 201)
        let elsewhere = try Caller.person("eve", grants: [.updateEndpoints: [try EndpointID.random().description]])
        #expect(try await api.call("POST", list, body: .object([]), as: elsewhere).status == 403)
    }
}

/// Short ways to orgs.
extension APIFixture {
    static let organization: JSONValue = "00D000000000001"

    /// A certificate of another kind than Salesforce makes.
    func otherCertificate(days: Int64 = 10) throws -> String {
        let key = try PrivateKey.generate(.rsa(bits: 2048))
        return try CertificateDraft(names: ["next.example"]).selfSigned(with: key, now: stores.clock.now.seconds, days: days)
    }

    /// What an org's new endpoint is made of.
    func orgDraft(_ name: String, _ salesforce: KeyValuePairs<String, JSONValue> = [:]) async throws -> JSONValue {
        let options: JSONValue = [
            "organization": Self.organization, "certificates": [.string(OrgTestCertificate.pem)],
            "authentication": ["basic": [["user": .string(name)]]],
        ]
        return [
            "name": .string(name), "door": "salesforce", "hostnames": ["keys.example.com"],
            "key_id": .string(try await makeKey("\(name) data", ["purpose": "cache-only"])),
            "policy_id": .string(try await makePolicy("policy of \(name)", operations: "[fetchKey]", principals: "[\"basic:*\"]")),
            "salesforce": options.replacing(salesforce),
        ]
    }

    func makeOrg(_ name: String = "acme", _ salesforce: KeyValuePairs<String, JSONValue> = [:]) async throws -> TestAnswer {
        let answer = try await call("POST", "/api/v1/endpoints", body: try await orgDraft(name, salesforce))
        #expect(answer.status == 201, "\(answer.text)")
        return answer
    }
}

extension JSONValue {
    /// The object with these members instead of its own of those names.
    fileprivate func replacing(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        let names = Set(members.map(\.key))
        return .object((object ?? []).filter { !names.contains($0.name) } + members.map { (name: $0.key, value: $0.value) })
    }
}

private final class SnapshotBox: Sendable {
    let snapshot: Mutex<RoutingSnapshot>
    init(_ first: RoutingSnapshot) { snapshot = Mutex(first) }
}
