import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("Backups")
    struct BackupTests {
        private let elsewhere: SpawnedInstallation
        init() throws { elsewhere = try SpawnedInstallation() }

        private func passphrase(_ installation: SpawnedInstallation) throws -> String {
            try installation.folder.write("passphrase", "a passphrase of some length\n")
        }

        /// Restores into `elsewhere`, where demo.json is what scripts of the first installation had.
        private func restoreElsewhere(_ backup: String, from demo: RunningDemo) async throws {
            try await elsewhere.succeed("restore", backup, "--passphrase-file", try passphrase(demo.installation))
            try elsewhere.folder.write("data/demo.json", demo.installation.folder.bytes("data/demo.json"))
        }

        @Test("made while the server serves, restored on another machine under another root key, it unwraps what was wrapped before")
        func anotherMachine() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: Array("secret".utf8))
            let backup = demo.installation.folder.file("b.hfb")
            let secret = try passphrase(demo.installation)
            try await demo.installation.succeed("backup", "write", backup, "--files", "--passphrase-file", secret)
            let check = try await SpawnedInstallation.run(["backup", "check", backup, "--passphrase-file", secret])
            #expect(check.status == 0, "\(check.text)")
            #expect(check.output.contains("all of which open"))
            try await demo.server.stop()
            try await restoreElsewhere(backup, from: demo)
            #expect(elsewhere.folder.bytes("data/root.key") != demo.installation.folder.bytes("data/root.key"))
            let server = try await elsewhere.serve()
            let caller = try await elsewhere.caller()
            #expect(try await caller.unwrap(blob).bytes("plaintext") == Array("secret".utf8))
            let newer = try await caller.blob(of: [1, 2, 3])
            #expect(try await caller.unwrap(newer).bytes("plaintext") == [1, 2, 3])
            try await server.stop()
            #expect(try await elsewhere.run("audit", "verify").status == 0)
        }

        @Test("restored into an installation that init has just made, it unwraps what was wrapped before, and that installation's administrator stays")
        func intoNewInstallation() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [7])
            let (backup, secret) = (demo.installation.folder.file("b.hfb"), try passphrase(demo.installation))
            try await demo.installation.succeed("backup", "write", backup, "--passphrase-file", secret)
            try await demo.server.stop()
            try await elsewhere.succeed("init", "--listen", "127.0.0.1:0")
            try elsewhere.configure(SpawnedConfiguration())
            for name in demo.installation.folder.names("data/tls") {
                try elsewhere.folder.write("data/tls/\(name)", demo.installation.folder.bytes("data/tls/\(name)"))
            }
            let plan = try JSONValue(parsing: Array(try await elsewhere.succeed("restore", backup, "--passphrase-file", secret, "--json").utf8))
            #expect(plan["warnings"]?.array?.contains { $0.string?.contains("“admin”") == true } == true)
            let confirm = try #require(plan["confirm"]?.string)
            let outcome = try await elsewhere.run("restore", backup, "--passphrase-file", secret, "--confirm", confirm)
            #expect(outcome.status == 0, "\(outcome.text)")
            #expect(outcome.text.contains("Warning: nobody who is an administrator in the backup comes back"), "\(outcome.text)")
            try elsewhere.folder.write("data/demo.json", demo.installation.folder.bytes("data/demo.json"))
            let server = try await elsewhere.serve()
            #expect(try await elsewhere.caller().unwrap(blob).bytes("plaintext") == [7])
            let users = try JSONValue(parsing: Array(try await elsewhere.succeed("user", "list", "--json").utf8))
            #expect(users["items"]?.array?.compactMap { $0["name"]?.string } == ["admin"])
            try await server.stop()
            #expect(try await elsewhere.run("audit", "verify").status == 0)
        }

        @Test("restore and rekey refuse to work beside a running server")
        func besideServer() async throws {
            let demo = try await RunningDemo()
            let backup = demo.installation.folder.file("b.hfb")
            let secret = try passphrase(demo.installation)
            try await demo.installation.succeed("backup", "write", backup, "--passphrase-file", secret)
            for arguments in [["restore", backup, "--passphrase-file", secret], ["rekey"]] {
                let outcome = try await SpawnedInstallation.run(arguments + ["--data", demo.installation.data])
                #expect(outcome.status != 0)
                #expect(outcome.text.contains("a server runs on"), "\(outcome.text)")
            }
        }

        @Test("a new folder in which another database's log was left is refused, and nothing is written")
        func strayLog() async throws {
            let installation = try await SpawnedInstallation.demo()
            let (backup, secret) = (installation.folder.file("b.hfb"), try passphrase(installation))
            try await installation.succeed("backup", "write", backup, "--passphrase-file", secret)
            try elsewhere.folder.makeFolder("data")
            for suffix in ["-wal", "-shm", "-journal"] {
                let stray = try elsewhere.folder.write("data/holdfast.db\(suffix)", [1, 2, 3])
                let outcome = try await elsewhere.run("restore", backup, "--passphrase-file", secret)
                #expect(outcome.status == 1)
                #expect(outcome.text.contains("\(stray) belongs to a database that is gone"), "\(outcome.text)")
                #expect(elsewhere.folder.names("data") == ["holdfast.db\(suffix)"])
                try FileManager.default.removeItem(atPath: stray)
            }
            try await elsewhere.succeed("restore", backup, "--passphrase-file", secret)
        }

        @Test("into the folder of a running server whose database was removed nothing is restored")
        func removedDatabase() async throws {
            let demo = try await RunningDemo()
            let (backup, secret) = (demo.installation.folder.file("b.hfb"), try passphrase(demo.installation))
            try await demo.installation.succeed("backup", "write", backup, "--passphrase-file", secret)
            for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: demo.installation.folder.file("data/holdfast.db\(suffix)")) }
            let outcome = try await demo.installation.run("restore", backup, "--passphrase-file", secret)
            #expect(outcome.status == 1)
            #expect(outcome.text.contains("a server runs on"), "\(outcome.text)")
            #expect(!demo.installation.folder.contains("data/holdfast.db"))
        }

        @Test("a backup of chosen keys makes no installation")
        func selectedElsewhere() async throws {
            let installation = try await SpawnedInstallation.demo()
            let (backup, secret) = (installation.folder.file("b.hfb"), try passphrase(installation))
            try await installation.succeed("backup", "write", backup, "--endpoint", "demo", "--passphrase-file", secret)
            let outcome = try await elsewhere.run("restore", backup, "--passphrase-file", secret)
            #expect(outcome.status == 1)
            #expect(outcome.text.contains("make an installation first"), "\(outcome.text)")
            #expect(!elsewhere.folder.contains("data"))
        }

        @Test("only serve, restore and rekey bring an older schema up to date; other commands refuse, and change nothing")
        func olderSchema() async throws {
            let installation = try await SpawnedInstallation.demo()
            let secret = try passphrase(installation)
            let database = try SQLiteDatabase(path: installation.folder.file("data/holdfast.db"))
            // Its last step is forgotten, not undone: so what applies it again fails at what is there already.
            let row = try #require(try await database.query("SELECT id, name, applied_at FROM schema_migrations ORDER BY id DESC LIMIT 1").first)
            let step = try row.integer("id")
            try await database.execute("DELETE FROM schema_migrations WHERE id = $1", [.integer(step)])
            for arguments in [
                ["backup", "write", installation.folder.file("b.hfb"), "--passphrase-file", secret], ["audit", "verify", "--offline"],
                ["reset-admin", "--yes"],
            ] {
                let outcome = try await SpawnedInstallation.run(arguments + ["--data", installation.data])
                #expect(outcome.status == 1, "\(arguments)")
                #expect(outcome.text.contains("the database lacks schema step \(step)"), "\(outcome.text)")
            }
            for command in ["rekey", "serve"] {
                let outcome = try await installation.run(command)
                #expect(outcome.status == 1 && outcome.text.contains("schema step \(step)") && outcome.text.contains("failed"), "\(outcome.text)")
            }
            try await database.execute("INSERT INTO schema_migrations (id, name, applied_at) VALUES ($1, $2, $3)", row.values)
            try database.close()
            try await installation.succeed("backup", "write", installation.folder.file("b.hfb"), "--passphrase-file", secret)
        }

        @Test("kill -9 in the midst of a rekey: the same command finishes it, and what was wrapped opens", arguments: [30, 100, 200, 350, 500])
        func killedRekey(milliseconds: Int) async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [7])
            try await demo.server.stop()
            let process = try SpawnedProcess(
                try SpawnedInstallation.program, ["rekey", "--data-key", "--data", demo.installation.data])
            try await Task.sleep(for: .milliseconds(milliseconds))
            process.signal(SIGKILL)
            try await process.wait()
            try await demo.installation.succeed("rekey", "--data-key")
            #expect(!demo.installation.folder.contains("data/root.key.new"))
            let server = try await demo.installation.serve()
            #expect(try await demo.installation.caller().unwrap(blob).bytes("plaintext") == [7])
            try await server.stop()
            #expect(try await demo.installation.run("audit", "verify").status == 0)
        }

        @Test("into an installation, a restore shows its plan, and does it with the plan's confirmation only")
        func intoInstallation() async throws {
            let installation = try await SpawnedInstallation.demo()
            let (backup, secret) = (installation.folder.file("b.hfb"), try passphrase(installation))
            try await installation.succeed("backup", "write", backup, "--passphrase-file", secret)
            let plan = try JSONValue(parsing: Array(try await installation.succeed("restore", backup, "--passphrase-file", secret, "--json").utf8))
            #expect(plan["changes_anything"]?.bool == false)
            let confirm = try #require(plan["confirm"]?.string)
            #expect(try await installation.run("restore", backup, "--passphrase-file", secret, "--confirm", "0000").status != 0)
            #expect(try await installation.succeed("restore", backup, "--passphrase-file", secret, "--confirm", confirm).contains("epoch is 2"))
            // The plan that was carried out can't be used again: the epoch is another one.
            #expect(try await installation.run("restore", backup, "--passphrase-file", secret, "--confirm", confirm).status != 0)
        }

        @Test("rekey to a passphrase and back to a file, with a new data-sealing key, leaves what was wrapped readable")
        func rekey() async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [7])
            try await demo.server.stop()
            let installation = demo.installation
            let old = installation.folder.bytes("data/root.key")
            let passphrase = try installation.folder.write("root-passphrase", "a root passphrase of some length\n")
            try await installation.succeed("rekey", "--to-passphrase-file", passphrase, "--data-key")
            #expect(installation.folder.text("data/holdfast.yaml").contains("passphraseFile: \"\(passphrase)\""))
            try await installation.succeed("rekey", "--to-file", installation.folder.file("data/root.key2"))
            try await installation.succeed("rekey")
            #expect(!installation.folder.contains("data/root.key2.new"))
            #expect(installation.folder.bytes("data/root.key2") != old)
            let server = try await installation.serve()
            #expect(try await installation.caller().unwrap(blob).bytes("plaintext") == [7])
            try await server.stop()
            #expect(try await installation.run("audit", "verify").status == 0)
        }

        /// A backup made through the API; its id.
        private func create(_ demo: RunningDemo, _ secret: String) async throws -> String {
            let reply = try await demo.installation.succeed("backup", "create", "--passphrase-file", secret, "--json")
            return try #require(try JSONValue(parsing: Array(reply.utf8))["id"]?.string)
        }

        @Test("while requests are served, restores through the API refuse none of them, and what was stopped stays stopped")
        func whileServing() async throws {
            let demo = try await RunningDemo()
            let (blob, secret) = (try await demo.caller.blob(of: [7]), try passphrase(demo.installation))
            let id = try await create(demo, secret)
            let calls = Task {
                var statuses: [Int] = []
                while !Task.isCancelled {
                    do { statuses.append(try await demo.caller.unwrap(blob).status) } catch {
                        if !Task.isCancelled { throw error }
                    }
                }
                return statuses
            }
            for _ in 0..<3 { try await demo.installation.succeed("backup", "restore", id, "--passphrase-file", secret, "--yes") }
            calls.cancel()
            let statuses = try await calls.value
            #expect(!statuses.isEmpty && statuses.allSatisfy { $0 == 200 }, "\(statuses)")
            try await demo.installation.succeed("endpoint", "set-state", "demo", "paused")
            try await demo.installation.succeed("backup", "restore", id, "--passphrase-file", secret, "--yes")
            #expect(try await demo.caller.unwrap(blob).status == 503)
            let endpoint = try demo.installation.demo("endpointID")
            try await demo.installation.succeed(
                "backup", "restore", id, "--passphrase-file", secret, "--yes", "--resurrect", "endpoint:\(endpoint)")
            #expect(try await demo.caller.unwrap(blob).status == 200)
        }

        @Test("kill -9 of the server in the midst of a restore leaves the state before it or after it", arguments: [200, 500, 800])
        func killedServer(milliseconds: Int) async throws {
            let demo = try await RunningDemo()
            let (blob, secret) = (try await demo.caller.blob(of: [7]), try passphrase(demo.installation))
            let id = try await create(demo, secret)
            let process = try SpawnedProcess(
                try SpawnedInstallation.program,
                ["backup", "restore", id, "--passphrase-file", secret, "--yes", "--data", demo.installation.data])
            try await Task.sleep(for: .milliseconds(milliseconds))
            try await demo.server.crash()
            try await process.wait()
            let server = try await demo.installation.serve()
            #expect(try await demo.installation.caller().unwrap(blob).bytes("plaintext") == [7])
            #expect(demo.installation.folder.names("data/backups").filter { !$0.hasSuffix(".plan") } == ["\(id).hfb"])
            try await server.stop()
        }

        @Test("kill -9 while backups are written leaves whole ones or none", arguments: [5, 40, 120, 250])
        func killedBackup(milliseconds: Int) async throws {
            let installation = try await SpawnedInstallation.demo()
            let (backup, secret) = (installation.folder.file("b.hfb"), try passphrase(installation))
            let process = try SpawnedProcess(
                try SpawnedInstallation.program, ["backup", "write", backup, "--passphrase-file", secret, "--data", installation.data])
            try await Task.sleep(for: .milliseconds(milliseconds))
            process.signal(SIGKILL)
            try await process.wait()
            if !installation.folder.contains("b.hfb") {
                try await installation.succeed("backup", "write", backup, "--passphrase-file", secret)
            }
            #expect(try await SpawnedInstallation.run(["backup", "check", backup, "--passphrase-file", secret]).status == 0)
            #expect(!installation.folder.contains("b.hfb.partial"))
        }

        @Test("kill -9 while it is restored into a new folder: the same command then does it", arguments: [100, 400, 700, 1000])
        func killedRestore(milliseconds: Int) async throws {
            let demo = try await RunningDemo()
            let blob = try await demo.caller.blob(of: [7])
            let (backup, secret) = (demo.installation.folder.file("b.hfb"), try passphrase(demo.installation))
            try await demo.installation.succeed("backup", "write", backup, "--files", "--passphrase-file", secret)
            try await demo.server.stop()
            let process = try SpawnedProcess(
                try SpawnedInstallation.program, ["restore", backup, "--passphrase-file", secret, "--data", elsewhere.data])
            try await Task.sleep(for: .milliseconds(milliseconds))
            process.signal(SIGKILL)
            try await process.wait()
            if elsewhere.folder.contains("data/holdfast.db") {
                try elsewhere.folder.write("data/demo.json", demo.installation.folder.bytes("data/demo.json"))
            } else {
                try await restoreElsewhere(backup, from: demo)
            }
            let server = try await elsewhere.serve()
            #expect(try await elsewhere.caller().unwrap(blob).bytes("plaintext") == [7])
            try await server.stop()
        }
    }
}
