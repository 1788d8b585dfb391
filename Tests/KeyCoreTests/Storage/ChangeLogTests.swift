import KeyCore
import Primitives
import TestSupport
import Testing

@Suite("The change log") struct ChangeLogTests {
    let world: KeyDatabase
    init() throws { world = try KeyDatabase() }

    private func record(_ entity: ChangedEntity, _ id: String) async throws {
        let now = world.clock.now
        try await world.database.write { try ChangeLog.record(entity, id, at: now, in: $0) }
    }

    @Test("changes are numbered from 1 without gaps and read on from any point")
    func order() async throws {
        #expect(try await world.database.read { try ChangeLog.latest(in: $0) } == 0)
        for (number, entity) in [ChangedEntity.key, .issuer, .policy, .endpoint, .secret].enumerated() { try await record(entity, "\(number)") }
        #expect(try await world.database.read { try ChangeLog.latest(in: $0) } == 5)
        #expect(try await world.changes() == ["key 0", "issuer 1", "policy 2", "endpoint 3", "secret 4"])
        #expect(try await world.changes(after: 3) == ["endpoint 3", "secret 4"])
        #expect(try await world.changes(after: 5) == [])
    }

    @Test("a kind of change that a newer version wrote is passed on as unknown, not lost")
    func unknownKind() async throws {
        try await record(.key, "a")
        try await world.database.execute("UPDATE changes SET entity = 'tenant'")
        #expect(try await world.changes() == ["? a"])
    }

    @Test("a transaction that fails leaves no change behind")
    func rollback() async throws {
        struct Stop: Error {}
        let now = world.clock.now
        await #expect(throws: Stop.self) {
            try await world.database.write { connection in
                try ChangeLog.record(.key, "a", at: now, in: connection)
                throw Stop()
            }
        }
        #expect(try await world.changes() == [])
    }

    @Test("two processes that write at once lose no change and share no number")
    func concurrency() async throws {
        let other = try KeyDatabase(sharing: world)
        let databases = [world.database, other.database]
        let now = world.clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask { try await databases[number % 2].write { try ChangeLog.record(.key, "\(number)", at: now, in: $0) } }
            }
            try await group.waitForAll()
        }
        #expect(Set(try await world.changes()).count == 100)
        #expect(try await world.database.read { try ChangeLog.latest(in: $0) } == 100)
    }

    @Test("the schema holds each table once, and applying it again does nothing")
    func schema() throws {
        #expect(try world.database.migrate(Schema.migrations) == [])
    }
}
