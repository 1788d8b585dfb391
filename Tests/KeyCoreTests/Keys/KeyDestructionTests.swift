import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("Destroying keys") struct KeyDestructionTests {
    let world: KeyDatabase
    let source = FakeKeySource()
    init() throws { world = try KeyDatabase() }

    private func deactivated(_ name: String) async throws -> KeyID {
        let id = try await world.keys.create(name: name, purpose: .wrap, algorithm: .aes256, source: source).id
        _ = try await world.keys.setState(.deactivated, of: id, version: 1)
        return id
    }

    @Test("N25 after destruction and a checkpoint neither the database file nor the log holds the sealed material")
    func materialIsGone() async throws {
        let id = try await deactivated("k")
        let sealed = try #require(try await world.sealedMaterial(id, 1))
        try world.database.checkpoint()
        #expect(try world.files(holding: sealed) == ["test.db"])  // so that its absence means something
        _ = try await world.keys.setState(.destroyed, of: id, version: 1)
        try world.database.checkpoint()
        #expect(try world.files(holding: sealed) == [])
        #expect(try world.files(holding: Array(sealed[1..<25])) == [])
        #expect(try world.files(holding: Array(sealed.suffix(16))) == [])
    }

    @Test("N25 the plain material is in no file, whatever is done with the key")
    func plainMaterial() async throws {
        let material = Array("thirty-two bytes of known secret".utf8)
        source.generates(material)
        let id = try await world.keys.create(name: "k", purpose: .wrap, algorithm: .aes256, source: source).id
        _ = try await world.keys.rotate(id, source: source)
        let loaded = try await world.keys.load(id)
        _ = try await world.keys.setState(.suspended, of: id, version: 1)
        _ = try await world.keys.setState(.compromised, of: id, version: 1)
        _ = try await world.keys.setState(.destroyed, of: id, version: 1)
        #expect(loaded != nil)
        #expect(try world.files(holding: Array(material[..<16])) == [])
        try world.database.checkpoint()
        #expect(try world.files(holding: Array(material[..<16])) == [])
        #expect(try world.files(holding: Array("key_versions".utf8)) == ["test.db"])
    }

    @Test("a scheduled destruction happens when it is due, not before, and once")
    func schedule() async throws {
        let id = try await deactivated("k")
        let key = try await world.keys.scheduleDestruction(world.clock.now + .seconds(100), of: id, version: 1)
        #expect(key.versions[0].destroyAt == world.clock.now + .seconds(100))
        world.clock.advance(by: .seconds(99))
        #expect(try await world.keys.destroyDue().isEmpty)
        world.clock.advance(by: .seconds(1))
        let destroyed = try await world.keys.destroyDue()
        #expect(destroyed.map(\.id) == [id] && destroyed.map(\.version) == [1])
        let version = try await world.keys.find("k").versions[0]
        #expect((version.state, version.destroyAt) == (.destroyed, nil))
        #expect(try await world.sealedMaterial(id, 1) == nil)
        #expect(try await world.keys.destroyDue().isEmpty)
        #expect(try await world.changes().count == 4)
    }

    @Test("a destruction that was called off, or whose version was activated again, does not happen, and blocks no other")
    func calledOff() async throws {
        let ids = [try await deactivated("a"), try await deactivated("b"), try await deactivated("c")]
        for id in ids { _ = try await world.keys.scheduleDestruction(world.clock.now + .seconds(10), of: id, version: 1) }
        _ = try await world.keys.scheduleDestruction(nil, of: ids[0], version: 1)
        let active = try await world.keys.setState(.active, of: ids[1], version: 1)
        #expect(active.versions[0].destroyAt == nil)
        world.clock.advance(by: .seconds(10))
        #expect(try await world.keys.destroyDue().map(\.id) == [ids[2]])
        _ = try await world.keys.setState(.deactivated, of: ids[1], version: 1)
        #expect(try await world.keys.destroyDue().isEmpty)
        for id in ids[..<2] { #expect(try await world.sealedMaterial(id, 1) != nil) }
    }

    @Test("a schedule on a version that may not be destroyed is neither taken nor, when it stands in the database, followed", arguments: [
        KeyState.active, .suspended, .destroyed,
    ])
    func refused(state: KeyState) async throws {
        let (id, other) = (try await deactivated("k"), try await deactivated("other"))
        try await world.database.execute(
            "UPDATE key_versions SET state = $1 WHERE key_id = $2", [.text(state.rawValue), .text(id.description)])
        await #expect(throws: StoreError.self) { try await world.keys.scheduleDestruction(world.clock.now, of: id, version: 1) }
        try await world.database.execute("UPDATE key_versions SET destroy_at = $1", [.integer(world.clock.now.nanoseconds)])
        #expect(try await world.keys.destroyDue().map(\.id) == [other])
        #expect(try await world.sealedMaterial(id, 1) != nil)
    }

    @Test("a compromised version keeps its schedule, and destruction takes that version only")
    func oneVersion() async throws {
        let id = try await deactivated("k")
        _ = try await world.keys.rotate(id, source: source)
        _ = try await world.keys.scheduleDestruction(world.clock.now, of: id, version: 1)
        _ = try await world.keys.setState(.compromised, of: id, version: 1)
        #expect(try await world.keys.destroyDue().map(\.version) == [1])
        let key = try await world.keys.find("k")
        #expect(key.versions.map(\.state) == [.active, .destroyed])
        #expect(try await world.sealedMaterial(id, 2) != nil)
    }
}
