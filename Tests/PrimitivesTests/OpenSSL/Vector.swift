import Primitives
import Testing

/// Published vectors are hexadecimal, and the values under test are secrets: both ways, for tests only.
enum Vector {
    /// The bytes of hexadecimal text; spaces are skipped.
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { (($0 < 16 ? "0" : "") + String($0, radix: 16)) }.joined()
    }

    static func secret(_ hex: String) -> SecretBytes { SecretBytes(copying: bytes(hex)) }
}

/// An AEAD with plain arrays, so that one test serves both.
struct AEADUnderTest: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let nonceBytes: Int
    let seal: @Sendable (_ plaintext: [UInt8], _ key: [UInt8], _ aad: [UInt8], _ nonce: [UInt8]?) throws(AEADError) -> [UInt8]
    let open: @Sendable (_ box: [UInt8], _ key: [UInt8], _ aad: [UInt8]) throws(AEADError) -> [UInt8]

    static let aes = AEADUnderTest(
        testDescription: "AES-256-GCM", nonceBytes: 12,
        seal: { plaintext, key, aad, nonce throws(AEADError) in
            try AES256GCM.seal(SecretBytes(copying: plaintext), key: SecretBytes(copying: key), aad: aad, nonce: nonce)
        },
        open: { box, key, aad throws(AEADError) in
            try AES256GCM.open(box, key: SecretBytes(copying: key), aad: aad).exposedCopy()
        })

    static let xaes = AEADUnderTest(
        testDescription: "XAES-256-GCM", nonceBytes: 24,
        seal: { plaintext, key, aad, nonce throws(AEADError) in
            try XAES256GCM.seal(SecretBytes(copying: plaintext), key: SecretBytes(copying: key), aad: aad, nonce: nonce)
        },
        open: { box, key, aad throws(AEADError) in
            try XAES256GCM.open(box, key: SecretBytes(copying: key), aad: aad).exposedCopy()
        })

    static let all = [aes, xaes]
}
