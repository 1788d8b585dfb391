import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("The options of an endpoint for Workspace client-side encryption") struct KACLSOptionsTests {
    @Test("come back from their document as they were written")
    func roundTrip() throws {
        var options = KACLSOptions()
        options.urls = [try #require(KACLSURL("https://cse.example.com/v1"))]
        options.operations = [.wrap, .unwrap, .rewrap]
        (options.ownerDomains, options.origins) = (["example.com"], ["https://lab.example.com:8443"])
        (options.allowsPrivateNetworkAccess, options.allowsGuests, options.requiresGuestProvider) = (false, true, true)
        options.googleIssuers = [.drive, .migration]
        options.authorizationIssuers = [try IssuerID.random()]
        var provider = KACLSOptions.IdentityProvider(issuer: try IssuerID.random(), audiences: ["true", "1"])
        (provider.vouchesForPrivileged, provider.requiresKeyID) = (true, true)
        options.identityProviders = [provider]
        options.privileged.wrap = ["import@example.com", "domain:admins.example.com"]
        options.privileged.requiresKeyHash = false
        var peer = KACLSOptions.Peer(url: try #require(KACLSURL("https://old.example.com/v1")))
        peer.mayBePrivate = true
        (options.rewrapPeers, options.migrationPeers) = ([peer], [peer])
        (options.clockSkew, options.delegationLifetime) = (.seconds(300), .seconds(120))
        (options.allowsSHA1, options.triesMGF1WithSHA1, options.maxReasonBytes, options.refusesLongReasons) = (true, true, 64, true)
        let text = String(decoding: options.document.json, as: UTF8.self)
        #expect(try KACLSOptions(parsing: text, source: "test") == options)
        #expect(try KACLSOptions(parsing: "{}", source: "test") == KACLSOptions())
    }

    @Test("are refused with the field's name if one is unknown or unfit", arguments: [
        ("surprise: 1", "surprise"), ("urls: [http://cse.example.com]", "urls[0]"), ("urls: [https://u:p@cse.example.com]", "urls[0]"),
        ("origins: [\"*\"]", "origins[0]"), ("origins: [https://a.example.com/path]", "origins[0]"), ("origins: [\"https://*.google.com\"]", "origins[0]"),
        ("origins: [\"null\"]", "origins[0]"), ("operations: [wrap, fly]", "operations[1]"), ("clock_skew_seconds: 301", "clock_skew_seconds"),
        ("delegation_seconds: 901", "delegation_seconds"), ("identity_providers: [{audiences: [x]}]", "identity_providers[0]"),
        ("identity_providers: [{issuer: 0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77, audiences: []}]", "identity_providers[0]"),
        ("authorization: {audiences: []}", "authorization.audiences"), ("privileged: {unwrap: [\"*\"]}", "privileged.unwrap[0]"),
        ("rewrap_peers: [{url: \"http://10.0.0.1\"}]", "rewrap_peers[0].url"),
    ])
    func unfit(text: String, field: String) {
        #expect(performing: { _ = try KACLSOptions(parsing: text, source: "o.yaml") }, throws: { "\($0)".contains(field) })
    }

    @Test("URLs are compared in one form", arguments: [
        ("https://CSE.example.com:443/v1/", "https://cse.example.com/v1"), ("HTTPS://cse.example.com", "https://cse.example.com"),
        ("https://cse.example.com:8443/V1", "https://cse.example.com:8443/V1"), ("http://cse.example.com", nil), ("https://", nil), ("https:///v1", nil),
        ("https://a b", nil), ("https://a?b", nil), ("https://a#b", nil), ("https://a\\b", nil), ("https://x@a", nil), ("https://ä.example", nil),
    ])
    func urls(text: String, form: String?) { #expect(KACLSURL(text)?.description == form) }
}

@Suite("The keys that sign our tokens") struct SigningKeyRingTests {
    @Test("a new key is published at once, signs after its lead, and the old one stays until its tokens are gone")
    func rotation() throws {
        let world = try KeyDatabase()
        let ring = SigningKeyRing(secrets: SecretStore(database: world.database, sealer: world.sealer), clock: world.clock.wall)
        try ring.load()
        #expect(ring.isEmpty && ring.jwks == #"{"keys":[]}"#)
        #expect(throws: StoreError.self) { try ring.sign(["a": 1]) }
        func signer() throws -> String {
            let header = try ring.sign(["a": 1]).split(separator: ".")[0]
            return try JSONValue(parsing: try Base64.decodeURLCanonical(ArraySlice(header.utf8)))["kid"]?.string ?? ""
        }
        func published() throws -> [String] {
            try JSONValue(parsing: Array(ring.jwks.utf8))["keys"]?.array?.compactMap { $0["kid"]?.string } ?? []
        }
        try ring.rotate(after: .seconds(100))
        let first = try signer()
        try ring.rotate(after: .seconds(100))
        #expect(try published() == [first])
        world.clock.advance(by: .seconds(3600))
        try ring.rotate(after: .seconds(100))
        let both = try published()
        #expect(both.count == 2 && both[1] == first)
        #expect(try signer() == first)
        world.clock.advance(by: SigningKeyRing.lead)
        #expect(try signer() == both[0])
        #expect(try published() == both)
        world.clock.advance(by: SigningKeyRing.overlap)
        #expect(try published() == [both[0]])
        // Another node reads the same.
        let other = SigningKeyRing(secrets: SecretStore(database: world.database, sealer: world.sealer), clock: world.clock.wall)
        try other.load()
        #expect(other.jwks == ring.jwks)
        #expect(try world.files(holding: Array("PRIVATE KEY".utf8)).isEmpty)
    }
}
