import Testing

@testable import Primitives

/// How a symmetric case is judged: accepted means opened, unwrapped, verified or derived to exactly what is expected.
enum WycheproofSymmetric {
    static func aead(_ test: WycheproofFile.Case) throws -> Bool {
        let (key, nonce) = (Vector.bytes(try #require(test.key)), Vector.bytes(try #require(test.iv)))
        let (aad, plaintext) = (Vector.bytes(try #require(test.aad)), Vector.bytes(try #require(test.msg)))
        let box = nonce + Vector.bytes(try #require(test.ct)) + Vector.bytes(try #require(test.tag))
        if test.result == .valid {
            #expect(try AEADUnderTest.aes.seal(plaintext, key, aad, nonce) == box)
        }
        do {
            return try AEADUnderTest.aes.open(box, key, aad) == plaintext
        } catch AEADError.unauthentic, AEADError.malformed {
            return false
        }
    }

    static func keyWrap(_ test: WycheproofFile.Case) throws -> Bool {
        let (kek, key) = (try #require(test.key), try #require(test.msg))
        let wrapped = Vector.bytes(try #require(test.ct))
        if test.result == .valid {
            #expect(try AESKeyWrap.wrap(Vector.secret(key), under: Vector.secret(kek), mode: .kwp) == wrapped)
        }
        do {
            let unwrapped = try AESKeyWrap.unwrap(wrapped, under: Vector.secret(kek), mode: .kwp).exposedCopy()
            return unwrapped == Vector.bytes(key)
        } catch AEADError.unauthentic, AEADError.malformed {
            return false
        }
    }

    /// Truncated tags are compared with the whole tag's beginning: only whole tags are ours, but the function is the same.
    static func hmac(_ group: WycheproofFile.Group, of name: String) throws -> (WycheproofFile.Case) throws -> Bool {
        let function = try function(of: name)
        let tagBytes = try #require(group.tagSize) / 8
        return { test in
            let (key, message) = (try #require(test.key), Vector.bytes(try #require(test.msg)))
            let tag = Vector.bytes(try #require(test.tag))
            let whole = try HMAC.authenticate(message, key: Vector.secret(key), with: function)
            guard tagBytes == function.digestBytes else { return Array(whole.prefix(tagBytes)) == tag }
            return try HMAC.isValid(tag, for: message, key: Vector.secret(key), with: function)
        }
    }

    static func hkdf(of name: String) throws -> (WycheproofFile.Case) throws -> Bool {
        let function = try function(of: name)
        return { test in
            let (secret, size) = (try #require(test.ikm), try #require(test.size))
            let (salt, info) = (Vector.bytes(try #require(test.salt)), Vector.bytes(try #require(test.info)))
            do {
                let key = try HKDF.derive(Vector.secret(secret), salt: salt, info: info, count: size, with: function).exposedCopy()
                return key == Vector.bytes(try #require(test.okm))
            } catch is OpenSSLError {
                return false
            }
        }
    }

    private static func function(of name: String) throws -> HashFunction {
        try #require(HashFunction.allCases.first { name.contains($0.rawValue.lowercased().replacing("-", with: "")) })
    }
}
