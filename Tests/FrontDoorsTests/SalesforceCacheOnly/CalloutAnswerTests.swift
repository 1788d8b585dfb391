import FrontDoors
import KeyCore
import NIOHTTP1
import TestSupport
import Testing

@testable import Primitives

@Suite("Salesforce callout: the answer") struct CalloutAnswerTests {
    @Test("SFC-1 SFC-2 GET with valid credentials gives 200 and the string members kid and jwe only; kid is the one asked for")
    func answer() async throws {
        let door = try await SalesforceFixture()
        let reply = await door.callout()
        #expect(reply.status == 200)
        #expect(reply.json?.object?.map(\.name).sorted() == ["jwe", "kid"])
        #expect(reply["kid"] == SalesforceFixture.identifier)
        #expect(try door.judge(reply).verdict == .success)
    }

    @Test("SFC-2 the identifier is taken after percent-decoding, byte for byte; the slash at the end of a named credential's URL does no harm", arguments: [
        ("/sfdc/org-1/Key.A_1-x", 200), ("/sfdc/org-1//Key.A_1-x", 200), ("/sfdc/org-1/%4Bey%2eA_1%2Dx", 200), ("/sfdc/org-1/key.a_1-x", 404),
    ])
    func identifier(target: String, status: Int) async throws {
        let door = try await SalesforceFixture(.init(identifier: "Key.A_1-x"))
        let reply = await door.call(target, authorization: door.basic)
        #expect(reply.status == status)
        #expect(status != 200 || reply["kid"] == "Key.A_1-x")
    }

    @Test("SFC-3 SFC-4 the JWE has five parts of unpadded base64url, and without requestId exactly alg, enc, kid in its header")
    func parts() async throws {
        let door = try await SalesforceFixture()
        let jwe = try #require(await door.callout()["jwe"])
        let parts = jwe.split(separator: ".", omittingEmptySubsequences: false)
        #expect(parts.count == 5)
        #expect(parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") } })
        let header = String(decoding: try CompactJWE.Parts(jwe).header, as: UTF8.self)
        #expect(header == #"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"\#(SalesforceFixture.identifier)"}"#)
    }

    @Test("SFC-5 with a requestId the header has exactly alg, enc, kid, jti, and jti is that nonce")
    func nonce() async throws {
        let door = try await SalesforceFixture()
        let nonce = "e5ab58fd2ced013f2a46d5c8144dd439"
        let reply = await door.callout(nonce: nonce)
        let header = String(decoding: try CompactJWE.Parts(try #require(reply["jwe"])).header, as: UTF8.self)
        #expect(header == #"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"\#(SalesforceFixture.identifier)","jti":"\#(nonce)"}"#)
        #expect(try door.judge(reply, nonce: nonce).verdict == .success)
        #expect(try door.judge(reply, nonce: "e5ab58fd2ced013f2a46d5c8144dd43a").verdict == .replay)
    }

    @Test("SFC-6 the content key opens with OAEP and SHA-1 under the org's certificate, not with SHA-256")
    func oaep() async throws {
        let door = try await SalesforceFixture()
        let parts = try CompactJWE.Parts(try #require(await door.callout()["jwe"]))
        #expect(parts.encryptedKey.count == 512)
        #expect(try door.org.privateKey.decrypt(parts.encryptedKey, with: OAEP(.sha1)).count == 32)
        #expect(throws: KeyUseError.undecryptable) { try door.org.privateKey.decrypt(parts.encryptedKey, with: OAEP(.sha256)).count }
    }

    @Test("SFC-7 SFC-8 a nonce of 12 bytes, a tag of 16, a key of 32, and the first part as it was sent is what the tag is about")
    func sizes() async throws {
        let door = try await SalesforceFixture()
        let jwe = try #require(await door.callout()["jwe"])
        let parts = try CompactJWE.Parts(jwe)
        #expect((parts.nonce.count, parts.tag.count, parts.ciphertext.count) == (12, 16, 32))
        #expect(parts.associatedData == Array(jwe.prefix { $0 != "." }.utf8))
        #expect(try parts.open(with: try door.org.privateKey).count == 32)
        let content = try parts.contentKey(with: try door.org.privateKey)
        #expect(throws: AEADError.unauthentic) {
            try AES256GCM.open(parts.nonce + parts.ciphertext + parts.tag, key: content, aad: parts.header).count
        }
    }

    @Test("SFC-9 with the reference's content key, nonce and seed its worked vector comes out, bit for bit, from the whole door")
    func vector() async throws {
        let source = FakeKeySource(keepsMaterial: true)
        source.generates(CalloutVector.key)
        let door = try await SalesforceFixture(.init(
            change: { $0.certificates = [try CalloutVector.certificate()] }, source: source, draw: { CalloutVector.randomness() }))
        let reply = await door.callout(nonce: CalloutVector.nonce)
        #expect(String(decoding: reply.body, as: UTF8.self) == CalloutVector.body)
        #expect(reply.body.count == 983)
        let without = await door.callout()
        #expect(without["jwe"] == CalloutVector.jweWithoutNonce)
    }

    @Test("SFC-10 two answers for one identifier share the key, and nothing else")
    func fresh() async throws {
        let door = try await SalesforceFixture()
        let (first, second) = (await door.callout(), await door.callout())
        let (one, two) = (try CompactJWE.Parts(try #require(first["jwe"])), try CompactJWE.Parts(try #require(second["jwe"])))
        #expect(one.nonce != two.nonce)
        #expect(one.encryptedKey != two.encryptedKey)
        #expect(one.ciphertext != two.ciphertext)
        let contents = try (one.contentKey(with: door.org.privateKey).exposedCopy(), two.contentKey(with: door.org.privateKey).exposedCopy())
        #expect(contents.0 != contents.1)
        #expect(try door.judge(first).fingerprint == door.judge(second).fingerprint)
    }

    @Test("SFC-11 the answer is JSON, not to be stored, and leads nowhere else")
    func headers() async throws {
        let door = try await SalesforceFixture()
        let reply = await door.callout()
        #expect(reply.header("content-type") == "application/json; charset=utf-8")
        #expect(reply.header("cache-control") == "no-store")
        #expect(reply.header("location") == nil && reply.header("transfer-encoding") == nil && reply.header("content-encoding") == nil)
    }

    @Test("SFC-12 Salesforce's own Accept field, or none, or one that lists only pictures, gets the key", arguments: [
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", nil, "image/png",
    ])
    func accept(field: String?) async throws {
        let door = try await SalesforceFixture()
        var headers = SalesforceFixture.headers
        headers.remove(name: "Accept")
        if let field { headers.add(name: "Accept", value: field) }
        #expect(await door.call("/sfdc/org-1/\(SalesforceFixture.identifier)", authorization: door.basic, headers: headers).status == 200)
    }

    @Test("SFC-22 other methods get 405 and are told that GET is the one", arguments: ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
    func method(name: String) async throws {
        let door = try await SalesforceFixture()
        let reply = await door.call("/sfdc/org-1/\(SalesforceFixture.identifier)", authorization: door.basic, method: .init(rawValue: name))
        #expect(reply.status == 405)
        #expect(reply.header("allow") == "GET")
    }
}
