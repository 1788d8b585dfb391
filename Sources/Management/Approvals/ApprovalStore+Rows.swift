import KeyCore
import Primitives

/// Which requests a list shows.
struct ApprovalFilter: Sendable {
    var state: Approval.State?
    var operation: QuorumOperation?
    /// Only this person's; nil for everybody's. The local socket's own have none.
    var requester: Requester = .anybody

    enum Requester: Sendable { case anybody, user(UserID), localSocket }
}

extension ApprovalStore {
    /// A page of the requests, and how many there are in all.
    func list(_ filter: ApprovalFilter, _ page: Page) async throws -> (items: [Approval], total: Int64) {
        var conditions = ["1 = 1"]
        var arguments: [SQLValue] = []
        func require(_ condition: String, _ value: SQLValue) {
            arguments.append(value)
            conditions.append("\(condition) $\(arguments.count)")
        }
        if let state = filter.state { require("state =", .text(state.rawValue)) }
        if let operation = filter.operation { require("operation =", .text(operation.rawValue)) }
        switch filter.requester {
        case .anybody: break
        case .user(let id): require("requester_id =", .text(id.description))
        case .localSocket: conditions.append("requester_id IS NULL")
        }
        let whole = conditions.joined(separator: " AND ")
        let count = arguments
        if let after = page.after, let time = after.value.integer {
            arguments += [.integer(time), .text(after.id)]
            let sign = page.isDescending ? "<" : ">"
            conditions.append("(created_at, id) \(sign) ($\(arguments.count - 1), $\(arguments.count))")
        }
        let order = page.isDescending ? "DESC" : "ASC"
        arguments.append(.integer(Int64(page.limit) + 1))
        let sql = """
            SELECT * FROM approvals WHERE \(conditions.joined(separator: " AND "))
            ORDER BY created_at \(order), id \(order) LIMIT $\(arguments.count)
            """
        let values = arguments
        return try await database.read { connection in
            let items = try connection.query(sql, values).map { try ApprovalStore.approval($0, in: connection) }
            let total = try connection.query("SELECT CAST(count(*) AS {BIGINT}) AS total FROM approvals WHERE \(whole)", count).first?.integer("total") ?? 0
            return (items, total)
        }
    }

    static func load(_ id: ApprovalID, in connection: borrowing SQLConnection) throws -> Approval {
        guard let row = try connection.query("SELECT * FROM approvals WHERE id = $1", [.text(id.description)]).first else {
            throw StoreError.notFound("the approval \(id)")
        }
        return try approval(row, in: connection)
    }

    static func save(_ approval: Approval, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            """
            UPDATE approvals SET state = $1, decided_at = $2, outcome_status = $3, outcome_code = $4, revision = $5 WHERE id = $6
            """,
            [
                .text(approval.state.rawValue), .optional(approval.decidedAt?.nanoseconds), .optional(approval.outcomeStatus.map(Int64.init)),
                .optional(approval.outcomeCode), .integer(approval.revision), .text(approval.id.description),
            ])
    }

    static func add(_ vote: Approval.Vote, to id: ApprovalID, in connection: borrowing SQLConnection) throws {
        try connection.execute(
            "INSERT INTO approval_votes (approval_id, user_id, name, approves, comment, at) VALUES ($1, $2, $3, $4, $5, $6)",
            [
                .text(id.description), .text(vote.userID.description), .text(vote.name), .boolean(vote.approves), .optional(vote.comment),
                .integer(vote.at.nanoseconds),
            ])
    }

    private static func approval(_ row: SQLRow, in connection: borrowing SQLConnection) throws -> Approval {
        let text = try row.text("id")
        guard let id = ApprovalID(text), let operation = QuorumOperation(rawValue: try row.text("operation")),
            let state = Approval.State(rawValue: try row.text("state"))
        else { throw StoreError.corrupt("the approval \(text)") }
        var approval = Approval(
            id: id, operation: operation, requesterID: try row.optionalText("requester_id").flatMap { UserID($0) },
            requester: try row.text("requester"), route: try row.text("route"), path: try row.text("path"),
            required: Int(try row.integer("required")), approverGroup: try row.optionalText("approver_group"),
            createdAt: Instant(nanoseconds: try row.integer("created_at")), expiresAt: Instant(nanoseconds: try row.integer("expires_at")))
        approval.tokenID = try row.optionalText("token_id")
        (approval.state, approval.revision) = (state, try row.integer("revision"))
        approval.decidedAt = try row.optionalInteger("decided_at").map(Instant.init(nanoseconds:))
        approval.outcomeStatus = try row.optionalInteger("outcome_status").map(Int.init)
        approval.outcomeCode = try row.optionalText("outcome_code")
        approval.votes = try connection.query(
            "SELECT * FROM approval_votes WHERE approval_id = $1 ORDER BY at, user_id", [.text(text)]
        ).compactMap { row in
            guard let user = UserID(try row.text("user_id")) else { return nil }
            return Approval.Vote(
                userID: user, name: try row.text("name"), approves: try row.boolean("approves"), comment: try row.optionalText("comment"),
                at: Instant(nanoseconds: try row.integer("at")))
        }
        return approval
    }
}
