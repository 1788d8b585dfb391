import COpenSSL

/// OpenSSL's public random generator: nonces, salts, identifiers. Keys come from `SecretBytes.init(randomCount:)`.
package enum RandomBytes {
    /// `count` bytes that nobody can predict.
    /// - Throws: `OpenSSLError` if the generator can't be seeded.
    package static func generate(_ count: Int) throws(OpenSSLError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBufferPointer { buffer throws(OpenSSLError) in
            if let start = buffer.baseAddress { try fill(start, buffer.count) }
        }
        return bytes
    }

    static func fill(_ destination: UnsafeMutablePointer<UInt8>, _ count: Int) throws(OpenSSLError) {
        try OpenSSLError.check(RAND_bytes_ex(nil, destination, count, 0), "RAND_bytes_ex")
    }
}
