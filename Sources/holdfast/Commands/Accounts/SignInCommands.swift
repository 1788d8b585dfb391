import ArgumentParser
import Foundation
import Primitives

struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Sign in with a password, and keep the session's token in a profile.",
        discussion: """
            The password is asked for at the terminal, or comes from --password-file (mode 0600, - for a line of standard input) or
            HOLDFAST_PASSWORD; so does the code of the second factor, if the account has one (--totp, --totp-file, HOLDFAST_TOTP).
            The profile keeps URL, authority and token in ~/.config/holdfast/profiles.yaml (or HOLDFAST_CONFIG), mode 0600. Where
            the server is comes from --url, from the profile if there is one already, or from a data folder on this machine.

            Examples:
              holdfast login admin --url https://holdfast.example.com:8444 --ca ca.pem
              holdfast login admin --profile production
              HOLDFAST_PROFILE=production holdfast key list
            """)

    @Argument(help: "The user's name.") var user: String
    @Option(name: .long, help: ArgumentHelp("The profile to write; default by default.", valueName: "name")) var profile: String?
    @Option(name: .long, help: "Where the management API is, as https://host:8444.") var url: String?
    @Option(name: .long, help: ArgumentHelp("The authority to trust instead of the system's (PEM).", valueName: "file")) var ca: String?
    @Option(name: .long, help: ArgumentHelp("A data folder whose server and authority are meant (or HOLDFAST_DATA).", valueName: "dir"))
    var data: String?
    @Option(name: .long, help: ArgumentHelp("A file with the password; - for standard input.", valueName: "file")) var passwordFile: String?
    @Option(name: .long, help: ArgumentHelp("A file with the second factor's code; - for standard input.", valueName: "file")) var totpFile: String?
    @Flag(name: .long, help: "The account has a second factor: ask for its code.") var totp = false
    @OptionGroup var output: OutputOption

    func run() async throws {
        Hardening.apply(allowsDumps: false)
        let environment = ProcessInfo.processInfo.environment
        let name = profile ?? environment["HOLDFAST_PROFILE"].flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        let file = ProfileFile()
        var target = try place(try file.profiles()[name], environment)
        target.token = nil
        let api = APIClient(try APIServer.remote(target, named: name), asJSON: output.json)
        let password = try SecretInput(what: "password", file: passwordFile, option: "--password-file", variable: "HOLDFAST_PASSWORD").read()
        let reply = try await signIn(api, password)
        guard let token = reply.document["token"]?.string else { throw Complaint("the server sent no token; it may be of another version") }
        target.token = token
        try file.update(name) { _ in target }
        tell(reply, name, file)
    }

    private func signIn(_ api: APIClient, _ password: String) async throws -> APIReply {
        var code: String?
        if totp || totpFile != nil || ProcessInfo.processInfo.environment["HOLDFAST_TOTP"].map({ !$0.isEmpty }) ?? false {
            code = try SecretInput(what: "code of the second factor", file: totpFile, option: "--totp-file", variable: "HOLDFAST_TOTP").read()
        }
        let reply = try await api.ask("POST", "sessions", body: body(password, code))
        guard (200..<300).contains(reply.status) else { throw APIProblem(reply, asJSON: output.json) }
        return reply
    }

    private func body(_ password: String, _ code: String?) -> APIBody {
        .json(["user": .string(user), "password": .string(password), "totp": .given(code)])
    }

    private func tell(_ reply: APIReply, _ name: String, _ file: ProfileFile) {
        let mustChange = reply.document["must_change_password"]?.bool == true
        if output.json {
            let members = (reply.document.object ?? []).filter { $0.name != "token" }
            print(String(decoding: JSONValue.object(members).json, as: UTF8.self))
        } else {
            print("Signed in as \(user) until \(Cell.text(reply.document["expires_at"])); profile “\(name)” in \(file.path)")
        }
        if mustChange {
            Note.print("The password must be changed before anything else: holdfast password" + (name == "default" ? "" : " --profile \(name)"))
        }
    }

    /// Where to sign in.
    private func place(_ known: Profile?, _ environment: [String: String]) throws -> Profile {
        let authority = try ca.map { path in
            guard FileManager.default.isReadableFile(atPath: path) else { throw UsageFailure("--ca: \(path) can't be read") }
            return URL(fileURLWithPath: path).path
        }
        if let url { return Profile(url: url, caFile: authority) }
        if data == nil, let known { return Profile(url: known.url, caFile: authority ?? known.caFile) }
        if let path = data ?? environment["HOLDFAST_DATA"], !path.isEmpty {
            let folder = DataFolder(path)
            guard let content = FileManager.default.contents(atPath: folder.serverPath),
                let url = (try? JSONValue(parsing: Array(content)))?["managementURL"]?.string
            else { throw Unavailable("no server runs on \(folder.path): start it with `holdfast serve --data \(folder.path)`") }
            let own = folder.file("tls/ca.pem")
            return Profile(url: url, caFile: authority ?? (FileManager.default.fileExists(atPath: own) ? own : nil))
        }
        throw UsageFailure("expected --url https://HOST:PORT: there is no such profile yet to take it from")
    }
}

