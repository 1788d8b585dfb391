import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Keys in the database") struct KeyStoreTests {
    let world: KeyDatabase
    let source = FakeKeySource()
    init() throws { world = try KeyDatabase() }

    private func key(_ name: String = "disk") async throws -> Key {
        try await world.keys.create(name: name, purpose: .wrap, algorithm: .aes256, source: source)
    }

    /// The operator's text of the error that `body` throws.
    private func failure(_ body: () async throws(StoreError) -> some Any) async -> String {
        do {
            _ = try await body()
            return "no error"
        } catch { return error.description }
    }

    @Test("a new key has one active version, is found by name and id, and is on the change log")
    func create() async throws {
        let key = try await self.key()
        #expect((key.name, key.purpose, key.algorithm, key.source) == ("disk", .wrap, .aes256, .embedded))
        #expect(key.versions == [try #require(key.primary)])
        #expect((key.versions[0].number, key.versions[0].state, key.versions[0].destroyAt) == (1, .active, nil))
        #expect(try await world.keys.find("disk") == key)
        #expect(try await world.keys.find(key.id.description) == key)
        #expect(try await world.keys.list() == [key])
        #expect(try await world.changes() == ["key \(key.id)"])
    }

    @Test("a key is refused whose name is taken or unfit, whose kind is not for its purpose, or that its source can't make")
    func createRefused() async throws {
        _ = try await key()
        #expect(await failure { () throws(StoreError) in try await world.keys.create(name: "disk", purpose: .wrap, algorithm: .aes256, source: source) } == "a key named “disk” exists already")
        #expect(await failure { () throws(StoreError) in try await world.keys.create(name: "a\0", purpose: .wrap, algorithm: .aes256, source: source) }.hasPrefix("name: expected a name"))
        #expect(await failure { () throws(StoreError) in try await world.keys.create(name: "x", purpose: .wrap, algorithm: .rsa2048, source: source) } == "algorithm: expected one that a key for wrap can have: AES-256")
        #expect(await failure { () throws(StoreError) in try await world.keys.create(name: "x", purpose: .sign, algorithm: .rsa2048, source: source) } == "key source “embedded” can't make keys of the kind RSA-2048")
        source.fail(.unavailable("hsm is off"))
        #expect(await failure { () throws(StoreError) in try await world.keys.create(name: "x", purpose: .wrap, algorithm: .aes256, source: source) }.contains("made no key"))
        #expect(try await world.keys.list().count == 1)
        #expect(try await world.changes().count == 1)
    }

    @Test("hostile text finds nothing and breaks nothing", arguments: [
        "' OR '1'='1", "disk' --", "%", "_isk", "disk\u{0}", "DISK", "disk ", "", "'; DROP TABLE keys; --", "\u{212A}",
    ])
    func hostileLookUp(text: String) async throws {
        _ = try await key()
        #expect(await failure { () throws(StoreError) in try await world.keys.find(text) } != "no error")
        #expect(try await world.keys.list().count == 1)
    }

    @Test("rotation adds the next version, which becomes the primary one; the earlier material stays and differs")
    func rotate() async throws {
        let id = try await key().id
        world.clock.advance(by: .seconds(60))
        let key = try await world.keys.rotate(id, source: source)
        #expect(key.versions.map(\.number) == [2, 1])
        #expect(key.versions.map(\.state) == [.active, .active])
        #expect(key.primary?.number == 2)
        #expect(key.versions[0].createdAt - key.versions[1].createdAt == .seconds(60))
        let (one, two) = (try await world.sealedMaterial(id, 1), try await world.sealedMaterial(id, 2))
        #expect(one != nil && two != nil && one != two)
        #expect(try await world.changes().count == 2)
    }

    @Test("rotation of an unknown key, from another key source, or with a source that is down is refused")
    func rotateRefused() async throws {
        let id = try await key().id, unknown = try KeyID.random()
        #expect(await failure { () throws(StoreError) in try await world.keys.rotate(unknown, source: source) } == "key \(unknown) does not exist")
        #expect(await failure { () throws(StoreError) in try await world.keys.rotate(id, source: FakeKeySource(KeySourceID("hsm"))) } == "key \(id) lives in key source “embedded”, not in “hsm”")
        source.fail(.deadlineExceeded)
        #expect(await failure { () throws(StoreError) in try await world.keys.rotate(id, source: source) }.contains("made no key"))
        #expect(try await world.keys.find("disk").versions.count == 1)
    }

    @Test("N27 fifty rotations and changes at once leave fifty-one versions, numbered without gaps, each with its change")
    func concurrentRotation() async throws {
        let id = try await key().id
        let (keys, source) = (world.keys, source)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { _ = try await keys.rotate(id, source: source) } }
            for _ in 0..<20 {
                group.addTask {
                    _ = try? await keys.setState(.suspended, of: id, version: 1)
                    _ = try? await keys.setState(.active, of: id, version: 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await keys.find("disk").versions.map(\.number) == (1...51).reversed().map { KeyVersionNumber($0) })
        let loaded = try #require(try await keys.load(id))
        #expect(loaded.key.versions.count == 51)
    }

    @Test("the store takes each transition of the table and no other, and says why", arguments: KeyState.allCases, KeyState.allCases)
    func transitions(from: KeyState, to: KeyState) async throws {
        let id = try await key().id
        try await world.database.execute("UPDATE key_versions SET state = $1", [.text(from.rawValue)])
        if from.mayBecome(to) {
            #expect(try await world.keys.setState(to, of: id, version: 1).versions[0].state == to)
            #expect(try await world.changes().count == 2)
            #expect((try await world.sealedMaterial(id, 1) == nil) == (to == .destroyed))
        } else {
            let text = await failure { () throws(StoreError) in try await world.keys.setState(to, of: id, version: 1) }
            #expect(text.hasPrefix("version 1 is \(from.rawValue) and can't become \(to.rawValue)"))
            #expect(text.hasSuffix("deactivate it first") == (to == .destroyed && (from == .active || from == .suspended)))
            #expect(try await world.keys.find("disk").versions[0].state == from)
            #expect(try await world.changes().count == 1)
        }
    }

    @Test("a change of an unknown key or version is refused")
    func unknown() async throws {
        let id = try await key().id, unknown = try KeyID.random()
        for (id, version) in [(id, 2), (unknown, 1), (id, 0), (id, .max)] as [(KeyID, KeyVersionNumber)] {
            #expect(await failure { () throws(StoreError) in try await world.keys.setState(.suspended, of: id, version: version) } == "version \(version) of key \(id) does not exist")
            #expect(await failure { () throws(StoreError) in try await world.keys.scheduleDestruction(nil, of: id, version: version) } == "version \(version) of key \(id) does not exist")
        }
        let loaded = try await world.keys.load(unknown)
        #expect(loaded == nil)
    }

    @Test("sealed material opens in its own row only: swapped between keys or versions, changed, or from another folder it does not")
    func swappedRows() async throws {
        let (a, b) = (try await key("a").id, try await key("b").id)
        _ = try await world.keys.rotate(a, source: source)
        let genuine = try #require(try await world.sealedMaterial(a, 1))
        let others = [
            try await world.sealedMaterial(b, 1), try await world.sealedMaterial(a, 2), Array(genuine.dropLast()), genuine + [0], [], [1],
            [2] + Array(genuine.dropFirst()), Array(genuine.dropLast()) + [genuine[genuine.count - 1] ^ 1],
        ] as [[UInt8]?]
        for other in others {
            try await world.database.execute(
                "UPDATE key_versions SET material = $1 WHERE key_id = $2 AND number = 1", [.optional(other), .text(a.description)])
            #expect(await failure { () throws(StoreError) in try await world.keys.load(a) }.contains("does not open"))
        }
        let stranger = KeyStore(database: world.database, sealer: try KeyDatabase().sealer, clock: world.clock.wall)
        #expect(await failure { () throws(StoreError) in try await stranger.load(b) }.contains("does not open"))
        let loaded = try await world.keys.load(b)
        #expect(loaded != nil)
    }

    @Test("a row that this version doesn't understand is reported, not guessed", arguments: [
        "UPDATE keys SET purpose = 'x'", "UPDATE keys SET algorithm = 'DES'", "UPDATE key_versions SET state = 'Active'",
        "UPDATE key_versions SET number = 4294967297", "UPDATE key_versions SET number = -1",
    ])
    func corrupt(sql: String) async throws {
        let id = try await key().id
        try await world.database.execute(sql)
        #expect(await failure { () throws(StoreError) in try await world.keys.load(id) }.contains("does not understand"))
    }
}

