import Foundation
import Primitives

/// Makes what an endpoint for client-side encryption needs and nobody has named: each thing is named as the endpoint, and taken if it is there.
struct CSETemplate {
    let api: APIClient
    let name: String
    let waiting: WaitOption

    /// A key that wraps.
    func key() async throws -> String { try await make(.keys, name, ["name": .string(name)]) }

    /// The identity provider as an issuer.
    func issuer(openIDConfigurationURL url: String?) async throws -> String {
        guard let url else {
            return try await make(.issuers, "google-identity", [
                "name": "google-identity", "jwks_url": "https://www.googleapis.com/oauth2/v3/certs",
                "values": ["https://accounts.google.com", "accounts.google.com"],
            ])
        }
        let name = "\(name) identity provider"
        return try await make(.issuers, name, ["name": .string(name), "openid_configuration_url": .string(url), "allow_missing_kid": true])
    }

    /// A policy from the template that ships, for these people.
    func policy(domains: [String], administrators: [String]) async throws -> String {
        let path = try SharedFiles.find("policies/workspace.yaml")
        let source = CSETemplate.fill(in: try InputFile.text(path), domains: domains, administrators: administrators)
        return try await make(.policies, name, ["name": .string(name), "source": .string(source)])
    }

    /// The template names example.com and two of its people, each where others may stand.
    static func fill(in template: String, domains: [String], administrators: [String]) -> String {
        let members = domains.map { "\"domain:\($0)\"" }.joined(separator: ", ")
        // Without administrators the rule stays and names nobody who could come: an empty list is an error.
        let people = administrators.isEmpty ? ["nobody@invalid"] : Array(Set(administrators)).sorted()
        return template
            .replacing("\"domain:example.com\"", with: members)
            .replacing("import@example.com, takeout@example.com", with: people.map { "\"\($0)\"" }.joined(separator: ", "))
            .replacing("Members of example.com", with: "Members of \(domains.joined(separator: " and "))")
    }

    /// What an approved request has made.
    private func made(_ collection: Collection, _ name: String) async throws -> String {
        let found = try await api.send("GET", collection.path, query: [("name", name)]).document["items"]?.array?.first
        guard let id = found?["id"]?.string else { throw Complaint("the \(collection.singular) “\(name)” was approved, and is not there; repeat this") }
        return id
    }

    private func make(_ collection: Collection, _ name: String, _ body: JSONValue) async throws -> String {
        let found = try await api.send("GET", collection.path, query: [("name", name)]).document["items"]?.array?.first
        if let id = found?["id"]?.string {
            Note.print("The \(collection.singular) “\(name)” is there already and is taken.")
            return id
        }
        guard let reply = try await api.create(collection.path, waiting: waiting, body: .json(body)) else {
            return try await made(collection, name)
        }
        guard let id = reply.document["id"]?.string else {
            throw Complaint("the \(collection.singular) “\(name)” was made, and its answer names no id; repeat this")
        }
        Note.print("Made the \(collection.singular) “\(name)”.")
        return id
    }
}
