import KeyCore
import Primitives

/// Requests for approval in the database. Each change is one transaction in which the state machine decides.
struct ApprovalStore: Sendable {
    let database: any SQLDatabase
    let sealer: DataSealer

    func create(_ approval: Approval, _ held: HeldCall) async throws {
        let sealed = try seal(held.document, of: approval.id, column: "held")
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO approvals (id, operation, requester_id, requester, route, path, required, approver_group, state, created_at,
                    expires_at, held, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                """,
                [
                    .text(approval.id.description), .text(approval.operation.rawValue), .optional(approval.requesterID?.description),
                    .text(approval.requester), .text(approval.route), .text(approval.path), .integer(Int64(approval.required)),
                    .optional(approval.approverGroup), .text(approval.state.rawValue), .integer(approval.createdAt.nanoseconds),
                    .integer(approval.expiresAt.nanoseconds), .blob(sealed), .integer(approval.revision),
                ])
        }
    }

    func find(_ id: ApprovalID) async throws -> Approval {
        try await database.read { try ApprovalStore.load(id, in: $0) }
    }

    /// What was asked for.
    func held(_ id: ApprovalID) async throws -> HeldCall {
        let rows = try await database.query("SELECT held FROM approvals WHERE id = $1", [.text(id.description)])
        guard let row = rows.first else { throw StoreError.notFound("the approval \(id)") }
        guard let held = HeldCall(try open(try row.blob("held"), of: id, column: "held")) else {
            throw StoreError.corrupt("the approval \(id)")
        }
        return held
    }

    /// The document that came of it; nil if there is none.
    func outcome(_ id: ApprovalID) async throws -> JSONValue? {
        let rows = try await database.query("SELECT outcome FROM approvals WHERE id = $1", [.text(id.description)])
        guard let sealed = try rows.first?.optionalBlob("outcome") else { return nil }
        return try open(sealed, of: id, column: "outcome")
    }

    /// Takes one step of the state machine.
    func change<Result: Sendable>(
        _ id: ApprovalID, _ step: @escaping @Sendable (inout Approval) throws -> Result
    ) async throws -> (Approval, Result) {
        try await database.write { connection in
            var approval = try ApprovalStore.load(id, in: connection)
            let known = approval.votes.count
            let result = try step(&approval)
            try ApprovalStore.save(approval, in: connection)
            for vote in approval.votes.dropFirst(known) { try ApprovalStore.add(vote, to: id, in: connection) }
            return (approval, result)
        }
    }

    /// Stores what came of it.
    func conclude(_ id: ApprovalID, status: Int, code: String?, document: JSONValue?) async throws -> Approval {
        let sealed = try document.map { try seal($0, of: id, column: "outcome") }
        return try await database.write { connection in
            var approval = try ApprovalStore.load(id, in: connection)
            approval.conclude(status: status, code: code)
            try ApprovalStore.save(approval, in: connection)
            try connection.execute("UPDATE approvals SET outcome = $1 WHERE id = $2", [.optional(sealed), .text(id.description)])
            return approval
        }
    }

    /// Those in a state whose time, by that column, came before `instant`.
    func due(_ state: Approval.State, _ column: TimeColumn, before instant: Instant) async throws -> [ApprovalID] {
        try await database.query(
            "SELECT id FROM approvals WHERE state = $1 AND \(column.rawValue) <= $2 ORDER BY id LIMIT 1000",
            [.text(state.rawValue), .integer(instant.nanoseconds)]
        ).compactMap { ApprovalID(try $0.text("id")) }
    }

    enum TimeColumn: String {
        case expiresAt = "expires_at"
        case decidedAt = "decided_at"
    }

    // MARK: Sealing

    private func place(_ id: ApprovalID, _ column: String) -> SealedLocation {
        SealedLocation(table: "approvals", row: id.description, column: column)
    }

    private func seal(_ document: JSONValue, of id: ApprovalID, column: String) throws -> [UInt8] {
        try sealer.seal(SecretBytes(copying: document.json), at: place(id, column))
    }

    private func open(_ sealed: [UInt8], of id: ApprovalID, column: String) throws -> JSONValue {
        try JSONValue(parsing: try sealer.open(sealed, at: place(id, column)).exposedCopy(), maxDepth: 32)
    }
}
