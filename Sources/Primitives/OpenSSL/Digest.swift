import COpenSSL

/// A digest (FIPS 180-4), at once or piece by piece.
///
/// Nothing here throws: with the algorithm at hand OpenSSL fails only when there is no memory, and then the process ends.
package struct Digest: ~Copyable {
    /// The function it was started with.
    package let function: HashFunction
    private let context: OpaquePointer

    /// A digest of nothing so far.
    package init(_ function: HashFunction) {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, function.handle, nil) == 1 else {
            preconditionFailure("out of memory: no \(function.rawValue) context")
        }
        (self.function, self.context) = (function, context)
    }

    deinit { EVP_MD_CTX_free(context) }  // cleanses the state too

    /// Appends bytes.
    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBufferPointer { update($0.baseAddress, $0.count) }
    }

    /// Appends bytes.
    package mutating func update(_ bytes: [UInt8]) { update(bytes, bytes.count) }

    /// Appends a secret.
    package mutating func update(_ secret: borrowing SecretBytes) {
        let count = secret.count
        secret.withPointer { update($0, count) }
    }

    private func update(_ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        let result = EVP_DigestUpdate(context, bytes, count)
        precondition(result == 1, "out of memory: digest failed")
    }

    /// The digest of all that was appended.
    package consuming func finish() -> [UInt8] {
        var output = [UInt8](repeating: 0, count: function.digestBytes)
        let result = EVP_DigestFinal_ex(context, &output, nil)
        precondition(result == 1, "out of memory: digest failed")
        return output
    }

    /// The digest of `bytes`.
    package static func hash(_ bytes: ArraySlice<UInt8>, with function: HashFunction) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: function.digestBytes)
        bytes.withUnsafeBufferPointer { hash($0, with: function, into: &output) }
        return output
    }

    /// The digest of `bytes`.
    package static func hash(_ bytes: [UInt8], with function: HashFunction) -> [UInt8] { hash(bytes[...], with: function) }

    /// SHA-256 of `bytes`, 32 bytes.
    package static func sha256(_ bytes: [UInt8]) -> [UInt8] { hash(bytes[...], with: .sha256) }

    /// SHA-384 of `bytes`, 48 bytes.
    package static func sha384(_ bytes: [UInt8]) -> [UInt8] { hash(bytes[...], with: .sha384) }

    /// SHA-512 of `bytes`, 64 bytes.
    package static func sha512(_ bytes: [UInt8]) -> [UInt8] { hash(bytes[...], with: .sha512) }

    /// Writes the digest of `bytes` to `output`, which has room for it.
    static func hash(
        _ bytes: UnsafeBufferPointer<UInt8>, with function: HashFunction, into output: UnsafeMutablePointer<UInt8>
    ) {
        let result = EVP_Digest(bytes.baseAddress, bytes.count, output, nil, function.handle, nil)
        precondition(result == 1, "out of memory: digest failed")
    }
}
