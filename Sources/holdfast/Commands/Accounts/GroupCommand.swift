import ArgumentParser
import Primitives

struct GroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Create, list, change, delete groups, and say who is in them.",
        subcommands: [List.self, Create.self, Show.self, Update.self, Delete.self, AddMember.self, RemoveMember.self])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the groups, those of every installation too.", discussion: "Example: holdfast group list")
        static let path = "groups"
        static let columns = [
            Column("NAME", "name"), Column("ID", "id"), Column("SYSTEM", "system"), Column("MEMBERS", "members"), Column("PERMISSIONS", "#permissions"),
            Column("DESCRIPTION", "description"),
        ]
        static let empty = "No groups."
        @OptionGroup var options: ListOptions
    }

    struct Create: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Create a group from permissions.",
            discussion: "Example: holdfast group create operators --permission read:keys --permission change-state:endpoints")
        @OptionGroup var options: CreateOptions
        @Argument(help: "A name for people; unique.") var name: String
        @Option(name: .long, help: "A sentence for people.") var description: String?
        @Option(name: .long, help: "What its members may do (`permission list` lists them); may be repeated.") var permission: [String] = []

        func run(_ api: APIClient) async throws {
            let body = APIBody.json(["name": .string(name), "description": .given(description), "permissions": .strings(permission)])
            if let reply = try await api.create("groups", options, body: body) { api.show(reply) }
        }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a group with its permissions and members.", discussion: "Example: holdfast group show Admins")
        @OptionGroup var options: ReadOptions
        @Argument(help: "Name or id.") var group: String

        func run(_ api: APIClient) async throws {
            api.show(try await api.send("GET", Collection.groups.thing(try await api.id(group, in: .groups))))
        }
    }

    struct Update: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "update", abstract: "Change a group's name, description, permissions.",
            discussion: "Example: holdfast group update operators --permission read:keys")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "Name or id.") var group: String
        @Option(name: .long, help: "Another name.") var name: String?
        @Option(name: .long, help: "A sentence for people.") var description: String?
        @Option(name: .long, help: "What its members may do, instead of before; may be repeated.") var permission: [String] = []

        func run(_ api: APIClient) async throws {
            let path = Collection.groups.thing(try await api.id(group, in: .groups))
            let body = APIBody.json(["name": .given(name), "description": .given(description), "permissions": .given(permission)])
            if let reply = try await api.change("PATCH", path, options, body: body) { api.show(reply) }
        }
    }

    struct Delete: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a group; its members lose what it gave them.", discussion: "Example: holdfast group delete operators --yes")
        @OptionGroup var options: ChangeOptions
        @OptionGroup var confirmation: YesOption
        @Argument(help: "Name or id.") var group: String

        func run(_ api: APIClient) async throws {
            try confirmation.require("the members of “\(group)” would lose what it gives them")
            let path = Collection.groups.thing(try await api.id(group, in: .groups))
            if let reply = try await api.change("DELETE", path, options) { api.tell(reply, "\(group) is deleted", dryRun: options.dryRun) }
        }
    }

    struct AddMember: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "add-member", abstract: "Put a user into a group.", discussion: "Example: holdfast group add-member \"Key Users\" alice")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The group, by name or id.") var group: String
        @Argument(help: "The user, by name or id.") var user: String

        func run(_ api: APIClient) async throws {
            let path = Collection.groups.thing(try await api.id(group, in: .groups), "members/\(try await api.id(user, in: .users))")
            if let reply = try await api.change("PUT", path, options) { api.tell(reply, "\(user) is in \(group)", dryRun: options.dryRun) }
        }
    }

    struct RemoveMember: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove-member", abstract: "Take a user out of a group.", discussion: "Example: holdfast group remove-member \"Key Users\" alice")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The group, by name or id.") var group: String
        @Argument(help: "The user, by name or id.") var user: String

        func run(_ api: APIClient) async throws {
            let path = Collection.groups.thing(try await api.id(group, in: .groups), "members/\(try await api.id(user, in: .users))")
            if let reply = try await api.change("DELETE", path, options) { api.tell(reply, "\(user) is not in \(group)", dryRun: options.dryRun) }
        }
    }
}
