import ArgumentParser
import Primitives

extension PolicyCommand {
    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the policies.", discussion: "Example: holdfast policy list")
        static let path = "policies"
        static let columns = [
            Column("NAME", "name"), Column("ID", "id"), Column("VERSION", "version"), Column("SAVED", "updated_at"),
            Column("DESCRIPTION", "description"),
        ]
        static let empty = "No policies. Save one: holdfast policy save NAME FILE"
        @OptionGroup var options: ListOptions
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Print a policy as it was written.",
            discussion: "Example: holdfast policy show production --policy-version 3")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var policy: String
        @Option(name: .long, help: "An earlier version.") var policyVersion: Int?
        @Flag(name: .long, help: "List its versions instead.") var versions = false

        func run(_ api: APIClient) async throws {
            let path = Collection.policies.thing(try await api.id(policy, in: .policies))
            if versions {
                let columns = [Column("VERSION", "version"), Column("SAVED", "created_at"), Column("BY", "created_by"), Column("DESCRIPTION", "description")]
                return try await api.show(list: "\(path)/versions", columns, empty: "No versions.", limit: nil)
            }
            let reply = try await api.send("GET", policyVersion.map { "\(path)/versions/\($0)" } ?? path)
            guard !api.asJSON, let source = reply.document["source"]?.string else { return api.show(reply) }
            print(source)
        }
    }

    struct Save: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "save", abstract: "Save a policy under a name: a new one, or its next version, which serves at once.",
            discussion: "Example: holdfast policy save production policies/google-ekm-strict.yaml")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The name.") var name: String
        @Argument(help: "The policy file; - for standard input.") var file: String
        @Option(name: .long, help: "Why: stays with this version.") var description: String?

        func run(_ api: APIClient) async throws {
            let source = JSONValue.string(try InputFile.text(file))
            let why = JSONValue.given(description)
            let present = try await api.list("policies", query: [("name", name)], limit: nil)["items"]?.array ?? []
            let reply: APIReply?
            if let id = present.first(where: { $0["name"]?.string == name })?["id"]?.string {
                reply = try await api.change("POST", Collection.policies.thing(id, "versions"), options, body: .json(["source": source, "description": why]))
            } else {
                reply = try await api.change("POST", "policies", options, body: .json(["name": .string(name), "source": source, "description": why]))
            }
            guard let reply else { return }
            let policy = reply.document
            api.tell(reply, "\(name)  \(Cell.text(policy["policy_id"] ?? policy["id"]))  version \(Cell.text(policy["version"]))", dryRun: options.dryRun)
        }
    }

    struct Diff: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff", abstract: "Show what differs between two versions of a policy.",
            discussion: "Example: holdfast policy diff production --from 2 --to 3")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var policy: String
        @Option(name: .long, help: "The earlier version; the one before the later by default.") var from: Int?
        @Option(name: .long, help: "The later version; the latest by default.") var to: Int?

        func run(_ api: APIClient) async throws {
            let path = Collection.policies.thing(try await api.id(policy, in: .policies), "diff")
            let reply = try await api.send("GET", path, query: [("from", from.map { "\($0)" }), ("to", to.map { "\($0)" })])
            guard !api.asJSON, let text = reply.document["diff"]?.string else { return api.show(reply) }
            print(Cell.clean(text))
        }
    }

    struct Simulate: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "simulate", abstract: "Say what a draft would have decided about the calls on record.",
            discussion: "Example: holdfast policy simulate draft.yaml --endpoint disk --since 2026-01-01T00:00:00Z")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The draft; - for standard input.") var file: String
        @Option(name: .long, help: "Only calls that this policy decided, by name or id.") var policy: String?
        @Option(name: .long, help: "Only calls of this endpoint, by name or id.") var endpoint: String?
        @Option(name: .long, help: "From this moment on.") var since: String?
        @Option(name: .long, help: "Before this moment.") var until: String?
        @Option(name: .long, help: "How many calls at most.") var limit: Int?

        func run(_ api: APIClient) async throws {
            var (policyID, endpointID): (String?, String?)
            if let policy { policyID = try await api.id(policy, in: .policies) }
            if let endpoint { endpointID = try await api.id(endpoint, in: .endpoints) }
            api.show(try await api.send("POST", "policies/simulate", body: .json([
                "source": .string(try InputFile.text(file)), "policy_id": .given(policyID), "endpoint_id": .given(endpointID),
                "since": .given(since), "until": .given(until), "limit": .given(limit),
            ])))
        }
    }

    struct Rollback: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "rollback", abstract: "Make an earlier version of a policy the newest one again.",
            discussion: "Example: holdfast policy rollback production --to 2")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var policy: String
        @Option(name: .long, help: "The version whose text shall serve again.") var to: Int

        func run(_ api: APIClient) async throws {
            let path = Collection.policies.thing(try await api.id(policy, in: .policies), "rollback")
            guard let reply = try await api.change("POST", path, options, body: .json(["version": .given(to)])) else { return }
            api.tell(reply, "\(policy) serves version \(to)'s text again, as version \(Cell.text(reply.document["version"]))", dryRun: options.dryRun)
        }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a policy that no endpoint uses.", discussion: "Example: holdfast policy delete old --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var policy: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("the policy “\(policy)” and its versions would be gone")
            let path = Collection.policies.thing(try await api.id(policy, in: .policies))
            guard let reply = try await api.change("DELETE", path, options) else { return }
            api.tell(reply, "\(policy) is deleted", dryRun: options.dryRun)
        }
    }
}
