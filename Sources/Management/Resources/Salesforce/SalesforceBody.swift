import KeyCore
import Primitives

/// A checked body's `salesforce` as the stores understand it, with the passwords that it made on the way.
struct SalesforceBody {
    /// The passwords by the credential's id: they go into this request's answer and nowhere else.
    private(set) var passwords: [String: String] = [:]
    private let endpoint: EndpointID
    private let now: Instant

    /// Passwords are bound to the endpoint.
    init(endpoint: EndpointID, now: Instant) { (self.endpoint, self.now) = (endpoint, now) }

    /// The options of a new endpoint.
    mutating func options(_ body: JSONValue) throws -> CacheOnlyOptions {
        let base = CacheOnlyOptions(organization: body["organization"]?.string ?? "", certificates: [])
        return try change(body).applied(to: base)
    }

    /// What becomes different about an endpoint.
    mutating func change(_ body: JSONValue) throws -> CacheOnlyChange {
        var change = CacheOnlyChange()
        change.organization = body["organization"]?.string
        change.certificates = try body.texts("certificates").map { texts in
            try texts.enumerated().map { try SalesforceBody.certificate($1, at: "certificates/\($0)") }
        }
        (change.requiresNonce, change.allowsAnyCertificate) = (body["requires_request_id"]?.bool, body["allows_any_certificate"]?.bool)
        change.nonceMemory = body["nonce_memory_seconds"]?.integer.map { .seconds($0) }
        if let rules = body["authentication"] { try read(rules, into: &change) }
        return change
    }

    private mutating func read(_ rules: JSONValue, into change: inout CacheOnlyChange) throws {
        if let list = rules["basic"]?.array {
            var wanted: [CacheOnlyChange.Password] = []
            for (index, item) in list.enumerated() { wanted.append(try password(item, index)) }
            change.passwords = wanted
        }
        if rules.has("signed_token") {
            change.signedToken = try rules["signed_token"]?.object == nil ? .removed : .set(SalesforceBody.signedToken(rules["signed_token"] ?? .null))
        }
        if rules.has("access_token") {
            let given = rules["access_token"]
            change.accessToken = given?.object == nil
                ? .removed
                : .set(AccessTokenRules(
                    scope: given?["scope"]?.string ?? AccessTokenRules.usualScope, subjects: given?.texts("subjects") ?? []))
        }
        change.clientCertificates = try rules.texts("client_certificates").map { texts in
            try texts.enumerated().map { try SalesforceBody.fingerprint($1, at: "authentication/client_certificates/\($0)") }
        }
    }

    private mutating func password(_ item: JSONValue, _ index: Int) throws -> CacheOnlyChange.Password {
        switch (item["id"]?.string, item["user"]?.string) {
        case (let id?, nil): return .kept(id: id)
        case (nil, let user?):
            let made = try BasicCredential.generate(user: user, at: endpoint, now: now)
            passwords[made.credential.id] = made.password
            return .new(made.credential)
        default: throw Problem.invalid("/salesforce/authentication/basic/\(index)", expected: "either id, to keep a password, or user, to make one")
        }
    }

    private static func signedToken(_ given: JSONValue) throws -> PinnedTokenRules {
        let signers = try (given["signers"]?.array ?? []).enumerated().map { index, signer in
            PinnedTokenRules.Signer(
                keyID: signer["kid"]?.string ?? "",
                certificate: try certificate(signer["certificate"]?.string ?? "", at: "authentication/signed_token/signers/\(index)/certificate"))
        }
        var rules = PinnedTokenRules(
            issuer: given["issuer"]?.string ?? "", subject: given["subject"]?.string ?? "", audience: given["audience"]?.string ?? "",
            certificates: signers)
        if let seconds = given["clock_skew_seconds"]?.integer { rules.skew = .seconds(seconds) }
        if let seconds = given["max_lifetime_seconds"]?.integer { rules.maxLifetime = .seconds(seconds) }
        return rules
    }

    private static func certificate(_ pem: String, at place: String) throws -> Certificate {
        guard let chain = try? Certificate.chain(pem: pem), chain.count == 1 else {
            throw Problem.invalid("/salesforce/\(place)", expected: "one certificate in PEM, as the org's setup downloads it")
        }
        return chain[0]
    }

    private static func fingerprint(_ text: String, at place: String) throws -> String {
        if let bytes = Hex.decode(text.lowercased()), bytes.count == 32 { return text.lowercased() }
        return Hex.string(try certificate(text, at: place).sha256Fingerprint)
    }
}
