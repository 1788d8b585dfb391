import KeyCore
import Primitives

/// `privatekeysign`, `privatekeydecrypt`, `privilegedprivatekeydecrypt`: a user's S/MIME key is unwrapped, used once, and forgotten. RSA runs on
/// threads of its own, with a deadline.
struct KACLSPrivateKeyHandler: Sendable {
    let tokens: KACLSTokens
    let keys: KeyService
    let rsa: KACLSWorkers

    /// Signs a digest as it is.
    func sign(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let algorithm = try call.request.text(.algorithm, atMost: 128)
        let digest = try call.request.bytes(.digest, atMost: 128)
        let salt = try call.request.integer(.saltLength)
        let blob = try call.wrappedPrivateKey()
        let user = try await self.user(call, role: "signer", noting: &noted)
        let allowsSHA1 = call.kacls.options.allowsSHA1
        let signature = try await use(blob, call, .privateKeySign, user, noted) { key in
            let scheme = try KACLSAlgorithm.signature(algorithm, salt: salt, for: key.type, allowsSHA1: allowsSHA1)
            do {
                return SharedSecret(SecretBytes(copying: try key.sign(digest: digest, with: scheme, allowsSHA1: allowsSHA1)))
            } catch KeyUseError.malformed(let expected) {
                throw KACLSDecodingFailure(field: KACLSField.digest.rawValue, problem: "expected \(expected)")
            }
        }
        return KACLSAnswer.secret("signature", signature.bytes)
    }

    /// Decrypts the key of a mail.
    func decrypt(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let operation = try KACLSDecryption(call)
        let blob = try call.wrappedPrivateKey()
        let user = try await self.user(call, role: "decrypter", noting: &noted)
        let plaintext = try await use(blob, call, .privateKeyDecrypt, user, noted) { key in try operation.run(key) }
        return KACLSAnswer.secret("data_encryption_key", plaintext.bytes)
    }

    /// Decrypts the key of a mail for an administrator.
    func decryptPrivileged(_ call: KACLSCall, noting noted: inout AuditRecord) async throws -> HTTPResponse {
        let operation = try KACLSDecryption(call)
        let blob = try call.wrappedPrivateKey()
        let hash = try call.keyHash()
        let administrator = try await tokens.administrator(call, call.kacls.privileged, noting: &noted)
        let user = KeyUser(
            principal: administrator.email, kinds: .user, resource: nil, hash: hash,
            facts: TokenFacts(authentication: administrator.token.claims))
        let plaintext = try await use(blob, call, .privilegedPrivateKeyDecrypt, user, noted) { key in try operation.run(key) }
        return KACLSAnswer.secret("data_encryption_key", plaintext.bytes)
    }

    // MARK: Steps

    /// Who uses a private key, and which one they mean.
    private struct KeyUser: Sendable {
        let principal: String
        let kinds: CallerKinds
        let resource: String?
        /// nil where the endpoint lets administrators leave it out.
        let hash: (value: String, algorithm: String)?
        let facts: TokenFacts
    }

    private func user(_ call: KACLSCall, role: String, noting noted: inout AuditRecord) async throws -> KeyUser {
        let parties = try await tokens.parties(call, roles: [role], mayBeDelegate: false, noting: &noted)
        guard let hash = parties.authorization.spkiHash, let algorithm = parties.authorization.spkiHashAlgorithm else {
            throw KACLSError(403, "authorization: spki_hash or spki_hash_algorithm is missing", cause: "spki-hash")
        }
        return KeyUser(
            principal: parties.authorization.email, kinds: parties.kinds, resource: parties.authorization.resourceName, hash: (hash, algorithm),
            facts: parties.facts)
    }

