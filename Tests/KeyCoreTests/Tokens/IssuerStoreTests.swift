import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Issuers in the database") struct IssuerStoreTests {
    let world: KeyDatabase
    init() throws { world = try KeyDatabase() }

    private func issuer(
        _ name: String = "idp", values: [String] = ["https://idp"], keys: Issuer.KeyOrigin = .jwksURL("https://idp.example/jwks"),
        algorithms: Set<SignatureAlgorithm> = [.rs256], _ rules: (inout Issuer.ClaimRules) -> Void = { _ in }
    ) throws -> Issuer {
        var claims = Issuer.ClaimRules()
        rules(&claims)
        return Issuer(id: try IssuerID.random(), name: name, values: values, keys: keys, algorithms: algorithms, claims: claims)
    }

    private func refusal(_ issuer: Issuer) async -> String? {
        do {
            try await world.issuers.create(issuer)
            return nil
        } catch { return error.description }
    }

    @Test("an issuer comes back as it was given, with every rule, and is on the change log")
    func roundTrip() async throws {
        let one = try issuer(values: ["https://idp", "idp \u{22}quoted\u{22}"], algorithms: [.rs256, .es384, .ps512]) { rules in
            rules.requiresVerifiedEmail = false
            rules.allowsMissingKeyID = true
            rules.allowedEmailSuffixes = ["@example.com", ".example.org"]
            rules.maxLifetime = .seconds(600)
        }
        let two = Issuer(
            id: try IssuerID.random(), name: "a", values: ["a"], keys: .pinned(jwks: try TokenTestKey.jwks(TokenFixture.googleKey)),
            isEnabled: false, isDevelopment: true)
        for issuer in [one, two] { #expect(await refusal(issuer) == nil) }
        #expect(try await world.issuers.list() == [two, one])
        #expect(try await world.issuers.find("idp") == one)
        #expect(try await world.issuers.find(two.id.description) == two)
        #expect(try await world.changes() == ["issuer \(one.id)", "issuer \(two.id)"])
        await #expect(throws: StoreError.self) { try await world.issuers.find("' OR 1=1 --") }
    }

    @Test("what an issuer can't be is refused")
    func refused() async throws {
        #expect(await refusal(try issuer()) == nil)
        #expect(await refusal(try issuer()) == "an issuer named “idp” exists already")
        #expect(await refusal(try issuer("a\n"))?.hasPrefix("name: expected a name") == true)
        for values in [[], [""], ["a", ""], [String(repeating: "v", count: 513)]] as [[String]] {
            #expect(await refusal(try issuer("x", values: values))?.hasPrefix("values: expected 1 to 64 values of iss") == true)
        }
        #expect(await refusal(try issuer("x", algorithms: [])) == "algorithms: expected at least one algorithm, as RS256")
        #expect(await refusal(try issuer("x") { $0.maxLifetime = .zero }) != nil)
        for suffix in ["", "@", "example.com", "gcp-sa-ekms.iam.gserviceaccount.com", "@" + String(repeating: "x", count: 320)] {
            #expect(await refusal(try issuer("x") { $0.allowedEmailSuffixes = [suffix] })?.hasPrefix("allowed_email_suffixes: expected e-mails' ends") == true)
        }
        for jwks in ["", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#] {
            #expect(await refusal(try issuer("x", keys: .pinned(jwks: jwks))) != nil)
        }
        #expect(try await world.issuers.list().count == 1)
    }

    @Test("N14 an address that is not https:// and a host is refused", arguments: [
        "http://idp.example/jwks", "file:///etc/passwd", "https:", "https://", "https:///jwks", "ftp://x", "HTTPS://idp.example", " https://idp.example",
        "https://idp.example/\n", "https://idp.example/a b", "https://user:pass@idp.example/jwks", "https://idp.example@evil.example/", "https://idp\\evil/",
        "https://b\u{FC}cher.example/", "https://idp.example/\0", "", "gopher://x", "//idp.example", "https://" + String(repeating: "x", count: 2048),
    ])
    func addresses(url: String) async throws {
        #expect(await refusal(try issuer(keys: .jwksURL(url)))?.contains("begins with https://") == true)
    }

    @Test("enabling and disabling is kept and on the change log")
    func enabled() async throws {
        let issuer = try issuer(), unknown = try IssuerID.random()
        try await world.issuers.create(issuer)
        for isEnabled in [false, true] {
            try await world.issuers.setEnabled(isEnabled, of: issuer.id)
            #expect(try await world.issuers.list().map(\.isEnabled) == [isEnabled])
        }
        #expect(try await world.changes().count == 3)
        await #expect(throws: StoreError.self) { try await world.issuers.setEnabled(true, of: unknown) }
    }

    @Test("a rule that can't be read is reported, and doesn't become a weaker one", arguments: [
        (#""requiresVerifiedEmail":true"#, #""requiresVerifiedEmail":"yes""#), (#""allowedEmailSuffixes":["@a.b"]"#, #""allowedEmailSuffixes":[1]"#),
        (#""allowedEmailSuffixes":["@a.b"]"#, #""allowedEmailSuffixes":"@a.b""#), (#""allowsMissingKeyID":false"#, #""x":false"#),
        (#""maxLifetimeSeconds":86400"#, #""maxLifetimeSeconds":"day""#), (#""maxLifetimeSeconds":86400"#, #""maxLifetimeSeconds":-1"#),
        (#""jwksURL":"#, #""url":"#), (#""values":["https://idp"]"#, #""values":"https://idp""#),
    ])
    func corrupt(from: String, to: String) async throws {
        try await world.issuers.create(try issuer { $0.allowedEmailSuffixes = ["@a.b"] })
        let document = try #require(try await world.database.query("SELECT document FROM issuers").first).text("document")
        #expect(document.contains(from))
        try await world.database.execute("UPDATE issuers SET document = $1", [.text(document.replacing(from, with: to))])
        await #expect(throws: StoreError.self) { try await world.issuers.list() }
    }
}
