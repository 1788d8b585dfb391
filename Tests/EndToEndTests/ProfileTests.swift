import Foundation
import Primitives
import Testing
import TestSupport

extension EndToEnd {
    @Suite("The command line as a client of the API: who asks, and whom")
    struct ProfileTests {
        @Test("login keeps the session in a profile of mode 0600, which then signs each command in, until logout takes it out")
        func session() async throws {
            let person = try await Person()
            let signedIn = try await person.run("login", "admin", "--data", person.demo.installation.data, "--password-file", person.password)
            #expect(signedIn.status == 0, "\(signedIn.text)")
            #expect(try person.mode() == 0o600)
            let token = try #require(person.tokens().first)
            #expect(!signedIn.text.contains(token))
            #expect(signedIn.errors.contains("The password must be changed before anything else: holdfast password"), "\(signedIn.text)")
            let refused = try await person.run("key", "list")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("password"), "\(refused.text)")

            let changed = try await person.run(
                "password", "--password-file", person.password, "--new-password-file", try person.write("new", "quiet Lantern over 9 harbours"))
            #expect(changed.status == 0, "\(changed.text)")
            let next = try #require(person.tokens().first)
            #expect(next != token)
            #expect(!changed.text.contains(next))
            let who = try await person.run("whoami", "--json")
            #expect(try JSONValue(parsing: Array(who.output.utf8), maxDepth: 64)["name"]?.string == "user:admin", "\(who.text)")
            #expect(try await person.run("key", "list").status == 0)

            #expect(try await person.run("logout").status == 0)
            #expect(person.tokens().isEmpty)
            let out = try await person.run("key", "list")
            #expect(out.status == 1)
            #expect(out.errors.contains("sign in: holdfast login --profile default"), "\(out.text)")
        }

