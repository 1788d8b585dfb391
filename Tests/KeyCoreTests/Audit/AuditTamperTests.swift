import Glibc
import Primitives
import Testing

@testable import KeyCore

@Suite("Audit journal, tampered with") struct AuditTamperTests {
    let folder = AuditFolder()

    enum Deed: String, CaseIterable, Sendable { case deleted, replaced, truncated, grown }

    @Test(
        "notices while it runs that its segment was touched, loses no later record, and stays red until acknowledged",
        arguments: Deed.allCases)
    func running(deed: Deed) async throws {
        let heads = Heads()
        let journal = try folder.journal(heads: heads)
        try await journal.append(.test("before"))
        let path = folder.file(firstSegment)
        switch deed {
        case .deleted: unlink(path)
        case .replaced:
            rename(path, path + ".away")
            folder.write(try folder.read(firstSegment + ".away"), to: firstSegment)
        case .truncated: truncate(path, 20)
        case .grown: try AppendOnlyFile(opening: path).append(Array("x\n".utf8))
        }
        try await journal.append(.test("after"))
        guard case .red(.tampered(let tampering), _) = journal.health else {
            Issue.record("health is \(journal.health)")
            return
        }
        #expect(tampering == AuditTampering(kind: .init(rawValue: deed.rawValue)!, segment: firstSegment))
        let second = deed == .deleted ? try folder.names().last! : secondSegment
        let lines = try folder.lines(second)
        #expect(lines.count == 2)
        #expect(lines[0].contains("\"event\":\"journal.tampered\"") && lines[0].contains("\"cause\":\"\(deed.rawValue)\""))
        #expect(lines[0].hasPrefix("{\"seq\":3,"), "the chain goes on")
        #expect(lines[1].contains("\"request\":\"after\""))
        try await journal.append(.test("later"))
        #expect(journal.health != .green)
        journal.acknowledge()
        #expect(journal.health == .green)
        try await journal.append(.test("later"))
        #expect(journal.health == .green)
        await journal.close()
        let report = try folder.verify(anchors: heads.all)
        #expect(report.isIntact == (deed == .replaced), "a copy with the same bytes leaves the records as they were")
        unlink(path + ".away")
    }

    @Test("notices at its start what was changed while it was away", arguments: ["changed", "removed", "deleted", "inserted"])
    func away(deed: String) async throws {
        let heads = Heads()
        let journal = try folder.journal(heads: heads)
        for index in 0..<5 { try await journal.append(.test("\(index)")) }
        await journal.close()
        var lines = try folder.lines(firstSegment)
        switch deed {
        case "changed": lines[2] = lines[2].replacing("allowed", with: "refused")
        case "removed": lines.removeLast(2)
        case "inserted": lines.append(lines[3])
        default: break
        }
        folder.write(lines, to: firstSegment)
        if deed == "deleted" { unlink(folder.file(firstSegment)) }
        let again = try folder.journal(anchor: heads.all.last)
        guard case .red(.tampered, _) = again.health else {
            Issue.record("\(deed): health is \(again.health)")
            return
        }
        try await again.append(.test("after"))
        await again.close()
        #expect(try folder.events().contains("journal.tampered"))
        #expect(!(try folder.verify(anchors: heads.all).isIntact))
    }

    @Test("goes on where it ended, without a notice, when nothing happened")
    func orderly() async throws {
        let heads = Heads()
        for round in 0..<3 {
            let journal = try folder.journal(anchor: heads.all.last, heads: heads)
            #expect(journal.health == .green)
            try await journal.append(.test("\(round)"))
            await journal.close()
        }
        #expect(try folder.names() == [firstSegment])
        let checkpointed = ["test.unwrap", "journal.checkpoint"]
        #expect(try folder.events() == ["journal.segment"] + checkpointed + checkpointed + checkpointed)
        #expect(try folder.verify(anchors: heads.all).isIntact)
    }

    @Test("moves a line that a crash tore aside, says so, and goes on from the last whole line", arguments: [1, 40, 100_000])
    func torn(size: Int) async throws {
        let journal = try folder.journal()
        for index in 0..<3 { try await journal.append(.test("\(index)")) }
        await journal.close()
        let whole = try folder.read(firstSegment)
        let fragment = Array(repeating: UInt8(size > 1000 ? 0 : 0x7B), count: size)
        folder.write(whole + fragment, to: firstSegment)
        let again = try folder.journal()
        #expect(again.health == .green)
        #expect(try folder.read(firstSegment + ".torn") == fragment)
        let lines = try folder.lines(firstSegment)
        #expect(Array(lines.joined(separator: "\n").utf8).starts(with: whole.dropLast()))
        #expect(lines.last?.contains("\"event\":\"journal.recovered\"") == true)
        #expect(lines.last?.contains("\"torn_bytes\":\(size)") == true)
        try await again.append(.test("after"))
        await again.close()
        #expect(try folder.verify().isIntact)
    }

    @Test("takes up after a crash that left an empty segment, or nothing but a torn line", arguments: [[UInt8](), [0x7B, 0x22]])
    func emptySegment(content: [UInt8]) async throws {
        let journal = try folder.journal()
        try await journal.append(.test("before"))
        await journal.close()
        folder.write(content, to: secondSegment)
        let again = try folder.journal()
        #expect(again.health == .green)
        try await again.append(.test("after"))
        await again.close()
        #expect(try folder.names() == [firstSegment, secondSegment])
        let report = try folder.verify()
        #expect(report.isIntact, "\(String(describing: report.nodes[0].finding))")
    }
}
