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
                    expires_at, held, revision, token_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                """,
                [
                    .text(approval.id.description), .text(approval.operation.rawValue), .optional(approval.requesterID?.description),
                    .text(approval.requester), .text(approval.route), .text(approval.path), .integer(Int64(approval.required)),
                    .optional(approval.approverGroup), .text(approval.state.rawValue), .integer(approval.createdAt.nanoseconds),
                    .integer(approval.expiresAt.nanoseconds), .blob(sealed), .integer(approval.revision),
                    .optional(approval.tokenID),
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

    /// The document that came of it, without what is secret in it; nil if there is none.
    func outcome(_ id: ApprovalID) async throws -> JSONValue? {
        let rows = try await database.query("SELECT outcome FROM approvals WHERE id = $1", [.text(id.description)])
        guard let sealed = try rows.first?.optionalBlob("outcome") else { return nil }
        return try open(sealed, of: id, column: "outcome")
    }

    /// The same with what is secret in it, if nobody has fetched it before.
    func takeOutcome(_ id: ApprovalID) async throws -> JSONValue? {
        let rows = try await database.query("SELECT secret_outcome FROM approvals WHERE id = $1", [.text(id.description)])
        guard let sealed = try rows.first?.optionalBlob("secret_outcome") else { return try await outcome(id) }
        let taken = try await database.execute(
            "UPDATE approvals SET secret_outcome = NULL WHERE id = $1 AND secret_outcome IS NOT NULL", [.text(id.description)])
        return taken == 1 ? try open(sealed, of: id, column: "secret_outcome") : try await outcome(id)
    }

    /// Forgets what is secret in outcomes decided before `day`, and requests that ended before `quarter`.
    func forget(secretsBefore day: Instant, endedBefore quarter: Instant) async throws {
        try await database.write { connection in
            try connection.execute(
                "UPDATE approvals SET secret_outcome = NULL WHERE secret_outcome IS NOT NULL AND decided_at <= $1", [.integer(day.nanoseconds)])
            let ended = "state NOT IN ('pending', 'approved') AND decided_at <= $1"
            try connection.execute(
                "DELETE FROM approval_votes WHERE approval_id IN (SELECT id FROM approvals WHERE \(ended))", [.integer(quarter.nanoseconds)])
            try connection.execute("DELETE FROM approvals WHERE \(ended)", [.integer(quarter.nanoseconds)])
        }
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
            if approval.hasEnded { try forgetSecrets(of: id, in: connection) }
            return (approval, result)
        }
    }

    /// Stores what came of it.
    /// - Parameters:
    ///   - document: the answer's.
    ///   - shown: the same without what is secret in it.
    func conclude(_ id: ApprovalID, status: Int, code: String?, document: JSONValue?, shown: JSONValue?) async throws -> Approval {
        let sealed = try shown.map { try seal($0, of: id, column: "outcome") }
        let secret = document == shown ? nil : try document.map { try seal($0, of: id, column: "secret_outcome") }
        return try await database.write { connection in
            var approval = try ApprovalStore.load(id, in: connection)
            approval.conclude(status: status, code: code)
            try ApprovalStore.save(approval, in: connection)
            try connection.execute(
                "UPDATE approvals SET outcome = $1, secret_outcome = $2 WHERE id = $3", [.optional(sealed), .optional(secret), .text(id.description)])
            if approval.hasEnded { try forgetSecrets(of: id, in: connection) }
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

    /// What was asked for is over: it is kept to be looked at, not to be done.
    private func forgetSecrets(of id: ApprovalID, in connection: borrowing SQLConnection) throws {
        let rows = try connection.query("SELECT held FROM approvals WHERE id = $1", [.text(id.description)])
        guard let row = rows.first, let held = HeldCall(try open(try row.blob("held"), of: id, column: "held")) else {
            throw StoreError.corrupt("the approval \(id)")
        }
        let sealed = try seal(held.withoutSecrets.document, of: id, column: "held")
        try connection.execute("UPDATE approvals SET held = $1 WHERE id = $2", [.blob(sealed), .text(id.description)])
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
