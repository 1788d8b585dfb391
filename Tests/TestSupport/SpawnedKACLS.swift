package import KeyCore
package import Primitives

/// An endpoint for Workspace client-side encryption on a running server, made as management would make it; with the signers of the tokens
/// that it believes.
package struct SpawnedKACLS: Sendable {
    /// The base URL.
    package let url: String
    private let google: TokenTestKey
    private let idp: TokenTestKey

    /// Adds key, policy, issuers and endpoint to the installation's database; the server notices by itself.
    package init(
        _ installation: SpawnedInstallation, _ server: SpawnedServer, options change: (inout KACLSOptions) throws -> Void = { _ in }
    ) async throws {
        url = "https://localhost:\(server.port)/v0/kacls/hq"
        (google, idp) = (try TokenTestKey("g1", .rs256), try TokenTestKey("i1", .rs256))
        let database = try SQLiteDatabase(path: installation.folder.file("data/holdfast.db"))
        defer { try? database.close() }
        let clock = WallClock.system
        let issuers = IssuerStore(database: database, clock: clock)
        func issuer(_ name: String, _ value: String, _ key: TokenTestKey) async throws -> IssuerID {
            let issuer = Issuer(id: try IssuerID.random(), name: name, values: [value], keys: .pinned(jwks: try TokenTestKey.jwks(key)))
            try await issuers.create(issuer)
            return issuer.id
        }
        var options = KACLSOptions()
        guard let base = KACLSURL(url) else { throw SpawnedTimeout("\(url) is no URL of a key service") }
        (options.urls, options.ownerDomains) = ([base], ["example.com"])
        for google in GoogleCSEIssuer.allCases {
            options.authorizationIssuers.append(try await issuer("google \(google.rawValue)", google.value, self.google))
        }
        var provider = KACLSOptions.IdentityProvider(issuer: try await issuer("idp", "https://idp.example.com", idp), audiences: ["client"])
        provider.vouchesForPrivileged = true
        options.identityProviders = [provider]
        (options.privileged.wrap, options.privileged.unwrap) = (["ann@example.com"], ["ann@example.com"])
        options.privileged.wrapPrivateKey = ["ann@example.com"]
        try change(&options)
        guard let demo = try await EndpointStore(database: database, clock: clock).snapshot().endpoints.first else {
            throw SpawnedTimeout("the installation has no demo endpoint whose key could be used")
        }
        let policy = try AccessPolicy(parsing: """
            version: 1
            name: cse
            rules:
              - {name: all, effect: allow, operations: any, principals: ["domain:example.com", "https://localhost:*/v0/kacls/hq", "*@system.gserviceaccount.com"], justifications: any}
            """, source: "cse.yaml")
        let policyID = try await PolicyStore(database: database, clock: clock).save(policy, name: "cse")
        var draft = EndpointDraft(name: "cse", hostnames: ["localhost"], keyID: demo.keyID, policyID: policyID, issuers: [])
        (draft.door, draft.path, draft.kacls) = (.kacls, "v0/kacls/hq", options)
        _ = try await EndpointStore(database: database, clock: clock).create(draft)
    }

    /// Google's word: Ann may do this with the resource.
    package func authorization(_ role: String, issuer: GoogleCSEIssuer, resource: String, more: [(String, JSONValue)] = []) throws -> String {
        try token(google, issuer.value, "cse-authorization", [
            ("email", "ann@example.com"), ("role", .string(role)), ("kacls_url", .string(url)), ("resource_name", .string(resource)),
            ("perimeter_id", ""),
        ] + more)
    }

    /// The identity provider's word: this is Ann.
    package func authentication() throws -> String {
        try token(idp, "https://idp.example.com", "client", [("email", "ann@example.com"), ("sub", "17")])
    }

    private func token(_ key: TokenTestKey, _ issuer: String, _ audience: String, _ claims: [(String, JSONValue)]) throws -> String {
        let now = WallClock.system.now.seconds
        let all: [(String, JSONValue)] = [
            ("iss", .string(issuer)), ("aud", .string(audience)), ("iat", .integer(now)), ("exp", .integer(now + 3600)),
        ] + claims
        return try key.token(String(decoding: JSONValue.object(all.map { (name: $0.0, value: $0.1) }).json, as: UTF8.self))
    }
}
