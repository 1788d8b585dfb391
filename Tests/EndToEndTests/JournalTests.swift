import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("The audit journal, as an operator meets it")
    struct JournalTests {
        @Test("audit tail shows who did what, for people and for programs, and filters")
        func tail() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            _ = try await demo.caller.unwrap(blob)
            _ = try await demo.caller.unwrap(Array(blob.reversed()))
            let people = try await demo.installation.succeed("audit", "tail", "-n", "200")
            for word in ["installation.created", "key.created", "endpoint.created", "token.minted", "ekm.wrap  allowed", SpawnedCaller.resource] {
                #expect(people.contains(word), "\(word)")
            }
            #expect(people.contains("CUSTOMER_INITIATED_ACCESS"))

            let lines = try await demo.installation.succeed("audit", "tail", "--json", "--event", "ekm.").split(separator: "\n")
            let records = try lines.map { try JSONValue(parsing: Array($0.utf8)) }
            #expect(records.map { $0["event"]?.string } == ["ekm.wrap", "ekm.unwrap", "ekm.unwrap"])
            #expect(records.map { $0["outcome"]?.string } == ["allowed", "allowed", "failed"])
            #expect(records.last?["status"]?.integer == 400)
            let allowed = try await demo.installation.succeed("audit", "tail", "--json", "--event", "ekm.unwrap", "--outcome", "allowed")
            #expect(allowed.split(separator: "\n").count == 1)
            #expect(try await demo.installation.succeed("audit", "tail", "-n", "1").split(separator: "\n").count == 1)
        }

        @Test("audit verify finds a good journal intact, beside the running server and after it has stopped")
        func verify() async throws {
            let demo = try await RunningDemo()
            for value in 0..<5 { _ = try await demo.caller.blob(of: [UInt8(value)]) }
            let running = try await demo.installation.run("audit", "verify")
            #expect(running.status == 0, "\(running.text)")
            #expect(running.lines.count == 3 && running.lines.dropFirst().allSatisfy { $0.hasSuffix("intact") }, "\(running.output)")
            let offline = try await demo.installation.run("audit", "verify", "--offline")
            #expect(offline.status == 0, "\(offline.text)")
            try await demo.server.stop()
            let stopped = try await demo.installation.run("audit", "verify")
            #expect(stopped.status == 0, "\(stopped.text)")
            #expect(stopped.lines.count == 3 && stopped.lines.dropFirst().allSatisfy { $0.hasSuffix("intact") }, "\(stopped.output)")
        }

        @Test("audit verify ends with status 1 and names place and meaning", arguments: [
            (Tampering.byteChanged, "line 3: this record, or the one before it, was changed"),
            (.lineRemoved, "line 3: records 3 to 3 are missing"),
            (.linesExchanged, "line 3: record 4 stands where 3 belongs"),
            (.endRemoved, "was durable: its end was removed"),
            (.cutInTheMiddle, "the last line is unfinished"),
            (.fileRemoved, "was durable: its end was removed"),
        ])
        func tampering(_ tampering: Tampering, finding: String) async throws {
            let demo = try await RunningDemo()
            for value in 0..<5 { _ = try await demo.caller.blob(of: [UInt8(value)]) }
            try await demo.server.stop()
            #expect(try await demo.installation.run("audit", "verify").status == 0)
            try tampering.apply(to: demo.installation)
            let outcome = try await demo.installation.run("audit", "verify")
            #expect(outcome.status == 1)
            #expect(outcome.output.contains(finding), "\(outcome.text)")
            #expect(outcome.lines.first { $0.hasPrefix("cli ") }?.hasSuffix("intact") == true, "the other journal is not to blame")
            let doctor = try await demo.installation.run("doctor")
            #expect(doctor.lines.contains { $0.hasPrefix("FAIL  audit journal") })
        }

        @Test("a journal file deleted under the running server is noticed with the next record, told, and not made up for in silence")
        func deletedWhileRunning() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [1])
            #expect(try await demo.caller.get("readyz").status == 200)
            try FileManager.default.removeItem(atPath: demo.installation.folder.file(try #require(demo.installation.segments.last)))
            let status = try await demo.caller.unwrap(blob).status
            #expect([200, 503].contains(status))
            try await eventually("readyz is 503", within: .seconds(2)) { try await demo.caller.get("readyz").status == 503 }
            #expect(try await demo.caller.get("healthz").status == 200)
            try await eventually("the log says so", within: .seconds(2)) {
                demo.server.log.contains("journal-node-1-0000000001.jsonl was deleted")
            }
            #expect(try await demo.caller.unwrap(blob).status == 200, "requests go on, into a new segment")
            let first = try #require(try demo.installation.records().first)
            #expect(first["event"]?.string == "journal.tampered")
            #expect(first["segment"]?.string == "journal-node-1-0000000001.jsonl")
            #expect(try await demo.installation.run("audit", "verify").status == 1)
        }
    }

    /// What somebody does to a stopped server's journal.
    enum Tampering: Sendable {
        case byteChanged, lineRemoved, linesExchanged, endRemoved, cutInTheMiddle, fileRemoved

        func apply(to installation: SpawnedInstallation) throws {
            let name = try #require(installation.segments.last)
            var lines = installation.folder.text(name).split(separator: "\n").map { Array($0.utf8) }
            switch self {
            case .byteChanged:
                let index = try #require(lines[2].firstIndex(of: UInt8(ascii: "@")))
                lines[2][index] = UInt8(ascii: "A")
            case .lineRemoved: lines.remove(at: 2)
            case .linesExchanged: lines.swapAt(2, 3)
            case .endRemoved: lines.removeLast(2)
            case .cutInTheMiddle: break
            case .fileRemoved: return try FileManager.default.removeItem(atPath: installation.folder.file(name))
            }
            var bytes = Array(lines.joined(separator: [0x0A])) + [0x0A]
            if self == .cutInTheMiddle { bytes.removeLast(20) }
            try installation.folder.write(name, bytes)
        }
    }
}
