import KeyCore
package import Primitives

/// The rules of the quorum in the database. A rule that nobody has changed has no row.
struct QuorumRuleStore: Sendable {
    let database: any SQLDatabase

    func find(_ operation: QuorumOperation) async throws -> QuorumRule {
        try await database.read { try QuorumRuleStore.load(operation, in: $0) }
    }

    func all() async throws -> [QuorumRule] {
        try await database.read { connection in
            var rules: [QuorumRule] = []
            for operation in QuorumOperation.allCases { rules.append(try QuorumRuleStore.load(operation, in: connection)) }
            return rules
        }
    }

    /// Changes a rule.
    func set(_ rule: QuorumRule, expected: Int64?) async throws -> QuorumRule {
        try await database.write { connection in
            let present = try QuorumRuleStore.load(rule.operation, in: connection)
            if let expected, expected != present.revision { throw StoreError.changed("the rule \(rule.operation.rawValue)") }
            let next = QuorumRule(
                operation: rule.operation, isEnabled: rule.isEnabled, required: rule.required, approverGroup: rule.approverGroup,
                expiresInHours: rule.expiresInHours, revision: present.revision + 1)
            try connection.execute(
                """
                INSERT INTO quorum_rules (operation, enabled, required, approver_group, expires_in_hours, revision)
                VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (operation) DO UPDATE SET enabled = excluded.enabled, required = excluded.required,
                    approver_group = excluded.approver_group, expires_in_hours = excluded.expires_in_hours, revision = excluded.revision
                """,
                [
                    .text(next.operation.rawValue), .boolean(next.isEnabled), .integer(Int64(next.required)), .optional(next.approverGroup),
                    .integer(Int64(next.expiresInHours)), .integer(next.revision),
                ])
            return next
        }
    }

    static func load(_ operation: QuorumOperation, in connection: borrowing SQLConnection) throws -> QuorumRule {
        let rows = try connection.query("SELECT * FROM quorum_rules WHERE operation = $1", [.text(operation.rawValue)])
        guard let row = rows.first else { return .initial(operation) }
        return QuorumRule(
            operation: operation, isEnabled: try row.boolean("enabled"), required: Int(try row.integer("required")),
            approverGroup: try row.optionalText("approver_group"), expiresInHours: Int(try row.integer("expires_in_hours")),
            revision: try row.integer("revision"))
    }
}

/// Ends the quorum for whoever holds the root key.
package enum QuorumReset {
    /// Disables every rule.
    /// - Returns: the names of the operations that needed approval before.
    package static func disableAll(_ database: any SQLDatabase) async throws -> [String] {
        try await database.write { connection in
            try connection.query("UPDATE quorum_rules SET enabled = 0, revision = revision + 1 WHERE enabled = 1 RETURNING operation")
                .map { try $0.text("operation") }.sorted()
        }
    }
}
