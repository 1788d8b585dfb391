import Primitives

/// A journal's line, taken apart strictly; that its chain value is right is for the reader of the line before to say.
struct AuditLine {
    /// The line without its line feed.
    let bytes: [UInt8]
    /// The record's number.
    let seq: UInt64
    /// What happened.
    let event: String
    /// The chain value that the line claims, 64 digits.
    let link: [UInt8]

    private static let suffixCount = 10 + 64 + 2

    /// Nil unless the line is one JSON object that begins with `seq` and ends with `chain`, both written as the journal writes them.
    init?(_ bytes: [UInt8]) {
        let split = bytes.count - AuditLine.suffixCount
        guard split > 0, bytes[split..<split + 10].elementsEqual(#","chain":""#.utf8), bytes.suffix(2).elementsEqual(#""}"#.utf8)
        else { return nil }
        let link = Array(bytes[split + 10..<split + 74])
        guard link.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        guard let (seq, event) = try? AuditLine.scan(bytes), let seq, let event else { return nil }
        (self.bytes, self.seq, self.event, self.link) = (bytes, seq, event, link)
    }

    /// The bytes that the chain value covers.
    var linked: ArraySlice<UInt8> { bytes[..<(bytes.count - AuditLine.suffixCount)] }

    /// The chain after this line.
    var chain: AuditChain { AuditChain(seq: seq, link: link) }

    /// Whether the line follows a chain value.
    func follows(_ previous: [UInt8]) -> Bool { AuditChain.value(after: previous, linked) == link }

    /// The whole record; nil if a member occurs twice.
    var fields: JSONValue? { try? JSONValue(parsing: bytes) }

    private static func scan(_ bytes: [UInt8]) throws(JSONScanner.Failure) -> (seq: UInt64?, event: String?) {
        var scanner = JSONScanner(bytes, maxDepth: 4)
        var (seq, event, isFirst) = (UInt64?.none, String?.none, true)
        try scanner.beginObject()
        while let name = try scanner.nextMember() {
            let isSeq = scanner.raw(name).elementsEqual("seq".utf8)
            guard isSeq == isFirst else { return (nil, nil) }
            if isSeq {
                seq = UInt64(String(decoding: try scanner.number(), as: UTF8.self))
            } else if event == nil, scanner.raw(name).elementsEqual("event".utf8) {
                event = scanner.string(try scanner.text())
            } else {
                try scanner.skipValue()
            }
            isFirst = false
        }
        try scanner.endDocument()
        return (seq == 0 ? nil : seq, event)
    }
}