        @Test("a profile file that others can read is refused, with what to do; so is one with a field that isn't known")
        func modes() async throws {
            let person = try await Person()
            try person.write("profiles.yaml", "default:\n  url: https://localhost:1\n  token: t\n")
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: person.file)
            let open = try await person.run("key", "list")
            #expect(open.status == 1)
            #expect(open.errors == "Error: \(person.file): expected mode 0600, found 0640; run: chmod 600 \(person.file)\n")
            try person.write("profiles.yaml", "default:\n  url: https://localhost:1\n  password: t\n")
            let wrong = try await person.run("key", "list")
            #expect(wrong.status == 1)
            #expect(wrong.errors.contains("profiles.yaml:3: default.password: unknown field; expected one of url, ca, token"), "\(wrong.errors)")
        }

        @Test("an API token in the environment is enough; without the token, without https or without the right authority the command says what is missing")
        func environment() async throws {
            let person = try await Person()
            let told = try JSONValue(parsing: person.demo.installation.folder.bytes("data/server.json"))
            let url = try #require(told["managementURL"]?.string)
            let ca = person.demo.installation.folder.file("data/tls/ca.pem")
            try await person.signIn()
            let made = try await person.run("token", "create", "script", "--permission", "read:keys", "--out", person.path("script.token"))
            #expect(made.status == 0, "\(made.text)")
            let token = person.folder.text("script.token").trimmingCharacters(in: .newlines)
            let variables = ["HOLDFAST_URL": url, "HOLDFAST_CA": ca, "HOLDFAST_TOKEN": token]
            let list = try await SpawnedInstallation.run(["key", "list"], environment: variables)
            #expect(list.status == 0, "\(list.text)")
            let more = try await SpawnedInstallation.run(["key", "create", "x"], environment: variables)
            #expect(more.status == 1)
            #expect(more.errors.contains("create:keys"), "\(more.text)")

            for (changes, status, sentence) in [
                (["HOLDFAST_TOKEN": ""], 2, "expected HOLDFAST_TOKEN"), (["HOLDFAST_URL": "http://localhost:1"], 2, "begins with https://"),
                (["HOLDFAST_CA": "/nonexistent.pem"], 2, "/nonexistent.pem: expected the PEM file"), (["HOLDFAST_CA": ""], 69, "name the authority"),
                (["HOLDFAST_URL": "https://localhost:1"], 69, "can't be asked"), (["HOLDFAST_TOKEN": "wrong"], 1, "check HOLDFAST_TOKEN"),
            ] as [([String: String], Int32, String)] {
                let outcome = try await SpawnedInstallation.run(["key", "list"], environment: variables.merging(changes) { _, new in new })
                #expect(outcome.status == status, "\(changes): \(outcome.text)")
                #expect(outcome.errors.contains(sentence), "\(changes): \(outcome.text)")
            }
        }

        @Test("reset-admin needs the root key and a yes; it opens the account again with a one-time password, ends its sessions, and is on record")
        func resetAdmin() async throws {
            let person = try await Person()
            try await person.signIn()
            #expect(try await person.run("whoami").status == 0)
            let installation = person.demo.installation
            #expect(try await installation.run("reset-admin").status == 2, "nothing without --yes")
            #expect(try await person.run("whoami").status == 0)
            let key = installation.folder.bytes("data/root.key")
            try installation.folder.write("data/root.key", String(repeating: "ab", count: 32))
            let refused = try await installation.run("reset-admin", "--yes")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("the root key does not open this data folder"), "\(refused.text)")
            #expect(try await person.run("whoami").status == 0)
            try installation.folder.write("data/root.key", key)

            try FileManager.default.removeItem(atPath: person.password)
            let reset = try await installation.run("reset-admin", "--yes", "--out", person.password)
            #expect(reset.status == 0, "\(reset.text)")
            #expect(try await person.run("whoami").status == 1, "the session has ended")
            #expect(try await installation.succeed("audit", "tail", "--offline", "--event", "user.administrator-reset").contains("user:admin"))
            try await person.signIn()
        }

        @Test("without a server on the data folder the status is 69 and the sentence says how to start one; also after a crash")
        func noServer() async throws {
            let installation = try await SpawnedInstallation.demo()
            let never = try await installation.run("key", "list")
            #expect(never.status == 69)
            #expect(never.errors == "Error: no server runs on \(installation.data): start it with `holdfast serve --data \(installation.data)`\n")
            let server = try await installation.serve()
            #expect(try await installation.run("key", "list").status == 0)
            try await server.crash()
            let crashed = try await installation.run("key", "list")
            #expect(crashed.status == 69)
            #expect(crashed.errors.contains("nobody answers at \(installation.data)/holdfast.sock"), "\(crashed.errors)")
            #expect(crashed.errors.contains("gone without saying goodbye"))
        }

        @Test("a server without a socket says so; its socket is for its own user and root only")
        func socket() async throws {
            var configuration = SpawnedConfiguration()
            configuration.management["socket"] = "none"
            let without = try await SpawnedInstallation.demo(configuration)
            let server = try await without.serve()
            let outcome = try await without.run("key", "list")
            #expect(outcome.status == 69)
            #expect(outcome.errors.contains("has no local socket (management.socket in holdfast.yaml, or too long a path): use a profile"))
            try await server.stop()

            let demo = try await RunningDemo()
            let attributes = try FileManager.default.attributesOfItem(atPath: demo.installation.folder.file("data/holdfast.sock"))
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            let folder = try FileManager.default.attributesOfItem(atPath: demo.installation.data)
            #expect((folder[.posixPermissions] as? NSNumber)?.intValue == 0o700)
        }

        @Test("a problem is told to programs as the document that the API sent, on standard error")
        func problemDocument() async throws {
            let demo = try await RunningDemo()
            let outcome = try await demo.installation.run("key", "create", "demo", "--json")
            #expect(outcome.status == 1)
            #expect(outcome.output.isEmpty)
            let problem = try JSONValue(parsing: Array(outcome.errors.utf8.dropLast()))
            #expect(problem["code"]?.string == "exists")
            #expect(problem["status"]?.integer == 409)
            #expect(problem["request_id"]?.string?.isEmpty == false)
        }

        @Test("no option takes a secret: those that are named after one take a file, or nothing")
        func noSecretOnTheCommandLine() async throws {
            let dump = try await SpawnedInstallation.run(["--experimental-dump-help"])
            let root = try #require(try JSONValue(parsing: Array(dump.output.utf8), maxDepth: 64)["command"])
            var seen = 0
            for (command, argument) in ProfileTests.arguments(root, below: []) {
                let names = (argument["names"]?.array ?? []).compactMap { $0["name"]?.string } + [argument["valueName"]?.string ?? ""]
                guard names.contains(where: { $0.contains(/password|passphrase|secret|totp|private-key|material/) }) else { continue }
                guard argument["kind"]?.string == "option" || argument["kind"]?.string == "positional" else { continue }
                seen += 1
                let isFile = names.contains { $0.hasSuffix("-file") || $0 == "private-key" || $0 == "file" }
                #expect(isFile, "\(command): \(names)")
            }
            #expect(seen > 10)
        }

        @Test("completion prints what bash, zsh and fish understand")
        func completion() async throws {
            for (shell, sign) in [("bash", "complete -o filenames -F _holdfast holdfast"), ("zsh", "#compdef holdfast"), ("fish", "complete -c 'holdfast'")] {
                let outcome = try await SpawnedInstallation.run(["completion", shell])
                #expect(outcome.status == 0)
                #expect(outcome.output.contains(sign), "\(shell)")
                #expect(outcome.output.contains("cancel-destruction"), "\(shell)")
            }
            let script = try await SpawnedInstallation.run(["completion", "bash"]).output
            #expect(try await SpawnedTool.bash.run(["-n"], input: script).status == 0)
            #expect(try await SpawnedInstallation.run(["completion", "csh"]).status == 2)
        }

        @Test("lists end at --limit and say so; --all gathers every page")
        func paging() async throws {
            let demo = try await RunningDemo()
            for name in ["a", "b", "c"] { try await demo.installation.succeed("key", "create", name) }
            let two = try await demo.installation.run("key", "list", "--limit", "2", "--sort", "name")
            #expect(two.lines.count == 3 && two.lines[1].hasPrefix("a ") && two.lines[2].hasPrefix("b "), "\(two.text)")
            #expect(two.errors == "2 of 4 are shown; --all shows all, --limit N more.\n")
            let all = try await demo.installation.run("key", "list", "--all", "--sort=-name", "--json")
            let items = try JSONValue(parsing: Array(all.output.utf8), maxDepth: 64)["items"]?.array ?? []
            #expect(items.map { $0["name"]?.string } == ["demo", "c", "b", "a"])

            let blob = try await demo.caller.blob(of: [1])
            for _ in 0..<1_010 { #expect(try await demo.caller.unwrap(blob).status == 200) }
            let found = try await demo.installation.run("audit", "search", "--event", "ekm.unwrap", "--all", "--json")
            let document = try JSONValue(parsing: Array(found.output.utf8), maxDepth: 64)
            let numbers = Set((document["items"]?.array ?? []).compactMap { $0["seq"]?.integer })
            #expect(numbers.count == 1_010, "each once, over two pages")
            #expect(document["total"]?.integer == 1_010)
            #expect(document["next_cursor"] == .null)
        }

        private static func arguments(_ command: JSONValue, below path: [String]) -> [([String], JSONValue)] {
            (command["arguments"]?.array ?? []).map { (path, $0) }
                + (command["subcommands"]?.array ?? []).flatMap { arguments($0, below: path + [$0["commandName"]?.string ?? "-"]) }
        }
    }

    /// Somebody with a profile file of their own and the administrator's one-time password.
    struct Person {
        let demo: RunningDemo
        let folder: SpawnedFolder
        let password: String
        var file: String { folder.file("profiles.yaml") }

        init() async throws {
            demo = try await RunningDemo()
            folder = try SpawnedFolder()
            password = folder.file("one-time")
            try await demo.installation.succeed("user", "reset-password", "admin", "--out", password)
        }

        func run(_ arguments: String...) async throws -> SpawnedTool.Outcome {
            try await SpawnedInstallation.run(arguments, environment: ["HOLDFAST_CONFIG": file])
        }

        /// Signs in with a password that is changed at once.
        func signIn() async throws {
            let first = try await run("login", "admin", "--data", demo.installation.data, "--password-file", password)
            #expect(first.status == 0, "\(first.text)")
            let changed = try await run(
                "password", "--password-file", password, "--new-password-file", try write("new", "Horse-7-\(UUID().uuidString)"))
            #expect(changed.status == 0, "\(changed.text)")
        }

        @discardableResult func write(_ name: String, _ text: String) throws -> String { try folder.write(name, text) }
        func path(_ name: String) -> String { folder.file(name) }

        func mode() throws -> Int? {
            (try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? NSNumber)?.intValue
        }

        func tokens() -> [String] {
            folder.text("profiles.yaml").split(separator: "\n").filter { $0.hasPrefix("  token: ") }
                .map { String($0.dropFirst("  token: ".count)).trimmingCharacters(in: CharacterSet(charactersIn: "\"")) }
        }
    }
}
