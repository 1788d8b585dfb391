import COpenSSL

/// The two encodings of an ECDSA signature's numbers r and s.
enum ECDSASignature {
    /// Room for the DER of any accepted curve: 3 bytes of frame, twice 2 + 67.
    static let maxDERBytes = 141

    /// Writes `r ‖ s` as DER to `output`, which holds `maxDERBytes`.
    /// - Returns: the bytes written; nil unless the size is exact and r and s lie in 1 … n − 1.
    static func encode(
        raw: UnsafeBufferPointer<UInt8>, curve: Curve, into output: UnsafeMutablePointer<UInt8>
    ) -> Int? {
        let size = curve.coordinateBytes
        guard raw.count == 2 * size else { return nil }
        let (r, s) = (UnsafeBufferPointer(rebasing: raw[..<size]), UnsafeBufferPointer(rebasing: raw[size...]))
        guard isScalar(r, curve), isScalar(s, curve) else { return nil }
        let body = integerBytes(r) + integerBytes(s)
        output[0] = 0x30
        var next = 1
        if body > 127 {
            output[next] = 0x81
            next += 1
        }
        output[next] = UInt8(body)
        next = writeInteger(s, to: output, at: writeInteger(r, to: output, at: next + 1))
        return next
    }

    /// `r ‖ s` of a signature that OpenSSL made.
    static func raw(fromDER der: [UInt8], curve: Curve) throws(OpenSSLError) -> [UInt8] {
        let signature = der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return d2i_ECDSA_SIG(nil, &next, bytes.count)
        }
        guard let signature else { throw .drain("d2i_ECDSA_SIG") }
        defer { ECDSA_SIG_free(signature) }
        let size = curve.coordinateBytes
        var (r, s) = ([UInt8](repeating: 0, count: size), [UInt8](repeating: 0, count: size))
        guard BN_bn2binpad(ECDSA_SIG_get0_r(signature), &r, CInt(size)) == CInt(size),
            BN_bn2binpad(ECDSA_SIG_get0_s(signature), &s, CInt(size)) == CInt(size)
        else { throw .drain("BN_bn2binpad") }
        return r + s
    }

    /// Whether 1 ≤ number < n. Signatures are public: the time may tell.
    private static func isScalar(_ number: UnsafeBufferPointer<UInt8>, _ curve: Curve) -> Bool {
        number.contains { $0 != 0 } && number.lexicographicallyPrecedes(curve.order)
    }

    private static func significant(_ number: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: number[(number.firstIndex { $0 != 0 } ?? number.endIndex)...])
    }

    /// The size of a DER INTEGER: tag, length, a zero if the number's first bit is set.
    private static func integerBytes(_ number: UnsafeBufferPointer<UInt8>) -> Int {
        let digits = significant(number)
        return 2 + digits.count + Int(digits[0] >> 7)
    }

    private static func writeInteger(
        _ number: UnsafeBufferPointer<UInt8>, to output: UnsafeMutablePointer<UInt8>, at start: Int
    ) -> Int {
        let digits = significant(number)
        let sign = Int(digits[0] >> 7)
        output[start] = 0x02
        output[start + 1] = UInt8(digits.count + sign)
        output[start + 2] = 0
        for (index, digit) in digits.enumerated() { output[start + 2 + sign + index] = digit }
        return start + 2 + sign + digits.count
    }
}
