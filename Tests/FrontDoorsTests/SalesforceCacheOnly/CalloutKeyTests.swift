import Foundation
import FrontDoors
import KeyCore
import TestSupport
import Testing

@testable import Primitives

@Suite("Salesforce callout: which key") struct CalloutKeyTests {
    @Test("SFC-19 unknown, disabled, not yet valid, expired, suspended and destroyed identifiers get one and the same 404")
    func notFound() async throws {
        let door = try await SalesforceFixture()
        func add(_ name: String, notBefore: Instant? = nil, notAfter: Instant? = nil) async throws -> Key {
            let key = try await door.keys.create(name: name, purpose: .cacheOnly, algorithm: .aes256, source: door.source)
            _ = try await door.add(name, of: 1, of: key.id, notBefore: notBefore, notAfter: notAfter)
            return key
        }
        _ = try await add("disabled")
        try await door.setEnabled(false, "disabled")
        _ = try await add("early", notBefore: door.clock.now + .seconds(60))
        _ = try await add("late", notAfter: door.clock.now)
        _ = try await door.keys.setState(.suspended, of: try await add("suspended").id, version: 1)
        let destroyed = try await add("destroyed").id
        _ = try await door.keys.setState(.deactivated, of: destroyed, version: 1)
        _ = try await door.keys.setState(.destroyed, of: destroyed, version: 1)
        try await door.reload()
        let unknown = await door.callout("unknown")
        #expect(unknown.status == 404)
        for name in ["disabled", "early", "late", "suspended", "destroyed"] {
            let reply = await door.callout(name)
            #expect(reply.status == 404, "\(name)")
            #expect(reply.body == unknown.body && reply.headers.map(\.name) == unknown.headers.map(\.name), "\(name)")
        }
        #expect(door.records.suffix(6).map(\.cause) == [
            "identifier-unknown", "identifier-disabled", "identifier-time", "identifier-time", "key-suspended", "key-not-found",
        ])
        door.clock.advance(by: .seconds(61))
        #expect(await door.callout("early").status == 200)
    }

    @Test("a stopped identifier is handed out again when it is enabled again, with the same key")
    func killSwitch() async throws {
        let door = try await SalesforceFixture()
        let before = try door.judge(await door.callout()).fingerprint
        try await door.setEnabled(false, SalesforceFixture.identifier)
        try await door.reload()
        #expect(await door.callout().status == 404)
        try await door.setEnabled(true, SalesforceFixture.identifier)
        try await door.reload()
        #expect(try door.judge(await door.callout()).fingerprint == before)
    }

    @Test("a disabled endpoint answers 404, a paused one 503, to whoever proves to be its org; to others 401")
    func endpointState() async throws {
        let door = try await SalesforceFixture()
        for (state, status) in [(EndpointState.disabled, 404), (.archived, 404), (.paused, 503), (.active, 200)] {
            try await door.endpoints.setState(state, of: door.endpointID)
            try await door.reload()
            #expect(await door.callout().status == status)
            #expect(await door.status("Basic eDp5") == 401)
        }
    }

    @Test("SFC-20 a malformed identifier or requestId gets 400", arguments: [
        "a%2Fb", "a%00b", "a:b", "a~b", "%zz", "a%2", "%C3%A9", ".", "..", "%2e%2e", "a b", "a+b", "", String(repeating: "a", count: 256),
        "k?requestId=", "k?requestId=a%20b", "k?requestId=a+b", "k?requestId=%zz", "k?requestId=a&requestId=a", "k?requestId",
        "k?requestId=a%2F", "k?requestId=\(String(repeating: "a", count: 129))", "k?x=1&requestId=é",
    ])
    func malformed(segment: String) async throws {
        let door = try await SalesforceFixture(.init(identifier: "k"))
        let reply = await door.call("/sfdc/org-1/\(segment)", authorization: door.basic)
        #expect(reply.status == 400)
        #expect(String(decoding: reply.body, as: UTF8.self) == #"{"error":"bad_request"}"#)
        #expect(await door.call("/sfdc/org-1/\(segment)", authorization: nil).status == 401)
    }

    @Test("other parameters, and any nonce of 1 to 128 unreserved characters, are fine", arguments: [
        "?", "?x=1", "?requestid=%zz", "?requestId=a", "?x=1&requestId=A-b.c_d~9&y", "?request%49d=b", "?requestId=\(String(repeating: "f", count: 128))",
    ])
    func tolerated(query: String) async throws {
        let door = try await SalesforceFixture(.init(identifier: "k"))
        #expect(await door.call("/sfdc/org-1/k\(query)", authorization: door.basic).status == 200)
    }

    @Test("an endpoint that requires a requestId refuses a callout without one")
    func required() async throws {
        let door = try await SalesforceFixture(.init(change: { $0.requiresNonce = true }))
        #expect(await door.callout().status == 400)
        #expect(await door.callout(nonce: "a").status == 200)
    }

    @Test("SFC-21 a requestId that comes again within its time gets 400 and a record; at another endpoint, or later, it is accepted")
    func replay() async throws {
        let door = try await SalesforceFixture()
        let other = try await door.addOrg("org-2", identifier: "theirs")
        #expect(await door.callout(nonce: "n1").status == 200)
        #expect(await door.callout(nonce: "n1").status == 400)
        #expect(door.records.last?.cause == "request-id-repeated")
        #expect(door.records.last?.callerRequestID == "n1")
        #expect(await door.call("/sfdc/org-2/theirs?requestId=n1", authorization: SalesforceFixture.basic("org-2", other.password)).status == 200)
        #expect(await door.callout(nonce: "n2").status == 200)
        door.clock.advance(by: .seconds(15 * 60 + 1))
        #expect(await door.callout(nonce: "n1").status == 200)
    }

    @Test("SFC-21 a requestId is remembered for as long as the token that came with it could be shown again")
    func memoryOfTokens() async throws {
        var options = SalesforceFixture.Options(usesPassword: false)
        options.change = { own in
            own.nonceMemory = .seconds(60)
            own.authentication.signedToken = PinnedTokenRules(
                issuer: SalesforceFixture.organization, subject: "consumer-key", audience: "https://keys.example.com/org-1",
                certificates: [.init(keyID: "Signer_1", certificate: try SalesforceOrg.shared.get().certificate("signer"))])
        }
        let door = try await SalesforceFixture(options)
        let now = door.clock.now.seconds
        let token = try door.token.with("iat", "\(now)").with("exp", "\(now + 890)").signed(by: door.org.signingKey)
        let target = "/sfdc/org-1/\(SalesforceFixture.identifier)?requestId=n1"
        #expect(await door.call(target, authorization: "Bearer \(token)").status == 200)
        for _ in 0..<7 {
            door.clock.advance(by: .seconds(120))
            #expect(await door.call(target, authorization: "Bearer \(token)").status == 400)
        }
        let snapshot = try await door.endpoints.snapshot()
        #expect(snapshot.longestNonceMemory == .seconds(86_400))
        #expect(snapshot.endpoints[0].salesforce?.options.nonceMemory(issuers: []) == .seconds(920))
    }

    @Test("SFC-21 a restart forgets no requestId")
    func restart() async throws {
        let folder = try EKMScratch()
        var door: SalesforceFixture? = try await SalesforceFixture(.init(), folder: folder)
        #expect(await door?.callout(nonce: "n1").status == 200)
        let (database, endpoint, now) = (try #require(door?.database), try #require(door?.endpointID), try #require(door?.clock.now))
        let fresh = NonceStore(database: database)
        #expect(try await fresh.remember([
            .init(endpoint: endpoint, nonce: "n1", at: now, forgottenBefore: now - .seconds(900)),
            .init(endpoint: endpoint, nonce: "n2", at: now, forgottenBefore: now - .seconds(900)),
            .init(endpoint: endpoint, nonce: "n2", at: now, forgottenBefore: now - .seconds(900)),
        ]) == [false, true, false])
        door = nil
    }

    @Test("remembered nonces are bounded: old ones go, and of a crowd the oldest")
    func sweep() async throws {
        let door = try await SalesforceFixture()
        let store = NonceStore(database: door.database)
        let start = door.clock.now
        let sightings = (0..<20).map { number in
            NonceStore.Sighting(endpoint: door.endpointID, nonce: "n\(number)", at: start + .seconds(number), forgottenBefore: start)
        }
        _ = try await store.remember(sightings)
        try await store.sweep(before: start + .seconds(5), capacity: 10)
        #expect(try await door.database.query("SELECT nonce FROM salesforce_nonces ORDER BY seen_at").map { try $0.text("nonce") }
            == (10..<20).map { "n\($0)" })
    }

    @Test("of many callouts at once with one requestId one is answered")
    func race() async throws {
        let door = try await SalesforceFixture()
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { await door.callout(nonce: "same").status } }
            return await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 200 } == 1)
        #expect(statuses.count { $0 == 400 } == 19)
    }

    @Test("SFC-23 with the remote key source away keys are handed out, those never served before too")
    func sourceAway() async throws {
        let source = EKMTestKeySource(FakeKeySource(keepsMaterial: true))
        let door = try await SalesforceFixture(.init(source: source))
        #expect(await door.callout().status == 200)
        source.become(.fails(.unavailable("no route")))
        #expect(await door.callout().status == 200)
        door.cache.invalidateAll()
        source.become(.stalls(.seconds(3600)))
        #expect(await door.callout().status == 200)
        #expect(source.uses == 0)
    }

    @Test("SFC-25 only AES keys of 256 bits for the purpose cache-only get an identifier")
    func purpose() async throws {
        let door = try await SalesforceFixture()
        let wrapping = try await door.keys.create(name: "wrapping", purpose: .wrap, algorithm: .aes256, source: door.source)
        await #expect(throws: StoreError.self) { try await door.add("w", of: 1, of: wrapping.id) }
        await #expect(throws: StoreError.self) {
            try await door.keys.create(name: "rsa", purpose: .cacheOnly, algorithm: .rsa2048, source: door.source)
        }
        // What a source that keeps its material to itself leaves here is no key: it would stand between Salesforce and its key.
        let distant = FakeKeySource(KeySourceID("hsm"), isLocal: false)
        let locked = try await door.keys.create(name: "locked", purpose: .cacheOnly, algorithm: .aes256, source: distant)
        await #expect(throws: StoreError.self) {
            var draft = CacheOnlyKeyDraft()
            draft.keyID = locked.id
            _ = try await door.identifiers.add(draft, at: door.endpointID, sources: [door.source, distant])
        }
        let short = FakeKeySource()
        short.generates([UInt8](repeating: 1, count: 16))
        let key = try await door.keys.create(name: "short", purpose: .cacheOnly, algorithm: .aes256, source: short)
        _ = try await door.add("short", of: 1, of: key.id)
        try await door.reload()
        #expect(await door.callout("short").status == 503)
    }

    @Test("SFC-26 an identifier keeps its key for ever; rotation is a new identifier, and the old one is served on")
    func immutable() async throws {
        let door = try await SalesforceFixture()
        let before = try door.judge(await door.callout()).fingerprint
        _ = try await door.keys.rotate(door.key.id, source: door.source)
        await #expect(throws: StoreError.self) {
            try await door.add(SalesforceFixture.identifier, of: 2, of: door.key.id)
        }
        await #expect(throws: StoreError.self) { try await door.add("again", of: 1, of: door.key.id) }
        let next = try await door.add(nil, of: 2, of: door.key.id)
        try await door.reload()
        #expect(try door.judge(await door.callout()).fingerprint == before)
        let rotated = try door.judge(await door.callout(next.identifier), next.identifier)
        #expect(rotated.verdict == .success)
        #expect(rotated.fingerprint != before)
    }

    @Test("SFC-26 nor does it get another key by way of deleting its endpoint and making one at the same place")
    func tombstone() async throws {
        let door = try await SalesforceFixture()
        try await door.endpoints.delete(door.endpointID)
        let policy = try await door.policies.find("org-1").id
        let key = try await door.keys.create(name: "other", purpose: .cacheOnly, algorithm: .aes256, source: door.source)
        var own = CacheOnlyOptions(organization: SalesforceFixture.organization, certificates: [try door.org.certificate("byok")])
        own.authentication.clientCertificates = [try door.org.fingerprint("client")]
        var draft = EndpointDraft(name: "again", hostnames: ["keys.example.com"], keyID: key.id, policyID: policy, issuers: [])
        (draft.door, draft.path, draft.salesforce) = (.salesforce, "sfdc/org-1", own)
        let endpoint = try await door.endpoints.create(draft)
        await #expect(throws: StoreError.self) {
            try await door.add(SalesforceFixture.identifier, of: 1, of: key.id, at: endpoint)
        }
        _ = try await door.add("new", of: 1, of: key.id, at: endpoint)
    }

    /// An endpoint at that path, with a key of its own.
    private func place(_ door: SalesforceFixture, _ name: String, at path: String) async throws -> (endpoint: EndpointID, key: KeyID) {
        let key = try await door.keys.create(name: name, purpose: .cacheOnly, algorithm: .aes256, source: door.source)
        var own = CacheOnlyOptions(organization: SalesforceFixture.organization, certificates: [try door.org.certificate("byok")])
        own.authentication.clientCertificates = [try door.org.fingerprint("client")]
        var draft = EndpointDraft(
            name: name, hostnames: ["keys.example.com"], keyID: key.id, policyID: try await door.policies.find("org-1").id, issuers: [])
        (draft.door, draft.path, draft.salesforce) = (.salesforce, path, own)
        return (try await door.endpoints.create(draft), key.id)
    }

    private func move(_ door: SalesforceFixture, _ endpoint: EndpointID, to path: String) async throws {
        var change = EndpointChange()
        change.path = path
        _ = try await door.endpoints.update(endpoint, change)
    }

    @Test("SFC-26 nor by way of moving endpoints: what was served under a URL is the only key that ever is")
    func moved() async throws {
        let door = try await SalesforceFixture(.init(identifier: "k"))
        try await move(door, door.endpointID, to: "sfdc/elsewhere")
        // Another comes to its first place, and to its second when it is gone.
        let (other, key) = try await place(door, "other", at: "sfdc/org-1")
        await #expect(throws: StoreError.self) { try await door.add("k", of: 1, of: key, at: other) }
        try await move(door, other, to: "sfdc/third")
        _ = try await door.add("k", of: 1, of: key, at: other)
        await #expect(throws: StoreError.self) { try await self.move(door, other, to: "sfdc/org-1") }
        try await door.endpoints.delete(door.endpointID)
        for path in ["sfdc/org-1", "sfdc/elsewhere"] {
            await #expect(throws: StoreError.self) { try await self.move(door, other, to: path) }
        }
        let (last, lastKey) = try await place(door, "last", at: "sfdc/elsewhere")
        await #expect(throws: StoreError.self) { try await door.add("k", of: 1, of: lastKey, at: last) }
    }

    @Test("SFC-26 an identifier comes back at its place with the key that it had, when its endpoint was deleted")
    func bindingAgain() async throws {
        let door = try await SalesforceFixture(.init(identifier: "k"))
        let before = try door.judge(await door.callout("k"), "k").fingerprint
        try await door.endpoints.delete(door.endpointID)
        let (endpoint, _) = try await place(door, "again", at: "sfdc/org-1")
        _ = try await door.add("k", of: 1, of: door.key.id, at: endpoint)
        try await door.reload()
        let client = SalesforceFixture.tls(client: try door.org.certificate("client").der)
        let reply = await door.call("/sfdc/org-1/k", authorization: nil, tls: client)
        #expect(try door.judge(reply, "k").fingerprint == before)
    }

    @Test("what can't be read of one org's endpoint is answered 503 there, and nowhere else", arguments: ["identifier", "options"])
    func unreadable(part: String) async throws {
        let door = try await SalesforceFixture()
        let other = try await door.addOrg("org-2", identifier: "theirs")
        let id = SQLValue.text(other.endpoint.description)
        if part == "identifier" {
            try await door.database.execute("UPDATE salesforce_keys SET key_id = 'x' WHERE endpoint_id = $1", [id])
        } else {
            try await door.database.execute("UPDATE endpoints SET options = '{}' WHERE id = $1", [id])
        }
        try await door.reload()
        #expect(await door.callout().status == 200)
        #expect(await door.call("/sfdc/org-2/theirs", authorization: SalesforceFixture.basic("org-2", other.password)).status == 503)
        let snapshot = try await door.endpoints.snapshot()
        #expect(snapshot.endpoints.filter { !$0.isReadable }.map(\.id) == [other.endpoint])
        #expect(snapshot.faults.count == 1 && snapshot.faults[0].contains("org-2"), "\(snapshot.faults)")
    }

    @Test("SFC-27 the certificate of an identifier can be changed to another of the org's; the next answer uses it, and it can be changed back")
    func certificates() async throws {
        let door = try await SalesforceFixture(.init(change: { own in
            own.certificates = [try SalesforceOrg.shared.get().certificate("byok"), try SalesforceOrg.shared.get().certificate("next")]
        }))
        #expect(try door.judge(await door.callout()).verdict == .success)
        try await door.setCertificate("next", of: SalesforceFixture.identifier)
        try await door.reload()
        let after = await door.callout()
        #expect(try door.judge(after, with: try door.org.nextPrivateKey).verdict == .success)
        #expect(try door.judge(after).verdict == .malformedContentKey)
        await #expect(throws: StoreError.self) {
            try await door.setCertificate("small", of: SalesforceFixture.identifier)
        }
        try await door.setCertificate("byok", of: SalesforceFixture.identifier)
        try await door.reload()
        #expect(try door.judge(await door.callout()).verdict == .success)
    }

    @Test("SFC-28 a certificate that isn't RSA-4096, or has expired, is refused", arguments: ["small", "expired"])
    func badCertificate(name: String) async throws {
        await #expect(throws: StoreError.self) {
            try await SalesforceFixture(.init(change: { $0.certificates = [try SalesforceOrg.shared.get().certificate(name)] }))
        }
    }

    @Test("what can't be read of an endpoint's options stops it from being served, not only that part", arguments: [
        "organization", "passwords", "signedToken", "accessToken", "clientCertificates", "certificates", "requiresNonce", "nonceMemorySeconds",
        "allowsAnyCertificate",
    ])
    func corrupt(member: String) throws {
        var own = CacheOnlyOptions(organization: SalesforceFixture.organization, certificates: [try CalloutVector.certificate()])
        own.authentication.clientCertificates = [try SalesforceOrg.shared.get().fingerprint("client")]
        own.authentication.accessToken = AccessTokenRules(subjects: ["x"])
        #expect(try CacheOnlyOptions(stored: JSONValue(parsing: own.json.json)) == own)
        let without = JSONValue.object(own.json.object?.filter { $0.name != member } ?? [])
        #expect(throws: StoreError.self) { try CacheOnlyOptions(stored: without) }
    }
}
