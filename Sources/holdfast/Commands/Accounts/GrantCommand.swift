import ArgumentParser
import Primitives

struct GrantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant", abstract: "Permit a user or group something on a single key or endpoint.",
        subcommands: [List.self, Add.self, Remove.self])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the grants.", discussion: "Example: holdfast grant list")
        static let path = "grants"
        static let columns = [
            Column("ID", "id"), Column("USER", "user_id"), Column("GROUP", "group_id"), Column("KIND", "resource_kind"),
            Column("ON", "resource_id"), Column("PERMISSIONS", "permissions"),
        ]
        static let empty = "No grants: all permissions come from groups."
        @OptionGroup var options: ListOptions
    }

    struct Add: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Permit something on one key or endpoint.",
            discussion: "Example: holdfast grant add --user alice --key disk-encryption --permission read:keys --permission rotate:keys")
        @OptionGroup var options: CreateOptions
        @Option(name: .long, help: "To whom: a user, by name or id.") var user: String?
        @Option(name: .long, help: "To whom: a group, by name or id.") var group: String?
        @Option(name: .long, help: "On what: a key, by name or id.") var key: String?
        @Option(name: .long, help: "On what: an endpoint, by name or id.") var endpoint: String?
        @Option(name: .long, help: "What is permitted; may be repeated.") var permission: [String]

        func validate() throws {
            guard (user == nil) != (group == nil) else { throw ValidationError("expected one of --user and --group") }
            guard (key == nil) != (endpoint == nil) else { throw ValidationError("expected one of --key and --endpoint") }
        }

        func run(_ api: APIClient) async throws {
            var (userID, groupID): (String?, String?)
            if let user { userID = try await api.id(user, in: .users) }
            if let group { groupID = try await api.id(group, in: .groups) }
            let resource = key == nil ? try await api.id(endpoint ?? "", in: .endpoints) : try await api.id(key ?? "", in: .keys)
            let body = APIBody.json([
                "user_id": .given(userID), "group_id": .given(groupID), "resource_kind": key == nil ? "endpoint" : "key",
                "resource_id": .string(resource), "permissions": .strings(permission),
            ])
            if let reply = try await api.create("grants", options, body: body) { api.show(reply) }
        }
    }

    struct Remove: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take a grant back.", discussion: "Example: holdfast grant remove 0b6f7d1e-7d0a-4a57-9a0e-3f1f6f1c2a77")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The grant's id, from `grant list`.") var grant: String

        func run(_ api: APIClient) async throws {
            if let reply = try await api.change("DELETE", "grants/\(grant)", options) { api.tell(reply, "the grant is taken back", dryRun: options.dryRun) }
        }
    }
}

struct PermissionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "permission", abstract: "Show what there is to permit.", subcommands: [List.self])

    struct List: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List all permissions.", discussion: "Example: holdfast permission list")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws {
            let columns = [Column("PERMISSION", "name"), Column("CAN BE GRANTED ON ONE", "resource_kind")]
            api.show(table: columns, of: try await api.send("GET", "permissions"), "permissions", empty: "No permissions.")
        }
    }
}
