import FrontDoors
import KeyCore
import Plugins
import TestSupport
import Testing

@testable import Primitives

@Suite("Wrapped blobs in the wrong place") struct EKMBlobTests {
    @Test("N51 a blob of another key, or with another key's id written into it, gives 400")
    func otherKey() async throws {
        let ekm = try await EKMFixture()
        let twin = try await ekm.keys.create(name: "twin", purpose: .wrap, algorithm: .aes256, source: EmbeddedKeySource())
        let other = try await ekm.addEndpoint("other", key: twin.id)
        let (mine, theirs) = (try await ekm.blob(), try await ekm.blob(path: other))
        #expect(try await ekm.unwrap(theirs).status == 400)
        #expect(try await ekm.unwrap(mine, path: other).status == 400)
        var forged = theirs
        forged.replaceSubrange(3..<19, with: ekm.key.id.bytes.array)
        let reply = try await ekm.unwrap(forged)
        #expect(reply.status == 400 && reply.code == 3)
        #expect(try await ekm.unwrap(theirs, path: other).status == 200)
    }

    @Test("N51 a token for one tenant's host name is none at another's endpoint, over the same key too")
    func otherTenant() async throws {
        let ekm = try await EKMFixture()
        let other = try await ekm.addEndpoint("other", hostname: "other.example.com")
        let blob = try await ekm.blob()
        #expect(try await ekm.unwrap(blob, path: other).status == 401)
        let token = try ekm.token.with(["aud": #""https://other.example.com""#]).signed(by: try EKMTestIssuer.google.get())
        #expect(try await ekm.call("\(other):unwrap", EKMFixture.body("wrappedBlob", Base64.string(blob)), token: token).status == 200)
        #expect(try await ekm.call("\(ekm.path):unwrap", EKMFixture.body("wrappedBlob", Base64.string(blob)), token: token).status == 401)
    }

    @Test("N51 a blob made for another protocol, with the same AAD, gives 400")
    func otherLabel() async throws {
        let ekm = try await EKMFixture()
        let policy = try #require(ekm.snapshot.endpoints.first).policy
        let grant = try policy.authorize(AccessRequest(.wrap, of: ekm.key.id, by: EKMTestToken.client, at: ekm.clock.now))
        let record = AuditRecord(AuditEvent("test.wrap"), .failed, at: ekm.clock.now)
        for (label, status) in [(DomainLabel.kacls, 400), (.ekm, 200)] {
            let blob = try await ekm.service.wrap(SecretBytes(copying: [1]), aad: [2], label: label, under: grant, recording: record, since: 0)
            #expect(try await ekm.unwrap(blob, aad: [2]).status == status)
        }
    }

    @Test("N51 every truncation, and any byte more, gives 400")
    func truncated() async throws {
        let ekm = try await EKMFixture()
        let blob = try await ekm.blob()
        for count in 1..<blob.count { #expect(try await ekm.unwrap(Array(blob.prefix(count))).status == 400) }
        #expect(try await ekm.unwrap(blob + [0]).status == 400)
        #expect(try await ekm.unwrap([0] + blob).status == 400)
    }

    @Test("N51 another version's number, an unknown version, and another algorithm give 400")
    func downgrade() async throws {
        let ekm = try await EKMFixture()
        _ = try await ekm.keys.rotate(ekm.key.id, source: EmbeddedKeySource())
        try await ekm.reload()
        let blob = try await ekm.blob()
        for (place, value) in [(22, 1), (22, 3), (22, 0), (19, 0x80), (23, 2), (23, 0), (23, 3), (2, 0), (2, 2), (0, 0)] as [(Int, UInt8)] {
            var changed = blob
            changed[place] = value
            let reply = try await ekm.unwrap(changed)
            #expect(reply.status == 400 && reply.code == 3, "byte \(place) = \(value)")
        }
        #expect(try await ekm.unwrap(blob).status == 200)
    }

    @Test("N51 label, header and AAD can't be shifted into each other: any two different triples bind different bytes")
    func binding() throws {
        let header = WrappedBlob.Header(keyID: try KeyID.random(), version: 1, algorithm: .xaes256GCM).bytes
        let bound = [DomainLabel.ekm, .kacls].flatMap { label in
            [[], [0], [0, 0], header, [UInt8]("holdfast/ekm".utf8)].map { WrappedBlob.associatedData(label: label, header: header, aad: $0) }
        }
        #expect(Set(bound).count == bound.count)
    }
}
