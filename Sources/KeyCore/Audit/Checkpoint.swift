import Primitives

/// Signs checkpoints; the key stays with whoever made it.
package struct CheckpointSigner: Sendable {
    /// Names the key in the journal.
    package let name: String
    let sign: @Sendable ([UInt8]) -> [UInt8]?

    /// A signer that calls `sign` with a message, on the journal's writer thread: it must not wait for anything; nil if it can't sign now.
    package init(name: String, sign: @escaping @Sendable (_ message: [UInt8]) -> [UInt8]?) { (self.name, self.sign) = (name, sign) }
}

/// Verifies checkpoints' signatures.
package struct CheckpointVerifier: Sendable {
    let verify: @Sendable ([UInt8], [UInt8], String) -> Bool

    /// A verifier that calls `verify` with the message, its signature and the name of the signer's key.
    package init(_ verify: @escaping @Sendable (_ message: [UInt8], _ signature: [UInt8], _ signer: String) -> Bool) {
        self.verify = verify
    }
}

/// The record that vouches for all records before it: `head_seq` and `head` name its predecessor, `signature` covers them and the node.
enum Checkpoint {
    static let event = "journal.checkpoint"

    /// What is signed: three lines after a label that no other signature of ours begins with.
    static func message(_ head: AuditHead) -> [UInt8] {
        Array("holdfast audit checkpoint 1\n\(head.node)\n\(head.seq)\n\(head.chain)\n".utf8)
    }

    /// The checkpoint's record after `head`; nil if the signer can't sign. Without a signer the record carries no signature.
    static func body(after head: AuditHead, at time: Instant, signer: CheckpointSigner?) -> [UInt8]? {
        var signature: (name: String, bytes: [UInt8])?
        if let signer {
            guard let bytes = signer.sign(message(head)) else { return nil }
            signature = (signer.name, bytes)
        }
        return JournalNotice.body(event, at: time, node: head.node) { writer in
            writer.member("head_seq", Int64(head.seq))
            writer.member("head", head.chain)
            guard let signature else { return }
            writer.member("signer", AuditText.clean(signature.name, limit: 64))
            writer.member("signature", base64: signature.bytes)
        }
    }

    /// Whether a checkpoint vouches for `head` by a signature that `verifier` accepts.
    static func isGenuine(_ fields: JSONValue, after head: AuditHead, _ verifier: CheckpointVerifier?) -> Bool {
        guard fields["node"]?.string == head.node.description, fields["head"]?.string == head.chain,
            fields["head_seq"]?.integer == Int64(head.seq)
        else { return false }
        guard let verifier else { return true }
        guard let signer = fields["signer"]?.string, let text = fields["signature"]?.string,
            let signature = try? Base64.decodeLenient(Array(text.utf8)[...])
        else { return false }
        return verifier.verify(message(head), signature, signer)
    }
}
