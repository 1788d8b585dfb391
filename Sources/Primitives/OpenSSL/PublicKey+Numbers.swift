import COpenSSL

extension PublicKey {
    /// An RSA key from its numbers, big-endian.
    convenience init(rsaModulus modulus: [UInt8], exponent: [UInt8]) throws(KeyImportError) {
        // Larger numbers than any acceptable key has are not even handed to OpenSSL.
        guard modulus.count <= KeyType.rsaBits.upperBound / 8 else {
            throw .unsafe(expected: "an RSA modulus of 2048 to 8192 bits, found \(modulus.count * 8)")
        }
        guard exponent.count <= 32 else { throw .unsafe(expected: "an RSA exponent from 65537 to 2^256") }
        // OSSL_PARAM holds numbers in the machine's order.
        let (n, e) = (Array(modulus.reversed()), Array(exponent.reversed()))
        let key = try n.withUnsafeBufferPointer { n throws(KeyImportError) in
            try e.withUnsafeBufferPointer { e throws(KeyImportError) in
                try PublicKey.build("RSA", [.integer("n", n), .integer("e", e), .end])
            }
        }
        try self.init(checking: key)
    }

    /// An EC key from its point's coordinates, big-endian, each of the curve's coordinate size.
    convenience init(curve: Curve, x: [UInt8], y: [UInt8]) throws(KeyImportError) {
        let point = [4] + x + y
        let key = try point.withUnsafeBufferPointer { point throws(KeyImportError) in
            try PublicKey.build("EC", [
                .text("group", curve.groupName), .octets("pub", point.baseAddress, count: point.count), .end,
            ])
        }
        try self.init(checking: key)
    }

    private static func build(_ type: String, _ parameters: [OSSL_PARAM]) throws(KeyImportError) -> KeyHandle {
        let context: KeyContext
        do { context = try KeyContext(type: type) } catch { throw .library(error) }
        guard EVP_PKEY_fromdata_init(context.handle) == 1 else { throw .library(.drain("EVP_PKEY_fromdata_init")) }
        var parameters = parameters
        var key: OpaquePointer?
        let result = EVP_PKEY_fromdata(context.handle, &key, shim_EVP_PKEY_PUBLIC_KEY(), &parameters)
        guard result == 1, let key else {
            _ = OpenSSLError.drain("EVP_PKEY_fromdata")
            throw .unsafe(expected: type == "EC" ? "a point on the curve" : "a positive modulus and exponent")
        }
        return KeyHandle(owning: key)
    }
}

extension OSSL_PARAM {
    /// A non-negative number, little-endian.
    fileprivate static func integer(_ name: StaticString, _ value: UnsafeBufferPointer<UInt8>) -> OSSL_PARAM {
        OSSL_PARAM_construct_BN(name.cString, UnsafeMutablePointer(mutating: value.baseAddress), value.count)
    }
}
