/// What a request for approval looks like on the wire.
enum ApprovalSchemas {
    /// A request that waits, or waited, for approval.
    static let request = Schema.object(name: "Approval", [
        .required("id", .id),
        .required("operation", .oneOf(QuorumOperation.self), "Which rule holds it back"),
        .required("state", .oneOf(["pending", "approved", "rejected", "expired", "executed", "failed"])),
    ])
}
