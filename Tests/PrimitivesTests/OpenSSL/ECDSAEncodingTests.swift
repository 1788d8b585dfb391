import Testing

@testable import Primitives

@Suite("ECDSA encodings") struct ECDSAEncodingTests {
    /// RFC 6979, A.2.5, message "sample" with SHA-256.
    let r = Vector.bytes("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716")
    let s = Vector.bytes("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")
    let message = Array("sample".utf8)
    let key: PublicKey

    init() throws { key = try PrivateKey(pkcs8DER: SecretBytes(copying: KeyFixture.p256PKCS8)).publicKey }

    private func accepts(_ signature: [UInt8], _ encoding: SignatureScheme.ECDSAEncoding = .raw) throws -> Bool {
        try key.verify(signature, over: message, with: .ecdsa(.sha256, encoding))
    }

    @Test("accepts RFC 6979's signature in both encodings, each only as what it is")
    func published() throws {
        let der = Vector.bytes("3046022100") + r + Vector.bytes("022100") + s
        #expect(try accepts(r + s))
        #expect(try accepts(der, .der))
        #expect(try !accepts(r + s, .der))
    }

    @Test("N12: DER where r ‖ s is expected is refused")
    func derInsteadOfRaw() throws {
        #expect(try !accepts(Vector.bytes("3046022100") + r + Vector.bytes("022100") + s))
        let token = try VerificationKey(key, algorithm: .es256)
        #expect(token.verify(signature: r + s, over: message))
        #expect(!token.verify(signature: Vector.bytes("3046022100") + r + Vector.bytes("022100") + s, over: message))
    }

    @Test("N12: r = 0 and s = 0 are refused")
    func zeros() throws {
        let zero = [UInt8](repeating: 0, count: 32)
        let token = try VerificationKey(key, algorithm: .es256)
        for signature in [zero + s, r + zero, zero + zero] {
            #expect(try !accepts(signature))
            #expect(!token.verify(signature: signature, over: message))
        }
        for der in ["3006020100020100", "3006020100020101", "3006020101020100"] {
            #expect(try !accepts(Vector.bytes(der), .der))
        }
    }

    @Test("N12: r and s of n or more are refused")
    func tooLarge() throws {
        let n = Curve.p256.order
        let ones = [UInt8](repeating: 0xFF, count: 32)
        let token = try VerificationKey(key, algorithm: .es256)
        for signature in [n + s, r + n, ones + s, r + ones] {
            #expect(try !accepts(signature))
            #expect(!token.verify(signature: signature, over: message))
        }
    }

    @Test("the range ends exactly at n − 1", arguments: Curve.allCases)
    func boundary(curve: Curve) {
        var last = curve.order
        last[last.count - 1] -= 1  // every order is odd
        let one = [UInt8](repeating: 0, count: curve.coordinateBytes - 1) + [1]
        let encodes = { (raw: [UInt8]) in
            var output = [UInt8](repeating: 0, count: ECDSASignature.maxDERBytes)
            return raw.withUnsafeBufferPointer { ECDSASignature.encode(raw: $0, curve: curve, into: &output) } != nil
        }
        #expect(encodes(last + one) && encodes(one + last) && encodes(last + last))
        #expect(!encodes(curve.order + one) && !encodes(one + curve.order))
        #expect(!encodes(last + one + [0]) && !encodes(Array((last + one).dropFirst())) && !encodes([]))
    }

    @Test("a DER integer is written with the fewest bytes, and with a zero before a set first bit", arguments: [
        ("01", "01", "3006020101020101"), ("80", "7f", "300702020080" + "02017f"), ("0100", "ff", "3008020201000202" + "00ff"),
    ])
    func minimal(r: String, s: String, expected: String) {
        let padded = { (hex: String) in [UInt8](repeating: 0, count: 32 - hex.count / 2) + Vector.bytes(hex) }
        var output = [UInt8](repeating: 0xAA, count: ECDSASignature.maxDERBytes)
        let count = (padded(r) + padded(s)).withUnsafeBufferPointer {
            ECDSASignature.encode(raw: $0, curve: .p256, into: &output)
        }
        #expect(count.map { Vector.hex(Array(output.prefix($0))) } == expected)
    }

    @Test("N12: a signature on another curve is refused, and so is a key of another curve than the algorithm's")
    func wrongCurve() throws {
        let other = try PrivateKey.generate(.ec(.p384))
        let signature = try other.sign(message, with: .ecdsa(.sha256, .raw))
        #expect(signature.count == 96)
        #expect(try !accepts(signature))
        #expect(throws: KeyUseError.self) { try VerificationKey(other.publicKey, algorithm: .es256) }
        #expect(throws: KeyUseError.self) { try VerificationKey(key, algorithm: .es384) }
    }
}
