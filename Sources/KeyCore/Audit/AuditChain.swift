import Primitives

/// The hash chain through a node's records.
///
/// A line is `{"seq":n,…,"chain":"c"}`, where c = hex SHA-256(previous c ‖ the line's bytes before `,"chain"`). The value before
/// the first record is hex SHA-256(`holdfast audit journal 1: ` ‖ node). All values enter as their 64 digits, so a shell can follow:
/// `printf '%s%s' "$previous" "${line%,\"chain\"*}" | sha256sum`.
struct AuditChain: Sendable {
    /// The number of the last record; 0 before the first.
    private(set) var seq: UInt64
    /// The last record's chain value, 64 hexadecimal digits.
    private(set) var link: [UInt8]
    private var scratch: [UInt8] = []

    /// Before a node's first record.
    init(node: AuditNode) {
        seq = 0
        link = AuditChain.hash(Array("holdfast audit journal 1: \(node)".utf8))
    }

    /// After the record `seq`, whose chain value is `link`.
    init(seq: UInt64, link: [UInt8]) { (self.seq, self.link) = (seq, link) }

    /// The present point.
    func head(of node: AuditNode) -> AuditHead { AuditHead(node: node, seq: seq, chain: String(decoding: link, as: UTF8.self)) }

    /// Appends the next line, with its line feed, to `lines`; `body` is a JSON object with at least one member.
    mutating func append(_ body: [UInt8], to lines: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: link)
        scratch.append(contentsOf: #"{"seq":"#.utf8)
        scratch.append(contentsOf: String(seq + 1).utf8)
        scratch.append(0x2C)
        scratch.append(contentsOf: body[1..<body.count - 1])
        lines.append(contentsOf: scratch[link.count...])
        link = AuditChain.hash(scratch)
        seq += 1
        lines.append(contentsOf: #","chain":""#.utf8)
        lines.append(contentsOf: link)
        lines.append(contentsOf: "\"}\n".utf8)
    }

    /// The chain value of a line whose bytes before `,"chain"` are `linked` and whose predecessor's value is `link`.
    static func value(after link: [UInt8], _ linked: ArraySlice<UInt8>) -> [UInt8] { hash(link + linked) }

    private static func hash(_ bytes: [UInt8]) -> [UInt8] {
        let digest = Digest.sha256(bytes)
        var digits: [UInt8] = []
        digits.reserveCapacity(64)
        for byte in digest {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte & 15))
        }
        return digits
    }

    /// A digit of lower-case hexadecimal.
    static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }
}
