import KeyCore
import Primitives

/// What is inside a wrapped private key: the key with its perimeter and the hash of its public half.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 1 | format: `01` |
/// | 1 | 1 | 0 |
/// | 2 | 8 | when, seconds since 1970, big endian |
/// | 10 | 2 + n | the key as PKCS#8, its length before it |
/// | … | 2 + n | perimeter, the same |
/// | … | 2 + 32 | SHA-256 of the public half (`SubjectPublicKeyInfo`), the same |
///
/// Associated data are the label `kacls` and the word `private-key`. RSA-4096 makes 2560 bytes, 3416 characters of base64: Gmail takes 8 KiB.
struct KACLSPrivateKey: ~Copyable {
    static let aad = Array("private-key".utf8)
    /// Google says 8 KiB and sends more.
    static let maxBlobBytes = 12 << 10

    let pkcs8: SecretBytes
    let perimeterID: String
    let spkiSHA256: [UInt8]

    init(_ key: PrivateKey, perimeterID: String) throws {
        pkcs8 = try key.pkcs8DER()
        self.perimeterID = perimeterID
        spkiSHA256 = key.publicKey.spkiSHA256
    }

    /// The bytes to wrap.
    borrowing func encoded(at now: Instant) -> SecretBytes {
        var bytes: [UInt8] = [1, 0]
        bytes.reserveCapacity(64 + pkcs8.count + perimeterID.utf8.count)
        for shift in stride(from: Int64(56), through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: now.seconds >> shift)) }
        KACLSParts.append(count: pkcs8.count, to: &bytes)
        pkcs8.withSpan { span in for index in span.indices { bytes.append(span[index]) } }
        KACLSParts.append(perimeterID, to: &bytes)
        KACLSParts.append(count: spkiSHA256.count, to: &bytes)
        bytes += spkiSHA256
        defer { bytes.wipe() }
        return SecretBytes(copying: bytes)
    }

    /// What `encoded` made.
    init(decoding content: borrowing SecretBytes) throws(KeyServiceError) {
        var parts = KACLSParts(content, at: 10)
        guard content.count > 10, KACLSParts.byte(0, of: content) == 1, let key = parts.next(content), let perimeter = parts.nextText(content),
            let hash = parts.next(content), hash.count == 32, parts.isAtEnd(content)
        else { throw .undecryptable }
        pkcs8 = content.slice(key)
        perimeterID = perimeter
        spkiSHA256 = content.slice(hash).exposedCopy()
    }

    /// Throws unless `hash` (base64) is that of this key's public half.
    borrowing func check(hash: String, algorithm: String) throws {
        guard ["sha-256", "sha256"].contains(algorithm.lowercased()) else {
            throw KACLSDecodingFailure(field: "spki_hash_algorithm", problem: "expected SHA-256")
        }
        guard let bytes = try? Base64.decodeLenient(ArraySlice(hash.utf8)), ConstantTime.isEqual(bytes, spkiSHA256) else {
            throw KACLSError(403, "spki_hash names another key", cause: "spki-hash")
        }
    }
}
