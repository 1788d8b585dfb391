import COpenSSL

/// What every key has to pass on its way in, whatever encoding it came in.
enum KeyCheck {
    static let acceptedTypes = "an RSA key of 2048 to 8192 bits, an EC key on P-256, P-384 or P-521, or an Ed25519 key"

    /// The type, if it is an accepted one of an accepted size.
    static func type(of key: KeyHandle) throws(KeyImportError) -> KeyType {
        if EVP_PKEY_is_a(key.pointer, "RSA") == 1 { return .rsa(bits: try rsaBits(key)) }
        if EVP_PKEY_is_a(key.pointer, "EC") == 1 { return .ec(try curve(of: key)) }
        if EVP_PKEY_is_a(key.pointer, "ED25519") == 1 { return .ed25519 }
        throw .unsupported(expected: acceptedTypes)
    }

    /// Modulus and exponent as NIST SP 800-56B, 6.4.2.1 wants them. Sizes come first: the later check is slow on large numbers.
    private static func rsaBits(_ key: KeyHandle) throws(KeyImportError) -> Int {
        let (modulus, exponent): ([UInt8], [UInt8])
        do { (modulus, exponent) = (try key.number("n"), try key.number("e")) } catch { throw .library(error) }
        let bits = bitCount(modulus)
        guard KeyType.rsaBits.contains(bits) else {
            throw .unsafe(expected: "an RSA modulus of 2048 to 8192 bits, found \(bits)")
        }
        guard modulus.last.map({ $0 & 1 }) == 1 else { throw .unsafe(expected: "an odd RSA modulus, found an even one") }
        guard exponent.last.map({ $0 & 1 }) == 1 else { throw .unsafe(expected: "an odd RSA exponent, found an even one") }
        guard (17...256).contains(bitCount(exponent)) else {
            throw .unsafe(expected: "an RSA exponent from 65537 to 2^256, found one of \(bitCount(exponent)) bits")
        }
        return bits
    }

    private static func bitCount(_ number: [UInt8]) -> Int {
        number.first.map { number.count * 8 - $0.leadingZeroBitCount } ?? 0
    }

    private static func curve(of key: KeyHandle) throws(KeyImportError) -> Curve {
        var isExplicit: CInt = 0
        let found = EVP_PKEY_get_int_param(key.pointer, "decoded-from-explicit", &isExplicit)
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        let isNamed = EVP_PKEY_get_group_name(key.pointer, &name, name.count, &count) == 1
        _ = OpenSSLError.drain("EVP_PKEY_get_group_name")
        guard found == 1, isExplicit == 0, isNamed else {
            throw .unsupported(expected: "an EC key with a named curve, found explicit parameters")
        }
        let text = String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let curve = Curve(groupName: text) else {
            throw .unsupported(expected: "an EC key on P-256, P-384 or P-521, found one on \(text)")
        }
        return curve
    }

    /// That the public part is sound: the point is on the curve and not at infinity, the modulus no prime and without small
    /// factors. Takes 9 ms for RSA-2048, 26 ms for RSA-4096.
    static func publicPart(_ key: KeyHandle) throws(KeyImportError) {
        try run(key, EVP_PKEY_public_check, "a public key that passes OpenSSL's consistency check")
    }

    /// That private and public part are sound and belong together. Takes 80 ms for RSA-2048, 350 ms for RSA-4096.
    static func bothParts(_ key: KeyHandle) throws(KeyImportError) {
        try run(key, EVP_PKEY_check, "a private key whose numbers belong together")
    }

    private static func run(
        _ key: KeyHandle, _ check: (OpaquePointer?) -> CInt, _ expected: String
    ) throws(KeyImportError) {
        let isSound: Bool
        do {
            let context = try KeyContext(key)
            isSound = check(context.handle) == 1
        } catch {
            throw .library(error)
        }
        guard isSound else {
            _ = OpenSSLError.drain("EVP_PKEY_check")
            throw .unsafe(expected: expected)
        }
    }
}