    /// Unwraps the key, makes sure that it is the one that is meant, asks the policy, and has it used.
    private func use(
        _ blob: WrappedBlob, _ call: KACLSCall, _ operation: Operation, _ user: KeyUser, _ record: AuditRecord,
        _ body: @escaping @Sendable (PrivateKey) throws -> SharedSecret
    ) async throws -> SharedSecret {
        try await keys.use(
            blob, of: call.endpoint.keyID, aad: KACLSPrivateKey.aad, label: .kacls, since: call.http.receivedNanoseconds
        ) { content in
            let wrapped = try KACLSPrivateKey(decoding: content.bytes)
            if let hash = user.hash { try wrapped.check(hash: hash.value, algorithm: hash.algorithm) }
            let grant = try call.endpoint.policy.authorize(call.accessRequest(
                operation, by: user.principal, as: user.kinds, resource: user.resource, perimeter: wrapped.perimeterID, with: user.facts))
            let pkcs8 = SharedSecret(wrapped.pkcs8.copy())
            let result = try await rsa.run { try body(try PrivateKey(pkcs8DER: pkcs8.bytes, validation: .ownExport)) }
            return (grant, record.with(grant), result)
        }
    }
}

/// What is to be decrypted, and how.
private struct KACLSDecryption: Sendable {
    let algorithm: KACLSAlgorithm.Decryption
    let ciphertext: [UInt8]
    let label: [UInt8]
    let triesMGF1WithSHA1: Bool

    init(_ call: KACLSCall) throws {
        algorithm = try KACLSAlgorithm.decryption(try call.request.text(.algorithm, atMost: 128))
        ciphertext = try call.request.bytes(.encryptedDataEncryptionKey, atMost: 1024)
        label = algorithm != .pkcs1 && call.request.has(.oaepLabel) ? try call.request.bytes(.oaepLabel, atMost: 1024) : []
        triesMGF1WithSHA1 = call.kacls.options.triesMGF1WithSHA1
    }

    /// Every failure is the same: which of label, padding and key was wrong, nobody learns (N32).
    func run(_ key: PrivateKey) throws -> SharedSecret {
        let result = switch algorithm {
        case .pkcs1: attempt { try key.decryptPKCS1(ciphertext) }
        case .oaep(let hash): oaep(key, OAEP(hash, label: label))
        }
        do { return try result.get() } catch KeyUseError.undecryptable { throw KACLSError.undecryptedDataKey }
    }

    private func oaep(_ key: PrivateKey, _ oaep: OAEP) -> Result<SharedSecret, any Error> {
        let result = attempt { try key.decrypt(ciphertext, with: oaep) }
        guard case .failure(KeyUseError.undecryptable) = result, triesMGF1WithSHA1, oaep.hash != .sha1 else { return result }
        let java = OAEP(oaep.hash, mgf1Hash: .sha1, label: oaep.label)
        return attempt { try key.decrypt(ciphertext, with: java) }
    }

    private func attempt(_ body: () throws -> SecretBytes) -> Result<SharedSecret, any Error> { Result { SharedSecret(try body()) } }
}

extension KACLSCall {
    /// The wrapped private key of the body.
    func wrappedPrivateKey() throws -> WrappedBlob {
        let bytes = try request.bytes(.wrappedPrivateKey, atMost: KACLSPrivateKey.maxBlobBytes)
        guard let blob = WrappedBlob(bytes) else {
            throw KACLSDecodingFailure(field: KACLSField.wrappedPrivateKey.rawValue, problem: "expected a key that was wrapped here")
        }
        return blob
    }

    /// Which key an administrator means.
    fileprivate func keyHash() throws -> (value: String, algorithm: String)? {
        guard kacls.options.privileged.requiresKeyHash || request.has(.spkiHash) else { return nil }
        return (try request.text(.spkiHash, atMost: 128), try request.text(.spkiHashAlgorithm, atMost: 32))
    }
}

/// Threads for RSA with private keys.
struct KACLSWorkers: Sendable {
    let pool: WorkerPool
    let deadline: Duration

    /// Runs `body` there.
    func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        do {
            return try await pool.run(within: deadline, body)
        } catch let error as WorkerPool.Failure {
            throw KACLSError(503, "too busy; try again", cause: error == .overloaded ? "rsa-overloaded" : "rsa-deadline")
        }
    }
}
