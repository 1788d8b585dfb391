import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

/// Texts that have broken other programs.
enum HostileText {
    static let all: [String] = [
        "' OR '1'='1", "'; DROP TABLE keys; --", "\" OR \"\"=\"", "%' UNION SELECT 1 --", "$1", "{BIGINT}", "../../../../etc/passwd", "/etc/passwd",
        "..\\..\\x", "a\0b", "\0", "a\nb", "a\r\nSet-Cookie: x=y", "\u{1B}[2J", "\u{7F}", "\u{202E}gnp.exe", "\u{200B}", "\u{FEFF}", "\u{2028}",
        "\u{E000}", "\u{FFFF}", "\u{E0041}", "dis\u{212A}", "d\u{0456}sk", "disk\u{0301}", "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}", "%s%n%x",
        "", " ", "\t", "null", "true", "-1", "1e309", "9223372036854775808", "0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77", "\u{1F511}",
        String(repeating: "A", count: 65_536), String(repeating: "\u{10FFFF}", count: 16_384), String(repeating: "[", count: 65_536),
    ]
}

@Suite("Hostile texts") struct HostileTextTests {
    /// A route's body with a place for each text, as JSON pointers to them.
    private struct Form {
        let method: String
        let path: String
        let body: JSONValue
    }

    private func forms(_ api: APIFixture) async throws -> [Form] {
        let key = try await api.makeKey("a key")
        let draft = try await api.endpointDraft("an endpoint")
        let endpoint = try await api.make("/api/v1/endpoints", draft)
        let issuer = try #require(draft["issuer_ids"]?.array?.first?.string)
        let policy = try #require(draft["policy_id"]?.string)
        let source = JSONValue.string("version: 1\nname: p\nrules: []\n")
        let keyBody: JSONValue = [
            "name": "x", "purpose": "wrap", "algorithm": "AES-256", "source": "embedded", "description": "d", "labels": ["l": "v"],
            "expires_at": "2030-01-01T00:00:00Z", "export_policy_id": .string(policy),
        ]
        let issuerBody: JSONValue = [
            "name": "x", "description": "d", "jwks_url": "https://x.example/", "values": ["v"], "algorithms": ["RS256"],
            "allowed_email_suffixes": ["@x.example"],
        ]
        let material: JSONValue = ["material": .string(Base64.string([UInt8](0..<32)))]
        let wrapped: JSONValue = ["wrapped_material": "AAAA", "wrapping_algorithm": "RSA-OAEP-SHA256"]
        return [
            Form(method: "POST", path: "/keys", body: keyBody),
            Form(method: "POST", path: "/keys/import", body: .object((keyBody.object ?? []) + (material.object ?? []))),
            Form(method: "POST", path: "/keys/\(key)/versions", body: wrapped),
            Form(method: "PATCH", path: "/keys/\(key)", body: ["name": "x", "description": "d", "labels": ["l": "v"], "expires_at": nil]),
            Form(method: "PUT", path: "/keys/\(key)/versions/1/state", body: ["state": "active"]),
            Form(method: "PUT", path: "/keys/\(key)/versions/1/destruction", body: ["at": "2030-01-01T00:00:00Z"]),
            Form(method: "POST", path: "/keys/\(key)/versions/1/destroy", body: ["confirm": "x"]),
            Form(method: "POST", path: "/keys/\(key)/export", body: ["public_key": "x", "algorithm": "RSA-AES-KWP", "justification": "x"]),
            Form(method: "POST", path: "/endpoints", body: draft.adding(["description": "d", "path": "a/b", "door": "ekm", "extra_audiences": ["a"], "allowed_projects": ["p"]])),
            Form(method: "PATCH", path: "/endpoints/\(endpoint)", body: .object((draft.object ?? []) + [("description", "d"), ("path", "c/d"), ("extra_audiences", ["a"]), ("allowed_projects", ["p"])])),
            Form(method: "PUT", path: "/endpoints/\(endpoint)/state", body: ["state": "active"]),
            Form(method: "POST", path: "/issuers", body: issuerBody),
            Form(method: "PATCH", path: "/issuers/\(issuer)", body: issuerBody),
            Form(method: "POST", path: "/issuers/test", body: ["jwks_url": "https://x.example/", "algorithms": ["RS256"]]),
            Form(method: "POST", path: "/issuers/test", body: ["jwks": ["keys": [["kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "alg": "RS256"]]]]),
            Form(method: "POST", path: "/policies", body: ["name": "x", "source": source, "description": "d"]),
            Form(method: "POST", path: "/policies/\(policy)/versions", body: ["source": source, "description": "d"]),
            Form(method: "POST", path: "/policies/validate", body: ["source": source]),
            Form(method: "POST", path: "/policies/simulate", body: ["source": source, "policy_id": .string(policy), "since": "2030-01-01T00:00:00Z"]),
            Form(method: "POST", path: "/certificates/data-1/stage", body: ["certificate": "x", "private_key": "x"]),
        ]
    }

    @Test("N42 in any text of any body are refused by name or kept as they are, and never break anything", arguments: HostileText.all.indices)
    func bodies(index: Int) async throws {
        let text = HostileText.all[index]
        let api = try APIFixture(resources: ResourceServices())
        for form in try await forms(api) {
            for place in Places.texts(in: form.body) {
                let body = Places.replace(place, in: form.body, with: .string(text))
                let answer = try await api.call(form.method, "/api/v1" + form.path + (form.method == "POST" ? "?dry_run=true" : ""), body: body)
                let isUnknownQuery = answer.code == "invalid_field" && answer.text.contains("query:dry_run")
                let final = isUnknownQuery ? try await api.call(form.method, "/api/v1" + form.path, body: body) : answer
                // Without a fetcher a test of an issuer ends in its report; nothing else may be a fault of ours.
                #expect(final.status < 500, "\(form.method) \(form.path) \(place): \(final.text.prefix(300))")
                if final.status < 300, final.status != 204 { check(final, place, text, form.path) }
            }
        }
        #expect(try await api.call("GET", "/api/v1/keys")["total"] == 2)
    }

    /// What was accepted is kept to the byte.
    private func check(_ answer: TestAnswer, _ place: [Places.Step], _ text: String, _ path: String) {
        guard case .member(let name)? = place.first, place.count == 1, ["name", "description"].contains(name), !path.hasPrefix("/policies") else { return }
        #expect(answer[name].string.map { Array($0.utf8) } == Array(text.utf8))
    }

    @Test("N42 in a query or a path find nothing and break nothing", arguments: HostileText.all.indices)
    func queries(index: Int) async throws {
        let api = try APIFixture()
        let key = try await api.makeKey()
        let encoded = HostileText.all[index].utf8.prefix(2000).map { "%" + Hex.string([$0]) }.joined()
        for list in ["keys", "endpoints", "issuers", "policies"] {
            for name in ["name", "name_prefix", "label", "cursor", "sort", "limit", "state", "source", "key_id", "enabled", "nonsense"] {
                let answer = try await api.call("GET", "/api/v1/\(list)?\(name)=\(encoded)")
                #expect(answer.status == 200 || answer.status == 400, "\(answer.text.prefix(200))")
                if answer.status == 200, name == "name" { #expect(answer["total"] == 0) }
            }
        }
        for path in ["keys/\(encoded)", "keys/\(key)/versions/\(encoded)/state", "policies/\(encoded)/versions/1", "certificates/\(encoded)/export"] {
            let method = path.hasSuffix("state") ? "PUT" : "GET"
            let answer = try await api.call(method, "/api/v1/\(path)", body: method == "PUT" ? ["state": "active"] : nil)
            #expect([400, 404, 405].contains(answer.status), "\(path.prefix(80)): \(answer.text.prefix(200))")
        }
    }
}

/// Finds and replaces texts in a document.
enum Places {
    enum Step: Equatable {
        case member(String)
        case element(Int)
    }

    /// The ways to all texts.
    static func texts(in value: JSONValue) -> [[Step]] {
        switch value {
        case .string: [[]]
        case .array(let elements): elements.enumerated().flatMap { index, element in texts(in: element).map { [.element(index)] + $0 } }
        case .object(let members): members.flatMap { member in texts(in: member.value).map { [.member(member.name)] + $0 } }
        default: []
        }
    }

    static func replace(_ place: [Step], in value: JSONValue, with new: JSONValue) -> JSONValue {
        guard let step = place.first else { return new }
        let rest = Array(place.dropFirst())
        switch (step, value) {
        case (.element(let index), .array(var elements)):
            elements[index] = replace(rest, in: elements[index], with: new)
            return .array(elements)
        case (.member(let name), .object(let members)):
            return .object(members.map { ($0.name, $0.name == name ? replace(rest, in: $0.value, with: new) : $0.value) })
        default: return value
        }
    }
}
