import Testing

@testable import Primitives

/// How an asymmetric case is judged. Keys come in through every encoding the file has, and must be the same key.
enum WycheproofAsymmetric {
    static func ecdsa(
        _ group: WycheproofFile.Group, _ encoding: SignatureScheme.ECDSAEncoding
    ) throws -> (WycheproofFile.Case) throws -> Bool {
        try verifier(group, .ecdsa(try hash(group.sha), encoding))
    }

    static func pkcs1(_ group: WycheproofFile.Group) throws -> (WycheproofFile.Case) throws -> Bool {
        try verifier(group, .rsaPKCS1(try hash(group.sha)))
    }

    static func pss(_ group: WycheproofFile.Group) throws -> (WycheproofFile.Case) throws -> Bool {
        let saltBytes = try #require(group.sLen)
        return try verifier(group, .rsaPSS(try hash(group.sha), mgf1: try hash(group.mgfSha), saltBytes: saltBytes))
    }

    static func oaep(_ group: WycheproofFile.Group) throws -> (WycheproofFile.Case) throws -> Bool {
        let (hash, mgf1Hash) = (try hash(group.sha), try hash(group.mgfSha))
        let key = try PrivateKey(pkcs8DER: Vector.secret(try #require(group.privateKeyPkcs8)))
        let pem = try #require(group.privateKeyPem)
        let second = try PrivateKey(pkcs8PEM: SecretBytes(copying: pem.utf8), validation: .ownExport)
        #expect(second.publicKey.isEqual(to: key.publicKey))
        return { test in
            let oaep = OAEP(hash, mgf1Hash: mgf1Hash, label: Vector.bytes(try #require(test.label)))
            do {
                let plaintext = try key.decrypt(Vector.bytes(try #require(test.ct)), with: oaep).exposedCopy()
                return plaintext == Vector.bytes(try #require(test.msg))
            } catch KeyUseError.undecryptable {
                return false
            }
        }
    }

    private static func verifier(
        _ group: WycheproofFile.Group, _ scheme: SignatureScheme
    ) throws -> (WycheproofFile.Case) throws -> Bool {
        let key = try publicKey(group)
        // Where tokens use the same scheme, the prepared key has to say the same.
        let algorithm = SignatureAlgorithm.allCases.first { $0.scheme == scheme && $0.fits(key.type) }
        let prepared = try algorithm.map { try VerificationKey(key, algorithm: $0) }
        return { test in
            let (message, signature) = (Vector.bytes(try #require(test.msg)), Vector.bytes(try #require(test.sig)))
            let verdict = try key.verify(signature, over: message, with: scheme)
            if let prepared { #expect(prepared.verify(signature: signature, over: message) == verdict) }
            return verdict
        }
    }

    private static func publicKey(_ group: WycheproofFile.Group) throws -> PublicKey {
        let key = try PublicKey(spkiDER: Vector.bytes(try #require(group.publicKeyDer)))
        let pem = try #require(group.publicKeyPem)
        #expect(try PublicKey(spkiPEM: pem).isEqual(to: key))
        if let members = group.publicKeyJwk ?? group.keyJwk {
            #expect(try PublicKey(jwk: JWK { members[$0] }).isEqual(to: key))
        }
        return key
    }

    private static func hash(_ name: String?) throws -> HashFunction {
        try #require(name.flatMap(HashFunction.init(rawValue:)))
    }
}
