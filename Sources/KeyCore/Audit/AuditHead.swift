/// Who writes a journal: a server node, or `cli`. Each has its own files, sequence and chain.
package struct AuditNode: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    package let description: String

    /// From 1 to 64 lower-case letters, digits, `.`, `_` and `-`, of which the first is a letter or digit; nil for anything else.
    package init?(_ name: some StringProtocol) {
        let bytes = Array(name.utf8)
        guard (1...64).contains(bytes.count), bytes.first.map(AuditNode.isAlphanumeric) == true,
            bytes.allSatisfy({ AuditNode.isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F })
        else { return nil }
        description = String(name)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) }
}

/// A point of a node's chain. Kept outside the journal's folder it is an anchor: what was written up to it can't be removed unnoticed.
package struct AuditHead: Equatable, Sendable {
    /// The journal's node.
    package let node: AuditNode
    /// The number of the record, from 1.
    package let seq: UInt64
    /// Its chain value: 64 lower-case hexadecimal digits.
    package let chain: String

    /// A point as it was handed out.
    package init(node: AuditNode, seq: UInt64, chain: String) {
        (self.node, self.seq, self.chain) = (node, seq, chain)
    }
}
