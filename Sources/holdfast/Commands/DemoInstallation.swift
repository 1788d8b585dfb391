import Foundation
import KeyCore
import Management
import Primitives

/// What `init --demo` adds: a key, a policy, a development issuer whose private key we hold, an EKM endpoint.
enum DemoInstallation {
    static let callerEmail = "service-123456789012@gcp-sa-ekms.iam.gserviceaccount.com"
    static let issuerName = "demo"

    static func make(_ administration: Administration, hostname: String, listen: String) async throws -> Demo {
        let installation = administration.installation
        let key = try await installation.keys.create(
            name: "demo", purpose: .wrap, algorithm: .aes256, source: try KeySources.find(.embedded))
        try await administration.record(AuditEvent.keyCreated, target: key.name) { $0.keyID = key.id }
        let issuer = try await DevelopmentIssuer.create(issuerName, installation)
        try await administration.record(AuditEvent.issuerCreated, target: issuer.name)
        let path = try SharedFiles.find("policies/default.yaml")
        let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        let policy = try await installation.policies.save(try AccessPolicy(parsing: text, source: path), name: "demo")
        try await administration.record(AuditEvent.policySaved, target: "demo")
        let endpoint = try await installation.endpoints.create(EndpointDraft(
            name: "demo", hostnames: [hostname], keyID: key.id, policyID: policy, issuers: [issuer.id]))
        try await administration.record(AuditEvent.endpointCreated, target: "demo") { $0.endpointID = endpoint }
        let port = listen.split(separator: ":").last.map(String.init) ?? "8443"
        let url = "https://\(hostname):\(port)"
        let demo = Demo(
            dataPlaneURL: url, caFile: installation.folder.file("tls/ca.pem"), keyURI: "\(url)/v0/ekm/endpoints/\(endpoint)",
            audience: "https://\(hostname)", callerEmail: callerEmail, endpointID: endpoint.description)
        try Data(demo.json + [0x0A]).write(to: URL(fileURLWithPath: installation.folder.demoPath), options: .atomic)
        return demo
    }
}

/// An issuer whose private key lies sealed in our own database, for trying things out. It is marked, and its tokens are as good as
/// its private key's keeping: never give it to an endpoint that guards real data.
enum DevelopmentIssuer {
    static func create(_ name: String, _ installation: Installation) async throws -> Issuer {
        let key = try PrivateKey.generate(.rsa(bits: 2048))
        let keyID = Hex.string(try RandomBytes.generate(8))
        let members = try key.publicKey.jwk()?.members ?? []
        var jwks = JSONWriter()
        jwks.object { writer in
            writer.name("keys")
            writer.array { writer in
                writer.object { writer in
                    for (name, value) in members + [("kid", keyID), ("alg", "RS256"), ("use", "sig")] { writer.member(name, value) }
                }
            }
        }
        let issuer = Issuer(
            id: try IssuerID.random(), name: name, values: ["https://issuer.\(name).holdfast.invalid"],
            keys: .pinned(jwks: jwks.string), isDevelopment: true)
        try installation.secrets.create(
            secretName(issuer.id), try key.pkcs8PEM(), publicPart: keyID, now: installation.clock.now)
        try await installation.issuers.create(issuer)
        return issuer
    }

    /// A compact JWT with these claims; refuses an issuer that isn't marked as one for development.
    static func mint(_ issuer: Issuer, claims: [(name: String, value: JSONValue)], _ installation: Installation) throws -> String {
        guard issuer.isDevelopment, let key = try installation.secrets.find(secretName(issuer.id)),
            let keyID = try installation.secrets.publicPart(secretName(issuer.id))
        else { throw Complaint("issuer “\(issuer.name)” is not a development issuer: we don't hold its private key and can't mint its tokens") }
        var writer = JSONWriter()
        writer.value(.object([("iss", .string(issuer.values[0]))] + claims))
        return try TokenMinter.mint(claims: writer.string, algorithm: .rs256, keyID: keyID, privateKeyPEM: key.bytes)
    }

    /// The claims that a Cloud KMS service agent's token has.
    static func ekmClaims(audience: String, email: String, lifetime: Duration, now: Instant) -> [(name: String, value: JSONValue)] {
        [
            ("aud", .string(audience)), ("email", .string(email)), ("email_verified", .bool(true)), ("sub", .string("100000000000000000001")),
            ("iat", .integer(now.seconds)), ("exp", .integer((now + lifetime).seconds)),
        ]
    }

    private static func secretName(_ id: IssuerID) -> String { "development-issuer/\(id)" }
}
