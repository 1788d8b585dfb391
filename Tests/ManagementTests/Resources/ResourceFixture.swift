import KeyCore
@testable import Management
import Primitives
import TestSupport
import Testing

/// Short ways to resources that other resources need.
extension APIFixture {
    /// The answer's id.
    @discardableResult
    func make(_ path: String, _ body: JSONValue, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let answer = try await call("POST", path, body: body, sourceLocation: sourceLocation)
        #expect(answer.status == 201, "\(answer.text)", sourceLocation: sourceLocation)
        return try #require(answer["id"].string, sourceLocation: sourceLocation)
    }

    /// An AES-256 key that wraps.
    func makeKey(_ name: String = "disk", _ more: KeyValuePairs<String, JSONValue> = [:]) async throws -> String {
        let body: JSONValue = ["name": .string(name)]
        return try await make("/api/v1/keys", body.adding(more))
    }

    /// A policy with one rule.
    func makePolicy(_ name: String = "strict", operations: String = "[wrap, unwrap]", principals: String = "[a@example.com]") async throws -> String {
        let source = """
            version: 1
            name: p
            rules:
              - {name: r, effect: allow, operations: \(operations), principals: \(principals), justifications: any}
            """
        // Straight into the store: routes of policies have tests of their own.
        return try await stores.policies.create(try AccessPolicy(parsing: source, source: "p"), name: name).id.description
    }

    /// An issuer whose keys are fetched.
    func makeIssuer(_ name: String = "idp", value: String = "https://idp.example") async throws -> String {
        let issuer = Issuer(id: try IssuerID.random(), name: name, values: [value], keys: .jwksURL("https://idp.example/jwks"))
        return try await stores.issuers.create(issuer).issuer.id.description
    }

    /// What a new endpoint is made of.
    func endpointDraft(_ name: String = "disk", key: String? = nil) async throws -> JSONValue {
        let keyID = if let key { key } else { try await makeKey("key of \(name)") }
        return [
            "name": .string(name), "hostnames": ["ekm.example.com"], "key_id": .string(keyID),
            "policy_id": .string(try await makePolicy("policy of \(name)")),
            "issuer_ids": [.string(try await makeIssuer("issuer of \(name)", value: "https://\(name).example"))],
        ]
    }
}
