import KeyCore
import Primitives

/// What is inside a wrapped key: the client's data key with the name of what it protects. Everything is encrypted; the
/// blob's clear header (`WrappedBlob`) names the key version only.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 1 | format: `01` |
/// | 1 | 1 | flags: 1 wrapped by an administrator, 2 taken over from another key service |
/// | 2 | 8 | when, seconds since 1970, big endian |
/// | 10 | 2 + n | data key, its length before it |
/// | … | 2 + n | resource name, the same |
/// | … | 2 + n | perimeter, the same |
///
/// With 128 bytes of each 464 bytes in all, 620 characters of base64: Google takes 1024. Associated data are the label `kacls` and the
/// word `dek`; not the endpoint, its URL or the user, all of which change. What keeps organisations apart is the key: endpoints share
/// one only within an organisation (`EndpointStore`).
struct KACLSDataKey: ~Copyable {
    static let aad = Array("dek".utf8)
    static let maxBytes = 128
    /// Base64 text of a wrapped key that is looked at.
    static let maxBlobBytes = 768

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let privileged = Flags(rawValue: 1)
        static let rewrapped = Flags(rawValue: 2)
    }

    let dek: SecretBytes
    let resourceName: String
    let perimeterID: String
    var flags: Flags = []

    init(_ dek: consuming SecretBytes, resourceName: String, perimeterID: String, flags: Flags = []) throws(KACLSDecodingFailure) {
        guard (1...128).contains(resourceName.utf8.count) else {
            throw KACLSDecodingFailure(field: "resource_name", problem: "expected 1 to 128 bytes")
        }
        guard perimeterID.utf8.count <= 128 else { throw KACLSDecodingFailure(field: "perimeter_id", problem: "expected at most 128 bytes") }
        self.dek = dek
        (self.resourceName, self.perimeterID, self.flags) = (resourceName, perimeterID, flags)
    }

    /// The bytes to wrap.
    borrowing func encoded(at now: Instant) -> SecretBytes {
        var bytes: [UInt8] = [1, flags.rawValue]
        bytes.reserveCapacity(16 + dek.count + resourceName.utf8.count + perimeterID.utf8.count)
        for shift in stride(from: Int64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: now.seconds >> shift)) }
        KACLSParts.append(count: dek.count, to: &bytes)
        dek.withSpan { span in for index in span.indices { bytes.append(span[index]) } }
        KACLSParts.append(resourceName, to: &bytes)
        KACLSParts.append(perimeterID, to: &bytes)
        defer { bytes.wipe() }
        return SecretBytes(copying: bytes)
    }

    /// What `encoded` made.
    /// - Throws: `.undecryptable` for anything else; nobody but us can have sealed it.
    init(decoding content: borrowing SecretBytes) throws(KeyServiceError) {
        var parts = KACLSParts(content, at: 10)
        guard content.count > 10, KACLSParts.byte(0, of: content) == 1, let key = parts.next(content), let resource = parts.nextText(content),
            let perimeter = parts.nextText(content), parts.isAtEnd(content)
        else { throw .undecryptable }
        dek = content.slice(key)
        (resourceName, perimeterID) = (resource, perimeter)
        flags = Flags(rawValue: KACLSParts.byte(1, of: content))
    }

    /// The hash by which Google tells whether a resource's key stayed the same (Google Workspace CSE, "Resource key hash").
    borrowing func resourceKeyHash() throws -> [UInt8] {
        try HMAC.authenticate(Array("ResourceKeyDigest:\(resourceName):\(perimeterID)".utf8), key: dek, with: .sha256)
    }
}

/// Reads and writes parts that each have their length before them, two bytes, big endian.
struct KACLSParts {
    private var offset: Int

    init(_ content: borrowing SecretBytes, at offset: Int) { self.offset = offset }

    static func append(count: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: count >> 8))
        bytes.append(UInt8(truncatingIfNeeded: count))
    }

    static func append(_ text: String, to bytes: inout [UInt8]) {
        append(count: text.utf8.count, to: &bytes)
        bytes.append(contentsOf: text.utf8)
    }

    static func byte(_ index: Int, of content: borrowing SecretBytes) -> UInt8 { content.withSpan { $0[index] } }

    /// The place of the next part.
    mutating func next(_ content: borrowing SecretBytes) -> Range<Int>? {
        guard offset + 2 <= content.count else { return nil }
        let count = Int(KACLSParts.byte(offset, of: content)) << 8 | Int(KACLSParts.byte(offset + 1, of: content))
        guard offset + 2 + count <= content.count else { return nil }
        defer { offset += 2 + count }
        return offset + 2..<offset + 2 + count
    }

    mutating func nextText(_ content: borrowing SecretBytes) -> String? {
        guard let range = next(content) else { return nil }
        return String(validating: content.slice(range).exposedCopy(), as: UTF8.self)
    }

    func isAtEnd(_ content: borrowing SecretBytes) -> Bool { offset == content.count }
}
