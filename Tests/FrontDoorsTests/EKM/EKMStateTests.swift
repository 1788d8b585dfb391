import FrontDoors
import KeyCore
import Plugins
import TestSupport
import Testing

@testable import Primitives

@Suite("Google EKM states and caches") struct EKMStateTests {
    @Test("EKM-31 a disabled endpoint gives 403, a paused one 503; enabled again it opens earlier blobs")
    func endpointStates() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        for (state, status, code) in [(EndpointState.disabled, 403, 7), (.paused, 503, 14), (.active, 200, nil), (.disabled, 403, 7), (.active, 200, nil)] as [(EndpointState, Int, Int64?)] {
            try await ekm.endpoints.setState(state, of: ekm.endpointID)
            try await ekm.reload()
            for reply in [try await ekm.wrap(), try await ekm.unwrap(blob)] { #expect(reply.status == status && reply.code == code) }
            if status != 200 { #expect(try await ekm.call("asymmetricSign", "{}").status == status) }
            #expect(try await ekm.call("\(ekm.path):wrap", "{}", token: nil).status == 401, "strangers learn no state")
        }
        #expect(ekm.audit.records.contains { $0.cause == "endpoint-disabled" && $0.outcome == .refused })
        #expect(ekm.audit.records.contains { $0.cause == "endpoint-paused" && $0.outcome == .failed })
    }

    @Test("EKM-32 after rotation new wraps carry the new version, old blobs unwrap, the URI stays; a new endpoint over the key opens them")
    func rotation() async throws {
        let ekm = try await EKMFixture()
        let path = ekm.path
        let old = try await ekm.blob()
        _ = try await ekm.keys.rotate(ekm.key.id, source: EmbeddedKeySource())
        try await ekm.reload()
        let new = try await ekm.blob()
        #expect(WrappedBlob(old)?.header.version == 1 && WrappedBlob(new)?.header.version == 2)
        #expect(ekm.path == path && ekm.audit.records.last?.keyVersion == 2)
        let second = try await ekm.addEndpoint("second")
        for blob in [old, new] {
            #expect(try await ekm.unwrap(blob).bytes("plaintext") == Array("dek".utf8))
            #expect(try await ekm.unwrap(blob, path: second).bytes("plaintext") == Array("dek".utf8))
        }
    }

    @Test("N24 a suspended version is refused with 403 and a destroyed one with 404, whatever was cached")
    func keyStates() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        func change(_ state: KeyState) async throws {
            _ = try await ekm.keys.setState(state, of: ekm.key.id, version: 1)
            try await ekm.reload()
        }
        try await change(.suspended)
        #expect(try await ekm.unwrap(blob).status == 403)
        #expect(try await ekm.wrap().status == 403)
        try await change(.active)
        #expect(try await ekm.unwrap(blob).status == 200)
        try await change(.deactivated)
        #expect(try await ekm.unwrap(blob).status == 200)
        let reply = try await ekm.wrap()
        #expect(reply.status == 400 && reply.code == 9)
        try await change(.destroyed)
        for reply in [try await ekm.unwrap(blob), try await ekm.wrap()] { #expect(reply.status == 404 && reply.code == 5) }
    }

    @Test("N24 invalidating one key is enough, also while it is being loaded")
    func invalidation() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        for _ in 0..<50 {
            async let loading = ekm.unwrap(blob)
            ekm.cache.invalidate(ekm.key.id)
            _ = try await loading
        }
        _ = try await ekm.keys.setState(.suspended, of: ekm.key.id, version: 1)
        ekm.cache.invalidate(ekm.key.id)
        #expect(try await ekm.unwrap(blob).status == 403)
    }

    @Test("N24 a disabled issuer's tokens are refused with 401, those seen before too; enabled again they pass")
    func issuerDisabled() async throws {
        let ekm = try await EKMFixture()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        for (isEnabled, status) in [(true, 200), (false, 401), (true, 200), (false, 401)] {
            try await ekm.issuers.setEnabled(isEnabled, of: ekm.issuer.id)
            try await ekm.reload()
            #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == status)
        }
    }

    @Test("N24 a key that its issuer withdraws takes the tokens along that it signed, cached ones too")
    func keyWithdrawn() async throws {
        let ekm = try await EKMFixture()
        let next = try EKMTestIssuer.googleNext.get()
        let token = try ekm.token.signed(by: try EKMTestIssuer.google.get())
        #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 200)
        ekm.jwksHost.serve(try EKMTestIssuer.jwks([next]))
        ekm.clock.advance(by: .seconds(61))
        #expect(try await ekm.status(EKMTestToken(now: ekm.clock.now, keyID: "google-2"), by: next) == 200, "which fetches the new set")
        #expect(try await ekm.call("\(ekm.path):wrap", #"{"plaintext":"ZGVr"}"#, token: token).status == 401)
    }

    @Test("N24 a policy that is saved anew decides the next request, also for a token verified before")
    func policySaved() async throws {
        let ekm = try await EKMFixture()
        #expect(try await ekm.wrap().status == 200)
        let stricter = EKMFixture.openPolicy.replacing(EKMTestToken.client, with: "other@example.com")
        _ = try await ekm.policies.save(try AccessPolicy(parsing: stricter, source: "p.yaml"), name: "test")
        try await ekm.reload()
        #expect(try await ekm.wrap().status == 403)
    }

    @Test("a deleted endpoint gives 404 to whom another endpoint knows, and 401 when there is none")
    func deleted() async throws {
        let ekm = try await EKMFixture()
        let path = ekm.path
        let second = try await ekm.addEndpoint("second")
        try await ekm.endpoints.delete(ekm.endpointID)
        try await ekm.reload()
        #expect(try await ekm.wrap(path: path).status == 404)
        #expect(try await ekm.wrap(path: second).status == 200)
    }
}
