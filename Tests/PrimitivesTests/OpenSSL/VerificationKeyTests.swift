import Testing

@testable import Primitives

@Suite("VerificationKey") struct VerificationKeyTests {
    static func keyType(for algorithm: SignatureAlgorithm) -> KeyType {
        switch algorithm {
        case .es256: .ec(.p256)
        case .es384: .ec(.p384)
        case .es512: .ec(.p521)
        default: .rsa(bits: 2048)
        }
    }

    @Test("verifies RFC 7515's ES256 example (appendix A.3)")
    func publishedToken() throws {
        let jwk = JWK.ec(
            crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
        let key = try VerificationKey(PublicKey(jwk: jwk), algorithm: .es256)
        let signed =
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let signature = try #require(
            JWKText.decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"))
        #expect(key.verify(signature: signature, over: Array(signed.utf8)))
        #expect(!key.verify(signature: signature, over: Array(signed.utf8.dropLast())))
    }

    @Test("verifies its algorithm again and again, and after each refusal", arguments: SignatureAlgorithm.allCases)
    func reuse(algorithm: SignatureAlgorithm) throws {
        let privateKey = try PrivateKey.generate(VerificationKeyTests.keyType(for: algorithm))
        let key = try VerificationKey(privateKey.publicKey, algorithm: algorithm)
        for round in 0..<20 {
            let data = Array("token \(round)".utf8)
            let signature = try privateKey.sign(data, with: algorithm.scheme)
            #expect(key.verify(signature: signature, over: data))
            #expect(!key.verify(signature: signature, over: data + [0]))
            #expect(!key.verify(signature: signature.dropLast(), over: data))
            #expect(!key.verify(signature: [], over: data))
            #expect(key.verify(signature: signature[...], over: data[...]))
        }
    }

    @Test("refuses the signature of every other algorithm of the same key", arguments: SignatureAlgorithm.allCases)
    func otherAlgorithms(algorithm: SignatureAlgorithm) throws {
        let type = VerificationKeyTests.keyType(for: algorithm)
        let privateKey = try PrivateKey.generate(type)
        let key = try VerificationKey(privateKey.publicKey, algorithm: algorithm)
        for other in SignatureAlgorithm.allCases where other != algorithm && other.fits(type) {
            #expect(!key.verify(signature: try privateKey.sign([1], with: other.scheme), over: [1]))
        }
    }

    @Test("does not bind an algorithm to a key of another type or curve", arguments: SignatureAlgorithm.allCases)
    func mismatch(algorithm: SignatureAlgorithm) throws {
        for type in [KeyType.rsa(bits: 2048), .ec(.p256), .ec(.p384), .ec(.p521), .ed25519] where !algorithm.fits(type) {
            let key = try PrivateKey.generate(type).publicKey
            let error = #expect(throws: KeyUseError.self) { try VerificationKey(key, algorithm: algorithm) }
            #expect(error?.description == "expected a key for \(algorithm.rawValue), found \(type)")
        }
    }

    @Test("the algorithms are JOSE's names, without “none” and HMAC")
    func names() {
        #expect(
            SignatureAlgorithm.allCases.map(\.rawValue)
                == ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"])
        #expect(SignatureAlgorithm(rawValue: "none") == nil && SignatureAlgorithm(rawValue: "HS256") == nil)
    }
}

@Suite("Concurrent use") struct ConcurrentUseTests {
    @Test("N48: one VerificationKey serves many tasks at once without a wrong answer", arguments: SignatureAlgorithm.allCases)
    func verification(algorithm: SignatureAlgorithm) async throws {
        let privateKey = try PrivateKey.generate(VerificationKeyTests.keyType(for: algorithm))
        let key = try VerificationKey(privateKey.publicKey, algorithm: algorithm)
        let data = Array("a token".utf8)
        let signature = try privateKey.sign(data, with: algorithm.scheme)
        let right = await withTaskGroup(of: Int.self) { group in
            for task in 0..<24 {
                group.addTask {
                    var right = 0
                    for round in 0..<50 {
                        let isGenuine = (task + round) % 3 != 0
                        if key.verify(signature: signature, over: isGenuine ? data : data + [1]) == isGenuine { right += 1 }
                    }
                    return right
                }
            }
            return await group.reduce(0, +)
        }
        #expect(right == 24 * 50)
    }

    @Test("N48: the AEADs serve many tasks at once, each with keys of its own, without a wrong answer", arguments: AEADUnderTest.all)
    func sealing(aead: AEADUnderTest) async {
        let right = await withTaskGroup(of: Int.self) { group in
            for task in 0..<24 {
                group.addTask {
                    var right = 0
                    for round in 0..<200 {
                        let key = [UInt8](repeating: UInt8(task), count: 31) + [UInt8(round)]
                        let plaintext = [UInt8](repeating: UInt8(round), count: task * 7)
                        guard let box = try? aead.seal(plaintext, key, [UInt8(task)], nil) else { continue }
                        if (try? aead.open(box, key, [UInt8(task)])) == plaintext, (try? aead.open(box, key, [99])) == nil {
                            right += 1
                        }
                        if round % 40 == 0 { await Task.yield() }
                    }
                    return right
                }
            }
            return await group.reduce(0, +)
        }
        #expect(right == 24 * 200)
    }

    @Test("N48: tasks on different threads never draw the same nonce")
    func nonces() async {
        let seen = await withTaskGroup(of: [[UInt8]].self) { group in
            for _ in 0..<16 {
                group.addTask {
                    (0..<300).compactMap { _ in try? Array(AEADUnderTest.xaes.seal([], [UInt8](0..<32), [], nil).prefix(24)) }
                }
            }
            return await group.reduce(into: Set<[UInt8]>()) { $0.formUnion($1) }
        }
        #expect(seen.count == 16 * 300)
    }
}
