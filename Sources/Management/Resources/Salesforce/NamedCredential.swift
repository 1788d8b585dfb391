import KeyCore
import Primitives

/// What an org's administrator does so that Salesforce calls an endpoint: the values to enter, and the steps.
///
/// Source: Salesforce Help, "Configure Your Cache-Only Key Callout Connection", "Authentication Protocols for Named Credentials".
struct NamedCredential {
    let endpoint: EndpointEntry
    let options: CacheOnlyOptions
    let url: String

    private static let texts = Schema.array(.text(1...1024), count: 1...32)

    static let schema = Schema.object(name: "NamedCredential", [
        .required("url", .text(1...1024), "The named credential's URL; Salesforce appends the key identifier"),
        .required("authentication", texts, "What the org must prove, and with what"),
        .required("external", texts, "The steps with an external credential"),
        .required("legacy", texts, "The steps with a legacy named credential"),
        .required("tenant_secret", texts, "The steps for each key"),
    ])

    var document: JSONValue {
        [
            "url": .string(url), "authentication": .strings(proofs), "external": .strings(external), "legacy": .strings(legacy),
            "tenant_secret": .strings(tenantSecret),
        ]
    }

    private var rules: CacheOnlyAuthentication { options.authentication }

    private var proofs: [String] {
        var lines = rules.passwords.map { "Basic: the user “\($0.user)” with the password that was shown when it was made" }
        if let token = rules.signedToken {
            let kids = token.certificates.map(\.keyID).joined(separator: ", ")
            lines.append("JWT signed by the org: iss “\(token.issuer)”, sub “\(token.subject)”, aud “\(token.audience)”, certificate \(kids), RS256 or RS512")
        }
        if let access = rules.accessToken {
            lines.append("OAuth 2.0: an access token of the identity provider with the scope \(access.scope) and the sub \(access.subjects.joined(separator: " or "))")
        }
        if !rules.clientCertificates.isEmpty {
            lines.append("Mutual TLS\(rules.needsHeader ? ", besides" : ""): the client certificate with the SHA-256 fingerprint \(rules.clientCertificates.joined(separator: " or "))")
        }
        return lines.map { String($0.prefix(1024)) }
    }

    private var external: [String] {
        var protocols: [String] = []
        if !rules.passwords.isEmpty { protocols.append("Basic Authentication") }
        if rules.signedToken != nil { protocols.append("JWT") }
        if rules.accessToken != nil { protocols.append("OAuth 2.0") }
        let name = protocols.isEmpty ? "No Authentication" : protocols.joined(separator: " or ")
        var steps = [
            "Setup, Security, Named Credentials, External Credentials, New: Authentication Protocol \(name).",
            "In it a Principal of the type Named Principal\(rules.passwords.isEmpty ? "" : ", with user name and password").",
        ]
        if let token = rules.signedToken {
            steps.append("JWT claims: iss \(token.issuer), sub \(token.subject), aud \(token.audience); signing certificate \(token.certificates.map(\.keyID).joined(separator: " or ")).")
        }
        steps += [
            "A permission set with access to that principal (External Credential Principal Access), assigned to the user Automated Process (autoproc): without it the callout fails before it leaves the org.",
            "Named Credentials, New: URL \(url), the external credential, Generate Authorization Header on\(rules.clientCertificates.isEmpty ? "" : ", Client Certificate: the pinned one").",
        ]
        return steps.map { String($0.prefix(1024)) }
    }

    private var legacy: [String] {
        var protocols: [String] = []
        if !rules.passwords.isEmpty { protocols.append("Password Authentication") }
        if rules.signedToken != nil { protocols.append("JWT") }
        if rules.accessToken != nil { protocols.append("OAuth 2.0") }
        let name = protocols.isEmpty ? "No Authentication" : protocols.joined(separator: " or ")
        let certificate = rules.clientCertificates.isEmpty ? "" : "Certificate: the pinned one, "
        return [
            "Setup, Security, Named Credentials, New Legacy: URL \(url), \(certificate)Identity Type Named Principal, Authentication Protocol \(name).",
            "Generate Authorization Header on; Allow Merge Fields off.",
        ].map { String($0.prefix(1024)) }
    }

    private var tenantSecret: [String] {
        [
            "Setup, Security, Encryption Settings: Allow Cache-Only Keys with BYOK on; Enable Replay Detection for Cache-Only Keys as well: every requestId is answered.",
            "Setup, Key Management, choose the type, Bring Your Own Key, the certificate, Use a Cache-Only Key: Unique Key Identifier is the kid of one of this endpoint's keys, Named Credential the one above.",
            "Check, beside the key's details, must say that the callout succeeded; `holdfast salesforce callout-check` does the same from here.",
        ]
    }
}
