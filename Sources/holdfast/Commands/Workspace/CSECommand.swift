import ArgumentParser
import Foundation
import Primitives

struct CSECommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cse", abstract: "Client-side encryption for Google Workspace: endpoints, their test, S/MIME keys for Gmail.",
        discussion: """
            Begin with:
              holdfast cse endpoint create hq --domain example.com --hostname cse.example.com \\
                --openid-configuration-url https://idp.example.com/.well-known/openid-configuration --client-id WEB-CLIENT-ID
              holdfast cse check hq
            and paste the URL that it prints into the Admin console: Data > Compliance > Client-side encryption > Key service.
            """,
        subcommands: [CSEEndpointCommand.self, Check.self, SigningKeys.self, CSEWrapPrivateKeyCommand.self])

    struct Check: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Call an endpoint by its URL as the Admin console, browsers and other key services do.",
            discussion: """
                The server calls itself from outside: name, connection, TLS, status, certs, what browsers need (CORS), and whether the keys
                of everybody who signs tokens are at hand. Ends with 1 if a step fails.

                Example: holdfast cse check hq
                """)
        @OptionGroup var options: ReadOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            let reply = try await api.send("POST", Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints), "test"))
            if api.asJSON { api.show(reply) } else { Check.show(reply.document) }
            if reply.document["ok"]?.bool != true { throw ExitCode.failure }
        }

        private static func show(_ report: JSONValue) {
            var table = Table("", "STEP", "WHAT WAS FOUND")
            for step in report["steps"]?.array ?? [] {
                table.add([step["ok"]?.bool == true ? "ok" : "FAILED", Cell.text(step["step"]), Cell.text(step["detail"])])
            }
            table.print(whenEmpty: "Nothing was called.")
        }
    }

    struct SigningKeys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "signing-keys", abstract: "The keys with which we sign tokens for delegates and other key services.",
            subcommands: [List.self, Rotate.self])

        static let columns = [
            Column("KID", "id"), Column("STATE", "state"), Column("MADE", "created_at"), Column("SIGNS FROM", "signs_from"),
            Column("PUBLISHED UNTIL", "published_until"),
        ]

        struct List: ClientCommand {
            static let configuration = CommandConfiguration(
                commandName: "list", abstract: "List them, the newest first.", discussion: "Example: holdfast cse signing-keys list")
            @OptionGroup var options: ReadOptions

            func run(_ api: APIClient) async throws {
                api.show(
                    table: SigningKeys.columns, of: try await api.send("GET", "signing-keys"),
                    empty: "No signing keys yet: the first is made with the first endpoint for client-side encryption.")
            }
        }

        struct Rotate: ClientCommand {
            static let configuration = CommandConfiguration(
                commandName: "rotate", abstract: "Make a new one; it is published at once and signs ten minutes later.",
                discussion: """
                    The one before it stays published as long as its tokens live, so nothing is interrupted. Every 90 days this happens by itself.

                    Example: holdfast cse signing-keys rotate
                    """)
            @OptionGroup var options: ChangeOptions

            func run(_ api: APIClient) async throws {
                guard let reply = try await api.change("POST", "signing-keys/rotate", options) else { return }
                api.show(table: SigningKeys.columns, of: reply, empty: "No signing keys.")
            }
        }
    }
}
