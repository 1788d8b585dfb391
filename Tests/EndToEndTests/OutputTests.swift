import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("What commands print and write")
    struct OutputTests {
        private func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

        @Test("audit verify --offline --json prints the API's document")
        func verification() async throws {
            let demo = try await RunningDemo()
            let online = try json(try await demo.installation.succeed("audit", "verify", "--json"))
            let offline = try json(try await demo.installation.succeed("audit", "verify", "--offline", "--json"))
            #expect(offline["is_intact"]?.bool == true)
            #expect(offline["nodes"]?.array?.first?.object?.map(\.name) == online["nodes"]?.array?.first?.object?.map(\.name))
        }

        @Test("with --json and --out the document is on standard output, and the sentence beside it; what --out holds is whole")
        func documents() async throws {
            let demo = try await RunningDemo()
            let installation = demo.installation
            let secret = try installation.folder.write("passphrase", "a passphrase of some length\n")
            let out = try installation.folder.write("b.hfb", "an older file")
            let made = try await installation.run("backup", "create", "--passphrase-file", secret, "--out", out, "--json")
            #expect(made.status == 0, "\(made.text)")
            let id = try #require(try json(made.output)["id"]?.string)
            #expect(made.errors.contains("bytes, backup \(id)"), "\(made.errors)")
            #expect(installation.folder.bytes("b.hfb") == installation.folder.bytes("data/backups/\(id).hfb"))
            let again = installation.folder.file("again.hfb")
            #expect(try await installation.succeed("backup", "download", id, "--out", again).contains("again.hfb: "))
            #expect(installation.folder.bytes("again.hfb") == installation.folder.bytes("b.hfb"))
            #expect(installation.folder.names(".") == ["again.hfb", "b.hfb", "data", "passphrase"])
            let unwritable = try await installation.run("backup", "download", id, "--out", installation.folder.file("nowhere/b.hfb"))
            #expect(unwritable.status == 1 && unwritable.text.contains("can't be written"), "\(unwritable.text)")
            let unknown = try await installation.run("backup", "download", UUID().uuidString.lowercased(), "--out", installation.folder.file("none.hfb"))
            #expect(unknown.status == 1 && unknown.text.contains("does not exist"), "\(unknown.text)")
            #expect(!installation.folder.contains("none.hfb"))
        }

        @Test("list --all prints every page, as one table or one document")
        func pages() async throws {
            let demo = try await RunningDemo()
            for number in 0..<3 { try await demo.installation.succeed("group", "create", "group \(number)") }
            let table = try await demo.installation.succeed("group", "list", "--all").split(separator: "\n")
            #expect(table.count == 10)
            let document = try json(try await demo.installation.succeed("group", "list", "--all", "--json"))
            #expect((document["items"]?.array?.count, document["total"]?.integer, document["next_cursor"]) == (9, 9, .null))
        }

        @Test("a command without its data folder has a wrong command line: status 2", arguments: [["rekey"], ["reset-admin", "--yes"]])
        func noData(arguments: [String]) async throws {
            let outcome = try await SpawnedInstallation.run(arguments)
            #expect(outcome.status == 2)
            #expect(outcome.text.contains("give --data DIR or set HOLDFAST_DATA"), "\(outcome.text)")
        }

        @Test("standard input beyond what is expected is refused, not cut")
        func longInput() async throws {
            let demo = try await RunningDemo()
            let command = "'\(try SpawnedInstallation.program)' backup schedule --set - --data '\(demo.installation.data)'"
            let outcome = try await SpawnedTool.sh.run(["-c", "head -c 67108865 /dev/zero | tr '\\0' ' ' | \(command)"])
            #expect(outcome.status == 2)
            #expect(outcome.text.contains("expected at most 67108864 bytes, found more"), "\(outcome.text)")
        }
    }
}
