import ArgumentParser
import Primitives

struct ApprovalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approval", abstract: "Show, approve, reject, cancel what needs several people.",
        subcommands: [List.self, Show.self, Approve.self, Reject.self, Cancel.self])

    struct List: ListCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List what waits, or has waited, for approval.", discussion: "Example: holdfast approval list --state pending")
        static let path = "approvals"
        static let columns = [
            Column("ID", "id"), Column("OPERATION", "operation"), Column("STATE", "state"), Column("REQUESTED BY", "requester"),
            Column("APPROVED", "approved"), Column("REQUIRED", "required"), Column("EXPIRES", "expires_at"), Column("WHAT", "path"),
        ]
        static let empty = "Nothing waits for approval."
        @OptionGroup var options: ListOptions
        @Option(name: .long, help: "Only those in this state, as pending.") var state: String?
        @Option(name: .long, help: "Only those under this rule, as destroy-key.") var operation: String?
        var filters: [(String, String?)] { [("state", state), ("operation", operation)] }
    }

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show a request with what it would do.", discussion: "Example: holdfast approval show ID")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The approval's id.") var approval: String

        func run(_ api: APIClient) async throws { api.show(try await api.send("GET", "approvals/\(approval)")) }
    }

    struct Approve: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "approve", abstract: "Say yes; with the last approval that is needed it is done.", discussion: "Example: holdfast approval approve ID")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The approval's id.") var approval: String
        @Option(name: .long, help: "Why; it stays with your vote.") var comment: String?

        func run(_ api: APIClient) async throws {
            api.show(try await api.send("POST", "approvals/\(approval)/approve", body: .json(["comment": .given(comment)])))
        }
    }

    struct Reject: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "reject", abstract: "Say no; then it is not done.", discussion: "Example: holdfast approval reject ID")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The approval's id.") var approval: String
        @Option(name: .long, help: "Why; it stays with your vote.") var comment: String?

        func run(_ api: APIClient) async throws {
            api.show(try await api.send("POST", "approvals/\(approval)/reject", body: .json(["comment": .given(comment)])))
        }
    }

    struct Cancel: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "cancel", abstract: "Take your own request back.", discussion: "Example: holdfast approval cancel ID")
        @OptionGroup var options: ReadOptions
        @Argument(help: "The approval's id.") var approval: String

        func run(_ api: APIClient) async throws { api.show(try await api.send("POST", "approvals/\(approval)/cancel")) }
    }
}

struct QuorumCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quorum", abstract: "Say which operations need the approval of several people.", subcommands: [Show.self, Set.self])

    struct Show: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the rule of each operation.", discussion: "Example: holdfast quorum show")
        @OptionGroup var options: ReadOptions

        func run(_ api: APIClient) async throws {
            let columns = [
                Column("OPERATION", "operation"), Column("ENABLED", "enabled"), Column("REQUIRED", "required"),
                Column("APPROVERS", "approver_group_id"), Column("EXPIRES IN HOURS", "expires_in_hours"),
            ]
            api.show(table: columns, of: try await api.send("GET", "quorum"), empty: "No operation needs approval.")
        }
    }

    struct Set: ClientCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set how many must approve an operation.",
            discussion: "Example: holdfast quorum set destroy-key --required 2 --approvers Admins --expires-in-hours 24")
        @OptionGroup var options: ChangeOptions
        @Argument(help: "The operation, as destroy-key (`quorum show` lists them).") var operation: String
        @Option(name: .long, help: "How many must approve.") var required = 2
        @Option(name: .long, help: "The group that may approve, by name or id; whoever has the permission by default.") var approvers: String?
        @Option(name: .long, help: "How long a request waits.") var expiresInHours = 24
        @Flag(name: .long, help: "Nobody needs to approve it any more.") var off = false

        func run(_ api: APIClient) async throws {
            var group: String?
            if let approvers { group = try await api.id(approvers, in: .groups) }
            let body = APIBody.json([
                "required": .given(required), "approver_group_id": .given(group), "expires_in_hours": .given(expiresInHours), "enabled": .bool(!off),
            ])
            if let reply = try await api.change("PUT", "quorum/\(operation)", options, body: body) { api.show(reply) }
        }
    }
}
