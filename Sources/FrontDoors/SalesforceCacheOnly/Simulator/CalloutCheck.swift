package import Primitives

/// Judges an answer as Salesforce does, in this order: status, body, JSON, outer `kid`, the five parts, the header's members, `alg`, `enc`,
/// `kid`, `jti`, content key, ciphertext, size of the key.
package struct CalloutCheck: Sendable {
    /// A verdict with what led to it; the sentence holds nothing of a key.
    package struct Outcome: Sendable, Equatable {
        package let verdict: CalloutVerdict
        package let detail: String
        /// SHA-256 of the key, hexadecimal: whether two answers hold the same one. Nil unless the verdict is success.
        package let fingerprint: String?

        /// As given.
        package init(verdict: CalloutVerdict, detail: String, fingerprint: String? = nil) {
            (self.verdict, self.detail, self.fingerprint) = (verdict, detail, fingerprint)
        }
    }

    private struct Failed: Error {
        let verdict: CalloutVerdict
        let detail: String
        init(_ verdict: CalloutVerdict, _ detail: String) { (self.verdict, self.detail) = (verdict, detail) }
    }

    private let identifier: String
    private let nonce: String?
    private let privateKey: PrivateKey

    /// A check of the answer to a callout.
    /// - Parameter privateKey: belongs to the certificate that plays the org's.
    package init(identifier: String, nonce: String?, privateKey: PrivateKey) {
        (self.identifier, self.nonce, self.privateKey) = (identifier, nonce, privateKey)
    }

    /// The verdict on an answer.
    package func judge(status: Int, body: [UInt8]) -> Outcome {
        do {
            try check(status: status)
            let jwe = try jwe(in: body)
            let parts = try parts(jwe)
            try checkHeader(parts.header)
            let key = try open(parts)
            return Outcome(verdict: .success, detail: "a key of 256 bits", fingerprint: CalloutCheck.fingerprint(key))
        } catch let failed as Failed {
            return Outcome(verdict: failed.verdict, detail: failed.detail)
        } catch {
            return Outcome(verdict: .unknown, detail: "\(error)")
        }
    }

    private func check(status: Int) throws {
        switch status {
        case 200: return
        case 401, 403: throw Failed(.authenticationFailure, "status \(status)")
        case 404: throw Failed(.destroyCode, "status 404: the service says on purpose that this key is gone")
        default: throw Failed(.errorCode, "expected status 200, found \(status)")
        }
    }

    private func jwe(in body: [UInt8]) throws -> String {
        guard !body.isEmpty else { throw Failed(.emptyResponse, "the body is empty") }
        guard let json = try? JSONValue(parsing: body), let members = json.object else { throw Failed(.malformedJSON, "the body is no JSON object") }
        guard Set(members.map(\.name)) == ["kid", "jwe"], let kid = json["kid"]?.string, let jwe = json["jwe"]?.string else {
            throw Failed(.malformedJSON, "expected the string members kid and jwe only, found \(members.map(\.name))")
        }
        guard kid == identifier else { throw Failed(.incorrectOuterKeyID, "kid is “\(kid)”") }
        return jwe
    }

    private func parts(_ jwe: String) throws -> CompactJWE.Parts {
        do {
            return try CompactJWE.Parts(jwe)
        } catch .malformed(let text) {
            throw Failed(.malformedJWE, text)
        }
    }

    private func checkHeader(_ bytes: [UInt8]) throws {
        guard let header = try? JSONValue(parsing: bytes), let members = header.object else {
            throw Failed(.malformedJWE, "the protected header is no JSON object")
        }
        let names = Set(members.map(\.name))
        let illegal = names.subtracting(["alg", "enc", "kid", "jti"])
        guard illegal.isEmpty else { throw Failed(.illegalParameters, "the header has \(illegal.sorted())") }
        let missing = Set(["alg", "enc", "kid"]).subtracting(names)
        guard missing.isEmpty else { throw Failed(.missingParameters, "the header lacks \(missing.sorted())") }
        guard header["alg"] == "RSA-OAEP" else { throw Failed(.incorrectAlgorithm, "expected alg RSA-OAEP") }
        guard header["enc"] == "A256GCM" else { throw Failed(.incorrectEncryption, "expected enc A256GCM") }
        guard header["kid"] == .string(identifier) else { throw Failed(.incorrectKeyID, "the header's kid is another one") }
        if let nonce, header["jti"] != .string(nonce) { throw Failed(.replay, "jti is not the nonce of this callout") }
        if nonce == nil, names.contains("jti") { throw Failed(.illegalParameters, "jti without a requestId") }
    }

    private func open(_ parts: CompactJWE.Parts) throws -> SecretBytes {
        let key: SecretBytes
        do {
            key = try parts.open(with: privateKey)
        } catch {
            switch error {
            case .contentKey: throw Failed(.malformedContentKey, "the content key does not open: another certificate, or not RSA-OAEP with SHA-1")
            default: throw Failed(.malformedKey, "the key does not open: header, nonce, ciphertext or tag was changed")
            }
        }
        guard key.count == 32 else { throw Failed(.incorrectKeySize, "expected a key of 32 bytes, found \(key.count)") }
        return key
    }

    private static func fingerprint(_ key: borrowing SecretBytes) -> String {
        var digest = Digest(.sha256)
        digest.update(key)
        return Hex.string(digest.finish())
    }
}
