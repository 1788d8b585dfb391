package import Primitives

/// What happened, as `area.action`: `ekm.unwrap`, `key.created`. Each area declares its own as static members.
package struct AuditEvent: Hashable, Sendable, CustomStringConvertible {
    /// The name as it stands in the journal.
    package let description: String

    /// A name that is part of the program, so that no caller's data can become one. Names that begin with `journal.` belong to the journal.
    package init(_ name: StaticString) {
        description = name.description
        precondition(!description.hasPrefix("journal."), "names that begin with “journal.” belong to the journal")
    }
}

/// One use, refusal or failure, or one act of management: the fields that a journal's line may hold, and no others.
///
/// There is no field for bytes, bodies, tokens or key material. Texts that come from callers are cut and made printable when they are
/// written (`AuditText`); each field's limit in bytes of UTF-8 stands beside it. Fields that are nil are not written.
package struct AuditRecord: Sendable, Equatable {
    /// How it ended.
    package enum Outcome: String, Sendable, CaseIterable {
        /// Permitted, and about to be done: an act of management, whose end is told by another record with the same request id. If
        /// there is none, the server stopped in between.
        case begun
        /// Permitted, and done.
        case allowed
        /// Not permitted, or not authenticated.
        case refused
        /// Permitted, but it didn't work.
        case failed
    }

    /// When it was decided.
    package var time: Instant
    /// What happened.
    package var event: AuditEvent
    /// How it ended.
    package var outcome: Outcome
    /// The request's id, as it stands in logs; 64 bytes.
    package var requestID: String?
    /// The caller's own name for the request, as Salesforce's `requestId`; 128 bytes.
    package var callerRequestID: String?
    /// The front door.
    package var endpointID: EndpointID?
    /// The front door's name; 128 bytes.
    package var endpointName: String?
    /// The key.
    package var keyID: KeyID?
    /// The key's version.
    package var keyVersion: UInt32?
    /// The caller's e-mail address or subject; 320 bytes.
    package var principal: String?
    /// The cloud project or tenant that calls; 128 bytes.
    package var project: String?
    /// What the key is used for, as the caller names it; 512 bytes.
    package var resource: String?
    /// The device that acts for the principal, or is to; 320 bytes.
    package var device: String?
    /// The mail that the key is used for, as its system names it; 256 bytes.
    package var message: String?
    /// The other key service from which a key is taken over, by its URL as the request has it; 512 bytes.
    package var peer: String?
    /// The justification as the caller wrote it; 64 bytes.
    package var justification: String?
    /// The caller's own words about why, as they came; 256 bytes.
    package var reason: String?
    /// Which tokens were shown, by their `jti` or the beginning of their SHA-256; four at most, 80 bytes each.
    package var proofs: [String] = []
    /// Whether it was only a health check.
    package var isHealthCheck = false
    /// The rule or code that decided; 128 bytes.
    package var cause: String?
    /// The HTTP status of the answer.
    package var status: Int?
    /// The peer's address; 64 bytes.
    package var remoteAddress: String?
    /// From the request's first byte to this record, in microseconds.
    package var latencyMicroseconds: Int64?
    /// What policy obliges us to, as `notify`; eight at most, 64 bytes each.
    package var obligations: [String] = []
    /// How many similar refusals were not recorded before this one (`RefusalLimiter`).
    package var suppressed: Int?
    /// Who acted, for acts of management; 320 bytes.
    package var actor: String?
    /// What was acted on, for acts of management; 256 bytes.
    package var target: String?

    /// A record with its obligatory fields.
    package init(_ event: AuditEvent, _ outcome: Outcome, at time: Instant) {
        (self.event, self.outcome, self.time) = (event, outcome, time)
    }
}
