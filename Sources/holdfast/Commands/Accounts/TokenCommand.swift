import ArgumentParser
import Foundation
import KeyCore
import Management
import Primitives

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke API tokens; mint tokens of a development issuer.",
        subcommands: [Create.self, List.self, Revoke.self, Mint.self])

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make an API token of your own, for scripts. It is shown once.",
            discussion: """
                Use it as HOLDFAST_TOKEN together with HOLDFAST_URL. Without --permission it may do what you may.

                Example: holdfast token create nightly-backup --permission create:backups --expires-in-days 90 --out backup.token
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "A name for people.") var name: String
        @Option(name: .long, help: "What it may do, as read:keys (`permission list` lists them); may be repeated.") var permission: [String] = []
        @Option(name: .long, help: "When it expires.") var expiresInDays: Int?
        @Option(name: .long, help: ArgumentHelp("Write the token to this file (mode 0600) instead of showing it.", valueName: "file")) var out: String?

        func run(_ api: APIClient) async throws {
            let body = APIBody.json([
                "name": .string(name), "permissions": .given(permission), "expires_in_days": .given(expiresInDays),
            ])
            guard let reply = try await api.create("self/tokens", options, body: body) else { return }
            guard let out, let token = reply.document["token"]?.string else { return api.show(reply) }
            try OutputFile.write(Array(token.utf8), to: out, what: "the token “\(name)”", asJSON: api.asJSON)
            api.showWithout("token", reply)
        }
    }

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List your API tokens, or everybody's.", discussion: "Example: holdfast token list --everybody")
        @OptionGroup var options: ListOptions
        @Flag(name: .long, help: "Everybody's.") var everybody = false

        func run(_ api: APIClient) async throws {
            let columns = [
                Column("NAME", "name"), Column("ID", "id"), Column("USER", "user.name"), Column("PERMISSIONS", "permissions"),
                Column("EXPIRES", "expires_at"), Column("LAST USED", "last_used_at"),
            ].filter { everybody || $0.heading != "USER" }
            try await api.show(
                list: everybody ? "tokens" : "self/tokens", columns, empty: "No tokens. Make one: holdfast token create NAME", options)
        }
    }

    struct Revoke: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Make an API token worthless at once.", discussion: "Example: holdfast token revoke nightly-backup")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id; of other people's tokens only the id.") var token: String
        @Flag(name: .long, help: "Somebody else's.") var anybodys = false

        func run(_ api: APIClient) async throws {
            let list = anybodys ? "tokens" : "self/tokens"
            var id = UUIDBytes(token)?.description
            if id == nil, !anybodys {
                id = try await api.list(list, query: [], limit: nil)["items"]?.array?.first { $0["name"]?.string == token }?["id"]?.string
            }
            guard let id else { throw Complaint("token “\(token)” does not exist; `holdfast token list` shows those that do") }
            guard let reply = try await api.change("DELETE", "\(list)/\(id)", options) else { return }
            api.tell(reply, "\(token) is revoked", dryRun: options.dryRun)
        }
    }

    struct Mint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mint",
            abstract: "Print one compact JWT of a development issuer, as a Cloud KMS service agent would carry.",
            discussion: """
                Only an issuer marked as a development issuer can be used: of any other we don't hold the private key.

                Example: TOKEN=$(holdfast token mint --data ./data)
                """)

        @OptionGroup var data: DataOption
        @Option(name: .long, help: "The development issuer.") var issuer = DemoInstallation.issuerName
        @Option(name: .long, help: "aud; by default the demo endpoint's audience.") var audience: String?
        @Option(name: .long, help: "email; by default the demo's service agent.") var email = DemoInstallation.callerEmail
        @Option(name: .long, help: ArgumentHelp("Seconds until it expires, 1 to 86400.", valueName: "seconds")) var lifetime = 3600

        func validate() throws {
            guard (1...86400).contains(lifetime) else { throw ValidationError("--lifetime: expected 1 to 86400 seconds, found \(lifetime)") }
        }

        func run() async throws {
            try await Administration.run(data) { administration in
                let installation = administration.installation
                let issuer = try await installation.issuers.find(issuer)
                let demo = FileManager.default.contents(atPath: installation.folder.demoPath).flatMap { Demo(parsing: Array($0)) }
                guard let audience = audience ?? demo?.audience else {
                    throw Complaint("expected --audience https://HOST: there is no demo in this data folder to take it from")
                }
                let claims = DevelopmentIssuer.ekmClaims(
                    audience: audience, email: email, lifetime: .seconds(lifetime), now: installation.clock.now)
                let token = try DevelopmentIssuer.mint(issuer, claims: claims, installation)
                try await administration.record(AuditEvent.tokenMinted, target: issuer.name) { $0.principal = email }
                print(token)
            }
        }
    }
}
