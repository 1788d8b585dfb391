/// A JWE in compact form (RFC 7516, 7.1) with the one pair of algorithms that we speak: RSA-OAEP (SHA-1 and MGF1 with SHA-1,
/// empty label; RFC 7518, 4.3) and A256GCM (5.3).
///
/// SHA-1 is what the name RSA-OAEP means; OAEP doesn't depend on the hash's resistance to collisions.
package enum CompactJWE {
    /// Why it could not be made or opened.
    package enum Failure: Error, Equatable, Sendable {
        /// Not five parts of canonical unpadded base64url, or of wrong sizes.
        case malformed(String)
        /// The content key does not open with this private key.
        case contentKey
        /// Header, ciphertext or tag is not what was sealed.
        case unauthentic
        /// The public key, or OpenSSL, failed.
        case library(String)
    }

    /// What is drawn anew for each one.
    package struct Randomness: ~Copyable, Sendable {
        /// The content encryption key, 32 bytes.
        package let contentKey: SecretBytes
        /// The seed of OAEP, 20 bytes.
        package let seed: SecretBytes
        /// The nonce of GCM, 12 bytes.
        package let nonce: [UInt8]

        /// Bytes as given: for published vectors only.
        package init(contentKey: consuming SecretBytes, seed: consuming SecretBytes, nonce: [UInt8]) {
            self.contentKey = contentKey
            self.seed = seed
            self.nonce = nonce
        }

        /// Fresh random bytes.
        package static func draw() throws(OpenSSLError) -> Randomness {
            Randomness(
                contentKey: try SecretBytes(randomCount: 32), seed: try SecretBytes(randomCount: oaep.hash.digestBytes),
                nonce: try RandomBytes.generate(AES256GCM.nonceBytes))
        }
    }

    private static let oaep = OAEP(.sha1)

    /// Seals a plaintext.
    /// - Parameter header: the protected header's JSON, as it is to be sent.
    package static func seal(
        _ plaintext: borrowing SecretBytes, header: [UInt8], to key: PublicKey, with randomness: consuming Randomness
    ) throws(Failure) -> String {
        let first = Base64.urlEncoded(header)
        do {
            let encryptedKey = try key.encrypt(randomness.contentKey, with: oaep, seed: randomness.seed)
            let box = try AES256GCM.seal(
                plaintext, key: randomness.contentKey, aad: Array(first.utf8), nonce: randomness.nonce)
            let (body, tag) = (box.dropFirst(AES256GCM.nonceBytes).dropLast(AES256GCM.tagBytes), box.suffix(AES256GCM.tagBytes))
            return [
                first, Base64.urlEncoded(encryptedKey), Base64.urlEncoded(box.prefix(AES256GCM.nonceBytes)), Base64.urlEncoded(body),
                Base64.urlEncoded(tag),
            ].joined(separator: ".")
        } catch {
            throw .library("\(error)")
        }
    }

    /// One taken apart, with nothing believed yet.
    package struct Parts: Sendable {
        /// The protected header's JSON.
        package let header: [UInt8]
        /// The same as it was sent: what GCM authenticates.
        package let associatedData: [UInt8]
        /// The content key under RSA-OAEP.
        package let encryptedKey: [UInt8]
        /// The nonce.
        package let nonce: [UInt8]
        /// The ciphertext.
        package let ciphertext: [UInt8]
        /// The tag.
        package let tag: [UInt8]

        /// Takes `text` apart.
        /// - Throws: `.malformed`.
        package init(_ text: String) throws(Failure) {
            let parts = Array(text.utf8).split(separator: 0x2E, omittingEmptySubsequences: false)
            guard parts.count == 5, parts.allSatisfy({ !$0.isEmpty }) else { throw .malformed("expected five parts, none of them empty") }
            associatedData = Array(parts[0])
            do {
                header = try Base64.decodeURLCanonical(parts[0])
                encryptedKey = try Base64.decodeURLCanonical(parts[1])
                nonce = try Base64.decodeURLCanonical(parts[2])
                ciphertext = try Base64.decodeURLCanonical(parts[3])
                tag = try Base64.decodeURLCanonical(parts[4])
            } catch {
                throw .malformed("expected base64url without padding")
            }
            guard nonce.count == AES256GCM.nonceBytes, tag.count == AES256GCM.tagBytes else {
                throw .malformed("expected a nonce of 12 bytes and a tag of 16, found \(nonce.count) and \(tag.count)")
            }
        }

        /// The content key.
        /// - Throws: `.contentKey`.
        package func contentKey(with key: PrivateKey) throws(Failure) -> SecretBytes {
            let contentKey: SecretBytes
            do { contentKey = try key.decrypt(encryptedKey, with: oaep) } catch { throw .contentKey }
            guard contentKey.count == AES256GCM.keyBytes else { throw .contentKey }
            return contentKey
        }

        /// The plaintext.
        /// - Throws: `.contentKey`, `.unauthentic`.
        package func open(with key: PrivateKey) throws(Failure) -> SecretBytes {
            let contentKey = try contentKey(with: key)
            do {
                return try AES256GCM.open(nonce + ciphertext + tag, key: contentKey, aad: associatedData)
            } catch {
                throw .unauthentic
            }
        }
    }
}
