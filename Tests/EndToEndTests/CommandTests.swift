import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("The command line")
    struct CommandTests {
        @Test("every command has --help with an example and exit status 0")
        func help() async throws {
            let dump = try await SpawnedInstallation.run(["--experimental-dump-help"])
            let root = try #require(try JSONValue(parsing: Array(dump.output.utf8), maxDepth: 64)["command"])
            let commands = CommandTests.commands(root, below: [])
            #expect(commands.count > 120, "\(commands)")
            let parents = Set(commands.flatMap { command in (0..<command.count).map { Array(command.prefix($0)) } })
            for command in commands {
                let outcome = try await SpawnedInstallation.run(command + ["--help"])
                #expect(outcome.status == 0, "\(command)")
                if !parents.contains(command), command != ["version"] { #expect(outcome.output.contains("Example"), "\(command)") }
                #expect(outcome.output.contains("USAGE: \((["holdfast"] + command).joined(separator: " "))"), "\(command)")
                #expect(outcome.errors.isEmpty, "\(command)")
            }
        }

        @Test("a command without one of its words says which", arguments: [
            (["serve", "--listen", "x"], "Unknown option '--listen'"),
            (["nonsense"], "Unexpected argument 'nonsense'"),
            (["audit", "tail", "nonsense"], "Unexpected argument 'nonsense'"),
            (["key", "create"], "Missing expected argument '<name>'"),
            (["key", "destroy", "demo"], "Missing expected argument '--key-version <key-version>'"),
            (["key", "destroy", "demo", "--key-version", "one"], "The value 'one' is invalid for '--key-version <key-version>'"),
            (["key", "destroy", "demo", "--key-version", "1", "--after-days", "400"], "--after-days: expected 0 to 365, found 400"),
            (["token", "mint", "--lifetime", "0"], "--lifetime: expected 1 to 86400 seconds, found 0"),
            (["endpoint", "create", "x", "--key", "k"], "Missing expected argument '--policy <policy>'"),
            (["key", "list", "--limit", "0"], "--limit: expected 1 or more, found 0"),
            (["key", "list", "--profile", "x"], "expected at most one of --data and --profile"),
            (["key", "set-state", "demo", "gone"], "expected active, suspended, deactivated or compromised, found “gone”"),
            (["endpoint", "set-state", "demo", "off"], "expected active, paused, disabled or archived, found “off”"),
            (["endpoint", "set-state", "demo", "disabled"], "say --yes, or pause instead"),
            (["issuer", "add", "x", "--iss", "https://x"], "expected one of --jwks-url URL, --openid-configuration-url URL and --jwks-file FILE"),
            (["login", "alice", "--password", "hunter2"], "Unknown option '--password'"),
            (["backup", "create", "--passphrase", "hunter2"], "Unknown option '--passphrase'"),
            (["api", "BREW", "/api/v1/keys"], "expected GET, POST, PUT, PATCH or DELETE, found “BREW”"),
            (["issuer", "set-enabled", "demo", "perhaps"], "The value 'perhaps' is invalid for '<enabled>'"),
            (["certificate", "export"], "Missing expected argument '--out <out>'"),
            (["init", "--listen", "8443"], "--listen: expected an address such as 127.0.0.1:8443"),
            (["init", "--hostname", "no good"], "--hostname: expected names such as ekm.example.com"),
        ])
        func wrongFlags(arguments: [String], sentence: String) async throws {
            let folder = try SpawnedFolder()
            let outcome = try await SpawnedInstallation.run(arguments + (arguments.count > 1 ? ["--data", folder.file("data")] : []))
            #expect(outcome.status == 2)
            #expect(outcome.errors.replacing("\n", with: " ").contains(sentence), "\(outcome.text)")
            #expect(outcome.output.isEmpty)
            #expect(!folder.contains("data"), "nothing was made")
        }

        @Test("a wish that can't be fulfilled ends with status 1 and says what to do")
        func complaints() async throws {
            let demo = try await RunningDemo()
            let cases: [([String], String)] = [
                (["key", "show", "nope"], "key “nope” does not exist; `holdfast key list` shows those that do"),
                (["key", "create", "demo"], "a key named “demo” exists already"),
                (["key", "create", "two\nlines"], "/name: expected 1 to 128 printable characters"),
                (["key", "create", "x", "--purpose", "brew"], "/purpose: expected one of wrap"),
                (["key", "destroy", "demo", "--key-version", "1"], "version 1 is active; deactivate it before its destruction"),
                (["key", "destroy", "demo", "--key-version", "7"], "version 7 of key"),
                (["key", "update", "demo", "--if-match", "77", "--description", "x"], "it was changed since you read it"),
                (["endpoint", "set-state", "nope", "paused"], "`holdfast endpoint list` shows those that do"),
                (["issuer", "add", "x", "--google", "--algorithm", "none"], "/algorithms/0: expected one of RS256"),
                (["certificate", "activate"], "no certificate is staged"),
                (["token", "mint", "--issuer", "nope"], "issuer “nope” does not exist"),
                (["api", "GET", "/api/v1/nothing"], "there is nothing at this path"),
            ]
            for (arguments, sentence) in cases {
                let outcome = try await SpawnedInstallation.run(arguments + ["--data", demo.installation.data])
                #expect(outcome.status == 1, "\(arguments): \(outcome.text)")
                #expect(outcome.errors.hasPrefix("Error: ") && outcome.errors.contains(sentence), "\(arguments): \(outcome.text)")
                #expect(outcome.output.isEmpty, "\(arguments)")
            }
            let usage: [([String], String)] = [
                (["endpoint", "delete", "demo"], "say --yes"),
                (["policy", "save", "x", "/nonexistent.yaml"], "/nonexistent.yaml: expected a file"),
                (["key", "create", "x", "--label", "nothing"], "--label: expected name=value, found “nothing”"),
            ]
            for (arguments, sentence) in usage {
                let outcome = try await SpawnedInstallation.run(arguments + ["--data", demo.installation.data])
                #expect(outcome.status == 2, "\(arguments): \(outcome.text)")
                #expect(outcome.errors.contains(sentence), "\(arguments): \(outcome.text)")
            }
        }

        @Test("token mint refuses an issuer whose private key isn't ours")
        func foreignIssuer() async throws {
            let demo = try await RunningDemo()
            try await demo.installation.succeed("issuer", "add", "google", "--google")
            let outcome = try await demo.installation.run("token", "mint", "--issuer", "google")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("issuer “google” is not a development issuer"))
            #expect(outcome.output.isEmpty)
        }

        @Test("the data folder comes from --data or HOLDFAST_DATA, absolute or relative; without any server to ask the command says so")
        func dataFolder() async throws {
            let demo = try await RunningDemo()
            let none = ["HOLDFAST_CONFIG": demo.installation.folder.file("profiles.yaml")]
            let missing = try await SpawnedInstallation.run(["key", "list"], environment: none)
            #expect(missing.status == 2)
            #expect(missing.errors.hasPrefix("Error: expected a server: give --data DIR"), "\(missing.errors)")
            let found = try await SpawnedInstallation.run(["key", "list"], environment: ["HOLDFAST_DATA": demo.installation.data])
            #expect(found.status == 0, "\(found.text)")
            #expect(found.output.contains("demo"))
            let relative = try await SpawnedInstallation.run(["key", "list", "--data", "data"], directory: demo.installation.folder.path)
            #expect(relative.output == found.output)
        }

        @Test("init refuses a folder that holds an installation, and changes nothing there")
        func initTwice() async throws {
            let installation = try await SpawnedInstallation.demo()
            let before = installation.folder.bytes("data/root.key")
            let outcome = try await installation.run("init", "--demo")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("holds an installation already; choose another folder"))
            #expect(installation.folder.bytes("data/root.key") == before)
        }

        @Test("init that fails halfway leaves nothing of its own behind, so that the next try succeeds")
        func initHalfway() async throws {
            let installation = try SpawnedInstallation()
            try installation.folder.makeFolder("data")
            try installation.folder.write("data/note.txt", "mine")
            try installation.folder.write("data/tls", "a file where a folder must be")
            #expect(try await installation.run("init").status == 1)
            #expect(installation.folder.names("data") == ["note.txt", "tls"])
            try FileManager.default.removeItem(atPath: installation.folder.file("data/tls"))
            #expect(try await installation.run("init").status == 0)
            #expect(installation.folder.text("data/note.txt") == "mine")
        }

        @Test("what init makes is for its owner only")
        func modes() async throws {
            let installation = try await SpawnedInstallation.demo(nil)
            for name in ["root.key", "holdfast.db", "tls/server.key", "tls/ca.key", "audit/journal-cli-0000000001.jsonl"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: installation.folder.file("data/\(name)"))
                #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
            }
            let folder = try FileManager.default.attributesOfItem(atPath: installation.data)
            #expect((folder[.posixPermissions] as? NSNumber)?.intValue == 0o700)
        }

        @Test("every command that opens the data folder forbids dumps of its memory first (N29)")
        func dumps() async throws {
            let installation = try await SpawnedInstallation.demo()
            let trace = installation.folder.file("trace")
            let outcome = try await SpawnedTool.strace.run([
                "-f", "-o", trace, "-e", "trace=prctl,prlimit64,setrlimit,openat", try SpawnedInstallation.program, "audit", "verify",
                "--data", installation.data,
            ])
            #expect(outcome.status == 0, "\(outcome.text)")
            let lines = installation.folder.text("trace").split(separator: "\n")
            let undumpable = lines.firstIndex { $0.contains("PR_SET_DUMPABLE, SUID_DUMP_DISABLE") && $0.hasSuffix("= 0") }
            let noCore = lines.firstIndex { $0.contains("RLIMIT_CORE, {rlim_cur=0, rlim_max=0}") && $0.hasSuffix("= 0") }
            let secret = lines.firstIndex { $0.contains("/data/root.key") }
            #expect(try #require(undumpable) < #require(secret))
            #expect(try #require(noCore) < #require(secret))
        }

        private static func commands(_ command: JSONValue, below path: [String]) -> [[String]] {
            let subcommands = (command["subcommands"]?.array ?? []).filter { $0["commandName"]?.string != "help" }
            return [path] + subcommands.flatMap { commands($0, below: path + [$0["commandName"]?.string ?? "-"]) }
        }
    }
}
