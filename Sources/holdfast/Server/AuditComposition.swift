import KeyCore
import Logging
import Primitives

/// The journal with its checkpoint key (Ed25519, sealed in the database) and its anchor (the last checkpoint, in the database too).
enum AuditComposition {
    private static let secretName = "audit-checkpoint-key"

    /// Makes the checkpoint key of a new installation.
    static func createCheckpointKey(_ installation: Installation) throws {
        let key = try PrivateKey.generate(.ed25519)
        try installation.secrets.create(
            secretName, try key.pkcs8DER(), publicPart: try key.publicKey.spkiPEM(), now: installation.clock.now)
    }

    /// Opens a node's journal.
    /// - Parameter deadline: for a record to be durable; the configured one, which is short for the sake of callers, if nil.
    /// - Throws: `AuditError.locked` if another process writes it; otherwise a sentence for the operator.
    static func openJournal(
        _ installation: Installation, node name: String, deadline: Duration? = nil, logger: Logger
    ) throws -> NodeJournal {
        guard let node = AuditNode(name) else { throw Complaint("“\(name)” is no name of an audit node") }
        var configuration = AuditJournalConfiguration(folder: installation.auditFolder, node: node)
        configuration.deadline = deadline ?? installation.configuration.audit.deadline
        configuration.segmentBytes = UInt64(installation.configuration.audit.segmentBytes)
        configuration.clock = installation.clock
        let anchors = AnchorKeeper(AuditHeads(database: installation.database), clock: installation.clock, logger: logger)
        do {
            let journal = try AuditJournal(
                configuration, signer: try signer(installation), anchor: try anchors.heads.find(node), headStore: anchors.keep)
            return NodeJournal(sink: journal, anchors: anchors)
        } catch AuditError.unavailable(let fault) {
            throw Complaint("the audit journal can't be written, and without it nothing is served: \(fault)")
        }
    }

    /// What `audit verify` checks a folder against.
    static func verifier(_ installation: Installation) throws -> AuditVerifier {
        guard let pem = try installation.secrets.publicPart(secretName) else {
            throw Complaint("the checkpoint key is missing from \(installation.folder.databasePath)")
        }
        let key = try PublicKey(spkiPEM: pem)
        let name = keyName(key)
        let checkpoints = CheckpointVerifier { message, signature, signer in
            signer == name && (try? key.verify(signature, over: message, with: .ed25519)) == true
        }
        return AuditVerifier(
            folder: installation.auditFolder, checkpoints: checkpoints, anchors: try AuditHeads(database: installation.database).all())
    }

    private static func signer(_ installation: Installation) throws -> CheckpointSigner {
        guard let secret = try installation.secrets.find(secretName) else {
            throw Complaint("the checkpoint key is missing from \(installation.folder.databasePath)")
        }
        let key = try PrivateKey(pkcs8DER: secret.bytes)
        return CheckpointSigner(name: keyName(key.publicKey)) { message in try? key.sign(message, with: .ed25519) }
    }

    private static func keyName(_ key: PublicKey) -> String {
        "ed25519:" + Hex.string(key.spkiSHA256.prefix(8))
    }
}

/// A node's open journal with the anchor that follows it.
struct NodeJournal: Sendable {
    /// Where records go.
    let sink: AuditJournal
    fileprivate let anchors: AnchorKeeper

    /// Writes what waits and a last checkpoint, and stores its anchor. The database must still be open.
    func close() async {
        await sink.close()
        await anchors.close()
    }
}

/// Stores anchors as they come. The journal's writer doesn't wait for that; of several that wait only the latest counts.
private final class AnchorKeeper: Sendable {
    let heads: AuditHeads
    private let incoming: AsyncStream<AuditHead>.Continuation
    private let work: Task<Void, Never>

    init(_ heads: AuditHeads, clock: WallClock, logger: Logger) {
        let (stream, continuation) = AsyncStream<AuditHead>.makeStream(bufferingPolicy: .bufferingNewest(1))
        (self.heads, incoming) = (heads, continuation)
        work = Task {
            for await head in stream {
                do { try await heads.save(head, at: clock.now) } catch {
                    logger.error("audit anchor can't be stored", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    @Sendable func keep(_ head: AuditHead) { incoming.yield(head) }

    /// Returns when the last one is stored.
    func close() async {
        incoming.finish()
        await work.value
    }
}

/// The anchors of the journals: the last checkpoint of each node, outside the journal's folder.
struct AuditHeads: Sendable {
    let database: SQLiteDatabase

    func find(_ node: AuditNode) throws -> AuditHead? { try all().first { $0.node == node } }

    func all() throws -> [AuditHead] {
        try database.readBlocking { connection in
            try connection.query("SELECT node, sequence, chain FROM audit_heads ORDER BY node").compactMap { row in
                guard let node = AuditNode(try row.text("node")) else { return nil }
                return AuditHead(node: node, seq: UInt64(try row.integer("sequence")), chain: try row.text("chain"))
            }
        }
    }

    func save(_ head: AuditHead, at now: Instant) async throws {
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO audit_heads (node, sequence, chain, at) VALUES ($1, $2, $3, $4)
                ON CONFLICT (node) DO UPDATE SET sequence = excluded.sequence, chain = excluded.chain, at = excluded.at
                WHERE excluded.sequence > audit_heads.sequence
                """,
                [.text(head.node.description), .integer(Int64(head.seq)), .text(head.chain), .integer(now.nanoseconds)])
        }
    }
}
