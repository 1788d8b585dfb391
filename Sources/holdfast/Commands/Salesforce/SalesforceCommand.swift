import ArgumentParser
import KeyCore
import Primitives

struct SalesforceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "salesforce", abstract: "Cache-only keys: endpoints for Salesforce orgs, their keys, and a callout check.",
        discussion: """
            One endpoint for each org (a sandbox is an org of its own). `endpoint pause`, `endpoint delete` and the like work on it too.
            """,
        subcommands: [
            CreateEndpoint.self, UpdateEndpoint.self, Setup.self, ListKeys.self, CreateKey.self, RotateKey.self, SetKey.self, Callouts.self,
            CalloutCheckCommand.self,
        ])

    struct Setup: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "setup", abstract: "Print what the org's administrator has to do.",
            discussion: "Example: holdfast salesforce setup acme-production")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            let id = try await api.id(endpoint, in: .endpoints)
            let reply = try await api.send("GET", Collection.endpoints.thing(id, "named-credential"))
            guard !api.asJSON else { return api.show(reply) }
            print("URL  \(Cell.text(reply.document["url"]))")
            for (name, title) in [
                ("authentication", "The org proves who it is by"), ("external", "With an external credential"),
                ("legacy", "Or with a legacy named credential"), ("tenant_secret", "For each key"),
            ] {
                print("\n\(title):")
                for (index, step) in (reply.document[name]?.array ?? []).enumerated() { print("  \(index + 1). \(Cell.text(step))") }
            }
        }
    }

    struct Callouts: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "callouts", abstract: "Search the audit for an org's callouts.",
            discussion: """
                The request id is the RequestIdentifier of the org's RemoteKeyCalloutEvent.

                Example: holdfast salesforce callouts acme-production --request-id e5ab58fd2ced013f2a46d5c8144dd439
                """)
        @OptionGroup var options: ListOptions
        @Argument(help: "The endpoint, by name or id.") var endpoint: String
        @Option(name: .long, help: "Only the one that Salesforce called so.") var requestId: String?
        @Option(name: .long, help: "Only those that ended so: allowed, refused, failed.") var outcome: String?
        @Option(name: .long, help: "Not before this time, as 2026-01-31T00:00:00Z.") var since: String?

        func run(_ api: APIClient) async throws {
            let id = try await api.id(endpoint, in: .endpoints)
            let filters = [
                ("endpoint_id", id), ("event", "salesforce."), ("caller_request_id", requestId), ("outcome", outcome), ("since", since),
            ]
            try await api.show(
                list: "audit",
                [
                    Column("TIME", "time"), Column("OUTCOME", "outcome"), Column("STATUS", "status"), Column("CAUSE", "cause"),
                    Column("KID", "resource"), Column("REQUEST ID", "caller_request_id"), Column("CALLER", "principal"),
                    Column("ADDRESS", "remote_address"), Column("µs", "latency_us"),
                ], filters: filters, empty: "No callouts are on record.", options)
        }
    }
}
