package import Primitives

/// Where records go before the answer that they tell of: the journal, or a fake in tests.
package protocol AuditSink: Sendable {
    /// Returns when the record is durable, and not before; whoever gets an error must not let the operation's result out.
    func append(_ record: AuditRecord) async throws(AuditError)
    /// Whether records are written, and whether anybody disturbed those that were.
    var health: AuditHealth { get }
}

/// Why a record was not made durable.
package enum AuditError: Error, Equatable, Sendable {
    /// The journal can't be written now; it tries again by itself with the next record.
    case unavailable(AuditFault)
    /// Too many records wait.
    case overloaded
    /// The journal was closed.
    case closed
    /// Another process, or another journal in this one, writes the journal of this node.
    case locked(AuditNode)
}

/// What is wrong with a journal.
package enum AuditFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// A record was not durable in time; the disk is slow or stuck.
    case deadline
    /// A file operation failed.
    case file(FileError)
    /// Somebody else touched a file. Records are still written, to a new segment.
    case tampered(AuditTampering)
    /// The signer couldn't sign a checkpoint. Records are still written.
    case unsigned

    /// For people.
    package var description: String {
        switch self {
        case .deadline: "records are not durable in time: the disk is slow or stuck"
        case .file(let error): error.description
        case .tampered(let tampering): "the journal was tampered with: \(tampering)"
        case .unsigned: "checkpoints can't be signed"
        }
    }
}

/// What somebody else did to a segment.
package struct AuditTampering: Equatable, Sendable, CustomStringConvertible {
    /// What was found.
    package enum Kind: String, Sendable {
        /// The file is gone.
        case deleted
        /// Another file stands at its path.
        case replaced
        /// It lost bytes that were durable.
        case truncated
        /// It has bytes that the journal didn't write.
        case grown
        /// Its last lines are not those that were written.
        case changed
    }
    /// What was found.
    package let kind: Kind
    /// The segment's file name.
    package let segment: String
    /// For people.
    package var description: String { "\(segment) was \(kind.rawValue)" }
}

/// Whether a journal is well.
package enum AuditHealth: Equatable, Sendable {
    /// Records become durable and nothing was disturbed.
    case green
    /// Something is wrong, since when. A tampering stays until it is acknowledged; everything else ends with the next success.
    case red(AuditFault, since: Instant)
}
