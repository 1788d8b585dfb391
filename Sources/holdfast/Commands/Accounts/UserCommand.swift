import ArgumentParser
import Primitives

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Create, list, change, disable, unlock, delete users.",
        subcommands: [
            List.self, Create.self, Show.self, Update.self, Enable.self, Disable.self, Unlock.self, ResetPassword.self, ResetTOTP.self, Delete.self,
        ])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the users.", discussion: "Example: holdfast user list --all")
        static let path = "users"
        static let columns = [
            Column("NAME", "name"), Column("ID", "id"), Column("ENABLED", "enabled"), Column("GROUPS", "groups"),
            Column("DISPLAY NAME", "display_name"), Column("LAST SIGN-IN", "last_sign_in_at"),
        ]
        static let empty = "No users."
        @OptionGroup var options: ListOptions
    }

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create a user.",
            discussion: """
                Without --password-file a one-time password is made and shown; it must be changed at the first sign-in.

                Example: holdfast user create alice --display-name "Alice Doe" --group "Key Users"
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "The name to sign in with; unique.") var name: String
        @Option(name: .long, help: "The name for people.") var displayName: String?
        @Option(name: .long, help: "Where to write to.") var email: String?
        @Option(name: .long, help: "A group, by name or id; may be repeated.") var group: [String] = []
        @Option(name: .long, help: ArgumentHelp("A file with a password; - for standard input.", valueName: "file")) var passwordFile: String?

        func run(_ api: APIClient) async throws {
            let password = try passwordFile.map {
                try SecretInput(what: "password", file: $0, option: "--password-file", variable: "HOLDFAST_NEW_PASSWORD").read()
            }
            let body = APIBody.json([
                "name": .string(name), "display_name": .given(displayName), "email": .given(email), "groups": .given(try await api.ids(group, in: .groups)),
                "password": .given(password),
            ])
            guard let reply = try await api.create("users", options, body: body) else { return }
            guard !api.asJSON, let user = reply.document["user"] else { return api.show(reply) }
            print(Details.text(user))
            if let password = reply.document["one_time_password"]?.string { print("one-time password, shown only now: \(password)") }
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a user.", discussion: "Example: holdfast user show alice")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var user: String

        func run(_ api: APIClient) async throws {
            api.show(try await api.send("GET", Collection.users.thing(try await api.id(user, in: .users))))
        }
    }

    struct Update: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Change a user's display name, address, client certificates.",
            discussion: "Example: holdfast user update alice --email alice@example.com")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var user: String
        @Option(name: .long, help: "The name for people.") var displayName: String?
        @Option(name: .long, help: "Where to write to.") var email: String?
        @Option(name: .long, help: ArgumentHelp(
            "The SHA-256 of a client certificate that signs in as this user, instead of those before; may be repeated.", valueName: "fingerprint"))
        var certificate: [String] = []
        @Flag(name: .long, help: "No client certificate signs in as this user any more.") var noCertificates = false

        func run(_ api: APIClient) async throws {
            let path = Collection.users.thing(try await api.id(user, in: .users))
            let body = APIBody.json([
                "display_name": .given(displayName), "email": .given(email), "certificates": noCertificates ? .array([]) : .given(certificate),
            ])
            if let reply = try await api.change("PATCH", path, options, body: body) { api.show(reply) }
        }
    }

    struct Enable: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Let a user sign in again.", discussion: "Example: holdfast user enable alice")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var user: String

        func run(_ api: APIClient) async throws { try await UserCommand.set(true, user, options, api) }
    }

    struct Disable: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Lock a user out at once: sessions and tokens end.", discussion: "Example: holdfast user disable alice")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var user: String

        func run(_ api: APIClient) async throws { try await UserCommand.set(false, user, options, api) }
    }

    struct Unlock: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "unlock", abstract: "Let somebody who mistyped the password too often try again.", discussion: "Example: holdfast user unlock alice")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var user: String

        func run(_ api: APIClient) async throws {
            let path = Collection.users.thing(try await api.id(user, in: .users), "unlock")
            if let reply = try await api.change("POST", path, options) { api.tell(reply, "\(user) may try again", dryRun: options.dryRun) }
        }
    }

    struct ResetPassword: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset-password", abstract: "Give a user a one-time password, which is shown once. Sessions end.",
            discussion: "Example: holdfast user reset-password alice --out alice.password")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var user: String
        @Option(name: .long, help: ArgumentHelp("Write it to this file (mode 0600) instead of showing it.", valueName: "file")) var out: String?

        func run(_ api: APIClient) async throws {
            let path = Collection.users.thing(try await api.id(user, in: .users), "reset-password")
            guard let reply = try await api.change("POST", path, options) else { return }
            guard let out, let password = reply.document["one_time_password"]?.string else { return api.show(reply) }
            try OutputFile.write(Array(password.utf8), to: out, what: "the one-time password of \(user)", asJSON: api.asJSON)
            api.showWithout("one_time_password", reply)
        }
    }

    struct ResetTOTP: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset-totp", abstract: "Take away the second factor of somebody who lost it.", discussion: "Example: holdfast user reset-totp alice --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var user: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("\(user) would sign in with the password alone")
            let path = Collection.users.thing(try await api.id(user, in: .users), "totp")
            if let reply = try await api.change("DELETE", path, options) { api.tell(reply, "\(user) has no second factor", dryRun: options.dryRun) }
        }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a user; what the journal says of them stays.", discussion: "Example: holdfast user delete alice --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var user: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("the account “\(user)” would be gone, with its tokens and grants")
            let path = Collection.users.thing(try await api.id(user, in: .users))
            if let reply = try await api.change("DELETE", path, options) { api.tell(reply, "\(user) is deleted", dryRun: options.dryRun) }
        }
    }

    private static func set(_ enabled: Bool, _ user: String, _ options: ChangeOptions, _ api: APIClient) async throws {
        let path = Collection.users.thing(try await api.id(user, in: .users))
        guard let reply = try await api.change("PATCH", path, options, body: .json(["enabled": .bool(enabled)])) else { return }
        api.tell(reply, "\(user) is \(enabled ? "enabled" : "disabled")", dryRun: options.dryRun)
    }
}