struct LogoutCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "End the session, and take its token out of the profile.",
        discussion: "Example: holdfast logout --profile production")
    @OptionGroup var options: ReadOptions

    func run(_ api: APIClient) async throws {
        let environment = ProcessInfo.processInfo.environment
        let name = options.server.profile ?? environment["HOLDFAST_PROFILE"].flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        guard api.server.token != nil else { throw UsageFailure("nobody is signed in here: \(api.server.name)") }
        let reply = try await api.ask("DELETE", "sessions/current")
        guard (200..<300).contains(reply.status) || reply.status == 401 else { throw APIProblem(reply, asJSON: api.asJSON) }
        let file = ProfileFile()
        if try file.profiles()[name]?.token == api.server.token {
            try file.update(name) { profile in
                var profile = profile
                profile?.token = nil
                return profile
            }
        }
        if !api.asJSON { print("Signed out.") }
    }
}

struct WhoAmICommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami", abstract: "Show who you are to the server, and what you may do.", discussion: "Example: holdfast whoami")
    @OptionGroup var options: ReadOptions

    func run(_ api: APIClient) async throws { api.show(try await api.send("GET", "self")) }
}

struct PasswordCommand: ClientCommand {
    static let configuration = CommandConfiguration(
        commandName: "password", abstract: "Change your own password. All sessions end, and you are signed in again.",
        discussion: """
            Both passwords are asked for at the terminal, or come from files (- for a line of standard input each) or from
            HOLDFAST_PASSWORD and HOLDFAST_NEW_PASSWORD. Needs a session: `holdfast login` first.

            Example: holdfast password --profile production
            """)
    @OptionGroup var options: ReadOptions
    @Option(name: .long, help: ArgumentHelp("A file with the present password.", valueName: "file")) var passwordFile: String?
    @Option(name: .long, help: ArgumentHelp("A file with the new one.", valueName: "file")) var newPasswordFile: String?

    func run(_ api: APIClient) async throws {
        let current = try SecretInput(
            what: "present password", file: passwordFile, option: "--password-file", variable: "HOLDFAST_PASSWORD").read()
        let new = try SecretInput(
            what: "new password", file: newPasswordFile, option: "--new-password-file", variable: "HOLDFAST_NEW_PASSWORD").read(isNew: true)
        let reply = try await api.send(
            "PUT", "self/password", body: .json(["current_password": .string(current), "new_password": .string(new)]))
        let profile = try keep(reply.document["session"]?["token"]?.string, insteadOf: api.server.token)
        if !api.asJSON { print("The password is changed; you are signed in again\(profile.map { " (profile “\($0)”)" } ?? "").") }
    }

    /// Gives the profile that holds the old session the new one.
    private func keep(_ token: String?, insteadOf old: String?) throws -> String? {
        let file = ProfileFile()
        guard let token, let old, let name = try file.profiles().first(where: { $0.value.token == old })?.key else { return nil }
        try file.update(name) { profile in
            var profile = profile
            profile?.token = token
            return profile
        }
        return name
    }
}

struct TOTPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "totp", abstract: "Switch your second factor (TOTP) on or off.", subcommands: [Enable.self, Disable.self, RecoveryCodes.self])

    struct Enable: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Print the secret for an authenticator app, and confirm it with its first code.",
            discussion: """
                The secret is printed once, and so are ten recovery codes when it is confirmed: each signs in once in place of a code. Without --totp-file, HOLDFAST_TOTP or a terminal nothing is confirmed yet: run it again
                with --confirm when the app shows codes.

                Example: holdfast totp enable
                """)
        @OptionGroup var options: ReadOptions
        @Flag(name: .long, help: "Only confirm the secret that was printed before.") var confirm = false
        @Option(name: .long, help: ArgumentHelp("A file with the app's code; - for standard input.", valueName: "file")) var totpFile: String?

        func run(_ api: APIClient) async throws {
            if !confirm { api.show(try await api.send("POST", "self/totp")) }
            let input = SecretInput(what: "code that the app shows", file: totpFile, option: "--totp-file", variable: "HOLDFAST_TOTP")
            guard confirm || totpFile != nil || Terminal.isPresent else {
                return Note.print("Confirm it with the app's code: holdfast totp enable --confirm")
            }
            api.show(try await api.send("POST", "self/totp/confirm", body: .json(["code": .string(try input.read())])))
            Note.print("The second factor is on. Keep the recovery codes: they are not shown again.")
        }
    }

    struct RecoveryCodes: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "recovery-codes", abstract: "Print ten new recovery codes; earlier ones count no more.",
            discussion: "Example: holdfast totp recovery-codes")
        @OptionGroup var options: ReadOptions
        @Option(name: .long, help: ArgumentHelp("A file with your password; - for standard input.", valueName: "file")) var passwordFile: String?

        func run(_ api: APIClient) async throws {
            let password = try SecretInput(what: "password", file: passwordFile, option: "--password-file", variable: "HOLDFAST_PASSWORD").read()
            api.show(try await api.send("POST", "self/totp/recovery-codes", body: .json(["password": .string(password)])))
        }
    }

    struct Disable: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Sign in with the password alone again.", discussion: "Example: holdfast totp disable")
        @OptionGroup var options: ReadOptions
        @Option(name: .long, help: ArgumentHelp("A file with your password; - for standard input.", valueName: "file")) var passwordFile: String?

        func run(_ api: APIClient) async throws {
            let password = try SecretInput(what: "password", file: passwordFile, option: "--password-file", variable: "HOLDFAST_PASSWORD").read()
            api.tell(try await api.send("DELETE", "self/totp", body: .json(["password": .string(password)])), "The second factor is off.")
        }
    }
}
