import Primitives

/// How many people must approve an operation, and who.
package struct QuorumRule: Sendable, Equatable {
    package let operation: QuorumOperation
    package let isEnabled: Bool
    /// How many, beside the one who asks; 1 to 10.
    package let required: Int
    /// Only members of this group count; nil for whoever may decide.
    package let approverGroup: String?
    /// After this many hours a request can't be approved any more; 1 to 720.
    package let expiresInHours: Int
    package let revision: Int64

    /// What holds as long as nobody has chosen otherwise: nothing is held back.
    package static func initial(_ operation: QuorumOperation) -> QuorumRule {
        QuorumRule(operation: operation, isEnabled: false, required: 1, approverGroup: nil, expiresInHours: 24, revision: 1)
    }

    var lifetime: Duration { .seconds(3600 * expiresInHours) }
}
