import ArgumentParser
import Primitives

struct IssuerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issuer", abstract: "Add, test, list, enable, disable issuers: who signs tokens that we believe.",
        subcommands: [List.self, Add.self, Show.self, Test.self, Enable.self, Disable.self, SetEnabled.self, Delete.self])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the issuers.", discussion: "Example: holdfast issuer list --json")
        static let path = "issuers"
        static let columns = [
            Column("NAME", "name"), Column("ENABLED", "enabled"), Column("ISS", "values"), Column("KEYS FROM", "jwks_url"),
            Column("ALGORITHMS", "algorithms"), Column("DEVELOPMENT", "development"),
        ]
        static let empty = "No issuers. Add Google: holdfast issuer add google --google"
        @OptionGroup var options: ListOptions
    }

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add an issuer by its JWK Set address, its OpenID configuration, or with pinned keys.",
            discussion: """
                Examples:
                  holdfast issuer add google --google
                  holdfast issuer add idp --iss https://idp.example.com --jwks-url https://idp.example.com/jwks
                  holdfast issuer add idp --openid-configuration-url https://idp.example.com/.well-known/openid-configuration
                  holdfast issuer add lab --iss https://lab --jwks-file lab-jwks.json
                """)
        @OptionGroup var options: CreateOptions
        @OptionGroup var draft: IssuerDraft
        @Argument(help: "A name for people; unique.") var name: String

        func validate() throws {
            guard draft.google || draft.openidConfigurationURL != nil || !draft.iss.isEmpty else {
                throw ValidationError("expected --iss VALUE (the token's iss, exactly), or --google")
            }
        }

        func run(_ api: APIClient) async throws {
            let body = try draft.members().adding(["name": .string(name)])
            guard let reply = try await api.create("issuers", options, body: .json(body)) else { return }
            api.tell(reply, "\(Cell.text(reply.document["name"]))  \(Cell.text(reply.document["id"]))", dryRun: options.dryRun)
        }
    }

    struct Test: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Try an issuer out before it is added: fetch its keys and explain each step.",
            discussion: "Example: holdfast issuer test --google")
        @OptionGroup var options: ReadOptions
        @OptionGroup var draft: IssuerDraft

        func run(_ api: APIClient) async throws {
            let reply = try await api.send("POST", "issuers/test", body: .json(try draft.members(forTest: true)))
            api.show(reply)
            if reply.document["ok"]?.bool == false { throw ExitCode.failure }
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show an issuer.", discussion: "Example: holdfast issuer show google")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var issuer: String

        func run(_ api: APIClient) async throws {
            api.show(try await api.send("GET", Collection.issuers.thing(try await api.id(issuer, in: .issuers))))
        }
    }

    struct Enable: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "enable", abstract: "Believe an issuer's tokens again.", discussion: "Example: holdfast issuer enable idp")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var issuer: String

        func run(_ api: APIClient) async throws { try await IssuerCommand.set(true, issuer, options, api) }
    }

    struct Disable: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Refuse an issuer's tokens at once, also those believed before.",
            discussion: "Example: holdfast issuer disable idp")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var issuer: String

        func run(_ api: APIClient) async throws { try await IssuerCommand.set(false, issuer, options, api) }
    }

    struct SetEnabled: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-enabled", abstract: "Enable or disable an issuer: a disabled one's tokens are refused at once.",
            discussion: "Example: holdfast issuer set-enabled idp false")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var issuer: String
        @Argument(help: "true or false.") var enabled: Bool

        func run(_ api: APIClient) async throws { try await IssuerCommand.set(enabled, issuer, options, api) }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete an issuer that no endpoint uses.", discussion: "Example: holdfast issuer delete idp --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var issuer: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("tokens of “\(issuer)” would be refused from then on")
            let path = Collection.issuers.thing(try await api.id(issuer, in: .issuers))
            guard let reply = try await api.change("DELETE", path, options) else { return }
            api.tell(reply, "\(issuer) is deleted", dryRun: options.dryRun)
        }
    }

    private static func set(_ enabled: Bool, _ issuer: String, _ options: ChangeOptions, _ api: APIClient) async throws {
        let path = Collection.issuers.thing(try await api.id(issuer, in: .issuers))
        guard let reply = try await api.change("PATCH", path, options, body: .json(["enabled": .bool(enabled)])) else { return }
        api.tell(reply, "\(issuer) is \(enabled ? "enabled" : "disabled")", dryRun: options.dryRun)
    }
}

/// What is said of an issuer when it is added or tried out.
struct IssuerDraft: ParsableArguments {
    @Flag(name: .long, help: "Google's EKM service agents: the values of iss, the address and the e-mails' suffix are known.") var google = false
    @Option(name: .long, help: "An accepted value of iss; may be repeated.") var iss: [String] = []
    @Option(name: .long, help: "The https address of its JWK Set.") var jwksURL: String?
    @Option(name: .long, help: "The https address of its OpenID configuration, which names the rest.") var openidConfigurationURL: String?
    @Option(name: .long, help: "A file with its JWK Set, pinned for good.") var jwksFile: String?
    @Option(name: .long, help: "RS256 (the default), RS384, RS512, PS256, PS384, PS512, ES256, ES384 or ES512; may be repeated.") var algorithm: [String] = []
    @Option(name: .long, help: "The end that e-mails must have, as @gcp-sa-ekms.iam.gserviceaccount.com; may be repeated.")
    var emailSuffix: [String] = []

    func validate() throws {
        let origins = [jwksURL, openidConfigurationURL, jwksFile].compactMap(\.self).count
        guard origins == (google ? 0 : 1) || (google && origins == 1) else {
            throw ValidationError("expected one of --jwks-url URL, --openid-configuration-url URL and --jwks-file FILE, or --google")
        }
    }

    /// As the API takes them; a test is told only where the keys are and for which algorithms.
    func members(forTest: Bool = false) throws -> JSONValue {
        var members: [(name: String, value: JSONValue)] = []
        func add(_ name: String, _ value: JSONValue?) { if let value { members.append((name: name, value: value)) } }
        let isPlainGoogle = google && jwksFile == nil && openidConfigurationURL == nil
        add("jwks_url", .given(jwksURL ?? (isPlainGoogle ? "https://www.googleapis.com/oauth2/v3/certs" : nil)))
        add("openid_configuration_url", .given(openidConfigurationURL))
        if let jwksFile {
            let text = try InputFile.text(jwksFile, maxBytes: 256 << 10)
            guard let document = try? JSONValue(parsing: Array(text.utf8)) else { throw UsageFailure("\(jwksFile): expected a JWK Set") }
            add("jwks", document)
        }
        add("algorithms", .given(algorithm))
        guard !forTest else { return .object(members) }
        add("values", .given(google && iss.isEmpty ? ["https://accounts.google.com", "accounts.google.com"] : iss))
        let suffixes = google && emailSuffix.isEmpty ? ["@gcp-sa-ekms.iam.gserviceaccount.com"] : emailSuffix
        add("allowed_email_suffixes", .given(suffixes.map { $0.lowercased() }))
        return .object(members)
    }
}
