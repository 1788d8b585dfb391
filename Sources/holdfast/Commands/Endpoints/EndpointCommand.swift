import ArgumentParser
import Primitives

struct EndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoint", abstract: "Create, list, pause, disable, delete endpoints: the places that key URIs name.",
        subcommands: [
            List.self, Create.self, Show.self, Update.self, SetState.self, SetPolicy.self, Test.self, Archive.self, Recover.self, Delete.self,
        ])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the endpoints.", discussion: "Example: holdfast endpoint list --state paused")
        static let path = "endpoints"
        static let columns = [
            Column("NAME", "name"), Column("STATE", "state"), Column("HOST NAMES", "hostnames"), Column("PATH", "path"), Column("ID", "id"),
        ]
        static let empty = "No endpoints. Make one: holdfast endpoint create NAME --key KEY --policy POLICY --issuer ISSUER --hostname HOST"
        @OptionGroup var options: ListOptions
        @Option(name: .long, help: "Only those in this state.") var state: String?
        @Option(name: .long, help: "Only those of this key, by name or id.") var key: String?

        func run(_ api: APIClient) async throws {
            var id: String?
            if let key { id = try await api.id(key, in: .keys) }
            try await api.show(list: Self.path, Self.columns, filters: [("state", state), ("key_id", id)], empty: Self.empty, options)
        }
    }

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create an EKM endpoint for a key.",
            discussion: """
                Prints the key URI (EKM over the internet) and the key path (EKM over VPC) for Google Cloud.

                Example: holdfast endpoint create disk --key disk-encryption --policy production --issuer google \\
                           --hostname ekm.example.com
                """)
        @OptionGroup var options: CreateOptions
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "The key, by name or id.") var key: String
        @Option(name: .long, help: "The policy, by name or id.") var policy: String
        @Option(name: .long, help: "Whose tokens it believes, by name or id; may be repeated.") var issuer: [String]
        @Option(name: .long, help: "The name by which callers reach it; may be repeated.") var hostname: [String]
        @Option(name: .long, help: "The front door; ekm by default.") var door: String?
        @Option(name: .long, help: "The URL's path, for migration; v0/ekm/endpoints/<id> by default.") var path: String?
        @Option(name: .long, help: "A further accepted audience, exactly as sent; may be repeated.") var audience: [String] = []
        @Option(name: .long, help: "A Google project that may use it; all if none is given; may be repeated.") var project: [String] = []

        func run(_ api: APIClient) async throws {
            let body = APIBody.json([
                "name": .string(name), "door": .given(door), "path": .given(path), "hostnames": .strings(hostname),
                "key_id": .string(try await api.id(key, in: .keys)), "policy_id": .string(try await api.id(policy, in: .policies)),
                "issuer_ids": .strings(try await api.ids(issuer, in: .issuers)), "extra_audiences": .given(audience),
                "allowed_projects": .given(project),
            ])
            if let reply = try await api.create("endpoints", options, body: body) { EndpointOutput.show(reply, api) }
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show an endpoint with its URLs.", discussion: "Example: holdfast endpoint show disk")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            EndpointOutput.show(try await api.send("GET", Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))), api)
        }
    }

    struct Update: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Change what an endpoint is called, where it stands, whom it believes.",
            discussion: "Example: holdfast endpoint update disk --hostname ekm.example.com --hostname ekm2.example.com")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var endpoint: String
        @Option(name: .long, help: "Another name.") var name: String?
        @Option(name: .long, help: "Another key, by name or id.") var key: String?
        @Option(name: .long, help: "Another policy, by name or id.") var policy: String?
        @Option(name: .long, help: "Whose tokens it believes, instead of those before; may be repeated.") var issuer: [String] = []
        @Option(name: .long, help: "The names by which callers reach it, instead of those before; may be repeated.") var hostname: [String] = []
        @Option(name: .long, help: "Further accepted audiences, instead of those before; may be repeated.") var audience: [String] = []
        @Option(name: .long, help: "The Google projects that may use it, instead of those before; may be repeated.") var project: [String] = []

        func run(_ api: APIClient) async throws {
            let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))
            var (keyID, policyID): (String?, String?)
            if let key { keyID = try await api.id(key, in: .keys) }
            if let policy { policyID = try await api.id(policy, in: .policies) }
            let body = APIBody.json([
                "name": .given(name), "key_id": .given(keyID), "policy_id": .given(policyID),
                "issuer_ids": .given(try await api.ids(issuer, in: .issuers)), "hostnames": .given(hostname),
                "extra_audiences": .given(audience), "allowed_projects": .given(project),
            ])
            if let reply = try await api.change("PATCH", path, options, body: body) { EndpointOutput.show(reply, api) }
        }
    }

    struct SetState: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-state", abstract: "Activate, pause, disable or archive an endpoint.",
            discussion: """
                active    serves
                paused    answers 503: harmless, Google Cloud tries again
                disabled  answers 403: Google Cloud then DISABLES the key versions that point here, and somebody must enable them
                          again there; so it needs --yes
                archived  as disabled, and nothing of it can be changed until it has another state again; needs --yes too

                Example: holdfast endpoint set-state disk paused
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var endpoint: String
        @Argument(help: "active, paused, disabled or archived.") var state: String

        func validate() throws {
            guard ["active", "paused", "disabled", "archived"].contains(state) else {
                throw ValidationError("expected active, paused, disabled or archived, found “\(state)”")
            }
            guard !["disabled", "archived"].contains(state) || confirmation.yes || options.dryRun else {
                throw ValidationError(
                    "disabling and archiving answer 403, on which Google Cloud disables the key versions that point here; say --yes, or pause instead")
            }
        }

        func run(_ api: APIClient) async throws {
            try await EndpointCommand.set(state, endpoint, confirmed: confirmation.yes || options.dryRun, options, api)
        }
    }

    struct Test: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Call an endpoint by its URLs as the vendor would, and explain each step.",
            discussion: "Example: holdfast endpoint test disk")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            let reply = try await api.send("POST", Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints), "test"))
            api.show(reply)
            if reply.document["ok"]?.bool != true { throw ExitCode.failure }
        }
    }

    struct Archive: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "archive", abstract: "Lay an endpoint away: it answers 403 and can't be changed, but `recover` brings it back as it was.",
            discussion: "Example: holdfast endpoint archive disk --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            if !options.dryRun { try confirmation.require("“\(endpoint)” would answer 403, on which Google Cloud disables the key versions that point there") }
            try await EndpointCommand.set("archived", endpoint, confirmed: true, options, api)
        }
    }

    struct Recover: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "recover", abstract: "Bring an archived endpoint back, with everything that it had.",
            discussion: "Example: holdfast endpoint recover disk --state paused")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var endpoint: String
        @Option(name: .long, help: "active, paused or disabled.") var state = "active"

        func validate() throws {
            guard ["active", "paused", "disabled"].contains(state) else {
                throw ValidationError("--state: expected active, paused or disabled, found “\(state)”")
            }
        }

        func run(_ api: APIClient) async throws { try await EndpointCommand.set(state, endpoint, confirmed: true, options, api) }
    }

    private static func set(_ state: String, _ endpoint: String, confirmed: Bool, _ options: ChangeOptions, _ api: APIClient) async throws {
        let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints), "state")
        let body = APIBody.json(["state": .string(state), "confirm": .given(confirmed)])
        guard let reply = try await api.change("PUT", path, options, body: body) else { return }
        api.tell(reply, "\(endpoint) is \(reply.document["state"]?.string ?? state)", dryRun: options.dryRun)
    }

    struct SetPolicy: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-policy", abstract: "Give an endpoint another policy.", discussion: "Example: holdfast endpoint set-policy disk strict")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var endpoint: String
        @Argument(help: "The policy, by name or id.") var policy: String

        func run(_ api: APIClient) async throws {
            let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))
            let id = try await api.id(policy, in: .policies)
            guard let reply = try await api.change("PATCH", path, options, body: .json(["policy_id": .string(id)])) else { return }
            api.tell(reply, "\(endpoint) has the policy \(policy)", dryRun: options.dryRun)
        }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete an endpoint; its key stays.",
            discussion: """
                Google Cloud is answered 404 from then on: key versions that point here fail until they are given another URI.

                Example: holdfast endpoint delete disk --yes
                """)
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var endpoint: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("key versions that point to “\(endpoint)” would be answered 404 from then on")
            let path = Collection.endpoints.thing(try await api.id(endpoint, in: .endpoints))
            guard let reply = try await api.change("DELETE", path, options) else { return }
            api.tell(reply, "\(endpoint) is deleted", dryRun: options.dryRun)
        }
    }
}

/// An endpoint as people see it.
enum EndpointOutput {
    static func show(_ reply: APIReply, _ api: APIClient) {
        let endpoint = reply.document
        guard !api.asJSON, let path = endpoint["path"]?.string else { return api.show(reply) }
        if endpoint["door"]?.string == "kacls" { return CSEEndpointCommand.show(reply, api) }
        if endpoint["door"] == "salesforce" { return SalesforceOutput.show(reply, api) }
        print("\(Cell.text(endpoint["name"]))  \(Cell.text(endpoint["id"]))  \(Cell.text(endpoint["state"]))")
        let url = endpoint["url"]?.string ?? "https://\(Cell.text(endpoint["hostnames"]?.array?.first))/\(path)"
        print("""
            For Google Cloud:
              key URI (internet)  \(Cell.clean(url))
              key path (VPC)      \(Cell.clean(path))
              host name           \(Cell.text(endpoint["hostnames"]))
            """)
        let more = (endpoint.object ?? []).filter { member in
            !["name", "id", "state", "url", "urls", "path", "hostnames"].contains(member.name) && Cell.text(member.value) != "-"
        }
        print(Details.text(.object(more)))
    }
}
